//! An account at a carrier, as the settings have it.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;

use crate::carriers::CarrierName;
use crate::port::Carrier;
use crate::report::SignatureProblem;
use crate::twilio::SidProblem;
use crate::twilio::client::{Client, ClientConfig, ClientProblem, Retry};
use crate::twilio::signature::{SharedKey, Signed, Tokens, verify_websocket};

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
    Once(Duration),
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
        config.proxies = settings.proxies.clone();
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
