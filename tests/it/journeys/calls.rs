//! What people do on the phone, from the request to the kept recording.

use model::{CallState, Outcome, Speaker};
use serde_json::{Value, json};
use sim::voice::{Heard, Listener};

use super::hearing::assert_heard;
use super::{Installation, PATIENCE, recording_state, said_by, words};

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_interrupts_the_greeting_and_is_understood() {
    let here = Installation::start().await;
    let id = here.call(local::demo::people::CHARACTERS[0].number).await;
    let call = here.kept(id).await;

    let greeting = &call.turns[0];
    assert!(greeting.interrupted, "{call:#?}");
    assert!(greeting.intended.as_ref().unwrap().len() > greeting.text.len());
    assert_eq!(
        words(&said_by(&call, Speaker::Customer).join(" ")),
        words("Yes, I will be there. Goodbye.")
    );
    assert_eq!(call.outcome, Some(Outcome::AgentEnded));
    let transcript = said_by(&call, Speaker::Agent).join(" ");
    assert_heard(&here.at_the_phone(&call).await, &transcript);
    let answer = call
        .turns
        .iter()
        .find_map(|turn| turn.waterfall.as_ref())
        .unwrap();
    let sum: u64 = answer.parts.iter().map(|part| part.us).sum();
    assert_eq!(sum, answer.total_us, "the parts of an answer add up");
    assert!(
        answer.engine_us > 0,
        "our own part is measured: {answer:#?}"
    );
    here.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recording_holds_both_sides_on_channels_of_their_own() {
    let here = Installation::start().await;
    let id = here.call(local::demo::people::CHARACTERS[0].number).await;
    let call = here.kept(id).await;
    let wav = here.api.recording(id).await.unwrap();

    let mut reader = hound::WavReader::new(wav.as_slice()).unwrap();
    assert_eq!(
        (reader.spec().channels, reader.spec().sample_rate),
        (2, 8_000)
    );
    let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
    let channel = |nth: usize| {
        samples
            .iter()
            .copied()
            .skip(nth)
            .step_by(2)
            .collect::<Vec<_>>()
    };
    let customer = words_in(&channel(0));
    let agent = words_in(&channel(1));
    assert_eq!(
        words(&customer.join(" ")),
        words(&said_by(&call, Speaker::Customer).join(" "))
    );
    assert_eq!(
        words(&agent.join(" ")),
        words(&said_by(&call, Speaker::Agent).join(" "))
    );
    let sid = call.carrier_call_id.as_deref().unwrap();
    assert_eq!(here.platform.far_side.recordings_kept(sid), Some(0));
    here.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_of_several_turns_is_heard_to_the_word() {
    let here = Installation::start().await;
    let id = here.call("+14155550101").await;
    let call = here.ended(id).await;

    assert_eq!(call.outcome, Some(Outcome::AgentEnded), "{call:#?}");
    let customer = said_by(&call, Speaker::Customer);
    assert_eq!(
        words(&customer.join(" ")),
        words("Yes, I can make it. Is there any parking? No, thank you. Goodbye.")
    );
    let transcript = said_by(&call, Speaker::Agent).join(" ");
    assert_heard(&here.at_the_phone(&call).await, &transcript);
    assert!(
        call.turns.iter().all(|turn| !turn.interrupted),
        "nobody interrupted: {call:#?}"
    );
    here.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_in_mid_sentence_is_noted_with_what_was_heard() {
    let here = Installation::start().await;
    let id = here.call("+14155550102").await;
    let call = here.kept(id).await;

    assert_eq!(call.outcome, Some(Outcome::CustomerHungUp), "{call:#?}");
    let customer = said_by(&call, Speaker::Customer);
    assert!(customer.is_empty(), "a mumble is no turn: {call:#?}");
    let last = call.turns.last().unwrap();
    let intended = last.intended.as_ref().expect("not all of it was heard");
    assert!(words(&last.text).len() < words(intended).len());
    // The greeting went on where the mumble had stopped it, with the word that was cut.
    let said = words(&said_by(&call, Speaker::Agent).join(" "));
    let heard = words(&here.heard(&call).await);
    assert!(
        said.len() <= heard.len() && heard.len() - said.len() <= 1,
        "at most the word that was cut is missing: {heard:?} {said:?}"
    );
    assert_eq!(said, heard[..said.len()]);
    here.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_line_and_an_unanswered_phone_end_without_a_conversation() {
    let here = Installation::start().await;
    let busy = here.call("+14155550105").await;
    let unanswered = here.call("+14155550106").await;
    assert_eq!(here.ended(busy).await.outcome, Some(Outcome::Busy));
    let call = here.ended(unanswered).await;
    assert_eq!(call.outcome, Some(Outcome::NoAnswer));
    assert!(call.turns.is_empty() && recording_state(&call) != Some("stored"));
    here.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_hangs_up_by_the_api() {
    let here = Installation::start().await;
    let id = here.call("+14155550103").await;
    here.until(id, "the first turn", |call| !call.turns.is_empty())
        .await;
    let _accepted: Value = here
        .api
        .post(&format!("v1/calls/{id}/hangup"), &Value::Null)
        .await
        .unwrap();
    let call = here.ended(id).await;
    assert_eq!(
        (call.state, call.outcome),
        (CallState::Ended, Some(Outcome::HungUpByUser))
    );
    here.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_twice_is_one_call() {
    let here = Installation::start().await;
    let body = here.request(local::demo::people::CHARACTERS[0].number);
    let first: local::demo::client::CallView =
        here.api.post_once("v1/calls", &body, "one").await.unwrap();
    let again: local::demo::client::CallView =
        here.api.post_once("v1/calls", &body, "one").await.unwrap();
    assert_eq!(first.id, again.id);
    here.ended(first.id).await;
    let carrier = here.platform.far_side.carrier.as_ref().unwrap();
    assert_eq!(carrier.calls().len(), 1, "the carrier was asked once");
    here.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_calls_is_told_that_the_call_is_recorded_and_from_there_on_it_is() {
    let here = Installation::start().await;
    let ours = "+14155550190";
    let prompt = json!({
        "name": "Desk", "system": "Be kind.", "greeting": "Hello {{name}}. How can I help you?",
        "defaults": { "name": "there" },
    });
    let prompt: Value = here.api.post("v1/prompts", &prompt).await.unwrap();
    let agent = json!({
        "name": "Desk", "prompt_id": prompt["id"], "inbound_recording": { "record": true },
    });
    let agent: Value = here.api.post("v1/agents", &agent).await.unwrap();
    let number = json!({ "number": ours, "agent_id": agent["id"] });
    let _number: Value = here.api.post("v1/numbers", &number).await.unwrap();
    let carrier = here.platform.far_side.carrier.as_ref().unwrap();
    let voice = here.platform.url().join("carriers/twilio/voice").unwrap();
    carrier.set_voice_url(ours, voice.as_str());
    let person = r#"answers | when hears "help" | hangs up after 900ms"#;
    let sid = carrier.call_in("+14155550142", ours, person.parse().unwrap());
    let sid = sid.unwrap();
    carrier.call_over(&sid, PATIENCE).await.unwrap();
    let calls: Value = here.api.get("v1/calls").await.unwrap();
    let id = calls["items"][0]["id"].as_str().unwrap().parse().unwrap();
    let call = here.kept(id).await;

    assert_eq!(call.outcome, Some(Outcome::CustomerHungUp), "{call:#?}");
    let said = words(&said_by(&call, Speaker::Agent).join(" "));
    let greeting = words("Hello there. How can I help you?");
    assert_eq!(
        said,
        [words("This call is recorded."), greeting.clone()].concat()
    );
    assert_eq!(words(&here.heard(&call).await), said);
    let wav = here.api.recording(id).await.unwrap();
    let samples = hound::WavReader::new(wav.as_slice())
        .unwrap()
        .into_samples();
    let samples: Vec<i16> = samples.map(Result::unwrap).collect();
    let agent: Vec<i16> = samples.iter().copied().skip(1).step_by(2).collect();
    let recorded = words(&words_in(&agent).join(" "));
    // It began with the first sound of the notice at the earliest.
    assert!(said.ends_with(&recorded), "{recorded:?}");
    assert!(recorded.ends_with(&greeting), "{recorded:?}");
    assert_eq!(here.platform.far_side.recordings_kept(&sid), Some(0));
    here.finish().await;
}

/// The words that a channel of a recording carries.
fn words_in(samples: &[i16]) -> Vec<String> {
    let mulaw: Vec<u8> = samples
        .iter()
        .map(|sample| sim::voice::mulaw::encode(*sample))
        .collect();
    let mut listener = Listener::new();
    let mut heard = listener.hear(&mulaw, 0);
    heard.extend(listener.finish());
    let words = heard.into_iter().filter_map(|heard| match heard {
        Heard::Word { text, .. } => Some(text),
        Heard::SpeechStarted { .. }
        | Heard::Garbled { .. }
        | Heard::Cut { .. }
        | Heard::SpeechStopped { .. } => None,
    });
    words.collect()
}
