//! What the repositories rely on from DynamoDB.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Delete, Get, KeysAndAttributes, Put,
    PutRequest, ReturnValue, ReturnValuesOnConditionCheckFailure, Select, TransactGetItem,
    TransactWriteItem, Update, WriteRequest,
};
use futures_util::future::join_all;
use store::schema::{self, GSI1, GSI1_PK, GSI1_SK, PK, SK, TTL};

use super::{checks, eventually, fresh_name};

#[derive(Clone)]
pub(super) struct World {
    client: Client,
    table: String,
}

type Item = HashMap<String, AttributeValue>;

checks! { World:
    a_row_is_created_once,
    a_failed_condition_shows_the_row_that_was_there,
    an_update_answers_the_whole_row_as_it_is_now,
    an_update_of_a_missing_row_creates_nothing_where_it_must_exist,
    a_token_is_consumed_by_one_of_twenty,
    fifty_additions_at_once_all_count,
    a_transaction_adds_to_numbers_of_a_row_that_may_be_missing,
    additions_in_transactions_at_once_all_count,
    a_default_and_an_appended_list_are_written_in_one_update,
    a_delete_answers_what_was_deleted_and_honours_its_condition,
    a_transaction_writes_everything,
    a_transaction_that_fails_writes_nothing_and_says_which_part_failed,
    a_transaction_checks_rows_that_it_does_not_write,
    a_transaction_sent_twice_with_its_token_counts_once,
    a_token_with_other_content_is_refused,
    a_transaction_may_not_touch_a_row_twice,
    a_transaction_takes_a_hundred_rows_and_no_more,
    a_transaction_reads_rows_together,
    a_batch_writes_twenty_five_rows_and_no_more,
    a_batch_reads_the_rows_that_are_there,
    a_batch_reads_a_hundred_rows_and_no_more,
    a_partition_is_read_in_pages_both_ways,
    a_range_of_sort_keys_is_read,
    a_query_that_finds_nothing_answers_no_page,
    a_page_ends_at_a_megabyte,
    a_filter_counts_what_it_passes,
    a_projection_reads_only_what_was_asked,
    the_index_is_read_in_pages_both_ways,
    rows_without_index_keys_are_not_in_the_index,
    a_row_moves_in_the_index_when_its_key_changes,
    a_row_leaves_the_index_with_its_keys,
    a_range_of_the_index_is_read,
    the_index_cannot_be_read_consistently,
    a_row_over_400_kb_is_refused,
    numbers_keep_38_digits,
    bytes_flags_and_nested_values_come_back_as_they_were,
    reserved_words_are_usable_through_names,
    a_value_that_no_expression_uses_is_refused,
    an_empty_key_is_refused_and_an_empty_text_is_not,
    an_empty_set_is_refused,
    a_set_gains_and_loses_members_and_is_gone_with_its_last_one,
    a_condition_counts_the_members_of_a_set,
    an_index_key_of_the_wrong_type_is_refused,
    a_missing_table_is_named_as_such,
    rows_expire_by_the_ttl_attribute,
    the_schema_may_be_created_again,
}

impl World {
    pub(super) async fn new(client: Client) -> Self {
        let table = fresh_name("table");
        schema::create_table(&client, &table).await.unwrap();
        Self { client, table }
    }

    pub(super) async fn remove(self) {
        let gone = self.client.delete_table().table_name(self.table).send();
        gone.await.unwrap();
    }

    async fn put(&self, item: Item) {
        let put = self.client.put_item().table_name(&self.table);
        put.set_item(Some(item)).send().await.unwrap();
    }

    async fn row(&self, pk: &str, sk: &str) -> Option<Item> {
        self.client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(pk, sk)))
            .consistent_read(true)
            .send()
            .await
            .unwrap()
            .item
    }

    fn partition(&self, pk: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(pk))
    }

    fn index(&self, pk: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .index_name(GSI1)
            .key_condition_expression("gsi1pk = :pk")
            .expression_attribute_values(":pk", text(pk))
    }

    fn put_of(&self, item: Item) -> Put {
        let put = Put::builder().table_name(&self.table);
        put.set_item(Some(item)).build().unwrap()
    }

    fn new_row(&self, item: Item) -> TransactWriteItem {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        TransactWriteItem::builder()
            .put(put.build().unwrap())
            .build()
    }

    async fn transact(
        &self,
        writes: Vec<TransactWriteItem>,
    ) -> Result<(), SdkError<TransactWriteItemsError>> {
        let transaction = self.client.transact_write_items();
        let sent = transaction.set_transact_items(Some(writes)).send().await;
        sent.map(|_answer| ())
    }
}

async fn a_row_is_created_once(world: World) {
    let create = || {
        world
            .client
            .put_item()
            .table_name(&world.table)
            .set_item(Some(row("once", "A")))
            .condition_expression("attribute_not_exists(pk)")
            .send()
    };
    create().await.unwrap();
    let refused = create().await.unwrap_err().into_service_error();
    assert!(
        refused.is_conditional_check_failed_exception(),
        "{refused:?}"
    );
}

async fn a_failed_condition_shows_the_row_that_was_there(world: World) {
    world
        .put(with(row("shown", "A"), "state", text("ended")))
        .await;
    let refused = world
        .client
        .update_item()
        .table_name(&world.table)
        .set_key(Some(key("shown", "A")))
        .update_expression("SET #s = :new")
        .condition_expression("#s = :old")
        .expression_attribute_names("#s", "state")
        .expression_attribute_values(":new", text("placing"))
        .expression_attribute_values(":old", text("claimed"))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    let aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(
        refused,
    ) = refused
    else {
        panic!("another refusal: {refused:?}");
    };
    assert_eq!(refused.item.unwrap()["state"], text("ended"));
    assert_eq!(
        world.row("shown", "A").await.unwrap()["state"],
        text("ended")
    );
}

async fn an_update_answers_the_whole_row_as_it_is_now(world: World) {
    world
        .put(with(row("whole", "A"), "kept", text("yes")))
        .await;
    let updated = world
        .client
        .update_item()
        .table_name(&world.table)
        .set_key(Some(key("whole", "A")))
        .update_expression("SET added = :now REMOVE gone")
        .condition_expression("attribute_exists(pk) AND kept = :yes")
        .expression_attribute_values(":now", text("now"))
        .expression_attribute_values(":yes", text("yes"))
        .return_values(ReturnValue::AllNew)
        .send()
        .await
        .unwrap();
    let expected = with(
        with(row("whole", "A"), "kept", text("yes")),
        "added",
        text("now"),
    );
    assert_eq!(updated.attributes.unwrap(), expected);
}

async fn an_update_of_a_missing_row_creates_nothing_where_it_must_exist(world: World) {
    let refused = world
        .client
        .update_item()
        .table_name(&world.table)
        .set_key(Some(key("missing", "A")))
        .update_expression("SET a = :a")
        .condition_expression("attribute_exists(pk)")
        .expression_attribute_values(":a", text("a"))
        .send()
        .await
        .unwrap_err();
    assert!(
        refused
            .into_service_error()
            .is_conditional_check_failed_exception()
    );
    assert_eq!(world.row("missing", "A").await, None);
}

async fn a_token_is_consumed_by_one_of_twenty(world: World) {
    world.put(with(row("token", "A"), "token", text("t"))).await;
    let tries = (0..20).map(|_| {
        world
            .client
            .update_item()
            .table_name(&world.table)
            .set_key(Some(key("token", "A")))
            .update_expression("REMOVE #t")
            .condition_expression("#t = :t")
            .expression_attribute_names("#t", "token")
            .expression_attribute_values(":t", text("t"))
            .send()
    });
    let winners = join_all(tries).await.into_iter().filter(Result::is_ok);
    assert_eq!(winners.count(), 1);
}

async fn fifty_additions_at_once_all_count(world: World) {
    let additions = (0..50).map(|_| {
        world
            .client
            .update_item()
            .table_name(&world.table)
            .set_key(Some(key("count", "A")))
            .update_expression("ADD n :one")
            .expression_attribute_values(":one", number("1"))
            .send()
    });
    for addition in join_all(additions).await {
        addition.unwrap();
    }
    assert_eq!(world.row("count", "A").await.unwrap()["n"], number("50"));
}

/// An update as the counts are written: what the row is of once, and numbers that may be new.
fn addition(world: &World, sk: &str, numbers: &[(&str, &str)]) -> TransactWriteItem {
    let names = (0..numbers.len()).map(|place| format!("#n{place} :n{place}"));
    let names = names.collect::<Vec<_>>().join(", ");
    let mut update = Update::builder()
        .table_name(&world.table)
        .set_key(Some(key("add", sk)))
        .update_expression(format!(
            "SET #once = if_not_exists(#once, :once) ADD {names}"
        ))
        .expression_attribute_names("#once", "lane")
        .expression_attribute_values(":once", text(&format!("of {}", numbers.len())));
    for (place, (name, value)) in numbers.iter().enumerate() {
        update = update
            .expression_attribute_names(format!("#n{place}"), *name)
            .expression_attribute_values(format!(":n{place}"), number(value));
    }
    let update = update.build().unwrap();
    TransactWriteItem::builder().update(update).build()
}

async fn a_transaction_adds_to_numbers_of_a_row_that_may_be_missing(world: World) {
    let first = addition(&world, "A", &[("waiting", "3"), ("calling", "-1")]);
    world.transact(vec![first]).await.unwrap();
    let second = addition(
        &world,
        "A",
        &[("waiting", "-1"), ("done", "1"), ("calling", "1")],
    );
    world.transact(vec![second]).await.unwrap();
    let row = world.row("add", "A").await.unwrap();
    assert_eq!(row["waiting"], number("2"));
    assert_eq!(row["calling"], number("0"));
    assert_eq!(row["done"], number("1"));
    assert_eq!(row["lane"], text("of 2"));

    // With a condition beside it that fails, nothing is added.
    world.put(row_of_two("add", "B")).await;
    let refused = world.new_row(row_of_two("add", "B"));
    let third = addition(&world, "A", &[("waiting", "5")]);
    assert!(world.transact(vec![refused, third]).await.is_err());
    assert_eq!(world.row("add", "A").await.unwrap()["waiting"], number("2"));
}

fn row_of_two(pk: &str, sk: &str) -> Item {
    with(row(pk, sk), "two", number("2"))
}

async fn additions_in_transactions_at_once_all_count(world: World) {
    let add = async |n: usize| {
        // Who collides with another tries again, as the repositories do.
        eventually(|| async {
            let own = world.new_row(row("adds", &format!("own {n}")));
            let add = addition(&world, "at once", &[("n", "1")]);
            match world.transact(vec![own, add]).await {
                Ok(()) => Some(()),
                Err(error) => {
                    let reasons = cancelled(error);
                    let refused = reasons
                        .iter()
                        .any(|reason| reason.code() == Some("ConditionalCheckFailed"));
                    assert!(!refused, "a transaction was written and refused");
                    None
                }
            }
        })
        .await;
    };
    join_all((0..20).map(add)).await;
    let row = world.row("add", "at once").await.unwrap();
    assert_eq!(row["n"], number("20"));
}

async fn a_default_and_an_appended_list_are_written_in_one_update(world: World) {
    for word in ["one", "two"] {
        world
            .client
            .update_item()
            .table_name(&world.table)
            .set_key(Some(key("list", "A")))
            .update_expression(
                "SET words = list_append(if_not_exists(words, :none), :word), origin = if_not_exists(origin, :text)",
            )
            .expression_attribute_values(":none", AttributeValue::L(Vec::new()))
            .expression_attribute_values(":word", AttributeValue::L(vec![text(word)]))
            .expression_attribute_values(":text", text(word))
            .send()
            .await
            .unwrap();
    }
    let row = world.row("list", "A").await.unwrap();
    assert_eq!(
        row["words"],
        AttributeValue::L(vec![text("one"), text("two")])
    );
    assert_eq!(row["origin"], text("one"));
}

async fn a_delete_answers_what_was_deleted_and_honours_its_condition(world: World) {
    world
        .put(with(row("gone", "A"), "version", number("3")))
        .await;
    let delete = |version: &str| {
        world
            .client
            .delete_item()
            .table_name(&world.table)
            .set_key(Some(key("gone", "A")))
            .condition_expression("version = :version")
            .expression_attribute_values(":version", number(version))
            .return_values(ReturnValue::AllOld)
            .send()
    };
    let refused = delete("2").await.unwrap_err().into_service_error();
    assert!(refused.is_conditional_check_failed_exception());
    let deleted = delete("3").await.unwrap().attributes.unwrap();
    assert_eq!(deleted["version"], number("3"));
    assert_eq!(world.row("gone", "A").await, None);
}

async fn a_transaction_writes_everything(world: World) {
    world
        .put(with(row("tx", "UPDATED"), "n", number("1")))
        .await;
    world.put(row("tx", "DELETED")).await;
    let update = Update::builder()
        .table_name(&world.table)
        .set_key(Some(key("tx", "UPDATED")))
        .update_expression("SET n = n + :one")
        .expression_attribute_values(":one", number("1"))
        .build()
        .unwrap();
    let delete = Delete::builder()
        .table_name(&world.table)
        .set_key(Some(key("tx", "DELETED")))
        .build()
        .unwrap();
    let writes = vec![
        world.new_row(row("tx", "NEW")),
        TransactWriteItem::builder().update(update).build(),
        TransactWriteItem::builder().delete(delete).build(),
    ];
    world.transact(writes).await.unwrap();
    assert!(world.row("tx", "NEW").await.is_some());
    assert_eq!(world.row("tx", "UPDATED").await.unwrap()["n"], number("2"));
    assert_eq!(world.row("tx", "DELETED").await, None);
}

async fn a_transaction_that_fails_writes_nothing_and_says_which_part_failed(world: World) {
    world
        .put(with(row("parts", "THERE"), "who", text("first")))
        .await;
    let writes = vec![
        world.new_row(row("parts", "NEW")),
        world.new_row(row("parts", "THERE")),
        world.new_row(row("parts", "OTHER")),
    ];
    let reasons = cancelled(world.transact(writes).await.unwrap_err());
    let codes: Vec<_> = reasons
        .iter()
        .map(|reason| reason.code().unwrap())
        .collect();
    assert_eq!(codes, ["None", "ConditionalCheckFailed", "None"]);
    assert_eq!(reasons[1].item.as_ref().unwrap()["who"], text("first"));
    assert_eq!(world.row("parts", "NEW").await, None);
    assert_eq!(world.row("parts", "OTHER").await, None);
}

async fn a_transaction_checks_rows_that_it_does_not_write(world: World) {
    let check = |state: &str| {
        let check = ConditionCheck::builder()
            .table_name(&world.table)
            .set_key(Some(key("checked", "A")))
            .condition_expression("#s = :s")
            .expression_attribute_names("#s", "state")
            .expression_attribute_values(":s", text(state));
        let check = check.build().unwrap();
        TransactWriteItem::builder().condition_check(check).build()
    };
    world
        .put(with(row("checked", "A"), "state", text("running")))
        .await;
    let write = |sk: &str| world.new_row(row("checked", sk));
    world
        .transact(vec![check("running"), write("B")])
        .await
        .unwrap();
    let refused = world.transact(vec![check("paused"), write("C")]).await;
    let reasons = cancelled(refused.unwrap_err());
    assert_eq!(reasons[0].code(), Some("ConditionalCheckFailed"));
    assert_eq!(world.row("checked", "C").await, None);
}

async fn a_transaction_sent_twice_with_its_token_counts_once(world: World) {
    let token = fresh_name("token");
    for _ in 0..2 {
        let update = Update::builder()
            .table_name(&world.table)
            .set_key(Some(key("twice", "A")))
            .update_expression("ADD n :one")
            .expression_attribute_values(":one", number("1"));
        let update = update.build().unwrap();
        world
            .client
            .transact_write_items()
            .client_request_token(&token)
            .transact_items(TransactWriteItem::builder().update(update).build())
            .send()
            .await
            .unwrap();
    }
    assert_eq!(world.row("twice", "A").await.unwrap()["n"], number("1"));
}

async fn a_token_with_other_content_is_refused(world: World) {
    let token = fresh_name("token");
    let send = |sk: &str| {
        world
            .client
            .transact_write_items()
            .client_request_token(&token)
            .transact_items(world.new_row(row("reused", sk)))
            .send()
    };
    send("A").await.unwrap();
    let refused = send("B").await.unwrap_err().into_service_error();
    assert!(
        refused.is_idempotent_parameter_mismatch_exception(),
        "{refused:?}"
    );
}

async fn a_transaction_may_not_touch_a_row_twice(world: World) {
    let writes = vec![
        TransactWriteItem::builder()
            .put(world.put_of(row("same", "A")))
            .build(),
        TransactWriteItem::builder()
            .put(world.put_of(row("same", "A")))
            .build(),
    ];
    let refused = world.transact(writes).await.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationException"));
}

async fn a_transaction_takes_a_hundred_rows_and_no_more(world: World) {
    let rows = |count: usize| {
        (0..count)
            .map(|index| {
                let put = world.put_of(row("hundred", &index.to_string()));
                TransactWriteItem::builder().put(put).build()
            })
            .collect::<Vec<_>>()
    };
    world.transact(rows(100)).await.unwrap();
    let refused = world.transact(rows(101)).await.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationException"));
}

async fn a_transaction_reads_rows_together(world: World) {
    world.put(row("together", "A")).await;
    let get = |sk: &str| {
        let get = Get::builder().table_name(&world.table);
        let get = get.set_key(Some(key("together", sk))).build().unwrap();
        TransactGetItem::builder().get(get).build()
    };
    let read = world.client.transact_get_items();
    let read = read
        .transact_items(get("A"))
        .transact_items(get("B"))
        .send()
        .await
        .unwrap();
    let found: Vec<_> = read
        .responses()
        .iter()
        .map(|row| row.item.is_some())
        .collect();
    assert_eq!(found, [true, false]);
}

async fn a_batch_writes_twenty_five_rows_and_no_more(world: World) {
    let batch = |count: usize| {
        let writes = (0..count).map(|index| {
            let put = PutRequest::builder().set_item(Some(row("batch", &index.to_string())));
            WriteRequest::builder()
                .put_request(put.build().unwrap())
                .build()
        });
        let batch = world.client.batch_write_item();
        batch.request_items(&world.table, writes.collect()).send()
    };
    let refused = batch(26).await.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationException"));
    let written = batch(25).await.unwrap();
    assert!(written.unprocessed_items.unwrap_or_default().is_empty());
    let count = world
        .partition("batch")
        .select(Select::Count)
        .consistent_read(true);
    assert_eq!(count.send().await.unwrap().count, 25);
}

async fn a_batch_reads_the_rows_that_are_there(world: World) {
    world.put(row("read", "A")).await;
    world.put(row("read", "B")).await;
    let keys = ["A", "B", "C"].map(|sk| key("read", sk)).to_vec();
    let keys = KeysAndAttributes::builder()
        .set_keys(Some(keys))
        .consistent_read(true);
    let batch = world.client.batch_get_item();
    let batch = batch
        .request_items(&world.table, keys.build().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(batch.responses.unwrap()[&world.table].len(), 2);
}

async fn a_batch_reads_a_hundred_rows_and_no_more(world: World) {
    let read = async |rows: u32| {
        let keys = (0..rows).map(|n| key("hundred", &format!("S{n:03}")));
        let keys = KeysAndAttributes::builder().set_keys(Some(keys.collect()));
        let batch = world.client.batch_get_item();
        let batch = batch.request_items(&world.table, keys.build().unwrap());
        batch.send().await
    };
    for n in 0..100 {
        world.put(row("hundred", &format!("S{n:03}"))).await;
    }
    let all = read(100).await.unwrap().responses.unwrap();
    assert_eq!(all[&world.table].len(), 100);
    let refusal = read(101).await.unwrap_err();
    assert_eq!(refusal.code(), Some("ValidationException"));
}

async fn a_partition_is_read_in_pages_both_ways(world: World) {
    for index in 0..7 {
        world.put(row("pages", &format!("S{index}"))).await;
    }
    for (forward, expected) in [
        (true, ["S0", "S1", "S2", "S3", "S4", "S5", "S6"]),
        (false, ["S6", "S5", "S4", "S3", "S2", "S1", "S0"]),
    ] {
        let query = || {
            let query = world.partition("pages").consistent_read(true);
            query.scan_index_forward(forward).limit(3)
        };
        let read = all_pages(query).await;
        let sizes: Vec<_> = read.iter().map(|page| page.items().len()).collect();
        assert_eq!(sizes, [3, 3, 1]);
        assert_eq!(sort_keys(&read), expected);
    }
}

async fn a_range_of_sort_keys_is_read(world: World) {
    for sk in ["CALL", "TURN#000001", "TURN#000002", "TURN#000010", "Z"] {
        world.put(row("range", sk)).await;
    }
    let query = |condition: &str, values: &[(&str, &str)]| {
        let start = world.client.query().table_name(&world.table);
        let start = start.key_condition_expression(format!("pk = :pk AND {condition}"));
        let start = start.expression_attribute_values(":pk", text("range"));
        let query = values.iter().fold(start, |query, (name, value)| {
            query.expression_attribute_values(*name, text(value))
        });
        async move { sort_keys(&[query.consistent_read(true).send().await.unwrap()]) }
    };
    let turns = query("begins_with(sk, :t)", &[(":t", "TURN#")]).await;
    assert_eq!(turns, ["TURN#000001", "TURN#000002", "TURN#000010"]);
    let after = query("sk > :t", &[(":t", "TURN#000001")]).await;
    assert_eq!(after, ["TURN#000002", "TURN#000010", "Z"]);
    let between = [(":a", "TURN#000001"), (":b", "TURN#000002")];
    let between = query("sk BETWEEN :a AND :b", &between).await;
    assert_eq!(between, ["TURN#000001", "TURN#000002"]);
}

async fn a_query_that_finds_nothing_answers_no_page(world: World) {
    let nothing = world.partition("nothing").limit(5).send().await.unwrap();
    assert_eq!(nothing.items().len(), 0);
    assert!(nothing.last_evaluated_key().is_none());
}

async fn a_page_ends_at_a_megabyte(world: World) {
    let large = "x".repeat(300_000);
    for index in 0..5 {
        world
            .put(with(
                row("large", &format!("S{index}")),
                "text",
                text(&large),
            ))
            .await;
    }
    let read = all_pages(|| world.partition("large").consistent_read(true)).await;
    assert!(read.len() >= 2, "one page of 1.5 MB");
    assert!(read[0].items().len() <= 4);
    assert_eq!(sort_keys(&read).len(), 5);
}

async fn a_filter_counts_what_it_passes(world: World) {
    for index in 0..6 {
        let is_even = AttributeValue::Bool(index % 2 == 0);
        world
            .put(with(row("filter", &format!("S{index}")), "even", is_even))
            .await;
    }
    let even = world.partition("filter").filter_expression("even = :yes");
    let even = even.expression_attribute_values(":yes", AttributeValue::Bool(true));
    let even = even
        .select(Select::Count)
        .consistent_read(true)
        .send()
        .await
        .unwrap();
    assert_eq!((even.count, even.scanned_count), (3, 6));
}

async fn a_projection_reads_only_what_was_asked(world: World) {
    world
        .put(with(with(row("some", "A"), "a", text("a")), "b", text("b")))
        .await;
    let read = world
        .partition("some")
        .projection_expression("sk, a")
        .send()
        .await
        .unwrap();
    let expected = HashMap::from([("sk".to_owned(), text("A")), ("a".to_owned(), text("a"))]);
    assert_eq!(read.items(), [expected]);
}

async fn the_index_is_read_in_pages_both_ways(world: World) {
    for index in 0..5 {
        let item = row(&format!("indexed{index}"), "A");
        world
            .put(indexed(item, "calls", &format!("S{index}")))
            .await;
    }
    eventually(async || {
        let read = world.index("calls").send().await.unwrap();
        (read.items().len() == 5).then_some(())
    })
    .await;
    for (forward, expected) in [
        (true, ["S0", "S1", "S2", "S3", "S4"]),
        (false, ["S4", "S3", "S2", "S1", "S0"]),
    ] {
        let read = all_pages(|| world.index("calls").scan_index_forward(forward).limit(2)).await;
        let keys = texts(&read, GSI1_SK);
        assert_eq!(keys, expected);
        // A cursor names the row in the table and in the index.
        let mut names: Vec<_> = read[0].last_evaluated_key().unwrap().keys().collect();
        names.sort();
        assert_eq!(names, [GSI1_PK, GSI1_SK, PK, SK]);
    }
}

async fn rows_without_index_keys_are_not_in_the_index(world: World) {
    world.put(indexed(row("sparse", "IN"), "sparse", "S")).await;
    world
        .put(with(row("sparse", "OUT"), GSI1_PK, text("sparse")))
        .await;
    let found = eventually(async || {
        let read = world.index("sparse").send().await.unwrap();
        (!read.items().is_empty()).then_some(read)
    })
    .await;
    assert_eq!(sort_keys(&[found]), ["IN"]);
}

async fn a_row_moves_in_the_index_when_its_key_changes(world: World) {
    world
        .put(indexed(row("moves", "A"), "state-claimed", "S"))
        .await;
    world
        .client
        .update_item()
        .table_name(&world.table)
        .set_key(Some(key("moves", "A")))
        .update_expression("SET gsi1pk = :new")
        .expression_attribute_values(":new", text("state-ended"))
        .send()
        .await
        .unwrap();
    eventually(async || {
        let here = world.index("state-ended").send().await.unwrap();
        let there = world.index("state-claimed").send().await.unwrap();
        (here.items().len() == 1 && there.items().is_empty()).then_some(())
    })
    .await;
}

async fn a_row_leaves_the_index_with_its_keys(world: World) {
    world.put(indexed(row("leaves", "A"), "leaves", "1")).await;
    let found = async || world.index("leaves").send().await.unwrap().count;
    eventually(async || (found().await == 1).then_some(())).await;
    world.put(row("leaves", "A")).await;
    eventually(async || (found().await == 0).then_some(())).await;
    assert!(world.row("leaves", "A").await.is_some());
}

async fn a_range_of_the_index_is_read(world: World) {
    for sk in ["1b", "5a", "5b", "5c", "9a"] {
        world.put(indexed(row("ranges", sk), "ranges", sk)).await;
    }
    let read = async || {
        let start = world.client.query().table_name(&world.table);
        let found = start
            .index_name(GSI1)
            .key_condition_expression("gsi1pk = :pk AND gsi1sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", text("ranges"))
            .expression_attribute_values(":from", text("5"))
            .expression_attribute_values(":to", text("5b~"))
            .send()
            .await
            .unwrap();
        let pages = [found];
        let read = sort_keys(&pages);
        (read == ["5a", "5b"]).then_some(())
    };
    eventually(read).await;
}

async fn the_index_cannot_be_read_consistently(world: World) {
    let refused = world
        .index("any")
        .consistent_read(true)
        .send()
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Some("ValidationException"));
}

async fn a_row_over_400_kb_is_refused(world: World) {
    let refused = world
        .client
        .put_item()
        .table_name(&world.table)
        .set_item(Some(with(
            row("size", "A"),
            "text",
            text(&"x".repeat(410_000)),
        )))
        .send()
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Some("ValidationException"));
    world
        .put(with(row("size", "B"), "text", text(&"x".repeat(390_000))))
        .await;
}

async fn numbers_keep_38_digits(world: World) {
    let precise = number("12345678901234567890123456789012345678");
    world
        .put(with(row("precise", "A"), "n", precise.clone()))
        .await;
    assert_eq!(world.row("precise", "A").await.unwrap()["n"], precise);
}

async fn bytes_flags_and_nested_values_come_back_as_they_were(world: World) {
    let nested = HashMap::from([
        (
            "bytes".to_owned(),
            AttributeValue::B(Blob::new([0_u8, 255, 7])),
        ),
        ("none".to_owned(), AttributeValue::Null(true)),
        ("yes".to_owned(), AttributeValue::Bool(true)),
        (
            "list".to_owned(),
            AttributeValue::L(vec![text("é ✓"), number("-1.5")]),
        ),
    ]);
    let item = with(row("nested", "A"), "map", AttributeValue::M(nested));
    world.put(item.clone()).await;
    assert_eq!(world.row("nested", "A").await, Some(item));
}

async fn reserved_words_are_usable_through_names(world: World) {
    world.put(row("reserved", "A")).await;
    let update = |expression: &str| {
        let update = world.client.update_item().table_name(&world.table);
        let update = update
            .set_key(Some(key("reserved", "A")))
            .update_expression(expression);
        update.expression_attribute_values(":v", text("v"))
    };
    let refused = update("SET status = :v").send().await.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationException"));
    let named = update("SET #s = :v").expression_attribute_names("#s", "status");
    named.send().await.unwrap();
}

async fn a_value_that_no_expression_uses_is_refused(world: World) {
    let unused = world
        .partition("any")
        .expression_attribute_values(":unused", text("x"));
    let refused = unused.send().await.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationException"));
}

async fn an_empty_key_is_refused_and_an_empty_text_is_not(world: World) {
    let put = world.client.put_item().table_name(&world.table);
    let refused = put.set_item(Some(row("", "A"))).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationException"));
    world.put(with(row("empty", "A"), "text", text(""))).await;
    assert_eq!(world.row("empty", "A").await.unwrap()["text"], text(""));
}

async fn an_empty_set_is_refused(world: World) {
    let item = with(row("set", "A"), "set", AttributeValue::Ss(Vec::new()));
    let put = world.client.put_item().table_name(&world.table);
    let refused = put.set_item(Some(item)).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationException"));
}

/// A write that changes the set of a row that may be missing.
fn set_change(
    world: &World,
    row: &str,
    expression: &str,
    condition: &str,
    member: &str,
) -> TransactWriteItem {
    let update = Update::builder()
        .table_name(&world.table)
        .set_key(Some(key(row, "A")))
        .update_expression(expression)
        .condition_expression(condition)
        .expression_attribute_values(":one", AttributeValue::Ss(vec![member.to_owned()]));
    let update = if condition.contains(":most") {
        update.expression_attribute_values(":most", number("2"))
    } else {
        update
    };
    TransactWriteItem::builder()
        .update(update.build().unwrap())
        .build()
}

async fn a_set_gains_and_loses_members_and_is_gone_with_its_last_one(world: World) {
    let members = async || {
        let row = world.row("members", "A").await?;
        let mut members = row.get("members")?.as_ss().unwrap().clone();
        members.sort_unstable();
        Some(members)
    };
    let nothing = "attribute_not_exists(nothing)";
    let change = async |expression: &str, member: &str| {
        let change = set_change(&world, "members", expression, nothing, member);
        world.transact(vec![change]).await.unwrap();
    };
    // Nothing is lost of a row that is not there.
    change("DELETE members :one", "a").await;
    assert_eq!(members().await, None);
    for member in ["a", "b", "a"] {
        change("ADD members :one", member).await;
    }
    assert_eq!(members().await.unwrap(), ["a", "b"]);
    change("DELETE members :one", "c").await;
    change("DELETE members :one", "a").await;
    assert_eq!(members().await.unwrap(), ["b"]);
    let gone = ConditionCheck::builder()
        .table_name(&world.table)
        .set_key(Some(key("members", "A")))
        .condition_expression("attribute_not_exists(members)")
        .build()
        .unwrap();
    let gone = TransactWriteItem::builder().condition_check(gone).build();
    let early = world.transact(vec![gone.clone()]).await.unwrap_err();
    assert_eq!(cancelled(early)[0].code(), Some("ConditionalCheckFailed"));
    change("DELETE members :one", "b").await;
    assert_eq!(members().await, None);
    world.transact(vec![gone]).await.unwrap();
}

async fn a_condition_counts_the_members_of_a_set(world: World) {
    let room = "attribute_not_exists(members) OR size(members) < :most";
    let add = |member: &str| set_change(&world, "counted", "ADD members :one", room, member);
    for member in ["a", "b"] {
        world.transact(vec![add(member)]).await.unwrap();
    }
    let full = world.transact(vec![add("c")]).await.unwrap_err();
    assert_eq!(cancelled(full)[0].code(), Some("ConditionalCheckFailed"));
}

async fn an_index_key_of_the_wrong_type_is_refused(world: World) {
    let item = with(row("type", "A"), GSI1_PK, number("1"));
    let put = world.client.put_item().table_name(&world.table);
    let refused = put.set_item(Some(item)).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationException"));
}

async fn a_missing_table_is_named_as_such(world: World) {
    let read = world
        .client
        .get_item()
        .table_name("trunkline-no-such-table");
    let refused = read.set_key(Some(key("a", "b"))).send().await.unwrap_err();
    assert!(
        refused
            .into_service_error()
            .is_resource_not_found_exception()
    );
}

async fn rows_expire_by_the_ttl_attribute(world: World) {
    let described = world
        .client
        .describe_time_to_live()
        .table_name(&world.table);
    let described = described
        .send()
        .await
        .unwrap()
        .time_to_live_description
        .unwrap();
    assert_eq!(described.attribute_name(), Some(TTL));
    let status = described.time_to_live_status().unwrap().as_str();
    assert!(matches!(status, "ENABLED" | "ENABLING"), "{status}");
}

async fn the_schema_may_be_created_again(world: World) {
    schema::create_table(&world.client, &world.table)
        .await
        .unwrap();
}

async fn all_pages(query: impl Fn() -> QueryFluentBuilder) -> Vec<QueryOutput> {
    let mut pages = Vec::new();
    let mut from = None;
    loop {
        let page = query().set_exclusive_start_key(from).send().await.unwrap();
        from = page.last_evaluated_key().cloned();
        pages.push(page);
        if from.is_none() {
            return pages;
        }
    }
}

fn sort_keys(pages: &[QueryOutput]) -> Vec<String> {
    texts(pages, SK)
}

fn texts(pages: &[QueryOutput], attribute: &str) -> Vec<String> {
    let items = pages.iter().flat_map(QueryOutput::items);
    items
        .map(|item| item[attribute].as_s().unwrap().clone())
        .collect()
}

fn cancelled(error: SdkError<TransactWriteItemsError>) -> Vec<CancellationReason> {
    let refusal = error.into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = refusal else {
        panic!("another refusal: {refusal:?}");
    };
    cancelled.cancellation_reasons.unwrap()
}

fn key(pk: &str, sk: &str) -> Item {
    HashMap::from([(PK.to_owned(), text(pk)), (SK.to_owned(), text(sk))])
}

fn row(pk: &str, sk: &str) -> Item {
    key(pk, sk)
}

fn with(mut item: Item, name: &str, value: AttributeValue) -> Item {
    item.insert(name.to_owned(), value);
    item
}

fn indexed(item: Item, pk: &str, sk: &str) -> Item {
    with(with(item, GSI1_PK, text(pk)), GSI1_SK, text(sk))
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(digits: &str) -> AttributeValue {
    AttributeValue::N(digits.to_owned())
}
