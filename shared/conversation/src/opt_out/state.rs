//! Where an opt-out stands.

use model::CallTime;

/// Where an opt-out stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum OptOut {
    #[default]
    NotAsked,
    /// Asked for, and under way to the store; nothing was said about it yet.
    Storing { until: CallTime },
    /// Acknowledged, or nothing is to be said about it.
    Settled,
}
