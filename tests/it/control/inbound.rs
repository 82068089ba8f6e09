//! Calls to our numbers: who is taken, who is known, what is recorded, and that nobody is forgotten.

use std::time::Duration;

use model::{Outcome, PromptId, PromptVersion, Template, Variables};
use serde_json::{Value, json};
use service::call::media::{MediaError, MediaSession};

use super::callbacks::voice_fields;
use super::dialling::{Field, with_alternates};
use super::recordings::{keep_one, ready_of};
use super::sessions::{media, open, token_in};
use super::{Answer, OUR_NUMBER, THEIR_NUMBER, World};

const SID: &str = "CA0000000000000000000000000000abcd";
const VOICE: &str = "/carriers/twilio/voice";

/// An agent that answers our number, and what it says to somebody whom nobody knows.
async fn desk(world: &World, more: Value) -> String {
    let prompt = json!({
        "name": "Desk", "system": "You help {{name}}.", "greeting": "Hello {{name}}!",
        "defaults": { "name": "there" },
    });
    let prompt = world.ask("POST", "/v1/prompts", Some(prompt)).await;
    assert_eq!(prompt.status, 201, "{}", prompt.text);
    assert_eq!(prompt.json()["defaults"], json!({ "name": "there" }));
    let mut agent = json!({ "name": "Desk", "prompt_id": prompt.id() });
    for (name, value) in more.as_object().unwrap() {
        agent[name] = value.clone();
    }
    let agent = world.ask("POST", "/v1/agents", Some(agent)).await;
    assert_eq!(agent.status, 201, "{}", agent.text);
    let number = json!({ "number": OUR_NUMBER, "agent_id": agent.id() });
    let number = world.ask("POST", "/v1/numbers", Some(number)).await;
    assert_eq!(number.status, 201, "{}", number.text);
    agent.id()
}

/// Somebody calls one of our numbers.
async fn calls(world: &World, sid: &str, from: &str, to: &str) -> Answer {
    // No two calls come at once: the latest is known by its time.
    world.clock.pass(1);
    world.carrier.inbound(sid);
    let mut fields = voice_fields(sid, "inbound");
    fields[2] = ("From", from);
    fields[3] = ("To", to);
    world.webhook(VOICE, &fields).await
}

/// The call that came last.
async fn latest(world: &World) -> Value {
    let calls = world.ask("GET", "/v1/calls", None).await.json();
    calls["items"][0].clone()
}

/// A worker holds the call that came in, and the carrier says how it ended.
async fn session(world: &World, sid: &str, answer: &Answer) -> MediaSession {
    let id = latest(world).await["id"].as_str().unwrap().to_owned();
    let (media, token) = (media(world), token_in(&answer.text));
    let opened = open(&media, world.tenant, id.parse().unwrap(), token, sid).await;
    let session = opened.unwrap();
    media.opened(&session.key).await.unwrap();
    session
}

async fn ends(world: &World, session: &MediaSession, sid: &str) {
    let ended = Some(Outcome::AgentEnded);
    media(world).close(&session.key, ended).await.unwrap();
    world.carrier.set_status(sid, "completed");
    world.carrier.lasted(sid, 17);
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_call_that_nobody_takes_is_a_row_however_often_it_is_told() {
    let world = World::start().await;
    let agent = world.agent().await;
    let [idle, archived] = ["+14155550188", "+14155550189"];
    for (number, agent) in [(idle, None), (archived, Some(&agent))] {
        let number = json!({ "number": number, "agent_id": agent });
        let number = world.ask("POST", "/v1/numbers", Some(number)).await;
        assert_eq!(number.status, 201, "{}", number.text);
        if agent.is_some() {
            let path = format!("/v1/numbers/{}/archive", number.id());
            assert_eq!(world.ask("POST", &path, None).await.status, 200);
        }
    }
    wants_a_name(&world, &agent).await;
    let missed = [
        (idle, "no_agent", Value::Null),
        (archived, "number_archived", json!(agent)),
        (OUR_NUMBER, "missing_variables", json!(agent)),
    ];
    for (nth, (to, because, agent)) in missed.into_iter().enumerate() {
        let sid = format!("CA{:032x}", 0xf0 + nth);
        for _ in 0..2 {
            let answer = calls(&world, &sid, THEIR_NUMBER, to).await;
            assert_eq!(answer.status, 200);
            let reject = "<Reject reason=\"rejected\"/>";
            assert!(answer.text.contains(reject), "{}", answer.text);
        }
        let call = latest(&world).await;
        assert_eq!(
            [&call["direction"], &call["state"], &call["outcome"]],
            ["inbound", "ended", "rejected"]
        );
        assert_eq!(call["rejected_because"], because);
        assert_eq!([&call["from"], &call["to"]], [THEIR_NUMBER, to]);
        assert_eq!(call["carrier_call_id"], sid);
        assert_eq!(
            (&call["agent_id"], &call["ended_at"]),
            (&agent, &call["created_at"])
        );
        assert_eq!(call["outcome_by"], "policy");
        let path = format!("/v1/calls/{}", call["id"].as_str().unwrap());
        let read = world.ask("GET", &path, None).await;
        assert_eq!(read.json()["turns"], json!([]));
    }
    // Nobody's call, and one that the carrier did not sign.
    for to in ["+14155550177", "sip:x"] {
        let answer = calls(&world, SID, THEIR_NUMBER, to).await;
        assert!(answer.text.contains("<Reject"), "{}", answer.text);
    }
    let mut forged = voice_fields(SID, "inbound");
    forged[3] = ("To", idle);
    let forged = world.webhook_signed(VOICE, &forged, Some("forged")).await;
    assert_eq!(forged.status, 403);
    let all = world.ask("GET", "/v1/calls", None).await.json();
    assert_eq!(all["items"].as_array().unwrap().len(), 3);
    let live = world.parts.store.inbound.live().await.unwrap();
    assert_eq!(live, [], "nobody is asked about a call that is over");
}

/// A version of the agent's prompt that the API would refuse: of before, or made at the moment of the binding.
async fn wants_a_name(world: &World, agent: &str) {
    let agent = world.ask("GET", &format!("/v1/agents/{agent}"), None).await;
    let id: PromptId = agent.json()["prompt_id"].as_str().unwrap().parse().unwrap();
    let prompts = &world.parts.store.prompts;
    let head = prompts.head(world.tenant, id).await.unwrap().unwrap();
    let version = PromptVersion {
        id,
        version: 2,
        name: "p".to_owned(),
        system: Template::parse("Be kind.").unwrap(),
        greeting: Template::parse("Hello {{name}}!").unwrap(),
        defaults: Variables::new(),
        created_at: world.parts.clock.now(),
    };
    let added = prompts.add_version(world.tenant, &head, &version, None);
    added.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn who_calls_back_is_known_by_number_and_their_lead_stays_as_it_is() {
    let world = World::start().await;
    desk(&world, json!({})).await;
    let field = Box::pin(Field::start_in(world, 1, |_fields| {})).await;
    let world = &field.world;
    assert_eq!(field.dial().await, 1);
    field.all_end("busy").await;
    let counted = world.campaigns().sum(field.campaign).await;
    let lead = field.lead(0).await;

    let answer = calls(world, SID, lead.number.as_str(), OUR_NUMBER).await;
    assert!(answer.text.contains("token"), "{}", answer.text);
    let back = session(world, SID, &answer).await;
    assert_eq!(back.snapshot.prompt.greeting, "Hello Dana!");
    ends(world, &back, SID).await;
    let call = latest(world).await;
    let known = json!({ "campaign_id": field.campaign, "lead_id": lead.id });
    assert_eq!(
        (&call["known_as"], &call["outcome"]),
        (&known, &json!("agent_ended"))
    );
    assert_eq!(
        (&call["campaign_id"], &call["lead_id"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(field.lead(0).await, lead);
    assert_eq!(world.campaigns().sum(field.campaign).await, counted);
    field.check().await;

    // Who was never called is nobody whom we know, and neither is who withholds the number.
    for (nth, from) in [THEIR_NUMBER, "anonymous"].into_iter().enumerate() {
        let sid = format!("CA{:032x}", 0xf0 + nth);
        let answer = calls(world, &sid, from, OUR_NUMBER).await;
        let stranger = session(world, &sid, &answer).await;
        assert_eq!(stranger.snapshot.prompt.greeting, "Hello there!");
        assert_eq!(latest(world).await["known_as"], Value::Null);
        ends(world, &stranger, &sid).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_calls_back_from_a_number_that_was_not_called_is_known_by_their_other_one() {
    let world = World::start_at("2026-06-03T16:00:00Z".parse().unwrap()).await;
    desk(&world, json!({})).await;
    let people: &[&[&str]] = &[&["+12125550100", "+12125550101"]];
    let field = Box::pin(with_alternates(world, &[], people)).await;
    let world = &field.world;
    assert_eq!(field.dial().await, 1);
    field.all_end("busy").await;
    let lead = field.leads().await.remove(0).lead;

    let answer = calls(world, SID, "+12125550101", OUR_NUMBER).await;
    let back = session(world, SID, &answer).await;
    assert_eq!(back.snapshot.prompt.greeting, "Hello Dana!");
    ends(world, &back, SID).await;
    let known = json!({ "campaign_id": field.campaign, "lead_id": lead.id });
    assert_eq!(latest(world).await["known_as"], known);

    // Since then the number that was called turned out to be somebody else's.
    let path = format!("/v1/campaigns/{}/leads/{}", field.campaign, lead.id);
    let right = json!({ "number": "+12125550102" });
    let headers = [("If-Match", "*")];
    let goes_on = world.ask_with(&headers, "PATCH", &path, Some(right)).await;
    let goes_on = goes_on.json()["id"].clone();
    for (nth, (from, known)) in [("+12125550101", Some(goes_on)), ("+12125550100", None)]
        .into_iter()
        .enumerate()
    {
        let sid = format!("CA{:032x}", 0xf0 + nth);
        let answer = calls(world, &sid, from, OUR_NUMBER).await;
        let back = session(world, &sid, &answer).await;
        ends(world, &back, &sid).await;
        let known = known.map_or(
            Value::Null,
            |lead| json!({ "campaign_id": field.campaign, "lead_id": lead }),
        );
        assert_eq!(latest(world).await["known_as"], known, "{from}");
    }
    field.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_needs_a_name_answers_no_number() {
    let world = World::start().await;
    let agent = world
        .agent_saying("Remind {{name}}.", "Hello {{name}} of {{clinic}}!")
        .await;
    let agent_path = format!("/v1/agents/{agent}");
    let read = world.ask("GET", &agent_path, None).await;
    let prompt = read.json()["prompt_id"].as_str().unwrap().to_owned();
    let versions = format!("/v1/prompts/{prompt}/versions");
    let number = json!({ "number": "+14155550188", "agent_id": agent });
    let refused = |answer: &Answer| (answer.status, answer.code(), answer.fields());
    let no_defaults =
        |at: &str, times: usize| (422, "no_defaults".to_owned(), vec![at.to_owned(); times]);

    let bound = world.ask("POST", "/v1/numbers", Some(number.clone())).await;
    assert_eq!(refused(&bound), no_defaults("/agent_id", 2));
    assert!(bound.text.contains("clinic") && bound.text.contains("name"));
    let texts = |defaults: Value| {
        json!({
            "name": "p", "system": "Remind {{name}}.", "greeting": "Hello {{name}} of {{clinic}}!",
            "defaults": defaults,
        })
    };
    let wrong = texts(json!({ "clinic": " ", "doctor": "Who" }));
    let wrong = world.ask("POST", &versions, Some(wrong)).await;
    assert_eq!(wrong.fields(), ["/defaults/clinic", "/defaults/doctor"]);
    let whole = texts(json!({ "name": "there", "clinic": "the clinic" }));
    let whole = world.ask("POST", &versions, Some(whole)).await;
    assert_eq!(whole.status, 201, "{}", whole.text);
    let bound = world.ask("POST", "/v1/numbers", Some(number)).await;
    assert_eq!(bound.status, 201, "{}", bound.text);

    // Nobody takes that away unnoticed: neither a version, nor another prompt.
    let lacking = texts(json!({ "name": "there" }));
    let version = world.ask("POST", &versions, Some(lacking.clone())).await;
    assert_eq!(refused(&version), no_defaults("/defaults", 1));
    let other = world
        .ask("POST", "/v1/prompts", Some(lacking.clone()))
        .await;
    let read = world.ask("GET", &agent_path, None).await;
    let headers = [("If-Match", read.etag.as_deref().unwrap())];
    let patch = json!({ "prompt_id": other.id() });
    let changed = world
        .ask_with(&headers, "PATCH", &agent_path, Some(patch))
        .await;
    assert_eq!(refused(&changed), no_defaults("/prompt_id", 1));
    // An archived number has no agent: it is looked at again when it comes back.
    let number = format!("/v1/numbers/{}", bound.id());
    let archived = world.ask("POST", &format!("{number}/archive"), None).await;
    assert_eq!(archived.status, 200, "{}", archived.text);
    let version = world.ask("POST", &versions, Some(lacking)).await;
    assert_eq!(version.status, 201, "{}", version.text);
    let back = world
        .ask("POST", &format!("{number}/unarchive"), None)
        .await;
    assert_eq!(refused(&back), no_defaults("/agent_id", 1));
}

#[tokio::test(flavor = "multi_thread")]
pub(super) async fn a_call_that_came_in_is_recorded_once_its_customer_is_told_so() {
    let world = World::start().await;
    let recorded = json!({ "inbound_recording": { "record": true } });
    desk(&world, recorded).await;
    let answer = calls(&world, SID, THEIR_NUMBER, OUR_NUMBER).await;
    assert!(
        !answer.text.contains("Record"),
        "not before they are told: {}",
        answer.text
    );
    let session = session(&world, SID, &answer).await;
    let notice = session.snapshot.notice.as_deref();
    assert_eq!(notice, Some("This call is recorded."));
    assert!(world.carrier.recordings_begun().is_empty());

    let media = media(&world);
    world.carrier.lose_recording_answers(1);
    let lost = media.record(&session.key).await;
    assert!(matches!(lost, Err(MediaError::Carrier(_))), "{lost:?}");
    for _ in 0..2 {
        media.record(&session.key).await.unwrap();
    }
    let begun = world.carrier.recordings_begun();
    assert_eq!(begun.len(), 1);
    let (of, form) = &begun[0];
    let id = latest(&world).await["id"].as_str().unwrap().to_owned();
    let callback = format!(
        "{}/carriers/twilio/recording/{}/{id}",
        world.url, world.tenant
    );
    assert_eq!(of, SID);
    assert_eq!(
        [&form["RecordingChannels"], &form["Trim"]],
        ["dual", "do-not-trim"]
    );
    let told = form["RecordingStatusCallback"].split('#').next();
    assert_eq!(told, Some(callback.as_str()));
    ends(&world, &session, SID).await;
    ready_of(&world, &id, SID).await;
    keep_one(&world).await;
    let call = latest(&world).await;
    assert_eq!(call["recording"]["state"], "kept");
}

/// As for calls that we make: what nobody told of is found.
#[tokio::test(flavor = "multi_thread")]
async fn a_recording_of_a_call_that_came_in_is_found_although_nobody_tells() {
    let world = World::start().await;
    let recorded = json!({ "inbound_recording": { "record": true, "notice": "We record this." } });
    desk(&world, recorded).await;
    let answer = calls(&world, SID, THEIR_NUMBER, OUR_NUMBER).await;
    let session = session(&world, SID, &answer).await;
    assert_eq!(session.snapshot.notice.as_deref(), Some("We record this."));
    media(&world).record(&session.key).await.unwrap();
    ends(&world, &session, SID).await;
    world.clock.pass(5 * 60 + 1);
    scheduler::tick(&world.scheduler).await.unwrap();
    let call = latest(&world).await;
    assert_eq!(call["recording"]["state"], "ready");
    assert_eq!(call["carrier_duration_seconds"], 17);
    let jobs = &world.parts.store.recordings;
    for job in jobs.receive(10, Duration::ZERO).await.unwrap() {
        jobs.done(&job.receipt).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_records_nothing_says_nothing_of_it() {
    let world = World::start().await;
    desk(&world, json!({ "language": "ja" })).await;
    let answer = calls(&world, SID, THEIR_NUMBER, OUR_NUMBER).await;
    let session = session(&world, SID, &answer).await;
    assert_eq!(session.snapshot.notice, None);
    media(&world).record(&session.key).await.unwrap();
    assert!(world.carrier.recordings_begun().is_empty());
    ends(&world, &session, SID).await;
    // In a language that we have no sentence in nobody is recorded without one of the agent's own.
    let agent = json!({
        "name": "b", "prompt_id": session.snapshot.prompt.id, "language": "ja",
        "inbound_recording": { "record": true },
    });
    let refused = world.ask("POST", "/v1/agents", Some(agent)).await;
    assert_eq!(
        (refused.status, refused.fields()),
        (422, vec!["/inbound_recording/notice".to_owned()])
    );
}
