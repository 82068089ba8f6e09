//! The tailer on a real table: what it delivers, again and in which order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::AttributeValue;
use model::{CallId, CallState, EventKind, TenantId};
use store::Table;
use tempfile::TempDir;

use super::*;
use engines::Engines;

struct World {
    folder: TempDir,
    engines: Engines,
    dynamodb: aws_sdk_dynamodb::Client,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engines = Engines::start(folder.path()).await.unwrap();
        let dynamodb = engines.clients().await.dynamodb;
        store::schema::create_table(&dynamodb, "events")
            .await
            .unwrap();
        Self {
            folder,
            engines,
            dynamodb,
        }
    }

    fn tailer(&self) -> Tailer {
        let calls = Calls::new(Table::new(self.dynamodb.clone(), "events"));
        Tailer::open(calls, &self.folder.path().join("tailer.json")).unwrap()
    }

    /// Stores an event made this long ago, as the store does.
    async fn event(&self, call: u64, ago: Duration) -> EventId {
        let at = now_ms() - millis(ago);
        let event = DomainEvent {
            id: EventId::from_parts(at, rand::random()),
            tenant_id: TenantId::from_parts(1, 1),
            at: jiff::Timestamp::UNIX_EPOCH,
            kind: EventKind::CallAdvanced {
                call_id: CallId::from_parts(call, 1),
                state: CallState::Ringing,
            },
        };
        let mut item = HashMap::from([
            ("pk".to_owned(), format!("EVENTS#{}", call % EVENT_SHARDS)),
            ("sk".to_owned(), event.id.to_string()),
        ]);
        let fields = serde_json::to_value(&event).unwrap();
        for (name, value) in fields.as_object().unwrap() {
            item.insert(name.clone(), value.as_str().unwrap().to_owned());
        }
        let put = item.into_iter().fold(
            self.dynamodb.put_item().table_name("events"),
            |put, (name, value)| put.item(name, AttributeValue::S(value)),
        );
        put.send().await.unwrap();
        event.id
    }

    /// Runs a tailer until it delivered as many events.
    async fn deliver(&self, count: usize, refuse_first: bool) -> Vec<EventId> {
        let stop = CancellationToken::new();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let refused = Arc::new(Mutex::new(refuse_first));
        let handler = {
            let (seen, stop) = (Arc::clone(&seen), stop.clone());
            move |event: DomainEvent| {
                let refuse = std::mem::take(&mut *refused.lock().unwrap());
                let mut seen = seen.lock().unwrap();
                if !refuse {
                    seen.push(event.id);
                }
                if seen.len() == count {
                    stop.cancel();
                }
                async move { if refuse { Err("not now") } else { Ok(()) } }
            }
        };
        let deadline = Duration::from_secs(20);
        let run = self.tailer().run(handler, stop);
        tokio::time::timeout(deadline, run)
            .await
            .expect("events come");
        let seen = seen.lock().unwrap();
        seen.clone()
    }
}

const OLD: Duration = Duration::from_secs(60);

#[tokio::test]
async fn events_of_a_call_come_in_order_and_not_again_after_a_restart() {
    let world = World::new().await;
    let first = world.event(8, OLD * 2).await;
    let second = world.event(8, OLD).await;
    assert_eq!(world.deliver(2, false).await, [first, second]);

    let third = world.event(9, OLD).await;
    assert_eq!(world.deliver(1, false).await, [third]);
    world.engines.stop().await.unwrap();
}

#[tokio::test]
async fn an_event_that_is_written_after_a_younger_one_is_not_lost() {
    let world = World::new().await;
    let young = world.event(8, Duration::ZERO).await;
    assert_eq!(world.deliver(1, false).await, [young]);
    let late = world.event(8, Duration::from_secs(5)).await;
    // The younger one may come twice: it is not settled yet.
    let again = world.deliver(2, false).await;
    assert_eq!(again, [late, young]);
    world.engines.stop().await.unwrap();
}

#[tokio::test]
async fn an_event_that_was_refused_is_tried_again_before_the_next() {
    let world = World::new().await;
    let first = world.event(8, OLD * 2).await;
    let second = world.event(8, OLD).await;
    assert_eq!(world.deliver(2, true).await, [first, second]);
    world.engines.stop().await.unwrap();
}
