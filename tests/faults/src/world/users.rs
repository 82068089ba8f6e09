//! What people do with the product by its API: they set it up, start campaigns, pause them and look after calls; and who calls us.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{OUR_NUMBER, OWNER_KEY, World};
use crate::lists::{self, List};
use crate::people;
use crate::process::{self, Kind};
use crate::rows::Call;

/// So long a user waits for the moment to do something.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// A user gives up after so many tries.
const ASK_TRIES_MAX: u32 = 40;
/// People who call us in a world with real workers.
const INBOUND_MAX: u64 = 6;

/// What the API answered.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) json: Value,
}

impl World {
    pub(super) async fn set_up(self: &Arc<Self>) {
        let prompt = json!({ "name": "p", "system": "You remind people.", "greeting": "Hello!" });
        let prompt = self.ask("POST", "/v1/prompts", &prompt).await.json;
        let agent =
            json!({ "name": "a", "prompt_id": prompt["id"], "amd": { "machine": "hang_up" } });
        let agent = self.ask("POST", "/v1/agents", &agent).await.json;
        let number = json!({ "number": OUR_NUMBER, "agent_id": agent["id"] });
        self.ask("POST", "/v1/numbers", &number).await;
        let mut lists = lists::lists(&self.chance, &self.people);
        if self.fleet.is_some() {
            lists = lists::with_messages(&self.chance, lists);
        }
        for list in lists {
            self.start(&list, &agent["id"]).await;
        }
        if self.fleet.is_some() {
            for nth in 0..self.chance.number(2..=INBOUND_MAX) {
                self.spawn(Arc::clone(self).somebody_calls(nth));
            }
        }
        for _deed in 0..self.chance.number(2..=8) {
            self.spawn(Arc::clone(self).user_acts());
        }
    }

    /// Somebody calls us, and hangs up when nobody takes the call for too long.
    async fn somebody_calls(self: Arc<Self>, nth: u64) {
        tokio::time::sleep(self.chance.secs(5..=*self.chance.pick(&[60, 600]))).await;
        if let Some(fleet) = self.fleet.as_ref().filter(|_| self.chance.per_mille(500)) {
            // When nobody is there, for a while.
            let empty = fleet.is_empty();
            let _whether = tokio::time::timeout(PATIENCE, empty).await;
        }
        let person = people::customer(&self.chance);
        let from = format!("+1415555{:04}", 300 + nth);
        let called = self
            .carrier
            .with(|core, now| core.call_in(&from, OUR_NUMBER, person, now));
        self.rows.tell(|| format!("{from} calls us: {called:?}"));
    }

    /// Makes a campaign of a list and starts it.
    async fn start(&self, list: &List, agent: &Value) {
        let mut campaign = list.body.clone();
        campaign["agent_id"] = agent.clone();
        let made = self.ask("POST", "/v1/campaigns", &campaign).await.json;
        let path = format!("/v1/campaigns/{}", made["id"].as_str().unwrap());
        let leads = list.numbers.iter().map(|number| {
            let priority = self.chance.pick(&["high", "normal", "low"]);
            let alternates = self.people.others(number);
            json!({ "number": number, "alternates": alternates, "priority": priority })
        });
        let leads = json!({ "leads": leads.collect::<Vec<Value>>() });
        self.ask("POST", &format!("{path}/leads"), &leads).await;
        self.ask("POST", &format!("{path}/start"), &Value::Null)
            .await;
        self.campaigns.lock().unwrap().push(path);
    }

    /// A user pauses and resumes, puts somebody on the suppression list, asks for less, or cancels: now
    /// and then just when a call of it is about to pass the gate.
    async fn user_acts(self: Arc<Self>) {
        let late = self.fleet.is_none();
        tokio::time::sleep(lists::some_time(&self.chance, late)).await;
        let (mut campaign, mut number) = {
            let campaigns = self.campaigns.lock().unwrap();
            let numbers = self.people.numbers();
            let campaign = self.chance.pick(campaigns.as_slice()).clone();
            (campaign, self.chance.pick(&numbers).clone())
        };
        if (self.users_pause || self.chance.per_mille(700))
            && let Some(call) = self.about_to_be_called().await
        {
            campaign = format!("/v1/campaigns/{}", call.campaign.unwrap());
            number = call.to;
            let wait = self.chance.ms(0..=20);
            if !self.users_pause {
                tokio::time::sleep(wait).await;
            }
        }
        let act = self.chance.number(0..=9);
        match if self.users_pause { 5 } else { act } {
            0..=4 => {
                let path = format!("/v1/suppressions/{number}");
                self.ask("PUT", &path, &json!({})).await;
            }
            5 | 6 => {
                let path = format!("{campaign}/pause");
                let paused = self.ask("POST", &path, &Value::Null).await;
                if paused.status == 200 {
                    tokio::time::sleep(self.chance.secs(60..=1_800)).await;
                    let path = format!("{campaign}/resume");
                    self.ask("POST", &path, &Value::Null).await;
                }
            }
            7 | 8 => {
                let most = json!({ "max_concurrent_calls": self.chance.number(1..=8) });
                self.ask("PATCH", &campaign, &most).await;
            }
            _ => {
                let path = format!("{campaign}/cancel");
                self.ask("POST", &path, &Value::Null).await;
            }
        }
    }

    /// Waits for a call that is about to pass the gate.
    async fn about_to_be_called(&self) -> Option<Call> {
        let number = tokio::time::timeout(PATIENCE, self.aws.deciding()).await;
        let number = number.ok()?;
        self.rows.look(|book| {
            let mut calls = book.calls.values();
            let about = |call: &&Call| call.state == "claimed" && call.to == number;
            calls.find(about).cloned()
        })
    }

    /// A user's request, which is made again until it is answered: functions die and storage fails under
    /// it too. What cannot be done in the campaign's state is answered with 409.
    async fn ask(&self, method: &str, path: &str, body: &Value) -> Answered {
        let key = self.chance.seed().to_string();
        for _try in 0..ASK_TRIES_MAX {
            let answered = Box::pin(self.ask_once(method, path, body, &key)).await;
            self.rows.tell(|| format!("{method} {path}: {answered:?}"));
            match answered {
                Some(answered) if answered.status < 500 => {
                    let known = matches!(answered.status, 200..=299 | 409);
                    assert!(known, "{method} {path}: {answered:?}");
                    return answered;
                }
                // Another one changed it in between; or nobody knows whether it was done.
                Some(_) | None => tokio::time::sleep(self.chance.secs(1..=20)).await,
            }
        }
        panic!("{method} {path} was never answered");
    }

    /// `None`: no answer, or the revision that it was made from is not the last one any more.
    async fn ask_once(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        key: &str,
    ) -> Option<Answered> {
        let asked = |revision: Option<&str>| {
            let mut request = http::Request::builder()
                .method(method)
                .uri(path)
                .header("authorization", format!("Bearer {OWNER_KEY}"))
                .header("idempotency-key", key);
            if let Some(revision) = revision {
                request = request.header("if-match", revision);
            }
            if body.is_null() {
                return request.body(Body::empty()).unwrap();
            }
            let request = request.header("content-type", "application/json");
            request.body(Body::from(body.to_string())).unwrap()
        };
        let (chance, plug, deaths) = (&self.chance, &self.plug, self.weather.api_deaths);
        let answered = process::run(Kind::Api, chance, plug, deaths, async {
            if method != "PATCH" {
                return Some(answered(self.api.clone().oneshot(asked(None)).await.unwrap()).await);
            }
            let request = http::Request::builder().uri(path);
            let request = request.header("authorization", format!("Bearer {OWNER_KEY}"));
            let request = request.body(Body::empty()).unwrap();
            let read = self.api.clone().oneshot(request).await.unwrap();
            let revision = read.headers().get("etag")?.to_str().unwrap().to_owned();
            let response = self.api.clone().oneshot(asked(Some(&revision)));
            Some(answered(response.await.unwrap()).await).filter(|answered| answered.status != 412)
        });
        answered.await.flatten()
    }
}

async fn answered(response: axum::response::Response) -> Answered {
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
    Answered {
        status,
        json: serde_json::from_slice(&body.unwrap()).unwrap_or_default(),
    }
}
