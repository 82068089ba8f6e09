//! Queues at times of our choosing: what the conformance suite cannot wait for.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

/// Milliseconds since 1970 at which every situation begins.
const START: i64 = 1_800_000_000_000;
const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 24 * 60 * MINUTE;

struct World {
    folder: TempDir,
    storage: Storage,
    now: i64,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::open(&folder.path().join("q.sqlite"), START).unwrap();
        Self {
            folder,
            storage,
            now: START,
        }
    }

    /// As after a kill: nothing is closed first.
    fn reopen(&mut self) {
        self.storage = Storage::open(&self.folder.path().join("q.sqlite"), self.now).unwrap();
    }

    fn queue(&mut self, name: &str, attributes: &[(&str, &str)]) {
        let attributes: BTreeMap<_, _> = attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        self.storage
            .create_queue(name, &attributes, self.now)
            .unwrap();
    }

    /// A queue whose messages die after one receive.
    fn mortal(&mut self, name: &str) {
        self.queue("dead", &[]);
        let policy =
            json!({ "deadLetterTargetArn": attributes::arn_of("dead"), "maxReceiveCount": 1 });
        self.queue(name, &[("RedrivePolicy", &policy.to_string())]);
    }

    fn send(&mut self, queue: &str, message: Value) -> Result<String, QueueRefusal> {
        let mut sent = self
            .storage
            .send(queue, vec![outgoing(message)], self.now)?;
        sent.remove(0).map(|sent| sent.message_id)
    }

    fn look(&mut self, queue: &str) -> storage::Looked {
        let request = json!({ "MaxNumberOfMessages": 10, "AttributeNames": ["All"] });
        let request = serde_json::from_value(request).unwrap();
        self.storage.receive(queue, &request, self.now).unwrap()
    }

    fn receive(&mut self, queue: &str) -> Vec<wire::IncomingMessage> {
        self.look(queue).messages
    }

    fn bodies(&mut self, queue: &str) -> Vec<String> {
        let messages = self.receive(queue).into_iter();
        messages.map(|message| message.body).collect()
    }

    fn delete(&mut self, queue: &str, handle: &str) -> Result<(), QueueRefusal> {
        self.storage.delete_message(queue, handle, self.now)
    }
}

fn outgoing(message: Value) -> wire::OutgoingMessage {
    serde_json::from_value(message).unwrap()
}

#[test]
fn a_deduplication_id_counts_for_five_minutes_also_when_its_message_is_gone() {
    let mut world = World::new();
    world.queue("q.fifo", &[("FifoQueue", "true")]);
    let message =
        || json!({ "MessageBody": "b", "MessageGroupId": "g", "MessageDeduplicationId": "d" });
    let first = world.send("q.fifo", message()).unwrap();
    let received = world.receive("q.fifo").remove(0);
    world.delete("q.fifo", &received.receipt_handle).unwrap();

    world.now += 5 * MINUTE - 1;
    assert_eq!(world.send("q.fifo", message()).unwrap(), first);
    assert_eq!(world.bodies("q.fifo"), Vec::<String>::new());
    world.now += 1;
    assert_ne!(world.send("q.fifo", message()).unwrap(), first);
    assert_eq!(world.bodies("q.fifo"), ["b"]);
}

#[test]
fn a_message_past_its_retention_is_gone() {
    let mut world = World::new();
    world.queue("q", &[("MessageRetentionPeriod", "60")]);
    world.send("q", json!({ "MessageBody": "old" })).unwrap();
    world.now += MINUTE;
    assert!(world.receive("q").is_empty());
    world.storage.sweep(world.now).unwrap();
    world.now = START;
    assert!(world.receive("q").is_empty());
}

#[test]
fn a_look_into_an_empty_queue_says_when_to_look_again() {
    let mut world = World::new();
    world.queue("q", &[]);
    assert_eq!(world.look("q").next_visible_in, None);
    world
        .send("q", json!({ "MessageBody": "b", "DelaySeconds": 5 }))
        .unwrap();
    world.now += 2 * SECOND;
    assert_eq!(
        world.look("q").next_visible_in,
        Some(Duration::from_secs(3))
    );
}

#[test]
fn what_was_in_flight_when_the_process_died_comes_again_and_its_receipt_still_holds() {
    let mut world = World::new();
    world.queue("q", &[("VisibilityTimeout", "600")]);
    world.send("q", json!({ "MessageBody": "flying" })).unwrap();
    world
        .send("q", json!({ "MessageBody": "delayed", "DelaySeconds": 9 }))
        .unwrap();
    let before = world.receive("q").remove(0);
    assert!(world.receive("q").is_empty());
    world.reopen();
    world.delete("q", &before.receipt_handle).unwrap();
    assert!(world.receive("q").is_empty(), "a delay is not cut short");
    world.now += 9 * SECOND;
    assert_eq!(world.bodies("q"), ["delayed"]);
}

#[test]
fn an_older_receipt_deletes_nothing() {
    let mut world = World::new();
    world.queue("q", &[("VisibilityTimeout", "1")]);
    world.send("q", json!({ "MessageBody": "b" })).unwrap();
    let first = world.receive("q").remove(0);
    world.now += SECOND;
    let second = world.receive("q").remove(0);
    world.delete("q", &first.receipt_handle).unwrap();
    world.now += SECOND;
    assert_eq!(world.bodies("q"), ["b"]);
    world.delete("q", &second.receipt_handle).unwrap();
}

#[test]
fn a_fifo_receipt_that_expired_is_refused() {
    let mut world = World::new();
    let attributes = [
        ("FifoQueue", "true"),
        ("ContentBasedDeduplication", "true"),
        ("VisibilityTimeout", "1"),
    ];
    world.queue("q.fifo", &attributes);
    world
        .send(
            "q.fifo",
            json!({ "MessageBody": "b", "MessageGroupId": "g" }),
        )
        .unwrap();
    let received = world.receive("q.fifo").remove(0);
    world.now += SECOND;
    let refused = world
        .delete("q.fifo", &received.receipt_handle)
        .unwrap_err();
    assert_eq!(refused.code(), "InvalidParameterValue");
}

#[test]
fn a_dead_letter_keeps_its_age_and_says_where_it_died() {
    let mut world = World::new();
    world.mortal("q");
    world.send("q", json!({ "MessageBody": "poison" })).unwrap();
    assert_eq!(world.bodies("q"), ["poison"]);
    world.now += 3 * DAY;
    let looked = world.look("q");
    assert!(looked.messages.is_empty());
    assert!(looked.moved_to.contains("dead"));
    let letter = world.receive("dead").remove(0);
    assert_eq!(
        letter.attributes["DeadLetterQueueSourceArn"],
        attributes::arn_of("q")
    );
    assert_eq!(letter.attributes["SentTimestamp"], START.to_string());
    assert_eq!(letter.attributes["ApproximateReceiveCount"], "2");
    // Its four days in the dead-letter queue began when it was sent.
    world.now = START + 4 * DAY;
    assert!(world.receive("dead").is_empty());
}

#[test]
fn dead_letters_go_back_to_where_they_died_and_those_of_no_queue_stay() {
    let mut world = World::new();
    world.mortal("q");
    let policy = json!({ "deadLetterTargetArn": attributes::arn_of("dead"), "maxReceiveCount": 1 });
    world.queue("gone", &[("RedrivePolicy", &policy.to_string())]);
    for queue in ["q", "q", "gone", "q", "gone", "q", "q"] {
        world.send(queue, json!({ "MessageBody": queue })).unwrap();
    }
    for queue in ["q", "gone"] {
        world.receive(queue);
        world.now += MINUTE;
        world.receive(queue);
    }
    world.storage.delete_queue("gone").unwrap();

    let source = attributes::arn_of("dead");
    let task = world
        .storage
        .start_move_task(&source, None, world.now)
        .unwrap();
    let twice = world.storage.start_move_task(&source, None, world.now);
    assert_eq!(
        twice.err().unwrap().code(),
        "AWS.SimpleQueueService.UnsupportedOperation"
    );
    let mut steps = 1;
    while !world
        .storage
        .move_step(&task, 2, world.now)
        .unwrap()
        .is_last
    {
        steps += 1;
    }
    assert_eq!(steps, 4);
    assert_eq!(world.bodies("q"), ["q"; 5]);
    assert_eq!(world.bodies("dead"), ["gone"; 2]);
    let told = world.storage.move_tasks(&source, None).unwrap().remove(0);
    assert_eq!(told.status, "COMPLETED");
    assert_eq!(told.approximate_number_of_messages_moved, 5);
}

#[test]
fn a_queue_is_purged_once_a_minute() {
    let mut world = World::new();
    world.queue("q", &[]);
    world.storage.purge("q", world.now).unwrap();
    world.now += MINUTE - 1;
    let refused = world.storage.purge("q", world.now).unwrap_err();
    assert_eq!(
        refused.code(),
        "AWS.SimpleQueueService.PurgeQueueInProgress"
    );
    world.now += 1;
    world.storage.purge("q", world.now).unwrap();
}

#[test]
fn a_refusal_is_spelled_as_aws_spells_it() {
    let mut world = World::new();
    let refused = world
        .send("missing", json!({ "MessageBody": "b" }))
        .unwrap_err();
    assert_eq!(
        refused.query_error(),
        "AWS.SimpleQueueService.NonExistentQueue;Sender"
    );
    let body: Value = serde_json::from_str(&refused.body()).unwrap();
    assert_eq!(body["__type"], "com.amazonaws.sqs#QueueDoesNotExist");

    world.queue("q", &[]);
    let long = json!({ "MessageBody": "x".repeat(1_048_577) });
    let refused = world.send("q", long).unwrap_err();
    assert_eq!(refused.query_error(), "InvalidParameterValue;Sender");
    assert_eq!(
        refused.to_string(),
        "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes."
    );
}

#[test]
fn queues_of_strange_names_or_attributes_are_not_made() {
    let mut world = World::new();
    let mut code = |name: &str, attribute: &str, value: &str| {
        let attributes = BTreeMap::from([(attribute.to_owned(), value.to_owned())]);
        let made = world.storage.create_queue(name, &attributes, START);
        made.unwrap_err().code()
    };
    assert_eq!(code("a b", "DelaySeconds", "1"), "InvalidParameterValue");
    assert_eq!(code("q", "FifoQueue", "true"), "InvalidParameterValue");
    assert_eq!(code("q", "DelaySeconds", "901"), "InvalidAttributeValue");
    assert_eq!(
        code("q", "VisibilityTimeout", "soon"),
        "InvalidAttributeValue"
    );
    assert_eq!(code("q", "Colour", "red"), "InvalidAttributeName");
    assert_eq!(code("q", "RedrivePolicy", "{}"), "InvalidParameterValue");
}

#[test]
fn a_message_that_finds_no_room_is_refused_and_those_before_stay() {
    let mut world = World::new();
    world.queue("jobs", &[]);
    let pages: i64 = world
        .storage
        .file
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .unwrap();
    world
        .storage
        .file
        .pragma_update(None, "max_page_count", pages + 2)
        .unwrap();
    let body = "x".repeat(1_000);
    let mut kept = 0;
    let refused = loop {
        match world.send("jobs", json!({ "MessageBody": body })) {
            Ok(_id) => kept += 1,
            Err(refusal) => break refusal,
        }
        assert!(kept < 100, "the file has no limit");
    };
    let QueueRefusal::File(error) = &refused else {
        panic!("{refused}");
    };
    assert_eq!(Why::of_sqlite(error), Some(Why::Full));
    world.reopen();
    let held: i64 = world
        .storage
        .file
        .query_row("SELECT count(*) FROM messages", [], |row| row.get(0))
        .unwrap();
    assert_eq!(held, kept);
}
