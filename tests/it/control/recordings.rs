//! Promise P11: a recording is deleted at the carrier only after our copy is verified, and every step
//! can be repeated.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use service::call::recordings::{Kept, RecordingJob, Recordings};

use super::World;
use super::carrier::{ACCOUNT, OnCreate};
use super::dialling::Field;
use crate::leftovers::Left;

const RECORDING: &str = "RE00000000000000000000000000000001";

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_recording_is_copied_verified_deleted_and_can_be_fetched() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let (call, sid) = world.placed_call().await;
    let wav = noise(100_000);
    world.carrier.keep_recording(RECORDING, wav.clone());
    for _ in 0..2 {
        assert_eq!(ready(&world, &call, &sid, "completed").await, 204);
    }
    let jobs = jobs(&world).await;
    assert!(!jobs.is_empty());
    let recordings = recordings(&world);
    assert_eq!(recordings.keep(&jobs[0]).await.unwrap(), Kept::Now);
    assert_eq!(recordings.keep(&jobs[0]).await.unwrap(), Kept::Before);
    assert_eq!(world.carrier.deleted(), [RECORDING]);
    assert_eq!(world.carrier.fetched(), 1);
    // The callback comes once more, after everything: nothing is to be done for it.
    assert_eq!(ready(&world, &call, &sid, "completed").await, 204);

    let told = world
        .ask("GET", &format!("/v1/calls/{call}"), None)
        .await
        .json();
    assert_eq!(told["recording"]["state"], "kept");
    assert_eq!(told["recording"]["bytes"], 100_000);
    let link = world
        .ask("GET", &format!("/v1/calls/{call}/recording"), None)
        .await;
    assert_eq!(link.status, 307);
    let fetched = reqwest::get(link.location.unwrap()).await.unwrap();
    assert_eq!(fetched.bytes().await.unwrap(), wav);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_long_recording_goes_up_in_parts() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let (call, sid) = world.placed_call().await;
    let wav = noise(2 * store::PART_BYTES + 12_345);
    world.carrier.keep_recording(RECORDING, wav.clone());
    ready(&world, &call, &sid, "completed").await;
    let job = jobs(&world).await.remove(0);
    assert_eq!(recordings(&world).keep(&job).await.unwrap(), Kept::Now);
    let link = world
        .ask("GET", &format!("/v1/calls/{call}/recording"), None)
        .await;
    let fetched = reqwest::get(link.location.unwrap()).await.unwrap();
    assert!(
        fetched.bytes().await.unwrap() == wav,
        "the copy is another one"
    );
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_transfer_that_breaks_off_deletes_nothing() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let (call, sid) = world.placed_call().await;
    world
        .carrier
        .keep_recording(RECORDING, noise(3 * store::PART_BYTES));
    ready(&world, &call, &sid, "completed").await;
    let job = jobs(&world).await.remove(0);
    let recordings = recordings(&world);
    for bytes in [1_000, 2 * store::PART_BYTES + 50_000] {
        world.carrier.break_after(Some(bytes));
        let failed = recordings.keep(&job).await.unwrap_err();
        assert_eq!(failed.code(), "fetch");
    }
    assert!(world.carrier.deleted().is_empty());
    let path = format!("/v1/calls/{call}/recording");
    assert_eq!(world.ask("GET", &path, None).await.status, 404);
    world.carrier.break_after(None);
    assert_eq!(recordings.keep(&job).await.unwrap(), Kept::Now);
    assert_eq!(world.carrier.deleted(), [RECORDING]);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_deletion_that_fails_is_repeated_without_copying_again() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let (call, sid) = world.placed_call().await;
    world.carrier.keep_recording(RECORDING, noise(5_000));
    ready(&world, &call, &sid, "completed").await;
    let job = jobs(&world).await.remove(0);
    let recordings = recordings(&world);
    world.carrier.deletions_fail(true);
    assert_eq!(recordings.keep(&job).await.unwrap_err().code(), "delete");
    let told = world
        .ask("GET", &format!("/v1/calls/{call}"), None)
        .await
        .json();
    assert_eq!(told["recording"]["state"], "stored");
    world.carrier.deletions_fail(false);
    assert_eq!(recordings.keep(&job).await.unwrap(), Kept::Now);
    assert_eq!(world.carrier.fetched(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_cannot_be_done_ends_with_the_dead_letters() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1).recordings(1));
    let (call, sid) = world.placed_call().await;
    // The carrier announces a recording that it does not have.
    ready(&world, &call, &sid, "completed").await;
    let queue = &world.parts.store.recordings;
    let recordings = recordings(&world);
    let mut tries = 0;
    loop {
        let received = queue.receive(1, Duration::ZERO).await.unwrap();
        let Some(message) = received.into_iter().next() else {
            break;
        };
        tries += 1;
        let failed = recordings.keep(message.message.as_ref().unwrap()).await;
        assert_eq!(failed.unwrap_err().code(), "fetch");
        queue.hide(&message.receipt, Duration::ZERO).await.unwrap();
    }
    assert_eq!(tries, store::schema::RECEIVES_MAX);
    assert!(world.carrier.deleted().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_worker_takes_its_work_from_the_queue() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let (call, sid) = world.placed_call().await;
    world.carrier.keep_recording(RECORDING, noise(1_000));
    ready(&world, &call, &sid, "completed").await;
    let work = media_worker::recordings(&world.worker);
    let received = work.receive(1).await.unwrap().remove(0);
    work.hide(&received.receipt).await.unwrap();
    let kept = work.keep(received.message.as_ref().unwrap()).await;
    assert_eq!(kept.unwrap(), Kept::Now);
    work.done(&received.receipt).await.unwrap();
    assert!(jobs(&world).await.is_empty());
}

/// A doubled callback, or a queue that delivers twice: two workers have the same job, and the carrier sends the
/// second something else.
#[tokio::test(flavor = "multi_thread")]
pub(super) async fn of_two_jobs_at_once_the_verified_copy_stays() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let (call, sid) = world.placed_call().await;
    let wav = noise(595_952);
    world.carrier.keep_recording(RECORDING, wav.clone());
    world.carrier.recording_lasts(RECORDING, 19);
    world.carrier.then_sends(noise(44));
    ready(&world, &call, &sid, "completed").await;
    let job = jobs(&world).await.remove(0);
    let (one, other) = (recordings(&world), recordings(&world));
    let (one, other) = tokio::join!(one.keep(&job), other.keep(&job));
    assert!(one.is_ok() || other.is_ok(), "{one:?}, {other:?}");
    for failed in [one.err(), other.err()].into_iter().flatten() {
        assert_eq!(failed.code(), "short");
    }
    // The queue delivers what failed again.
    assert_eq!(recordings(&world).keep(&job).await.unwrap(), Kept::Before);
    let told = world
        .ask("GET", &format!("/v1/calls/{call}"), None)
        .await
        .json();
    assert_eq!(told["recording"]["state"], "kept");
    assert_eq!(told["recording"]["bytes"], 595_952);
    assert_eq!(told["recording"]["duration_seconds"], 19);
    let link = world
        .ask("GET", &format!("/v1/calls/{call}/recording"), None)
        .await;
    let fetched = reqwest::get(link.location.unwrap()).await.unwrap();
    assert!(
        fetched.bytes().await.unwrap() == wav,
        "the copy is another one"
    );
    assert_eq!(copies(&world, &call).await, 1);
}

/// The second worker reads the call before the first has stored anything, and comes to the carrier after everything.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_jobs_at_once_the_one_that_finds_nothing_left_is_done() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let (call, sid) = world.placed_call().await;
    world.carrier.keep_recording(RECORDING, noise(5_000));
    world.carrier.later_fetches_wait();
    ready(&world, &call, &sid, "completed").await;
    let job = jobs(&world).await.remove(0);
    let (one, other) = (recordings(&world), recordings(&world));
    let (one, other) = tokio::join!(one.keep(&job), other.keep(&job));
    // Whether the first has noted the deletion by then is chance.
    let ends = [one.unwrap(), other.unwrap()];
    assert!(ends.contains(&Kept::Now), "{ends:?}");
    assert!(!ends.contains(&Kept::Nothing), "{ends:?}");
    let told = world
        .ask("GET", &format!("/v1/calls/{call}"), None)
        .await
        .json();
    assert_eq!(told["recording"]["state"], "kept");
    assert_eq!(copies(&world, &call).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn what_is_too_short_for_its_duration_is_not_kept() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let (call, sid) = world.placed_call().await;
    world.carrier.keep_recording(RECORDING, noise(44));
    world.carrier.recording_lasts(RECORDING, 19);
    ready(&world, &call, &sid, "completed").await;
    let job = jobs(&world).await.remove(0);
    let failed = recordings(&world).keep(&job).await.unwrap_err();
    assert_eq!(failed.code(), "short");
    assert!(world.carrier.deleted().is_empty());
    assert_eq!(copies(&world, &call).await, 0);
    world.carrier.keep_recording(RECORDING, noise(300_000));
    assert_eq!(recordings(&world).keep(&job).await.unwrap(), Kept::Now);
    assert_eq!(copies(&world, &call).await, 1);
}

/// A worker that died after its copy and before it was noted: the next one's is another object.
#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_copy_that_a_worker_left_behind_is_removed() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let (call, sid) = world.placed_call().await;
    world.carrier.keep_recording(RECORDING, noise(5_000));
    ready(&world, &call, &sid, "completed").await;
    let job = jobs(&world).await.remove(0);
    world.carrier.deletions_fail(true);
    let failed = recordings(&world).keep(&job).await.unwrap_err();
    assert_eq!(failed.code(), "delete");
    // Somebody removed the copy: the carrier's is still there.
    let key = |nth| format!("recordings/{}/{call}-{nth}.wav", world.tenant);
    world.parts.store.bucket.remove(&key(1)).await.unwrap();
    let failed = recordings(&world).keep(&job).await.unwrap_err();
    assert_eq!(failed.code(), "delete");
    let (left, other) = (key(1), noise(7).into());
    let put = world.parts.store.bucket.put(&left, other, "audio/wav");
    put.await.unwrap();
    world.carrier.deletions_fail(false);
    assert_eq!(recordings(&world).keep(&job).await.unwrap(), Kept::Now);
    assert_eq!(copies(&world, &call).await, 1);
    assert_eq!(
        world.parts.store.bucket.length(&key(2)).await.unwrap(),
        Some(5_000)
    );
}

/// A call that was answered and is over; nobody tells of its recording.
pub(super) async fn over(world: &World) -> (String, String) {
    let (call, sid) = world.placed_call().await;
    for (status, sequence) in [("in-progress", "1"), ("completed", "2")] {
        let told = world.status(&call, &sid, status, sequence).await;
        assert_eq!(told.status, 204);
    }
    (call, sid)
}

async fn tick(world: &World) {
    scheduler::tick(&world.scheduler).await.unwrap();
}

pub(super) async fn recording_of(world: &World, call: &str) -> serde_json::Value {
    let told = world.ask("GET", &format!("/v1/calls/{call}"), None).await;
    told.json()["recording"].clone()
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_recording_that_nobody_told_of_is_found_and_kept() {
    let world = World::start().await;
    let (call, sid) = over(&world).await;
    world.carrier.keep_recording(RECORDING, noise(300_000));
    world.carrier.recording_lasts(RECORDING, 18);
    world.carrier.recorded(RECORDING, &sid);
    tick(&world).await;
    assert!(jobs(&world).await.is_empty(), "it may still be told of");
    world.clock.pass(5 * 60 + 1);
    tick(&world).await;
    let found = recording_of(&world, &call).await;
    assert_eq!(found["state"], "ready");
    assert_eq!(found["duration_seconds"], 18);
    let job = jobs(&world).await.remove(0);
    assert_eq!(recordings(&world).keep(&job).await.unwrap(), Kept::Now);
    assert_eq!(world.carrier.deleted(), [RECORDING]);
    // The next look finds that all is done, and is the last.
    for _ in 0..2 {
        world.clock.pass(5 * 60 + 1);
        tick(&world).await;
    }
    assert!(jobs(&world).await.is_empty());
    assert_eq!(recording_of(&world, &call).await["state"], "kept");
}

/// The answer to its request is lost, the carrier's list lags, and no callback ever comes.
#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_call_that_was_never_confirmed_is_found_after_its_end() {
    for (status, hung_up) in [("completed", 0), ("ringing", 1)] {
        let world = World::start().await;
        world.leaves(Left::NOTHING.dials(1));
        world.carrier.on_create(OnCreate::TakeAndLose);
        world.carrier.lists_calls(false);
        let agent = world.agent().await;
        let call = world.call(&agent).await;
        let message = world.dial_message(&call);
        for seconds in [0, 61] {
            world.clock.pass(seconds);
            assert!(!world.deliver(&message).await);
        }
        assert_eq!(world.told(&call).await, "ended carrier_unconfirmed");
        let sid = format!("CA{:032x}", 1);
        world.carrier.lists_calls(true);
        world.carrier.set_status(&sid, status);
        world.carrier.lasted(&sid, 17);
        world.carrier.keep_recording(RECORDING, noise(300_000));
        world.carrier.recording_lasts(RECORDING, 18);
        world.carrier.recorded(RECORDING, &sid);
        for _look in 0..=hung_up {
            world.clock.pass(5 * 60 + 1);
            tick(&world).await;
        }
        assert_eq!(world.carrier.hung_up().len(), hung_up);
        let row = world.row(&call).await;
        assert_eq!(row.call.carrier_duration_seconds, Some(17));
        let job = jobs(&world).await.remove(0);
        assert_eq!(recordings(&world).keep(&job).await.unwrap(), Kept::Now);
        assert_eq!(world.carrier.asked_to_call(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_recording_was_never_made_says_so() {
    let world = World::start().await;
    let (call, _sid) = over(&world).await;
    world.clock.pass(5 * 60 + 1);
    tick(&world).await;
    let absent = recording_of(&world, &call).await;
    assert_eq!(absent["state"], "absent");
    assert_eq!(absent["absent_because"], "not_made");
    assert_eq!(absent["carrier_recording_id"], serde_json::Value::Null);
    assert!(jobs(&world).await.is_empty());
}

/// The row of one call cannot be read; it is looked at again when it can.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_cannot_be_looked_at_keeps_no_other_from_it() {
    let field = Field::start(2, |_fields| ()).await;
    let world = &field.world;
    assert_eq!(field.dial().await, 2);
    let live = field.live().await;
    for (call, sid) in &live {
        let sid = sid.as_deref().unwrap();
        for (status, sequence) in [("in-progress", "1"), ("completed", "2")] {
            let told = world.status(call, sid, status, sequence).await;
            assert_eq!(told.status, 204);
        }
    }
    let [(unread, _), (call, sid)] = &live[..] else {
        panic!("{live:?}")
    };
    world.carrier.keep_recording(RECORDING, noise(5_000));
    world.carrier.recorded(RECORDING, sid.as_deref().unwrap());
    let key = [
        ("pk", format!("T#{}#CALL#{unread}", world.tenant)),
        ("sk", "CALL".to_owned()),
    ];
    let key = key.map(|(name, value)| (name.to_owned(), AttributeValue::S(value)));
    let (table, dynamodb) = (&world.own.names.table, &world.own.clients.dynamodb);
    let get = dynamodb.get_item().table_name(table);
    let got = get.set_key(Some(key.into())).send().await.unwrap();
    let whole = got.item.unwrap();
    let mut spoilt = whole.clone();
    spoilt.insert("state".to_owned(), AttributeValue::S("nonsense".to_owned()));
    for (row, kept) in [(spoilt, None), (whole, Some("not_made"))] {
        let put = dynamodb.put_item().table_name(table);
        put.set_item(Some(row)).send().await.unwrap();
        // The second look comes half an hour after the first.
        world.clock.pass(40 * 60);
        tick(world).await;
        assert_eq!(recording_of(world, call).await["state"], "ready");
        if let Some(because) = kept {
            let absent = recording_of(world, unread).await;
            assert_eq!(absent["absent_because"], because);
        }
    }
    for job in jobs(world).await {
        recordings(world).keep(&job).await.unwrap();
    }
    assert_eq!(world.carrier.deleted(), [RECORDING]);
}

/// A recording's job is lost, or died with its queue.
#[tokio::test(flavor = "multi_thread")]
async fn a_recording_whose_job_is_lost_gets_another() {
    let world = World::start().await;
    let (call, sid) = over(&world).await;
    world.carrier.keep_recording(RECORDING, noise(5_000));
    ready(&world, &call, &sid, "completed").await;
    let queue = &world.parts.store.recordings;
    for message in queue.receive(10, Duration::ZERO).await.unwrap() {
        queue.done(&message.receipt).await.unwrap();
    }
    world.clock.pass(5 * 60 + 1);
    tick(&world).await;
    let job = jobs(&world).await.remove(0);
    assert_eq!(recordings(&world).keep(&job).await.unwrap(), Kept::Now);
}

/// How many of the copies that were begun are in the bucket.
async fn copies(world: &World, call: &str) -> usize {
    let mut found = 0;
    for nth in 1..10 {
        let key = format!("recordings/{}/{call}-{nth}.wav", world.tenant);
        let length = world.parts.store.bucket.length(&key).await.unwrap();
        found += usize::from(length.is_some());
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_nobody_answered_has_no_recording() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let (call, sid) = world.placed_call().await;
    assert_eq!(ready(&world, &call, &sid, "absent").await, 204);
    assert!(jobs(&world).await.is_empty());
    let told = world
        .ask("GET", &format!("/v1/calls/{call}"), None)
        .await
        .json();
    assert_eq!(told["recording"]["state"], json!("absent"));
}

/// The carrier says that it has a recording of the call.
pub(super) async fn ready_of(world: &World, call: &str, sid: &str) {
    world.carrier.keep_recording(RECORDING, noise(1_000));
    assert_eq!(ready(world, call, sid, "completed").await, 204);
}

/// A worker copies what waits to be copied.
pub(super) async fn keep_one(world: &World) {
    let job = jobs(world).await.remove(0);
    let kept = recordings(world).keep(&job).await.unwrap();
    assert_eq!(kept, Kept::Now);
}

async fn ready(world: &World, call: &str, sid: &str, status: &str) -> u16 {
    let path = format!("/carriers/twilio/recording/{}/{call}", world.tenant);
    let fields = [
        ("CallSid", sid),
        ("AccountSid", ACCOUNT),
        ("RecordingSid", RECORDING),
        ("RecordingStatus", status),
        ("RecordingChannels", "2"),
    ];
    world.webhook(&path, &fields).await.status
}

/// A worker copies all that waits to be copied.
pub(super) async fn keep_all(world: &World) {
    let queue = &world.parts.store.recordings;
    loop {
        let received = queue.receive(10, Duration::ZERO).await.unwrap();
        if received.is_empty() {
            return;
        }
        for message in received {
            let job = message.message.unwrap();
            recordings(world).keep(&job).await.unwrap();
            queue.done(&message.receipt).await.unwrap();
        }
    }
}

async fn jobs(world: &World) -> Vec<RecordingJob> {
    let received = world
        .parts
        .store
        .recordings
        .receive(10, Duration::ZERO)
        .await;
    let received = received.unwrap().into_iter();
    received.map(|message| message.message.unwrap()).collect()
}

fn recordings(world: &World) -> Recordings {
    let parts = &world.worker;
    Recordings::new(
        &parts.store,
        parts.carrier.clone(),
        Arc::clone(&parts.clock),
        parts.ids.clone(),
    )
}

/// Bytes of which no part looks like another.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let bytes = (0..length).map(|_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    });
    bytes.collect()
}
