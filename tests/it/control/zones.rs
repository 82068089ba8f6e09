//! Where people may be: by their number, and by what their list says of them.

use serde_json::{Value, json};

use super::campaigns::Desk;

/// A Tuesday: noon in New York, seven in the morning in Honolulu.
const NOON_IN_NEW_YORK: &str = "2030-01-08T17:00:00Z";
/// Of New York; the list says that they live in Hawaii.
const MOVED_AWAY: &str = "+12122223344";
/// Of Hawaii; the list says that they live in New York.
const MOVED_HERE: &str = "+18085550101";

/// A campaign that runs, with both.
async fn desk(fields: Value) -> Desk {
    let desk = Box::pin(Desk::open(NOON_IN_NEW_YORK.parse().unwrap())).await;
    let changed = desk.patch("*", fields).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let variables = json!({ "name": "Dana" });
    let leads = json!({ "leads": [
        { "number": MOVED_AWAY, "postal_code": "96813", "variables": variables.clone() },
        { "number": MOVED_HERE, "zone": "America/New_York", "variables": variables },
    ] });
    let added = desk.post(&desk.path("/leads"), leads).await;
    assert_eq!(added.json()["added"], 2, "{}", added.text);
    let started = desk.make("/start").await;
    assert_eq!(started.status, 200, "{}", started.text);
    desk
}

async fn permit(desk: &Desk, number: &str) -> Value {
    let number = number.replace('+', "%2B");
    let path = format!(
        "/v1/permits/check?to={number}&campaign_id={}",
        desk.campaign
    );
    desk.world.ask("GET", &path, None).await.json()
}

/// Each zone of a permit with what says that somebody may be there.
fn zones(permit: &Value) -> Vec<String> {
    let zones = permit["zones"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let said = zones.map(|zone| format!("{} by {}", text(&zone["zone"]), text(&zone["source"])));
    said.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_zones_that_somebody_may_be_in_have_to_allow_a_call() {
    let desk = desk(json!({})).await;
    let away = permit(&desk, MOVED_AWAY).await;
    assert_eq!(away["denied_by"], "campaign_window");
    assert_eq!(
        zones(&away),
        ["America/New_York by number", "Pacific/Honolulu by lead"]
    );
    assert_eq!(away["jurisdictions"], json!(["US-HI", "US-NY"]));
    let here = permit(&desk, MOVED_HERE).await;
    assert_eq!(here["denied_by"], "campaign_window");
    assert_eq!(
        zones(&here),
        ["America/New_York by lead", "Pacific/Honolulu by number"]
    );
    // Nine in the morning in Honolulu, the first hour of the campaign there.
    desk.world.clock.pass(2 * 3_600);
    for number in [MOVED_AWAY, MOVED_HERE] {
        let permit = permit(&desk, number).await;
        assert_eq!(permit["allowed"], true, "{permit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_that_trusts_its_list_goes_by_the_leads_own_zone() {
    let desk = desk(json!({ "zones": "lead" })).await;
    let here = permit(&desk, MOVED_HERE).await;
    assert_eq!(here["allowed"], true, "{here}");
    assert_eq!(zones(&here), ["America/New_York by lead"]);
    let away = permit(&desk, MOVED_AWAY).await;
    assert_eq!(away["denied_by"], "campaign_window");
    assert_eq!(zones(&away), ["Pacific/Honolulu by lead"]);
    // The other way round it is the number's again, and the campaign goes on.
    let strict = desk.patch("*", json!({ "zones": "strict" })).await;
    assert_eq!(strict.status, 200, "{}", strict.text);
    assert_eq!(permit(&desk, MOVED_HERE).await["allowed"], false);
    let wrong = desk.patch("*", json!({ "zones": "number" })).await;
    assert_eq!(
        (wrong.status, wrong.fields()),
        (422, vec!["/zones".to_owned()])
    );
}
