//! The first scene: one phone call from the REST request to the archived recording, told while it
//! happens, and judged by whether every step really happened.
//!
//! It looks at the product from outside only: the API, and the simulated carrier's own books.

mod account;
mod judge;

use std::time::{Duration, Instant};

use anyhow::Context as _;
use model::{CallId, CallState, Speaker};
use serde_json::json;

use crate::client::{ApiClient, CallView, TurnView};
use crate::platform::Platform;

use account::Account;
pub(crate) use account::say;
pub use judge::{Step, Verdict};

/// Between two looks at the call: short against a person's patience, long against the work of a look.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The scene's call takes some ten seconds; one that takes longer than this is stuck.
const SCENE_TIME_MAX: Duration = Duration::from_secs(90);

/// Plays the scene and tells it on standard output.
///
/// # Errors
/// When the product cannot be asked; a step that did not happen is in the verdict instead.
pub async fn play(platform: &Platform) -> anyhow::Result<Verdict> {
    let api = platform.client()?;
    let mut account = Account::begin();
    let to = platform.scene_number();
    let created: CallView = api
        .post(
            "v1/calls",
            &json!({
                "agent_id": platform.agent_id(),
                "to": to,
                "variables": { "name": "Dana", "day": "tomorrow", "time": "half past two" },
                "override": { "reason": "the scene calls a simulated person, at any hour" },
            }),
        )
        .await
        .context("placing the call")?;
    account.created(created.id);
    let call = watch(&api, created.id, &mut account).await?;
    let verdict = judge::judge(platform, &api, &call, &account).await;
    account.end(&verdict);
    Ok(verdict)
}

/// Follows the call until its recording is archived, or until that can no longer be expected.
async fn watch(api: &ApiClient, id: CallId, account: &mut Account) -> anyhow::Result<CallView> {
    let started = Instant::now();
    loop {
        let call = api.call(id).await.context("looking at the call")?;
        account.see(&call);
        let over = call.state == CallState::Ended
            && call
                .recording
                .as_ref()
                .is_some_and(|recording| recording.state != "ready" && recording.state != "stored");
        if over || started.elapsed() > SCENE_TIME_MAX {
            return Ok(call);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What one side said in a call, turn after turn.
fn said_by(turns: &[TurnView], speaker: Speaker) -> Vec<&TurnView> {
    turns
        .iter()
        .filter(|turn| turn.speaker == speaker)
        .collect()
}
