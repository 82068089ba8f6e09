//! What a planning step asks of the table: it hangs on who may be called now, not on how many wait.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use model::{Lead, LeadState, PhoneNumber, Windows};
use service::Context;
use store::{Cost, Meter, Store};

use super::dialling::Field;
use crate::leftovers::Left;

/// Eleven in New York, ten in Chicago, eight in San Francisco and Seattle: too early there.
const A_TUESDAY: &str = "2030-02-05T16:00:00Z";
const OPEN: [u32; 2] = [212, 312];
const CLOSED: [u32; 2] = [415, 206];
/// In different states of the East, so in different lanes.
const EAST: [u32; 12] = [201, 202, 203, 207, 212, 216, 302, 401, 404, 410, 603, 802];
/// More in each place than a step reads for the lines that are free.
const DUE: u32 = 60;
const LINES: u32 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sleeps_or_is_not_due_costs_a_planning_step_nothing() {
    let few = Box::pin(step_among(60)).await;
    let many = Box::pin(step_among(3_000)).await;
    let requests = |costs: &BTreeMap<&'static str, Cost>| -> BTreeMap<&'static str, u64> {
        let costs = costs.iter();
        costs.map(|(name, cost)| (*name, cost.requests)).collect()
    };
    assert_eq!(requests(&few), requests(&many));
    let (few, many) = (Cost::sum(&few), Cost::sum(&many));
    // Larger numbers in the rows that count them may be a unit more.
    assert!(
        many.read_units <= few.read_units + 1.0 && many.write_units <= few.write_units + 1.0,
        "{few:?} {many:?}"
    );
}

/// What a step costs when so many more in each of four places do not come into question: they are not
/// due yet, or it is not their hour.
async fn step_among(others: u32) -> BTreeMap<&'static str, Cost> {
    let field = on_a_tuesday().await;
    let now = field.world.parts.clock.now();
    let tomorrow = now + SignedDuration::from_hours(24);
    for area in OPEN {
        add(&field, area, 0..DUE, now).await;
        add(&field, area, DUE..DUE + others, tomorrow).await;
    }
    for area in CLOSED {
        add(&field, area, 0..DUE + others, now).await;
    }
    field.world.leaves(Left::NOTHING.calls(5).dials(5));
    counted_step(&field).await
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_places_are_open_a_step_looks_up_only_whom_it_may_call() {
    const PEOPLE_EACH: u32 = 6;
    let field = on_a_tuesday().await;
    let now = field.world.parts.clock.now();
    for area in EAST {
        add(&field, area, 0..PEOPLE_EACH, now).await;
    }
    // Two people for each line, and a number of ours.
    let read = counted_step(&field).await["BatchGetItem"];
    assert!(read.read_units <= f64::from(2 * LINES + 1), "{read:?}");
    // Nobody is left out, and nobody is called twice.
    let mut called = LINES;
    loop {
        field.world.dial_all().await;
        field.all_end("busy").await;
        match field.step().await {
            0 => break,
            claimed => called += claimed,
        }
    }
    assert_eq!(called, PEOPLE_EACH * u32::try_from(EAST.len()).unwrap());
    field.check().await;
}

/// A running campaign without leads, at an hour when some of the country sleeps.
async fn on_a_tuesday() -> Field {
    let field = Field::start(0, |fields| {
        fields.max_concurrent_calls = LINES;
        fields.windows = Windows::default();
    })
    .await;
    let clock = &field.world.clock;
    let now = field.world.parts.clock.now();
    let tuesday: Timestamp = A_TUESDAY.parse().unwrap();
    clock.pass(tuesday.duration_since(now).as_secs());
    field
}

/// Adds people of an area code.
async fn add(field: &Field, area: u32, lines: std::ops::Range<u32>, due_at: Timestamp) {
    let campaign = field.campaign().await;
    let campaigns = field.world.campaigns();
    let leads: Vec<Lead> = lines
        .map(|line| {
            let number = format!("+1{area}{}", 2_000_000 + line);
            let number: PhoneNumber = number.parse().unwrap();
            Lead {
                lane: dialer::Place::of(&number).lane(&model::StatedPlace::default(), None),
                state: LeadState::Waiting { due_at },
                ..campaigns.dana(&campaign, number)
            }
        })
        .collect();
    campaigns.add(&campaign, &leads).await;
}

/// What a step costs that claims a call for each line.
async fn counted_step(field: &Field) -> BTreeMap<&'static str, Cost> {
    let world = &field.world;
    let (clients, meter) = Meter::on(&world.own.clients);
    let scheduler = scheduler::SchedulerState::new(&Context {
        store: Store::new(&clients, &world.own.names, &world.own.queues),
        ..world.parts.clone()
    });
    let stepped = scheduler::step(&scheduler).await.unwrap();
    assert_eq!(stepped.claimed, LINES);
    meter.take()
}
