//! How the program starts, ends and explains itself: the log in its first lines, proxies, Ctrl-C, a full disk, a
//! vendor that is down, and what an earlier scene left.

use std::path::Path;
use std::time::{Duration, Instant};

use local::demo::client::{ApiClient, CallView};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::process::{Running, command, until};

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:9";
/// Somebody who picks up and says nothing.
const SILENT: &str = "+14155550103";
/// Somebody who talks.
const TALKER: &str = "+14155550101";

async fn call(api: &ApiClient, to: &str) -> CallView {
    let agents: Value = api.get("v1/agents").await.unwrap();
    let body = json!({
        "agent_id": agents["items"][0]["id"],
        "to": to,
        "kind": "information",
        "variables": { "name": "Sam", "day": "Monday", "time": "nine" },
        "override": { "reason": "a test runs at any hour" },
    });
    api.post("v1/calls", &body).await.unwrap()
}

/// Names and states of all campaigns.
async fn campaigns(api: &ApiClient) -> Vec<(String, String)> {
    let page: Value = api.get("v1/campaigns").await.unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = page["items"].as_array().unwrap().iter();
    items
        .map(|item| (text(&item["id"]), text(&item["state"])))
        .collect()
}

/// Waits until there is a campaign in this state, and gives its id.
async fn campaign_in(api: &ApiClient, state: &str) -> String {
    let begun = Instant::now();
    loop {
        let campaigns = campaigns(api).await;
        if let Some((id, _state)) = campaigns.into_iter().find(|(_id, its)| its == state) {
            return id;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "none is {state}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn log(state: &Path) -> String {
    std::fs::read_to_string(state.join("trunkline.log")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_proxies_the_environment_names_this_machine_is_not_reached_by_them() {
    let state = tempfile::tempdir().unwrap();
    let mut start = command(state.path(), &["--quiet"]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"] {
        start.env(name, NOWHERE);
    }
    let mut running = Running::of(start).await;
    let api = running.api();
    let placed = call(&api, TALKER).await;
    until(&api, &placed, "the agent's first words", |call| {
        !call.turns.is_empty()
    })
    .await;
    let said = running.says("trunkline.log").await;
    let at = said.iter().position(|line| line.contains("trunkline.log"));
    assert!(at < Some(8), "{said:#?}");
    running.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_one_process_nobody_waits_for_the_public_media_address() {
    let state = tempfile::tempdir().unwrap();
    let mut start = command(state.path(), &["--quiet"]);
    start.env("MEDIA_URL", "ws://127.0.0.1:9");
    let running = Running::of(start).await;
    let begun = Instant::now();
    loop {
        let report: Value = running.api().get("v1/doctor").await.unwrap();
        let checks = report["checks"].as_array().unwrap();
        let workers = checks.iter().find(|check| check["name"] == "workers");
        let workers = workers.unwrap();
        if workers["found"] == "1 takes calls" {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{workers:#}");
    }
    assert!(!log(state.path()).contains("MEDIA_URL"));
    running.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_in_the_scene_ends_it_in_a_sentence_and_nobody_else_is_called() {
    let state = tempfile::tempdir().unwrap();
    let mut running = Running::start(state.path(), &[]).await;
    campaign_in(&running.api(), "running").await;
    running.interrupt().await;
    let said = running.says("Stopped in the middle of the scene").await;
    assert_eq!(running.ends().await, Some(130), "{said:#?}");
    let again = Running::start(state.path(), &["--quiet"]).await;
    let campaigns = campaigns(&again.api()).await;
    assert_eq!(campaigns.len(), 1);
    assert_eq!(campaigns[0].1, "cancelled");
    again.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_ctrl_c_lets_a_call_end_and_the_second_quits_at_once() {
    let state = tempfile::tempdir().unwrap();
    let mut start = command(state.path(), &["--quiet"]);
    start.env("TRUNKLINE_WORKER_DRAIN_SECONDS", "600");
    let mut running = Running::of(start).await;
    let api = running.api();
    let placed = call(&api, SILENT).await;
    until(&api, &placed, "the answer", |call| {
        call.answered_at.is_some()
    })
    .await;
    running.interrupt().await;
    running
        .says("Stopping: calls that are running may end first")
        .await;
    let begun = Instant::now();
    running.interrupt().await;
    running.says("Quitting at once").await;
    assert_eq!(running.ends().await, Some(130));
    assert!(begun.elapsed() < Duration::from_secs(10), "it waited");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_leaves_no_campaign_of_an_old_scene_running_and_a_users_alone() {
    let state = tempfile::tempdir().unwrap();
    let first = Running::start(state.path(), &[]).await;
    let api = first.api();
    let scene = campaign_in(&api, "running").await;
    // Somebody's own, of the same name. Nobody on it is called before the day after tomorrow.
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let weekday = today.weekday().wrapping_add(3);
    let weekday: String = format!("{weekday:?}").chars().take(3).collect();
    let weekday = weekday.to_lowercase();
    let agents: Value = api.get("v1/agents").await.unwrap();
    let body = json!({
        "name": "First scene",
        "kind": "information",
        "consent_elsewhere": { "kind": "express", "reason": "signed forms" },
        "agent_id": agents["items"][0]["id"],
        "windows": { (weekday): [["12:00", "13:00"]] },
        "disclosure": {
            "business_name": "Bright Dental",
            "purpose": "your appointment",
            "opening": "Hello, this is the AI assistant of Bright Dental on a recorded line, about your appointment. Press nine to opt out.",
        },
    });
    let own: Value = api.post("v1/campaigns", &body).await.unwrap();
    let own = own["id"].as_str().unwrap().to_owned();
    let list = "Phone,Name,Day,Time\n+14155550199,Sam,Monday,nine\n".to_owned();
    let import = format!("v1/campaigns/{own}/imports?default_country=US");
    let _import: Value = api.post_list(&import, list).await.unwrap();
    let start = format!("v1/campaigns/{own}/start");
    let _started: Value = api.post(&start, &json!({})).await.unwrap();
    first.kill().await;

    let second = Running::start(state.path(), &["--quiet"]).await;
    let campaigns = campaigns(&second.api()).await;
    let state_of = |id: &str| {
        let found = campaigns.iter().find(|(its, _state)| its == id);
        found.unwrap().1.clone()
    };
    assert_eq!(state_of(&scene), "cancelled");
    assert_eq!(state_of(&own), "running");
    second.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_is_down_is_told_once_with_its_leg_and_kind() {
    let state = tempfile::tempdir().unwrap();
    let mut start = command(state.path(), &["--quiet"]);
    start
        .env("DEEPGRAM_API_KEY", "a-key")
        .env("DEEPGRAM_BASE_URL", NOWHERE);
    let running = Running::of(start).await;
    let api = running.api();
    for _call in 0..2 {
        let placed = call(&api, TALKER).await;
        until(&api, &placed, "its end", |call| call.outcome.is_some()).await;
    }
    let log = log(state.path());
    let told: Vec<&str> = log
        .lines()
        .filter(|line| line.contains(" WARN ") && line.contains("vendor"))
        .collect();
    assert_eq!(told.len(), 1, "{told:#?}");
    for field in ["vendor=deepgram", "leg=recognition", "kind=connect"] {
        assert_eq!(told[0].matches(field).count(), 1, "{}", told[0]);
    }
    running.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_takes_no_more_ends_the_program_in_a_sentence_and_loses_nothing() {
    let state = tempfile::tempdir().unwrap();
    // Files that may not grow: a full disk as far as a user without rights can make one.
    let mut start = Command::new("bash");
    start
        .args(["-c", "ulimit -f 3000; exec \"$0\" --quiet"])
        .arg(env!("CARGO_BIN_EXE_trunkline"));
    let like = command(state.path(), &[]);
    start.env_clear().kill_on_drop(true);
    for (name, value) in like.as_std().get_envs() {
        start.env(name, value.unwrap());
    }
    let mut running = Running::of(start).await;
    let api = running.api();
    let mut kept: Vec<String> = Vec::new();
    let refused = loop {
        let body = json!({
            "name": format!("Prompt {}", kept.len()),
            "system": "x".repeat(16_000),
            "greeting": "Hello.",
        });
        match api.post::<Value>("v1/prompts", &body).await {
            Ok(made) => kept.push(made["id"].as_str().unwrap().to_owned()),
            Err(_refused) => break Instant::now(),
        }
        assert!(kept.len() < 2_000, "the files have no limit");
    };
    running.says("Stopping, because the disk of ").await;
    assert!(refused.elapsed() < Duration::from_secs(2));
    assert_eq!(running.ends().await, Some(74));
    assert!(!kept.is_empty());

    let again = Running::start(state.path(), &["--quiet"]).await;
    let api = again.api();
    for id in &kept {
        let prompt: Value = api.get(&format!("v1/prompts/{id}")).await.unwrap();
        assert_eq!(prompt["id"], id.as_str());
    }
    again.kill().await;
}
