//! The pump on real queues: what a handler's answer does to its messages.

use std::sync::Mutex;

use tempfile::TempDir;
use tokio::sync::mpsc;

use super::*;
use engines::Engines;

struct World {
    _folder: TempDir,
    engines: Engines,
    sqs: Client,
    queue: String,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engines = Engines::start(folder.path()).await.unwrap();
        let sqs = engines.clients().await.sqs;
        let (queue, _dead) = store::schema::create_queue_pair(&sqs, "jobs")
            .await
            .unwrap();
        Self {
            _folder: folder,
            engines,
            sqs,
            queue,
        }
    }

    async fn send(&self, body: &str) {
        let message = self.sqs.send_message().queue_url(&self.queue);
        message.message_body(body).send().await.unwrap();
    }

    /// Messages still there: waiting and in flight.
    async fn left(&self) -> (String, String) {
        let attributes = self
            .sqs
            .get_queue_attributes()
            .queue_url(&self.queue)
            .attribute_names(QueueAttributeName::All)
            .send()
            .await
            .unwrap()
            .attributes
            .unwrap();
        let count = |name| attributes[&name].clone();
        (
            count(QueueAttributeName::ApproximateNumberOfMessages),
            count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible),
        )
    }
}

#[tokio::test]
async fn what_succeeded_is_deleted_and_what_failed_comes_again_later() {
    let world = World::new().await;
    for body in ["good", "bad", "good"] {
        world.send(body).await;
    }
    let (seen, mut bodies) = mpsc::channel(10);
    let stop = CancellationToken::new();
    let handler = move |event: SqsEvent| {
        let seen = seen.clone();
        async move {
            let mut answer = SqsBatchResponse::default();
            for record in event.records {
                let body = record.body.unwrap();
                if body == "bad" {
                    answer.add_failure(record.message_id.unwrap());
                }
                assert_eq!(record.event_source.as_deref(), Some("aws:sqs"));
                assert!(record.event_source_arn.unwrap().ends_with(":jobs"));
                assert_eq!(record.attributes["ApproximateReceiveCount"], "1");
                seen.send(body).await.unwrap();
            }
            Ok::<_, String>(answer)
        }
    };
    let pump = Pump::new(world.sqs.clone(), &world.queue, 2);
    let pumping = tokio::spawn(pump.run(handler, stop.clone()));
    let mut got = Vec::new();
    while got.len() < 3 {
        got.push(bodies.recv().await.unwrap());
    }
    stop.cancel();
    pumping.await.unwrap();
    assert_eq!(world.left().await, ("0".to_owned(), "1".to_owned()));
    world.engines.stop().await.unwrap();
}

#[tokio::test]
async fn a_handler_that_fails_as_a_whole_loses_nothing() {
    let world = World::new().await;
    world.send("one").await;
    let (seen, mut calls) = mpsc::channel(10);
    let stop = CancellationToken::new();
    let handler = move |_event: SqsEvent| {
        let seen = seen.clone();
        async move {
            seen.send(()).await.unwrap();
            Err::<SqsBatchResponse, _>("the carrier is away")
        }
    };
    let pump = Pump::new(world.sqs.clone(), &world.queue, 1);
    let pumping = tokio::spawn(pump.run(handler, stop.clone()));
    calls.recv().await.unwrap();
    stop.cancel();
    pumping.await.unwrap();
    assert_eq!(world.left().await, ("0".to_owned(), "1".to_owned()));
    world.engines.stop().await.unwrap();
}

#[tokio::test]
async fn no_more_handlers_run_at_once_than_asked_for() {
    let world = World::new().await;
    let stop = CancellationToken::new();
    let running = Arc::new(Mutex::new((0_usize, 0_usize)));
    let (finished, mut done) = mpsc::channel(100);
    let handler = {
        let running = Arc::clone(&running);
        move |event: SqsEvent| {
            let (running, finished) = (Arc::clone(&running), finished.clone());
            async move {
                {
                    let mut counts = running.lock().unwrap();
                    counts.0 += 1;
                    counts.1 = counts.1.max(counts.0);
                }
                tokio::task::yield_now().await;
                running.lock().unwrap().0 -= 1;
                finished.send(event.records.len()).await.unwrap();
                Ok::<_, String>(SqsBatchResponse::default())
            }
        }
    };
    let pump = Pump::new(world.sqs.clone(), &world.queue, 2);
    let pumping = tokio::spawn(pump.run(handler, stop.clone()));
    for number in 0..30 {
        world.send(&number.to_string()).await;
    }
    let mut handled = 0;
    while handled < 30 {
        handled += done.recv().await.unwrap();
    }
    stop.cancel();
    pumping.await.unwrap();
    assert!(running.lock().unwrap().1 <= 2);
    assert_eq!(world.left().await, ("0".to_owned(), "0".to_owned()));
    world.engines.stop().await.unwrap();
}
