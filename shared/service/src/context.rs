//! What every entry point is built from.

pub(crate) mod clock;
pub mod fields;
pub(crate) mod links;
pub(crate) mod refused;
pub(crate) mod requests;

use std::sync::Arc;

use carrier::twilio::SidProblem;
use carrier::twilio::client::{Client, ClientConfig, ClientProblem};
use carrier::twilio::signature::Tokens;
use settings::{Dialing, Roster, Secret, Settings};
use store::Store;
use store::schema::SchemaError;

use crate::{Clock, Ids, LinkProblem, Links, SystemClock};

/// Storage, carrier, addresses, time and chance. Entry points take from it what they need.
#[derive(Debug, Clone)]
pub struct Context {
    pub store: Store,
    pub carrier: Client,
    /// What the carrier signs its webhooks with.
    pub tokens: Tokens,
    pub links: Links,
    /// How much is dialled.
    pub dialing: Dialing,
    /// The vendors that agents can choose from.
    pub vendors: Roster,
    pub clock: Arc<dyn Clock>,
    pub ids: Ids,
}

/// Why an entry point cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    #[error("{variable} must be set")]
    Missing { variable: &'static str },
    #[error("TWILIO_ACCOUNT_SID is not an account of the carrier's")]
    Account(#[source] SidProblem),
    #[error("the carrier's client cannot be built")]
    Carrier(#[source] ClientProblem),
    #[error("PUBLIC_URL or MEDIA_URL cannot be used")]
    Links(#[source] LinkProblem),
    #[error("storage cannot be used")]
    Store(#[source] SchemaError),
}

impl Context {
    /// Everything real: storage as the AWS SDK's own environment names it, the carrier and our public
    /// addresses as the settings say. Nothing has a default here but the clock: a function that runs
    /// alone has nobody to simulate the other side for it.
    ///
    /// # Errors
    /// Names the setting that is missing, or what cannot be reached.
    pub async fn from_settings(settings: &Settings) -> Result<Self, ContextError> {
        let missing = |variable| ContextError::Missing { variable };
        let public = settings.public.public_url.clone();
        let public = public.ok_or(missing("PUBLIC_URL"))?;
        let media = settings.public.media_url.clone();
        let media = media.unwrap_or_else(|| public.clone());
        let links = Links::new(public, media).map_err(ContextError::Links)?;
        let account = settings.twilio.account_sid.as_deref();
        let account = account.ok_or(missing("TWILIO_ACCOUNT_SID"))?;
        let token = settings.twilio.auth_token.clone();
        let token = token.ok_or(missing("TWILIO_AUTH_TOKEN"))?;
        let carrier = carrier(settings, account, token.clone())?;
        let store = Store::from_environment(&settings.storage).await;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Ok(Self {
            store: store.map_err(ContextError::Store)?,
            carrier,
            tokens: Tokens::new(token),
            links,
            dialing: settings.dialing,
            vendors: settings.roster(),
            ids: Ids::new(Arc::clone(&clock)),
            clock,
        })
    }
}

fn carrier(settings: &Settings, account: &str, token: Secret) -> Result<Client, ContextError> {
    let account = account.parse().map_err(ContextError::Account)?;
    let config = ClientConfig::new(settings.twilio.base_url.clone(), account, token);
    Client::new(config).map_err(ContextError::Carrier)
}
