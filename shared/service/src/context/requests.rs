//! Requests that carry an idempotency key: the same key with the same request makes one thing.

use jiff::Timestamp;
use model::TenantId;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use store::{Idempotency, Requests};

use crate::{Fault, Refused};

/// The longest idempotency key.
pub const KEY_CHARS_MAX: usize = 255;

/// A key that a client gave to a request, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// 1 to [`KEY_CHARS_MAX`] printable ASCII characters.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let printable = text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() || byte == b' ');
        let fits = (1..=KEY_CHARS_MAX).contains(&text.len());
        (printable && fits).then(|| Self(text.to_owned()))
    }
}

/// A request with a key, before anything is made of it.
#[derive(Debug)]
pub(crate) struct Keyed {
    route: &'static str,
    key: String,
    body_sha256: String,
}

impl Keyed {
    /// The fingerprint is over what the request means, not over how its JSON was laid out.
    pub(crate) fn new<T: Serialize>(
        route: &'static str,
        key: Option<&IdempotencyKey>,
        request: &T,
    ) -> Result<Option<Self>, Refused> {
        let Some(IdempotencyKey(key)) = key else {
            return Ok(None);
        };
        let body = serde_json::to_vec(request)
            .map_err(|_unprintable| Refused::field("", Fault::Malformed, "cannot be read"))?;
        Ok(Some(Self {
            route,
            key: key.clone(),
            body_sha256: hex::encode(Sha256::digest(&body)),
        }))
    }

    /// The id of what an earlier request with this key made, read as `T`. `None`: there was none.
    pub(crate) async fn made_before<T: std::str::FromStr>(
        &self,
        requests: &Requests,
        tenant: TenantId,
    ) -> Result<Option<T>, Refused> {
        let earlier = requests.earlier(tenant, self.route, &self.key).await?;
        let Some(earlier) = earlier else {
            return Ok(None);
        };
        if earlier.body_sha256 != self.body_sha256 {
            return Err(Refused::KeyReused);
        }
        Ok(earlier.made.parse().ok())
    }

    /// What is written with the thing that the request makes.
    pub(crate) fn makes(&self, id: &impl ToString, at: Timestamp) -> Idempotency {
        Idempotency {
            route: self.route,
            key: self.key.clone(),
            body_sha256: self.body_sha256.clone(),
            made: id.to_string(),
            at,
        }
    }
}
