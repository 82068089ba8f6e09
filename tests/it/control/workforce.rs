//! Nobody's phone rings while there is no media worker, and who calls us then is held until one joins.

use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use model::{CallState, Outcome};
use serde_json::{Value, json};
use service::HOLDS_MAX;
use service::call::media::{Media, SessionKey};
use service::dialing::workforce::Enlisted;
use store::WorkerState::{self, Draining, Ready};
use store::{InboundRow, WORKERS_MAX, WrittenWith};
use telemetry::Emf;

use super::World;
use super::callbacks::voice_fields;
use super::dialling::Field;
use crate::leftovers::Left;

const SID: &str = "CA0000000000000000000000000000abcd";

/// A worker of this world that has said nothing yet.
fn worker(world: &World) -> Enlisted {
    let parts = &world.worker;
    Enlisted::new(&parts.store.workers, &parts.clock, &parts.ids)
}

async fn says(worker: &Enlisted, state: WorkerState, calls: u32) {
    worker.beat(state, calls, 2).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_waits_until_a_worker_has_room() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1).dials(1));
    world.without_worker().await;
    let agent = world.agent().await;
    let call = world.call(&agent).await;
    let message = world.dial_message(&call);
    let one = worker(&world);
    for (state, calls) in [(Draining, 0), (Ready, 2)] {
        assert!(!world.deliver(&message).await);
        says(&one, state, calls).await;
    }
    assert!(!world.deliver(&message).await);
    assert_eq!(world.carrier.asked_to_call(), 0);
    assert_eq!(world.told(&call).await, "claimed");
    says(&one, Ready, 1).await;
    assert!(!world.deliver(&message).await);
    assert_eq!(world.carrier.asked_to_call(), 1);
    assert_eq!(world.told(&call).await, "placed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_no_worker_comes_for_is_given_up_in_the_end() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.dials(1));
    world.without_worker().await;
    let agent = world.agent().await;
    let call = world.call(&agent).await;
    world.clock.pass(14 * 60);
    assert!(!world.deliver(&world.dial_message(&call)).await);
    assert_eq!(world.told(&call).await, "claimed");
    world.clock.pass(2 * 60);
    assert!(!world.deliver(&world.dial_message(&call)).await);
    assert_eq!(world.told(&call).await, "ended platform_failed");
    assert_eq!(world.carrier.asked_to_call(), 0);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_worker_counts_while_it_says_so() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1).dials(1));
    world.without_worker().await;
    let agent = world.agent().await;
    let call = world.call(&agent).await;
    let message = world.dial_message(&call);
    let one = worker(&world);
    says(&one, Ready, 0).await;
    world.clock.pass(21);
    assert!(!world.deliver(&message).await);
    assert_eq!(world.told(&call).await, "claimed");
    says(&one, Ready, 0).await;
    one.leave().await.unwrap();
    assert!(!world.deliver(&message).await);
    assert_eq!(world.told(&call).await, "claimed");
    says(&one, Ready, 0).await;
    world.clock.pass(19);
    assert!(!world.deliver(&message).await);
    assert_eq!(world.told(&call).await, "placed");
}

/// Rows of workers that died stay for days.
#[tokio::test(flavor = "multi_thread")]
async fn workers_that_died_do_not_hide_the_one_that_lives() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1).dials(1));
    world.without_worker().await;
    let agent = world.agent().await;
    let call = world.call(&agent).await;
    let message = world.dial_message(&call);
    for _dead in 0..=WORKERS_MAX {
        says(&worker(&world), Ready, 0).await;
    }
    world.clock.pass(30);
    assert!(!world.deliver(&message).await);
    assert_eq!(world.told(&call).await, "claimed");
    says(&worker(&world), Ready, 0).await;
    assert!(!world.deliver(&message).await);
    assert_eq!(world.told(&call).await, "placed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_waits_for_workers_says_so_and_burns_no_attempt() {
    let field = Field::start(5, |fields| fields.max_concurrent_calls = 5).await;
    field.world.leaves(Left::NOTHING.calls(2));
    let world = &field.world;
    world.without_worker().await;
    let path = format!("/v1/campaigns/{}/progress", field.campaign);
    let rules = async || -> Vec<String> {
        let progress = world.ask("GET", &path, None).await.json();
        let held = progress["held"].as_array().unwrap().iter();
        held.map(|held| held["rule"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(field.dial().await, 0);
    assert_eq!(rules().await, ["no_worker"]);
    assert_eq!(field.lead(0).await.attempts, 0);
    // No more are called than there is room for.
    let one = worker(world);
    says(&one, Ready, 0).await;
    assert_eq!(field.dial().await, 2);
    assert_eq!(field.dial().await, 0);
    assert_eq!(rules().await, ["no_worker"]);
    assert_eq!(world.carrier.asked_to_call(), 2);
    field.all_end("busy").await;
    assert_eq!(field.dial().await, 2);
    field.check().await;
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn somebody_who_calls_while_there_is_no_worker_is_held_until_one_joins() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    world.without_worker().await;
    world.agent().await;
    world.carrier.inbound(SID);
    let fields = voice_fields(SID, "inbound");
    let mut path = "/carriers/twilio/voice".to_owned();
    for round in 0..3 {
        let held = world.webhook(&path, &fields).await;
        assert_eq!(held.text.contains("<Say"), round == 0, "{}", held.text);
        assert!(held.text.contains(" timeout=\"5\" "), "{}", held.text);
        path = redirect(&world, &held.text);
        assert!(path.ends_with(&format!("?held={}", round + 1)), "{path}");
    }
    let call = only_call(&world).await;
    assert_eq!(world.told(&call).await, "ringing");
    says(&worker(&world), Ready, 0).await;
    let taken = world.webhook(&path, &fields).await;
    assert!(taken.text.contains("<Connect><Stream"), "{}", taken.text);
    assert_eq!(only_call(&world).await, call);
    assert_eq!(world.row(&call).await.progress.held_since, None);
}

/// The first webhook may come twice at once.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_is_held_is_one_call_however_often_the_carrier_asks() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    world.without_worker().await;
    world.agent().await;
    world.carrier.inbound(SID);
    let fields = voice_fields(SID, "inbound");
    let asks = std::iter::repeat_with(|| world.webhook("/carriers/twilio/voice", &fields)).take(4);
    for held in futures_util::future::join_all(asks).await {
        assert!(held.text.contains("?held=1"), "{}", held.text);
    }
    only_call(&world).await;
}

/// Nobody tells us that somebody who is held has hung up.
#[tokio::test(flavor = "multi_thread")]
pub(super) async fn who_hangs_up_while_held_is_a_missed_call() {
    let world = World::start().await;
    world.without_worker().await;
    world.agent().await;
    world.carrier.inbound(SID);
    let fields = voice_fields(SID, "inbound");
    world.webhook("/carriers/twilio/voice", &fields).await;
    let call = only_call(&world).await;
    let sweep = async || scheduler::tick(&world.scheduler).await.unwrap();
    world.clock.pass(60);
    sweep().await;
    assert_eq!(world.told(&call).await, "ringing", "they wait");
    world.carrier.set_status(SID, "completed");
    sweep().await;
    assert_eq!(world.told(&call).await, "ended no_capacity");
    assert_eq!(world.parts.store.inbound.live().await.unwrap(), []);
}

/// Their worker died, none was left, and they hung up while they were held: no stream stops then, and nobody
/// calls back about a call to one of our numbers.
#[tokio::test(flavor = "multi_thread")]
pub(super) async fn who_hangs_up_while_held_after_a_crash_does_not_stay_on() {
    let world = World::start().await;
    world.agent().await;
    world.carrier.inbound(SID);
    let fields = voice_fields(SID, "inbound");
    world.webhook("/carriers/twilio/voice", &fields).await;
    let call = only_call(&world).await;
    let key = SessionKey {
        tenant_id: world.tenant,
        call_id: call.parse().unwrap(),
        session: 1,
        carrier_call_id: SID.to_owned(),
    };
    let parts = &world.parts;
    let media = Media::new(
        &parts.store,
        parts.carrier.clone(),
        parts.links.clone(),
        Arc::clone(&parts.clock),
        parts.ids.clone(),
    );
    media.opened(&key).await.unwrap();
    world.without_worker().await;
    let resume = format!("/carriers/twilio/resume/{}/{call}", world.tenant);
    let held = world.webhook(&resume, &fields).await;
    assert!(held.text.contains("?held=1"), "{}", held.text);
    world.carrier.set_status(SID, "completed");
    world.clock.pass(60);
    scheduler::tick(&world.scheduler).await.unwrap();
    assert_eq!(world.told(&call).await, "ended worker_lost");
    assert_eq!(parts.store.inbound.live().await.unwrap(), []);
}

/// As after a rollback to a version that knows nothing of these rows.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_an_earlier_version_ended_is_not_looked_after_for_ever() {
    let world = World::start().await;
    world.agent().await;
    world.carrier.inbound(SID);
    let fields = voice_fields(SID, "inbound");
    world.webhook("/carriers/twilio/voice", &fields).await;
    let live = world.parts.store.inbound.live().await.unwrap();
    assert_eq!(live.len(), 1);
    let mut row = world.row(&only_call(&world).await).await;
    row.call.state = CallState::Ended;
    row.call.outcome = Some(Outcome::CustomerHungUp);
    row.progress.row_version += 1;
    let calls = &world.parts.store.calls;
    calls.replace(&row, WrittenWith::default()).await.unwrap();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let InboundRow {
        call_id,
        tenant_id,
        since,
    } = &live[0];
    let put = world.own.clients.dynamodb.put_item();
    put.table_name(&world.own.names.table)
        .item("pk", text("INBOUND"))
        .item("sk", text(&call_id.to_string()))
        .item("call_id", text(&call_id.to_string()))
        .item("tenant_id", text(&tenant_id.to_string()))
        .item("since", text(&since.to_string()))
        .send()
        .await
        .unwrap();
    world.clock.pass(60);
    scheduler::tick(&world.scheduler).await.unwrap();
    assert_eq!(world.parts.store.inbound.live().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_held_for_ever() {
    let world = World::start().await;
    world.without_worker().await;
    world.agent().await;
    let fields = voice_fields(SID, "inbound");
    let path = format!("/carriers/twilio/voice?held={HOLDS_MAX}");
    let last = world.webhook(&path, &fields).await;
    assert!(last.text.contains("</Say><Hangup/>"), "{}", last.text);
    let call = only_call(&world).await;
    assert_eq!(world.told(&call).await, "ended no_capacity");
    // An address that was not signed like that is not believed.
    let forged = world.webhook_signed(&path, &fields, Some("AAAA")).await;
    assert_eq!(forged.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_last_worker_died_is_held_until_another_joins() {
    let world = World::start().await;
    let (call, sid) = world.placed_call().await;
    world.status(&call, &sid, "in-progress", "2").await;
    world.without_worker().await;
    let fields = voice_fields(&sid, "outbound-api");
    let mut path = format!("/carriers/twilio/resume/{}/{call}", world.tenant);
    for _ in 0..HOLDS_MAX {
        let held = world.webhook(&path, &fields).await;
        path = redirect(&world, &held.text);
    }
    let one = worker(&world);
    says(&one, Ready, 0).await;
    let resumed = world.webhook(&path, &fields).await;
    assert!(
        resumed.text.contains("<Connect><Stream"),
        "{}",
        resumed.text
    );
    assert_eq!(world.row(&call).await.progress.resumes, 1);
    one.leave().await.unwrap();
    let last = world.webhook(&path, &fields).await;
    assert!(last.text.contains("</Say><Hangup/>"), "{}", last.text);
    assert_eq!(world.told(&call).await, "ended no_capacity");
}

/// Each function that lets somebody wait counts it, and the template's alarm starts a worker by the sum.
// One thread: what is counted is counted by a recorder of that thread.
#[tokio::test]
async fn whoever_waits_for_a_worker_is_counted_by_the_function_that_found_none() {
    let emf = Arc::new(Emf::new("Trunkline/mine", "all"));
    let _guard = metrics::set_default_local_recorder(&emf);
    let waited = || -> Vec<(String, u64)> {
        let mut lines = Vec::new();
        emf.tell(Timestamp::UNIX_EPOCH, &mut lines).unwrap();
        let lines = String::from_utf8(lines).unwrap();
        let lines = lines
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .filter_map(|line| {
                let count = line["trunkline_waits_for_worker_total"].as_u64()?;
                Some((line["who"].as_str().unwrap().to_owned(), count))
            })
            .collect()
    };
    let one = |who: &str| vec![(who.to_owned(), 1)];

    let field = Field::start(1, |_fields| {}).await;
    field.world.own.leaves_unseen();
    let world = &field.world;
    let agent = world.agent().await;
    let (placed, sid) = world.placed_call().await;
    world.status(&placed, &sid, "in-progress", "2").await;
    let call = world.call(&agent).await;
    assert_eq!(waited(), []);
    world.without_worker().await;

    assert_eq!(field.step().await, 0);
    assert_eq!(waited(), one("leads"));
    assert!(!world.deliver(&world.dial_message(&call)).await);
    assert_eq!(waited(), one("call"));
    // The field's own agent cannot take calls: it wants a name.
    let number = json!({ "number": "+14155550188", "agent_id": agent });
    let number = world.ask("POST", "/v1/numbers", Some(number)).await;
    assert_eq!(number.status, 201, "{}", number.text);
    let mut inbound = voice_fields(SID, "inbound");
    inbound[3] = ("To", "+14155550188");
    world.webhook("/carriers/twilio/voice", &inbound).await;
    assert_eq!(waited(), one("customer"));
    let path = format!("/carriers/twilio/resume/{}/{placed}", world.tenant);
    let resuming = voice_fields(&sid, "outbound-api");
    world.webhook(&path, &resuming).await;
    assert_eq!(waited(), one("customer"));

    let worker = worker(world);
    says(&worker, Ready, 0).await;
    world.webhook(&path, &resuming).await;
    assert_eq!(waited(), []);
}

/// The one call that there is.
pub(super) async fn only_call(world: &World) -> String {
    let calls = world.ask("GET", "/v1/calls", None).await.json();
    let calls = calls["items"].as_array().unwrap();
    assert_eq!(calls.len(), 1, "{calls:#?}");
    calls[0]["id"].as_str().unwrap().to_owned()
}

/// Where the document sends the carrier next: path and query.
pub(super) fn redirect(world: &World, document: &str) -> String {
    let (_, after) = document.split_once("<Redirect method=\"POST\">").unwrap();
    let (url, _) = after.split_once("</Redirect>").unwrap();
    let (url, _retries) = url.split_once('#').unwrap();
    url.strip_prefix(&world.url).unwrap().to_owned()
}
