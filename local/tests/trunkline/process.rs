//! The binary as a user starts it: the first scene, a kill in mid-call, a restart, and what the log
//! may not contain.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use local::demo::client::{ApiClient, CallView};
use serde_json::{Value, json};
use settings::Secret;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use url::Url;

/// How long a journey waits for what must come: generous, because it ends as soon as it comes.
const PATIENCE: Duration = Duration::from_secs(60);
const SCENE_PATIENCE: Duration = Duration::from_secs(200);
const KEY: &str = "journey-key-0123456789";

/// A running `trunkline`, killed when the test ends.
pub(crate) struct Running {
    child: Child,
    pub(crate) base: Url,
    /// What it has said so far, a line each.
    said: watch::Receiver<Vec<String>>,
}

impl Running {
    /// Starts the binary on a state folder and waits until it says where it is.
    pub(crate) async fn start(state: &Path, arguments: &[&str]) -> Self {
        Self::start_at(state, arguments, 0).await
    }

    /// The same, on this port.
    async fn start_at(state: &Path, arguments: &[&str], port: u16) -> Self {
        let mut command = command(state, arguments);
        command.env("TRUNKLINE_PORT", port.to_string());
        Self::of(command).await
    }

    /// The same, by a command of one's own.
    pub(crate) async fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (say, mut said) = watch::channel(Vec::new());
        // Whatever it prints is read, so that it never waits for us.
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                say.send_modify(|said: &mut Vec<String>| said.push(line));
            }
        });
        let up = said.wait_for(|said| address(said).is_some());
        let up = tokio::time::timeout(PATIENCE, up).await;
        let up = up.expect("it never said where its API is");
        let up = up.expect("the process ended before it was up").clone();
        Self {
            child,
            base: address(&up).unwrap(),
            said,
        }
    }

    /// Waits for a line that has this in it, and gives all lines up to then.
    pub(crate) async fn says(&mut self, part: &str) -> Vec<String> {
        let has = |said: &Vec<String>| said.iter().any(|line| line.contains(part));
        let said = self.said.wait_for(has);
        let said = tokio::time::timeout(PATIENCE, said).await;
        let said = said.unwrap_or_else(|_elapsed| panic!("it never said {part}"));
        said.unwrap_or_else(|_ended| panic!("it ended and never said {part}"))
            .clone()
    }

    /// As Ctrl-C does.
    pub(crate) async fn interrupt(&self) {
        let pid = self.child.id().unwrap().to_string();
        let told = Command::new("kill").args(["-INT", &pid]).status().await;
        assert!(told.unwrap().success());
    }

    /// The status that it ends with by itself.
    pub(crate) async fn ends(&mut self) -> Option<i32> {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ended.expect("it does not end").unwrap().code()
    }

    pub(crate) fn api(&self) -> ApiClient {
        ApiClient::new(self.base.clone(), Secret::new(KEY.to_owned())).unwrap()
    }

    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// Where its API is, if it has said so.
fn address(said: &[String]) -> Option<Url> {
    let mut lines = said.iter();
    let base = lines.find_map(|line| Some(line.split_once("API at ")?.1))?;
    Some(Url::parse(base.trim()).unwrap())
}

pub(crate) fn command(state: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trunkline"));
    command
        .args(arguments)
        .env_clear()
        .env("TRUNKLINE_STATE_DIR", state)
        .env("TRUNKLINE_PORT", "0")
        .env("TRUNKLINE_API_KEY", KEY)
        .env("TRUNKLINE_WORKER_DRAIN_SECONDS", "0")
        .kill_on_drop(true);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_scene_accounts_for_everybody_and_logs_nothing_personal() {
    let state = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let output = command(state.path(), &["--once"]).output().await.unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{told}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // It takes well under a minute on a quiet machine; this bound only tells a hang from a campaign.
    assert!(begun.elapsed() < SCENE_PATIENCE);
    for part in [
        "13 rows read: 10 people to call, 3 rows kept out",
        "reached, after 2 calls",
        "voicemail_left",
        "opted_out",
        "exhausted, after 2 calls",
        "unreachable",
        "kept out: suppressed",
        "Who sleeps is called from",
        "13 of 13 steps happened",
        "trunkline.log",
    ] {
        assert!(told.contains(part), "{part} was not told: {told}");
    }

    let log = std::fs::read_to_string(state.path().join("trunkline.log")).unwrap();
    let told_of_calls = log.lines().filter(|line| line.contains("call_")).count();
    assert!(told_of_calls > 0, "the log says nothing of calls: {log}");
    for personal in [
        "415555011",
        "4155550120",
        "5005550006",
        "I will be there",
        "Bright Dental",
        "Dana",
        KEY,
    ] {
        assert!(!log.contains(personal), "{personal} is in the log");
    }
    // A machine that is busy with other things delivers audio late, and the product is right to say so.
    let mut lines = log
        .lines()
        .filter(|line| !line.contains("reason=frames_late"));
    let problem = lines.find(|line| line.contains(" ERROR ") || line.contains(" WARN "));
    assert_eq!(problem, None, "a clean run logged a problem: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_mid_call_loses_no_finished_turn_and_no_recording() {
    let state = tempfile::tempdir().unwrap();
    // The carrier goes on sending its webhooks to the address that it was given before the kill.
    let port = free_port();
    let first = Running::start_at(state.path(), &["--quiet"], port).await;
    let api = first.api();
    let agents: Value = api.get("v1/agents").await.unwrap();
    let body = json!({
        "agent_id": agents["items"][0]["id"],
        "to": "+14155550101",
        "kind": "information",
        "variables": { "name": "Sam", "day": "Monday", "time": "nine" },
        "override": { "reason": "a test runs at any hour" },
    });
    let call: CallView = api.post("v1/calls", &body).await.unwrap();
    let before = until(&api, &call, "three turns", |call| call.turns.len() >= 3).await;
    first.kill().await;

    let second = Running::start_at(state.path(), &["--quiet"], port).await;
    let api = second.api();
    let after = until(&api, &call, "the kept recording", |call| {
        call.outcome.is_some() && kept(call)
    })
    .await;
    for (kept, known) in after.turns.iter().zip(&before.turns) {
        assert_eq!((kept.speaker, &kept.text), (known.speaker, &known.text));
    }
    assert!(after.turns.len() >= before.turns.len());
    let wav = api.recording(call.id).await.unwrap();
    assert!(wav.starts_with(b"RIFF"));
    second.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_from_before_the_first_release_is_refused_and_left_as_it_is() {
    let state = tempfile::tempdir().unwrap();
    let files = state.path().join("engines");
    std::fs::create_dir(&files).unwrap();
    for (file, dump) in [
        ("dynamodb.sqlite", include_str!("../older/dynamodb.sql")),
        ("sqs.sqlite", include_str!("../older/sqs.sql")),
    ] {
        let file = rusqlite::Connection::open(files.join(file)).unwrap();
        file.execute_batch(dump).unwrap();
    }
    let table = || std::fs::read(files.join("dynamodb.sqlite")).unwrap();
    let before = table();
    let refused = command(state.path(), &["--quiet"]).output().await.unwrap();
    assert!(!refused.status.success());
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("before the first release"), "{told}");
    assert!(told.contains("TRUNKLINE_STATE_DIR"), "{told}");
    assert!(table() == before, "the table was changed");
    assert!(!files.join("layout").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_settings_are_all_told_before_anything_starts() {
    let state = tempfile::tempdir().unwrap();
    let output = command(state.path(), &["--once"])
        .env("TRUNKLINE_PORT", "many")
        .env("TWILIO_ACCOUNT_SID", "AC1")
        .output()
        .await
        .unwrap();
    assert!(!output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    for variable in ["TRUNKLINE_PORT", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"] {
        assert!(told.contains(variable), "{variable} was not told: {told}");
    }
    let kept: Vec<_> = std::fs::read_dir(state.path()).unwrap().collect();
    assert!(kept.is_empty(), "something was started: {kept:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_never_share_a_state_folder() {
    let state = tempfile::tempdir().unwrap();
    let first = Running::start(state.path(), &["--quiet"]).await;
    let second = command(state.path(), &["--quiet"]).output().await.unwrap();
    assert!(!second.status.success());
    let told = String::from_utf8(second.stderr).unwrap();
    assert!(
        told.contains("in use") || told.contains("another process"),
        "{told}"
    );
    first.kill().await;
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

pub(crate) async fn until(
    api: &ApiClient,
    call: &CallView,
    what: &str,
    holds: impl Fn(&CallView) -> bool,
) -> CallView {
    let begun = Instant::now();
    loop {
        let seen = api.call(call.id).await.unwrap();
        if holds(&seen) {
            return seen;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "waited in vain for {what}: {seen:#?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn kept(call: &CallView) -> bool {
    let recording = call.recording.as_ref();
    recording.is_some_and(|recording| recording.state == "kept")
}
