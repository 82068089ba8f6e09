//! Which leads and calls of a campaign: by outcome, by rule, by attempt, page by page.

use std::collections::BTreeSet;

use model::{CampaignState, ConsentKind, LeadState};
use serde_json::{Value, json};

use super::World;
use super::campaigns::Desk;
use super::dialling::Field;

/// The ids of a list, read so many at a time.
async fn ids(world: &World, path: &str, query: &str, limit: u32) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    let mut cursor = String::new();
    loop {
        let page = format!("{path}?limit={limit}&{query}{cursor}");
        let answer = world.ask("GET", &page, None).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let page = answer.json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= usize::try_from(limit).unwrap());
        for item in items {
            let id = item["id"].as_str().unwrap().to_owned();
            assert!(ids.insert(id), "nobody comes twice");
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_and_leads_are_found_by_outcome_rule_and_attempt() {
    let field = Field::start(4, |fields| fields.max_concurrent_calls = 2).await;
    let world = &field.world;
    // Two are busy, two more are claimed and turned back because the campaign is paused.
    assert_eq!(field.dial().await, 2);
    field.all_end("busy").await;
    assert_eq!(field.step().await, 2);
    field.becomes(CampaignState::Paused).await;
    world.dial_all().await;
    let leads = format!("/v1/campaigns/{}/leads", field.campaign);
    let of_campaign = format!("campaign_id={}", field.campaign);
    let busy: BTreeSet<String> = field
        .leads()
        .await
        .iter()
        .filter(|row| row.lead.attempts == 1)
        .map(|row| row.lead.id.to_string())
        .collect();
    assert_eq!(busy.len(), 2);
    for limit in [1, 3] {
        let leads = async |query: &str| ids(world, &leads, query, limit).await;
        assert_eq!(leads("attempts_min=1").await, busy);
        assert_eq!(leads("last_outcome=busy&attempts_max=1").await, busy);
        assert_eq!(leads("attempts_max=0").await.len(), 2);
        assert_eq!(leads("attempts_min=2").await.len(), 0);
        // While it is paused that holds all who wait.
        assert_eq!(leads("rule=campaign_state").await.len(), 4);
        assert_eq!(leads("rule=campaign_state&attempts_max=0").await.len(), 2);
        assert_eq!(leads("rule=legal_hours").await.len(), 0);

        let calls = async |query: &str| {
            let query = format!("{of_campaign}&{query}");
            ids(world, "/v1/calls", &query, limit).await
        };
        assert_eq!(calls("").await.len(), 4);
        assert_eq!(calls("outcome=busy").await.len(), 2);
        let turned_back = calls("rule=campaign_state").await;
        assert_eq!(turned_back.len(), 2);
        assert_eq!(
            calls("outcome=campaign_stopped&attempt=1").await,
            turned_back
        );
        assert_eq!(calls("attempt=2").await.len(), 0);
        assert_eq!(calls("state=ended").await.len(), 4);
    }
    // It runs again: what turned them back is still known of those two, and of nobody else.
    field.becomes(CampaignState::Running).await;
    let held = ids(world, &leads, "rule=campaign_state", 2).await;
    assert_eq!(held.len(), 2);
    assert!(held.is_disjoint(&busy));
    // Later each has a second attempt, or the first that counts.
    world.clock.pass(5 * 3_600);
    while field.dial().await > 0 {
        field.all_end("no-answer").await;
    }
    let calls = async |query: String| ids(world, "/v1/calls", &query, 2).await;
    assert_eq!(calls(format!("{of_campaign}&attempt=2")).await.len(), 2);
    assert_eq!(calls(format!("{of_campaign}&attempt=1")).await.len(), 6);
    let one = field.leads().await.remove(0).lead;
    let of_one = format!("lead_id={}", one.id);
    let of_one = calls(of_one).await;
    assert!(of_one.contains(&one.last_call_id.unwrap().to_string()));
    assert_eq!(of_one.len(), 2);
    assert_eq!(ids(world, &leads, "rule=campaign_state", 2).await.len(), 0);
    // Nobody else finds them.
    let path = format!("/v1/calls?{of_campaign}");
    let others = world.other_asks("GET", &path, None).await.json();
    assert_eq!(others, json!({ "items": [], "next_cursor": null }));
    for (path, field) in [
        ("/v1/calls?outcome=won", "outcome"),
        ("/v1/calls?rule=x", "rule"),
        ("/v1/calls?attempt=-1", "attempt"),
        ("/v1/calls?campaign_id=x", "campaign_id"),
    ] {
        let answer = world.ask("GET", path, None).await;
        assert_eq!(
            (answer.status, answer.fields()),
            (422, vec![field.to_owned()])
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_a_closed_hour_holds_is_who_the_progress_counts() {
    // Three at night in California, six in New York.
    let night = "2030-02-05T11:00:00Z".parse().unwrap();
    let desk = Box::pin(Desk::open(night)).await;
    desk.add(0..7).await;
    let started = desk.make("/start").await;
    assert_eq!(started.status, 200, "{}", started.text);
    let due = json!({ "leads": [{ "number": "+12125550100", "due_at": "2030-02-06T11:00:00Z" }] });
    desk.post(&desk.path("/leads"), due).await;
    let held: Value = desk.progress().await["held"].clone();
    let rule = held[0]["rule"].as_str().unwrap().to_owned();
    let leads = async |query: String| ids(&desk.world, &desk.path("/leads"), &query, 3).await;
    let found = leads(format!("rule={rule}")).await;
    assert_eq!(json!(found.len()), held[0]["leads"], "{held}");
    assert_eq!(leads("rule=holiday".to_owned()).await.len(), 0);
    assert_eq!(leads("rule=not_due".to_owned()).await.len(), 1);
    let export = desk.get(&format!("/leads.csv?rule={rule}")).await;
    assert_eq!(export.text.lines().count(), 1 + found.len());
    let path = desk.path("/leads?rule=holiday");
    assert_eq!(desk.world.other_asks("GET", &path, None).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_a_rule_has_ended_is_found_by_it() {
    let field = Field::start(3, |fields| {
        fields.consent_elsewhere = None;
        fields.consent = Some(ConsentKind::Express);
    })
    .await;
    field.step().await;
    let done = field.leads().await;
    assert!(
        done.iter()
            .all(|row| matches!(row.lead.state, LeadState::Done { .. }))
    );
    let leads = format!("/v1/campaigns/{}/leads", field.campaign);
    let query = "rule=consent&result=not_allowed";
    assert_eq!(ids(&field.world, &leads, query, 2).await.len(), 3);
}
