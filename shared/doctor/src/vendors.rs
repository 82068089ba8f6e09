//! Whether the vendors take our keys, by a small request each.

use conversation::FailureKind;
use providers::probe::{Probes, VendorVerdict};
use url::Url;

use crate::mend::{ask, browse};
use crate::{Check, Finding, Group, Here, Place, check};

/// One vendor, as its settings have it.
struct Vendor<'a> {
    name: &'static str,
    key: &'static str,
    base: &'a Url,
    /// The setting that names what calls use, and what that is.
    wanted: (&'static str, &'static str),
    /// Without key and address: a laptop simulates it.
    simulated: bool,
    /// Where an account is topped up.
    billing: &'static str,
}

pub(crate) async fn examine(here: &Here<'_>) -> Vec<Check> {
    let settings = here.settings();
    let recognizer = Vendor {
        name: "Deepgram",
        key: "DEEPGRAM_API_KEY",
        base: &settings.deepgram.base_url,
        wanted: ("DEEPGRAM_MODEL", "model"),
        simulated: settings.deepgram.simulated,
        billing: "https://console.deepgram.com",
    };
    let model = Vendor {
        name: "OpenAI",
        key: "OPENAI_API_KEY",
        base: &settings.openai.base_url,
        wanted: ("OPENAI_MODEL", "model"),
        simulated: settings.openai.simulated,
        billing: "https://platform.openai.com/settings/organization/billing",
    };
    let voice = Vendor {
        name: "ElevenLabs",
        key: "ELEVENLABS_API_KEY",
        base: &settings.elevenlabs.base_url,
        wanted: ("ELEVENLABS_VOICE_ID", "voice"),
        simulated: settings.elevenlabs.simulated,
        billing: "https://elevenlabs.io/app/subscription",
    };
    let probes = match Probes::new() {
        Ok(probes) => probes,
        Err(problem) => {
            let found = format!("vendors cannot be asked from this machine: {problem}");
            let finding = Finding::failed(found, ask(recognizer.base.as_str()));
            return vec![finding.named(Group::Vendors, "all", std::time::Duration::ZERO)];
        }
    };
    let (recognizer, model, voice) = tokio::join!(
        recognizer.check(here, probes.recognizer(settings)),
        model.check(here, probes.model(settings)),
        voice.check(here, probes.voice(settings)),
    );
    vec![recognizer, model, voice]
}

impl Vendor<'_> {
    async fn check(&self, here: &Here<'_>, asked: impl Future<Output = VendorVerdict>) -> Check {
        let look = async {
            if let Some(finding) = self.not_asked(here) {
                return finding;
            }
            self.judge(here, asked.await)
        };
        check(Group::Vendors, self.name, ask(self.base.as_str()), look).await
    }

    fn not_asked(&self, here: &Here<'_>) -> Option<Finding> {
        if let Some(finding) = here.wrong(&[self.key, self.wanted.0]) {
            return Some(finding);
        }
        if !self.simulated {
            return None;
        }
        if let Some(finding) = here.unseen(&[self.key]) {
            return Some(finding);
        }
        Some(match here.place() {
            Place::Laptop { .. } => Finding::skipped("simulated while Trunkline runs"),
            Place::Aws => {
                let found = format!("{} is not set", self.key);
                Finding::failed(found, here.mender().set(self.key))
            }
        })
    }

    fn judge(&self, here: &Here<'_>, verdict: VendorVerdict) -> Finding {
        let host = self.base.host_str().unwrap_or_default();
        let (setting, what) = self.wanted;
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
                format!("{host} refuses the key of {}", self.key),
                here.mender().set(self.key),
            ),
            FailureKind::QuotaExceeded => Finding::failed(
                format!("the account at {host} is out of credit"),
                browse(self.billing),
            ),
            FailureKind::RateLimited { .. } => Finding::warning(
                format!("{host} takes no more requests just now"),
                browse(self.billing),
            ),
            FailureKind::ConnectTimeout
            | FailureKind::Connect
            | FailureKind::Refused
            | FailureKind::ServerError
            | FailureKind::Protocol
            | FailureKind::Closed
            | FailureKind::Silent
            | FailureKind::Overflow => {
                Finding::failed(format!("{host}: {kind}"), ask(self.base.as_str()))
            }
        }
    }
}
