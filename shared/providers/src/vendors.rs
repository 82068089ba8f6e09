//! The vendors, a row each: whoever asks, examines, shows or simulates vendors reads this table and names none.
//!
//! To add one: its folder beside those of its role (`codec` and `client`; `probe` asks whether it takes our
//! key), its settings and its names in chains (`settings::vendors`), a row here, and a simulated peer
//! (`sim::vendors::peers`). Tests hold that the three tables have the same names.

pub(crate) mod chain;

use std::sync::Arc;

use conversation::FailureKind;
use settings::{Settings, VendorRole, VendorSettings};

use crate::llm::{self, Models};
use crate::probe::{Probes, Question, VendorVerdict};
use crate::stt::{self, Recognizers};
use crate::tts::{self, Synthesizers};
use crate::vendors::chain::{Chain, Link};
use crate::{SetupProblem, count};

/// A vendor: an account with a key.
#[derive(Debug)]
pub struct Vendor {
    /// In metrics, in failures, and of its simulated peer.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// The setting with its key.
    pub key: &'static str,
    /// Names of its settings begin so.
    pub prefix: &'static str,
    /// The setting that names what calls use, and what that is.
    pub wanted: (&'static str, &'static str),
    /// Where an account is topped up.
    pub billing: &'static str,
    pub settings: fn(&Settings) -> &VendorSettings,
    pub settings_mut: fn(&mut Settings) -> &mut VendorSettings,
    question: fn(&Settings) -> Result<Question, FailureKind>,
    legs: &'static [Leg],
}

/// A way to reach a vendor, under its name in chains.
#[derive(Debug)]
struct Leg {
    name: &'static str,
    client: Client,
}

/// Opens the connections of one role.
#[derive(Debug)]
enum Client {
    Recognizer(Build<dyn stt::Vendor>),
    Model(Build<dyn llm::Vendor>),
    Voice(Build<dyn tts::Vendor>),
}

type Build<V> = fn(&Settings) -> Result<Arc<V>, SetupProblem>;

/// In the order in which people are shown them.
pub static VENDORS: [Vendor; 3] = [
    Vendor {
        name: stt::deepgram::VENDOR,
        title: "Deepgram",
        key: "DEEPGRAM_API_KEY",
        prefix: "DEEPGRAM_",
        wanted: ("DEEPGRAM_MODEL", "model"),
        billing: "https://console.deepgram.com",
        settings: |all| &all.deepgram,
        settings_mut: |all| &mut all.deepgram,
        question: |all| stt::deepgram::question(&all.deepgram),
        legs: &[Leg {
            name: "deepgram",
            client: Client::Recognizer(|all| {
                Ok(Arc::new(stt::deepgram::Deepgram::new(&all.deepgram)?))
            }),
        }],
    },
    Vendor {
        name: llm::openai::VENDOR,
        title: "OpenAI",
        key: "OPENAI_API_KEY",
        prefix: "OPENAI_",
        wanted: ("OPENAI_MODEL", "model"),
        billing: "https://platform.openai.com/settings/organization/billing",
        settings: |all| &all.openai,
        settings_mut: |all| &mut all.openai,
        question: |all| llm::openai::question(&all.openai),
        legs: &[Leg {
            name: "openai",
            client: Client::Model(|all| Ok(Arc::new(llm::openai::OpenAi::new(&all.openai)?))),
        }],
    },
    Vendor {
        name: tts::elevenlabs::VENDOR,
        title: "ElevenLabs",
        key: "ELEVENLABS_API_KEY",
        prefix: "ELEVENLABS_",
        wanted: ("ELEVENLABS_VOICE_ID", "voice"),
        billing: "https://elevenlabs.io/app/subscription",
        settings: |all| &all.elevenlabs,
        settings_mut: |all| &mut all.elevenlabs,
        question: |all| tts::elevenlabs::question(&all.elevenlabs),
        legs: &[
            Leg {
                name: "elevenlabs",
                client: Client::Voice(|all| {
                    Ok(Arc::new(tts::elevenlabs::OverWebSocket::new(
                        &all.elevenlabs,
                    )?))
                }),
            },
            Leg {
                name: "elevenlabs_http",
                client: Client::Voice(|all| {
                    Ok(Arc::new(tts::elevenlabs::OverHttp::new(&all.elevenlabs)?))
                }),
            },
        ],
    },
];

impl Vendor {
    /// The vendors that calls can come to: those of the chains, and those that are set up besides.
    pub fn in_use(settings: &Settings) -> impl Iterator<Item = &'static Self> {
        VENDORS
            .iter()
            .filter(|vendor| vendor.is_set_up(settings) || vendor.is_in_a_chain(settings))
    }

    /// The vendors of a role's chain, in its order, each once.
    #[must_use]
    pub fn of_chain(role: VendorRole, settings: &Settings) -> Vec<&'static Self> {
        let mut found: Vec<&'static Self> = Vec::new();
        for name in settings.chains.of(role) {
            let vendor = VENDORS
                .iter()
                .find(|vendor| vendor.leg(role, name).is_some());
            let Some(vendor) = vendor else { continue };
            if !found.iter().any(|known| known.name == vendor.name) {
                found.push(vendor);
            }
        }
        found
    }

    /// Asks the vendor whether it takes the key.
    pub async fn probe(&self, probes: &Probes, settings: &Settings) -> VendorVerdict {
        probes.ask((self.question)(settings)).await
    }

    fn is_set_up(&self, settings: &Settings) -> bool {
        (self.settings)(settings).is_set_up()
    }

    fn is_in_a_chain(&self, settings: &Settings) -> bool {
        VendorRole::ALL.into_iter().any(|role| {
            let mut names = settings.chains.of(role).iter();
            names.any(|name| self.leg(role, name).is_some())
        })
    }

    fn leg(&self, role: VendorRole, name: &str) -> Option<&'static Leg> {
        let mut legs = self.legs.iter();
        legs.find(|leg| leg.name == name && leg.client.role() == role)
    }
}

impl Client {
    const fn role(&self) -> VendorRole {
        match self {
            Self::Recognizer(_) => VendorRole::Recognizer,
            Self::Model(_) => VendorRole::Model,
            Self::Voice(_) => VendorRole::Voice,
        }
    }

    /// What is counted of it.
    const fn counted(&self) -> &'static str {
        match self {
            Self::Recognizer(_) => count::RECOGNITION,
            Self::Model(_) => count::GENERATION,
            Self::Voice(_) => count::SYNTHESIS,
        }
    }
}

impl Recognizers {
    /// Those that settings name, in their order, and beside them what agents can choose from.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(settings: &Settings) -> Result<Self, SetupProblem> {
        let chain = chain(settings, VendorRole::Recognizer, |client| match client {
            Client::Recognizer(build) => Some(*build),
            Client::Model(_) | Client::Voice(_) => None,
        });
        Ok(Self::in_chain(chain?))
    }
}

impl Models {
    /// Those that settings name, in their order, and beside them what agents can choose from.
    ///
    /// # Errors
    /// The HTTP client cannot be set up.
    pub fn new(settings: &Settings) -> Result<Self, SetupProblem> {
        let chain = chain(settings, VendorRole::Model, |client| match client {
            Client::Model(build) => Some(*build),
            Client::Recognizer(_) | Client::Voice(_) => None,
        });
        Ok(Self::in_chain(chain?))
    }
}

impl Synthesizers {
    /// Those that settings name, in their order, and beside them what agents can choose from.
    ///
    /// # Errors
    /// TLS or the HTTP client cannot be set up.
    pub fn new(settings: &Settings) -> Result<Self, SetupProblem> {
        let chain = chain(settings, VendorRole::Voice, |client| match client {
            Client::Voice(build) => Some(*build),
            Client::Recognizer(_) | Client::Model(_) => None,
        });
        Ok(Self::in_chain(chain?))
    }
}

/// The role's chain, and all that is set up for the role.
fn chain<V: ?Sized>(
    settings: &Settings,
    role: VendorRole,
    build: fn(&Client) -> Option<Build<V>>,
) -> Result<Chain<V>, SetupProblem> {
    let order = settings.chains.of(role);
    let roster = settings.roster();
    let besides = roster.names(role).iter();
    let besides = besides.filter(|name| !order.contains(name));
    let mut offered = Vec::new();
    for name in order.iter().chain(besides) {
        let legs = VENDORS.iter();
        let mut legs = legs.filter_map(|vendor| Some((vendor, vendor.leg(role, name)?)));
        let (vendor, leg) = legs.next().ok_or(SetupProblem::NoVendor(role))?;
        let build = build(&leg.client).ok_or(SetupProblem::NoVendor(role))?;
        count::from_zero(vendor.name, leg.client.counted());
        offered.push(Link {
            name: leg.name,
            vendor: build(settings)?,
        });
    }
    let mut links = offered.iter().take(order.len()).cloned();
    let first = links.next().ok_or(SetupProblem::NoVendor(role))?;
    let others = links.collect();
    Ok(Chain::new(first, others, offered))
}

#[cfg(test)]
mod tests;
