//! Who is held while there is no media worker presses a key: the one that opts out is heard.

use std::sync::Arc;

use carrier::instructions::Instruction;
use model::{LeadResult, LeadState};
use serde_json::json;
use service::HOLDS_MAX;
use service::call::callbacks::Callbacks;
use store::Store;

use super::callbacks::voice_fields;
use super::carrier::ACCOUNT;
use super::dialling::Field;
use super::imports::faults::{Faults, When};
use super::workforce::{only_call, redirect};
use super::{Answer, THEIR_NUMBER, World};
use crate::leftovers::Left;
use crate::template::iam::Who;

const SID: &str = "CA0000000000000000000000000000abcd";
const LAST_WORDS: &str =
    "<Say language=\"en\">I understand. We will not call you again. Goodbye.</Say><Hangup/>";

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn who_presses_the_key_while_held_is_not_called_again() {
    let field = Field::start(1, |fields| fields.max_attempts = 3).await;
    field.dial().await;
    let world = &field.world;
    let [(call, Some(sid))] = &field.live().await[..] else {
        panic!("the lead is being called");
    };
    world.status(call, sid, "in-progress", "2").await;
    world.without_worker().await;
    let path = held(world, &resume(world, call), sid, "outbound-api").await;
    // The carrier may repeat what was answered too late, and at once.
    let presses = std::iter::repeat_with(|| pressed(world, &path, sid, "outbound-api", "9"));
    for answer in futures_util::future::join_all(presses.take(3)).await {
        assert!(answer.text.contains(LAST_WORDS), "{}", answer.text);
    }
    assert_eq!(world.told(call).await, "ended opted_out");
    let contacts = &world.parts.store.contacts;
    let number = &field.lead(0).await.number;
    let contact = contacts.get(world.tenant, number).await.unwrap();
    let suppression = contact.suppression.unwrap();
    assert_eq!(suppression.reason.code(), "keypad");
    assert_eq!(suppression.call_id.unwrap().to_string(), *call);
    let LeadState::Done { result, .. } = field.lead(0).await.state else {
        panic!("the lead is done: {:?}", field.lead(0).await.state);
    };
    assert_eq!(result, LeadResult::OptedOut);

    // What comes while the last words are said neither cuts them short nor changes the end.
    let amd = format!("/carriers/twilio/amd/{}/{call}", world.tenant);
    let verdict = [
        ("CallSid", &**sid),
        ("AccountSid", ACCOUNT),
        ("AnsweredBy", "human"),
    ];
    assert_eq!(world.webhook(&amd, &verdict).await.status, 204);
    assert_eq!(world.carrier.hung_up(), [""; 0]);
    world.status(call, sid, "completed", "3").await;
    assert_eq!(world.told(call).await, "ended opted_out");
    field.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_other_key_holds_on() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let (call, sid) = world.placed_call().await;
    world.status(&call, &sid, "in-progress", "2").await;
    world.without_worker().await;
    let mut path = held(&world, &resume(&world, &call), &sid, "outbound-api").await;
    for (round, key) in (2..).zip(["1", "#", "*", "12345678"]) {
        let answer = pressed(&world, &path, &sid, "outbound-api", key).await;
        path = redirect(&world, &answer.text);
        assert!(path.ends_with(&format!("?held={round}")), "{path}");
    }
    // What the carrier never sends, and what it did not sign, changes nothing.
    let garbled = pressed(&world, &path, &sid, "outbound-api", "nine").await;
    assert_eq!(
        (garbled.status, garbled.code()),
        (400, "form_field_invalid".to_owned())
    );
    let forged = keyed(&sid, "outbound-api", "9");
    let forged = world.webhook_signed(&path, &forged, Some("AAAA")).await;
    assert_eq!(forged.status, 403);
    let other = pressed(&world, &path, SID, "outbound-api", "9").await;
    assert_eq!(
        (other.status, other.code()),
        (409, "call_mismatch".to_owned())
    );
    assert_eq!(world.told(&call).await, "answered");
    assert_eq!(suppression(&world).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_and_the_last_words_are_the_campaigns() {
    let field = Field::start(1, |fields| {
        fields.opt_out.key = Some('#');
        fields.opt_out.acknowledgement = Some("So be it, {{name}}.".to_owned());
    })
    .await;
    field.dial().await;
    let world = &field.world;
    let [(call, Some(sid))] = &field.live().await[..] else {
        panic!("the lead is being called");
    };
    world.status(call, sid, "in-progress", "2").await;
    world.without_worker().await;
    let path = held(world, &resume(world, call), sid, "outbound-api").await;
    let answer = pressed(world, &path, sid, "outbound-api", "9").await;
    let path = redirect(world, &answer.text);
    let answer = pressed(world, &path, sid, "outbound-api", "#").await;
    assert!(
        answer.text.contains("So be it, Dana.</Say><Hangup/>"),
        "{}",
        answer.text
    );
    assert_eq!(world.told(call).await, "ended opted_out");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_calls_us_and_is_held_is_heard_as_well() {
    let world = World::start().await;
    world.without_worker().await;
    world.agent().await;
    world.carrier.inbound(SID);
    let path = held(&world, "/carriers/twilio/voice", SID, "inbound").await;
    let call = only_call(&world).await;
    for _ in 0..2 {
        let answer = pressed(&world, &path, SID, "inbound", "9").await;
        assert!(answer.text.contains(LAST_WORDS), "{}", answer.text);
    }
    assert_eq!(world.told(&call).await, "ended opted_out");
    assert_eq!(suppression(&world).await.json()["call_id"], json!(call));
    assert_eq!(world.parts.store.inbound.live().await.unwrap(), []);
}

/// They press it and hang up, and the carrier tells the end first.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_comes_when_the_call_is_over_counts() {
    let world = World::start().await;
    let (call, sid) = world.placed_call().await;
    world.status(&call, &sid, "in-progress", "2").await;
    world.without_worker().await;
    let path = held(&world, &resume(&world, &call), &sid, "outbound-api").await;
    world.status(&call, &sid, "completed", "3").await;
    assert_eq!(world.told(&call).await, "ended no_capacity");
    pressed(&world, &path, &sid, "outbound-api", "9").await;
    assert_eq!(world.told(&call).await, "ended opted_out");
    assert_eq!(suppression(&world).await.json()["reason"], "keypad");
}

/// Whatever request to storage fails, they are held on and asked for nothing again.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_storage_did_not_take_is_kept_until_it_does() {
    let world = World::start().await;
    let (call, sid) = world.placed_call().await;
    world.status(&call, &sid, "in-progress", "2").await;
    world.without_worker().await;
    held(&world, &resume(&world, &call), &sid, "outbound-api").await;
    let parts = &world.parts;
    let callbacks = |store: &Store| {
        let clock = Arc::clone(&parts.clock);
        let (carrier, links) = (parts.carrier.clone(), parts.links.clone());
        Callbacks::new(store, carrier, links, clock, parts.ids.clone())
    };
    let id = call.parse().unwrap();
    let carrier_call = sid.parse().unwrap();
    let mut kept = None;
    let mut failed = 0;
    loop {
        let store = Faults::new(failed + 1, When::Before).store(&world, Who::Callbacks);
        let callbacks = callbacks(&store);
        let resume = callbacks.resume(world.tenant, id, &carrier_call, 1, "59");
        let instructions = resume.await.unwrap();
        let [Instruction::AwaitKey(_), Instruction::Redirect(again)] = instructions.steps() else {
            break;
        };
        failed += 1;
        assert_eq!(again.query(), Some("held=2&keys=59"));
        kept = Some(format!("{}?{}", again.path(), again.query().unwrap()));
        let last = callbacks.resume(world.tenant, id, &carrier_call, HOLDS_MAX, "9");
        assert!(last.await.is_err(), "not for ever");
    }
    assert_eq!(world.told(&call).await, "ended opted_out");
    // Once it has come so far, the kept address says the same again.
    let fields = voice_fields(&sid, "outbound-api");
    let kept = world.webhook(&kept.unwrap(), &fields).await;
    assert!(kept.text.contains(LAST_WORDS), "{}", kept.text);
    let failed = usize::try_from(failed).unwrap();
    assert!(failed > 3, "{failed}");
    world.leaves(Left::NOTHING.errors(failed));
}

/// As the carrier asks how to go on with a call of ours.
fn resume(world: &World, call: &str) -> String {
    format!("/carriers/twilio/resume/{}/{call}", world.tenant)
}

/// They are held; answers where a key is told, which is where the carrier asks next without one.
async fn held(world: &World, path: &str, sid: &str, direction: &str) -> String {
    let held = world.webhook(path, &voice_fields(sid, direction)).await;
    let again = redirect(world, &held.text);
    let (_, action) = held.text.split_once(" action=\"").unwrap();
    let (action, _) = action.split_once('#').unwrap();
    assert_eq!(action, format!("{}{again}", world.url));
    again
}

async fn pressed(world: &World, path: &str, sid: &str, direction: &str, keys: &str) -> Answer {
    let fields = keyed(sid, direction, keys);
    world.webhook(path, &fields).await
}

fn keyed<'a>(sid: &'a str, direction: &'a str, keys: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut fields = voice_fields(sid, direction).to_vec();
    fields.extend([("msg", "Gather End"), ("Digits", keys)]);
    fields
}

async fn suppression(world: &World) -> Answer {
    let path = format!("/v1/suppressions/{THEIR_NUMBER}");
    world.ask("GET", &path, None).await
}
