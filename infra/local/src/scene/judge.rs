//! Whether every step of the scene really happened: by what the API tells, by the bytes that are in
//! the object store, and by the books of the simulated carrier and the ears of the simulated person.

use anyhow::Context as _;
use model::{CallState, Speaker};
use sha2::{Digest as _, Sha256};

use crate::client::{ApiClient, CallView};
use crate::platform::Platform;

use super::account::Account;
use super::said_by;

/// What the scene came to.
#[derive(Debug, Clone)]
pub struct Verdict {
    pub steps: Vec<Step>,
}

/// One thing that had to happen.
#[derive(Debug, Clone)]
pub struct Step {
    pub what: &'static str,
    pub happened: bool,
    /// What was seen instead, for the reader of a failed scene.
    pub seen: String,
}

impl Verdict {
    /// How many steps happened.
    #[must_use]
    pub fn happened(&self) -> usize {
        self.steps.iter().filter(|step| step.happened).count()
    }

    /// Whether every step happened.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.happened() == self.steps.len()
    }
}

pub(super) async fn judge(
    platform: &Platform,
    api: &ApiClient,
    call: &CallView,
    account: &Account,
) -> Verdict {
    let mut steps = Vec::new();
    let mut step = |what, happened, seen: String| {
        steps.push(Step {
            what,
            happened,
            seen,
        });
    };

    let saw = |state| account.states().contains(&state);
    step(
        "the carrier accepted the call and gave its id",
        call.carrier_call_id
            .as_deref()
            .is_some_and(|id| id.starts_with("CA")),
        format!("carrier id {:?}", call.carrier_call_id),
    );
    step(
        "the phone rang",
        saw(CallState::Ringing),
        format!("states {:?}", account.states()),
    );
    step(
        "somebody answered",
        saw(CallState::Answered),
        format!("states {:?}", account.states()),
    );

    let agent = said_by(&call.turns, Speaker::Agent);
    let caller = said_by(&call.turns, Speaker::Caller);
    step(
        "the agent greeted and was interrupted in mid-sentence",
        agent.first().is_some_and(|turn| {
            turn.interrupted
                && turn
                    .intended
                    .as_ref()
                    .is_some_and(|intended| intended.len() > turn.text.len())
        }),
        format!(
            "{} agent turns, the first {:?}",
            agent.len(),
            agent.first().map(|turn| turn.interrupted)
        ),
    );
    step(
        "the caller's words were understood",
        caller.iter().any(|turn| !turn.text.is_empty()),
        format!("{} caller turns", caller.len()),
    );
    step(
        "the agent answered, and where the time went is known",
        agent.iter().any(|turn| {
            turn.waterfall
                .as_ref()
                .is_some_and(|answer| answer.voice_to_voice_us.is_some())
        }),
        "no answer with a waterfall".to_owned(),
    );
    step(
        "the call ended with an outcome",
        call.state == CallState::Ended && call.outcome.is_some(),
        format!("state {:?}, outcome {:?}", call.state, call.outcome),
    );
    let stored = recording_is_stored(api, call).await;
    step(
        "the recording is in the object store, byte for byte as its checksum says",
        stored.is_ok(),
        stored
            .err()
            .map_or_else(String::new, |error| format!("{error:#}")),
    );
    step(
        "the recording was deleted at the carrier after that",
        call.recording
            .as_ref()
            .is_some_and(|recording| recording.state == "archived"),
        format!("{:?}", call.recording),
    );
    for (what, happened, seen) in platform.far_side_steps(call) {
        step(what, happened, seen);
    }
    Verdict { steps }
}

/// Fetches the recording through the API and holds it against the checksum that was stored with it.
async fn recording_is_stored(api: &ApiClient, call: &CallView) -> anyhow::Result<()> {
    let stored = call
        .recording
        .as_ref()
        .context("the call has no recording")?;
    let recording = api.recording(call.id).await?;
    let length = u64::try_from(recording.len()).ok();
    anyhow::ensure!(
        length == stored.bytes,
        "{length:?} bytes instead of {:?}",
        stored.bytes
    );
    let sha256 = Some(hex::encode(Sha256::digest(&recording)));
    anyhow::ensure!(sha256 == stored.sha256, "the checksum differs");
    anyhow::ensure!(recording.starts_with(b"RIFF"), "it is not a WAV file");
    Ok(())
}
