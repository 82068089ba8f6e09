//! Whether the vendors take our keys, by a small request each.

use std::time::Duration;

use conversation::FailureKind;
use futures_util::future::join_all;
use providers::probe::{Probes, VendorVerdict};
use providers::vendors::Vendor;
use settings::VendorSettings;

use crate::mend::{ask, browse};
use crate::network::by_way_of;
use crate::{Check, Finding, Group, Here, Place, check};

/// One vendor and its settings.
struct Examined<'a> {
    vendor: &'static Vendor,
    settings: &'a VendorSettings,
}

pub(crate) async fn examine(here: &Here<'_>) -> Vec<Check> {
    let settings = here.settings();
    let vendors = Vendor::in_use(settings).map(|vendor| Examined {
        vendor,
        settings: (vendor.settings)(settings),
    });
    let vendors: Vec<Examined<'_>> = vendors.collect();
    let probes = match Probes::new(&settings.proxies) {
        Ok(probes) => probes,
        Err(problem) => {
            let found = format!("vendors cannot be asked from this machine: {problem}");
            let bases = vendors.iter().map(|one| one.settings.base_url.as_str());
            let mend = bases.take(1).map(ask).collect::<String>();
            let finding = Finding::failed(found, mend);
            return vec![finding.named(Group::Vendors, "all", Duration::ZERO)];
        }
    };
    let asked = vendors
        .iter()
        .map(|one| one.check(here, one.vendor.probe(&probes, settings)));
    join_all(asked).await
}

impl Examined<'_> {
    async fn check(&self, here: &Here<'_>, asked: impl Future<Output = VendorVerdict>) -> Check {
        let look = async {
            if let Some(finding) = self.not_asked(here) {
                return finding;
            }
            self.judge(here, asked.await)
        };
        let mend = ask(self.settings.base_url.as_str());
        check(Group::Vendors, self.vendor.title, mend, look).await
    }

    fn not_asked(&self, here: &Here<'_>) -> Option<Finding> {
        if let Some(finding) = here.wrong(&[self.vendor.key, self.vendor.wanted.0]) {
            return Some(finding);
        }
        if !self.settings.simulated {
            return None;
        }
        if let Some(finding) = here.unseen(&[self.vendor.key]) {
            return Some(finding);
        }
        Some(match here.place() {
            Place::Laptop { .. } => Finding::skipped("simulated while Trunkline runs"),
            Place::Aws => {
                let found = format!("{} is not set", self.vendor.key);
                Finding::failed(found, here.mender().set(self.vendor.key))
            }
        })
    }

    fn judge(&self, here: &Here<'_>, verdict: VendorVerdict) -> Finding {
        let host = self.settings.base_url.host_str().unwrap_or_default();
        let (setting, what) = self.vendor.wanted;
        match verdict {
            VendorVerdict::Works => Finding::ok(format!("{host} takes the key")),
            VendorVerdict::Limited => Finding::ok(format!(
                "{host} knows the key, and does not let it ask about the account"
            )),
            VendorVerdict::NotAnswered => Finding::ok(format!(
                "{host} answers; whether it takes the key, calls will show"
            )),
            VendorVerdict::Missing => Finding::failed(
                format!("{host} takes the key and does not have the {what} of {setting}"),
                here.mender().set(setting),
            ),
            VendorVerdict::Failed(kind) => self.failed(here, host, kind),
        }
    }

    fn failed(&self, here: &Here<'_>, host: &str, kind: FailureKind) -> Finding {
        match kind {
            FailureKind::Unauthorized => Finding::failed(
                format!("{host} refuses the key of {}", self.vendor.key),
                here.mender().set(self.vendor.key),
            ),
            FailureKind::QuotaExceeded => Finding::failed(
                format!("the account at {host} is out of credit"),
                browse(self.vendor.billing),
            ),
            FailureKind::RateLimited { .. } => Finding::warning(
                format!("{host} takes no more requests just now"),
                browse(self.vendor.billing),
            ),
            FailureKind::ConnectTimeout
            | FailureKind::Connect
            | FailureKind::Refused
            | FailureKind::ServerError
            | FailureKind::Protocol
            | FailureKind::Closed
            | FailureKind::Silent
            | FailureKind::Overflow => {
                let way = by_way_of(&self.settings.proxies, &self.settings.base_url);
                let found = format!("{host}{way}: {kind}");
                Finding::failed(found, ask(self.settings.base_url.as_str()))
            }
        }
    }
}
