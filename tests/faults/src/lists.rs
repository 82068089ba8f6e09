//! The campaigns of a world: who is on which list, when they may be called, how often and how many at
//! once.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::chance::Chance;
use super::people::People;

/// A campaign before it is made.
#[derive(Debug, Clone)]
pub(super) struct List {
    /// The body of `POST /v1/campaigns`, but for the agent.
    pub(super) body: Value,
    pub(super) numbers: Vec<String>,
}

/// Says all that is demanded in the places of these people.
const OPENING: &str = "Hi, the AI assistant of Acme Dental about your appointment. This call is recorded \
     and transcribed. Say stop or press 9 to opt out.";

/// What is left on mailboxes: long enough for somebody to pick up meanwhile.
const MESSAGE: &str = "This is the AI assistant of Acme Dental about your appointment on Tuesday at three. Please \
     call us back at your convenience, or press 9 to opt out of further calls.";

/// After which ends people's other numbers are called.
const NEXT_NUMBER_AFTER: [&[&str]; 4] = [
    &["no_answer", "unreachable"],
    &["no_answer", "busy", "voicemail", "unreachable"],
    &[
        "no_answer",
        "busy",
        "voicemail",
        "unreachable",
        "suppressed",
        "not_allowed",
    ],
    &["no_answer", "suppressed"],
];

/// When a world begins: ordinary days, and the days on which clocks in America change, in UTC.
const BEGINNINGS: [&str; 5] = [
    "2026-06-17T15:40:00Z",
    "2026-11-20T13:00:00Z",
    "2026-10-31T22:30:00Z",
    "2026-03-07T23:00:00Z",
    "2026-12-04T02:00:00Z",
];

pub(super) fn beginning(chance: &Chance) -> Timestamp {
    chance.pick(&BEGINNINGS).parse().unwrap()
}

/// When everybody may be called: it is between 9 and 15 o'clock where they are.
pub(super) fn midday() -> Timestamp {
    "2026-06-17T19:00:00Z".parse().unwrap()
}

/// One campaign with everybody in it, or two that share some people.
pub(super) fn lists(chance: &Chance, people: &People) -> Vec<List> {
    let numbers = people.numbers();
    let half = numbers.len() / 2;
    let shared = numbers.len() / 10;
    let mut lists = if chance.per_mille(500) {
        vec![list(chance, "all", numbers)]
    } else {
        vec![
            list(chance, "one", numbers[..half + shared].to_vec()),
            list(chance, "other", numbers[half..].to_vec()),
        ]
    };
    if let Some(chance) = people.others_by_chance() {
        for list in &mut lists {
            list.body["alternate_numbers"] = json!({
                "after": chance.pick(&NEXT_NUMBER_AFTER),
                "wait_seconds": 60 * chance.number(0..=5),
            });
        }
    }
    lists
}

/// Most of them leave a message where a machine answers.
pub(super) fn with_messages(chance: &Chance, mut lists: Vec<List>) -> Vec<List> {
    for list in &mut lists {
        if chance.per_mille(700) {
            list.body["amd"] = json!({ "machine": "leave_message", "voicemail_message": MESSAGE });
        }
    }
    lists
}

fn list(chance: &Chance, name: &str, numbers: Vec<String>) -> List {
    let windows = match chance.number(0..=2) {
        0 => json!([["09:00", "20:00"]]),
        1 => json!([["09:30", "12:00"], ["13:00", "18:15"]]),
        _ => json!([["00:00", "24:00"]]),
    };
    let windows: Value = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        .into_iter()
        .map(|day| (day.to_owned(), windows.clone()))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let minutes = |low, high| 60 * chance.number(low..=high);
    let body = json!({
        "name": name,
        "kind": "information",
        "consent_elsewhere": { "kind": "express", "reason": "signed forms" },
        "windows": windows,
        "call_on_holidays": true,
        "max_concurrent_calls": chance.number(2..=8),
        "max_attempts": chance.number(2..=3),
        "retry": {
            "no_answer_seconds": minutes(10, 40),
            "busy_seconds": minutes(5, 30),
            "failed_seconds": minutes(2, 10),
            "voicemail_seconds": minutes(20, 60),
        },
        "caps": { "attempts_per_day": chance.number(3..=6), "minimum_gap_seconds": minutes(1, 10) },
        "ramp": { "from": chance.number(1..=3), "over_seconds": minutes(0, 5) },
        "breaker": { "failures_percent": 80, "calls": 10, "pause_seconds": 300 },
        "priority": chance.number(1..=9),
        "disclosure": {
            "business_name": "Acme Dental", "purpose": "your appointment", "opening": OPENING,
        },
    });
    List { body, numbers }
}

/// How long after the beginning a user does something: mostly while many are called, sometimes late.
pub(super) fn some_time(chance: &Chance, late: bool) -> Duration {
    const SOON: u64 = 15 * 60;
    const LATE: u64 = 3 * 60 * 60;
    let latest = *chance.pick(&[SOON, SOON, LATE]);
    chance.secs(30..=if late { latest } else { SOON })
}
