//! Agents, prompts and numbers that are archived: readable, out of the lists, and used for nothing new.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join;
use model::{AgentId, CampaignId, CampaignState};
use serde_json::{Value, json};
use store::{BindingRefused, USES_MAX, Usable, UsedBy};

use super::campaigns::Desk;
use super::dialling::Field;
use super::{Answer, OUR_NUMBER, THEIR_NUMBER, World, any_hour};
use crate::leftovers::Left;

impl World {
    async fn shelve(&self, path: &str, verb: &str) -> Answer {
        self.ask("POST", &format!("{path}/{verb}"), None).await
    }

    async fn archived(&self, path: &str) -> Answer {
        let answer = self.shelve(path, "archive").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(answer.json()["archived_at"].is_string(), "{}", answer.text);
        answer
    }

    async fn unarchived(&self, path: &str) -> Answer {
        let answer = self.shelve(path, "unarchive").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json()["archived_at"], Value::Null, "{}", answer.text);
        answer
    }

    /// The ids that a list answers.
    async fn ids(&self, list: &str) -> Vec<String> {
        let answer = self.ask("GET", list, None).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let json = answer.json();
        let items = json["items"].as_array().unwrap().iter();
        items
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect()
    }

    async fn number_id(&self) -> String {
        self.ids("/v1/numbers").await.remove(0)
    }
}

/// Pointers and codes of the fields that a problem names.
fn faults(answer: &Answer) -> Vec<(String, String)> {
    let json = answer.json();
    let errors = json["errors"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    errors
        .map(|error| (text(&error["pointer"]), text(&error["code"])))
        .collect()
}

/// What a refused archiving says uses the thing: kind and id.
fn used_by(answer: &Answer) -> BTreeSet<(String, String)> {
    assert_eq!((answer.status, answer.code()), (409, "in_use".to_owned()));
    let json = answer.json();
    let users = json["used_by"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    users
        .map(|user| (text(&user["kind"]), text(&user["id"])))
        .collect()
}

fn user(kind: &str, id: &str) -> (String, String) {
    (kind.to_owned(), id.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn an_agent_is_archived_when_nothing_uses_it_and_taken_back() {
    let desk = Desk::start().await;
    let world = &desk.world;
    world.leaves(Left::NOTHING.calls(1).dials(1));
    let agent = format!("/v1/agents/{}", desk.agent);
    let number = world.number_id().await;

    // It answers a number, and a draft names it.
    let refused = world.shelve(&agent, "archive").await;
    let expected = [user("campaign", &desk.campaign), user("number", &number)];
    assert_eq!(used_by(&refused), expected.into());
    assert_eq!(world.ids("/v1/agents").await, [desk.agent.as_str()]);

    let deleted = world.ask("DELETE", &desk.path(""), None).await;
    assert_eq!(deleted.status, 204, "{}", deleted.text);
    let refused = world.shelve(&agent, "archive").await;
    assert_eq!(used_by(&refused), [user("number", &number)].into());
    world.archived(&format!("/v1/numbers/{number}")).await;

    let before = world.ask("GET", &agent, None).await;
    let archived = world.archived(&agent).await;
    assert_ne!(archived.etag, before.etag);
    // Once more is nothing new.
    let again = world.archived(&agent).await;
    assert_eq!(again.text, archived.text);

    // Readable, and in the list of what is archived.
    let read = world.ask("GET", &agent, None).await;
    assert_eq!((read.status, &read.text), (200, &archived.text));
    assert!(world.ids("/v1/agents").await.is_empty());
    let listed = world.ids("/v1/agents?archived=true").await;
    assert_eq!(listed, [desk.agent.as_str()]);
    let unknown = world.ask("GET", "/v1/agents?archived=maybe", None).await;
    assert_eq!(
        (unknown.status, unknown.code()),
        (422, "invalid".to_owned())
    );

    // Not for calls, campaigns, numbers, and not to be changed.
    let archived = vec![user("/agent_id", "archived")];
    let call = json!({
        "to": THEIR_NUMBER, "kind": "information",
        "agent_id": desk.agent,
        "variables": { "name": "Ada" },
        "override": any_hour(),
    });
    for (path, body) in [
        ("/v1/campaigns", desk.body()),
        (
            "/v1/numbers",
            json!({ "number": "+14155550188", "agent_id": desk.agent }),
        ),
    ] {
        let refused = desk.post(path, body).await;
        assert_eq!((refused.status, faults(&refused)), (422, archived.clone()));
    }
    let etag = read.etag.unwrap();
    let headers = [("If-Match", etag.as_str())];
    let patch = Some(json!({ "name": "b" }));
    let refused = world.ask_with(&headers, "PATCH", &agent, patch).await;
    assert_eq!(
        (refused.status, refused.code()),
        (409, "archived".to_owned())
    );

    // Taken back, everything is as it was; the number that it answered comes back to it.
    let number = format!("/v1/numbers/{number}");
    let refused = world.shelve(&number, "unarchive").await;
    assert_eq!((refused.status, faults(&refused)), (422, archived.clone()));
    world.unarchived(&agent).await;
    world.unarchived(&number).await;
    let made = desk.post("/v1/calls", call).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let refused = world.shelve(&agent, "archive").await;
    assert_eq!(used_by(&refused).len(), 1);

    // Another tenant finds nothing to archive.
    let path = format!("{agent}/archive");
    assert_eq!(world.other_asks("POST", &path, None).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_cannot_be_made_with_an_archived_agent_and_past_ones_show_theirs() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let agent = world.agent().await;
    let call = world.call(&agent).await;
    let number = world.number_id().await;
    let other = json!({ "number": "+14155550177" });
    let other = world.ask("POST", "/v1/numbers", Some(other)).await;
    assert_eq!(other.status, 201, "{}", other.text);
    world.archived(&format!("/v1/numbers/{number}")).await;
    let path = format!("/v1/agents/{agent}");
    world.archived(&path).await;

    let body = json!({ "to": THEIR_NUMBER, "kind": "information", "agent_id": agent, "override": any_hour() });
    let refused = world.ask("POST", "/v1/calls", Some(body)).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert_eq!(faults(&refused), [user("/agent_id", "archived")]);

    // What was begun before keeps what it was made with.
    let read = world.ask("GET", &format!("/v1/calls/{call}"), None).await;
    assert_eq!(read.json()["agent_id"], agent.as_str());
    assert_eq!(world.ask("GET", &path, None).await.status, 200);
    assert_eq!(world.dial_all().await, 1);
    assert_eq!(world.told(&call).await, "placed");
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_prompt_is_archived_when_no_agent_uses_it_and_taken_back() {
    let world = World::start().await;
    let agent = world.agent().await;
    let number = format!("/v1/numbers/{}", world.number_id().await);
    let agent_path = format!("/v1/agents/{agent}");
    let read = world.ask("GET", &agent_path, None).await.json();
    let id = read["prompt_id"].as_str().unwrap().to_owned();
    let prompt = format!("/v1/prompts/{id}");

    let refused = world.shelve(&prompt, "archive").await;
    assert_eq!(used_by(&refused), [user("agent", &agent)].into());

    world.archived(&number).await;
    world.archived(&agent_path).await;
    let archived = world.archived(&prompt).await;
    assert_eq!(world.archived(&prompt).await.text, archived.text);
    assert!(world.ids("/v1/prompts").await.is_empty());
    assert_eq!(world.ids("/v1/prompts?archived=true").await, [id.as_str()]);
    let read = world.ask("GET", &prompt, None).await;
    assert_eq!(read.status, 200, "{}", read.text);
    assert!(read.json()["archived_at"].is_string(), "{}", read.text);

    // No version, no agent.
    let texts = json!({ "name": "p", "system": "s", "greeting": "g" });
    let path = format!("{prompt}/versions");
    let refused = world.ask("POST", &path, Some(texts.clone())).await;
    assert_eq!(
        (refused.status, refused.code()),
        (409, "archived".to_owned())
    );
    let archived = vec![user("/prompt_id", "archived")];
    let body = json!({ "name": "b", "prompt_id": id });
    let refused = world.ask("POST", "/v1/agents", Some(body)).await;
    assert_eq!((refused.status, faults(&refused)), (422, archived.clone()));
    let refused = world.shelve(&agent_path, "unarchive").await;
    assert_eq!((refused.status, faults(&refused)), (422, archived));

    world.unarchived(&prompt).await;
    world.unarchived(&agent_path).await;
    let version = world.ask("POST", &path, Some(texts)).await;
    assert_eq!(
        (version.status, version.json()["version"].as_u64()),
        (201, Some(2))
    );
    assert_eq!(world.ids("/v1/prompts").await, [id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_changes_its_prompt_lets_the_other_one_go() {
    let world = World::start().await;
    let agent = world.agent().await;
    let path = format!("/v1/agents/{agent}");
    let read = world.ask("GET", &path, None).await;
    let before = read.json()["prompt_id"].as_str().unwrap().to_owned();
    let texts = json!({ "name": "q", "system": "s", "greeting": "g" });
    let after = world.ask("POST", "/v1/prompts", Some(texts)).await.id();
    let headers = [("If-Match", read.etag.as_deref().unwrap())];
    let patch = Some(json!({ "prompt_id": after }));
    let changed = world.ask_with(&headers, "PATCH", &path, patch).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let refused = world
        .shelve(&format!("/v1/prompts/{after}"), "archive")
        .await;
    assert_eq!(used_by(&refused), [user("agent", &agent)].into());
    world.archived(&format!("/v1/prompts/{before}")).await;
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn an_archived_number_neither_calls_nor_is_answered() {
    let desk = Desk::start().await;
    let world = &desk.world;
    let id = world.number_id().await;
    let number = format!("/v1/numbers/{id}");
    let mut body = desk.body();
    body["numbers"] = json!([OUR_NUMBER]);
    let named = desk.post("/v1/campaigns", body.clone()).await;
    assert_eq!(named.status, 201, "{}", named.text);

    // A campaign that was started names it.
    let desk = Desk {
        campaign: named.id(),
        ..desk
    };
    let world = &desk.world;
    desk.add(0..1).await;
    let started = desk.make("/start").await;
    assert_eq!(started.status, 200, "{}", started.text);
    let refused = world.shelve(&number, "archive").await;
    assert_eq!(used_by(&refused), [user("campaign", &desk.campaign)].into());
    assert_eq!(desk.make("/cancel").await.status, 200);

    let archived = world.archived(&number).await;
    assert_eq!(world.archived(&number).await.text, archived.text);
    assert!(world.ids("/v1/numbers").await.is_empty());
    assert_eq!(world.ids("/v1/numbers?archived=true").await, [id]);
    let read = world.ask("GET", &number, None).await;
    assert_eq!((read.status, read.text), (200, archived.text));

    let refused = desk.post("/v1/campaigns", body).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert_eq!(faults(&refused), [user("/numbers/0", "archived")]);
    let mut call = json!({
        "to": THEIR_NUMBER, "kind": "information", "agent_id": desk.agent, "variables": { "name": "N" },
        "override": any_hour(), "from": OUR_NUMBER,
    });
    let refused = desk.post("/v1/calls", call.clone()).await;
    assert_eq!(faults(&refused), [user("/from", "archived")]);
    call.as_object_mut().unwrap().remove("from");
    let refused = desk.post("/v1/calls", call).await;
    assert_eq!(faults(&refused), [user("/from", "missing")]);

    let voice = super::callbacks::voice_fields("CA00000000000000000000000000000a11", "inbound");
    let answer = world.webhook("/carriers/twilio/voice", &voice).await;
    assert!(answer.text.contains("<Reject"), "{}", answer.text);
    world.unarchived(&number).await;
    assert_eq!(world.ids("/v1/numbers").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_that_is_over_lets_its_agent_go() {
    let field = Field::start(2, |_fields| ()).await;
    let world = &field.world;
    let agent = field.campaign().await.fields.agent_id.unwrap();
    let path = format!("/v1/agents/{agent}");
    let number = world.number_id().await;
    world.archived(&format!("/v1/numbers/{number}")).await;
    let campaign = field.campaign.to_string();
    for state in [CampaignState::Paused, CampaignState::Running] {
        field.becomes(state).await;
        let refused = world.shelve(&path, "archive").await;
        assert_eq!(used_by(&refused), [user("campaign", &campaign)].into());
    }
    field.becomes(CampaignState::Completed).await;
    world.archived(&path).await;

    // Its leads are not called again by it either.
    let again = format!("/v1/campaigns/{campaign}/redial");
    let body = Some(json!({ "results": ["cancelled"] }));
    let refused = world.ask("POST", &again, body).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert_eq!(faults(&refused), [user("/agent_id", "archived")]);
}

/// Whoever looks before they write may be overtaken between the two: the write itself is refused.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_binding_and_an_archiving_at_once_one_is_refused() {
    let desk = Desk::start().await;
    let world = &desk.world;
    let store = &world.parts.store;
    let agent: AgentId = desk.agent.parse().unwrap();
    let draft: CampaignId = desk.campaign.parse().unwrap();
    let draft = store
        .campaigns
        .get(world.tenant, draft)
        .await
        .unwrap()
        .unwrap();
    store.campaigns.delete(&draft).await.unwrap();
    let number = world.number_id().await;
    world.archived(&format!("/v1/numbers/{number}")).await;

    let before = store
        .agents
        .get(world.tenant, agent)
        .await
        .unwrap()
        .unwrap();
    let mut archived = before.clone();
    archived.archived_at = Some(world.parts.clock.now());
    archived.revision += 1;
    let mut other = draft.clone();
    other.id = world.parts.ids.fresh(CampaignId::from_parts);

    // The campaign first.
    store.campaigns.create(&other, None).await.unwrap();
    let refused = store.agents.replace(world.tenant, &before, &archived).await;
    assert!(matches!(refused, Err(BindingRefused::InUse)), "{refused:?}");
    let uses = store
        .uses
        .of(world.tenant, Usable::Agent(agent))
        .await
        .unwrap();
    assert_eq!(uses, [UsedBy::Campaign(other.id)].into());
    store.campaigns.delete(&other).await.unwrap();

    // The archiving first.
    let shelved = store.agents.replace(world.tenant, &before, &archived).await;
    shelved.unwrap();
    other.id = world.parts.ids.fresh(CampaignId::from_parts);
    let refused = store.campaigns.create(&other, None).await;
    assert!(
        matches!(refused, Err(BindingRefused::Archived)),
        "{refused:?}"
    );

    // Both at once, time and again: never a campaign with an archived agent.
    let path = format!("/v1/agents/{agent}");
    let (mut made, mut shelved) = (0, 0);
    for _round in 0..12 {
        world.unarchived(&path).await;
        let create = desk.post("/v1/campaigns", desk.body());
        let (campaign, archive) = join(create, world.shelve(&path, "archive")).await;
        let read = world.ask("GET", &path, None).await.json();
        if campaign.status == 201 {
            made += 1;
            assert_eq!(archive.code(), "in_use", "{}", archive.text);
            assert_eq!(read["archived_at"], Value::Null);
            let path = format!("/v1/campaigns/{}", campaign.id());
            assert_eq!(world.ask("DELETE", &path, None).await.status, 204);
        } else {
            shelved += 1;
            assert_eq!(faults(&campaign), [user("/agent_id", "archived")]);
            assert!(read["archived_at"].is_string());
        }
    }
    assert_eq!(made + shelved, 12);
}

/// A campaign that an older version made is entered nowhere: what looks again before each call holds it back.
#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_whose_binding_was_never_entered_does_not_call_with_an_archived_agent() {
    let field = Field::start(3, |_fields| ()).await;
    field
        .world
        .leaves(Left::NOTHING.calls(3).dials(3).errors(1));
    let world = &field.world;
    let agent = field.campaign().await.fields.agent_id.unwrap();
    let key = [
        ("pk", format!("T#{}#AGENT#{agent}", world.tenant)),
        ("sk", "USES".to_owned()),
    ];
    let key = key.map(|(name, value)| (name.to_owned(), AttributeValue::S(value)));
    let table = world.own.clients.dynamodb.delete_item();
    let table = table.table_name(&world.own.names.table);
    table.set_key(Some(key.into())).send().await.unwrap();

    let path = format!("/v1/agents/{agent}");
    world.archived(&path).await;
    assert_eq!(field.step().await, 0);
    assert_eq!(world.carrier.asked_to_call(), 0);
    world.unarchived(&path).await;
    assert_eq!(field.step().await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_campaigns_as_may_be_use_an_agent_and_no_more() {
    let desk = Desk::start().await;
    let world = &desk.world;
    let many = (0..u128::from(USES_MAX)).map(|n| CampaignId::from_parts(1, n << 16).to_string());
    let row = [
        (
            "pk",
            AttributeValue::S(format!("T#{}#AGENT#{}", world.tenant, desk.agent)),
        ),
        ("sk", AttributeValue::S("USES".to_owned())),
        ("used_by", AttributeValue::Ss(many.collect())),
    ];
    let row = row.map(|(name, value)| (name.to_owned(), value));
    let put = world.own.clients.dynamodb.put_item();
    let put = put.table_name(&world.own.names.table);
    put.set_item(Some(row.into())).send().await.unwrap();

    let refused = desk.post("/v1/campaigns", desk.body()).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert_eq!(faults(&refused), [user("/agent_id", "out_of_range")]);
    // The answer to who uses it is cut, and says so.
    let agent = format!("/v1/agents/{}", desk.agent);
    let refused = world.shelve(&agent, "archive").await.json();
    assert_eq!(refused["used_by"].as_array().unwrap().len(), 100);
    assert_eq!(refused["omitted"], u64::from(USES_MAX) - 100);
    let title = refused["title"].as_str().unwrap();
    assert!(title.contains("1000 campaigns"), "{title}");
}
