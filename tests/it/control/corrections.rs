//! Corrections of leads: where somebody is, and which number is theirs. Nobody wrong is called, and nobody twice.

use model::{CampaignState, ConsentKind, LeadResult};
use serde_json::{Value, json};

use super::campaigns::{Desk, number};
use super::dialling::Field;
use super::{Answer, World};
use crate::leftovers::Left;

/// Tuesday noon in California.
const NOON: &str = "2030-02-05T20:00:00Z";

async fn patch(world: &World, path: &str, etag: &str, body: Value) -> Answer {
    let headers = [("If-Match", etag)];
    world.ask_with(&headers, "PATCH", path, Some(body)).await
}

/// The path of a number's lead.
async fn lead_of(desk: &Desk, number: &str) -> String {
    let leads = desk.get("/leads?limit=100").await.json();
    let leads = leads["items"].as_array().unwrap();
    let lead = leads.iter().find(|lead| lead["number"] == number).unwrap();
    desk.path(&format!("/leads/{}", lead["id"].as_str().unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_zone_and_a_region_are_corrected_and_the_lead_keeps_its_time() {
    let desk = Box::pin(Desk::open(NOON.parse().unwrap())).await;
    let due_at = "2030-02-07T20:00:00Z";
    let leads = json!({ "leads": [
        { "number": number(1), "due_at": due_at, "region": "US-NV", "country": "US" },
        { "number": number(2) },
    ] });
    assert_eq!(desk.post(&desk.path("/leads"), leads).await.status, 200);
    let path = lead_of(&desk, &number(1)).await;
    let read = desk.world.ask("GET", &path, None).await.json();
    assert_eq!(read["jurisdictions"], json!(["US-CA", "US-NV"]));
    let body = json!({ "zone": "America/New_York", "region": "US-NY" });
    let changed = patch(&desk.world, &path, "\"0\"", body).await;
    assert_eq!(
        (changed.status, changed.etag.as_deref()),
        (200, Some("\"1\""))
    );
    let lead = changed.json();
    let zones = json!(["America/Los_Angeles", "America/New_York"]);
    assert_eq!(lead["zones"], zones);
    assert_eq!(lead["jurisdictions"], json!(["US-CA", "US-NY"]));
    assert_eq!(
        (&lead["region"], &lead["country"]),
        (&json!("US-NY"), &json!("US"))
    );
    assert_eq!(lead["due_at"], due_at);
    // Counts are those of the lanes as they are.
    let progress = desk.progress().await;
    let waiting = |zones: &[&str]| -> u64 {
        let lanes = progress["lanes"].as_array().unwrap().iter();
        let lanes = lanes.filter(|lane| lane["zones"] == json!(zones));
        lanes.map(|lane| lane["waiting"].as_u64().unwrap()).sum()
    };
    assert_eq!(waiting(&["America/Los_Angeles", "America/New_York"]), 1);
    assert_eq!(waiting(&["America/Los_Angeles"]), 1);
    // What is taken back is what the number says.
    let body = json!({ "zone": null, "region": null });
    let changed = patch(&desk.world, &path, "\"1\"", body).await.json();
    assert_eq!(changed["zones"], json!(["America/Los_Angeles"]));
    assert_eq!(changed["jurisdictions"], json!(["US-CA"]));
    for (body, field) in [
        (json!({ "zone": "EST" }), "/zone"),
        (json!({ "region": "US-ZZ" }), "/region"),
        (json!({ "region": "Nevada" }), "/region"),
        (json!({ "country": "ZZ" }), "/country"),
        (json!({ "postal_code": "9".repeat(13) }), "/postal_code"),
        (json!({ "postal_code": "<b>" }), "/postal_code"),
        (json!({ "number": "+19005550100" }), "/number"),
    ] {
        let refused = patch(&desk.world, &path, "*", body).await;
        assert_eq!(
            (refused.status, refused.fields()),
            (422, vec![field.to_owned()])
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_corrected_number_is_called_and_the_wrong_one_never_again() {
    let desk = Box::pin(Desk::open(NOON.parse().unwrap())).await;
    let world = &desk.world;
    desk.add(0..2).await;
    assert_eq!(desk.make("/start").await.status, 200);
    let (wrong, right) = (number(0), number(9));
    let path = lead_of(&desk, &wrong).await;
    let moved = patch(world, &path, "\"0\"", json!({ "number": right })).await;
    assert_eq!(moved.status, 200, "{}", moved.text);
    let moved = moved.json();
    assert_eq!(
        (&moved["number"], &moved["state"]),
        (&json!(right), &json!("waiting"))
    );
    assert_eq!(moved["variables"]["name"], "N0");
    // The same request once more finds that it was done.
    let again = patch(world, &path, "\"0\"", json!({ "number": right })).await;
    assert_eq!(again.code(), "revision_changed");
    let stays = world.ask("GET", &path, None).await.json();
    assert_eq!(
        (&stays["state"], &stays["result"]),
        (&json!("done"), &json!("renumbered"))
    );
    assert_eq!(stays["moved_to"], moved["id"]);
    // A list that still has the wrong number brings nobody back, and neither number is added twice.
    assert_eq!(desk.add(0..1).await.json()["there_already"], 1);
    assert_eq!(desk.add(9..10).await.json()["there_already"], 1);
    // The other lead cannot get it.
    let other = lead_of(&desk, &number(1)).await;
    let taken = patch(world, &other, "*", json!({ "number": right })).await;
    assert_eq!(
        (taken.status, taken.code().as_str()),
        (409, "number_in_campaign")
    );
    // Nor one that must not be called.
    let path_of_entry = format!("/v1/suppressions/{}", number(8));
    let put = world.ask("PUT", &path_of_entry, None).await;
    assert_eq!(put.status, 201, "{}", put.text);
    let refused = patch(world, &other, "*", json!({ "number": number(8) })).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (422, "number_suppressed")
    );

    world.leaves(Left::NOTHING.calls(2));
    scheduler::step(&world.scheduler).await.unwrap();
    world.dial_all().await;
    assert_eq!(world.carrier.asked_to_call(), 2);
    let called: Vec<String> = (0..2)
        .map(|place| world.carrier.form(place)["To"].clone())
        .collect();
    assert!(
        called.contains(&right) && !called.contains(&wrong),
        "{called:?}"
    );
    // Nobody is corrected while they are called.
    let path = lead_of(&desk, &right).await;
    let refused = patch(world, &path, "*", json!({ "number": number(7) })).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (409, "lead_not_waiting")
    );
    let leads = desk.progress().await["leads"].clone();
    assert_eq!((&leads["total"], &leads["calling"]), (&json!(3), &json!(2)));
    assert_eq!(leads["done"]["renumbered"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_given_back_has_its_attempts_again() {
    let world = Box::pin(World::start_at(NOON.parse().unwrap())).await;
    let field = Box::pin(Field::start_in(world, 1, |_fields| ())).await;
    assert_eq!(field.dial().await, 1);
    field.all_end("busy").await;
    let wrong = field.lead(0).await;
    let lead = |id: &str| format!("/v1/campaigns/{}/leads/{id}", field.campaign);
    let path = lead(&wrong.id.to_string());
    let world = &field.world;
    let moved = patch(world, &path, "*", json!({ "number": number(9) })).await;
    assert_eq!((moved.status, &moved.json()["attempts"]), (200, &json!(0)));
    assert_eq!(moved.json()["last_outcome"], "busy");
    field.check().await;
    let back = json!({ "number": wrong.number.as_str() });
    let back = patch(world, &lead(&moved.id()), "*", back).await;
    assert_eq!((back.status, &back.json()["attempts"]), (200, &json!(1)));
    assert_eq!(back.id(), wrong.id.to_string());
    assert_eq!(back.json()["moved_to"], Value::Null);
    field.check().await;
    let counts = world.campaigns().sum(field.campaign).await;
    assert_eq!(counts.done, [(LeadResult::Renumbered, 1)].into());
    assert_eq!((counts.waiting, counts.total()), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lacked_a_consent_is_called_once_it_is_there_though_the_campaign_was_completed() {
    let world = Box::pin(World::start_at(NOON.parse().unwrap())).await;
    let field = Box::pin(Field::start_in(world, 1, |fields| {
        fields.consent_elsewhere = None;
        fields.consent = Some(ConsentKind::Express);
    }))
    .await;
    // Ended by the first step, completed by the second.
    field.step().await;
    field.step().await;
    let before = field.campaign().await;
    assert_eq!(before.state, CampaignState::Completed);
    let lead = field.lead(0).await;
    let path = format!("/v1/campaigns/{}/leads/{}", field.campaign, lead.id);
    let world = &field.world;
    let nothing = patch(world, &path, "*", json!({ "priority": "high" })).await;
    assert_eq!(
        (nothing.status, nothing.code().as_str()),
        (409, "lead_not_waiting")
    );
    let consent = json!({ "consent": { "kind": "written", "source": "form" } });
    let corrected = patch(world, &path, "*", consent).await;
    assert_eq!(corrected.json()["state"], "waiting", "{}", corrected.text);
    assert_eq!(corrected.json()["held_by"], Value::Null);
    let campaign = field.campaign().await;
    assert_eq!(campaign.state, CampaignState::Running);
    assert_eq!(
        (campaign.revision, campaign.ended_at),
        (before.revision + 1, None)
    );
    field.check().await;
    assert_eq!(field.dial().await, 1);
    field.all_end("busy").await;
    field.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_campaign_takes_no_correction_that_would_call_somebody() {
    let desk = Box::pin(Desk::open(NOON.parse().unwrap())).await;
    desk.add(0..1).await;
    assert_eq!(desk.make("/start").await.status, 200);
    desk.make("/cancel").await;
    let path = lead_of(&desk, &number(0)).await;
    let refused = patch(&desk.world, &path, "*", json!({ "number": number(9) })).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (409, "campaign_closed")
    );
    assert_eq!(desk.progress().await["leads"]["total"], 1);
}
