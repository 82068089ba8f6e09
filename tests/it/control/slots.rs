//! Promise P4: limits hold under any number of parallel functions, and slots come back once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use settings::Dialing;
use store::{HEAL_AFTER, Reserved, Scope};

use super::{THEIR_NUMBER, World, any_hour};
use crate::leftovers::Left;

const ACCOUNT: &str = super::carrier::ACCOUNT;

#[tokio::test(flavor = "multi_thread")]
async fn a_dozen_requests_at_once_get_the_three_lines_that_there_are() {
    let world = World::start_with(Dialing {
        carrier_calls_max: 3,
        tenant_calls_max: 10,
        call_interval: Duration::from_millis(1),
    })
    .await;
    world.leaves(Left::NOTHING.calls(3).dials(4));
    let agent = world.agent().await;
    let body = json!({ "to": THEIR_NUMBER, "kind": "information", "agent_id": agent, "override": any_hour() });
    let asked = (0..12).map(|_| world.ask("POST", "/v1/calls", Some(body.clone())));
    let answers = join_all(asked).await;
    let made: Vec<_> = answers.iter().filter(|made| made.status == 201).collect();
    assert_eq!(made.len(), 3);
    for refused in answers.iter().filter(|made| made.status != 201) {
        assert_eq!(
            (refused.status, refused.code()),
            (429, "no_free_line".into())
        );
    }
    let slots = &world.parts.store.slots;
    let live = slots.live(Scope::Account(ACCOUNT)).await.unwrap();
    assert_eq!(
        live.iter().map(|slot| slot.number).collect::<Vec<_>>(),
        [0, 1, 2]
    );

    // A call that ends gives its line back, once: also when its end is told ten times at once.
    let path = format!("/v1/calls/{}/hangup", made[0].id());
    let asked = (0..10).map(|_| world.ask("POST", &path, None));
    assert!(
        join_all(asked)
            .await
            .iter()
            .all(|answer| answer.status == 202)
    );
    for scope in [Scope::Account(ACCOUNT), Scope::Tenant(world.tenant)] {
        assert_eq!(slots.live(scope).await.unwrap().len(), 2);
    }
    let asked = (0..4).map(|_| world.ask("POST", "/v1/calls", Some(body.clone())));
    let again = join_all(asked).await;
    assert_eq!(again.iter().filter(|made| made.status == 201).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_lines_of_its_own() {
    let world = World::start_with(Dialing {
        carrier_calls_max: 10,
        tenant_calls_max: 1,
        call_interval: Duration::from_millis(1),
    })
    .await;
    world.leaves(Left::NOTHING.calls(1).dials(1));
    let agent = world.agent().await;
    world.call(&agent).await;
    let body = json!({ "to": THEIR_NUMBER, "kind": "information", "agent_id": agent, "override": any_hour() });
    let refused = world.ask("POST", "/v1/calls", Some(body)).await;
    assert_eq!(
        (refused.status, refused.code()),
        (429, "no_free_line".into())
    );
    let other = world
        .parts
        .store
        .slots
        .live(Scope::Tenant(world.other_tenant));
    assert_eq!(other.await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn places_in_the_row_of_calls_keep_their_distance_whoever_asks() {
    let world = World::start().await;
    let pace = &world.parts.store.pace;
    let now: Timestamp = "2026-11-20T20:00:00Z".parse().unwrap();
    let interval = SignedDuration::from_millis(100);
    let ahead = SignedDuration::from_secs(1);
    let reserve = |now| pace.reserve(ACCOUNT, now, interval, ahead);
    let granted = join_all((0..30).map(|_| reserve(now))).await;
    let (mut places, mut later) = (Vec::new(), 0);
    for reserved in granted {
        match reserved.unwrap() {
            Reserved::Granted(at) => places.push(at.duration_since(now).as_millis()),
            Reserved::Later(at) => {
                assert!(at.duration_since(now) > ahead);
                later += 1;
            }
        }
    }
    places.sort_unstable();
    assert_eq!(
        places,
        (0..=10).map(|place| place * 100).collect::<Vec<_>>()
    );
    assert_eq!(later, 19);

    // A clock that is a little behind waits; one that was set back by an hour does not wait an hour.
    let behind = reserve(now - SignedDuration::from_secs(30)).await.unwrap();
    assert_eq!(
        behind,
        Reserved::Later(now + SignedDuration::from_millis(1_100))
    );
    let set_back = now - SignedDuration::from_hours(1);
    let healed = set_back + ahead + interval;
    assert_eq!(reserve(set_back).await.unwrap(), Reserved::Later(healed));
    assert_eq!(reserve(healed).await.unwrap(), Reserved::Granted(healed));
    assert!(healed.duration_since(set_back) < HEAL_AFTER);
    // Set forward again, the row lies in the past.
    assert_eq!(reserve(now).await.unwrap(), Reserved::Granted(now));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_held_by_one_and_who_knocks_is_heard() {
    let world = World::start().await;
    let leases = &world.parts.store.leases;
    let now: Timestamp = "2026-11-20T20:00:00Z".parse().unwrap();
    let until = now + SignedDuration::from_secs(45);
    let holders: Vec<Arc<str>> = (0..8).map(|n| Arc::from(format!("h{n}"))).collect();
    let asked = holders
        .iter()
        .map(|holder| leases.acquire("P", holder, now, until));
    let taken: Vec<_> = join_all(asked)
        .await
        .into_iter()
        .flat_map(Result::unwrap)
        .collect();
    let [lease] = taken.as_slice() else {
        panic!("{} have it", taken.len());
    };
    // Seven knocked: the holder looks once more, and nobody knocks then.
    let again = leases.release(lease.clone()).await.unwrap().unwrap();
    assert!(leases.renew(&again, until).await.unwrap());
    assert_eq!(leases.release(again).await.unwrap(), None);

    // A holder that died is replaced when its time is over, and so is one whose clock was wrong.
    let gone = leases.acquire("P", "gone", now, until).await.unwrap();
    assert_eq!(leases.acquire("P", "next", now, until).await.unwrap(), None);
    let next = leases.acquire("P", "next", until, until + SignedDuration::from_hours(9));
    assert!(next.await.unwrap().is_some());
    assert!(!leases.renew(&gone.unwrap(), until).await.unwrap());
    let later = now + SignedDuration::from_secs(60);
    assert!(
        leases
            .acquire("P", "third", later, until)
            .await
            .unwrap()
            .is_some()
    );
}
