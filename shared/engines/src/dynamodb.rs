//! The table: dynoxide on a SQLite file, behind our own front.
//!
//! dynoxide brings an HTTP server, but one that checks no signature and lets any web page in, and its
//! router cannot be wrapped; so requests are read here and handed to its engine. Streams stay off
//! (its writes slow down with every record); change events are rows of our own. Expired rows are
//! removed by a timer here, because the engine does not do it by itself.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use dynoxide::{Database, DynoxideError};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Notify, watch};

use super::room::{Room, Why};
use super::serve::stop_signal;

/// How often expired rows are removed. AWS takes up to days; readers must filter anyway.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// The table's engine, for those who ask it without a socket too.
#[derive(Clone)]
pub struct Table {
    database: Database,
    watch: Arc<Watch>,
    /// Absent in memory.
    room: Option<Room>,
}

/// Whoever waits for writes of a certain kind, so that nobody has to ask the table again and again.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// What requests of that kind have in them.
    text: OnceLock<&'static str>,
    wrote: Arc<Notify>,
}

impl Watch {
    /// Is told after each successful write that has this text in its request. The first text stands.
    pub(super) fn of(&self, text: &'static str) -> Arc<Notify> {
        self.text.get_or_init(|| text);
        Arc::clone(&self.wrote)
    }

    fn look_at(&self, operation: &str, body: &[u8]) {
        let Some(text) = self.text.get().map(|text| text.as_bytes()) else {
            return;
        };
        let writes = ["TransactWriteItems", "PutItem", "BatchWriteItem"];
        if writes.contains(&operation) && body.windows(text.len()).any(|some| some == text) {
            self.wrote.notify_one();
        }
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").finish_non_exhaustive()
    }
}

impl Table {
    /// One that lives in memory and is gone with its last handle.
    ///
    /// # Errors
    /// When the engine cannot start.
    pub fn in_memory() -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self {
            database: Database::memory()?,
            watch: Arc::default(),
            room: None,
        })
    }

    /// Answers one request of DynamoDB's JSON protocol: status and body. `operation` is what its
    /// `x-amz-target` names behind the dot.
    #[must_use]
    pub fn answer(&self, operation: &str, body: &[u8]) -> (StatusCode, String) {
        match perform(&self.database, operation, body) {
            Ok(json) => {
                self.watch.look_at(operation, body);
                (StatusCode::OK, json)
            }
            Err(error) => {
                let status = StatusCode::from_u16(error.status_code())
                    .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                if let (Some(room), Some(why)) = (&self.room, unwritable(&error)) {
                    room.ran_out(why);
                }
                if status.is_server_error() {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "the embedded table failed"
                    );
                }
                (status, error.to_json())
            }
        }
    }

    pub(super) fn open(
        file: &Path,
        watch: Arc<Watch>,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let path = file.to_str().ok_or("the path is not UTF-8")?;
        let database = Database::new(path)?;
        // dynoxide's way to say: flush the file at checkpoints rather than at each write. A killed
        // process loses nothing by it; a power cut may take the last writes, as in the queues' file.
        database.disable_bulk_loading()?;
        Ok(Self {
            database,
            watch,
            room: None,
        })
    }

    /// Says so when the disk takes no more.
    pub(super) fn with(mut self, room: Room) -> Self {
        self.room = Some(room);
        self
    }

    /// Removes expired rows until the stop.
    pub(super) fn sweeps(
        &self,
        stopping: watch::Receiver<bool>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let database = self.database.clone();
        async move {
            let stop = stop_signal(stopping);
            tokio::pin!(stop);
            loop {
                tokio::select! {
                    () = &mut stop => return,
                    () = tokio::time::sleep(SWEEP_EVERY) => {}
                }
                let database = database.clone();
                let swept = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
                match swept {
                    Ok(Ok(rows)) => tracing::debug!(rows, "expired rows removed"),
                    Ok(Err(error)) => tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "expired rows were not removed"
                    ),
                    Err(_stopping) => return,
                }
            }
        }
    }
}

/// Why the file could not be written, if that was it. The engine keeps SQLite's code in some of its errors and
/// only SQLite's words in others.
fn unwritable(error: &DynoxideError) -> Option<Why> {
    if let DynoxideError::SqliteError(error) = error {
        return Why::of_sqlite(error);
    }
    let DynoxideError::InternalServerError(text) = error else {
        return None;
    };
    if text.contains("disk is full") {
        Some(Why::Full)
    } else if text.contains("I/O error") {
        Some(Why::Unwritable)
    } else {
        None
    }
}

pub(super) fn router(table: Table) -> Router {
    Router::new()
        .route("/", post(answer))
        // The guard has limited and read the body already.
        .layer(DefaultBodyLimit::disable())
        .with_state(table)
}

async fn answer(State(table): State<Table>, headers: HeaderMap, body: Bytes) -> Response {
    let operation = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .and_then(|target| target.strip_prefix("DynamoDB_20120810."))
        .unwrap_or_default()
        .to_owned();
    let done = tokio::task::spawn_blocking(move || table.answer(&operation, &body)).await;
    let Ok((status, json)) = done else {
        // Cut off by the stop.
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    (status, [(CONTENT_TYPE, "application/x-amz-json-1.0")], json).into_response()
}

/// The operations of tables and items. Streams, tags, backups and SQL are not part of what the
/// product uses.
fn perform(database: &Database, operation: &str, body: &[u8]) -> Result<String, DynoxideError> {
    match operation {
        "BatchGetItem" => with(body, |request| database.batch_get_item(request)),
        "BatchWriteItem" => with(body, |request| database.batch_write_item(request)),
        "CreateTable" => with(body, |request| database.create_table(request)),
        "DeleteItem" => with(body, |request| database.delete_item(request)),
        "DeleteTable" => with(body, |request| database.delete_table(request)),
        "DescribeTable" => with(body, |request| database.describe_table(request)),
        "DescribeTimeToLive" => with(body, |request| database.describe_time_to_live(request)),
        "GetItem" => with(body, |request| database.get_item(request)),
        "ListTables" => with(body, |request| database.list_tables(request)),
        "PutItem" => with(body, |request| database.put_item(request)),
        "Query" => with(body, |request| database.query(request)),
        "Scan" => with(body, |request| database.scan(request)),
        "TransactGetItems" => with(body, |request| database.transact_get_items(request)),
        "TransactWriteItems" => with(body, |request| database.transact_write_items(request)),
        "UpdateItem" => with(body, |request| database.update_item(request)),
        "UpdateTable" => with(body, |request| database.update_table(request)),
        "UpdateTimeToLive" => with(body, |request| database.update_time_to_live(request)),
        _ => Err(DynoxideError::UnsupportedCapability(operation.to_owned())),
    }
}

fn with<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    act: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Result<String, DynoxideError> {
    let request = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
    let answer = act(request)?;
    serde_json::to_string(&answer)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// Sorts what the engine's request types refuse into DynamoDB's two errors for it.
///
/// The types mark refused values at the start of the text, and serde adds a position at its end.
fn unreadable(error: &serde_json::Error) -> DynoxideError {
    let text = error.to_string();
    let text = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(message, _position)| message);
    if let Some((mark, message)) = text.split_once(':') {
        match mark {
            "VALIDATION" | "VALIDATION_REQUEST" | "VALIDATION_AS_READ" => {
                return DynoxideError::ValidationException(message.to_owned());
            }
            "SERIALIZATION" | "SERIALIZATION_AS_READ" => {
                return DynoxideError::SerializationException(message.to_owned());
            }
            _ => {}
        }
    }
    let is_refused_value = [
        "missing field",
        "unknown variant",
        "invalid type: null",
        "AttributeValue",
    ]
    .into_iter()
    .any(|sign| text.contains(sign));
    if is_refused_value {
        DynoxideError::ValidationException(text.to_owned())
    } else {
        DynoxideError::SerializationException(text.to_owned())
    }
}

#[cfg(test)]
mod tests;
