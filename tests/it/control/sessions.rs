//! Media sessions as a worker opens, writes and closes them.

use std::sync::Arc;
use std::time::Duration;

use model::{
    CallId, CallTime, CarrierVerdict, Checkpoint, LineFault, LineReport, Outcome, SilentSide,
    Speaker, Stage, TenantId, TokenId, Turn, TurnInput, TurnKind, Waterfall,
};
use serde_json::{Value, json};
use service::call::media::{
    Found, Hello, Media, MediaError, MediaSession, OpenError, RedirectError,
};

use super::World;
use super::callbacks::voice_fields;
use super::carrier::ACCOUNT;
use crate::leftovers::Left;

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_one_session_of_its_own_call() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let (call, sid) = world.placed_call().await;
    let media = media(&world);
    let token = token_in(&world.carrier.form(0)["Twiml"]);
    let (tenant, call_id) = (world.tenant, call.parse::<CallId>().unwrap());
    let wrong = TokenId::from_parts(0, 1);
    let elsewhere: CallId = call.replace("call_0", "call_1").parse().unwrap();
    for (tenant, call, token) in [
        (world.other_tenant, call_id, token),
        (tenant, elsewhere, token),
        (tenant, call_id, wrong),
    ] {
        assert!(refused(&open(&media, tenant, call, token, &sid).await));
    }
    let session = open(&media, tenant, call_id, token, &sid).await.unwrap();
    assert_eq!((session.key.session, session.history.len()), (1, 0));
    assert_eq!(session.snapshot.prompt.greeting, "Hello!");
    assert!(refused(&open(&media, tenant, call_id, token, &sid).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_grows_old() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let (call, sid) = world.placed_call().await;
    let token = token_in(&world.carrier.form(0)["Twiml"]);
    world.clock.pass(60 * 60 + 1);
    let opened = open(
        &media(&world),
        world.tenant,
        call.parse().unwrap(),
        token,
        &sid,
    )
    .await;
    assert!(refused(&opened));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_call_opens_no_session() {
    let world = World::start().await;
    let (call, sid) = world.placed_call().await;
    let token = token_in(&world.carrier.form(0)["Twiml"]);
    world
        .ask("POST", &format!("/v1/calls/{call}/hangup"), None)
        .await;
    let opened = open(
        &media(&world),
        world.tenant,
        call.parse().unwrap(),
        token,
        &sid,
    )
    .await;
    assert!(refused(&opened));
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_call_is_resumed_with_what_was_said() {
    let world = World::start().await;
    let (call, sid) = world.placed_call().await;
    let media = media(&world);
    let call_id: CallId = call.parse().unwrap();
    let token = token_in(&world.carrier.form(0)["Twiml"]);
    let first = open(&media, world.tenant, call_id, token, &sid)
        .await
        .unwrap();
    media.opened(&first.key).await.unwrap();
    assert_eq!(world.told(&call).await, "answered");
    for _ in 0..2 {
        // A turn whose answer was lost is stored again.
        media
            .store_turn(&first.key, &turn(0, "Hello!"))
            .await
            .unwrap();
    }
    let path = format!("/carriers/twilio/resume/{}/{call}", world.tenant);
    let answer = world
        .webhook(&path, &voice_fields(&sid, "outbound-api"))
        .await;
    let other = "CA000000000000000000000000000000ff";
    let token = token_in(&answer.text);
    assert!(refused(
        &open(&media, world.tenant, call_id, token, other).await
    ));
    let second = open(&media, world.tenant, call_id, token, &sid)
        .await
        .unwrap();
    assert_eq!(
        (second.key.session, &second.history),
        (2, &vec![turn(0, "Hello!")])
    );
    // The first worker was not dead, only late: its turn keeps its place, ours comes after.
    media
        .store_turn(&first.key, &turn(1, "Are you"))
        .await
        .unwrap();
    media.opened(&second.key).await.unwrap();
    media
        .store_turn(&second.key, &turn(1, "I am back."))
        .await
        .unwrap();
    let late = media.store_turn(&first.key, &turn(2, "there?")).await;
    assert!(matches!(late, Err(MediaError::Superseded)));
    let late = media.close(&first.key, Some(Outcome::StreamLost)).await;
    assert!(matches!(late, Err(MediaError::Superseded)));
    media
        .close(&second.key, Some(Outcome::AgentEnded))
        .await
        .unwrap();
    world.status(&call, &sid, "completed", "3").await;
    let told = world
        .ask("GET", &format!("/v1/calls/{call}"), None)
        .await
        .json();
    assert_eq!(told["outcome"], "agent_ended");
    let turns = told["turns"].as_array().unwrap().iter();
    let said: Vec<_> = turns.map(|turn| turn["text"].as_str().unwrap()).collect();
    assert_eq!(said, ["Hello!", "Are you", "I am back."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_handed_over_as_often_as_workers_stop_and_resumed_when_one_dies() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let (call, sid) = world.placed_call().await;
    let media = media(&world);
    let call_id: CallId = call.parse().unwrap();
    let token = token_in(&world.carrier.form(0)["Twiml"]);
    let mut session = open(&media, world.tenant, call_id, token, &sid)
        .await
        .unwrap();
    // The world's clock goes on by itself between the steps, by much less than the ten seconds of one.
    const STEP: i64 = 10;
    let steps = |elapsed: Duration| elapsed.as_secs() / STEP.unsigned_abs();
    assert_eq!((session.checkpoint, steps(session.elapsed)), (None, 0));
    for nth in 0..7 {
        media.opened(&session.key).await.unwrap();
        media
            .store_turn(&session.key, &turn(nth, "Hello!"))
            .await
            .unwrap();
        world.clock.pass(STEP);
        let checkpoint = Checkpoint {
            reminders: nth,
            owed_since: Some(CallTime::from_millis(700)),
            ..Checkpoint::default()
        };
        let prepared = media
            .prepare_hand_over(&session.key, &checkpoint, None)
            .await
            .unwrap();
        media.redirect(&session.key, &prepared).await.unwrap();
        let token = token_in(world.carrier.instructed().last().unwrap());
        let next = open(&media, world.tenant, call_id, token, &sid)
            .await
            .unwrap();
        assert_eq!(next.checkpoint, Some(checkpoint));
        assert_eq!(next.key.session, nth + 2);
        assert_eq!(next.history.len(), usize::try_from(nth).unwrap() + 1);
        assert_eq!(steps(next.elapsed), u64::from(nth) + 1);
        // The one before has no say any more.
        let late = media
            .prepare_hand_over(&session.key, &checkpoint, None)
            .await;
        assert!(late.is_err(), "{late:?}");
        assert!(refused(
            &open(&media, world.tenant, call_id, token, &sid).await
        ));
        session = next;
    }
    media.opened(&session.key).await.unwrap();
    // None of these counts as a stream that broke off.
    let path = format!("/carriers/twilio/resume/{}/{call}", world.tenant);
    let answer = world
        .webhook(&path, &voice_fields(&sid, "outbound-api"))
        .await;
    let token = token_in(&answer.text);
    let resumed = open(&media, world.tenant, call_id, token, &sid)
        .await
        .unwrap();
    assert_eq!(resumed.checkpoint, None, "what was left to another is past");
    assert_eq!(resumed.history.len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_worker_hears_last_reaches_the_next_one() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let (call, sid) = world.placed_call().await;
    let media = media(&world);
    let call_id: CallId = call.parse().unwrap();
    let token = token_in(&world.carrier.form(0)["Twiml"]);
    let first = open(&media, world.tenant, call_id, token, &sid)
        .await
        .unwrap();
    media.opened(&first.key).await.unwrap();
    media
        .store_turn(&first.key, &turn(0, "Hello!"))
        .await
        .unwrap();
    let prepared = media
        .prepare_hand_over(&first.key, &Checkpoint::default(), None)
        .await
        .unwrap();
    media.redirect(&first.key, &prepared).await.unwrap();
    let token = token_in(&world.carrier.instructed()[0]);
    let second = open(&media, world.tenant, call_id, token, &sid)
        .await
        .unwrap();
    media.opened(&second.key).await.unwrap();
    let none = media.late_turns(&second.key, Some(0)).await.unwrap();
    assert_eq!(none, []);
    media
        .store_turn(&second.key, &turn(1, "Are you there?"))
        .await
        .unwrap();
    for _ in 0..2 {
        media
            .store_left_behind(&first.key, &turn(1, "A table please."))
            .await
            .unwrap();
    }
    let left = media.late_turns(&second.key, Some(0)).await.unwrap();
    let left: Vec<_> = left
        .iter()
        .map(|turn| (turn.seq, turn.text.as_str()))
        .collect();
    assert_eq!(left, [(2, "A table please.")]);
    media
        .store_turn(&second.key, &turn(2, "Yes, we have."))
        .await
        .unwrap();
    let told = world
        .ask("GET", &format!("/v1/calls/{call}"), None)
        .await
        .json();
    let turns = told["turns"].as_array().unwrap().iter();
    let said: Vec<_> = turns.map(|turn| turn["text"].as_str().unwrap()).collect();
    assert_eq!(
        said,
        [
            "Hello!",
            "Are you there?",
            "A table please.",
            "Yes, we have."
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_that_comes_between_two_sessions_reaches_the_next_one() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let (call, sid) = world.placed_call().await;
    let media = media(&world);
    let call_id: CallId = call.parse().unwrap();
    let token = token_in(&world.carrier.form(0)["Twiml"]);
    let first = open(&media, world.tenant, call_id, token, &sid)
        .await
        .unwrap();
    assert_eq!(first.verdict, None);
    media.opened(&first.key).await.unwrap();
    media.close(&first.key, None).await.unwrap();
    let fields = [
        ("CallSid", sid.as_str()),
        ("AccountSid", ACCOUNT),
        ("AnsweredBy", "human"),
    ];
    let path = format!("/carriers/twilio/amd/{}/{call}", world.tenant);
    assert_eq!(world.webhook(&path, &fields).await.status, 204);
    let path = format!("/carriers/twilio/resume/{}/{call}", world.tenant);
    let answer = world
        .webhook(&path, &voice_fields(&sid, "outbound-api"))
        .await;
    let token = token_in(&answer.text);
    let second = open(&media, world.tenant, call_id, token, &sid)
        .await
        .unwrap();
    assert_eq!(second.verdict, Some(CarrierVerdict::Human));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_that_refuses_to_move_a_call_leaves_it_as_it_is() {
    let world = World::start().await;
    let (call, sid) = world.placed_call().await;
    let media = media(&world);
    let token = token_in(&world.carrier.form(0)["Twiml"]);
    let session = open(&media, world.tenant, call.parse().unwrap(), token, &sid)
        .await
        .unwrap();
    media.opened(&session.key).await.unwrap();
    world.carrier.refuse_instructions(1);
    let checkpoint = Checkpoint::default();
    let prepared = media
        .prepare_hand_over(&session.key, &checkpoint, None)
        .await;
    let moved = media.redirect(&session.key, &prepared.unwrap()).await;
    assert!(matches!(moved, Err(RedirectError::NotDone(_))), "{moved:?}");
    media
        .close(&session.key, Some(Outcome::AgentEnded))
        .await
        .unwrap();
    assert_eq!(world.told(&call).await, "ended agent_ended");
    let late = media
        .prepare_hand_over(&session.key, &checkpoint, None)
        .await;
    assert!(matches!(late, Err(MediaError::Superseded)), "{late:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_is_not_heard_is_seen_while_the_call_is_on_and_a_bad_line_stays() {
    let world = World::start().await;
    let (call, sid) = world.placed_call().await;
    let path = format!("/v1/calls/{call}");
    assert_eq!(
        world.ask("GET", &path, None).await.json()["line"],
        Value::Null
    );
    let media = media(&world);
    let token = token_in(&world.carrier.form(0)["Twiml"]);
    let session = open(&media, world.tenant, call.parse().unwrap(), token, &sid)
        .await
        .unwrap();
    media.opened(&session.key).await.unwrap();
    let silent = LineReport {
        session: 1,
        frames: 251,
        silent_side: Some(SilentSide::Customer),
        one_way_ms: Some(5_020),
        ..LineReport::default()
    };
    media.line(&session.key, &silent).await.unwrap();
    let line = world.ask("GET", &path, None).await.json()["line"].clone();
    assert_eq!(line["one_way_audio"], true);
    assert_eq!(
        (&line["silent_side"], &line["bad_line"]),
        (&json!("customer"), &json!(false))
    );
    // They are heard again, and the worker stops: its successor's line is another one.
    let until_then = LineReport {
        frames: 1_000,
        frames_missing: 60,
        active_frames: 300,
        clipped_frames: 3,
        level_dbfs: Some(-30),
        silent_side: None,
        fault: Some((LineFault::FramesMissing, CallTime::from_millis(12_000))),
        ..silent
    };
    let checkpoint = Checkpoint::default();
    let prepared = media.prepare_hand_over(&session.key, &checkpoint, Some(until_then));
    media
        .redirect(&session.key, &prepared.await.unwrap())
        .await
        .unwrap();
    let token = token_in(&world.carrier.instructed()[0]);
    let next = open(&media, world.tenant, call.parse().unwrap(), token, &sid)
        .await
        .unwrap();
    media.opened(&next.key).await.unwrap();
    let found = Found {
        line: Some(LineReport {
            session: 2,
            frames: 500,
            active_frames: 100,
            level_dbfs: Some(-26),
            ..LineReport::default()
        }),
        ..Found::default()
    };
    media
        .close_with(&next.key, Some(Outcome::AgentEnded), found)
        .await
        .unwrap();
    let line = world.ask("GET", &path, None).await.json()["line"].clone();
    let expected = json!({
        "one_way_audio": false,
        "silent_side": null,
        "one_way_ms": 5_020,
        "bad_line": true,
        "bad_because": "frames_missing",
        "bad_at_ms": 12_000,
        "frames": 1_500,
        "frames_missing": 60,
        "frames_late": 0,
        "speech_ms": 8_000,
        "level_dbfs": -29,
        "clipped_percent": 0.8,
        "echo_delay_ms": null,
    });
    assert_eq!(line, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_a_call_leaves_an_event() {
    let world = World::start().await;
    let (call, sid) = world.placed_call().await;
    let media = media(&world);
    let token = token_in(&world.carrier.form(0)["Twiml"]);
    let session = open(&media, world.tenant, call.parse().unwrap(), token, &sid)
        .await
        .unwrap();
    media.opened(&session.key).await.unwrap();
    media
        .store_turn(&session.key, &turn(0, "Hello!"))
        .await
        .unwrap();
    media
        .close(&session.key, Some(Outcome::AgentEnded))
        .await
        .unwrap();
    let mut kinds = Vec::new();
    for shard in 0..store::EVENT_SHARDS {
        let start = model::EventId::from_parts(0, 0);
        let events = world
            .parts
            .store
            .calls
            .events_after(shard, start, 100)
            .await
            .unwrap();
        for event in events.items {
            assert_eq!(event.tenant_id, world.tenant);
            let event = serde_json::to_value(&event).unwrap();
            let detail = ["state", "outcome", "speaker"].map(|name| event[name].as_str());
            let detail: Vec<_> = detail.into_iter().flatten().collect();
            kinds.push(format!(
                "{} {}",
                event["type"].as_str().unwrap(),
                detail.join(" ")
            ));
        }
    }
    kinds.sort();
    assert_eq!(
        kinds,
        [
            "call_advanced answered",
            "call_advanced claimed",
            "call_advanced placed",
            "call_advanced placing",
            "call_ended agent_ended",
            "turn_stored agent",
        ]
    );
}

pub(super) fn media(world: &World) -> Media {
    let parts = &world.worker;
    Media::new(
        &parts.store,
        parts.carrier.clone(),
        parts.links.clone(),
        Arc::clone(&parts.clock),
        parts.ids.clone(),
    )
}

pub(super) async fn open(
    media: &Media,
    tenant_id: TenantId,
    call_id: CallId,
    token: TokenId,
    carrier_call_id: &str,
) -> Result<MediaSession, OpenError> {
    let hello = Hello {
        tenant_id,
        call_id,
        token,
        stream_id: "MZ00000000000000000000000000000001",
        carrier_call_id,
    };
    media.open(&hello).await
}

/// A worker talks with whom the carrier called: a greeting, and an answer to a question.
pub(super) async fn speak(world: &World, call: &str, sid: &str) {
    let media = media(world);
    let token = token_in(&world.carrier.form(0)["Twiml"]);
    let call_id: CallId = call.parse().unwrap();
    let opened = open(&media, world.tenant, call_id, token, sid).await;
    let session = opened.unwrap();
    media.opened(&session.key).await.unwrap();
    let mut waterfall = Waterfall::from_customer_stopped(CallTime::from_millis(2_400));
    waterfall.reach(Stage::TurnEnded, CallTime::from_millis(2_700));
    waterfall.reach(Stage::FirstToken, CallTime::from_millis(3_000));
    waterfall.reach(Stage::FirstFrameOut, CallTime::from_millis(3_180));
    let greeting = Turn {
        kind: TurnKind::Greeting,
        ..turn(0, "Hello Ada, this is the assistant of Acme Dental.")
    };
    let question = Turn {
        speaker: Speaker::Customer,
        ..turn(1, "When is it?")
    };
    let answer = Turn {
        waterfall: Some(waterfall),
        ..turn(2, "On Tuesday at ten.")
    };
    for turn in [greeting, question, answer] {
        media.store_turn(&session.key, &turn).await.unwrap();
    }
    let line = LineReport {
        session: session.key.session,
        frames: 160,
        active_frames: 36,
        level_dbfs: Some(-27),
        ..LineReport::default()
    };
    media.line(&session.key, &line).await.unwrap();
}

fn refused(opened: &Result<MediaSession, OpenError>) -> bool {
    matches!(opened, Err(OpenError::Refused))
}

pub(super) fn token_in(twiml: &str) -> TokenId {
    let (_, after) = twiml.split_once("name=\"token\" value=\"").unwrap();
    after.split_once('"').unwrap().0.parse().unwrap()
}

/// Words of the agent that were heard.
pub(super) fn turn(seq: u32, text: &str) -> Turn {
    Turn {
        seq,
        speaker: Speaker::Agent,
        kind: TurnKind::Talk,
        text: text.to_owned(),
        intended: None,
        interrupted: false,
        input: TurnInput::Speech,
        started_at: CallTime::from_millis(10),
        ended_at: CallTime::from_millis(900),
        tools: Vec::new(),
        waterfall: None,
    }
}
