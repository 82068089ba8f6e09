//! Vendors by the names that settings and agents give them, the order in which a call tries them, and their
//! settings.
//!
//! What a vendor does is in `providers::vendors`, which has a row for each of these names.

use std::collections::BTreeMap;

use url::Url;

use crate::{Proxies, Secret, Settings};

/// What a simulated voice is called: its vendor takes any id.
const SIMULATED_VOICE: &str = "simulated-voice";

/// What a vendor is asked for in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VendorRole {
    Recognizer,
    Model,
    Voice,
}

impl VendorRole {
    pub const ALL: [Self; 3] = [Self::Recognizer, Self::Model, Self::Voice];

    /// The setting that names the role's vendors in the order in which they are tried.
    #[must_use]
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Recognizer => "TRUNKLINE_STT_CHAIN",
            Self::Model => "TRUNKLINE_LLM_CHAIN",
            Self::Voice => "TRUNKLINE_TTS_CHAIN",
        }
    }

    /// For people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Recognizer => "recognizer",
            Self::Model => "model",
            Self::Voice => "voice",
        }
    }

    /// Every name that the role's chain may have.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let named = NAMES.iter().filter(move |named| named.role == self);
        named.map(|named| named.name)
    }
}

/// A name and whose settings it needs. A vendor that is reached in two ways has two names.
struct Named {
    role: VendorRole,
    name: &'static str,
    settings: fn(&Settings) -> &VendorSettings,
}

const NAMES: [Named; 4] = [
    Named {
        role: VendorRole::Recognizer,
        name: "deepgram",
        settings: |all| &all.deepgram,
    },
    Named {
        role: VendorRole::Model,
        name: "openai",
        settings: |all| &all.openai,
    },
    Named {
        role: VendorRole::Voice,
        name: "elevenlabs",
        settings: |all| &all.elevenlabs,
    },
    Named {
        role: VendorRole::Voice,
        name: "elevenlabs_http",
        settings: |all| &all.elevenlabs,
    },
];

/// The vendors of each role in the order in which a call tries them, where its agent does not choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chains {
    /// `TRUNKLINE_STT_CHAIN` (default `deepgram`): recognizers, with commas between their names.
    pub recognizers: Vec<&'static str>,
    /// `TRUNKLINE_LLM_CHAIN` (default `openai`): language models, likewise.
    pub models: Vec<&'static str>,
    /// `TRUNKLINE_TTS_CHAIN` (default `elevenlabs,elevenlabs_http`): voices, likewise; `elevenlabs` is its
    /// WebSocket, `elevenlabs_http` its HTTP streaming.
    pub voices: Vec<&'static str>,
}

impl Chains {
    /// Never empty when it was read.
    #[must_use]
    pub fn of(&self, role: VendorRole) -> &[&'static str] {
        match role {
            VendorRole::Recognizer => &self.recognizers,
            VendorRole::Model => &self.models,
            VendorRole::Voice => &self.voices,
        }
    }
}

/// The names of the vendors that an installation has settings for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roster(BTreeMap<VendorRole, Vec<&'static str>>);

impl Roster {
    pub(crate) fn of(settings: &Settings) -> Self {
        let mut roster = Self::default();
        for named in &NAMES {
            if (named.settings)(settings).is_set_up() {
                roster.0.entry(named.role).or_default().push(named.name);
            }
        }
        roster
    }

    /// In the order of the table, which says nothing about the order of calls.
    #[must_use]
    pub fn names(&self, role: VendorRole) -> &[&'static str] {
        self.0.get(&role).map_or(&[], Vec::as_slice)
    }
}

/// The settings of a vendor; [`Settings`] says what each of them has.
#[derive(Debug, Clone)]
pub struct VendorSettings {
    pub api_key: Option<Secret>,
    pub base_url: Url,
    pub model: String,
    /// The voice of agents that name none; only of a vendor of voices.
    pub voice_id: Option<String>,
    /// Neither key nor base URL is set: the laptop run simulates the vendor.
    pub simulated: bool,
    /// By way of whom it is reached.
    pub proxies: Proxies,
    pub(crate) variables: &'static VendorVariables,
}

/// What a vendor's variables are called, with the defaults of those that have one.
#[derive(Debug)]
pub(crate) struct VendorVariables {
    pub(crate) api_key: &'static str,
    pub(crate) base_url: (&'static str, &'static str),
    pub(crate) model: (&'static str, &'static str),
    pub(crate) voice_id: Option<&'static str>,
}

pub(crate) const DEEPGRAM: VendorVariables = VendorVariables {
    api_key: "DEEPGRAM_API_KEY",
    base_url: ("DEEPGRAM_BASE_URL", "https://api.deepgram.com"),
    model: ("DEEPGRAM_MODEL", "nova-3"),
    voice_id: None,
};

pub(crate) const OPENAI: VendorVariables = VendorVariables {
    api_key: "OPENAI_API_KEY",
    base_url: ("OPENAI_BASE_URL", "https://api.openai.com/v1"),
    model: ("OPENAI_MODEL", "gpt-5.4-mini"),
    voice_id: None,
};

pub(crate) const ELEVENLABS: VendorVariables = VendorVariables {
    api_key: "ELEVENLABS_API_KEY",
    base_url: ("ELEVENLABS_BASE_URL", "https://api.elevenlabs.io"),
    model: ("ELEVENLABS_MODEL", "eleven_flash_v2_5"),
    voice_id: Some("ELEVENLABS_VOICE_ID"),
};

impl VendorSettings {
    /// Whether calls can be made with it: it has settings, or a simulated peer that took their place.
    #[must_use]
    pub const fn is_set_up(&self) -> bool {
        !self.simulated || self.api_key.is_some()
    }

    /// Puts a simulated peer in the vendor's place.
    pub fn simulate(&mut self, base_url: Url, api_key: Secret) {
        self.base_url = base_url;
        self.api_key = Some(api_key);
        if self.variables.voice_id.is_some() {
            self.voice_id = Some(SIMULATED_VOICE.to_owned());
        }
    }

    /// Names and values of all its settings, for a process beside this one.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, Option<&str>)> {
        let names = self.variables;
        let key = self.api_key.as_ref().map(Secret::expose);
        let voice = names.voice_id.map(|name| (name, self.voice_id.as_deref()));
        let all = [
            (names.api_key, key),
            (names.base_url.0, Some(self.base_url.as_str())),
            (names.model.0, Some(self.model.as_str())),
        ];
        all.into_iter().chain(voice).collect()
    }
}
