//! The one table that names carriers.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::HeaderMap;

use crate::port::Carrier;
use crate::report::SignatureProblem;
use crate::twilio::SidProblem;
use crate::twilio::client::{Client, ClientConfig, ClientProblem, Retry};
use crate::twilio::signature::{SharedKey, Signed, Tokens, verify_websocket};

/// Which carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CarrierName {
    Twilio,
}

/// What the product says of a carrier that is none of its business otherwise.
#[derive(Debug, Clone, Copy)]
pub struct CarrierRow {
    pub name: CarrierName,
    /// In addresses, metrics and logs.
    pub word: &'static str,
    /// For people.
    pub label: &'static str,
    /// How the names of its settings begin.
    pub settings: &'static str,
    /// The setting that names the account, and the one that holds its secret.
    pub account_setting: &'static str,
    pub secret_setting: &'static str,
    /// What the carrier does when a webhook is not taken in, as it is told in the fragment of the address,
    /// which is never sent and never signed.
    pub webhook_fragment: Option<&'static str>,
    /// Where a person looks after the account, and after what is owed.
    pub console: &'static str,
    pub billing: &'static str,
}

const TWILIO: CarrierRow = CarrierRow {
    name: CarrierName::Twilio,
    word: "twilio",
    label: "Twilio",
    settings: "TWILIO_",
    account_setting: "TWILIO_ACCOUNT_SID",
    secret_setting: "TWILIO_AUTH_TOKEN",
    // Tries again up to five times, within its 15 seconds in all, when we cannot be reached, do not answer, or
    // answer that we cannot just now: docs/protocols/twilio-voice.md#webhooks.
    webhook_fragment: Some("rc=5&rp=5xx,ct,rt"),
    console: "https://console.twilio.com",
    billing: "https://console.twilio.com/billing",
};

impl CarrierName {
    pub const ALL: [Self; 1] = [Self::Twilio];

    /// The carrier whose account the settings hold.
    pub const OF_SETTINGS: Self = Self::Twilio;

    #[must_use]
    pub const fn row(self) -> &'static CarrierRow {
        match self {
            Self::Twilio => &TWILIO,
        }
    }

    /// The word in addresses, metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().word
    }
}

/// No carrier has this name. Does not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such carrier")]
pub struct UnknownCarrier;

impl FromStr for CarrierName {
    type Err = UnknownCarrier;

    fn from_str(word: &str) -> Result<Self, UnknownCarrier> {
        let known = Self::ALL.into_iter().find(|name| name.as_str() == word);
        known.ok_or(UnknownCarrier)
    }
}

impl fmt::Display for CarrierName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An account at a carrier: whom we ask, and how we know that it is the carrier who tells.
#[derive(Debug, Clone)]
pub struct Connection {
    pub client: Arc<dyn Carrier>,
    pub signatures: Signatures,
}

/// What a carrier signs its webhooks and media sockets with.
#[derive(Debug, Clone)]
pub enum Signatures {
    Twilio(Tokens),
}

/// How patiently the carrier is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// What may be repeated is repeated.
    Usual,
    /// Once, and for no longer than this: somebody waits for the answer.
    Once(std::time::Duration),
}

/// Why the settings lead to no carrier.
#[derive(Debug, thiserror::Error)]
pub enum ConnectProblem {
    #[error("{0} must be set")]
    Missing(&'static str),
    #[error("{setting} is not an account of the carrier's")]
    Account {
        setting: &'static str,
        #[source]
        source: SidProblem,
    },
    #[error("the carrier's client cannot be built")]
    Client(#[source] ClientProblem),
}

impl Connection {
    /// The carrier that the settings name.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong.
    pub fn of(settings: &settings::Carrier, patience: Patience) -> Result<Self, ConnectProblem> {
        let row = CarrierName::OF_SETTINGS.row();
        let account = settings.account_id.as_deref();
        let account = account.ok_or(ConnectProblem::Missing(row.account_setting))?;
        let account = account.parse().map_err(|source| ConnectProblem::Account {
            setting: row.account_setting,
            source,
        })?;
        let token = settings.auth_token.clone();
        let token = token.ok_or(ConnectProblem::Missing(row.secret_setting))?;
        let mut config = ClientConfig::new(settings.base_url.clone(), account, token.clone());
        if let Patience::Once(timeout) = patience {
            config.request_timeout = timeout;
            config.retry = Retry {
                attempts_max: 1,
                ..Retry::default()
            };
        }
        let mut tokens = Tokens::new(token);
        if let (Some(id), Some(secret)) = (&settings.webhook_key_id, &settings.webhook_key_secret) {
            tokens = tokens.with_shared(SharedKey {
                id: id.clone(),
                secret: secret.clone(),
            });
        }
        Ok(Self {
            client: Arc::new(Client::new(config).map_err(ConnectProblem::Client)?),
            signatures: Signatures::Twilio(tokens),
        })
    }
}

impl Signatures {
    #[must_use]
    pub const fn carrier(&self) -> CarrierName {
        match self {
            Self::Twilio(_) => CarrierName::Twilio,
        }
    }

    /// Checks the handshake of a media socket that the carrier was told to open at `url`.
    ///
    /// # Errors
    /// When the carrier did not sign it.
    pub fn verify_socket(&self, url: &str, headers: &HeaderMap) -> Result<(), SignatureProblem> {
        match self {
            Self::Twilio(tokens) => verify_websocket(tokens, url, Signed::of(headers)),
        }
    }
}
