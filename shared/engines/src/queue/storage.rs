//! Queues and messages in one SQLite file.
//!
//! Time comes in as milliseconds since 1970. A step that ends well is in the file: a killed process
//! loses nothing that was answered (a power cut may take the last steps, since the file is not
//! flushed with each of them). Knows nothing of requests that wait.

mod messages;
mod moves;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior, params};

use super::attributes::{self, Attributes, COUNTED, arn_of, queue_of_arn};
use super::refusal::QueueRefusal;
use super::wire::IncomingMessage;

const PURGE_PAUSE_MS: i64 = 60 * 1_000;
const LIST_MAX: i64 = 1_000;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS queues (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        attributes TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        changed_ms INTEGER NOT NULL,
        purged_ms INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE IF NOT EXISTS messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        queue INTEGER NOT NULL REFERENCES queues (id) ON DELETE CASCADE,
        message_id TEXT NOT NULL,
        body TEXT NOT NULL,
        attributes TEXT NOT NULL,
        trace_header TEXT,
        group_id TEXT,
        deduplication_id TEXT,
        sent_ms INTEGER NOT NULL,
        visible_ms INTEGER NOT NULL,
        expires_ms INTEGER NOT NULL,
        -- in this queue, and across all
        receives INTEGER NOT NULL DEFAULT 0,
        receives_in_all INTEGER NOT NULL DEFAULT 0,
        first_received_ms INTEGER,
        -- of the last receive; none before the first
        receipt TEXT,
        -- the queue whose dead letter it is
        died_in TEXT
    ) STRICT;
    CREATE INDEX IF NOT EXISTS by_visibility ON messages (queue, visible_ms, id);
    CREATE INDEX IF NOT EXISTS by_group ON messages (queue, group_id, visible_ms)
        WHERE group_id IS NOT NULL;
    CREATE INDEX IF NOT EXISTS by_expiry ON messages (expires_ms);
    CREATE TABLE IF NOT EXISTS deduplication (
        queue INTEGER NOT NULL REFERENCES queues (id) ON DELETE CASCADE,
        scope TEXT NOT NULL,
        id TEXT NOT NULL,
        message_id TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        until_ms INTEGER NOT NULL,
        PRIMARY KEY (queue, scope, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS move_tasks (
        handle TEXT PRIMARY KEY,
        source TEXT NOT NULL,
        destination TEXT,
        status TEXT NOT NULL,
        moved INTEGER NOT NULL DEFAULT 0,
        to_move INTEGER NOT NULL,
        -- the last message looked at: one that cannot be moved is not looked at for ever
        cursor INTEGER NOT NULL DEFAULT 0,
        started_ms INTEGER NOT NULL
    ) STRICT;
";

pub(super) struct Storage {
    pub(super) file: Connection,
}

pub(super) struct Queue {
    id: i64,
    name: String,
    attributes: Attributes,
    created_ms: i64,
    changed_ms: i64,
    purged_ms: i64,
}

/// What one look into a queue found.
pub(super) struct Looked {
    pub(super) messages: Vec<IncomingMessage>,
    /// Dead-letter queues that got something by this look.
    pub(super) moved_to: BTreeSet<String>,
    /// When the next hidden message becomes visible.
    pub(super) next_visible_in: Option<Duration>,
    /// How long the receiver is willing to wait.
    pub(super) wait: Duration,
}

impl Storage {
    pub(super) fn open(path: &Path, now_ms: i64) -> Result<Self, rusqlite::Error> {
        let file = Connection::open(path)?;
        file.pragma_update(None, "journal_mode", "WAL")?;
        file.pragma_update(None, "synchronous", "NORMAL")?;
        file.pragma_update(None, "foreign_keys", "ON")?;
        file.execute_batch(SCHEMA)?;
        // Whoever received these ran in the process that ended.
        file.execute(
            "UPDATE messages SET visible_ms = ?1 WHERE receipt IS NOT NULL AND visible_ms > ?1",
            [now_ms],
        )?;
        file.execute(
            "UPDATE move_tasks SET status = 'FAILED' WHERE status = 'RUNNING'",
            [],
        )?;
        Ok(Self { file })
    }

    pub(super) fn queue(&self, name: &str) -> Result<Queue, QueueRefusal> {
        find_queue(&self.file, name)?.ok_or(QueueRefusal::NoSuchQueue)
    }

    pub(super) fn create_queue(
        &mut self,
        name: &str,
        given: &BTreeMap<String, String>,
        now_ms: i64,
    ) -> Result<(), QueueRefusal> {
        let attributes = Attributes::of_new_queue(name, given)?;
        if let Some(existing) = find_queue(&self.file, name)? {
            return match existing.attributes.difference(given) {
                None => Ok(()),
                Some(attribute) => Err(QueueRefusal::OtherAttributes { attribute }),
            };
        }
        self.check_redrive(&attributes)?;
        self.file.execute(
            "INSERT INTO queues (name, attributes, created_ms, changed_ms) VALUES (?1, ?2, ?3, ?3)",
            params![name, to_json(&attributes)?, now_ms],
        )?;
        Ok(())
    }

    pub(super) fn delete_queue(&mut self, name: &str) -> Result<(), QueueRefusal> {
        let queue = self.queue(name)?;
        self.file
            .execute("DELETE FROM queues WHERE id = ?1", [queue.id])?;
        Ok(())
    }

    /// Names with the prefix, in order, after `after`, and where to go on.
    pub(super) fn list_queues(
        &self,
        prefix: &str,
        max: Option<i64>,
        after: &str,
    ) -> Result<(Vec<String>, Option<String>), QueueRefusal> {
        let mut statement = self.file.prepare_cached(
            "SELECT name FROM queues WHERE name > ?1 AND substr(name, 1, length(?2)) = ?2 ORDER BY name",
        )?;
        let names = statement
            .query_map([after, prefix], |row| row.get(0))?
            .collect::<Result<Vec<String>, _>>()?;
        page(names, max)
    }

    pub(super) fn dead_letter_sources(
        &self,
        name: &str,
        max: Option<i64>,
        after: &str,
    ) -> Result<(Vec<String>, Option<String>), QueueRefusal> {
        let target = self.queue(name)?;
        let names = self.sources_of(&target.name)?;
        page(
            names
                .into_iter()
                .filter(|name| name.as_str() > after)
                .collect(),
            max,
        )
    }

    pub(super) fn attributes(
        &self,
        name: &str,
        wanted: &[String],
        now_ms: i64,
    ) -> Result<BTreeMap<String, String>, QueueRefusal> {
        let queue = self.queue(name)?;
        let is_all = wanted.iter().any(|name| name == "All");
        if let Some(unknown) = wanted
            .iter()
            .find(|name| name.as_str() != "All" && !attributes::names().any(|known| known == *name))
        {
            return Err(QueueRefusal::UnknownAttribute {
                name: unknown.clone(),
            });
        }
        let mut texts = BTreeMap::new();
        for name in attributes::names().filter(|name| is_all || wanted.iter().any(|w| w == name)) {
            let text = if COUNTED.contains(&name) {
                Some(self.counted(&queue, name, now_ms)?)
            } else {
                queue.attributes.text(name)
            };
            if let Some(text) = text {
                texts.insert(name.to_owned(), text);
            }
        }
        Ok(texts)
    }

    fn counted(&self, queue: &Queue, name: &str, now_ms: i64) -> Result<String, QueueRefusal> {
        let count = |which: &str| {
            self.file
                .prepare_cached(&format!(
                    "SELECT count(*) FROM messages WHERE queue = ?1 AND expires_ms > ?2 AND {which}"
                ))?
                .query_row([queue.id, now_ms], |row| row.get::<_, i64>(0))
        };
        Ok(match name {
            "ApproximateNumberOfMessages" => count("visible_ms <= ?2")?.to_string(),
            "ApproximateNumberOfMessagesDelayed" => {
                count("visible_ms > ?2 AND receipt IS NULL")?.to_string()
            }
            "ApproximateNumberOfMessagesNotVisible" => {
                count("visible_ms > ?2 AND receipt IS NOT NULL")?.to_string()
            }
            "CreatedTimestamp" => (queue.created_ms / 1_000).to_string(),
            "LastModifiedTimestamp" => (queue.changed_ms / 1_000).to_string(),
            _ => arn_of(&queue.name),
        })
    }

    pub(super) fn set_attributes(
        &mut self,
        name: &str,
        given: &BTreeMap<String, String>,
        now_ms: i64,
    ) -> Result<(), QueueRefusal> {
        let mut queue = self.queue(name)?;
        for (name, value) in given {
            queue.attributes.set(name, value)?;
        }
        self.check_redrive(&queue.attributes)?;
        self.file.execute(
            "UPDATE queues SET attributes = ?2, changed_ms = ?3 WHERE id = ?1",
            params![queue.id, to_json(&queue.attributes)?, now_ms],
        )?;
        Ok(())
    }

    /// The dead-letter queue must exist and be of the same kind.
    fn check_redrive(&self, attributes: &Attributes) -> Result<(), QueueRefusal> {
        let Some(redrive) = &attributes.redrive else {
            return Ok(());
        };
        let refusal = |reason: &str| QueueRefusal::BadValue {
            value: redrive.dead_letter_target_arn.clone(),
            name: "RedrivePolicy",
            reason: reason.to_owned(),
        };
        let target = match queue_of_arn(&redrive.dead_letter_target_arn) {
            Some(name) => find_queue(&self.file, name)?,
            None => None,
        };
        match target {
            None => Err(refusal("Dead letter target does not exist.")),
            Some(target) if target.attributes.is_fifo != attributes.is_fifo => Err(refusal(
                "Dead-letter queue must be same type of queue as the source.",
            )),
            Some(_same_kind) => Ok(()),
        }
    }

    pub(super) fn purge(&mut self, name: &str, now_ms: i64) -> Result<(), QueueRefusal> {
        let queue = self.queue(name)?;
        if now_ms - queue.purged_ms < PURGE_PAUSE_MS {
            return Err(QueueRefusal::PurgedJustNow { queue: queue.name });
        }
        let step = self
            .file
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        step.execute("DELETE FROM messages WHERE queue = ?1", [queue.id])?;
        step.execute(
            "UPDATE queues SET purged_ms = ?2 WHERE id = ?1",
            [queue.id, now_ms],
        )?;
        step.commit()?;
        Ok(())
    }

    /// Removes what is past its time.
    pub(super) fn sweep(&mut self, now_ms: i64) -> Result<(), QueueRefusal> {
        self.file
            .execute("DELETE FROM messages WHERE expires_ms <= ?1", [now_ms])?;
        self.file
            .execute("DELETE FROM deduplication WHERE until_ms <= ?1", [now_ms])?;
        Ok(())
    }

    fn sources_of(&self, target: &str) -> Result<Vec<String>, QueueRefusal> {
        let arn = arn_of(target);
        let mut statement = self
            .file
            .prepare_cached("SELECT name, attributes FROM queues ORDER BY name")?;
        let queues = statement
            .query_map([], |row| Ok((row.get(0)?, from_json(row, 1)?)))?
            .collect::<Result<Vec<(String, Attributes)>, _>>()?;
        Ok(queues
            .into_iter()
            .filter(|(_name, attributes)| {
                attributes
                    .redrive
                    .as_ref()
                    .is_some_and(|redrive| redrive.dead_letter_target_arn == arn)
            })
            .map(|(name, _attributes)| name)
            .collect())
    }
}

fn find_queue(file: &Connection, name: &str) -> Result<Option<Queue>, rusqlite::Error> {
    file.prepare_cached(
        "SELECT id, name, attributes, created_ms, changed_ms, purged_ms FROM queues WHERE name = ?1",
    )?
    .query_row([name], |row| {
        Ok(Queue {
            id: row.get(0)?,
            name: row.get(1)?,
            attributes: from_json(row, 2)?,
            created_ms: row.get(3)?,
            changed_ms: row.get(4)?,
            purged_ms: row.get(5)?,
        })
    })
    .optional()
}

fn page(
    mut names: Vec<String>,
    max: Option<i64>,
) -> Result<(Vec<String>, Option<String>), QueueRefusal> {
    let max = ranged(max, "MaxResults", 1..=LIST_MAX)?;
    let is_cut = names.len() > usize::try_from(max.unwrap_or(LIST_MAX)).unwrap_or(usize::MAX);
    names.truncate(usize::try_from(max.unwrap_or(LIST_MAX)).unwrap_or(usize::MAX));
    // A token is given only to those who asked for pages (API reference, ListQueues).
    let next = (is_cut && max.is_some())
        .then(|| names.last().cloned())
        .flatten();
    Ok((names, next))
}

fn ranged(
    value: Option<i64>,
    name: &'static str,
    range: std::ops::RangeInclusive<i64>,
) -> Result<Option<i64>, QueueRefusal> {
    match value {
        Some(value) if !range.contains(&value) => Err(QueueRefusal::BadValue {
            value: value.to_string(),
            name,
            reason: format!(
                "Must be between {} and {}, if provided.",
                range.start(),
                range.end()
            ),
        }),
        other => Ok(other),
    }
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<String, QueueRefusal> {
    serde_json::to_string(value).map_err(QueueRefusal::Unwritable)
}

fn from_json<T: serde::de::DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
) -> Result<T, rusqlite::Error> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Text,
            Box::new(error),
        )
    })
}
