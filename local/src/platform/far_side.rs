//! The far side of a laptop run: simulated carrier and vendors, for each that the settings leave out.
//!
//! They serve on loopback and are reached by the product through the same settings as the real ones,
//! so nothing of the product knows which it talks to.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use providers::vendors::Vendor;
use settings::{Dialing, Secret, Settings};
use sim::carriers::stand_in::{self, Timing};
use sim::vendors::peers::{self, Script, VendorPeer};
use url::Url;

use crate::demo::people;

/// Simulated accounts are named so that nobody takes them for real ones.
const ACCOUNT_SID: &str = "AC51000000000000000000000000000051";
const SIMULATED_KEY: &str = "simulated-key-0123456789";

/// More than a real account has without asking for it: nobody at a laptop wants to wait for a second
/// between two calls.
const CALLS_PER_SECOND: u32 = 10;
/// Nobody at a laptop wants to wait for a ring of six seconds: phones ring ten times as fast.
const TIMING: Timing = Timing {
    setup: Duration::from_millis(150),
    ring: Duration::from_millis(600),
    timeout_second: Duration::from_millis(100),
    processing: Duration::from_millis(200),
};

/// What is simulated in this run. A side that is absent is real.
#[derive(Debug)]
pub struct FarSide {
    pub carrier: Option<stand_in::Server>,
    pub vendors: Vec<Box<dyn VendorPeer>>,
    /// No vendor that calls can come to is real.
    vendors_are_whole: bool,
}

impl FarSide {
    /// Starts what the settings leave out, and writes into the settings how it is reached.
    ///
    /// # Errors
    /// When a loopback port cannot be opened, or the simulated carrier's books cannot be read.
    pub async fn start(settings: &mut Settings, state_dir: &Path) -> anyhow::Result<Self> {
        let carrier = carrier(settings, state_dir)
            .await
            .context("starting the simulated carrier")?;
        let vendors = vendors(settings).await?;
        Ok(Self {
            carrier,
            vendors_are_whole: vendors.len() == Vendor::in_use(settings).count(),
            vendors,
        })
    }

    /// What the simulated carrier knows of a call, by the carrier's id.
    #[must_use]
    pub fn carrier_call(&self, sid: &str) -> Option<stand_in::CallView> {
        self.carrier.as_ref()?.call(sid)
    }

    /// How many recordings of a call the simulated carrier still has.
    #[must_use]
    pub fn recordings_kept(&self, sid: &str) -> Option<usize> {
        let carrier = self.carrier.as_ref()?;
        let made = carrier.call(sid)?.recordings;
        Some(
            made.iter()
                .filter(|id| carrier.recording(id).is_ok())
                .count(),
        )
    }

    /// How often the simulated carrier was asked to call each number, in all its time.
    #[must_use]
    pub fn dials(&self) -> Option<BTreeMap<String, u64>> {
        let mut dials = BTreeMap::new();
        for call in self.carrier.as_ref()?.calls() {
            *dials.entry(call.to).or_insert(0) += 1;
        }
        Some(dials)
    }

    /// Whether nothing real is involved, so that what was said can be checked to the word.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.carrier.is_some() && self.vendors_are_whole
    }

    /// Everything the product did that a real side would have refused.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        let mut all = Vec::new();
        let refused = self.carrier.iter().flat_map(stand_in::Server::violations);
        all.extend(refused.map(|violation| format!("{}: {}", violation.code, violation.what)));
        all.extend(self.vendors.iter().flat_map(|peer| peer.violations()));
        all
    }
}

async fn carrier(
    settings: &mut Settings,
    state_dir: &Path,
) -> anyhow::Result<Option<stand_in::Server>> {
    if !settings.carrier.simulated {
        return Ok(None);
    }
    let token = SIMULATED_KEY.to_owned();
    let mut config = stand_in::Config::new(ACCOUNT_SID, &token, people::directory()?);
    config.listen = loopback();
    config.state_dir = Some(state_dir.join("simulated-carrier"));
    config.calls_per_second = CALLS_PER_SECOND;
    config.timing = TIMING;
    let server = stand_in::Server::start(config).await?;
    settings.carrier.account_id = Some(ACCOUNT_SID.to_owned());
    settings.carrier.auth_token = Some(Secret::new(token));
    settings.carrier.base_url = parse(&server.url())?;
    // What the user set stands, even if it is slower.
    if settings.dialing.call_interval == Dialing::default().call_interval {
        settings.dialing.call_interval = Duration::from_secs(1) / CALLS_PER_SECOND;
    }
    Ok(Some(server))
}

/// A peer for each vendor that calls can come to and that the settings leave out.
async fn vendors(settings: &mut Settings) -> anyhow::Result<Vec<Box<dyn VendorPeer>>> {
    let in_use: Vec<_> = Vendor::in_use(settings).collect();
    let mut peers = Vec::new();
    for vendor in in_use {
        if !(vendor.settings)(settings).simulated {
            continue;
        }
        let peer = peers::start(vendor.name, loopback(), SIMULATED_KEY, script()).await;
        let peer = peer.with_context(|| format!("starting the simulated {}", vendor.title))?;
        let key = Secret::new(SIMULATED_KEY.to_owned());
        (vendor.settings_mut)(settings).simulate(parse(&peer.url())?, key);
        peers.push(peer);
    }
    Ok(peers)
}

/// What a simulated language model says.
fn script() -> Arc<Script> {
    Arc::new(Script::dental_reminder())
}

fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

fn parse(url: &str) -> anyhow::Result<Url> {
    Url::parse(url).context("a simulated side has an unreadable address")
}
