//! The fault suite: the real functions over the real repositories and the embedded table, with the
//! simulated carrier keeping the truth.
//!
//! One seed is one world on one thread and a virtual clock: processes die between any two of their
//! requests, messages and callbacks come twice, late and in any order, storage throttles, fails and
//! loses answers, the carrier times out after it accepted, clocks step. After every write and at the
//! end the world is judged by the carrier's books and by the rows themselves.
//!
//! After every write: counts equal lead states, slots and leads belong to the calls that live, no limit is
//! passed, and a call that passes the gate may. At the end: nobody was called twice, lost, stuck, too
//! often or too fast, everything is given back, and the rows are what they were followed to be.
//!
//! `SEED=n cargo test -p tests faults::one_world -- --ignored --nocapture` plays one world again and tells its
//! story; `SEEDS=n` and `LEADS=n` play more and larger ones (`make soak`).
//!
//! In most worlds a stand-in talks to people. In some the product's own media workers do, over simulated
//! sockets and with vendors in memory, and stop, die and come back while they talk (`TALK=n`, `TALKS=n`): what
//! people said is held against the stored turns.

mod aws;
mod carrier;
mod chance;
mod clock;
mod fleet;
mod judge;
mod lists;
mod media;
mod people;
mod plant;
mod process;
mod queue;
mod rows;
mod talk;
mod tally;
mod vendors;
mod weather;
mod world;

use plant::Bug;
use tally::{Fault, Tally};
use world::{Report, Setting, Workforce, play};

use crate::conformance::variable;

/// The tests among which the seeds are divided, so that they run side by side.
const PARTS: u64 = 8;
/// 200 in all.
const SEEDS_OF_A_TEST: u64 = 25;
const LEADS: usize = 50;
/// Worlds in which people talk to real workers, and the people on their lists.
const TALKS: u64 = 16;
const TALKERS: usize = 10;
/// A planted bug must be caught within so many seeds.
const SEEDS_UNTIL_CAUGHT: u64 = 24;

#[test]
fn nobody_is_called_twice_lost_or_against_the_rules_whatever_fails_1_of_8() {
    check(0);
}

#[test]
fn nobody_is_called_twice_lost_or_against_the_rules_whatever_fails_2_of_8() {
    check(1);
}

#[test]
fn nobody_is_called_twice_lost_or_against_the_rules_whatever_fails_3_of_8() {
    check(2);
}

#[test]
fn nobody_is_called_twice_lost_or_against_the_rules_whatever_fails_4_of_8() {
    check(3);
}

#[test]
fn nobody_is_called_twice_lost_or_against_the_rules_whatever_fails_5_of_8() {
    check(4);
}

#[test]
fn nobody_is_called_twice_lost_or_against_the_rules_whatever_fails_6_of_8() {
    check(5);
}

#[test]
fn nobody_is_called_twice_lost_or_against_the_rules_whatever_fails_7_of_8() {
    check(6);
}

#[test]
fn nobody_is_called_twice_lost_or_against_the_rules_whatever_fails_8_of_8() {
    check(7);
}

#[test]
fn a_missing_gate_is_caught() {
    caught(
        Bug::NoGate,
        &[
            "was asked for 2 times",
            "went from",
            "calls somebody",
            "was forgotten",
            "passed the gate",
        ],
    );
}

#[test]
fn a_slot_that_is_given_back_twice_is_caught() {
    caught(Bug::SlotGivenBackTwice, &["and holds"]);
}

#[test]
fn a_missing_sweeper_is_caught() {
    caught(Bug::NoSweeper, &["is stuck"]);
}

#[test]
fn a_lead_that_is_claimed_blindly_is_caught() {
    caught(Bug::BlindClaim, &["and its lead is"]);
}

#[test]
fn a_stop_request_that_the_gate_does_not_hear_is_caught() {
    caught(
        Bug::StopUnheard,
        &["its number is suppressed", "was forgotten"],
    );
}

#[test]
fn a_pause_that_the_gate_does_not_hear_is_caught() {
    caught(Bug::PauseUnheard, &["its campaign is"]);
}

#[test]
fn calls_without_pacing_are_caught() {
    caught(Bug::NoPacing, &["allowed"]);
}

#[test]
fn leads_that_change_without_the_counts_are_caught() {
    caught(Bug::UncountedLeads, &["counted were"]);
}

/// Workers come and go while people talk: planned, one after the other or both at once; and they die, also
/// in the middle of a hand-over.
#[test]
fn nothing_of_a_conversation_is_lost_or_doubled_when_workers_come_and_go() {
    if let Some(seed) = variable("TALK") {
        let report = play(Setting {
            told: true,
            ..talks(seed.parse().unwrap())
        });
        tell_story(&report);
        let problems = &report.problems;
        assert!(problems.is_empty(), "TALK={seed}: {problems:#?}");
        return;
    }
    let worlds = variable("TALKS").map_or(TALKS, |worlds| worlds.parse().unwrap());
    let half = |nth: u64| {
        let seeds = (0..worlds).filter(move |seed| seed % 2 == nth);
        seeds.map(|seed| (seed, play(talks(seed)))).collect()
    };
    let reports: Vec<(u64, Report)> = std::thread::scope(|threads| {
        let other = threads.spawn(|| half(1));
        let mut reports: Vec<_> = half(0);
        reports.append(&mut other.join().unwrap());
        reports
    });
    let mut faults = Tally::default();
    let mut wrong = Vec::new();
    for (seed, report) in &reports {
        faults.add(&report.faults);
        if !report.problems.is_empty() {
            wrong.push(format!("TALK={seed}: {:#?}", report.problems));
        }
    }
    println!("{worlds} worlds, {} went wrong; {faults}", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let missing = faults.missing(Fault::of_workers());
    assert!(
        worlds < TALKS || missing.is_empty(),
        "never happened: {missing:?}"
    );
}

#[test]
fn a_turn_that_the_table_forgets_is_caught() {
    caught_in(talks, Bug::TurnForgotten, &["has turns at", "is lost"]);
}

fn talks(seed: u64) -> Setting {
    Setting {
        leads: TALKERS,
        workers: Workforce::Real,
        ..setting(seed)
    }
}

/// The same seed is the same world, to the last request.
#[test]
fn a_seed_replays_exactly() {
    let run = || {
        let report = play(setting(7));
        let Report {
            storage_requests,
            carrier_requests,
            virtual_time,
            ..
        } = report;
        (storage_requests, carrier_requests, virtual_time)
    };
    assert_eq!(run(), run());
}

/// Plays one world and prints everything that happened in it.
#[test]
#[ignore = "plays the world of SEED again, to be read"]
fn one_world_is_told() {
    let seed = variable("SEED").expect("SEED names the world");
    let report = play(Setting {
        told: true,
        ..setting(seed.parse().unwrap())
    });
    tell_story(&report);
    let problems = &report.problems;
    assert!(problems.is_empty(), "SEED={seed}: {problems:#?}");
}

fn setting(seed: u64) -> Setting {
    let leads = variable("LEADS").map_or(LEADS, |leads| leads.parse().unwrap());
    Setting {
        seed,
        leads,
        bug: None,
        workers: Workforce::StandIns,
        told: false,
    }
}

/// Plays this part of the seeds, all of them, and names those that went wrong.
#[expect(
    clippy::print_stdout,
    reason = "says how far a soak is, and what went wrong in it"
)]
fn check(part: u64) {
    let seeds = variable("SEEDS").map_or(SEEDS_OF_A_TEST, |seeds| {
        let seeds: u64 = seeds.parse().unwrap();
        seeds.div_ceil(PARTS)
    });
    let mut wrong = Vec::new();
    let mut faults = Tally::default();
    let (mut calls, mut requests) = (0, 0);
    for nth in 0..seeds {
        let seed = part * seeds + nth;
        let report = play(setting(seed));
        faults.add(&report.faults);
        calls += report.carrier_requests;
        requests += report.storage_requests.values().sum::<u64>();
        if !report.problems.is_empty() {
            let problems = report.problems;
            wrong.push(format!("SEED={seed}: {problems:#?}"));
        }
        if (nth + 1) % 100 == 0 {
            println!("{} of {seeds} seeds, {} went wrong", nth + 1, wrong.len());
        }
    }
    println!(
        "{seeds} worlds, {calls} requests for calls, {requests} to storage, {} went wrong; {faults}",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // A fault that never happens is a check that cannot fail.
    let missing = faults.missing(Fault::every());
    assert!(
        seeds < SEEDS_OF_A_TEST || missing.is_empty(),
        "never happened: {missing:?}"
    );
}

#[expect(clippy::print_stdout, reason = "the story of a seed is to be read")]
fn tell_story(report: &Report) {
    for line in &report.story {
        println!("{line}");
    }
    let Report {
        problems: _,
        story: _,
        storage_requests,
        carrier_requests,
        virtual_time,
        faults,
        dead_letters,
    } = report;
    println!(
        "{storage_requests:?} requests to storage, {carrier_requests} for calls, {dead_letters} dead \
         letters, {virtual_time:?}; {faults}"
    );
}

/// The suite finds the bug, and finds it as what it is.
fn caught(bug: Bug, says: &[&str]) {
    caught_in(setting, bug, says);
}

fn caught_in(setting: impl Fn(u64) -> Setting, bug: Bug, says: &[&str]) {
    for seed in 0..SEEDS_UNTIL_CAUGHT {
        let bug = Some(bug);
        let report = play(Setting {
            bug,
            ..setting(seed)
        });
        if let Some(first) = report.problems.first() {
            let known = says.iter().any(|says| first.contains(says));
            assert!(known, "SEED={seed}: caught as something else: {first}");
            return;
        }
    }
    panic!("{bug:?} was not caught within {SEEDS_UNTIL_CAUGHT} seeds");
}
