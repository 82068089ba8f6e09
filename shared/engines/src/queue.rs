//! Queues that speak the protocol of SQS (AWS JSON 1.0), on a SQLite file.
//!
//! What the product and its operators use: standard and FIFO queues, delays, visibility, long polls
//! that wake when a message comes or becomes visible, batches, dead-letter queues and moving dead
//! letters back. Policies and keys are kept and given back without effect. Behaviour follows the SQS
//! API reference; the conformance suite holds it against an independent emulator.
//!
//! One difference by intent: what was in flight when the process ended is visible at the next start,
//! because its receivers ran in that process.

mod attributes;
mod message;
mod refusal;
mod storage;
mod wire;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::room::{Room, Why};
use super::serve::stop_signal;
use refusal::QueueRefusal;
use storage::Storage;

/// How often messages past their retention and old deduplication ids are removed.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// Messages that one step of a move task takes, so that the file is not locked for long.
const MOVE_STEP_MESSAGES: u32 = 500;

/// The queues of one installation.
#[derive(Clone)]
pub(super) struct Queues {
    storage: Arc<Mutex<Storage>>,
    /// Wakes the long polls of a queue, by its name. As many entries as queues were polled.
    wakers: Arc<Mutex<HashMap<String, Arc<Notify>>>>,
}

#[derive(Clone)]
struct Server {
    queues: Queues,
    url: Arc<str>,
    room: Room,
    stopping: watch::Receiver<bool>,
}

impl Queues {
    pub(super) fn open(file: &Path) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            storage: Arc::new(Mutex::new(Storage::open(file, now_ms())?)),
            wakers: Arc::default(),
        })
    }

    /// Removes what is past its time until the stop.
    pub(super) fn sweeps(
        &self,
        stopping: watch::Receiver<bool>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let queues = self.clone();
        async move {
            let stop = stop_signal(stopping);
            tokio::pin!(stop);
            loop {
                tokio::select! {
                    () = &mut stop => return,
                    () = tokio::time::sleep(SWEEP_EVERY) => {}
                }
                if let Err(refusal) = queues.with(|storage| storage.sweep(now_ms())).await {
                    tracing::warn!(
                        error = &refusal as &dyn std::error::Error,
                        "old messages were not removed"
                    );
                }
            }
        }
    }

    /// Runs one step on the file, off the threads that serve.
    async fn with<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut Storage) -> Result<T, QueueRefusal> + Send + 'static,
    ) -> Result<T, QueueRefusal> {
        let storage = Arc::clone(&self.storage);
        let done = tokio::task::spawn_blocking(move || {
            // A panic in an earlier step rolled its transaction back; the file itself is whole.
            let mut storage = storage.lock().unwrap_or_else(PoisonError::into_inner);
            step(&mut storage)
        });
        done.await.unwrap_or(Err(QueueRefusal::Stopping))
    }

    fn waker(&self, queue: &str) -> Arc<Notify> {
        let mut wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(wakers.entry(queue.to_owned()).or_default())
    }

    /// Lets every long poll of the queue look again.
    fn wake(&self, queue: &str) {
        let wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waker) = wakers.get(queue) {
            waker.notify_waiters();
        }
    }
}

pub(super) fn router(
    queues: Queues,
    url: String,
    room: Room,
    stopping: watch::Receiver<bool>,
) -> Router {
    Router::new()
        .route("/", post(answer))
        // The guard has limited and read the body already.
        .layer(DefaultBodyLimit::disable())
        .with_state(Server {
            queues,
            url: url.into(),
            room,
            stopping,
        })
}

async fn answer(State(server): State<Server>, headers: HeaderMap, body: Bytes) -> Response {
    let operation = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .and_then(|target| target.strip_prefix("AmazonSQS."))
        .unwrap_or_default();
    let json = [(CONTENT_TYPE, "application/x-amz-json-1.0")];
    match server.perform(operation, &body).await {
        Ok(answer) => (StatusCode::OK, json, answer).into_response(),
        Err(refusal) => {
            if let QueueRefusal::File(error) = &refusal
                && let Some(why) = Why::of_sqlite(error)
            {
                server.room.ran_out(why);
            }
            if refusal.is_ours() {
                tracing::error!(
                    error = &refusal as &dyn std::error::Error,
                    "the embedded queues failed"
                );
            }
            let error = [("x-amzn-query-error", refusal.query_error())];
            (refusal.status(), json, error, refusal.body()).into_response()
        }
    }
}

impl Server {
    async fn perform(&self, operation: &str, body: &[u8]) -> Result<String, QueueRefusal> {
        match operation {
            "ChangeMessageVisibility" => self.change_visibility(read(body)?).await,
            "ChangeMessageVisibilityBatch" => self.change_visibility_batch(read(body)?).await,
            "CreateQueue" => self.create_queue(read(body)?).await,
            "DeleteMessage" => self.delete_message(read(body)?).await,
            "DeleteMessageBatch" => self.delete_message_batch(read(body)?).await,
            "DeleteQueue" => self.delete_queue(read(body)?).await,
            "GetQueueAttributes" => self.queue_attributes(read(body)?).await,
            "GetQueueUrl" => self.queue_url(read(body)?).await,
            "ListDeadLetterSourceQueues" => self.dead_letter_sources(read(body)?).await,
            "ListMessageMoveTasks" => self.move_tasks(read(body)?).await,
            "ListQueues" => self.list_queues(read(body)?).await,
            "PurgeQueue" => self.purge_queue(read(body)?).await,
            "ReceiveMessage" => self.receive(read(body)?).await,
            "SendMessage" => self.send(read(body)?).await,
            "SendMessageBatch" => self.send_batch(read(body)?).await,
            "SetQueueAttributes" => self.set_queue_attributes(read(body)?).await,
            "StartMessageMoveTask" => self.start_move_task(read(body)?).await,
            _ => Err(QueueRefusal::UnknownOperation),
        }
    }

    async fn create_queue(&self, request: wire::CreateQueue) -> Result<String, QueueRefusal> {
        let name = wire::required(request.queue_name, "QueueName")?;
        let url = self.url_of(&name);
        let attributes = request.attributes.unwrap_or_default();
        self.queues
            .with(move |storage| storage.create_queue(&name, &attributes, now_ms()))
            .await?;
        write(&wire::QueueUrl { queue_url: url })
    }

    async fn delete_queue(&self, request: wire::OneQueue) -> Result<String, QueueRefusal> {
        let name = request.queue()?;
        let gone = name.clone();
        self.queues
            .with(move |storage| storage.delete_queue(&gone))
            .await?;
        self.queues.wake(&name);
        Ok("{}".to_owned())
    }

    async fn queue_url(&self, request: wire::GetQueueUrl) -> Result<String, QueueRefusal> {
        let name = wire::required(request.queue_name, "QueueName")?;
        let queue_url = self.url_of(&name);
        self.queues
            .with(move |storage| storage.queue(&name).map(|_found| ()))
            .await?;
        write(&wire::QueueUrl { queue_url })
    }

    async fn list_queues(&self, request: wire::ListQueues) -> Result<String, QueueRefusal> {
        let (names, next_token) = self
            .queues
            .with(move |storage| {
                storage.list_queues(
                    &request.queue_name_prefix.unwrap_or_default(),
                    request.max_results,
                    &request.next_token.unwrap_or_default(),
                )
            })
            .await?;
        write(&wire::QueueList {
            queue_urls: names.iter().map(|name| self.url_of(name)).collect(),
            next_token,
        })
    }

    async fn dead_letter_sources(
        &self,
        request: wire::ListDeadLetterSourceQueues,
    ) -> Result<String, QueueRefusal> {
        let name = wire::queue_of_url(request.queue_url)?;
        let (names, next_token) = self
            .queues
            .with(move |storage| {
                storage.dead_letter_sources(
                    &name,
                    request.max_results,
                    &request.next_token.unwrap_or_default(),
                )
            })
            .await?;
        // The answer's own spelling: this list begins with a small letter (SQS API reference).
        write(&wire::SourceQueueList {
            queue_urls: names.iter().map(|name| self.url_of(name)).collect(),
            next_token,
        })
    }

    async fn queue_attributes(
        &self,
        request: wire::GetQueueAttributes,
    ) -> Result<String, QueueRefusal> {
        let name = wire::queue_of_url(request.queue_url)?;
        let names = request.attribute_names.unwrap_or_default();
        let attributes = self
            .queues
            .with(move |storage| storage.attributes(&name, &names, now_ms()))
            .await?;
        write(&wire::QueueAttributes { attributes })
    }

    async fn set_queue_attributes(
        &self,
        request: wire::SetQueueAttributes,
    ) -> Result<String, QueueRefusal> {
        let name = wire::queue_of_url(request.queue_url)?;
        let attributes = wire::required(request.attributes, "Attributes")?;
        let changed = name.clone();
        self.queues
            .with(move |storage| storage.set_attributes(&changed, &attributes, now_ms()))
            .await?;
        self.queues.wake(&name);
        Ok("{}".to_owned())
    }

    async fn purge_queue(&self, request: wire::OneQueue) -> Result<String, QueueRefusal> {
        let name = request.queue()?;
        self.queues
            .with(move |storage| storage.purge(&name, now_ms()))
            .await?;
        Ok("{}".to_owned())
    }

    async fn send(&self, request: wire::SendMessage) -> Result<String, QueueRefusal> {
        let name = wire::queue_of_url(request.queue_url)?;
        let message = request.message;
        let queue = name.clone();
        let sent = self
            .queues
            .with(move |storage| {
                let mut sent = storage.send(&queue, vec![message], now_ms())?;
                sent.pop().unwrap_or(Err(QueueRefusal::Stopping))
            })
            .await?;
        self.queues.wake(&name);
        write(&sent)
    }

    async fn send_batch(&self, request: wire::SendMessageBatch) -> Result<String, QueueRefusal> {
        let name = wire::queue_of_url(request.queue_url)?;
        let (ids, messages) = wire::batch(request.entries, |entry| (entry.id, entry.message))?;
        message::check_batch_size(&messages)?;
        let queue = name.clone();
        let results = self
            .queues
            .with(move |storage| storage.send(&queue, messages, now_ms()))
            .await?;
        self.queues.wake(&name);
        write(&wire::BatchAnswer::new(ids, results))
    }

    /// Answers at once when there is something, else when something comes, else at the end of the
    /// wait (or of the engine) with nothing.
    async fn receive(&self, request: wire::ReceiveMessage) -> Result<String, QueueRefusal> {
        let name = wire::queue_of_url(request.queue_url.clone())?;
        let waker = self.queues.waker(&name);
        let mut stopping = self.stopping.clone();
        let request = Arc::new(request);
        let mut deadline = None;
        loop {
            let woken = waker.notified();
            tokio::pin!(woken);
            // From here on no wake-up is lost, also not one that comes while we look.
            woken.as_mut().enable();
            let (queue, wanted) = (name.clone(), Arc::clone(&request));
            let looked = self
                .queues
                .with(move |storage| storage.receive(&queue, &wanted, now_ms()))
                .await?;
            for dead_letter_queue in &looked.moved_to {
                self.queues.wake(dead_letter_queue);
            }
            let until = *deadline.get_or_insert_with(|| Instant::now() + looked.wait);
            if !looked.messages.is_empty() || Instant::now() >= until {
                return write(&wire::Received {
                    messages: looked.messages,
                });
            }
            let next = looked
                .next_visible_in
                .map_or(until, |wait| until.min(Instant::now() + wait));
            tokio::select! {
                () = &mut woken => {}
                () = tokio::time::sleep_until(next) => {}
                _ = stopping.wait_for(|stop| *stop) => deadline = Some(Instant::now()),
            }
        }
    }

    async fn delete_message(&self, request: wire::DeleteMessage) -> Result<String, QueueRefusal> {
        let name = wire::queue_of_url(request.queue_url)?;
        let handle = wire::required(request.receipt_handle, "ReceiptHandle")?;
        let queue = name.clone();
        self.queues
            .with(move |storage| storage.delete_message(&queue, &handle, now_ms()))
            .await?;
        // The next message of its group may be free now.
        self.queues.wake(&name);
        Ok("{}".to_owned())
    }

    async fn delete_message_batch(
        &self,
        request: wire::DeleteMessageBatch,
    ) -> Result<String, QueueRefusal> {
        let name = wire::queue_of_url(request.queue_url)?;
        let (ids, handles) =
            wire::batch(request.entries, |entry| (entry.id, entry.receipt_handle))?;
        let queue = name.clone();
        let results = self
            .queues
            .with(move |storage| {
                storage.each(&queue, handles, |storage, handle| {
                    let handle = wire::required(handle, "ReceiptHandle")?;
                    storage.delete_message(&queue, &handle, now_ms())?;
                    Ok(wire::Done {})
                })
            })
            .await?;
        self.queues.wake(&name);
        write(&wire::BatchAnswer::new(ids, results))
    }

    async fn change_visibility(
        &self,
        request: wire::ChangeMessageVisibility,
    ) -> Result<String, QueueRefusal> {
        let name = wire::queue_of_url(request.queue_url)?;
        let change = request.change;
        let queue = name.clone();
        self.queues
            .with(move |storage| storage.change_visibility(&queue, &change, now_ms()))
            .await?;
        self.queues.wake(&name);
        Ok("{}".to_owned())
    }

    async fn change_visibility_batch(
        &self,
        request: wire::ChangeMessageVisibilityBatch,
    ) -> Result<String, QueueRefusal> {
        let name = wire::queue_of_url(request.queue_url)?;
        let (ids, changes) = wire::batch(request.entries, |entry| (entry.id, entry.change))?;
        let queue = name.clone();
        let results = self
            .queues
            .with(move |storage| {
                storage.each(&queue, changes, |storage, change| {
                    storage.change_visibility(&queue, &change, now_ms())?;
                    Ok(wire::Done {})
                })
            })
            .await?;
        self.queues.wake(&name);
        write(&wire::BatchAnswer::new(ids, results))
    }

    async fn start_move_task(
        &self,
        request: wire::StartMessageMoveTask,
    ) -> Result<String, QueueRefusal> {
        let source = wire::required(request.source_arn, "SourceArn")?;
        let destination = request.destination_arn;
        let task = self
            .queues
            .with(move |storage| storage.start_move_task(&source, destination.as_deref(), now_ms()))
            .await?;
        let handle = task.handle.clone();
        let queues = self.queues.clone();
        tokio::spawn(async move {
            loop {
                let step_task = task.clone();
                let step = queues
                    .with(move |storage| {
                        storage.move_step(&step_task, MOVE_STEP_MESSAGES, now_ms())
                    })
                    .await;
                match step {
                    Ok(step) => {
                        for queue in &step.woken {
                            queues.wake(queue);
                        }
                        if step.is_last {
                            return;
                        }
                    }
                    Err(refusal) => {
                        tracing::warn!(
                            error = &refusal as &dyn std::error::Error,
                            "dead letters were not moved"
                        );
                        return;
                    }
                }
            }
        });
        write(&wire::MoveTaskStarted {
            task_handle: handle,
        })
    }

    async fn move_tasks(
        &self,
        request: wire::ListMessageMoveTasks,
    ) -> Result<String, QueueRefusal> {
        let source = wire::required(request.source_arn, "SourceArn")?;
        let results = self
            .queues
            .with(move |storage| storage.move_tasks(&source, request.max_results))
            .await?;
        write(&wire::MoveTasks { results })
    }

    fn url_of(&self, queue: &str) -> String {
        format!("{}/{}/{queue}", self.url, attributes::ACCOUNT_ID)
    }
}

fn read<Q: DeserializeOwned>(body: &[u8]) -> Result<Q, QueueRefusal> {
    serde_json::from_slice(body).map_err(QueueRefusal::Unreadable)
}

fn write<A: Serialize>(answer: &A) -> Result<String, QueueRefusal> {
    serde_json::to_string(answer).map_err(QueueRefusal::Unwritable)
}

/// Milliseconds since 1970.
fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
