//! The carrier's account compared with ours: of what it has, only what is ours and copied is deleted.

use model::{CallId, CallSnapshot, DomainEvent, EventId, EventKind, Outcome, RecordingState};
use serde_json::{Value, json};
use store::{CallRow, NewCall};

use super::World;
use super::carrier::ACCOUNT;
use super::recordings::{keep_all, over, recording_of};

const REPORT: &str = "/v1/carrier_recordings";
const NOON: &str = "2026-03-03T12:00:00Z";
const WAV: [u8; 64] = [7; 64];

/// What the call of a recording knows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Knows {
    Nothing,
    /// It was told of, and its job is lost.
    Ready,
    /// Copied, and the carrier was not asked to delete it, or did not.
    Stored,
    Kept,
}

/// Calls of ours whose recordings the carrier still has.
struct Orphans {
    like: CallRow,
    made: u32,
}

struct Orphan {
    call: String,
    sid: String,
    recording: String,
}

impl Orphans {
    async fn of(world: &World) -> Self {
        let (call, _sid) = over(world).await;
        Self {
            like: world.row(&call).await,
            made: 0,
        }
    }

    /// A call that ends now.
    async fn ends(&mut self, world: &World, knows: Knows) -> Orphan {
        self.made += 1;
        let now = world.parts.clock.now();
        let id = world.parts.ids.fresh(CallId::from_parts);
        let mut row = self.like.clone();
        let call = &mut row.call;
        let sid = format!("CA{:032x}", 0x1000 + self.made);
        let recording = format!("RE{:032x}", 0x1000 + self.made);
        call.id = id;
        call.carrier_call_id = Some(sid.clone());
        call.ended_at = Some(now);
        call.recording = known(world, id, &recording, knows).await;
        let snapshot = CallSnapshot {
            tenant_id: world.tenant,
            call_id: id,
            ..support::snapshot()
        };
        let event = DomainEvent {
            id: world.parts.ids.fresh(EventId::from_parts),
            tenant_id: world.tenant,
            at: now,
            kind: EventKind::CallEnded {
                call_id: id,
                outcome: Outcome::CustomerHungUp,
            },
        };
        let new = NewCall {
            row: &row,
            snapshot: &snapshot,
            token: None,
            request: None,
            slots: None,
            lead: None,
            counted_at: None,
            event,
        };
        world.parts.store.calls.create(new).await.unwrap();
        at_carrier(world, &recording, &sid);
        Orphan {
            call: id.to_string(),
            sid,
            recording,
        }
    }
}

/// What a call knows of its recording, with the copy that it names.
async fn known(world: &World, id: CallId, recording: &str, knows: Knows) -> Option<RecordingState> {
    let carrier_recording_id = recording.to_owned();
    let object_key = key(world, &id.to_string());
    let now = world.parts.clock.now();
    let (bytes, sha256) = (WAV.len() as u64, "0".repeat(64));
    if matches!(knows, Knows::Stored | Knows::Kept) {
        let bucket = &world.parts.store.bucket;
        let put = bucket.put(&object_key, WAV.to_vec().into(), "audio/wav");
        put.await.unwrap();
    }
    match knows {
        Knows::Nothing => None,
        Knows::Ready => Some(RecordingState::Ready {
            carrier_recording_id,
            duration_seconds: None,
        }),
        Knows::Stored => Some(RecordingState::Stored {
            carrier_recording_id,
            object_key,
            bytes,
            sha256,
            duration_seconds: None,
            stored_at: now,
        }),
        Knows::Kept => Some(RecordingState::Kept {
            carrier_recording_id,
            object_key,
            bytes,
            sha256,
            duration_seconds: None,
            stored_at: now,
            carrier_copy_deleted_at: now,
        }),
    }
}

/// Where the copy of a call's recording is that [`Orphans`] made.
fn key(world: &World, call: &str) -> String {
    format!("recordings/{}/{call}-1.wav", world.tenant)
}

fn at_carrier(world: &World, recording: &str, sid: &str) {
    world.carrier.keep_recording(recording, WAV.to_vec());
    world.carrier.recording_lasts(recording, 0);
    world.carrier.recorded(recording, sid);
}

/// A recording that another program of the account had made.
fn foreign(world: &World, nth: u32) -> String {
    let recording = format!("RE{:032x}", 0xf000 + nth);
    at_carrier(world, &recording, &format!("CA{:032x}", 0xf000 + nth));
    world.carrier.recording_lasts(&recording, 42);
    recording
}

async fn begin(world: &World) {
    let begun = world
        .ask("POST", &format!("{REPORT}/reconcile"), None)
        .await;
    assert_eq!(begun.status, 202, "{}", begun.text);
    assert_eq!(begun.json()["state"], "running");
}

async fn tick(world: &World) {
    scheduler::tick(&world.scheduler).await.unwrap();
}

async fn report(world: &World) -> Value {
    let told = world.ask("GET", REPORT, None).await;
    assert_eq!(told.status, 200, "{}", told.text);
    told.json()
}

/// The numbers of a report: deleted, queued, waiting, left.
fn counts(report: &Value) -> [u64; 4] {
    ["deleted", "queued", "waiting", "left"].map(|name| report[name].as_u64().unwrap())
}

/// Why each recording was left.
fn left(report: &Value) -> Vec<(String, String)> {
    let recordings = report["recordings"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut left: Vec<_> = recordings
        .map(|one| (text(&one["carrier_recording_id"]), text(&one["because"])))
        .collect();
    left.sort();
    left
}

fn sorted(mut recordings: Vec<String>) -> Vec<String> {
    recordings.sort();
    recordings
}

#[tokio::test(flavor = "multi_thread")]
async fn of_200_orphans_of_ours_none_is_left_and_all_200_of_somebody_else_s_are() {
    let world = World::start_at(NOON.parse().unwrap()).await;
    let mut orphans = Orphans::of(&world).await;
    let mut theirs = Vec::new();
    for nth in 0..200 {
        let knows = [Knows::Nothing, Knows::Ready, Knows::Stored, Knows::Kept];
        orphans.ends(&world, knows[nth % knows.len()]).await;
        theirs.push(foreign(&world, u32::try_from(nth).unwrap()));
    }
    world.clock.pass(11 * 60);
    begin(&world).await;
    tick(&world).await;
    let told = report(&world).await;
    assert_eq!(told["state"], "finished", "{told:#}");
    assert_eq!(counts(&told), [100, 100, 0, 200]);
    Box::pin(keep_all(&world)).await;
    assert_eq!(sorted(world.carrier.recordings()), sorted(theirs.clone()));
    assert!(
        world
            .carrier
            .deleted()
            .iter()
            .all(|sid| !theirs.contains(sid)),
        "somebody else's was deleted"
    );
    let all: Vec<_> = theirs
        .into_iter()
        .map(|sid| (sid, "not_ours".to_owned()))
        .collect();
    assert_eq!(left(&told), all);
    assert_eq!(told["omitted"], 0);
    let first = &told["recordings"][0];
    assert_eq!(first["started_at"], "2026-11-20T23:00:00Z");
    assert_eq!(first["duration_seconds"], 42);
    assert_eq!(first["bytes_about"], 42 * 32_000);
    // Once more, and there is nothing to do.
    begin(&world).await;
    tick(&world).await;
    assert_eq!(counts(&report(&world).await), [0, 0, 0, 200]);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn what_is_copied_is_deleted_and_what_is_not_is_left_or_copied() {
    let world = World::start_at(NOON.parse().unwrap()).await;
    let mut orphans = Orphans::of(&world).await;
    let stored = orphans.ends(&world, Knows::Stored).await;
    let kept = orphans.ends(&world, Knows::Kept).await;
    let vanished = orphans.ends(&world, Knows::Kept).await;
    let copied_in_vain = orphans.ends(&world, Knows::Stored).await;
    let cut = orphans.ends(&world, Knows::Kept).await;
    let bucket = &world.parts.store.bucket;
    for gone in [&vanished, &copied_in_vain] {
        bucket.remove(&key(&world, &gone.call)).await.unwrap();
    }
    let short = WAV[..9].to_vec().into();
    let cut_key = key(&world, &cut.call);
    let put = bucket.put(&cut_key, short, "audio/wav");
    put.await.unwrap();
    let second = format!("RE{:032x}", 0xe001);
    at_carrier(&world, &second, &stored.sid);
    let theirs = foreign(&world, 1);
    world.clock.pass(11 * 60);
    let young = orphans.ends(&world, Knows::Stored).await;
    begin(&world).await;
    tick(&world).await;

    let told = report(&world).await;
    assert_eq!(told["state"], "finished", "{told:#}");
    assert_eq!(counts(&told), [2, 1, 1, 4]);
    let named = |sid: &str, because: &str| (sid.to_owned(), because.to_owned());
    let mut all = vec![
        named(&vanished.recording, "copy_missing"),
        named(&cut.recording, "copy_missing"),
        named(&second, "another_recording"),
        named(&theirs, "not_ours"),
    ];
    all.sort();
    assert_eq!(left(&told), all);
    assert_eq!(
        sorted(world.carrier.deleted()),
        sorted(vec![stored.recording.clone(), kept.recording.clone()])
    );
    let row = recording_of(&world, &stored.call).await;
    assert_eq!(row["state"], "kept");
    assert_ne!(row["carrier_copy_deleted_at"], Value::Null);

    // What had to be copied again is, and only then deleted; what waits is found the next time.
    Box::pin(keep_all(&world)).await;
    assert!(world.carrier.deleted().contains(&copied_in_vain.recording));
    assert!(world.carrier.recordings().contains(&young.recording));
    // Of another tenant's calls nobody is told.
    let asked = world.other_asks("GET", REPORT, None).await.json();
    assert_eq!(left(&asked), [named(&theirs, "not_ours")]);
    assert_eq!(asked["left"], 4);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_listing_that_fails_in_the_middle_goes_on_from_there() {
    let world = World::start_at(NOON.parse().unwrap()).await;
    let mut orphans = Orphans::of(&world).await;
    let mut ours = Vec::new();
    for nth in 0..130 {
        foreign(&world, nth);
        if nth % 13 == 0 {
            ours.push(orphans.ends(&world, Knows::Kept).await.recording);
        }
    }
    world.clock.pass(11 * 60);
    world.carrier.lists_work(Some(2));
    begin(&world).await;
    tick(&world).await;
    let told = report(&world).await;
    assert_eq!(
        (&told["state"], &told["problem"]),
        (&json!("running"), &json!("unavailable"))
    );
    let before = world.carrier.listed();
    assert_eq!(before.len(), 2);
    let deleted = world.carrier.deleted().len();
    assert!((1..ours.len()).contains(&deleted), "{deleted}");

    // Whoever was at it was killed: nobody else is, until its lease is over.
    let now = world.parts.clock.now();
    let until = now
        .checked_add(jiff::SignedDuration::from_secs(90))
        .unwrap();
    let leases = &world.parts.store.leases;
    let name = format!("RECONCILIATION#{ACCOUNT}");
    let lease = leases.acquire(&name, "dead", now, until).await.unwrap();
    assert!(lease.is_some());
    world.carrier.lists_work(None);
    tick(&world).await;
    assert_eq!(world.carrier.listed().len(), 2);
    world.clock.pass(91);
    tick(&world).await;
    let told = report(&world).await;
    assert_eq!(
        (&told["state"], &told["problem"]),
        (&json!("finished"), &Value::Null)
    );
    assert_eq!(counts(&told), [10, 0, 0, 130]);
    let pages = world.carrier.listed();
    assert_eq!(
        pages.iter().filter(|after| after.is_none()).count(),
        1,
        "{pages:?}"
    );
    assert_eq!(sorted(world.carrier.deleted()), sorted(ours));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_in_the_list_that_is_gone_begins_the_walk_again() {
    let world = World::start_at(NOON.parse().unwrap()).await;
    let mut orphans = Orphans::of(&world).await;
    let mut ours = vec![orphans.ends(&world, Knows::Kept).await.recording];
    for nth in 0..120 {
        foreign(&world, nth);
    }
    ours.push(orphans.ends(&world, Knows::Kept).await.recording);
    world.clock.pass(11 * 60);
    world.carrier.lists_work(Some(1));
    begin(&world).await;
    tick(&world).await;
    // The carrier finds the next page by the last recording of this one.
    let last = world
        .carrier
        .recordings()
        .into_iter()
        .rev()
        .nth(48)
        .unwrap();
    world.carrier.lose_recording(&last);
    world.carrier.lists_work(None);
    tick(&world).await;
    let told = report(&world).await;
    assert_eq!(told["state"], "finished", "{told:#}");
    assert_eq!(counts(&told), [2, 0, 0, 119]);
    assert_eq!(sorted(world.carrier.deleted()), sorted(ours));
    assert_eq!(left(&told).len(), 119);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_night_one_of_two_schedulers_compares() {
    let world = World::start_at(NOON.parse().unwrap()).await;
    let mut orphans = Orphans::of(&world).await;
    for nth in 0..60 {
        foreign(&world, nth);
    }
    let one = orphans.ends(&world, Knows::Kept).await;
    tick(&world).await;
    assert_eq!(report(&world).await["state"], "none");
    world.clock.pass(14 * 60 * 60 + 59 * 60);
    tick(&world).await;
    assert!(world.carrier.listed().is_empty(), "it is not three yet");
    world.clock.pass(60);
    let (first, other) = tokio::join!(
        scheduler::tick(&world.scheduler),
        scheduler::tick(&world.scheduler)
    );
    first.unwrap();
    other.unwrap();
    let told = report(&world).await;
    assert_eq!(told["state"], "finished");
    assert_eq!(counts(&told), [1, 0, 0, 60]);
    assert_eq!(told["next_at"], "2026-03-05T03:00:00Z");
    assert_eq!(world.carrier.listed().len(), 2, "each page once");
    assert_eq!(world.carrier.deleted(), [one.recording]);
    tick(&world).await;
    assert_eq!(world.carrier.listed().len(), 2, "once a night");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_that_never_lists_is_given_up_until_the_next_night() {
    let world = World::start_at(NOON.parse().unwrap()).await;
    let theirs = foreign(&world, 1);
    world.carrier.lists_work(Some(0));
    begin(&world).await;
    for _ in 0..9 {
        tick(&world).await;
        assert_eq!(report(&world).await["state"], "running");
    }
    tick(&world).await;
    let told = report(&world).await;
    assert_eq!(
        (&told["state"], &told["problem"]),
        (&json!("failed"), &json!("unavailable"))
    );
    world.carrier.lists_work(None);
    tick(&world).await;
    assert!(world.carrier.listed().is_empty(), "it was given up");
    world.clock.pass(15 * 60 * 60);
    tick(&world).await;
    let told = report(&world).await;
    assert_eq!(told["state"], "finished", "{told:#}");
    assert_eq!(left(&told), [(theirs, "not_ours".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_that_does_not_delete_loses_nothing() {
    let world = World::start_at(NOON.parse().unwrap()).await;
    let mut orphans = Orphans::of(&world).await;
    let stored = orphans.ends(&world, Knows::Stored).await;
    world.clock.pass(11 * 60);
    world.carrier.deletions_fail(true);
    begin(&world).await;
    tick(&world).await;
    let told = report(&world).await;
    assert_eq!(
        (&told["state"], &told["problem"]),
        (&json!("running"), &json!("unavailable"))
    );
    assert_eq!(recording_of(&world, &stored.call).await["state"], "stored");
    world.carrier.deletions_fail(false);
    tick(&world).await;
    let told = report(&world).await;
    assert_eq!(counts(&told), [1, 0, 0, 0], "{told:#}");
    assert_eq!(recording_of(&world, &stored.call).await["state"], "kept");
    Box::pin(keep_all(&world)).await;
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn recordings_are_deleted_by_id_and_refused_by_name() {
    let world = World::start_at(NOON.parse().unwrap()).await;
    let mut orphans = Orphans::of(&world).await;
    let stored = orphans.ends(&world, Knows::Stored).await;
    let ready = orphans.ends(&world, Knows::Ready).await;
    let vanished = orphans.ends(&world, Knows::Kept).await;
    let bucket = &world.parts.store.bucket;
    bucket.remove(&key(&world, &vanished.call)).await.unwrap();
    let second = format!("RE{:032x}", 0xe001);
    at_carrier(&world, &second, &stored.sid);
    let (one, other) = (foreign(&world, 1), foreign(&world, 2));
    world.clock.pass(11 * 60);
    let young = orphans.ends(&world, Knows::Stored).await;
    let never = format!("RE{:032x}", 0xdead);
    let no_id = "nothing/of/theirs".to_owned();
    let ids = [
        &one,
        &stored.recording,
        &ready.recording,
        &vanished.recording,
        &second,
        &young.recording,
        &never,
        &no_id,
        &one,
    ];
    let asked = json!({ "carrier_recording_ids": ids });
    let path = format!("{REPORT}/delete");
    // What is somebody else's is the same as what never was.
    let mine = json!({ "carrier_recording_ids": [&stored.recording, &never] });
    let answer = world.other_asks("POST", &path, Some(mine)).await.json();
    assert_eq!(answer["items"][0]["result"], "not_there");
    assert_eq!(answer["items"][1]["result"], "not_there");
    assert!(world.carrier.deleted().is_empty());

    let answer = world.ask("POST", &path, Some(asked)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let items = answer.json();
    let items = items["items"].as_array().unwrap().iter();
    let results: Vec<String> = items
        .map(|item| {
            let result = item["result"].as_str().unwrap();
            let because = item["refused_because"].as_str().unwrap_or_default();
            format!("{result} {because}").trim().to_owned()
        })
        .collect();
    assert_eq!(
        results,
        [
            "deleted",
            "deleted",
            "refused no_verified_copy",
            "refused no_verified_copy",
            "refused no_verified_copy",
            "refused not_finished",
            "not_there",
            "not_there",
        ]
    );
    assert_eq!(
        sorted(world.carrier.deleted()),
        sorted(vec![one, stored.recording.clone()])
    );
    assert!(world.carrier.recordings().contains(&other));
    assert_eq!(recording_of(&world, &stored.call).await["state"], "kept");
    Box::pin(keep_all(&world)).await;

    let many = vec!["RE1"; 101];
    for ids in [json!(many), json!([])] {
        let asked = json!({ "carrier_recording_ids": ids });
        let refused = world.ask("POST", &path, Some(asked)).await;
        assert_eq!(refused.status, 422, "{}", refused.text);
    }
}
