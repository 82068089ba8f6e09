//! Moving dead letters back, step by step.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::{OptionalExtension as _, TransactionBehavior, named_params, params};

use super::messages::fresh_message_id;
use super::{Storage, find_queue, ranged};
use crate::queue::attributes::{arn_of, queue_of_arn};
use crate::queue::refusal::QueueRefusal;
use crate::queue::wire::MoveTask;

const MOVE_TASKS_LISTED_MAX: i64 = 10;

#[derive(Clone)]
pub(in crate::queue) struct StartedMove {
    pub(in crate::queue) handle: String,
    source: i64,
    destination: Option<String>,
    started_ms: i64,
}

pub(in crate::queue) struct MoveStep {
    pub(in crate::queue) is_last: bool,
    pub(in crate::queue) woken: BTreeSet<String>,
}

impl Storage {
    pub(in crate::queue) fn start_move_task(
        &mut self,
        source_arn: &str,
        destination_arn: Option<&str>,
        now_ms: i64,
    ) -> Result<StartedMove, QueueRefusal> {
        let named = |arn: &str, parameter| {
            let name = queue_of_arn(arn).ok_or(QueueRefusal::NoSuchResource { parameter })?;
            find_queue(&self.file, name)?.ok_or(QueueRefusal::NoSuchResource { parameter })
        };
        let source = named(source_arn, "SourceArn")?;
        let destination = destination_arn
            .map(|arn| named(arn, "DestinationArn").map(|queue| queue.name))
            .transpose()?;
        if self.sources_of(&source.name)?.is_empty() {
            return Err(QueueRefusal::NotADeadLetterQueue);
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
            return Err(QueueRefusal::MovingAlready);
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
    pub(in crate::queue) fn move_step(
        &mut self,
        task: &StartedMove,
        limit: u32,
        now_ms: i64,
    ) -> Result<MoveStep, QueueRefusal> {
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

    pub(in crate::queue) fn move_tasks(
        &self,
        source_arn: &str,
        max: Option<i64>,
    ) -> Result<Vec<MoveTask>, QueueRefusal> {
        let max = ranged(max, "MaxResults", 1..=MOVE_TASKS_LISTED_MAX)?.unwrap_or(1);
        let name = queue_of_arn(source_arn).ok_or(QueueRefusal::NoSuchResource {
            parameter: "SourceArn",
        })?;
        find_queue(&self.file, name)?.ok_or(QueueRefusal::NoSuchResource {
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
}
