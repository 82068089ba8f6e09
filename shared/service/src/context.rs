//! What every entry point is built from.

pub(crate) mod clock;
pub mod fields;
pub(crate) mod links;
pub(crate) mod refused;
pub(crate) mod requests;

use std::sync::Arc;

use carrier::connection::{ConnectProblem, Patience};
use carrier::{Carrier, Connection, Signatures};
use settings::{Dialing, Roster, Settings};
use store::Store;
use store::schema::SchemaError;

use crate::{Clock, Ids, LinkProblem, Links, SystemClock};

/// Storage, carrier, addresses, time and chance. Entry points take from it what they need.
#[derive(Debug, Clone)]
pub struct Context {
    pub store: Store,
    pub carrier: Arc<dyn Carrier>,
    /// What the carrier signs its webhooks with.
    pub signatures: Signatures,
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
    #[error("the carrier cannot be used")]
    Carrier(#[source] ConnectProblem),
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
        let Connection { client, signatures } =
            Connection::of(&settings.carrier, Patience::Usual).map_err(ContextError::Carrier)?;
        let links = Links::new(public, media, client.name()).map_err(ContextError::Links)?;
        let store = Store::from_environment(&settings.storage).await;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Ok(Self {
            store: store.map_err(ContextError::Store)?,
            carrier: client,
            signatures,
            links,
            dialing: settings.dialing,
            vendors: settings.roster(),
            ids: Ids::new(Arc::clone(&clock)),
            clock,
        })
    }
}
