//! What is wrong with an installation, and the command that mends it.
//!
//! A [`Doctor`] looks at everything that a call needs and that is not the code's: settings, secrets,
//! table, queues, bucket, account and numbers at the carrier, vendors' keys, clock, public addresses. What
//! comes of it is data ([`Report`]); how it is shown is for those who ask. Checks run side by side, each
//! within [`CHECK_TIME_MAX`]; one that could only repeat what another has found is left out and says so. No
//! key and no value of a setting is in a report. Nothing is changed by looking, but for a small object in
//! the bucket that is gone at once.

mod answering;
mod carrier;
mod check;
mod configuration;
mod mend;
mod network;
mod storage;
mod vendors;

use std::sync::Arc;

use ::carrier::Connection;
use ::carrier::connection::{ConnectProblem, Patience};
use ::service::{Clock, Context};
use model::TenantId;
use settings::{Problems, Settings, Variables};
use store::Store;
use store::secrets::Secrets;
use tokio::time::Instant;

pub use check::{CHECK_TIME_MAX, Check, CheckState, Group, Report};
pub use network::CLOCK_OFF_MAX;

use check::{Finding, check};
use mend::Mender;

/// Where an installation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On AWS, or an emulator of it: every side is real, and keys are in secrets.
    Aws,
    /// In a folder of this machine. While it does not run, its simulated sides and its addresses are not
    /// there.
    Laptop { runs: bool },
}

/// What is looked at.
#[derive(Debug, Clone)]
pub struct Installation {
    /// What its settings are read from.
    pub variables: Variables,
    pub place: Place,
    /// Absent where there is none yet.
    pub store: Option<Store>,
    /// Where the secrets are that the variables name; absent, where the SDK's own environment says.
    pub secrets: Option<Secrets>,
    /// The clock that is compared with others'.
    pub clock: Arc<dyn Clock>,
    /// The command that examines this installation, for those who can run it where they read the report.
    pub command: Option<String>,
}

/// Looks at one installation.
#[derive(Debug, Clone)]
pub struct Doctor {
    installation: Installation,
    settings: Settings,
    problems: Problems,
}

impl Doctor {
    /// Nothing is asked of anybody yet.
    #[must_use]
    pub fn new(installation: Installation) -> Self {
        let (settings, problems) = installation.variables.settings_and_problems();
        Self {
            installation,
            settings,
            problems,
        }
    }

    /// For a function that has started: what its variables name is on AWS, or else on the laptop that it
    /// was started beside.
    #[must_use]
    pub fn of_function(variables: Variables, parts: &Context) -> Self {
        let on_aws = !variables.secrets().is_empty();
        Self::new(Installation {
            variables,
            place: if on_aws {
                Place::Aws
            } else {
                Place::Laptop { runs: true }
            },
            store: Some(parts.store.clone()),
            secrets: None,
            clock: Arc::clone(&parts.clock),
            command: None,
        })
    }

    /// Looks at everything. Numbers are those of `tenant`, or else of the installation's owner.
    pub async fn examine(&self, tenant: Option<TenantId>) -> Report {
        let begun = Instant::now();
        let at = self.installation.clock.now();
        let (secrets, readable) = configuration::secrets(self).await;
        let here = Here {
            doctor: self,
            unreadable: readable.err(),
        };
        // Boxed: the checks of a group are many futures, and a handler's own must stay small.
        let (storage, carrier, answering, vendors, network) = tokio::join!(
            Box::pin(storage::examine(&here)),
            Box::pin(carrier::examine(&here, tenant)),
            Box::pin(answering::examine(&here, tenant)),
            Box::pin(vendors::examine(&here)),
            Box::pin(network::examine(&here)),
        );
        let mut checks = configuration::settings(self);
        for group in [secrets, storage, carrier, answering, vendors, network] {
            checks.extend(group);
        }
        Report::new(at, begun.elapsed(), checks)
    }

    /// Sets the webhook of each number whose calls would not reach this installation. Answers what was
    /// done, a check for each number that was changed or could not be.
    pub async fn fix_numbers(&self, tenant: Option<TenantId>) -> Vec<Check> {
        let here = Here {
            doctor: self,
            unreadable: None,
        };
        carrier::fix_numbers(&here, tenant).await
    }

    fn mender(&self) -> Mender<'_> {
        Mender::new(&self.installation)
    }

    /// The carrier's client, when there is an account. It asks once: who waits for a report does not want
    /// to wait for repetitions.
    fn connect(&self) -> Result<Connection, ConnectProblem> {
        let patience = Patience::Once(check::REQUEST_TIME_MAX);
        Connection::of(&self.settings.carrier, patience)
    }
}

/// One examination.
struct Here<'a> {
    doctor: &'a Doctor,
    /// A secret that cannot be read: what is missing may be in it.
    unreadable: Option<String>,
}

impl Here<'_> {
    fn settings(&self) -> &Settings {
        &self.doctor.settings
    }

    fn place(&self) -> Place {
        self.doctor.installation.place
    }

    fn store(&self) -> Option<&Store> {
        self.doctor.installation.store.as_ref()
    }

    fn mender(&self) -> Mender<'_> {
        self.doctor.mender()
    }

    fn is_set(&self, variable: &str) -> bool {
        self.doctor.installation.variables.value(variable).is_some()
    }

    /// Why nothing can be said about what these settings are for, if one of them is wrong.
    fn wrong(&self, variables: &[&str]) -> Option<Finding> {
        let mut problems = self.doctor.problems.0.iter();
        let problem = problems.find(|problem| variables.contains(&problem.variable))?;
        let why = format!("see {} in settings", problem.variable);
        Some(Finding::skipped(why))
    }

    /// Why nothing can be said about what these settings are for, if one is absent and may be in a secret
    /// that cannot be read.
    fn unseen(&self, variables: &[&str]) -> Option<Finding> {
        let secret = self.unreadable.as_ref()?;
        let mut absent = variables.iter().filter(|variable| !self.is_set(variable));
        let absent = absent.next()?;
        let why = format!("{absent} may be in the secret {secret}, which cannot be read");
        Some(Finding::skipped(why))
    }
}
