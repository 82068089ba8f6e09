//! Promise P11: a recording is deleted at the carrier only after our copy is verified, and every step
//! can be repeated.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use service::call::recordings::{Kept, RecordingJob, Recordings};

use super::World;
use super::carrier::ACCOUNT;
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
