//! `trunkline simulate` as an operations person runs it: files in, a forecast and its dials out, judged
//! by code that knows nothing of the planner.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// One with two zones, some without summer time, the last two a day apart.
const AREAS: &[u16] = &[212, 312, 303, 415, 602, 808, 907, 208, 787, 671];

#[test]
fn a_list_is_simulated_the_same_twice_and_within_every_rule() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    list(at, 1_500);
    write(
        at,
        "campaign.json",
        r#"{"name": "Spring", "kind": "information", "consent_elsewhere": {"kind": "express", "reason": "signed forms"}, "max_concurrent_calls": 8, "max_attempts": 2,
            "windows": {"fri": [["10:00", "19:00"]], "sat": [["10:00", "12:00"], ["13:30", "19:00"]],
                        "sun": [["12:00", "18:00"]], "mon": [["10:00", "19:00"]]},
            "retry": {"no_answer_seconds": 7200, "busy_seconds": 14400, "failed_seconds": 1800, "voicemail_seconds": 86400}}"#,
    );
    let arguments = [
        "leads.csv",
        "--campaign",
        "campaign.json",
        // The change of summer time is on Sunday the 8th.
        "--from",
        "2026-03-06T00:00:00Z",
        "--days",
        "5",
        "--seed",
        "7",
        "--json",
    ];
    let once = |dials: &str, rejects: &str| {
        let files = ["--dials", dials, "--rejects", rejects];
        let arguments: Vec<&str> = arguments.iter().chain(&files).copied().collect();
        let output = simulate(at, &arguments);
        assert!(output.status.success(), "{}", told(&output.stderr));
        assert_eq!(told(&output.stderr), "", "nothing but the forecast is said");
        let dials = std::fs::read_to_string(at.join(dials)).unwrap();
        (told(&output.stdout), dials)
    };
    let (forecast, dials) = once("dials.csv", "rejects.csv");
    let (again, dials_again) = once("dials_again.csv", "rejects_again.csv");
    assert_eq!(forecast, again);
    assert_eq!(dials, dials_again);

    let forecast: Value = serde_json::from_str(&forecast).unwrap();
    let rows = judge(&dials);
    assert_eq!(forecast["calls"]["total"], rows);
    let leads = &forecast["leads"];
    // Two rows that are no numbers, and one number that comes again.
    assert_eq!(leads["total"], 1_503);
    let refused = sum(&leads["refused"]);
    assert_eq!(refused, 3);
    let done = sum(&leads["done"]);
    assert_eq!(refused + done + leads["waiting"].as_u64().unwrap(), 1_503);
    let called = leads["called"].as_u64().unwrap();
    assert_eq!(called + sum(&forecast["skipped"]), 1_503);
    let rejects = std::fs::read_to_string(at.join("rejects.csv")).unwrap();
    assert_eq!(rejects.lines().count(), 4, "{rejects}");
    assert!(rejects.contains("duplicate_in_file"), "{rejects}");

    let table = simulate(at, &arguments[..9]);
    let table = told(&table.stdout);
    for part in [
        "Expected finish",
        "Calls per hour",
        "Cost",
        "never: duplicate_in_file",
    ] {
        assert!(table.contains(part), "{part} is not in the table: {table}");
    }
    assert!(!table.contains("+1"), "the table shows a number");
}

#[test]
fn numbers_that_must_not_be_called_are_counted_and_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write(at, "leads.csv", "phone\n+12125550100\n+14155552671\n");
    write(at, "do_not_call.csv", "number\n+1 (415) 555-2671\n");
    write(
        at,
        "campaign.json",
        r#"{"name": "Spring", "kind": "information", "consent_elsewhere": {"kind": "express", "reason": "signed forms"}, "starts_at": "2026-03-02T00:00:00Z"}"#,
    );
    let output = simulate(
        at,
        &[
            "leads.csv",
            "--campaign",
            "campaign.json",
            "--suppressed",
            "do_not_call.csv",
            "--dials",
            "dials.csv",
            "--json",
        ],
    );
    assert!(output.status.success(), "{}", told(&output.stderr));
    let forecast: Value = serde_json::from_str(&told(&output.stdout)).unwrap();
    assert_eq!(forecast["skipped"]["suppressed"], 1);
    let dials = std::fs::read_to_string(at.join("dials.csv")).unwrap();
    assert!(!dials.contains("+14155552671"));
}

#[test]
fn what_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write(at, "leads.csv", "phone\n+12125550100\n");
    write(at, "no_number.csv", "first,last\nAnna,Lee\n");
    write(at, "empty.csv", "");
    write(
        at,
        "campaign.json",
        r#"{"name": "Spring", "kind": "information", "consent_elsewhere": {"kind": "express", "reason": "signed forms"}}"#,
    );
    write(at, "broken.json", "{");
    write(at, "typo.json", r#"{"name": "Spring", "max_calls": 3}"#);
    write(
        at,
        "nested.json",
        r#"{"name": "Spring", "retry": {"busy_seconds": "soon"}}"#,
    );
    write(
        at,
        "absurd.json",
        r#"{"name": "Spring", "kind": "information", "max_attempts": 0, "windows": {}}"#,
    );
    write(
        at,
        "model.json",
        r#"{"opt_out": 3, "talk": {"median_seconds": -1}}"#,
    );
    write(
        at,
        "prices.json",
        r#"{"currency": "USD", "carrier_per_minute": 7}"#,
    );
    let from = "2026-03-01T00:00:00Z";
    let with = |leads: &str, campaign: &str, more: &[&str]| {
        let mut arguments = vec![leads, "--campaign", campaign, "--dials", "dials.csv"];
        arguments.extend(["--from", from]);
        arguments.extend(more);
        let output = simulate(at, &arguments);
        assert!(!output.status.success(), "{arguments:?} was accepted");
        assert_eq!(told(&output.stdout), "");
        assert!(!at.join("dials.csv").exists(), "{arguments:?} left a file");
        told(&output.stderr)
    };
    for (leads, campaign, more, says) in [
        ("missing.csv", "campaign.json", &[][..], "missing.csv"),
        ("empty.csv", "campaign.json", &[], "the file is empty"),
        (
            "no_number.csv",
            "campaign.json",
            &[],
            "no column has phone numbers",
        ),
        ("leads.csv", "missing.json", &[], "missing.json"),
        ("leads.csv", "broken.json", &[], "broken.json"),
        ("leads.csv", "typo.json", &[], "max_calls"),
        ("leads.csv", "nested.json", &[], "`retry.busy_seconds`"),
        ("leads.csv", "absurd.json", &[], "`/campaign/max_attempts`"),
        ("leads.csv", "absurd.json", &[], "`/campaign/windows`"),
        ("leads.csv", "campaign.json", &["--days", "0"], "`/days`"),
        (
            "leads.csv",
            "campaign.json",
            &["--days", "367"],
            "from 1 to 366",
        ),
        (
            "leads.csv",
            "campaign.json",
            &["--model", "model.json"],
            "`/model/opt_out`",
        ),
        (
            "leads.csv",
            "campaign.json",
            &["--prices", "prices.json"],
            "`carrier_per_minute`",
        ),
        (
            "leads.csv",
            "campaign.json",
            &["--country", "Atlantis"],
            "--country",
        ),
        (
            "leads.csv",
            "campaign.json",
            &["--rejects", "./leads.csv"],
            "overwritten",
        ),
        (
            "leads.csv",
            "campaign.json",
            &["--rejects", "dials.csv"],
            "overwritten",
        ),
    ] {
        let told = with(leads, campaign, more);
        assert!(told.contains(says), "{says} was not told: {told}");
    }
    let kept = std::fs::read_to_string(at.join("leads.csv")).unwrap();
    assert!(kept.contains("+12125550100"));
    let output = simulate(at, &["leads.csv", "--campaign", "campaign.json"]);
    assert!(
        told(&output.stderr).contains("--from"),
        "no start was given"
    );
    let output = simulate(
        at,
        &["leads.csv", "--campaign", "campaign.json", "--from", "soon"],
    );
    assert!(
        told(&output.stderr).contains("--from"),
        "a start that is none"
    );
}

/// Looks at every dial, and says how many there are.
fn judge(dials: &str) -> usize {
    let mut lines = dials.lines();
    assert_eq!(
        lines.next(),
        Some("number,attempt,at_utc,ended_utc,zones,outcome")
    );
    let mut people: BTreeMap<&str, (Timestamp, &str, u32)> = BTreeMap::new();
    let mut ends: Vec<Timestamp> = Vec::new();
    let mut last: Option<Timestamp> = None;
    let mut count = 0;
    for line in lines {
        count += 1;
        let fields: Vec<&str> = line.split(',').collect();
        let [number, attempt, at, ended, zones, outcome] = fields[..] else {
            panic!("not six fields: {line}");
        };
        let (at, ended): (Timestamp, Timestamp) = (at.parse().unwrap(), ended.parse().unwrap());
        let attempt: u32 = attempt.parse().unwrap();
        for zone in zones.split(';') {
            assert!(is_open(at, zone), "{line}");
        }
        // One call in a second, as nothing else is set.
        if let Some(last) = last {
            assert!(
                last.duration_until(at) >= SignedDuration::from_secs(1),
                "{line}"
            );
        }
        last = Some(at);
        ends.retain(|end| *end > at);
        ends.push(ended);
        assert!(ends.len() <= 8, "{line}");
        assert!(attempt <= 2, "{line}");
        if let Some((before, after, first)) = people.insert(number, (ended, outcome, attempt)) {
            let hours = match after {
                "no_answer" => 2,
                "busy" => 4,
                "voicemail" | "screened" => 24,
                "carrier_failed" => 0,
                over => panic!("called again after {over}: {line}"),
            };
            let wait = SignedDuration::from_hours(hours).max(SignedDuration::from_mins(30));
            assert!(before.duration_until(at) >= wait, "{line}");
            assert_eq!(attempt, first + 1, "{line}");
        }
    }
    assert!(count > 1_500, "{count}");
    count
}

/// The windows of the campaign, read off the callee's clock.
fn is_open(at: Timestamp, zone: &str) -> bool {
    let local = at.to_zoned(TimeZone::get(zone).unwrap());
    let spans: &[((i8, i8), (i8, i8))] = match local.weekday().to_monday_zero_offset() {
        0 | 4 => &[((10, 0), (19, 0))],
        5 => &[((10, 0), (12, 0)), ((13, 30), (19, 0))],
        6 => &[((12, 0), (18, 0))],
        _ => &[],
    };
    let time = |(hour, minute): (i8, i8)| Time::new(hour, minute, 0, 0).unwrap();
    spans
        .iter()
        .any(|(from, to)| time(*from) <= local.time() && local.time() < time(*to))
}

/// So many leads all over the country, and three rows that are none.
fn list(at: &Path, count: u32) {
    let mut csv = "phone,first_name\n".to_owned();
    for (one, area) in (0..count).zip(AREAS.iter().cycle()) {
        writeln!(csv, "+1{area}{:07},Anna", 2_550_000 + one).unwrap();
    }
    csv.push_str("+12122550000,Again\nnone,Bob\n911,Police\n");
    write(at, "leads.csv", &csv);
}

fn simulate(at: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trunkline"))
        .arg("simulate")
        .args(arguments)
        .env_clear()
        .current_dir(at)
        .output()
        .unwrap()
}

fn write(at: &Path, name: &str, text: &str) {
    std::fs::write(at.join(name), text).unwrap();
}

fn told(output: &[u8]) -> String {
    String::from_utf8(output.to_vec()).unwrap()
}

fn sum(counts: &Value) -> u64 {
    let counts = counts.as_object().unwrap().values();
    counts.map(|count| count.as_u64().unwrap()).sum()
}
