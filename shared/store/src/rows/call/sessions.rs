//! The snapshot of a call and the one-use tokens that open media sessions with it.
//!
//! Both are one row: taking a token and reading the snapshot is one conditional request. Tokens are
//! kept as hashes, each with its end.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use model::{CallId, CallSnapshot, Checkpoint, TenantId, TokenId};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::StoreError;
use crate::table::keys::{self, Key};
use crate::table::{Item, Table, Write};

/// SHA-256 of a token, in hex.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenHash(String);

impl TokenHash {
    #[must_use]
    pub fn of(token: TokenId) -> Self {
        Self(hex::encode(Sha256::digest(token.to_string().as_bytes())))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(hidden)")
    }
}

/// A token that is given out: it opens one session of the call.
#[derive(Debug, Clone, Copy)]
pub struct NewToken<'a> {
    pub hash: &'a TokenHash,
    pub until: Timestamp,
    /// The session that hands the call over with it.
    pub from: Option<HandedOver<'a>>,
}

/// What a session leaves to the one that takes the call over from it.
#[derive(Debug, Clone, Copy)]
pub struct HandedOver<'a> {
    /// Only the call's current session can hand it over.
    pub session: u32,
    pub checkpoint: &'a Checkpoint,
}

/// A session that was just opened.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    pub snapshot: CallSnapshot,
    /// From 1: how many sessions the call has had with this one.
    pub session: u32,
    /// How long ago the first one was opened.
    pub elapsed: Duration,
    /// Where the session before stood when it gave this token out; `None` when nobody handed over.
    pub checkpoint: Option<Checkpoint>,
}

/// The snapshot rows.
#[derive(Debug, Clone)]
pub struct Sessions {
    table: Table,
}

impl Sessions {
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Takes the token and reads the snapshot. `None` when there is no such call, no such token, the
    /// token is too old, or the call is another one at the carrier.
    ///
    /// # Errors
    /// When storage cannot be reached or the snapshot cannot be read.
    pub async fn open(
        &self,
        tenant: TenantId,
        call: CallId,
        token: &TokenHash,
        carrier_call_id: &str,
        now: Timestamp,
    ) -> Result<Option<Opened>, StoreError> {
        let updated = self
            .table
            .update(
                &keys::snapshot(tenant, call),
                "REMOVE #tokens.#token SET carrier_call_id = :carrier, \
                 session_count = session_count + :one, \
                 opened_ms = if_not_exists(opened_ms, :now_ms)",
                "#tokens.#token > :now AND \
                 (attribute_not_exists(carrier_call_id) OR carrier_call_id = :carrier)",
                token_names(token),
                HashMap::from([
                    (":now".to_owned(), number(now.as_second())),
                    (":now_ms".to_owned(), number(now.as_millisecond())),
                    (":one".to_owned(), number(1)),
                    (
                        ":carrier".to_owned(),
                        AttributeValue::S(carrier_call_id.to_owned()),
                    ),
                ]),
            )
            .await;
        match updated {
            Ok(item) => read(&item, token, now).map(Some),
            Err(StoreError::Conflict) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What a call is held with. `None` when there is no such call, or it was over with its first row.
    ///
    /// # Errors
    /// When storage cannot be reached or the snapshot cannot be read.
    pub async fn snapshot(
        &self,
        tenant: TenantId,
        call: CallId,
    ) -> Result<Option<CallSnapshot>, StoreError> {
        let row: Option<SnapshotRow> = self
            .table
            .read(&keys::snapshot(tenant, call), "snapshot")
            .await?;
        row.map(|row| snapshot_of(&row.snapshot)).transpose()
    }

    /// The row of a new call.
    pub(crate) fn new_row(
        table: &Table,
        snapshot: &CallSnapshot,
        carrier_call_id: Option<&str>,
        token: Option<NewToken<'_>>,
    ) -> Result<Write, StoreError> {
        let text = serde_json::to_string(snapshot).map_err(StoreError::malformed("snapshot"))?;
        let key: Key = keys::snapshot(snapshot.tenant_id, snapshot.call_id);
        let mut item: Item = key.attributes();
        let tokens = token
            .map(|token| (token.hash.0.clone(), number(token.until.as_second())))
            .into_iter()
            .collect();
        item.insert("snapshot".to_owned(), AttributeValue::S(text));
        item.insert("tokens".to_owned(), AttributeValue::M(tokens));
        item.insert("session_count".to_owned(), number(0));
        if let Some(carrier_call_id) = carrier_call_id {
            let id = AttributeValue::S(carrier_call_id.to_owned());
            item.insert("carrier_call_id".to_owned(), id);
        }
        table.new_row(item)
    }

    pub(crate) fn add_token(
        table: &Table,
        tenant: TenantId,
        call: CallId,
        token: NewToken<'_>,
    ) -> Result<Write, StoreError> {
        let NewToken { hash, until, from } = token;
        let key = keys::snapshot(tenant, call);
        let names = token_names(hash);
        let until = (":until".to_owned(), number(until.as_second()));
        let Some(HandedOver {
            session,
            checkpoint,
        }) = from
        else {
            return table.update_if(
                &key,
                "SET #tokens.#token = :until",
                "attribute_exists(pk)",
                names,
                HashMap::from([until]),
            );
        };
        let text =
            serde_json::to_string(checkpoint).map_err(StoreError::malformed("checkpoint"))?;
        table.update_if(
            &key,
            "SET #tokens.#token = :until, checkpoint = :checkpoint, checkpoint_token = :hash",
            "session_count = :session",
            names,
            HashMap::from([
                until,
                (":checkpoint".to_owned(), AttributeValue::S(text)),
                (":hash".to_owned(), AttributeValue::S(hash.0.clone())),
                (":session".to_owned(), number(session.into())),
            ]),
        )
    }

    pub(crate) fn forget_tokens(
        table: &Table,
        tenant: TenantId,
        call: CallId,
    ) -> Result<Write, StoreError> {
        table.update_if(
            &keys::snapshot(tenant, call),
            "SET #tokens = :none",
            "attribute_exists(pk)",
            HashMap::from([("#tokens".to_owned(), "tokens".to_owned())]),
            HashMap::from([(":none".to_owned(), AttributeValue::M(HashMap::new()))]),
        )
    }
}

fn token_names(token: &TokenHash) -> HashMap<String, String> {
    HashMap::from([
        ("#tokens".to_owned(), "tokens".to_owned()),
        ("#token".to_owned(), token.0.clone()),
    ])
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// What is read of the row where no token is taken.
#[derive(Deserialize)]
struct SnapshotRow {
    snapshot: String,
}

fn snapshot_of(text: &str) -> Result<CallSnapshot, StoreError> {
    serde_json::from_str(text).map_err(StoreError::malformed("snapshot"))
}

#[derive(Debug, thiserror::Error)]
#[error("an attribute is missing")]
struct Missing;

pub(crate) fn read(item: &Item, token: &TokenHash, now: Timestamp) -> Result<Opened, StoreError> {
    let text = item
        .get("snapshot")
        .and_then(|value| value.as_s().ok())
        .ok_or(Missing)
        .map_err(StoreError::malformed("snapshot"))?;
    let session = item
        .get("session_count")
        .and_then(|value| value.as_n().ok())
        .and_then(|digits| digits.parse().ok())
        .ok_or(Missing)
        .map_err(StoreError::malformed("snapshot"))?;
    let opened_ms = item
        .get("opened_ms")
        .and_then(|value| value.as_n().ok())
        .and_then(|digits| digits.parse().ok());
    let opened_at = opened_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    // Clocks of two workers differ a little: nothing is before the call.
    let elapsed = now.duration_since(opened_at.unwrap_or(now));
    Ok(Opened {
        snapshot: snapshot_of(text)?,
        session,
        elapsed: Duration::try_from(elapsed.max(SignedDuration::ZERO)).unwrap_or_default(),
        checkpoint: checkpoint(item, token)?,
    })
}

/// The checkpoint, if it was left with this token: one that was left with another is past.
fn checkpoint(item: &Item, token: &TokenHash) -> Result<Option<Checkpoint>, StoreError> {
    let text = |name| item.get(name).and_then(|value| value.as_s().ok());
    match (text("checkpoint_token"), text("checkpoint")) {
        (Some(hash), Some(text)) if *hash == token.0 => serde_json::from_str(text)
            .map(Some)
            .map_err(StoreError::malformed("checkpoint")),
        (Some(_) | None, Some(_) | None) => Ok(None),
    }
}
