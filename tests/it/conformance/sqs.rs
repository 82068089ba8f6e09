//! What the product relies on from SQS.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::operation::receive_message::builders::ReceiveMessageFluentBuilder;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message,
    MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName,
    SendMessageBatchRequestEntry,
};
use tokio::time::Instant;

use super::{checks, eventually, fresh_name};

#[derive(Clone)]
pub(super) struct World {
    client: Client,
    queues: Arc<Mutex<Vec<String>>>,
}

checks! { World:
    a_message_comes_as_it_was_sent,
    what_travels_beside_the_body_comes_with_its_digest,
    when_and_how_often_is_told_on_request,
    a_message_is_hidden_until_its_visibility_ends,
    a_receiver_can_hide_a_message_longer_or_give_it_back,
    a_message_that_is_not_in_flight_cannot_be_hidden
        @ "API reference, ChangeMessageVisibility, errors: MessageNotInflight",
    a_deleted_message_stays_away,
    a_handle_that_is_none_is_refused,
    a_delayed_message_wakes_a_waiting_receiver_when_its_time_comes,
    a_queue_delays_by_its_own_default,
    a_waiting_receiver_wakes_when_a_message_comes,
    a_waiting_receiver_wakes_when_a_message_is_given_back,
    a_wait_that_nothing_ends_answers_nothing,
    a_receiver_that_does_not_wait_is_answered_at_once,
    ten_messages_come_at_once_and_no_more,
    a_batch_is_sent_received_hidden_and_deleted,
    a_batch_with_one_bad_handle_deletes_the_others,
    a_batch_of_eleven_of_none_or_of_twins_is_refused,
    a_batch_over_a_megabyte_is_refused,
    a_message_of_a_megabyte_passes_and_a_longer_one_does_not,
    a_delay_over_fifteen_minutes_is_refused
        @ "API reference, SendMessage: DelaySeconds, valid values 0 to 900",
    characters_outside_xml_are_refused,
    any_other_text_comes_back_as_it_was,
    a_message_received_too_often_becomes_a_dead_letter,
    a_redrive_count_may_be_text,
    a_redrive_to_nowhere_is_refused,
    the_sources_of_a_dead_letter_queue_are_listed
        @ "API reference, ListDeadLetterSourceQueues: the response element is queueUrls",
    dead_letters_are_moved_back
        @ "API reference, StartMessageMoveTask; developer guide, Configure a dead-letter queue redrive",
    a_queue_made_again_is_the_same_and_with_other_attributes_refused,
    a_missing_queue_is_named_as_such,
    a_queue_counts_its_messages,
    changed_attributes_take_effect,
    a_purged_queue_is_empty,
    queues_are_listed_by_prefix_and_in_pages,
    a_group_keeps_its_order_and_waits_for_its_first,
    a_message_sent_twice_to_a_group_counts_once,
    equal_bodies_count_once_where_the_queue_compares_them,
    a_fifo_message_needs_its_group_and_id,
}

/// Longer than any answer to a request that does not wait.
const SOON: Duration = Duration::from_secs(4);

impl World {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            queues: Arc::default(),
        }
    }

    pub(super) async fn remove(self) {
        let queues = std::mem::take(&mut *self.queues.lock().unwrap());
        for queue in queues {
            self.client
                .delete_queue()
                .queue_url(queue)
                .send()
                .await
                .unwrap();
        }
    }

    async fn queue(&self) -> Queue {
        self.queue_with(&[]).await
    }

    async fn queue_with(&self, attributes: &[(QueueAttributeName, &str)]) -> Queue {
        let is_fifo = attributes
            .iter()
            .any(|(name, _)| *name == QueueAttributeName::FifoQueue);
        let suffix = if is_fifo { ".fifo" } else { "" };
        self.named(&format!("{}{suffix}", fresh_name("queue")), attributes)
            .await
    }

    async fn named(&self, name: &str, attributes: &[(QueueAttributeName, &str)]) -> Queue {
        let create = attributes.iter().fold(
            self.client.create_queue().queue_name(name),
            |create, (name, value)| create.attributes(name.clone(), *value),
        );
        let url = create.send().await.unwrap().queue_url.unwrap();
        self.queues.lock().unwrap().push(url.clone());
        Queue {
            client: self.client.clone(),
            url,
        }
    }

    async fn fifo(&self, attributes: &[(QueueAttributeName, &str)]) -> Queue {
        let mut all = vec![(QueueAttributeName::FifoQueue, "true")];
        all.extend_from_slice(attributes);
        self.queue_with(&all).await
    }

    /// A queue whose messages die after two receives, and where they go.
    async fn mortal(&self, count: &str) -> (Queue, Queue) {
        let dead = self.queue().await;
        let arn = dead.attribute(QueueAttributeName::QueueArn).await;
        let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":{count}}}"#);
        let attributes = [
            (QueueAttributeName::RedrivePolicy, policy.as_str()),
            (QueueAttributeName::VisibilityTimeout, "0"),
        ];
        (self.queue_with(&attributes).await, dead)
    }
}

#[derive(Clone)]
struct Queue {
    client: Client,
    url: String,
}

impl Queue {
    async fn send(&self, body: &str) -> String {
        let send = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body(body);
        send.send().await.unwrap().message_id.unwrap()
    }

    async fn send_to_group(&self, group: &str, id: Option<&str>, body: &str) -> String {
        let send = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body(body);
        let send = send
            .message_group_id(group)
            .set_message_deduplication_id(id.map(str::to_owned));
        send.send().await.unwrap().message_id.unwrap()
    }

    fn receive(&self) -> ReceiveMessageFluentBuilder {
        let receive = self.client.receive_message().queue_url(&self.url);
        receive.message_system_attribute_names(MessageSystemAttributeName::All)
    }

    /// Waits for messages as a worker does.
    async fn wait(&self, seconds: i32) -> Vec<Message> {
        let receive = self
            .receive()
            .max_number_of_messages(10)
            .wait_time_seconds(seconds);
        receive.send().await.unwrap().messages.unwrap_or_default()
    }

    async fn wait_for_one(&self) -> Message {
        self.wait(20)
            .await
            .into_iter()
            .next()
            .expect("a message came")
    }

    async fn bodies(&self) -> Vec<String> {
        self.wait(1)
            .await
            .into_iter()
            .map(|message| message.body.unwrap())
            .collect()
    }

    async fn hide(&self, message: &Message, seconds: i32) {
        let hide = self.client.change_message_visibility().queue_url(&self.url);
        let hide = hide.receipt_handle(message.receipt_handle().unwrap());
        hide.visibility_timeout(seconds).send().await.unwrap();
    }

    async fn delete(&self, message: &Message) {
        let delete = self.client.delete_message().queue_url(&self.url);
        let delete = delete.receipt_handle(message.receipt_handle().unwrap());
        delete.send().await.unwrap();
    }

    async fn attribute(&self, name: QueueAttributeName) -> String {
        let asked = self.client.get_queue_attributes().queue_url(&self.url);
        let asked = asked.attribute_names(name.clone()).send().await.unwrap();
        asked.attributes.unwrap().remove(&name).unwrap()
    }

    async fn send_batch(
        &self,
        entries: Vec<SendMessageBatchRequestEntry>,
    ) -> Result<(Vec<String>, Vec<String>), String> {
        let batch = self.client.send_message_batch().queue_url(&self.url);
        match batch.set_entries(Some(entries)).send().await {
            Ok(sent) => Ok((
                sent.successful.into_iter().map(|entry| entry.id).collect(),
                sent.failed.into_iter().map(|entry| entry.id).collect(),
            )),
            Err(error) => Err(error.code().unwrap_or_default().to_owned()),
        }
    }
}

async fn a_message_comes_as_it_was_sent(world: World) {
    let queue = world.queue().await;
    let send = world.client.send_message().queue_url(&queue.url);
    let sent = send.message_body("hello").send().await.unwrap();
    let message = queue.wait_for_one().await;
    assert_eq!(message.body(), Some("hello"));
    assert_eq!(message.message_id(), sent.message_id());
    // The digest of "hello", from both sides.
    let digest = Some("5d41402abc4b2a76b9719d911017c592");
    assert_eq!(sent.md5_of_message_body(), digest);
    assert_eq!(message.md5_of_body(), digest);
}

async fn what_travels_beside_the_body_comes_with_its_digest(world: World) {
    let queue = world.queue().await;
    let beside = |kind: &str| MessageAttributeValue::builder().data_type(kind);
    let send = world
        .client
        .send_message()
        .queue_url(&queue.url)
        .message_body("b")
        .message_attributes(
            "kind",
            beside("String").string_value("call").build().unwrap(),
        )
        .message_attributes("count", beside("Number").string_value("3").build().unwrap())
        .message_attributes(
            "bytes",
            beside("Binary")
                .binary_value(Blob::new([1_u8, 2, 3]))
                .build()
                .unwrap(),
        );
    let sent = send.send().await.unwrap();
    let receive = queue
        .receive()
        .message_attribute_names("All")
        .wait_time_seconds(20);
    let message = receive.send().await.unwrap().messages.unwrap().remove(0);
    let digest = Some("65365e851fbe9dd24740c0b07f6ae417");
    assert_eq!(sent.md5_of_message_attributes(), digest);
    assert_eq!(message.md5_of_message_attributes(), digest);
    let beside = message.message_attributes.unwrap();
    assert_eq!(beside.len(), 3);
    assert_eq!(beside["kind"].string_value(), Some("call"));
    assert_eq!(beside["bytes"].binary_value().unwrap().as_ref(), [1, 2, 3]);
}

async fn when_and_how_often_is_told_on_request(world: World) {
    let queue = world
        .queue_with(&[(QueueAttributeName::VisibilityTimeout, "0")])
        .await;
    queue.send("counted").await;
    for expected in ["1", "2"] {
        let attributes = queue.wait_for_one().await.attributes.unwrap();
        let count = &attributes[&MessageSystemAttributeName::ApproximateReceiveCount];
        assert_eq!(count, expected);
        assert_eq!(
            attributes[&MessageSystemAttributeName::SentTimestamp].len(),
            13
        );
    }
}

async fn a_message_is_hidden_until_its_visibility_ends(world: World) {
    let queue = world
        .queue_with(&[(QueueAttributeName::VisibilityTimeout, "1")])
        .await;
    queue.send("again").await;
    let first = queue.wait_for_one().await;
    let received = Instant::now();
    let second = queue.wait_for_one().await;
    assert_eq!(second.message_id(), first.message_id());
    assert!(
        received.elapsed() > Duration::from_millis(500),
        "it came back too soon"
    );
    assert!(
        received.elapsed() < SOON,
        "the end of its visibility woke nobody"
    );
}

async fn a_receiver_can_hide_a_message_longer_or_give_it_back(world: World) {
    let queue = world
        .queue_with(&[(QueueAttributeName::VisibilityTimeout, "1")])
        .await;
    queue.send("held").await;
    let message = queue.wait_for_one().await;
    queue.hide(&message, 600).await;
    assert!(queue.wait(2).await.is_empty(), "it was not held");
    queue.hide(&message, 0).await;
    let again = queue.wait_for_one().await;
    assert_eq!(again.message_id(), message.message_id());
}

async fn a_message_that_is_not_in_flight_cannot_be_hidden(world: World) {
    let queue = world.queue().await;
    queue.send("free").await;
    let message = queue.wait_for_one().await;
    queue.hide(&message, 0).await;
    let hide = world
        .client
        .change_message_visibility()
        .queue_url(&queue.url);
    let hide = hide
        .receipt_handle(message.receipt_handle().unwrap())
        .visibility_timeout(5);
    let refused = hide.send().await.unwrap_err().into_service_error();
    assert!(refused.is_message_not_inflight(), "{refused:?}");
}

async fn a_deleted_message_stays_away(world: World) {
    let queue = world
        .queue_with(&[(QueueAttributeName::VisibilityTimeout, "1")])
        .await;
    queue.send("done").await;
    let message = queue.wait_for_one().await;
    queue.delete(&message).await;
    assert!(queue.wait(2).await.is_empty());
}

async fn a_handle_that_is_none_is_refused(world: World) {
    let queue = world.queue().await;
    let delete = world.client.delete_message().queue_url(&queue.url);
    let refused = delete
        .receipt_handle("no-such-handle")
        .send()
        .await
        .unwrap_err();
    let refused = refused.into_service_error();
    assert!(refused.is_receipt_handle_is_invalid(), "{refused:?}");
}

async fn a_delayed_message_wakes_a_waiting_receiver_when_its_time_comes(world: World) {
    let queue = world.queue().await;
    let send = world
        .client
        .send_message()
        .queue_url(&queue.url)
        .message_body("later");
    send.delay_seconds(1).send().await.unwrap();
    let sent = Instant::now();
    assert!(queue.wait(0).await.is_empty(), "it was not delayed");
    queue.wait_for_one().await;
    assert!(sent.elapsed() < SOON, "the end of its delay woke nobody");
}

async fn a_queue_delays_by_its_own_default(world: World) {
    let queue = world
        .queue_with(&[(QueueAttributeName::DelaySeconds, "1")])
        .await;
    queue.send("later").await;
    assert!(queue.wait(0).await.is_empty(), "it was not delayed");
    queue.wait_for_one().await;
}

async fn a_waiting_receiver_wakes_when_a_message_comes(world: World) {
    let queue = world.queue().await;
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { (queue.wait_for_one().await, Instant::now()) }
    });
    // The receiver waits by now, or will find the message there: both must be quick.
    tokio::time::sleep(Duration::from_millis(300)).await;
    queue.send("now").await;
    let sent = Instant::now();
    let (message, woken) = waiting.await.unwrap();
    assert_eq!(message.body(), Some("now"));
    assert!(
        woken.saturating_duration_since(sent) < SOON,
        "a message woke nobody"
    );
}

async fn a_waiting_receiver_wakes_when_a_message_is_given_back(world: World) {
    let queue = world
        .queue_with(&[(QueueAttributeName::VisibilityTimeout, "600")])
        .await;
    queue.send("back").await;
    let message = queue.wait_for_one().await;
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { (queue.wait_for_one().await, Instant::now()) }
    });
    queue.hide(&message, 0).await;
    let given = Instant::now();
    let (_message, woken) = waiting.await.unwrap();
    assert!(woken.saturating_duration_since(given) < SOON);
}

async fn a_wait_that_nothing_ends_answers_nothing(world: World) {
    let queue = world.queue().await;
    let began = Instant::now();
    assert!(queue.wait(1).await.is_empty());
    assert!(
        began.elapsed() > Duration::from_millis(900),
        "it did not wait"
    );
}

async fn a_receiver_that_does_not_wait_is_answered_at_once(world: World) {
    let queue = world.queue().await;
    let began = Instant::now();
    assert!(queue.wait(0).await.is_empty());
    assert!(began.elapsed() < SOON);
}

async fn ten_messages_come_at_once_and_no_more(world: World) {
    let queue = world.queue().await;
    let refused = queue
        .receive()
        .max_number_of_messages(11)
        .send()
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Some("InvalidParameterValue"));
    for number in 0..12 {
        queue.send(&number.to_string()).await;
    }
    let mut seen = BTreeSet::new();
    while seen.len() < 12 {
        let messages = queue.wait(20).await;
        assert!((1..=10).contains(&messages.len()));
        seen.extend(
            messages
                .into_iter()
                .map(|message| message.message_id.unwrap()),
        );
    }
}

async fn a_batch_is_sent_received_hidden_and_deleted(world: World) {
    let queue = world
        .queue_with(&[(QueueAttributeName::VisibilityTimeout, "600")])
        .await;
    let entries = (0..10).map(|number| entry(&format!("m{number}"), "batched"));
    let (sent, failed) = queue.send_batch(entries.collect()).await.unwrap();
    assert_eq!((sent.len(), failed.len()), (10, 0));
    let mut messages = Vec::new();
    while messages.len() < 10 {
        messages.extend(queue.wait(20).await);
    }
    let handles = || {
        messages
            .iter()
            .map(|message| message.receipt_handle().unwrap())
            .enumerate()
    };

    let hide = world
        .client
        .change_message_visibility_batch()
        .queue_url(&queue.url);
    let entries = handles().map(|(index, handle)| {
        let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(index.to_string());
        entry
            .receipt_handle(handle)
            .visibility_timeout(0)
            .build()
            .unwrap()
    });
    let hidden = hide
        .set_entries(Some(entries.collect()))
        .send()
        .await
        .unwrap();
    assert_eq!(hidden.successful().len(), 10);
    messages.clear();
    while messages.len() < 10 {
        messages.extend(queue.wait(20).await);
    }

    let handles = || {
        messages
            .iter()
            .map(|message| message.receipt_handle().unwrap())
            .enumerate()
    };
    let delete = world.client.delete_message_batch().queue_url(&queue.url);
    let entries = handles().map(|(index, handle)| {
        let entry = DeleteMessageBatchRequestEntry::builder().id(index.to_string());
        entry.receipt_handle(handle).build().unwrap()
    });
    let deleted = delete
        .set_entries(Some(entries.collect()))
        .send()
        .await
        .unwrap();
    assert_eq!(
        (deleted.successful().len(), deleted.failed().len()),
        (10, 0)
    );
    assert_eq!(
        queue
            .attribute(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
            .await,
        "0"
    );
}

async fn a_batch_with_one_bad_handle_deletes_the_others(world: World) {
    let queue = world.queue().await;
    queue.send("good").await;
    let message = queue.wait_for_one().await;
    let entry = |id: &str, handle: &str| {
        let entry = DeleteMessageBatchRequestEntry::builder().id(id);
        entry.receipt_handle(handle).build().unwrap()
    };
    let delete = world.client.delete_message_batch().queue_url(&queue.url);
    let delete = delete.entries(entry("good", message.receipt_handle().unwrap()));
    let deleted = delete
        .entries(entry("bad", "no-such-handle"))
        .send()
        .await
        .unwrap();
    let good: Vec<_> = deleted
        .successful()
        .iter()
        .map(|entry| entry.id())
        .collect();
    let bad: Vec<_> = deleted
        .failed()
        .iter()
        .map(|entry| (entry.id(), entry.code()))
        .collect();
    assert_eq!(good, ["good"]);
    assert_eq!(bad, [("bad", "ReceiptHandleIsInvalid")]);
}

async fn a_batch_of_eleven_of_none_or_of_twins_is_refused(world: World) {
    let queue = world.queue().await;
    let eleven = (0..11)
        .map(|number| entry(&number.to_string(), "x"))
        .collect();
    let code = |name: &str| Err(format!("AWS.SimpleQueueService.{name}"));
    assert_eq!(
        queue.send_batch(eleven).await,
        code("TooManyEntriesInBatchRequest")
    );
    assert_eq!(
        queue.send_batch(Vec::new()).await,
        code("EmptyBatchRequest")
    );
    let twins = vec![entry("same", "x"), entry("same", "y")];
    assert_eq!(
        queue.send_batch(twins).await,
        code("BatchEntryIdsNotDistinct")
    );
}

async fn a_batch_over_a_megabyte_is_refused(world: World) {
    let queue = world.queue().await;
    let half = "x".repeat(600_000);
    let entries = vec![entry("a", &half), entry("b", &half)];
    let refused = queue.send_batch(entries).await;
    assert_eq!(
        refused,
        Err("AWS.SimpleQueueService.BatchRequestTooLong".to_owned())
    );
}

async fn a_message_of_a_megabyte_passes_and_a_longer_one_does_not(world: World) {
    let queue = world.queue().await;
    let longest = "x".repeat(1_048_576);
    queue.send(&longest).await;
    assert_eq!(
        queue.wait_for_one().await.body.unwrap().len(),
        longest.len()
    );
    let send = world.client.send_message().queue_url(&queue.url);
    let refused = send
        .message_body(format!("{longest}x"))
        .send()
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Some("InvalidParameterValue"));
}

async fn a_delay_over_fifteen_minutes_is_refused(world: World) {
    let queue = world.queue().await;
    let send = world
        .client
        .send_message()
        .queue_url(&queue.url)
        .message_body("x");
    let refused = send.delay_seconds(901).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("InvalidParameterValue"));
}

async fn characters_outside_xml_are_refused(world: World) {
    let queue = world.queue().await;
    let send = world
        .client
        .send_message()
        .queue_url(&queue.url)
        .message_body("bell \u{7}");
    let refused = send.send().await.unwrap_err().into_service_error();
    assert!(refused.is_invalid_message_contents(), "{refused:?}");
}

async fn any_other_text_comes_back_as_it_was(world: World) {
    let queue = world.queue().await;
    let text = "{\"a\": \"é ✓ 😀\"}\r\n\t& <tag> 'quoted'";
    queue.send(text).await;
    assert_eq!(queue.wait_for_one().await.body(), Some(text));
}

async fn a_message_received_too_often_becomes_a_dead_letter(world: World) {
    let (queue, dead) = world.mortal("2").await;
    let sent = queue.send("poison").await;
    for _ in 0..2 {
        queue.wait_for_one().await;
    }
    // The third receive moves it.
    assert!(queue.wait(1).await.is_empty());
    let letter = dead.wait_for_one().await;
    assert_eq!(letter.message_id(), Some(sent.as_str()));
    assert_eq!(letter.body(), Some("poison"));
}

async fn a_redrive_count_may_be_text(world: World) {
    let (queue, dead) = world.mortal("\"1\"").await;
    queue.send("poison").await;
    queue.wait_for_one().await;
    assert!(queue.wait(1).await.is_empty());
    assert_eq!(dead.wait_for_one().await.body(), Some("poison"));
}

async fn a_redrive_to_nowhere_is_refused(world: World) {
    let queue = world.queue().await;
    let arn = queue.attribute(QueueAttributeName::QueueArn).await;
    let policy = format!(r#"{{"deadLetterTargetArn":"{arn}-nowhere","maxReceiveCount":1}}"#);
    let set = world.client.set_queue_attributes().queue_url(&queue.url);
    let refused = set
        .attributes(QueueAttributeName::RedrivePolicy, policy)
        .send()
        .await;
    assert!(refused.is_err());
}

async fn the_sources_of_a_dead_letter_queue_are_listed(world: World) {
    let (queue, dead) = world.mortal("1").await;
    let listed = world
        .client
        .list_dead_letter_source_queues()
        .queue_url(&dead.url);
    assert_eq!(listed.send().await.unwrap().queue_urls, [queue.url]);
}

async fn dead_letters_are_moved_back(world: World) {
    let (queue, dead) = world.mortal("1").await;
    queue.send("second chance").await;
    queue.wait_for_one().await;
    assert!(queue.wait(1).await.is_empty());
    let arn = dead.attribute(QueueAttributeName::QueueArn).await;
    let start = world.client.start_message_move_task().source_arn(&arn);
    assert!(start.send().await.unwrap().task_handle.is_some());
    let message = queue.wait_for_one().await;
    assert_eq!(message.body(), Some("second chance"));
    eventually(async || {
        let tasks = world.client.list_message_move_tasks().source_arn(&arn);
        let tasks = tasks.send().await.unwrap();
        let task = tasks.results().first().unwrap();
        (task.status() == Some("COMPLETED")).then_some(())
    })
    .await;
    let other = queue.attribute(QueueAttributeName::QueueArn).await;
    let refused = world
        .client
        .start_message_move_task()
        .source_arn(other)
        .send()
        .await;
    assert!(
        refused.is_err(),
        "a queue without sources is no dead-letter queue"
    );
}

async fn a_queue_made_again_is_the_same_and_with_other_attributes_refused(world: World) {
    let name = fresh_name("queue");
    let one = world
        .named(&name, &[(QueueAttributeName::VisibilityTimeout, "7")])
        .await;
    let create = |seconds: &str| {
        let create = world.client.create_queue().queue_name(&name);
        create
            .attributes(QueueAttributeName::VisibilityTimeout, seconds)
            .send()
    };
    assert_eq!(create("7").await.unwrap().queue_url.unwrap(), one.url);
    let refused = create("8").await.unwrap_err().into_service_error();
    assert!(refused.is_queue_name_exists(), "{refused:?}");
    let found = world
        .client
        .get_queue_url()
        .queue_name(&name)
        .send()
        .await
        .unwrap();
    assert_eq!(found.queue_url.unwrap(), one.url);
}

async fn a_missing_queue_is_named_as_such(world: World) {
    let asked = world
        .client
        .get_queue_url()
        .queue_name("trunkline-no-such-queue");
    let refused = asked.send().await.unwrap_err().into_service_error();
    assert!(refused.is_queue_does_not_exist(), "{refused:?}");
    let queue = world.queue().await;
    let url = format!("{}-missing", queue.url);
    let send = world.client.send_message().queue_url(url).message_body("x");
    let refused = send.send().await.unwrap_err();
    assert_eq!(
        refused.code(),
        Some("AWS.SimpleQueueService.NonExistentQueue")
    );
    assert!(refused.into_service_error().is_queue_does_not_exist());
}

async fn a_queue_counts_its_messages(world: World) {
    let queue = world
        .queue_with(&[(QueueAttributeName::VisibilityTimeout, "600")])
        .await;
    for body in ["a", "b"] {
        queue.send(body).await;
    }
    let later = world
        .client
        .send_message()
        .queue_url(&queue.url)
        .message_body("c");
    later.delay_seconds(600).send().await.unwrap();
    let receive = queue
        .receive()
        .max_number_of_messages(1)
        .wait_time_seconds(20);
    assert_eq!(receive.send().await.unwrap().messages().len(), 1);
    eventually(async || {
        let waiting = queue
            .attribute(QueueAttributeName::ApproximateNumberOfMessages)
            .await;
        let flying = queue
            .attribute(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
            .await;
        let delayed = queue
            .attribute(QueueAttributeName::ApproximateNumberOfMessagesDelayed)
            .await;
        ([waiting, flying, delayed] == ["1", "1", "1"]).then_some(())
    })
    .await;
}

async fn changed_attributes_take_effect(world: World) {
    let queue = world
        .queue_with(&[(QueueAttributeName::VisibilityTimeout, "600")])
        .await;
    let set = world.client.set_queue_attributes().queue_url(&queue.url);
    set.attributes(QueueAttributeName::VisibilityTimeout, "0")
        .send()
        .await
        .unwrap();
    eventually(async || {
        let seconds = queue.attribute(QueueAttributeName::VisibilityTimeout).await;
        (seconds == "0").then_some(())
    })
    .await;
    queue.send("twice").await;
    queue.wait_for_one().await;
    queue.wait_for_one().await;
}

async fn a_purged_queue_is_empty(world: World) {
    let queue = world.queue().await;
    for body in ["a", "b"] {
        queue.send(body).await;
    }
    world
        .client
        .purge_queue()
        .queue_url(&queue.url)
        .send()
        .await
        .unwrap();
    assert!(queue.wait(1).await.is_empty());
}

async fn queues_are_listed_by_prefix_and_in_pages(world: World) {
    let prefix = fresh_name("list");
    let mut urls = Vec::new();
    for number in 0..3 {
        urls.push(world.named(&format!("{prefix}-{number}"), &[]).await.url);
    }
    let page = |token: Option<String>| {
        let list = world.client.list_queues().queue_name_prefix(&prefix);
        list.max_results(2).set_next_token(token).send()
    };
    let first = page(None).await.unwrap();
    let second = page(first.next_token.clone()).await.unwrap();
    let listed: Vec<_> = first
        .queue_urls()
        .iter()
        .chain(second.queue_urls())
        .collect();
    assert_eq!(listed, urls.iter().collect::<Vec<_>>());
}

async fn a_group_keeps_its_order_and_waits_for_its_first(world: World) {
    let queue = world
        .fifo(&[(QueueAttributeName::VisibilityTimeout, "600")])
        .await;
    for body in ["a1", "a2", "a3"] {
        queue.send_to_group("a", Some(body), body).await;
    }
    let receive = queue
        .receive()
        .max_number_of_messages(1)
        .wait_time_seconds(20);
    let first = receive.send().await.unwrap().messages.unwrap().remove(0);
    assert_eq!(first.body(), Some("a1"));
    queue.send_to_group("b", Some("b1"), "b1").await;
    // The group waits for its first message; another group does not.
    assert_eq!(queue.bodies().await, ["b1"]);
    queue.delete(&first).await;
    assert_eq!(queue.bodies().await, ["a2", "a3"]);
}

async fn a_message_sent_twice_to_a_group_counts_once(world: World) {
    let queue = world.fifo(&[]).await;
    let first = queue.send_to_group("g", Some("same"), "one").await;
    let second = queue.send_to_group("g", Some("same"), "one").await;
    assert_eq!(first, second);
    assert_eq!(queue.bodies().await, ["one"]);
}

async fn equal_bodies_count_once_where_the_queue_compares_them(world: World) {
    let queue = world
        .fifo(&[(QueueAttributeName::ContentBasedDeduplication, "true")])
        .await;
    for body in ["same", "same", "other"] {
        queue.send_to_group("g", None, body).await;
    }
    assert_eq!(queue.bodies().await, ["same", "other"]);
}

async fn a_fifo_message_needs_its_group_and_id(world: World) {
    let queue = world.fifo(&[]).await;
    let send = || {
        world
            .client
            .send_message()
            .queue_url(&queue.url)
            .message_body("x")
    };
    let refused = send().send().await.unwrap_err();
    assert_eq!(refused.code(), Some("MissingParameter"));
    let refused = send().message_group_id("g").send().await.unwrap_err();
    assert_eq!(refused.code(), Some("InvalidParameterValue"));
}

fn entry(id: &str, body: &str) -> SendMessageBatchRequestEntry {
    let entry = SendMessageBatchRequestEntry::builder();
    entry.id(id).message_body(body).build().unwrap()
}
