//! A person's errand over real HTTP, WebSocket and audio, a file each. Every journey has its own
//! installation: own state folder, own ports.

mod calls;
mod campaigns;
mod doors;
mod handover;
mod hearing;
mod imports;
mod traces;
mod vendors;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use local::demo::client::{ApiClient, CallView};
use local::platform::Platform;
use model::{CallId, CallState, Speaker};
use serde_json::{Value, json};
use settings::Settings;
use sim::carriers::twilio::CallView as CarrierView;
use tempfile::TempDir;

use crate::installation::Campaigns;
use crate::leftovers::{Left, Leftovers};

/// How long a journey waits for what must come: generous, because it ends as soon as it comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A whole installation on this machine, and its state folder.
pub(crate) struct Installation {
    // First: it looks while the platform is still there.
    left: Leftovers,
    pub(crate) platform: Platform,
    pub(crate) api: ApiClient,
    _state: TempDir,
}

impl Installation {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_settings| {}).await
    }

    /// With settings as they would be without any variable, changed as the journey needs.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let state = tempfile::tempdir().unwrap();
        let variables = BTreeMap::from([
            (
                "TRUNKLINE_STATE_DIR".to_owned(),
                state.path().to_string_lossy().into_owned(),
            ),
            ("TRUNKLINE_PORT".to_owned(), "0".to_owned()),
        ]);
        let mut settings = Settings::from_variables(&variables).unwrap();
        settings.worker.drain = Duration::ZERO;
        change(&mut settings);
        let platform = Box::pin(Platform::start(settings, None)).await.unwrap();
        let api = platform.client().unwrap();
        let left = Leftovers::of(&platform.parts.store).at_work(PATIENCE);
        left.watch(&[platform.tenant_id()]);
        Self {
            left,
            platform,
            api,
            _state: state,
        }
    }

    /// What the journey means to leave behind; without it, nothing.
    pub(crate) fn leaves(&self, left: Left) {
        self.left.expect(left);
    }

    pub(crate) fn campaigns(&self) -> Campaigns<'_> {
        Campaigns {
            parts: &self.platform.parts,
            tenant: self.platform.tenant_id(),
        }
    }

    /// Asks for a call to this number, as a program of the user's would.
    pub(crate) async fn call(&self, to: &str) -> CallId {
        let created: CallView = self.api.post("v1/calls", &self.request(to)).await.unwrap();
        created.id
    }

    pub(crate) fn request(&self, to: &str) -> Value {
        json!({
            "agent_id": self.platform.agent_id(),
            "to": to,
            "kind": "information",
            "variables": { "name": "Dana", "day": "tomorrow", "time": "half past two" },
            "override": { "reason": "a test runs at any hour" },
        })
    }

    /// Waits until the call looks as it should.
    pub(crate) async fn until(
        &self,
        id: CallId,
        what: &str,
        holds: impl Fn(&CallView) -> bool,
    ) -> CallView {
        let begun = Instant::now();
        loop {
            let call = self.api.call(id).await.unwrap();
            if holds(&call) {
                return call;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "waited in vain for {what}: {call:#?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn ended(&self, id: CallId) -> CallView {
        self.until(id, "the end of the call", |call| {
            call.state == CallState::Ended && call.outcome.is_some()
        })
        .await
    }

    pub(crate) async fn kept(&self, id: CallId) -> CallView {
        self.until(id, "the kept recording", |call| {
            call.state == CallState::Ended && recording_state(call) == Some("kept")
        })
        .await
    }

    /// What the simulated person of this call heard, in order.
    pub(crate) async fn heard(&self, call: &CallView) -> String {
        self.at_the_phone(call).await.log.heard_text()
    }

    /// A call as its person knows it. For us it is over as soon as the last word was played; the person has
    /// heard that word when the carrier lets go of the line.
    pub(crate) async fn at_the_phone(&self, call: &CallView) -> CarrierView {
        let sid = call.carrier_call_id.as_deref().unwrap();
        let begun = Instant::now();
        loop {
            let seen = self.platform.far_side.carrier_call(sid).unwrap();
            if seen.status.is_over() {
                return seen;
            }
            let waited = begun.elapsed();
            assert!(waited < PATIENCE, "the carrier holds {call:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends the journey: nothing that a real side would refuse may have been done, and nothing is left.
    pub(crate) async fn finish(self) {
        let violations = self.platform.far_side.violations();
        assert!(violations.is_empty(), "{violations:#?}");
        let Self {
            left,
            platform,
            api: _,
            _state,
        } = self;
        drop(left);
        Box::pin(platform.stop()).await.unwrap();
    }
}

pub(crate) fn recording_state(call: &CallView) -> Option<&str> {
    call.recording
        .as_ref()
        .map(|recording| recording.state.as_str())
}

pub(crate) fn said_by(call: &CallView, speaker: Speaker) -> Vec<String> {
    let turns = call.turns.iter().filter(|turn| turn.speaker == speaker);
    turns.map(|turn| turn.text.clone()).collect()
}

/// Words without case and punctuation: what can be compared between a text and an ear.
pub(crate) fn words(text: &str) -> Vec<String> {
    let plain = |word: &str| {
        word.chars()
            .filter(|c| c.is_alphanumeric())
            .collect::<String>()
            .to_lowercase()
    };
    text.split_whitespace()
        .map(plain)
        .filter(|word| !word.is_empty())
        .collect()
}
