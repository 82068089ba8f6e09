//! Leads that come late: a campaign that was completed goes on with them, once, and one that is over for good takes
//! nobody.

use futures_util::future::join_all;
use model::{Campaign, CampaignState};
use serde_json::{Value, json};

use super::dialling::Field;
use super::{Answer, World};

/// Tuesday noon in California, where the numbers of these tests are.
const NOON: &str = "2030-02-05T20:00:00Z";

/// A campaign that called its only lead and is completed, and that nobody looks after any more.
async fn completed() -> Box<Field> {
    let world = Box::pin(World::start_at(NOON.parse().unwrap())).await;
    let field = Field::start_in(world, 1, |fields| fields.max_attempts = 1);
    let field = Box::new(Box::pin(field).await);
    Box::pin(is_called_and_completed(&field)).await;
    field
}

async fn is_called_and_completed(field: &Field) {
    assert_eq!(field.dial().await, 1);
    field.all_end("busy").await;
    // It is completed by one step, and taken off the list by the next.
    field.step().await;
    let campaign = field.campaign().await;
    assert_eq!(campaign.state, CampaignState::Completed);
    assert!(campaign.ended_at.is_some());
    field.step().await;
    let active = field.world.parts.store.campaigns.active().await.unwrap();
    assert_eq!(active, []);
}

fn number(n: u32) -> String {
    format!("+1415555{n:04}")
}

async fn add(field: &Field, n: u32) -> Answer {
    let body = json!({ "leads": [{ "number": number(n), "variables": { "name": "Bo" } }] });
    let path = format!("/v1/campaigns/{}/leads", field.campaign);
    field.world.ask("POST", &path, Some(body)).await
}

async fn import(field: &Field, list: &str) -> Answer {
    let path = format!(
        "/v1/campaigns/{}/imports?default_country=US",
        field.campaign
    );
    field
        .world
        .ask_raw(&path, "text/csv", list.to_owned())
        .await
}

/// It runs, by one change since it was completed, and the planner finds it.
async fn runs_again(field: &Field, completed: &Campaign) {
    let campaign = field.campaign().await;
    assert_eq!(campaign.state, CampaignState::Running);
    assert_eq!(campaign.revision, completed.revision + 1);
    assert_eq!(campaign.ended_at, None);
    assert_eq!(
        campaign.last_started_at,
        Some(field.world.parts.clock.now())
    );
    let active = field.world.parts.store.campaigns.active().await.unwrap();
    assert_eq!(active.len(), 1);
    assert_eq!(active[0].state, CampaignState::Running);
    field.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_that_is_added_after_the_end_is_called_and_the_campaign_ends_again() {
    let field = completed().await;
    let before = field.campaign().await;
    field.world.clock.pass(3_600);
    let added = add(&field, 7).await;
    assert_eq!((added.status, &added.json()["added"]), (200, &json!(1)));
    runs_again(&field, &before).await;
    // Its agent is in use again.
    let agent = format!("/v1/agents/{}/archive", before.fields.agent_id.unwrap());
    assert_eq!(field.world.ask("POST", &agent, None).await.code(), "in_use");
    is_called_and_completed(&field).await;
    assert_eq!(field.world.carrier.asked_to_call(), 2);
    field.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_there_already_opens_nothing() {
    let field = completed().await;
    let before = field.campaign().await;
    let added = add(&field, 0).await;
    assert_eq!(added.json()["there_already"], 1, "{}", added.text);
    let list = format!("number\n{}\nno number\n", number(0));
    let imported = import(&field, &list).await.json();
    assert_eq!(imported["state"], "completed", "{imported}");
    assert_eq!(imported["rejected"]["already_in_campaign"], 1);
    assert_eq!(field.campaign().await, before);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_list_that_comes_after_the_end_runs_it_again_and_ends_it_when_it_is_taken_back()
 {
    let field = completed().await;
    let before = field.campaign().await;
    let list = format!("number,name\n{},Ann\n{},Bo\n", number(0), number(1));
    let imported = import(&field, &list).await;
    assert_eq!(imported.json()["added"], 1, "{}", imported.text);
    runs_again(&field, &before).await;
    let path = format!("/v1/imports/{}", imported.id());
    let undone = field.world.ask("DELETE", &path, None).await;
    assert_eq!(undone.status, 202, "{}", undone.text);
    field.world.import_all().await;
    field.step().await;
    assert_eq!(field.campaign().await.state, CampaignState::Completed);
    assert_eq!(field.world.campaigns().sum(field.campaign).await.total(), 1);
    field.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_lists_that_come_at_once_one_opens_it_and_all_come_in() {
    let field = completed().await;
    let before = field.campaign().await;
    let lists: Vec<String> = (1..5)
        .map(|n| format!("number\n{}\n{}\n", number(n), number(100 + n)))
        .collect();
    let imported = join_all(lists.iter().map(|list| import(&field, list))).await;
    for import in imported {
        assert_eq!(import.json()["added"], 2, "{}", import.text);
    }
    runs_again(&field, &before).await;
    assert_eq!(field.world.campaigns().sum(field.campaign).await.waiting, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_that_is_over_for_good_says_so() {
    let field = completed().await;
    let refused = async |says: &str| {
        let list = format!("number\n{}\n", number(1));
        for answer in [add(&field, 1).await, import(&field, &list).await] {
            let told = (answer.status, answer.code());
            assert_eq!(told, (409, "campaign_closed".to_owned()));
            assert!(answer.text.contains(says), "{}", answer.text);
        }
    };
    let campaigns = field.world.campaigns();
    let now = field.world.parts.clock.now();
    let ended = campaigns
        .changed(&field.campaign().await, |after| {
            after.fields.ends_at = Some(now);
        })
        .await;
    refused("`ends_at` is past").await;
    campaigns
        .changed(&ended, |after| {
            after.fields.ends_at = None;
            after.state = CampaignState::Cancelled;
        })
        .await;
    refused("cancelled, and that is for good").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_whose_agent_was_archived_since_does_not_go_on_and_says_why() {
    let field = completed().await;
    let before = field.campaign().await;
    let agent = format!("/v1/agents/{}/archive", before.fields.agent_id.unwrap());
    let archived = field.world.ask("POST", &agent, None).await;
    assert_eq!(archived.status, 200, "{}", archived.text);
    let added = add(&field, 1).await;
    assert_eq!(
        (added.status, added.code()),
        (422, "cannot_start".to_owned())
    );
    assert_eq!(added.fields(), ["/agent_id"]);
    let list = format!("number\n{}\n", number(1));
    let imported: Value = import(&field, &list).await.json();
    assert_eq!(imported["state"], "failed");
    let sentence = imported["problem"]["sentence"].as_str().unwrap();
    assert!(sentence.contains("archived"), "{sentence}");
    assert_eq!(field.campaign().await, before);
    assert_eq!(field.world.campaigns().sum(field.campaign).await.total(), 1);
}
