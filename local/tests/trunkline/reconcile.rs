//! `trunkline reconcile` as somebody types it whose carrier's account another program uses too.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::RequestBuilder;
use serde_json::Value;

use crate::process::{Running, command};

const PATIENCE: Duration = Duration::from_secs(60);

/// What it said, and its status.
async fn reconcile(state: &Path, arguments: &[&str]) -> (String, i32) {
    let arguments: Vec<&str> = ["reconcile"].iter().chain(arguments).copied().collect();
    let output = command(state, &arguments).output().await.unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let problem = String::from_utf8(output.stderr).unwrap();
    assert!(problem.is_empty(), "{problem}");
    (told, output.status.code().unwrap())
}

/// The simulated carrier, as another program of the account asks it.
struct Account(BTreeMap<String, String>);

impl Account {
    fn of(state: &Path) -> Self {
        let kept = std::fs::read_to_string(state.join("environment")).unwrap();
        let kept = kept.lines().filter_map(|line| line.split_once('='));
        let kept = kept.map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()));
        Self(kept.collect())
    }

    fn url(&self, path: &str) -> String {
        let (base, account) = (&self.0["TWILIO_BASE_URL"], &self.0["TWILIO_ACCOUNT_SID"]);
        format!("{base}2010-04-01/Accounts/{account}/{path}")
    }

    async fn ask(&self, request: RequestBuilder) -> Value {
        let (account, token) = (&self.0["TWILIO_ACCOUNT_SID"], &self.0["TWILIO_AUTH_TOKEN"]);
        let answer = request
            .basic_auth(account, Some(token))
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    }

    async fn recordings(&self) -> Vec<Value> {
        let listed = reqwest::Client::new().get(self.url("Recordings.json"));
        let listed = self.ask(listed).await;
        listed["recordings"].as_array().unwrap().clone()
    }

    /// Calls somebody and records it, and waits until the recording is finished. Answers its id.
    async fn records(&self) -> String {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("To", "+14155550103")
            .append_pair("From", "+15005550006")
            .append_pair("Record", "true")
            .append_pair(
                "Twiml",
                "<Response><Pause length=\"1\"/><Hangup/></Response>",
            )
            .finish();
        let asked = reqwest::Client::new()
            .post(self.url("Calls.json"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        self.ask(asked).await;
        let begun = Instant::now();
        loop {
            let listed = self.recordings().await;
            if let Some(made) = listed.iter().find(|one| one["status"] == "completed") {
                return made["sid"].as_str().unwrap().to_owned();
            }
            assert!(begun.elapsed() < PATIENCE, "{listed:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_program_recorded_is_listed_and_deleted_only_by_its_id() {
    let state = tempfile::tempdir().unwrap();
    let running = Running::start(state.path(), &["--quiet"]).await;
    let account = Account::of(state.path());
    let theirs = account.records().await;

    let (told, status) = reconcile(state.path(), &[]).await;
    assert_eq!(status, 0, "{told}");
    assert!(told.starts_with("Recordings at the carrier, of the installation that runs in "));
    let line = told.lines().find(|line| line.starts_with(&theirs));
    assert!(
        line.is_some_and(|line| line.ends_with("not ours")),
        "{told}"
    );
    assert_eq!(account.recordings().await.len(), 1);

    let (json, status) = reconcile(state.path(), &["--json"]).await;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["state"], status), (&Value::from("finished"), 0));
    let asked: Value = running.api().get("v1/carrier_recordings").await.unwrap();
    assert_eq!(json, asked, "the program and the API say the same");
    assert_eq!(asked["recordings"][0]["because"], "not_ours");

    let nothing = format!("RE{:032x}", 1);
    let (told, status) = reconcile(state.path(), &["--delete", &theirs, &nothing]).await;
    assert_eq!(status, 0, "{told}");
    assert_eq!(
        told.trim(),
        format!("{theirs}  deleted\n{nothing}  not there")
    );
    assert!(account.recordings().await.is_empty());

    running.kill().await;
    let output = command(state.path(), &["reconcile"])
        .output()
        .await
        .unwrap();
    assert!(!output.status.success());
    let problem = String::from_utf8(output.stderr).unwrap();
    assert!(problem.contains("simulated"), "{problem}");
}
