//! Everything that the API can be asked for, asked once: what is sent and answered are the examples of the
//! document.

use std::collections::BTreeSet;

use expect_test::expect_file;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::examples::Examples;
use super::{DOCUMENT, Document};
use crate::control::imports::put;
use crate::control::recordings::{keep_one, ready_of};
use crate::control::sessions::speak;
use crate::control::{Answer, Sent, World};

/// A Tuesday, at an hour when people may be called in California.
const NOW: &str = "2026-03-03T18:00:00Z";
const LIST: &str = "Phone,First Name,State\r\n(415) 555-2671,Anna,CA\r\nnot a number,Bob,CA\r\n";

struct Scene {
    world: World,
    examples: Examples,
    driven: BTreeSet<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_asked_for_and_answered_as_the_document_says() {
    let mut scene = Box::pin(Scene::start()).await;
    scene.world.own.leaves_errors_of_doctor(1);
    let prompt = scene.prompts().await;
    let agent = scene.agents(&prompt).await;
    scene.numbers(&agent).await;
    Box::pin(scene.calls(&agent)).await;
    let campaign = Box::pin(scene.campaigns(&agent)).await;
    Box::pin(scene.leads(&campaign)).await;
    Box::pin(scene.run(&campaign)).await;
    Box::pin(scene.imports(&agent)).await;
    Box::pin(scene.suppressions()).await;
    scene.archive().await;
    Box::pin(scene.carrier_recordings()).await;
    scene.get("/v1/permits/check?to=%2B14155552671").await;
    scene.get("/v1/doctor").await;
    scene.get("/health").await;
    scene.get("/v1/openapi.json").await;
    assert_eq!(
        scene.undriven(),
        Vec::<String>::new(),
        "nobody asked for these"
    );
    expect_file!["../../../../functions/api/examples.json"].assert_eq(&scene.examples.text());
}

#[test]
fn the_examples_are_what_their_schemas_say() {
    let mut seen = 0;
    DOCUMENT.each_operation(|name, operation| {
        let body = operation["requestBody"]["content"].as_object();
        let answers = operation["responses"].as_object().unwrap().values();
        let answers = answers.filter_map(|answer| answer["content"].as_object());
        for (kind, content) in body.into_iter().chain(answers).flatten() {
            let example = &content["example"];
            if kind.ends_with("json") && !example.is_null() {
                seen += 1;
                let problems = DOCUMENT.of_body(&content["schema"], &example.to_string());
                assert!(problems.is_empty(), "{name}: {problems:?}\n{example}");
            }
        }
    });
    assert!(seen > 60, "only {seen} examples");
}

impl Document {
    fn each_operation(&self, mut of: impl FnMut(String, &Value)) {
        for (path, item) in self.json["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                of(format!("{} {path}", method.to_uppercase()), operation);
            }
        }
    }
}

impl Scene {
    async fn start() -> Self {
        let now: Timestamp = NOW.parse().unwrap();
        Self {
            world: World::start_at(now).await,
            examples: Examples::default(),
            driven: BTreeSet::new(),
        }
    }

    /// Asks, and keeps what was sent and answered.
    async fn ask(&mut self, method: &str, path: &str, sent: Sent<'_>) -> Answer {
        let (name, operation) = DOCUMENT.operation(method, path).unwrap();
        let id = operation["operationId"].as_str().unwrap();
        if let Sent::Json(body, _) = &sent {
            let content = operation["requestBody"]["content"].as_object().unwrap();
            let content = content.values().next().unwrap();
            let problems = DOCUMENT.of_body(&content["schema"], &body.to_string());
            assert!(problems.is_empty(), "{name}: {problems:?}");
            self.examples.request(id, body.clone());
        }
        // What is made later is later in lists.
        self.world.clock.pass(1);
        let answer = self.world.send(method, path, sent).await;
        assert!(
            answer.status < 400,
            "{name}: {} {}",
            answer.status,
            answer.text
        );
        if let Ok(body) = serde_json::from_str(&answer.text)
            && id != "get_openapi"
        {
            self.examples.answer(id, answer.status, body);
        }
        self.driven.insert(name);
        answer
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, Sent::Nothing).await
    }

    async fn post(&mut self, path: &str, body: Value) -> Answer {
        self.ask("POST", path, Sent::Json(body, &[])).await
    }

    async fn make(&mut self, path: &str) -> Answer {
        self.ask("POST", path, Sent::Nothing).await
    }

    async fn patch(&mut self, path: &str, body: Value) -> Answer {
        let etag = self.get(path).await.etag.unwrap();
        let headers = [("If-Match", etag.as_str())];
        self.ask("PATCH", path, Sent::Json(body, &headers)).await
    }

    async fn delete(&mut self, path: &str) -> Answer {
        self.ask("DELETE", path, Sent::Nothing).await
    }

    fn undriven(&self) -> Vec<String> {
        let mut undriven = Vec::new();
        DOCUMENT.each_operation(|name, _operation| {
            if !self.driven.contains(&name) {
                undriven.push(name);
            }
        });
        undriven
    }

    async fn prompts(&mut self) -> String {
        let texts = json!({
            "name": "Reminder",
            "system": "You remind {{name}} of an appointment at Acme Dental.",
            "greeting": "Hello {{name}}, this is the assistant of Acme Dental.",
            "defaults": { "name": "there" },
        });
        let prompt = self.post("/v1/prompts", texts.clone()).await.id();
        let path = format!("/v1/prompts/{prompt}");
        self.post(&format!("{path}/versions"), texts).await;
        self.get(&path).await;
        self.get(&format!("{path}/versions/1")).await;
        self.get("/v1/prompts").await;
        prompt
    }

    async fn agents(&mut self, prompt: &str) -> String {
        let agent = json!({
            "name": "Reminder",
            "prompt_id": prompt,
            "language": "en",
            "turn_taking": { "barge_in": "balanced", "endpointing_ms": 400 },
            "farewell": "Thank you. Goodbye.",
        });
        let agent = self.post("/v1/agents", agent).await.id();
        let path = format!("/v1/agents/{agent}");
        let patch = json!({ "silence": { "max_reminders": 1 }, "voice_id": null });
        self.patch(&path, patch).await;
        self.get("/v1/agents").await;
        agent
    }

    async fn numbers(&mut self, agent: &str) {
        let number = json!({ "number": "+14155550199", "agent_id": agent });
        self.post("/v1/numbers", number).await;
        self.get("/v1/numbers").await;
    }

    async fn calls(&mut self, agent: &str) {
        let call = json!({
            "to": "+14155550100",
            "kind": "information",
            "agent_id": agent,
            "variables": { "name": "Ada" },
            "override": { "reason": "A test call to a phone of our own." },
        });
        let key = [("Idempotency-Key", "appointment-4711")];
        let made = self
            .ask("POST", "/v1/calls", Sent::Json(call.clone(), &key))
            .await;
        let again = self.ask("POST", "/v1/calls", Sent::Json(call, &key)).await;
        assert_eq!(made.id(), again.id());
        let (call, path) = (made.id(), format!("/v1/calls/{}", made.id()));
        self.get("/v1/calls").await;
        self.world.dial_all().await;
        let sid = self.world.row(&call).await.call.carrier_call_id.unwrap();
        speak(&self.world, &call, &sid).await;
        self.world.status(&call, &sid, "in-progress", "1").await;
        let label = json!({ "answered_by": "human" });
        self.ask("PUT", &format!("{path}/label"), Sent::Json(label, &[]))
            .await;
        self.make(&format!("{path}/hangup")).await;
        self.world.status(&call, &sid, "completed", "2").await;
        ready_of(&self.world, &call, &sid).await;
        keep_one(&self.world).await;
        self.get(&path).await;
        self.get(&format!("{path}/recording")).await;
    }

    async fn campaigns(&mut self, agent: &str) -> String {
        let campaign = json!({
            "name": "Spring reminders",
            "kind": "information",
            "agent_id": agent,
            "consent_elsewhere": { "kind": "express", "reason": "signed forms, kept in our CRM" },
            "windows": { "mon": [["10:00", "12:30"], ["14:00", "19:00"]], "tue": [["10:00", "19:00"]] },
            "max_concurrent_calls": 10,
            "max_attempts": 2,
            "retry": { "no_answer_seconds": 7200, "busy_seconds": 1800 },
            "disclosure": {
                "business_name": "Acme Dental",
                "purpose": "your appointment",
                "opening": crate::control::campaigns::OPENING,
            },
        });
        let campaign = self.post("/v1/campaigns", campaign).await.id();
        let draft = self
            .post("/v1/campaigns", json!({ "name": "Autumn" }))
            .await
            .id();
        self.delete(&format!("/v1/campaigns/{draft}")).await;
        let path = format!("/v1/campaigns/{campaign}");
        let patch = json!({ "max_concurrent_calls": 20, "retry": { "busy_seconds": null } });
        self.patch(&path, patch).await;
        self.get("/v1/campaigns").await;
        campaign
    }

    async fn leads(&mut self, campaign: &str) {
        let path = format!("/v1/campaigns/{campaign}/leads");
        let leads = json!({ "leads": [
            {
                "number": "+14155552671",
                "zone": "America/Los_Angeles",
                "variables": { "name": "Anna" },
                "consent": { "kind": "written", "at": "2026-01-07T09:00:00Z", "source": "web form" },
            },
            { "number": "+14155552672", "variables": { "name": "Bob" }, "priority": "high" },
            { "number": "+14155552673", "variables": { "name": "Carla" } },
        ] });
        let added = self.post(&path, leads).await.json();
        let lead = |nth: usize| added["leads"][nth]["id"].as_str().unwrap().to_owned();
        let patch = json!({ "priority": "high", "variables": { "name": "Anna B." } });
        self.patch(&format!("{path}/{}", lead(0)), patch).await;
        // Lists have leads in an order that is another one in each campaign.
        self.delete(&format!("{path}/{}", lead(1))).await;
        self.delete(&format!("{path}/{}", lead(2))).await;
        self.get(&format!("{path}?state=waiting")).await;
        self.get(&format!("/v1/campaigns/{campaign}/leads.csv"))
            .await;
    }

    async fn run(&mut self, campaign: &str) {
        let path = format!("/v1/campaigns/{campaign}");
        self.post(&format!("{path}/simulate"), json!({ "days": 3, "seed": 1 }))
            .await;
        self.ask("POST", &format!("{path}/start"), Sent::Json(json!({}), &[]))
            .await;
        self.get(&format!("{path}/progress")).await;
        self.make(&format!("{path}/pause")).await;
        self.make(&format!("{path}/resume")).await;
        self.make(&format!("{path}/cancel")).await;
        scheduler::step(&self.world.scheduler).await.unwrap();
        self.get(&format!("{path}/amd")).await;
        let who = json!({ "results": ["cancelled"], "name": "Spring reminders, again" });
        self.post(&format!("{path}/redial"), who).await;
    }

    async fn imports(&mut self, agent: &str) {
        let campaign = json!({ "name": "From a list", "kind": "information", "agent_id": agent });
        let campaign = self.post("/v1/campaigns", campaign).await.id();
        let path = format!("/v1/campaigns/{campaign}");
        let imports = format!("{path}/imports");
        let list = |query: &str| format!("{imports}?default_country=US{query}");
        self.ask("POST", &list("&dry_run=true"), Sent::Csv(LIST))
            .await;
        let made = self.ask("POST", &list(""), Sent::Csv(LIST)).await.id();
        self.get(&format!("/v1/imports/{made}")).await;
        self.get(&format!("/v1/imports/{made}/rejects")).await;
        self.delete(&format!("/v1/imports/{made}")).await;
        let begun = self
            .post(&format!("{path}/uploads"), json!({ "bytes": LIST.len() }))
            .await;
        put(&begun.json(), LIST).await;
        let import = begun.json()["import"]["id"].as_str().unwrap().to_owned();
        let start = format!("/v1/imports/{import}/start");
        let options = json!({ "default_country": "US", "columns": { "State": "region" } });
        self.post(&format!("{start}?dry_run=true"), options.clone())
            .await;
        self.post(&start, options).await;
        self.world.import_all().await;
        self.get(&imports).await;
    }

    /// Things that nothing uses, so that they can be archived.
    async fn archive(&mut self) {
        let texts = json!({ "name": "Old", "system": "You remind people.", "greeting": "Hello." });
        let prompt = self.post("/v1/prompts", texts).await.id();
        let agent = json!({ "name": "Old", "prompt_id": prompt });
        let agent = self.post("/v1/agents", agent).await.id();
        let number = json!({ "number": "+14155550198", "agent_id": agent });
        let number = self.post("/v1/numbers", number).await.id();
        let paths = [
            format!("/v1/numbers/{number}"),
            format!("/v1/agents/{agent}"),
            format!("/v1/prompts/{prompt}"),
        ];
        for path in &paths {
            self.make(&format!("{path}/archive")).await;
        }
        self.get(&paths[0]).await;
        for path in paths.iter().rev() {
            self.make(&format!("{path}/unarchive")).await;
        }
    }

    /// One recording that another program had made.
    async fn carrier_recordings(&mut self) {
        let foreign = "RE00000000000000000000000000000042";
        self.world.carrier.keep_recording(foreign, vec![0; 7]);
        self.world.carrier.recording_lasts(foreign, 42);
        let call = "CA00000000000000000000000000000042";
        self.world.carrier.recorded(foreign, call);
        let path = "/v1/carrier_recordings";
        self.make(&format!("{path}/reconcile")).await;
        scheduler::tick(&self.world.scheduler).await.unwrap();
        self.get(path).await;
        let ids = json!({ "carrier_recording_ids": [foreign] });
        self.post(&format!("{path}/delete"), ids).await;
    }

    async fn suppressions(&mut self) {
        let path = "/v1/suppressions/%2B14155550142";
        for _again in 0..2 {
            let note = Sent::Json(json!({ "note": "asked by letter" }), &[]);
            self.ask("PUT", path, note).await;
        }
        let list = Sent::Csv("number\r\n+14155550143\r\nnot a number\r\n");
        self.ask("POST", "/v1/suppressions/import?note=old%20system", list)
            .await;
        self.get("/v1/suppressions").await;
        self.get("/v1/suppressions.csv").await;
        self.get(path).await;
        self.delete(&format!("{path}?reason=opted%20in%20again"))
            .await;
    }
}
