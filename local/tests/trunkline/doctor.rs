//! `trunkline doctor` as a newcomer types it: before anything is there, beside what runs, and when
//! something is wrong.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::process::{Running, command};

/// What it said, and its status.
async fn doctor(state: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> (String, i32) {
    let arguments: Vec<&str> = ["doctor"].iter().chain(arguments).copied().collect();
    let output = command(state, &arguments)
        .envs(environment.iter().copied())
        .output()
        .await
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let problem = String::from_utf8(output.stderr).unwrap();
    assert!(problem.is_empty(), "{problem}");
    (told, output.status.code().unwrap())
}

/// The first line that has this in it.
#[track_caller]
fn line<'a>(told: &'a str, part: &str) -> &'a str {
    let line = told.lines().find(|line| line.contains(part));
    line.unwrap_or_else(|| panic!("{part} was not told: {told}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_first_start_it_says_how_to_begin_and_makes_nothing() {
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().join("new");
    let (told, status) = doctor(&folder, &[], &[]).await;
    assert_eq!(status, 1, "{told}");
    assert!(line(&told, "installation  ").contains("FAILED"), "{told}");
    assert!(told.contains("$ cargo run -- --quiet\n"), "{told}");
    assert!(!folder.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_is_well_and_what_stands_too() {
    let state = tempfile::tempdir().unwrap();
    let running = Running::start(state.path(), &["--quiet"]).await;
    let (told, status) = doctor(state.path(), &[], &[]).await;
    assert_eq!(status, 0, "{told}");
    assert!(told.starts_with("Trunkline doctor: the installation that runs in "));
    assert!(
        !told.contains("FAILED") && !told.contains("warning"),
        "{told}"
    );
    for (name, found) in [
        ("table  ", "trunkline is active"),
        ("bucket objects  ", "put, read back and deleted"),
        ("account  ", "active, the token is taken"),
        ("+15005550006  ", "calls to it come here"),
        ("ElevenLabs  ", "takes the key"),
        ("webhooks  ", "asked from here"),
    ] {
        let line = line(&told, name);
        assert!(line.contains(" ok ") && line.ends_with(found), "{line}");
    }

    let (json, status) = doctor(state.path(), &["--json"], &[]).await;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["state"], status), (&Value::from("ok"), 0));
    let asked: Value = running.api().get("v1/doctor").await.unwrap();
    assert_eq!(asked["state"], "ok", "{asked:#}");
    let names = |report: &Value| {
        let checks = report["checks"].as_array().unwrap().iter();
        let names = checks.map(|check| check["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(&json), names(&asked));

    running.kill().await;
    let (told, status) = doctor(state.path(), &[], &[]).await;
    assert_eq!(status, 0, "{told}");
    assert!(line(&told, "Trunkline doctor").ends_with("which does not run"));
    assert!(line(&told, "account  ").ends_with("simulated while Trunkline runs"));
    // It has let go of the folder.
    Running::start(state.path(), &["--quiet"])
        .await
        .kill()
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_with_its_command_and_a_number_is_mended() {
    let state = tempfile::tempdir().unwrap();
    let running = Running::start(state.path(), &["--quiet"]).await;
    let wrong = [
        ("DEEPGRAM_API_KEY", "not-the-key"),
        ("TRUNKLINE_BUKET", "x"),
    ];
    let (told, status) = doctor(state.path(), &[], &wrong).await;
    assert_eq!(status, 1, "{told}");
    assert!(line(&told, "Deepgram  ").contains("refuses the key of DEEPGRAM_API_KEY"));
    assert!(line(&told, "$ export").ends_with("$ export DEEPGRAM_API_KEY=…"));
    assert!(line(&told, "$ unset").ends_with("$ unset TRUNKLINE_BUKET"));
    assert!(!told.contains("not-the-key"), "{told}");
    // What mends a check stands below it.
    let lines: Vec<&str> = told.lines().collect();
    let place = lines.iter().position(|line| line.contains("Deepgram  "));
    assert!(
        lines[place.unwrap() + 1]
            .trim_start()
            .starts_with("$ export")
    );

    at_carrier(state.path(), "https://demo.twilio.com/welcome/voice/").await;
    let (told, status) = doctor(state.path(), &[], &[]).await;
    assert_eq!(status, 1, "{told}");
    assert!(line(&told, "+15005550006  ").contains("FAILED"), "{told}");
    assert!(
        told.contains("$ cargo run -- doctor --fix numbers\n"),
        "{told}"
    );
    let (told, status) = doctor(state.path(), &["--fix", "numbers"], &[]).await;
    assert_eq!(status, 0, "{told}");
    assert!(
        told.contains("numbers: +15005550006: its webhook was set\n"),
        "{told}"
    );
    let (told, status) = doctor(state.path(), &["--fix", "numbers"], &[]).await;
    assert_eq!(status, 0, "{told}");
    assert!(told.contains("numbers: nothing to mend\n"), "{told}");
    running.kill().await;
}

/// Sets the number's webhook at the simulated carrier, as somebody might in its console.
async fn at_carrier(state: &Path, voice_url: &str) {
    let kept = std::fs::read_to_string(state.join("environment")).unwrap();
    let kept = kept.lines().filter_map(|line| line.split_once('='));
    let kept: BTreeMap<&str, &str> = kept
        .map(|(name, value)| (name, value.trim_matches('\'')))
        .collect();
    let base = kept["TWILIO_BASE_URL"];
    let account = kept["TWILIO_ACCOUNT_SID"];
    let sid = format!("PN{:0>32}", 15_005_550_006_u64);
    let url = format!("{base}2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{sid}.json");
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("VoiceUrl", voice_url)
        .finish();
    let answer = reqwest::Client::new()
        .post(url)
        .basic_auth(account, Some(kept["TWILIO_AUTH_TOKEN"]))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
}
