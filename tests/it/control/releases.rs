//! Installations of older versions go on with this one, and rows of newer versions are left alone.
//!
//! The rows are in `tests/it/releases`, as the older programs wrote them before they were killed.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use model::{CampaignId, CampaignState, Outcome, PhoneNumber, Rule, TenantId};
use serde_json::{Value, json};
use service::call::media::{MediaError, OpenError};
use store::StoreError;

use super::callbacks::voice_fields;
use super::dialling::Field;
use super::sessions::{media, open, token_in};
use super::{World, carrier};
use crate::leftovers::Left;

type Row = HashMap<String, AttributeValue>;

/// What was kept of an installation.
struct Kept {
    at: Timestamp,
    rows: Vec<Row>,
    messages: Vec<(String, String)>,
}

impl Kept {
    fn read(text: &str) -> Self {
        // Slots and pace are the account's: the one that the carrier of this world knows.
        let json: Value =
            serde_json::from_str(&text.replace(SIMULATED_ACCOUNT, carrier::ACCOUNT)).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let messages = json["messages"].as_array().unwrap().iter();
        let rows = json["rows"].as_array().unwrap().iter();
        Self {
            at: Timestamp::from_second(json["at"].as_i64().unwrap()).unwrap(),
            rows: rows.map(fields).collect(),
            messages: messages
                .map(|message| (text(&message["queue"]), text(&message["body"])))
                .collect(),
        }
    }

    /// Rows with this sort key, or with one that begins with it and a `#`.
    fn rows(&self, word: &str) -> impl Iterator<Item = &Row> {
        let is = move |row: &&Row| text(row, "sk").split('#').next() == Some(word);
        self.rows.iter().filter(is)
    }

    /// Puts everything where the older version had it, and sets the clock to some time later.
    async fn load(&self, world: &mut World, later: SignedDuration) {
        for row in &self.rows {
            put(world, row.clone()).await;
        }
        for (queue, body) in &self.messages {
            let url = match queue.as_str() {
                "trunkline-dial" => &world.own.queues.dial,
                "trunkline-import" => &world.own.queues.imports,
                "trunkline-recordings" => &world.own.queues.recordings,
                other => panic!("there is no {other}"),
            };
            let send = world.own.clients.sqs.send_message().queue_url(url);
            send.message_body(body).send().await.unwrap();
        }
        *world.clock.0.lock().unwrap() = self.at.checked_add(later).unwrap();
        let owner = self.rows("OWNER").next().unwrap();
        world.tenant = text(owner, "tenant_id").parse().unwrap();
    }
}

/// What a row of a newer version says of itself.
const NEWER: [(&str, &str); 2] = [("shape", "99"), ("shape_min", "98")];

/// The account of the carrier that the older programs simulated.
const SIMULATED_ACCOUNT: &str = "AC51000000000000000000000000000051";
const FIRST_KEY: &str = "key-of-the-first-installation";
const SECOND_KEY: &str = "key-of-the-second-installation";

/// Eight hours later than it was, which is late in the morning where the people live: calls of then are
/// placed by the rules of now.
fn single_calls() -> Kept {
    let text = include_str!("../releases/single-calls.json");
    let mut kept = Kept::read(&text.replace("2026-11-21T10:", "2026-11-21T18:"));
    kept.at = kept.at.checked_add(SignedDuration::from_hours(8)).unwrap();
    kept
}

fn campaign() -> Kept {
    Kept::read(include_str!("../releases/campaign.json"))
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_before_campaigns_are_read_placed_resumed_and_end() {
    let kept = single_calls();
    let mut world = World::start().await;
    kept.load(&mut world, SignedDuration::from_mins(1)).await;
    let ask = async |path: &str| {
        let answer = world.ask_as(FIRST_KEY, "GET", path, None, &[]).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.json()
    };

    // Everything is there by the key of then.
    let calls = ask("/v1/calls?limit=100").await;
    assert_eq!(
        calls["items"].as_array().unwrap().len(),
        kept.rows("CALL").count()
    );
    for call in calls["items"].as_array().unwrap() {
        ask(&format!("/v1/calls/{}", call["id"].as_str().unwrap())).await;
    }
    for agent in ask("/v1/agents").await["items"].as_array().unwrap() {
        ask(&format!("/v1/agents/{}", agent["id"].as_str().unwrap())).await;
    }
    for prompt in ask("/v1/prompts").await["items"].as_array().unwrap() {
        ask(&format!("/v1/prompts/{}", prompt["id"].as_str().unwrap())).await;
    }
    assert_eq!(
        ask("/v1/numbers").await["items"].as_array().unwrap().len(),
        1
    );

    // Nobody has said what the calls are for that wait in the queue, or that anybody agreed to them: none is placed.
    world.dial_all().await;
    assert_eq!(world.carrier.asked_to_call(), 0);
    for (_queue, body) in &kept.messages {
        let call = serde_json::from_str::<Value>(body).unwrap()["call_id"].clone();
        let call = world.row(call.as_str().unwrap()).await.call;
        assert_eq!(call.outcome, Some(Outcome::NotPermitted));
        assert_eq!(call.permit.unwrap().denied_by, Some(Rule::Consent));
    }
    let media = media(&world);

    // The call that rang is not picked up; the one that talked is resumed with what was said.
    let in_state = |state: &str| {
        let row = kept.rows("CALL").find(|row| text(row, "state") == state);
        let row = row.unwrap();
        (text(row, "id"), text(row, "carrier_call_id"))
    };
    let (rings, sid) = in_state("ringing");
    world.status(&rings, &sid, "no-answer", "3").await;
    let outcome = world.row(&rings).await.call.outcome;
    assert_eq!(outcome, Some(Outcome::NoAnswer));
    let (talks, sid) = in_state("answered");
    let path = format!("/carriers/twilio/resume/{}/{talks}", world.tenant);
    let answer = world
        .webhook(&path, &voice_fields(&sid, "outbound-api"))
        .await;
    let token = token_in(&answer.text);
    let call = talks.parse().unwrap();
    let session = open(&media, world.tenant, call, token, &sid).await.unwrap();
    let said = kept
        .rows("TURN")
        .filter(|row| text(row, "pk").contains(&talks));
    assert_eq!(session.history.len(), said.count());
    assert_eq!(session.key.session, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_that_an_older_version_began_is_called_to_its_end() {
    let kept = campaign();
    let mut world = World::start().await;
    world.leaves(Left::NOTHING.imports(1));
    kept.load(&mut world, SignedDuration::from_secs(30)).await;
    let running = kept
        .rows("CAMPAIGN")
        .find(|row| text(row, "state") == "running");
    let campaign: CampaignId = text(running.unwrap(), "id").parse().unwrap();
    let leads: Vec<&Row> = kept
        .rows
        .iter()
        .filter(|row| text(row, "sk").starts_with("lead_"))
        .collect();
    let numbers = leads.iter().map(|row| text(row, "number").parse().unwrap());
    let numbers: Vec<PhoneNumber> = numbers.collect();
    let field = Field::of(world, campaign, numbers);
    field.check().await;

    let world = &field.world;
    for path in [
        "/v1/campaigns",
        "/v1/suppressions",
        &format!("/v1/campaigns/{campaign}"),
        &format!("/v1/campaigns/{campaign}/progress"),
        &format!("/v1/campaigns/{campaign}/leads?limit=100"),
        &format!("/v1/campaigns/{campaign}/imports"),
        &format!("/v1/campaigns/{campaign}/amd"),
        &format!(
            "/v1/imports/{}/rejects",
            text(kept.rows("IMPORT").next().unwrap(), "id")
        ),
    ] {
        let answer = world.ask_as(SECOND_KEY, "GET", path, None, &[]).await;
        // Rejects are a file in the bucket, which is another engine's.
        let expected = if path.ends_with("/rejects") { 307 } else { 200 };
        assert_eq!(answer.status, expected, "{path}: {}", answer.text);
    }

    // It calls nobody before it says what it is for, and that their consent is kept elsewhere.
    scheduler::tick(&world.scheduler).await.unwrap();
    let waiting = async || world.campaigns().sum(campaign).await.waiting;
    let waited = waiting().await;
    assert!(waited > 0);
    scheduler::tick(&world.scheduler).await.unwrap();
    assert_eq!(waiting().await, waited);
    let own = format!("/v1/campaigns/{campaign}");
    let says = json!({
        "kind": "information",
        "consent_elsewhere": { "kind": "express", "reason": "signed forms" },
    });
    for (method, path, body) in [
        ("POST", format!("{own}/pause"), None),
        ("PATCH", own.clone(), Some(says)),
        ("POST", format!("{own}/resume"), None),
    ] {
        let headers = [("If-Match", "*")];
        let answer = world
            .ask_as(SECOND_KEY, method, &path, body, &headers)
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    // Whoever was on the phone hangs up; everybody else is called until nobody is left.
    let live = field.live().await.len();
    assert!(live > 1);
    assert_eq!(field.all_end("completed").await, live);
    field.check().await;
    let mut rounds = 0;
    while field.campaign().await.state == CampaignState::Running {
        scheduler::tick(&world.scheduler).await.unwrap();
        world.dial_all().await;
        field.check().await;
        field.all_end("busy").await;
        field.check().await;
        world.clock.pass(3_600);
        rounds += 1;
        assert!(rounds < 100, "the campaign does not end");
    }
    assert_eq!(field.campaign().await.state, CampaignState::Completed);
    let progress = format!("/v1/campaigns/{campaign}/progress");
    let progress = world
        .ask_as(SECOND_KEY, "GET", &progress, None, &[])
        .await
        .json();
    let told = &progress["leads"];
    assert_eq!((&told["waiting"], &told["calling"]), (&0.into(), &0.into()));
    assert_eq!(told["total"], leads.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_a_newer_version_is_refused_by_everybody_and_left_as_it_is() {
    let world = World::start().await;
    world.own.leaves_unseen();
    let (call, sid) = world.placed_call().await;
    let newer = changed(&world, &call, "CALL", &NEWER).await;
    let read = world.ask("GET", &format!("/v1/calls/{call}"), None).await;
    assert_eq!((read.status, read.code().as_str()), (503, "newer_version"));
    let listed = world.ask("GET", "/v1/calls", None).await;
    assert_eq!(
        (listed.status, listed.code().as_str()),
        (503, "newer_version")
    );
    let hung_up = world
        .ask("POST", &format!("/v1/calls/{call}/hangup"), None)
        .await;
    assert_eq!(hung_up.status, 503);
    // The carrier repeats its webhook and the queue its message: until the newer version is back.
    assert_eq!(
        world.status(&call, &sid, "completed", "3").await.status,
        503
    );
    assert!(world.deliver(&world.dial_message(&call)).await);
    assert_eq!(row(&world, &call, "CALL").await, newer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_version_can_say_that_this_one_can_work_with_its_rows() {
    let world = World::start().await;
    let (call, sid) = world.placed_call().await;
    let said = [("shape", "99"), ("shape_min", "1")];
    changed(&world, &call, "CALL", &said).await;
    assert_eq!(world.status(&call, &sid, "busy", "3").await.status, 204);
    assert_eq!(world.told(&call).await, "ended busy");
    // What this version wrote is of this version.
    assert!(!row(&world, &call, "CALL").await.contains_key("shape"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_newer_versions_session_is_not_used_up() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let (call, sid) = world.placed_call().await;
    let newer = changed(&world, &call, "SNAPSHOT", &NEWER).await;
    let token = token_in(&world.carrier.form(0)["Twiml"]);
    let media = media(&world);
    let refused = open(&media, world.tenant, call.parse().unwrap(), token, &sid).await;
    let told = matches!(
        refused,
        Err(OpenError::Store(MediaError::Unavailable(
            StoreError::Newer { .. }
        )))
    );
    assert!(told, "{:?}", refused.err());
    assert_eq!(row(&world, &call, "SNAPSHOT").await, newer);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_change_is_written_when_one_of_its_rows_is_of_a_newer_version() {
    let field = Field::start(2, |_fields| {}).await;
    field.world.leaves(Left::NOTHING.calls(2).errors(3));
    let world = &field.world;
    assert_eq!(field.dial().await, 2);
    let partition = format!("T#{}#CAMPAIGN#{}", world.tenant, field.campaign);
    let counts = world
        .own
        .clients
        .dynamodb
        .query()
        .table_name(&world.own.names.table)
        .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
        .expression_attribute_values(":pk", AttributeValue::S(partition.clone()))
        .expression_attribute_values(":sk", AttributeValue::S("COUNT#".to_owned()));
    for mut count in counts.send().await.unwrap().items.unwrap() {
        count.insert("shape".to_owned(), AttributeValue::N("2".to_owned()));
        put(world, count).await;
    }
    let before = everything(world).await;
    for (call, sid) in field.live().await {
        let told = world.status(&call, &sid.unwrap(), "busy", "3").await;
        assert_eq!(told.status, 503, "{}", told.text);
    }
    assert_eq!(everything(world).await, before);

    // A planning step passes the campaign over, and would not write over a newer note either.
    field.step().await;
    let plan = row_at(world, &partition, "PLAN").await;
    let newer = with(plan, &[("shape", "2")]);
    put(world, newer.clone()).await;
    let campaign = field.campaign;
    let note = store::PlanNote::default();
    let refused = world
        .parts
        .store
        .plans
        .put(world.tenant, campaign, &note)
        .await;
    assert!(
        matches!(refused, Err(StoreError::Newer { what: "plan" })),
        "{refused:?}"
    );
    let refused = world.parts.store.plans.remove(world.tenant, campaign).await;
    assert!(
        matches!(refused, Err(StoreError::Newer { what: "plan" })),
        "{refused:?}"
    );
    assert_eq!(row_at(world, &partition, "PLAN").await, newer);
}

/// Puts a call's row back with other numbers in it; answers it as it is then.
async fn changed(world: &World, call: &str, sort_key: &str, numbers: &[(&str, &str)]) -> Row {
    let changed = with(row(world, call, sort_key).await, numbers);
    put(world, changed.clone()).await;
    changed
}

fn with(mut row: Row, numbers: &[(&str, &str)]) -> Row {
    for (name, number) in numbers {
        row.insert((*name).to_owned(), AttributeValue::N((*number).to_owned()));
    }
    row
}

async fn row(world: &World, call: &str, sort_key: &str) -> Row {
    let tenant: TenantId = world.tenant;
    row_at(world, &format!("T#{tenant}#CALL#{call}"), sort_key).await
}

async fn row_at(world: &World, partition: &str, sort_key: &str) -> Row {
    let get = world
        .own
        .clients
        .dynamodb
        .get_item()
        .table_name(&world.own.names.table);
    let get = get.key("pk", AttributeValue::S(partition.to_owned()));
    let get = get.key("sk", AttributeValue::S(sort_key.to_owned()));
    get.consistent_read(true)
        .send()
        .await
        .unwrap()
        .item
        .unwrap()
}

async fn everything(world: &World) -> Vec<Row> {
    let scan = world
        .own
        .clients
        .dynamodb
        .scan()
        .table_name(&world.own.names.table);
    let mut rows = scan
        .consistent_read(true)
        .send()
        .await
        .unwrap()
        .items
        .unwrap();
    rows.sort_by_key(|row| (text(row, "pk"), text(row, "sk")));
    rows
}

async fn put(world: &World, row: Row) {
    let put = world
        .own
        .clients
        .dynamodb
        .put_item()
        .table_name(&world.own.names.table);
    put.set_item(Some(row)).send().await.unwrap();
}

fn text(row: &Row, name: &str) -> String {
    row[name].as_s().unwrap().clone()
}

fn fields(row: &Value) -> Row {
    let fields = row.as_object().unwrap().iter();
    fields
        .map(|(name, value)| (name.clone(), attribute(value)))
        .collect()
}

/// An attribute as DynamoDB's JSON has it.
fn attribute(value: &Value) -> AttributeValue {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    let text = || value.as_str().unwrap().to_owned();
    match kind.as_str() {
        "S" => AttributeValue::S(text()),
        "N" => AttributeValue::N(text()),
        "BOOL" => AttributeValue::Bool(value.as_bool().unwrap()),
        "NULL" => AttributeValue::Null(true),
        "L" => AttributeValue::L(value.as_array().unwrap().iter().map(attribute).collect()),
        "M" => AttributeValue::M(fields(value)),
        other => panic!("no row of ours has {other}"),
    }
}
