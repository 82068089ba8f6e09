//! Which campaigns scenes have made in this folder, so that none of them goes on calling when its scene is over.
//!
//! A scene leaves somebody waiting who sleeps; with a real carrier later, that would be a stranger's phone. Only
//! what is noted here is cancelled, by its id: a user's campaign is theirs, whatever it is called.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use model::{CampaignId, TenantId};
use service::campaign::Campaigns;
use service::campaign::moves::Move;
use service::{Context, Refused};

/// Name of the file in the state folder: an id a line.
const SCENES_FILE: &str = "scenes";

/// The note of an installation.
#[derive(Debug, Clone)]
pub struct SceneNote(PathBuf);

impl SceneNote {
    pub(crate) fn of(state_dir: &Path) -> Self {
        Self(state_dir.join(SCENES_FILE))
    }

    /// Before the campaign starts: one that is not noted has called nobody.
    ///
    /// # Errors
    /// When the state folder cannot be written.
    pub(crate) fn add(&self, campaign: &str) -> anyhow::Result<()> {
        let file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.0);
        let mut file = file.context("noting the scene's campaign")?;
        writeln!(file, "{campaign}").context("noting the scene's campaign")?;
        file.sync_all().context("noting the scene's campaign")
    }

    /// Cancels what earlier scenes left. The note is gone only when that is done.
    ///
    /// # Errors
    /// When storage or the state folder cannot be reached.
    pub(crate) async fn cancel_all(&self, parts: &Context, tenant: TenantId) -> anyhow::Result<()> {
        let text = match fs::read_to_string(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error).context("reading which campaigns are scenes"),
        };
        let campaigns = Campaigns::new(
            &parts.store,
            parts.vendors.clone(),
            Arc::clone(&parts.clock),
            parts.ids.clone(),
        );
        // A line that was cut off by a full disk is no id, and its campaign was never started.
        for id in text.lines().filter_map(|id| id.parse::<CampaignId>().ok()) {
            match Box::pin(campaigns.make(tenant, id, Move::Cancel)).await {
                // Or it is over, or gone, or was never started.
                Ok(_) | Err(Refused::CampaignState { .. } | Refused::NotFound) => {}
                Err(refused) => {
                    return Err(refused).context("cancelling the campaign of an earlier scene");
                }
            }
        }
        fs::remove_file(&self.0).context("forgetting the scenes' campaigns")
    }
}
