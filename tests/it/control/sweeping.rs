//! Promise P2: whatever message, answer or callback is lost, the sweeper finds the call and learns the
//! truth, and never dials.

use std::time::Duration;

use model::{CallState, CampaignState, LeadState, Outcome};
use service::call::media::SessionKey;

use super::carrier::{ACCOUNT, OnCreate};
use super::dialling::Field;
use super::sessions::{self, token_in};
use crate::leftovers::Left;

impl Field {
    async fn sweep(&self) {
        scheduler::tick(&self.world.scheduler).await.unwrap();
    }

    async fn lose_messages(&self) {
        let queue = &self.world.parts.store.dial;
        for message in queue.receive(10, Duration::ZERO).await.unwrap() {
            queue.done(&message.receipt).await.unwrap();
        }
    }
}

/// One lead that is being called.
async fn claimed() -> (Field, String) {
    let field = Field::start(1, |fields| fields.max_concurrent_calls = 1);
    let field = Box::pin(field).await;
    assert_eq!(field.step().await, 1);
    let call = field.live().await.remove(0).0;
    (field, call)
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_claimed_call_whose_message_was_lost_is_sent_again() {
    let (field, call) = claimed().await;
    field.world.leaves(Left::NOTHING.calls(1));
    field.lose_messages().await;
    field.sweep().await;
    assert_eq!(field.world.dial_all().await, 0, "it may still come");
    field.world.clock.pass(60);
    field.sweep().await;
    assert_eq!(field.world.dial_all().await, 1);
    assert_eq!(field.world.told(&call).await, "placed");
    field.check().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_claimed_call_that_nobody_could_place_ends_and_its_lead_waits_again() {
    let (field, call) = claimed().await;
    field.lose_messages().await;
    field.becomes(CampaignState::Paused).await;
    field.world.clock.pass(16 * 60);
    field.sweep().await;
    field.world.dial_all().await;
    assert_eq!(field.world.told(&call).await, "ended platform_failed");
    assert_eq!(field.world.carrier.asked_to_call(), 0);
    assert!(matches!(
        field.lead(0).await.state,
        LeadState::Waiting { .. }
    ));
    field.check().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_call_whose_function_died_while_it_was_placed_is_settled_without_a_message() {
    for (taken, told, open) in [
        (OnCreate::TakeAndLose, "placed", 1),
        (OnCreate::Lose, "ended carrier_unconfirmed", 0),
    ] {
        let (field, call) = claimed().await;
        field.world.leaves(Left::NOTHING.calls(open));
        field.world.carrier.on_create(taken);
        field.world.dial_all().await;
        assert_eq!(field.world.told(&call).await, "placing");
        field.lose_messages().await;
        field.world.clock.pass(61);
        field.becomes(CampaignState::Paused).await;
        field.sweep().await;
        assert_eq!(field.world.told(&call).await, told);
        assert_eq!(field.world.carrier.asked_to_call(), 1);
        field.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_call_whose_end_was_never_told_is_asked_about() {
    for (heard, truth, told, open) in [
        ("ringing", "no-answer", "ended no_answer", 0),
        ("ringing", "busy", "ended busy", 0),
        ("ringing", "in-progress", "answered", 1),
        ("initiated", "failed", "ended carrier_failed", 0),
        ("in-progress", "completed", "ended platform_failed", 0),
    ] {
        let (field, call) = claimed().await;
        field.world.leaves(Left::NOTHING.calls(open));
        field.world.dial_all().await;
        let sid = field.live().await.remove(0).1.unwrap();
        let status = field.world.status(&call, &sid, heard, "1").await;
        assert_eq!(status.status, 204);
        field.world.carrier.set_status(&sid, truth);
        // An answer has the carrier's time, which is not this clock's.
        if heard != "in-progress" {
            let before = field.world.told(&call).await;
            field.world.clock.pass(60);
            field.sweep().await;
            assert_eq!(field.world.told(&call).await, before, "it may still ring");
        }
        field.world.clock.pass(31 * 60);
        field.becomes(CampaignState::Paused).await;
        field.sweep().await;
        assert_eq!(field.world.told(&call).await, told, "{heard} {truth}");
        assert_eq!(field.world.carrier.asked_to_call(), 1);
        field.check().await;
    }
}

/// A call that a worker talks in, and its id at the carrier.
async fn talking() -> (Field, String, String) {
    let (field, call) = claimed().await;
    let world = &field.world;
    world.dial_all().await;
    let sid = field.live().await.remove(0).1.unwrap();
    let media = sessions::media(world).of_worker(world.worker_id);
    let token = token_in(&world.carrier.form(0)["Twiml"]);
    let opened = sessions::open(&media, world.tenant, call.parse().unwrap(), token, &sid).await;
    media.opened(&opened.unwrap().key).await.unwrap();
    field.becomes(CampaignState::Paused).await;
    (field, call, sid)
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_call_whose_worker_died_ends_within_a_tick() {
    let (field, call, sid) = Box::pin(talking()).await;
    field.world.carrier.set_status(&sid, "completed");
    field.world.clock.pass(60);
    field.sweep().await;
    assert_eq!(
        field.world.told(&call).await,
        "answered",
        "its worker tells of its end"
    );
    field.world.without_worker().await;
    field.sweep().await;
    assert_eq!(field.world.told(&call).await, "ended worker_lost");
    field.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_worker_died_goes_on_while_the_carrier_has_it() {
    let (field, call, sid) = Box::pin(talking()).await;
    field.world.leaves(Left::NOTHING.calls(1));
    field.world.carrier.set_status(&sid, "in-progress");
    field.world.clock.pass(60);
    field.world.without_worker().await;
    field.sweep().await;
    assert_eq!(field.world.told(&call).await, "answered");
    assert_eq!(field.world.carrier.hung_up(), [""; 0]);
    field.check().await;
}

/// The worker is there, and neither its word of the end came through nor any of the carrier's.
#[tokio::test(flavor = "multi_thread")]
async fn a_talk_of_whose_end_nobody_told_is_asked_about_every_five_minutes() {
    let (field, call, sid) = Box::pin(talking()).await;
    let world = &field.world;
    for (status, told) in [
        ("in-progress", "answered"),
        ("completed", "ended worker_lost"),
    ] {
        world.carrier.set_status(&sid, status);
        world.clock.pass(4 * 60);
        field.sweep().await;
        assert_eq!(world.told(&call).await, "answered");
        world.clock.pass(61);
        field.sweep().await;
        assert_eq!(world.told(&call).await, told);
    }
    assert_eq!(world.carrier.hung_up(), [""; 0]);
    field.check().await;
}

/// A user ends a call, and the carrier does not take it.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_could_not_be_hung_up_is_hung_up_by_the_sweep() {
    let (field, call, sid) = Box::pin(talking()).await;
    let world = &field.world;
    world.carrier.set_status(&sid, "in-progress");
    world.carrier.fail_hang_ups(usize::MAX);
    let path = format!("/v1/calls/{call}/hangup");
    assert_eq!(world.ask("POST", &path, None).await.status, 502);
    world.carrier.fail_hang_ups(0);
    world.clock.pass(31);
    field.sweep().await;
    assert_eq!(world.carrier.hung_up(), [sid]);
    assert_eq!(world.told(&call).await, "ended hung_up_by_user");
    field.check().await;
}

/// Whatever comes late of a call whose end was not told makes us ask.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_sign_of_a_call_whose_worker_died_ends_it() {
    for late in ["recording", "amd", "stream"] {
        let (field, call, sid) = Box::pin(talking()).await;
        let world = &field.world;
        world.carrier.set_status(&sid, "completed");
        // A carrier has no recording before the call is over.
        if late != "recording" {
            world.without_worker().await;
        }
        let path = format!("/carriers/twilio/{late}/{}/{call}", world.tenant);
        let all = [
            ("CallSid", sid.as_str()),
            ("AccountSid", ACCOUNT),
            ("RecordingSid", "RE00000000000000000000000000000001"),
            ("RecordingStatus", "completed"),
            ("AnsweredBy", "human"),
            ("StreamSid", "MZ00000000000000000000000000000001"),
            ("StreamEvent", "stream-stopped"),
        ];
        assert_eq!(world.webhook(&path, &all).await.status, 204, "{late}");
        assert_eq!(world.told(&call).await, "ended worker_lost", "{late}");
        if late == "recording" {
            world.leaves(Left::NOTHING.recordings(1));
        }
        field.check().await;
    }
}

/// A carrier that lags behind itself: who talks must not be given up for that.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_talks_goes_on_though_the_carrier_does_not_find_it() {
    let (field, call, sid) = Box::pin(talking()).await;
    let world = &field.world;
    world.leaves(Left::NOTHING.recordings(1));
    world.carrier.forgets(&sid);
    world.clock.pass(5 * 60);
    field.sweep().await;
    assert_eq!(world.told(&call).await, "answered");
    let path = format!("/carriers/twilio/recording/{}/{call}", world.tenant);
    let ready = [
        ("CallSid", sid.as_str()),
        ("AccountSid", ACCOUNT),
        ("RecordingSid", "RE00000000000000000000000000000001"),
        ("RecordingStatus", "completed"),
    ];
    assert_eq!(world.webhook(&path, &ready).await.status, 204);
    assert_eq!(world.told(&call).await, "answered");
    // Whose worker is gone as well is over.
    world.clock.pass(60);
    world.without_worker().await;
    field.sweep().await;
    assert_eq!(world.told(&call).await, "ended carrier_failed");
    field.check().await;
}

/// What the carrier bills is known of every call, whoever told of its end.
#[tokio::test(flavor = "multi_thread")]
pub(super) async fn how_long_a_call_was_is_learned_without_its_last_callback() {
    let (field, call, sid) = Box::pin(talking()).await;
    let world = &field.world;
    let key = SessionKey {
        tenant_id: world.tenant,
        call_id: call.parse().unwrap(),
        session: 1,
        carrier_call_id: sid.clone(),
    };
    let media = sessions::media(world);
    media.close(&key, Some(Outcome::AgentEnded)).await.unwrap();
    assert_eq!(world.row(&call).await.call.carrier_duration_seconds, None);
    // At first the carrier does not know it either.
    world.carrier.set_status(&sid, "in-progress");
    world.clock.pass(5 * 60 + 1);
    field.sweep().await;
    assert_eq!(world.row(&call).await.call.carrier_duration_seconds, None);
    world.carrier.set_status(&sid, "completed");
    world.carrier.lasted(&sid, 42);
    world.clock.pass(5 * 60 + 1);
    field.sweep().await;
    let row = world.row(&call).await.call;
    assert_eq!(row.carrier_duration_seconds, Some(42));
    assert_eq!(row.outcome, Some(Outcome::AgentEnded));
    field.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_talks_beyond_every_limit_is_hung_up() {
    let (field, call) = claimed().await;
    field.world.dial_all().await;
    let sid = field.live().await.remove(0).1.unwrap();
    let status = field.world.status(&call, &sid, "in-progress", "2").await;
    assert_eq!(status.status, 204);
    field.world.carrier.set_status(&sid, "in-progress");
    field.world.clock.pass(8 * 3600);
    field.sweep().await;
    assert_eq!(field.world.carrier.hung_up(), [sid]);
    let ended = field.world.row(&call).await.call;
    assert_eq!(ended.state, CallState::Ended);
    field.check().await;
}
