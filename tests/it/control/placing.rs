//! Promise P1: at most one request to the carrier per call, whatever is delivered or lost.

use futures_util::future::join_all;
use serde_json::json;

use super::carrier::OnCreate;
use super::{OUR_NUMBER, THEIR_NUMBER, World, sqs_event};
use crate::leftovers::Left;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_delivered_ten_times_at_once_dials_once() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let agent = world.agent().await;
    let call = world.call(&agent).await;
    let message = world.dial_message(&call);
    let deliveries = (0..10).map(|_| world.deliver(&message));
    assert!(join_all(deliveries).await.iter().all(|failed| !failed));
    assert_eq!(world.carrier.asked_to_call(), 1);
    world.dial_all().await;
    assert_eq!(world.carrier.asked_to_call(), 1);
    assert_eq!(world.told(&call).await, "placed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_request_carries_everything_that_the_call_needs() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1));
    let (call, _sid) = world.placed_call().await;
    let form = world.carrier.form(0);
    let tenant = world.tenant;
    let link = |kind: &str| {
        let retries = "rc=5&rp=5xx,ct,rt";
        format!(
            "{}/carriers/twilio/{kind}/{tenant}/{call}#{retries}",
            world.url
        )
    };
    for (name, value) in [
        ("To", THEIR_NUMBER.to_owned()),
        ("From", OUR_NUMBER.to_owned()),
        ("StatusCallback", link("status")),
        ("AsyncAmdStatusCallback", link("amd")),
        ("AsyncAmd", "true".to_owned()),
        ("MachineDetection", "Enable".to_owned()),
        ("Record", "true".to_owned()),
        ("RecordingChannels", "dual".to_owned()),
        ("Trim", "do-not-trim".to_owned()),
        ("TimeLimit", "1860".to_owned()),
        ("Timeout", "45".to_owned()),
        ("RecordingStatusCallback", link("recording")),
    ] {
        assert_eq!(form.get(name), Some(&value), "{name}");
    }
    let twiml = &form["Twiml"];
    let socket = world.url.replace("http", "ws");
    assert!(twiml.contains(&format!("<Stream url=\"{socket}/media/twilio\"")));
    assert!(twiml.contains(&format!("<Parameter name=\"call_id\" value=\"{call}\"")));
    let resume = link("resume").replace('&', "&amp;");
    assert!(twiml.contains(&format!(">{resume}</Redirect>")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_lost_is_settled_by_asking_what_calls_there_are() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1).dials(1));
    world.carrier.on_create(OnCreate::TakeAndLose);
    let agent = world.agent().await;
    let call = world.call(&agent).await;
    let message = world.dial_message(&call);
    assert!(!world.deliver(&message).await);
    assert_eq!(world.told(&call).await, "placing");
    world.clock.pass(15);
    assert!(!world.deliver(&message).await);
    assert_eq!(world.told(&call).await, "placed");
    assert_eq!(world.carrier.asked_to_call(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_lost_is_settled_by_a_callback() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1).dials(1));
    world.carrier.on_create(OnCreate::TakeAndLose);
    let agent = world.agent().await;
    let call = world.call(&agent).await;
    assert!(!world.deliver(&world.dial_message(&call)).await);
    let sid = format!("CA{:032x}", 1);
    assert_eq!(world.status(&call, &sid, "ringing", "1").await.status, 204);
    assert_eq!(world.told(&call).await, "ringing");
    world.clock.pass(600);
    assert!(!world.deliver(&world.dial_message(&call)).await);
    assert_eq!(world.told(&call).await, "ringing");
    assert_eq!(world.carrier.asked_to_call(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_the_carrier_never_saw_ends_unconfirmed_and_is_not_repeated() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.dials(1));
    world.carrier.on_create(OnCreate::Lose);
    let agent = world.agent().await;
    let call = world.call(&agent).await;
    let message = world.dial_message(&call);
    for seconds in [0, 15, 15, 15] {
        world.clock.pass(seconds);
        assert!(!world.deliver(&message).await);
        assert_eq!(world.told(&call).await, "placing");
    }
    world.clock.pass(30);
    assert!(!world.deliver(&message).await);
    assert_eq!(world.told(&call).await, "ended carrier_unconfirmed");
    assert_eq!(world.carrier.asked_to_call(), 1);

    // The carrier had it after all: nobody is left to talk to them, so they are not kept waiting.
    let sid = format!("CA{:032x}", 1);
    assert_eq!(world.status(&call, &sid, "ringing", "1").await.status, 204);
    assert_eq!(world.carrier.hung_up(), [sid]);
    assert_eq!(world.told(&call).await, "ended carrier_unconfirmed");
}

/// At the same moment somebody else calls the same customer from the same number: by another call's instructions, or
/// with a phone of the account.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_somebody_else_is_not_taken_for_one_whose_answer_was_lost() {
    let other = format!("CA{:032x}", 0xf0);
    let parent = format!("CA{:032x}", 0xf1);
    for (direction, parent) in [
        ("outbound-dial", None),
        ("outbound-api", Some(parent.as_str())),
        ("trunking-originating", None),
    ] {
        let world = World::start().await;
        world.leaves(Left::NOTHING.dials(1));
        world.carrier.on_create(OnCreate::Lose);
        let agent = world.agent().await;
        let call = world.call(&agent).await;
        let message = world.dial_message(&call);
        assert!(!world.deliver(&message).await);
        world.carrier.somebody_calls(&other, direction, parent);
        world.clock.pass(61);
        assert!(!world.deliver(&message).await);
        assert_eq!(world.told(&call).await, "ended carrier_unconfirmed");
        world.clock.pass(5 * 60 + 1);
        scheduler::tick(&world.scheduler).await.unwrap();
        let row = world.row(&call).await;
        assert_eq!(row.call.carrier_call_id, None, "{direction}");
        assert_eq!(world.carrier.hung_up(), [""; 0]);
    }
}

/// Of two calls of ours to one number the carrier took one, and nobody knows yet which.
#[tokio::test(flavor = "multi_thread")]
async fn one_call_at_the_carrier_is_not_taken_for_either_of_two() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1).dials(2));
    let agent = world.agent().await;
    let calls = [world.call(&agent).await, world.call(&agent).await];
    for (call, taken) in calls.iter().zip([OnCreate::Lose, OnCreate::TakeAndLose]) {
        world.carrier.on_create(taken);
        assert!(!world.deliver(&world.dial_message(call)).await);
    }
    for call in &calls {
        assert!(!world.deliver(&world.dial_message(call)).await);
        assert_eq!(world.told(call).await, "placing");
    }
    // Its callback says whose it is.
    let sid = format!("CA{:032x}", 2);
    let ringing = world.status(&calls[1], &sid, "ringing", "1").await;
    assert_eq!(ringing.status, 204);
    world.clock.pass(61);
    assert!(!world.deliver(&world.dial_message(&calls[0])).await);
    assert_eq!(world.told(&calls[0]).await, "ended carrier_unconfirmed");
    assert_eq!(world.told(&calls[1]).await, "ringing");
    assert_eq!(world.carrier.hung_up(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_died_after_the_gate_does_not_dial_again() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.dials(1));
    let agent = world.agent().await;
    let call = world.call(&agent).await;
    // What is stored when a function passed the gate and died before its request.
    let mut row = world.row(&call).await;
    row.call.state = model::CallState::Placing;
    row.progress.placing_at = Some(row.call.created_at);
    row.progress.row_version += 1;
    world
        .parts
        .store
        .calls
        .replace(&row, store::WrittenWith::default())
        .await
        .unwrap();
    for _ in 0..3 {
        world.clock.pass(30);
        assert!(!world.deliver(&world.dial_message(&call)).await);
    }
    assert_eq!(world.carrier.asked_to_call(), 0);
    assert_eq!(world.told(&call).await, "ended carrier_unconfirmed");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_lost_answers_to_one_number_wait_for_their_callbacks() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(2).dials(2));
    world.carrier.on_create(OnCreate::TakeAndLose);
    let agent = world.agent().await;
    let (one, two) = (world.call(&agent).await, world.call(&agent).await);
    for call in [&one, &two, &one, &two] {
        assert!(!world.deliver(&world.dial_message(call)).await);
    }
    assert_eq!(
        (world.told(&one).await, world.told(&two).await),
        ("placing".into(), "placing".into())
    );
    let second = format!("CA{:032x}", 2);
    assert_eq!(
        world.status(&two, &second, "ringing", "1").await.status,
        204
    );
    // Now there is only one left that it can be.
    assert!(!world.deliver(&world.dial_message(&one)).await);
    assert_eq!(world.told(&one).await, "placed");
    assert_eq!(world.carrier.asked_to_call(), 2);
    let taken = world.status(&one, &second, "ringing", "1").await;
    assert_eq!(
        (taken.status, taken.code()),
        (409, "call_mismatch".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_ends_the_call_with_what_it_means() {
    for (status, code, outcome) in [
        (400, 21211, "number_unreachable"),
        (400, 21214, "number_unreachable"),
        (401, 20003, "carrier_refused"),
        (400, 21215, "carrier_refused"),
        (429, 20429, "carrier_rate_limited"),
        (400, 22005, "carrier_rate_limited"),
    ] {
        let world = World::start().await;
        world.carrier.on_create(OnCreate::Refuse(status, code));
        let agent = world.agent().await;
        let call = world.call(&agent).await;
        world.dial_all().await;
        assert_eq!(
            world.told(&call).await,
            format!("ended {outcome}"),
            "{code}"
        );
        assert!(!world.deliver(&world.dial_message(&call)).await);
        assert_eq!(world.carrier.asked_to_call(), 1, "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_from_yesterday_calls_nobody() {
    let world = World::start().await;
    let agent = world.agent().await;
    let call = world.call(&agent).await;
    world.clock.pass(16 * 60);
    assert_eq!(world.dial_all().await, 1);
    assert_eq!(world.told(&call).await, "ended platform_failed");
    assert_eq!(world.carrier.asked_to_call(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_message_that_cannot_be_read_does_not_hold_up_its_batch() {
    let world = World::start().await;
    world.leaves(Left::NOTHING.calls(1).dials(1).errors(2));
    let agent = world.agent().await;
    let call = world.call(&agent).await;
    let good = world.dial_message(&call);
    let gone = world.dial_message(&call.replace("call_0", "call_1"));
    let event = sqs_event(&["{", &good, &gone, &json!({ "call_id": call }).to_string()]);
    let response = dial::handle(event, &world.dial).await;
    let failures = response.batch_item_failures.iter();
    let failed: Vec<_> = failures
        .map(|failure| failure.item_identifier.as_str())
        .collect();
    assert_eq!(failed, ["m0", "m3"]);
    assert_eq!(world.told(&call).await, "placed");
}
