//! Queues and messages in one SQLite file.
//!
//! Time comes in as milliseconds since 1970. A step that ends well is in the file: a killed process
//! loses nothing that was answered (a power cut may take the last steps, since the file is not
//! flushed with each of them). Knows nothing of requests that wait.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::{
    Connection, OptionalExtension as _, Row, TransactionBehavior, named_params, params,
};

use super::attributes::{
    self, Attributes, COUNTED, VISIBILITY_SECONDS_MAX, WAIT_SECONDS_MAX, arn_of, queue_of_arn,
};
use super::message::{self, Checked, MessageAttributes};
use super::refusal::Refusal;
use super::wire::{
    IncomingMessage, MoveTask, OutgoingMessage, ReceiveMessage, Sent, VisibilityChange, required,
};

/// A deduplication id counts for five minutes, also after its message is gone (SQS developer guide).
const DEDUPLICATION_MS: i64 = 5 * 60 * 1_000;
const PURGE_PAUSE_MS: i64 = 60 * 1_000;
const RECEIVE_MAX: i64 = 10;
const LIST_MAX: i64 = 1_000;
const MOVE_TASKS_LISTED_MAX: i64 = 10;

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
    file: Connection,
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

#[derive(Clone)]
pub(super) struct StartedMove {
    pub(super) handle: String,
    source: i64,
    destination: Option<String>,
    started_ms: i64,
}

pub(super) struct MoveStep {
    pub(super) is_last: bool,
    pub(super) woken: BTreeSet<String>,
}

struct Stored {
    id: i64,
    message_id: String,
    body: String,
    attributes: String,
    trace_header: Option<String>,
    group_id: Option<String>,
    deduplication_id: Option<String>,
    sent_ms: i64,
    receives: i64,
    receives_in_all: i64,
    first_received_ms: Option<i64>,
    died_in: Option<String>,
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

    pub(super) fn queue(&self, name: &str) -> Result<Queue, Refusal> {
        find_queue(&self.file, name)?.ok_or(Refusal::NoSuchQueue)
    }

    pub(super) fn create_queue(
        &mut self,
        name: &str,
        given: &BTreeMap<String, String>,
        now_ms: i64,
    ) -> Result<(), Refusal> {
        let attributes = Attributes::of_new_queue(name, given)?;
        if let Some(existing) = find_queue(&self.file, name)? {
            return match existing.attributes.difference(given) {
                None => Ok(()),
                Some(attribute) => Err(Refusal::OtherAttributes { attribute }),
            };
        }
        self.check_redrive(&attributes)?;
        self.file.execute(
            "INSERT INTO queues (name, attributes, created_ms, changed_ms) VALUES (?1, ?2, ?3, ?3)",
            params![name, to_json(&attributes)?, now_ms],
        )?;
        Ok(())
    }

    pub(super) fn delete_queue(&mut self, name: &str) -> Result<(), Refusal> {
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
    ) -> Result<(Vec<String>, Option<String>), Refusal> {
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
    ) -> Result<(Vec<String>, Option<String>), Refusal> {
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
    ) -> Result<BTreeMap<String, String>, Refusal> {
        let queue = self.queue(name)?;
        let is_all = wanted.iter().any(|name| name == "All");
        if let Some(unknown) = wanted
            .iter()
            .find(|name| name.as_str() != "All" && !attributes::names().any(|known| known == *name))
        {
            return Err(Refusal::UnknownAttribute {
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

    fn counted(&self, queue: &Queue, name: &str, now_ms: i64) -> Result<String, Refusal> {
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
    ) -> Result<(), Refusal> {
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
    fn check_redrive(&self, attributes: &Attributes) -> Result<(), Refusal> {
        let Some(redrive) = &attributes.redrive else {
            return Ok(());
        };
        let refusal = |reason: &str| Refusal::BadValue {
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

    pub(super) fn purge(&mut self, name: &str, now_ms: i64) -> Result<(), Refusal> {
        let queue = self.queue(name)?;
        if now_ms - queue.purged_ms < PURGE_PAUSE_MS {
            return Err(Refusal::PurgedJustNow { queue: queue.name });
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

    /// Stores messages, all that are good in one step; the others are refused one by one.
    pub(super) fn send(
        &mut self,
        name: &str,
        messages: Vec<OutgoingMessage>,
        now_ms: i64,
    ) -> Result<Vec<Result<Sent, Refusal>>, Refusal> {
        let queue = self.queue(name)?;
        let step = self
            .file
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut results = Vec::with_capacity(messages.len());
        for message in messages {
            results.push(match message::check(message, &queue.attributes) {
                Ok(checked) => Ok(insert(&step, &queue, &checked, now_ms)?),
                Err(refusal) => Err(refusal),
            });
        }
        step.commit()?;
        Ok(results)
    }

    pub(super) fn receive(
        &mut self,
        name: &str,
        request: &ReceiveMessage,
        now_ms: i64,
    ) -> Result<Looked, Refusal> {
        let queue = self.queue(name)?;
        let limit = ranged(
            request.max_number_of_messages,
            "MaxNumberOfMessages",
            1..=RECEIVE_MAX,
        )?
        .unwrap_or(1);
        let wait = ranged(
            request.wait_time_seconds,
            "WaitTimeSeconds",
            0..=WAIT_SECONDS_MAX,
        )?
        .unwrap_or(queue.attributes.wait_seconds);
        let visibility = ranged(
            request.visibility_timeout,
            "VisibilityTimeout",
            0..=VISIBILITY_SECONDS_MAX,
        )?
        .unwrap_or(queue.attributes.visibility_seconds);

        let step = self
            .file
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut moved_to = BTreeSet::new();
        let receives_max = queue
            .attributes
            .redrive
            .as_ref()
            .map_or(i64::MAX, |redrive| redrive.max_receive_count);
        // Those that were received too often are moved away first, until only others are found.
        let found = loop {
            let found = visible(&step, &queue, limit, now_ms)?;
            let mut is_clean = true;
            for stored in found
                .iter()
                .filter(|stored| stored.receives >= receives_max)
            {
                moved_to.extend(bury(&step, &queue, stored.id, now_ms)?);
                is_clean = false;
            }
            if is_clean {
                break found;
            }
        };
        let mut messages = Vec::with_capacity(found.len());
        for stored in found {
            let message = hand_out(&step, &queue, stored, request, visibility, now_ms)?;
            messages.push(message);
        }
        let next_visible_ms = step
            .prepare_cached(
                "SELECT min(visible_ms) FROM messages WHERE queue = ?1 AND visible_ms > ?2",
            )?
            .query_row([queue.id, now_ms], |row| row.get::<_, Option<i64>>(0))?;
        step.commit()?;
        Ok(Looked {
            messages,
            moved_to,
            next_visible_in: next_visible_ms.map(|at| duration_ms(at - now_ms)),
            wait: duration_ms(wait * 1_000),
        })
    }

    /// Runs `act` for each item in one step of the file.
    pub(super) fn each<T, R>(
        &mut self,
        name: &str,
        items: Vec<T>,
        mut act: impl FnMut(&mut Self, T) -> Result<R, Refusal>,
    ) -> Result<Vec<Result<R, Refusal>>, Refusal> {
        self.queue(name)?;
        self.file.execute_batch("BEGIN IMMEDIATE")?;
        let results = items.into_iter().map(|item| act(self, item)).collect();
        self.file.execute_batch("COMMIT")?;
        Ok(results)
    }

    pub(super) fn delete_message(
        &mut self,
        name: &str,
        handle: &str,
        now_ms: i64,
    ) -> Result<(), Refusal> {
        let queue = self.queue(name)?;
        let receipt = Receipt::parse(handle, &queue)?;
        if queue.attributes.is_fifo {
            // A FIFO queue insists on a receipt that still holds (API reference, DeleteMessage);
            // a message that is gone is fine.
            let visible_ms = self.visible_ms_of(&queue, &receipt)?;
            let is_there = self.has_message(&queue, &receipt)?;
            if is_there && visible_ms.is_none_or(|at| at <= now_ms) {
                return Err(Refusal::ReceiptExpired {
                    handle: handle.to_owned(),
                });
            }
        }
        // An older receipt than the last one deletes nothing, and is no error.
        self.file
            .prepare_cached("DELETE FROM messages WHERE id = ?1 AND queue = ?2 AND receipt = ?3")?
            .execute(params![receipt.message, queue.id, receipt.nonce])?;
        Ok(())
    }

    pub(super) fn change_visibility(
        &mut self,
        name: &str,
        change: &VisibilityChange,
        now_ms: i64,
    ) -> Result<(), Refusal> {
        let queue = self.queue(name)?;
        let handle = required(change.receipt_handle.as_deref(), "ReceiptHandle")?;
        let seconds = ranged(
            change.visibility_timeout,
            "VisibilityTimeout",
            0..=VISIBILITY_SECONDS_MAX,
        )?;
        let seconds = required(seconds, "VisibilityTimeout")?;
        let receipt = Receipt::parse(handle, &queue)?;
        match self.visible_ms_of(&queue, &receipt)? {
            None => Err(Refusal::MessageGone {
                handle: handle.to_owned(),
            }),
            Some(at) if at <= now_ms => Err(Refusal::NotInFlight),
            Some(_in_flight) => {
                self.file
                    .prepare_cached("UPDATE messages SET visible_ms = ?2 WHERE id = ?1")?
                    .execute([receipt.message, now_ms + seconds * 1_000])?;
                Ok(())
            }
        }
    }

    pub(super) fn start_move_task(
        &mut self,
        source_arn: &str,
        destination_arn: Option<&str>,
        now_ms: i64,
    ) -> Result<StartedMove, Refusal> {
        let named = |arn: &str, parameter| {
            let name = queue_of_arn(arn).ok_or(Refusal::NoSuchResource { parameter })?;
            find_queue(&self.file, name)?.ok_or(Refusal::NoSuchResource { parameter })
        };
        let source = named(source_arn, "SourceArn")?;
        let destination = destination_arn
            .map(|arn| named(arn, "DestinationArn").map(|queue| queue.name))
            .transpose()?;
        if self.sources_of(&source.name)?.is_empty() {
            return Err(Refusal::NotADeadLetterQueue);
        }
        let running = self
            .file
            .query_row(
                "SELECT 1 FROM move_tasks WHERE source = ?1 AND status = 'RUNNING'",
                [&source.name],
                |_row| Ok(()),
            )
            .optional()?;
        if running.is_some() {
            return Err(Refusal::MovingAlready);
        }
        let to_move: i64 = self.file.query_row(
            "SELECT count(*) FROM messages WHERE queue = ?1 AND visible_ms <= ?2",
            [source.id, now_ms],
            |row| row.get(0),
        )?;
        let handle = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 24]>());
        self.file.execute(
            "INSERT INTO move_tasks (handle, source, destination, status, to_move, started_ms)
             VALUES (?1, ?2, ?3, 'RUNNING', ?4, ?5)",
            params![handle, source.name, destination, to_move, now_ms],
        )?;
        Ok(StartedMove {
            handle,
            source: source.id,
            destination,
            started_ms: now_ms,
        })
    }

    /// Moves the next dead letters back to where they died, or to the chosen destination. They are
    /// new messages there (SQS developer guide, "Configure a dead-letter queue redrive").
    pub(super) fn move_step(
        &mut self,
        task: &StartedMove,
        limit: u32,
        now_ms: i64,
    ) -> Result<MoveStep, Refusal> {
        let step = self
            .file
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found = step
            .prepare_cached(
                "SELECT messages.id, died_in FROM messages
                 WHERE queue = ?1 AND visible_ms <= ?2 AND sent_ms <= ?3
                   AND id > (SELECT cursor FROM move_tasks WHERE handle = ?4)
                 ORDER BY id LIMIT ?5",
            )?
            .query_map(
                params![task.source, now_ms, task.started_ms, task.handle, limit],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?
            .collect::<Result<Vec<(i64, Option<String>)>, _>>()?;
        let mut woken = BTreeSet::new();
        let mut moved = 0_i64;
        let mut cursor = 0;
        for (id, died_in) in &found {
            cursor = *id;
            let Some(name) = task.destination.as_ref().or(died_in.as_ref()) else {
                continue;
            };
            let Some(target) = find_queue(&step, name)? else {
                continue;
            };
            let sequence: i64 = step.query_row(
                "SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'messages'",
                [],
                |row| row.get(0),
            )?;
            step.prepare_cached(
                "UPDATE messages SET id = :sequence, queue = :queue, message_id = :message_id,
                     sent_ms = :now, visible_ms = :now, expires_ms = :expires, receives = 0,
                     receives_in_all = 0, first_received_ms = NULL, receipt = NULL, died_in = NULL
                 WHERE id = :id",
            )?
            .execute(named_params! {
                ":sequence": sequence,
                ":queue": target.id,
                ":message_id": fresh_message_id(),
                ":now": now_ms,
                ":expires": now_ms + target.attributes.retention_seconds * 1_000,
                ":id": id,
            })?;
            step.execute(
                "UPDATE sqlite_sequence SET seq = ?1 WHERE name = 'messages'",
                [sequence],
            )?;
            moved += 1;
            woken.insert(target.name);
        }
        let is_last = u32::try_from(found.len()).is_ok_and(|found| found < limit);
        let status = if is_last { "COMPLETED" } else { "RUNNING" };
        step.execute(
            "UPDATE move_tasks SET moved = moved + ?2, cursor = max(cursor, ?3), status = ?4
             WHERE handle = ?1",
            params![task.handle, moved, cursor, status],
        )?;
        step.commit()?;
        Ok(MoveStep { is_last, woken })
    }

    pub(super) fn move_tasks(
        &self,
        source_arn: &str,
        max: Option<i64>,
    ) -> Result<Vec<MoveTask>, Refusal> {
        let max = ranged(max, "MaxResults", 1..=MOVE_TASKS_LISTED_MAX)?.unwrap_or(1);
        let name = queue_of_arn(source_arn).ok_or(Refusal::NoSuchResource {
            parameter: "SourceArn",
        })?;
        find_queue(&self.file, name)?.ok_or(Refusal::NoSuchResource {
            parameter: "SourceArn",
        })?;
        let mut statement = self.file.prepare_cached(
            "SELECT handle, status, destination, moved, to_move, started_ms FROM move_tasks
             WHERE source = ?1 ORDER BY started_ms DESC LIMIT ?2",
        )?;
        let tasks = statement.query_map(params![name, max], |row| {
            let status: String = row.get(1)?;
            let destination: Option<String> = row.get(2)?;
            let status = match status.as_str() {
                "RUNNING" => "RUNNING",
                "COMPLETED" => "COMPLETED",
                _ => "FAILED",
            };
            Ok(MoveTask {
                // Only a running task can be named (API reference, ListMessageMoveTasks).
                task_handle: (status == "RUNNING").then(|| row.get(0)).transpose()?,
                status,
                source_arn: source_arn.to_owned(),
                destination_arn: destination.as_deref().map(arn_of),
                approximate_number_of_messages_moved: row.get(3)?,
                approximate_number_of_messages_to_move: row.get(4)?,
                started_timestamp: row.get(5)?,
            })
        })?;
        Ok(tasks.collect::<Result<_, _>>()?)
    }

    /// Removes what is past its time.
    pub(super) fn sweep(&mut self, now_ms: i64) -> Result<(), Refusal> {
        self.file
            .execute("DELETE FROM messages WHERE expires_ms <= ?1", [now_ms])?;
        self.file
            .execute("DELETE FROM deduplication WHERE until_ms <= ?1", [now_ms])?;
        Ok(())
    }

    fn sources_of(&self, target: &str) -> Result<Vec<String>, Refusal> {
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

    /// Until when the receipt's message is hidden, where the receipt is the last one given out.
    fn visible_ms_of(&self, queue: &Queue, receipt: &Receipt) -> Result<Option<i64>, Refusal> {
        Ok(self
            .file
            .prepare_cached(
                "SELECT visible_ms FROM messages WHERE id = ?1 AND queue = ?2 AND receipt = ?3",
            )?
            .query_row(params![receipt.message, queue.id, receipt.nonce], |row| {
                row.get(0)
            })
            .optional()?)
    }

    fn has_message(&self, queue: &Queue, receipt: &Receipt) -> Result<bool, Refusal> {
        let found = self
            .file
            .prepare_cached("SELECT 1 FROM messages WHERE id = ?1 AND queue = ?2")?
            .query_row([receipt.message, queue.id], |_row| Ok(()))
            .optional()?;
        Ok(found.is_some())
    }
}

/// Names a message and the receive that handed it out.
struct Receipt {
    message: i64,
    nonce: String,
}

impl Receipt {
    fn text(&self, queue: &Queue) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}:{}:{}", queue.id, self.message, self.nonce))
    }

    fn parse(text: &str, queue: &Queue) -> Result<Self, Refusal> {
        let refusal = || Refusal::BadReceiptHandle {
            handle: text.to_owned(),
        };
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_not_base64| refusal())?;
        let plain = String::from_utf8(bytes).map_err(|_not_text| refusal())?;
        let mut parts = plain.splitn(3, ':');
        let (of_queue, message, nonce) = (parts.next(), parts.next(), parts.next());
        if of_queue != Some(queue.id.to_string().as_str()) {
            return Err(refusal());
        }
        Ok(Self {
            message: message
                .and_then(|message| message.parse().ok())
                .ok_or_else(refusal)?,
            nonce: nonce.map(str::to_owned).ok_or_else(refusal)?,
        })
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

fn insert(
    step: &Connection,
    queue: &Queue,
    message: &Checked,
    now_ms: i64,
) -> Result<Sent, Refusal> {
    let md5_of_body = message::md5_of(&message.body);
    let md5_of_attributes = message::md5_of_attributes(&message.attributes);
    let md5_of_system_attributes = message::md5_of_attributes(&message.system_attributes);
    let sent = |message_id: String, sequence: i64| Sent {
        md5_of_body,
        md5_of_attributes,
        md5_of_system_attributes,
        message_id,
        sequence_number: queue.attributes.is_fifo.then(|| sequence_text(sequence)),
    };
    let scope = if queue.attributes.deduplicates_by_group {
        message.group_id.clone().unwrap_or_default()
    } else {
        String::new()
    };
    if let Some(id) = &message.deduplication_id {
        let earlier = step
            .prepare_cached(
                "SELECT message_id, sequence FROM deduplication
                 WHERE queue = ?1 AND scope = ?2 AND id = ?3 AND until_ms > ?4",
            )?
            .query_row(params![queue.id, scope, id, now_ms], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        if let Some((message_id, sequence)) = earlier {
            return Ok(sent(message_id, sequence));
        }
    }
    let message_id = fresh_message_id();
    let trace_header = message
        .system_attributes
        .get("AWSTraceHeader")
        .and_then(|header| header.string_value.as_deref());
    step.prepare_cached(
        "INSERT INTO messages (queue, message_id, body, attributes, trace_header, group_id,
             deduplication_id, sent_ms, visible_ms, expires_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        queue.id,
        message_id,
        message.body,
        to_json(&message.attributes)?,
        trace_header,
        message.group_id,
        message.deduplication_id,
        now_ms,
        now_ms + message.delay_seconds * 1_000,
        now_ms + queue.attributes.retention_seconds * 1_000,
    ])?;
    let sequence = step.last_insert_rowid();
    if let Some(id) = &message.deduplication_id {
        step.prepare_cached(
            "INSERT OR REPLACE INTO deduplication (queue, scope, id, message_id, sequence, until_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            queue.id,
            scope,
            id,
            message_id,
            sequence,
            now_ms + DEDUPLICATION_MS
        ])?;
    }
    Ok(sent(message_id, sequence))
}

/// Messages that may be handed out now, oldest first.
fn visible(
    step: &Connection,
    queue: &Queue,
    limit: i64,
    now_ms: i64,
) -> Result<Vec<Stored>, rusqlite::Error> {
    const COLUMNS: &str = "id, message_id, body, attributes, trace_header, group_id,
        deduplication_id, sent_ms, receives, receives_in_all, first_received_ms, died_in";
    let sql = if queue.attributes.is_fifo {
        // A group whose message is in flight, or still delayed, waits as a whole.
        format!(
            "SELECT {COLUMNS} FROM messages WHERE queue = ?1 AND visible_ms <= ?2
                 AND expires_ms > ?2 AND group_id NOT IN (
                     SELECT group_id FROM messages
                     WHERE queue = ?1 AND visible_ms > ?2 AND expires_ms > ?2)
             ORDER BY id LIMIT ?3"
        )
    } else {
        format!(
            "SELECT {COLUMNS} FROM messages
             WHERE queue = ?1 AND visible_ms <= ?2 AND expires_ms > ?2
             ORDER BY visible_ms, id LIMIT ?3"
        )
    };
    step.prepare_cached(&sql)?
        .query_map([queue.id, now_ms, limit], |row| {
            Ok(Stored {
                id: row.get(0)?,
                message_id: row.get(1)?,
                body: row.get(2)?,
                attributes: row.get(3)?,
                trace_header: row.get(4)?,
                group_id: row.get(5)?,
                deduplication_id: row.get(6)?,
                sent_ms: row.get(7)?,
                receives: row.get(8)?,
                receives_in_all: row.get(9)?,
                first_received_ms: row.get(10)?,
                died_in: row.get(11)?,
            })
        })?
        .collect()
}

/// Moves a message to the dead-letter queue. Where that queue is gone, the message goes too, since
/// nobody could receive it any more.
fn bury(
    step: &Connection,
    queue: &Queue,
    message: i64,
    now_ms: i64,
) -> Result<Option<String>, Refusal> {
    let redrive = queue.attributes.redrive.as_ref();
    let target = match redrive.and_then(|to| queue_of_arn(&to.dead_letter_target_arn)) {
        Some(name) => find_queue(step, name)?,
        None => None,
    };
    let Some(target) = target else {
        tracing::warn!("a message was received too often and its dead-letter queue is gone");
        step.execute("DELETE FROM messages WHERE id = ?1", [message])?;
        return Ok(None);
    };
    // A standard queue's dead letter keeps the time it was sent and so its age; a FIFO queue's
    // starts anew (SQS developer guide, "Understanding message retention periods").
    step.prepare_cached(
        "UPDATE messages SET queue = :queue, died_in = :died_in, receives = 0, receipt = NULL,
             visible_ms = :now,
             sent_ms = CASE WHEN :fifo THEN :now ELSE sent_ms END,
             expires_ms = CASE WHEN :fifo THEN :now ELSE sent_ms END + :retention
         WHERE id = :id",
    )?
    .execute(named_params! {
        ":queue": target.id,
        ":died_in": queue.name,
        ":now": now_ms,
        ":fifo": target.attributes.is_fifo,
        ":retention": target.attributes.retention_seconds * 1_000,
        ":id": message,
    })?;
    Ok(Some(target.name))
}

fn hand_out(
    step: &Connection,
    queue: &Queue,
    stored: Stored,
    request: &ReceiveMessage,
    visibility_seconds: i64,
    now_ms: i64,
) -> Result<IncomingMessage, Refusal> {
    let receipt = Receipt {
        message: stored.id,
        nonce: hex::encode(rand::random::<[u8; 12]>()),
    };
    let first_received_ms = stored.first_received_ms.unwrap_or(now_ms);
    step.prepare_cached(
        "UPDATE messages SET visible_ms = ?2, receipt = ?3, first_received_ms = ?4,
             receives = receives + 1, receives_in_all = receives_in_all + 1
         WHERE id = ?1",
    )?
    .execute(params![
        stored.id,
        now_ms + visibility_seconds * 1_000,
        receipt.nonce,
        first_received_ms
    ])?;

    let system = [
        (
            "ApproximateFirstReceiveTimestamp",
            Some(first_received_ms.to_string()),
        ),
        (
            "ApproximateReceiveCount",
            Some((stored.receives_in_all + 1).to_string()),
        ),
        ("AWSTraceHeader", stored.trace_header),
        (
            "DeadLetterQueueSourceArn",
            stored.died_in.as_deref().map(arn_of),
        ),
        ("MessageDeduplicationId", stored.deduplication_id),
        ("MessageGroupId", stored.group_id),
        ("SenderId", Some(attributes::ACCOUNT_ID.to_owned())),
        ("SentTimestamp", Some(stored.sent_ms.to_string())),
        (
            "SequenceNumber",
            queue.attributes.is_fifo.then(|| sequence_text(stored.id)),
        ),
    ];
    let asked = |name: &str| {
        let lists = [
            &request.attribute_names,
            &request.message_system_attribute_names,
        ];
        lists
            .into_iter()
            .flatten()
            .flatten()
            .any(|wanted| wanted == "All" || wanted == name)
    };
    let attributes = system
        .into_iter()
        .filter(|(name, _text)| asked(name))
        .filter_map(|(name, text)| Some((name, text?)))
        .collect();

    let kept: MessageAttributes =
        serde_json::from_str(&stored.attributes).map_err(Refusal::Unwritable)?;
    let message_attributes = message::chosen(
        kept,
        request
            .message_attribute_names
            .as_deref()
            .unwrap_or_default(),
    );
    Ok(IncomingMessage {
        message_id: stored.message_id,
        receipt_handle: receipt.text(queue),
        md5_of_body: message::md5_of(&stored.body),
        body: stored.body,
        attributes,
        md5_of_attributes: message::md5_of_attributes(&message_attributes),
        message_attributes,
    })
}

fn page(
    mut names: Vec<String>,
    max: Option<i64>,
) -> Result<(Vec<String>, Option<String>), Refusal> {
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
) -> Result<Option<i64>, Refusal> {
    match value {
        Some(value) if !range.contains(&value) => Err(Refusal::BadValue {
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

/// As SQS writes it: a random version 4 UUID.
fn fresh_message_id() -> String {
    let mut bytes: [u8; 16] = rand::random();
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
    *version = *version & 0x0f | 0x40;
    *variant = *variant & 0x3f | 0x80;
    let digits = hex::encode(bytes);
    let mut text = String::with_capacity(36);
    for (index, digit) in digits.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

/// Twenty digits, rising within a group.
fn sequence_text(sequence: i64) -> String {
    format!("{sequence:020}")
}

fn duration_ms(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<String, Refusal> {
    serde_json::to_string(value).map_err(Refusal::Unwritable)
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
