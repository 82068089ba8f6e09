//! What calls are for, and who has agreed to them.

use serde_json::{Value, json};
use service::account::access::Role;
use settings::Secret;

use super::campaigns::{Desk, number};
use super::{THEIR_NUMBER, keys};

/// A Sunday, two in the afternoon in Utah and three in South Dakota's east.
const SUNDAY: &str = "2030-01-06T21:00:00Z";
const IN_UTAH: &str = "+18015550123";
const IN_SOUTH_DAKOTA: &str = "+16055550123";

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_says_what_it_is_for_before_it_starts() {
    let desk = Desk::start().await;
    desk.add(0..1).await;
    assert_eq!(desk.patch("*", json!({ "kind": null })).await.status, 200);
    let started = desk.make("/start").await;
    assert_eq!(started.code(), "cannot_start");
    assert_eq!(started.fields(), ["/kind"], "{}", started.text);
    let wrong = desk.patch("*", json!({ "kind": "gossip" })).await;
    assert_eq!(
        (wrong.status, wrong.fields()),
        (422, vec!["/kind".to_owned()])
    );
    assert_eq!(
        desk.patch("*", json!({ "kind": "survey" })).await.status,
        200
    );
    assert_eq!(desk.make("/start").await.status, 200);
    // Not while it calls.
    let locked = desk.patch("*", json!({ "kind": "sales" })).await;
    assert_eq!(locked.code(), "fields_locked");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_called_without_the_consent_that_is_needed() {
    let desk = Box::pin(Desk::open("2030-01-08T20:00:00Z".parse().unwrap())).await;
    let changed = desk.patch("*", json!({ "consent_elsewhere": null })).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let lead = |n: u32, consent: Value| json!({ "number": number(n), "variables": { "name": "Dana" }, "consent": consent });
    let leads = json!({ "leads": [
        lead(1, json!({ "kind": "express", "source": "a form" })),
        lead(2, json!(null)),
        lead(3, json!({ "kind": "written", "at": "2040-01-01T00:00:00Z" })),
    ] });
    let added = desk.post(&desk.path("/leads"), leads).await;
    assert_eq!(added.json()["added"], 3, "{}", added.text);

    // To sell something, only the one in writing is enough, and that is not given yet.
    assert_eq!(
        desk.patch("*", json!({ "kind": "sales" })).await.status,
        200
    );
    let permit = async |n: u32| {
        let (number, campaign) = (number(n).replace('+', "%2B"), &desk.campaign);
        let path = format!("/v1/permits/check?to={number}&campaign_id={campaign}");
        desk.world.ask("GET", &path, None).await.json()
    };
    for n in 1..=3 {
        assert_eq!(permit(n).await["denied_by"], "consent");
    }
    let informs = desk.patch("*", json!({ "kind": "information" })).await;
    assert_eq!(informs.status, 200, "{}", informs.text);
    let started = desk.make("/start").await;
    assert_eq!(started.status, 200, "{}", started.text);
    let warnings = started.json()["warnings"].to_string();
    let lacking = "1 of 3 leads lack the express consent that is needed: they end as not_allowed";
    assert!(warnings.contains(lacking), "{warnings}");
    assert_eq!(permit(1).await["allowed"], true);
    for n in 2..=3 {
        assert_eq!(permit(n).await["denied_by"], "consent");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_that_could_call_nobody_does_not_start() {
    let desk = Desk::start().await;
    desk.add(0..2).await;
    let sales =
        json!({ "kind": "sales", "consent_elsewhere": { "kind": "express", "reason": "forms" } });
    assert_eq!(desk.patch("*", sales).await.status, 200);
    let started = desk.make("/start").await;
    assert_eq!(started.code(), "cannot_start");
    assert_eq!(started.fields(), ["/consent"], "{}", started.text);
    let says = "nobody could be called: 2 of 2 leads lack the written consent";
    assert!(started.text.contains(says), "{}", started.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_answers_for_consent_that_is_kept_elsewhere() {
    let desk = Box::pin(Desk::open("2030-01-08T20:00:00Z".parse().unwrap())).await;
    desk.add(0..1).await;
    let world = &desk.world;
    let owner = world.parts.store.accounts.owner().await.unwrap().unwrap();
    let secret = Secret::new("tk_supervisor".to_owned());
    keys(&world.parts)
        .add_key(owner.tenant_id, owner.user_id, Role::Supervisor, &secret)
        .await
        .unwrap();
    let as_supervisor = async |body: Value| {
        let headers = [("If-Match", "*")];
        let path = desk.path("");
        world
            .ask_as("tk_supervisor", "PATCH", &path, Some(body), &headers)
            .await
    };
    let elsewhere =
        |reason: &str| json!({ "consent_elsewhere": { "kind": "written", "reason": reason } });
    let refused = as_supervisor(elsewhere("trust me")).await;
    assert_eq!(
        (refused.status, refused.code()),
        (403, "forbidden".to_owned())
    );
    // Whoever leaves it as it is may change other things, and take it away.
    assert_eq!(
        as_supervisor(json!({ "max_attempts": 2 })).await.status,
        200
    );
    assert_eq!(
        as_supervisor(json!({ "consent_elsewhere": null }))
            .await
            .status,
        200
    );
    let nobody = "key_01j0000000000000000000000a";
    let forged = json!({ "consent_elsewhere": { "kind": "express", "reason": "signed forms", "by": nobody } });
    let said = desk.patch("*", forged).await;
    assert_eq!(said.status, 200, "{}", said.text);
    let by = said.json()["consent_elsewhere"]["by"].clone();
    assert_ne!(by, nobody);
    let blank = desk.patch("*", elsewhere(" ")).await;
    assert_eq!(blank.fields(), ["/consent_elsewhere/reason"]);

    assert_eq!(desk.make("/start").await.status, 200);
    let (number, campaign) = (number(0).replace('+', "%2B"), &desk.campaign);
    let path = format!("/v1/permits/check?to={number}&campaign_id={campaign}");
    let permit = world.ask("GET", &path, None).await.json();
    let checks = permit["checks"].as_array().unwrap();
    let check = checks
        .iter()
        .find(|check| check["rule"] == "consent")
        .unwrap();
    let because = check["because"].as_str().unwrap();
    let says = format!(
        "express consent is needed, express consent is kept elsewhere: signed forms (said by {})",
        by.as_str().unwrap()
    );
    assert_eq!((because, &check["passed"]), (says.as_str(), &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_call_has_a_kind_and_needs_consent() {
    let desk = Box::pin(Desk::open("2030-01-08T20:00:00Z".parse().unwrap())).await;
    desk.world
        .leaves(crate::leftovers::Left::NOTHING.calls(1).dials(1));
    let call = |kind: &str, consent: Value| {
        json!({
            "to": THEIR_NUMBER, "agent_id": desk.agent, "kind": kind, "consent": consent,
            "variables": { "name": "Dana" },
        })
    };
    let mut without = call("information", Value::Null);
    without.as_object_mut().unwrap().remove("kind");
    let refused = desk.post("/v1/calls", without).await;
    assert_eq!(
        (refused.status, refused.fields()),
        (422, vec!["/kind".to_owned()])
    );
    for (kind, consent) in [
        ("information", Value::Null),
        ("sales", json!({ "kind": "express" })),
    ] {
        let refused = desk.post("/v1/calls", call(kind, consent)).await;
        assert_eq!(
            (refused.status, refused.code()),
            (409, "not_permitted".to_owned())
        );
        assert!(refused.text.contains("`consent`"), "{}", refused.text);
    }
    let agreed = json!({ "kind": "express", "source": "a form" });
    let made = desk.post("/v1/calls", call("information", agreed)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.json()["kind"], "information");
    assert_eq!(made.json()["consent"]["source"], "a form");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_sunday_states_that_forbid_it_are_not_sold_to() {
    let desk = Box::pin(Desk::open(SUNDAY.parse().unwrap())).await;
    let check = async |number: &str, rest: &str| {
        let number = number.replace('+', "%2B");
        let path = format!("/v1/permits/check?to={number}{rest}");
        desk.world.ask("GET", &path, None).await.json()
    };
    for (number, rest, denied_by) in [
        // Nobody says what for, or that anybody has agreed.
        (IN_UTAH, "", json!("consent")),
        (IN_SOUTH_DAKOTA, "", json!("consent")),
        // Utah lets those be called who have agreed, South Dakota nobody by such a voice.
        (IN_UTAH, "&kind=sales&consent=written", json!(null)),
        (
            IN_SOUTH_DAKOTA,
            "&kind=sales&consent=written",
            json!("legal_hours"),
        ),
        (
            IN_SOUTH_DAKOTA,
            "&kind=information&consent=express",
            json!(null),
        ),
        (IN_UTAH, "&kind=emergency", json!(null)),
    ] {
        let permit = check(number, rest).await;
        assert_eq!(permit["denied_by"], denied_by, "{number}{rest}: {permit}");
        assert_eq!(permit["allowed"], denied_by.is_null(), "{number}{rest}");
    }
    let campaign = format!("&kind=sales&campaign_id={}", desk.campaign);
    let both = check(IN_UTAH, &campaign).await;
    assert_eq!(both["errors"][0]["code"], "conflict", "{both}");
}
