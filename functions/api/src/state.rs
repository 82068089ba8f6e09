//! What the function works with: the use cases, and the installation that it is asked about.

use std::fmt;
use std::sync::Arc;

use doctor::Doctor;
use service::account::keys::Keys;
use service::agent::Agents;
use service::agent::numbers::Numbers;
use service::agent::prompts::Prompts;
use service::call::Calls;
use service::call::carrier_recordings::CarrierRecordings;
use service::call::labels::Labels;
use service::campaign::Campaigns;
use service::campaign::simulation::Simulations;
use service::dialing::permits::Permits;
use service::lead::Leads;
use service::lead::imports::Imports;
use service::lead::suppressions::Suppressions;
use service::{Context, Ids};

/// What the function works with.
#[derive(Clone)]
pub struct State {
    pub(crate) keys: Keys,
    pub(crate) calls: Calls,
    pub(crate) campaigns: Campaigns,
    pub(crate) carrier_recordings: CarrierRecordings,
    pub(crate) labels: Labels,
    pub(crate) leads: Leads,
    pub(crate) permits: Permits,
    pub(crate) suppressions: Suppressions,
    pub(crate) agents: Agents,
    pub(crate) prompts: Prompts,
    pub(crate) numbers: Numbers,
    pub(crate) forecasts: Simulations,
    pub(crate) imports: Imports,
    pub(crate) ids: Ids,
    pub(crate) doctor: Arc<Doctor>,
}

impl State {
    /// `doctor` looks at the installation that `parts` are of.
    #[must_use]
    pub fn new(parts: &Context, doctor: Doctor) -> Self {
        let clock = || Arc::clone(&parts.clock);
        let ids = || parts.ids.clone();
        let store = &parts.store;
        Self {
            keys: Keys::new(store, clock(), ids()),
            calls: Calls::new(parts),
            campaigns: Campaigns::new(store, parts.vendors.clone(), clock(), ids()),
            carrier_recordings: CarrierRecordings::new(
                store,
                Arc::clone(&parts.carrier),
                clock(),
                ids(),
            ),
            labels: Labels::new(store, clock()),
            leads: Leads::new(store, clock(), ids()),
            permits: Permits::new(store, clock()),
            suppressions: Suppressions::new(store, clock(), ids()),
            agents: Agents::new(store, parts.vendors.clone(), clock(), ids()),
            prompts: Prompts::new(store, clock(), ids()),
            numbers: Numbers::new(store, clock(), ids()),
            forecasts: Simulations::new(store, parts.dialing, clock()),
            imports: Imports::new(store, clock(), ids()),
            ids: ids(),
            doctor: Arc::new(doctor),
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("api::State").finish_non_exhaustive()
    }
}
