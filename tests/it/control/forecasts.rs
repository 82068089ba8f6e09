//! `POST /v1/campaigns/{id}/simulate` over stored leads, contacts and calls.

use model::{
    Campaign, CampaignId, Lane, Lead, LeadState, PhoneNumber, Suppression, SuppressionReason,
};
use serde_json::{Value, json};

use super::{OUR_NUMBER, World};

const FROM: &str = "2026-03-02T00:00:00Z";

/// A draft with so many leads, half of them in California and half in New York.
async fn campaign(world: &World, leads: u32) -> Campaign {
    let campaigns = world.campaigns();
    let campaign = campaigns.draft().await;
    let leads: Vec<Lead> = (0..leads).map(|n| lead(world, &campaign, n)).collect();
    campaigns.add(&campaign, &leads).await;
    campaign
}

fn number(n: u32) -> PhoneNumber {
    let area = if n.is_multiple_of(2) { 415 } else { 212 };
    format!("+1{area}555{n:04}").parse().unwrap()
}

fn lead(world: &World, campaign: &Campaign, n: u32) -> Lead {
    let now = world.parts.clock.now();
    let (zone, state) = if n.is_multiple_of(2) {
        ("America/Los_Angeles", "US-CA")
    } else {
        ("America/New_York", "US-NY")
    };
    let number = number(n);
    Lead {
        lane: Lane::new(vec![zone.to_owned()], vec![state.to_owned()]),
        // The run begins before now: a lead that was imported late is due late.
        state: LeadState::Waiting {
            due_at: FROM.parse().unwrap(),
        },
        ..support::lead(campaign.id, number, now)
    }
}

fn sum(counts: &Value) -> u64 {
    let counts = counts.as_object().unwrap().values();
    counts.map(|count| count.as_u64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_is_simulated_before_anyone_is_called() {
    let world = World::start().await;
    let campaign = campaign(&world, 120).await;
    let store = &world.parts.store;
    let mut contact = store.contacts.get(world.tenant, &number(7)).await.unwrap();
    contact.version += 1;
    contact.suppression = Some(Suppression {
        reason: SuppressionReason::Manual,
        at: world.parts.clock.now(),
        note: None,
        call_id: None,
    });
    store
        .contacts
        .replace(world.tenant, &number(7), &contact, None)
        .await
        .unwrap();
    let path = format!("/v1/campaigns/{}/simulate", campaign.id);
    let ask = json!({ "from": FROM, "days": 7, "seed": 7 });
    let answer = world.ask("POST", &path, Some(ask.clone())).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let forecast = answer.json();
    assert_eq!(forecast["basis"]["kind"], "assumptions");
    assert_eq!(forecast["leads"]["total"], 120);
    assert_eq!(forecast["leads"]["waiting"], 0);
    assert_eq!(forecast["leads"]["called"], 119);
    assert_eq!(forecast["skipped"]["suppressed"], 1);
    assert!(forecast["finish"]["expected_at"].is_string());
    assert_eq!(forecast["concurrency"]["limit"], 5);
    assert_eq!(forecast["sample"], Value::Null);

    let again = world.ask("POST", &path, Some(ask)).await;
    assert_eq!(answer.text, again.text);
    let calls = store.calls.list(world.tenant, None, 10).await.unwrap();
    assert!(calls.items.is_empty(), "somebody was called");
    let counts = store.leads.counts(world.tenant, campaign.id).await.unwrap();
    assert_eq!(
        counts.iter().map(|lane| lane.counts.waiting).sum::<u64>(),
        120
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_campaign_is_a_sample_and_says_so() {
    let world = World::start().await;
    let campaign = campaign(&world, 300).await;
    let path = format!("/v1/campaigns/{}/simulate", campaign.id);
    let ask = json!({ "from": FROM, "max_leads": 50 });
    let forecast = world.ask("POST", &path, Some(ask)).await.json();
    assert_eq!(forecast["sample"], json!({ "simulated": 50, "of": 300 }));
    let leads = &forecast["leads"];
    assert_eq!(leads["total"], 300);
    let waiting = leads["waiting"].as_u64().unwrap();
    assert_eq!(sum(&leads["done"]) + waiting, 300);
    assert!(forecast["assumptions"].to_string().contains("sample"));
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_taken_to_be_as_in_the_calls_of_the_past() {
    let world = World::start().await;
    let (call, sid) = world.placed_call().await;
    world.status(&call, &sid, "no-answer", "2").await;
    let campaign = campaign(&world, 4).await;
    let path = format!("/v1/campaigns/{}/simulate", campaign.id);
    let ask = |more: Value| {
        let mut ask = json!({ "from": FROM });
        ask.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        ask
    };
    let forecast = world.ask("POST", &path, Some(ask(json!({})))).await.json();
    assert_eq!(forecast["basis"], json!({ "kind": "history", "calls": 1 }));
    // The tenant's number, as the campaign names none.
    assert_eq!(forecast["our_numbers"]["given"], 1);
    let by_hand = json!({ "model": { "attempts": { "busy": 1 }, "unreachable": 0, "fax": 0 } });
    let forecast = world.ask("POST", &path, Some(ask(by_hand))).await.json();
    assert_eq!(forecast["basis"], json!({ "kind": "by_hand" }));
    let outcomes = &forecast["calls"]["by_outcome"];
    assert_eq!(outcomes, &json!({ "busy": 12 }));
    assert!(!forecast.to_string().contains(OUR_NUMBER));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_simulated_is_named() {
    let world = World::start().await;
    let campaign = campaign(&world, 1).await;
    let path = format!("/v1/campaigns/{}/simulate", campaign.id);
    for (ask, field) in [
        (json!({ "days": 0 }), "/days"),
        (json!({ "days": 367 }), "/days"),
        (json!({ "max_leads": 0 }), "/max_leads"),
        (json!({ "max_leads": 50_001 }), "/max_leads"),
        (json!({ "from": "soon" }), "/from"),
        (json!({ "model": { "opt_out": 2 } }), "/model/opt_out"),
        (json!({ "model": { "attempts": {} } }), "/model/attempts"),
        (
            json!({ "prices": { "currency": "usd" } }),
            "/prices/currency",
        ),
        (json!({ "speed": 2 }), "/speed"),
    ] {
        let answer = world.ask("POST", &path, Some(ask)).await;
        assert_eq!((answer.status, answer.code()), (422, "invalid".to_owned()));
        assert_eq!(answer.fields(), [field]);
    }
    let nobodys = CampaignId::from_parts(0, 1);
    let path_of_nobody = format!("/v1/campaigns/{nobodys}/simulate");
    let answer = world.ask("POST", &path_of_nobody, Some(json!({}))).await;
    assert_eq!(answer.status, 404);
    let answer = world.other_asks("POST", &path, Some(json!({}))).await;
    assert_eq!(answer.status, 404);
}
