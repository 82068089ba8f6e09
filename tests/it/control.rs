//! The control plane against the embedded engines and a carrier that does as it is told.
//!
//! Each test has its own world: engines in a folder of its own, the API and the webhooks on a port of
//! their own, a clock that stands still until it is moved, and a fake carrier that counts what it is
//! asked. What it answers is the test's choice; the strict carrier is `sim::carriers::twilio`.
//!
//! With `TRUNKLINE_CONFORMANCE_ENDPOINT` set the same tests run on what is there, as the conformance
//! suite does: the promises must not hang on a peculiarity of our own engines.

mod access;
mod agents;
mod archiving;
mod callbacks;
mod calls;
mod campaigns;
mod carrier;
mod carrier_recordings;
mod consent;
mod corrections;
mod dialling;
mod document;
mod filters;
mod forecasts;
mod held;
mod imports;
mod inbound;
mod late_leads;
mod leads;
mod placing;
mod planning;
mod recordings;
mod releases;
mod requests;
mod sessions;
mod slots;
mod suppressions;
mod sweeping;
mod workforce;
mod zones;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::carrier::twilio::client::{Client, ClientConfig, Retry};
use ::carrier::twilio::signature::{self, Tokens};
use ::carrier::{CarrierName, Signatures};
use ::doctor::{Doctor, Installation, Place};
use jiff::{SignedDuration, Timestamp};
use model::{CallId, TenantId, WorkerId};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use service::account::access::Role;
use service::account::keys::Keys;
use service::{Clock, Context, Ids, Links};
use settings::{Dialing, Secret, Variables};
use store::{CallRow, DialJob, Store, WorkerRow, WorkerState};
use tokio::net::TcpListener;

use carrier::FakeCarrier;

use crate::installation::{Campaigns, OwnStorage};
use crate::leftovers::Left;
use crate::template::iam::{self, Who};

const AUTH_TOKEN: &str = "12345";
const OWNER_KEY: &str = "tk_owner_of_the_first_tenant";
const OTHER_KEY: &str = "tk_owner_of_another_tenant";
pub(crate) const OUR_NUMBER: &str = "+14155550199";
pub(crate) const THEIR_NUMBER: &str = "+14155550100";

/// Situations that together make every function do all that it ever asks of AWS.
pub(crate) const EVERYTHING: &[fn()] = &[
    access::an_owner_is_told_what_is_wrong_with_the_installation,
    callbacks::a_machine_that_answers_is_hung_up_on,
    callbacks::somebody_calls_us_and_the_webhook_is_repeated,
    callbacks::status_callbacks_in_any_order_and_twice_end_the_same,
    callbacks::the_carrier_gets_five_more_streams_and_then_hangs_up,
    campaigns::a_campaign_is_made_read_listed_changed_and_deleted,
    campaigns::a_redial_takes_those_who_match_and_cannot_start_before_all_are_there,
    campaigns::a_redial_that_is_not_whole_goes_on_by_itself,
    campaigns::leads_are_added_once_filtered_changed_and_removed,
    carrier_recordings::a_listing_that_fails_in_the_middle_goes_on_from_there,
    carrier_recordings::recordings_are_deleted_by_id_and_refused_by_name,
    carrier_recordings::what_is_copied_is_deleted_and_what_is_not_is_left_or_copied,
    corrections::a_corrected_number_is_called_and_the_wrong_one_never_again,
    corrections::a_zone_and_a_region_are_corrected_and_the_lead_keeps_its_time,
    dialling::a_campaign_is_called_from_its_first_lead_to_its_last,
    held::who_presses_the_key_while_held_is_not_called_again,
    imports::a_large_list_goes_by_the_bucket_and_the_queue,
    imports::a_small_list_is_in_the_campaign_when_the_request_answers,
    imports::an_import_is_undone_but_for_those_who_were_called,
    imports::an_import_whose_time_is_over_sends_itself_again,
    imports::the_same_request_twice_is_one_import,
    inbound::a_call_that_came_in_is_recorded_once_its_customer_is_told_so,
    inbound::a_call_that_nobody_takes_is_a_row_however_often_it_is_told,
    inbound::who_calls_back_is_known_by_number_and_their_lead_stays_as_it_is,
    late_leads::a_list_that_comes_after_the_end_runs_it_again_and_ends_it_when_it_is_taken_back,
    recordings::a_copy_that_a_worker_left_behind_is_removed,
    recordings::a_deletion_that_fails_is_repeated_without_copying_again,
    recordings::a_long_recording_goes_up_in_parts,
    recordings::a_recording_is_copied_verified_deleted_and_can_be_fetched,
    recordings::a_recording_that_nobody_told_of_is_found_and_kept,
    recordings::a_transfer_that_breaks_off_deletes_nothing,
    recordings::a_worker_takes_its_work_from_the_queue,
    recordings::of_two_jobs_at_once_the_verified_copy_stays,
    recordings::what_is_too_short_for_its_duration_is_not_kept,
    sessions::a_call_is_resumed_with_what_was_said,
    suppressions::a_list_of_numbers_is_added_whole_and_its_bad_rows_are_told,
    suppressions::a_user_says_what_picked_up_and_detection_is_measured_by_it,
    suppressions::a_suppressed_number_is_kept_out_ended_listed_exported_and_let_back_in,
    suppressions::somebody_who_says_stop_in_a_call_is_not_called_again,
    suppressions::the_lead_of_the_call_in_which_they_said_stop_ends_as_opted_out,
    sweeping::a_call_whose_end_was_never_told_is_asked_about,
    sweeping::a_call_whose_worker_died_ends_within_a_tick,
    sweeping::a_call_whose_function_died_while_it_was_placed_is_settled_without_a_message,
    sweeping::a_claimed_call_that_nobody_could_place_ends_and_its_lead_waits_again,
    sweeping::a_claimed_call_whose_message_was_lost_is_sent_again,
    sweeping::how_long_a_call_was_is_learned_without_its_last_callback,
    workforce::a_worker_counts_while_it_says_so,
    workforce::somebody_who_calls_while_there_is_no_worker_is_held_until_one_joins,
    workforce::who_hangs_up_while_held_after_a_crash_does_not_stay_on,
    workforce::who_hangs_up_while_held_is_a_missed_call,
];

/// Everything that a test of the control plane needs.
pub(crate) struct World {
    // First: it looks at what is left while nothing else is gone.
    pub(crate) own: OwnStorage,
    pub(crate) url: String,
    pub(crate) parts: Context,
    pub(crate) dial: dial::DialState,
    pub(crate) scheduler: scheduler::SchedulerState,
    pub(crate) import: import::ImportState,
    /// What a media worker is built from.
    pub(crate) worker: Context,
    worker_id: WorkerId,
    pub(crate) carrier: FakeCarrier,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) tenant: TenantId,
    pub(crate) other_tenant: TenantId,
    http: reqwest::Client,
}

/// A clock that stands until it is moved.
#[derive(Debug)]
pub(crate) struct TestClock(Mutex<Timestamp>);

impl TestClock {
    pub(crate) fn pass(&self, seconds: i64) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// What a request brings.
pub(crate) enum Sent<'a> {
    Nothing,
    Json(Value, &'a [(&'a str, &'a str)]),
    Csv(&'static str),
}

/// What the API or a webhook answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) etag: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn id(&self) -> String {
        self.json()["id"].as_str().unwrap().to_owned()
    }

    /// Where a problem says that something is wrong: pointers into the body, parameters, rows.
    pub(crate) fn fields(&self) -> Vec<String> {
        let json = self.json();
        let errors = json["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(place).collect()
    }
}

/// Where a field's problem is.
pub(crate) fn place(error: &Value) -> String {
    let text = error["pointer"].as_str().or(error["parameter"].as_str());
    let row = error["row"].as_u64().map(|row| format!("row {row}"));
    match text {
        Some("") => "the body".to_owned(),
        Some(text) => text.to_owned(),
        None => row.unwrap(),
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_at(Timestamp::now()).await
    }

    pub(crate) async fn start_at(now: Timestamp) -> Self {
        // The clock stands: calls must not wait for it.
        let dialing = Dialing {
            call_interval: Duration::from_millis(1),
            ..Dialing::default()
        };
        Self::start_with_at(dialing, now).await
    }

    pub(crate) async fn start_with(dialing: Dialing) -> Self {
        Self::start_with_at(dialing, Timestamp::now()).await
    }

    async fn start_with_at(dialing: Dialing, now: Timestamp) -> Self {
        let own = OwnStorage::start().await;
        let fake = FakeCarrier::start().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let clock = Arc::new(TestClock(Mutex::new(now)));
        fake.set_clock(Arc::clone(&clock));
        let parts = Context {
            store: own.store.clone(),
            carrier: Arc::new(client(&fake)),
            signatures: Signatures::Twilio(Tokens::new(Secret::new(AUTH_TOKEN.to_owned()))),
            links: Links::new(
                url.parse().unwrap(),
                url.parse().unwrap(),
                CarrierName::Twilio,
            )
            .unwrap(),
            dialing,
            vendors: variables(&fake, &url).settings().unwrap().roster(),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            ids: Ids::new(Arc::clone(&clock) as Arc<dyn Clock>),
        };
        // Each function has the rights that the template gives it.
        let held_to = |who| {
            let clients = iam::held_to(who, &own.clients, &own.names);
            Context {
                store: Store::new(&clients, &own.names, &own.queues),
                ..parts.clone()
            }
        };
        let doctor = Doctor::new(Installation {
            variables: variables(&fake, &url),
            place: Place::Aws,
            store: Some(held_to(Who::Api).store),
            secrets: None,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            command: None,
        });
        let router = api::router(api::State::new(&held_to(Who::Api), doctor)).merge(
            ::callbacks::router(::callbacks::CallbackState::new(&held_to(Who::Callbacks))),
        );
        tokio::spawn(async move { axum::serve(listener, router).await });

        let keys = keys(&held_to(Who::Api));
        let secret = |text: &str| Secret::new(text.to_owned());
        let owner = keys.ensure_owner("us", &secret(OWNER_KEY)).await.unwrap();
        let other = keys
            .add_tenant("them", Role::Owner, &secret(OTHER_KEY))
            .await
            .unwrap();
        let worker = held_to(Who::Worker);
        // One that is always there, with room for everybody.
        let worker_row = WorkerRow {
            id: parts.ids.fresh(WorkerId::from_parts),
            state: WorkerState::Ready,
            calls: 0,
            calls_max: 1_000,
            until: Timestamp::MAX,
            unreached: None,
        };
        worker.store.workers.put(&worker_row).await.unwrap();
        let no_redirect = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().redirect(no_redirect);
        own.watch(&[owner.tenant_id, other.tenant_id]);
        Self {
            url,
            dial: dial::DialState::new(&held_to(Who::Dial)),
            scheduler: scheduler::SchedulerState::new(&held_to(Who::Scheduler)),
            import: import::ImportState::new(&held_to(Who::Import)),
            worker,
            worker_id: worker_row.id,
            own,
            parts,
            carrier: fake,
            clock,
            tenant: owner.tenant_id,
            other_tenant: other.tenant_id,
            http: http.build().unwrap(),
        }
    }

    /// What the test means to leave behind; without it, nothing.
    pub(crate) fn leaves(&self, left: Left) {
        self.own.leaves(left);
    }

    pub(crate) fn campaigns(&self) -> Campaigns<'_> {
        Campaigns {
            parts: &self.parts,
            tenant: self.tenant,
        }
    }

    /// The worker that is always there goes.
    pub(crate) async fn without_worker(&self) {
        let workers = &self.worker.store.workers;
        workers.remove(self.worker_id).await.unwrap();
    }

    /// A request of the first tenant's owner.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.ask_as(OWNER_KEY, method, path, body, &[]).await
    }

    /// A request of the other tenant's owner.
    pub(crate) async fn other_asks(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.ask_as(OTHER_KEY, method, path, body, &[]).await
    }

    pub(crate) async fn ask_with(
        &self,
        headers: &[(&str, &str)],
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        self.ask_as(OWNER_KEY, method, path, body, headers).await
    }

    pub(crate) async fn ask_as(
        &self,
        key: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let method: Method = method.parse().unwrap();
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if !key.is_empty() {
            request = request.bearer_auth(key);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        answer(request).await
    }

    /// A request of the first tenant's owner, whatever it brings.
    pub(crate) async fn send(&self, method: &str, path: &str, sent: Sent<'_>) -> Answer {
        match sent {
            Sent::Nothing => self.ask(method, path, None).await,
            Sent::Json(body, headers) => self.ask_with(headers, method, path, Some(body)).await,
            Sent::Csv(list) => self.ask_raw(path, "text/csv", list).await,
        }
    }

    /// A request whose body is sent as it is.
    pub(crate) async fn ask_raw(
        &self,
        path: &str,
        content_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let request = self.http.post(format!("{}{path}", self.url));
        let request = request.bearer_auth(OWNER_KEY);
        answer(request.header("content-type", content_type).body(body)).await
    }

    /// A request with these headers and no other, and a body as it is.
    pub(crate) async fn ask_bytes(
        &self,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let method: Method = method.parse().unwrap();
        let request = self.http.request(method, format!("{}{path}", self.url));
        let headers = headers.iter();
        let request = headers.fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        answer(request.bearer_auth(OWNER_KEY).body(body)).await
    }

    /// A webhook as the carrier signs and sends it.
    pub(crate) async fn webhook(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let url = format!("{}{path}", self.url);
        let token = Secret::new(AUTH_TOKEN.to_owned());
        let signature = signature::sign_form(&token, &url, fields);
        self.webhook_signed(path, fields, Some(&signature)).await
    }

    pub(crate) async fn webhook_signed(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        signature: Option<&str>,
    ) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let mut request = self
            .http
            .post(format!("{}{path}", self.url))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        if let Some(signature) = signature {
            request = request.header("X-Twilio-Signature", signature);
        }
        answer(request).await
    }

    /// A status callback of a call of the first tenant's.
    pub(crate) async fn status(&self, call: &str, sid: &str, status: &str, seq: &str) -> Answer {
        let path = format!("/carriers/twilio/status/{}/{call}", self.tenant);
        let at = "Fri, 20 Nov 2026 23:00:00 +0000";
        let fields = [
            ("CallSid", sid),
            ("AccountSid", carrier::ACCOUNT),
            ("From", OUR_NUMBER),
            ("To", THEIR_NUMBER),
            ("CallStatus", status),
            ("Timestamp", at),
            ("SequenceNumber", seq),
            ("CallbackSource", "call-progress-events"),
        ];
        self.webhook(&path, &fields).await
    }

    /// A prompt without variables, an agent with it and a number to call from.
    pub(crate) async fn agent(&self) -> String {
        self.agent_saying("You remind people of things.", "Hello!")
            .await
    }

    pub(crate) async fn agent_saying(&self, system: &str, greeting: &str) -> String {
        let prompt = json!({ "name": "p", "system": system, "greeting": greeting });
        // Whoever calls brings no variables.
        let answers = !system.contains("{{") && !greeting.contains("{{");
        self.agent_of(prompt, answers).await
    }

    /// An agent with this prompt, and one of our numbers, which it answers or not.
    pub(crate) async fn agent_of(&self, prompt: Value, answers: bool) -> String {
        let prompt = self.ask("POST", "/v1/prompts", Some(prompt)).await;
        assert_eq!(prompt.status, 201, "{}", prompt.text);
        let agent = json!({ "name": "a", "prompt_id": prompt.id() });
        let agent = self.ask("POST", "/v1/agents", Some(agent)).await;
        assert_eq!(agent.status, 201, "{}", agent.text);
        let number = json!({ "number": OUR_NUMBER, "agent_id": answers.then(|| agent.id()) });
        let number = self.ask("POST", "/v1/numbers", Some(number)).await;
        assert!([201, 409].contains(&number.status), "{}", number.text);
        agent.id()
    }

    /// A call that is claimed and waits in the queue.
    pub(crate) async fn call(&self, agent: &str) -> String {
        let call = json!({ "to": THEIR_NUMBER, "kind": "information", "agent_id": agent, "override": any_hour() });
        let call = self.ask("POST", "/v1/calls", Some(call)).await;
        assert_eq!(call.status, 201, "{}", call.text);
        call.id()
    }

    /// A call that the carrier has, with the carrier's id of it.
    pub(crate) async fn placed_call(&self) -> (String, String) {
        let agent = self.agent().await;
        let call = self.call(&agent).await;
        assert_eq!(self.dial_all().await, 1);
        let row = self.row(&call).await;
        (call, row.call.carrier_call_id.unwrap())
    }

    /// Delivers what waits in the dial queue, as Lambda would; answers how many were delivered.
    pub(crate) async fn dial_all(&self) -> usize {
        let mut delivered = 0;
        loop {
            let queue = &self.parts.store.dial;
            let received = queue.receive(10, Duration::ZERO).await.unwrap();
            if received.is_empty() {
                return delivered;
            }
            for message in received {
                delivered += 1;
                let failed = self.deliver(&message.body).await;
                assert!(!failed, "the message failed");
                queue.done(&message.receipt).await.unwrap();
            }
        }
    }

    /// Delivers what waits in the import queue, as Lambda would; answers how many were delivered.
    pub(crate) async fn import_all(&self) -> usize {
        let mut delivered = 0;
        loop {
            let queue = &self.parts.store.import;
            let received = queue.receive(10, Duration::ZERO).await.unwrap();
            if received.is_empty() {
                return delivered;
            }
            for message in received {
                delivered += 1;
                let event = sqs_event(&[&message.body]);
                let response = import::handle(event, &self.import).await;
                assert!(response.batch_item_failures.is_empty());
                queue.done(&message.receipt).await.unwrap();
            }
        }
    }

    /// Delivers a dial message's body; answers whether it must come again.
    pub(crate) async fn deliver(&self, body: &str) -> bool {
        let event = sqs_event(&[body]);
        let response = dial::handle(event, &self.dial).await;
        !response.batch_item_failures.is_empty()
    }

    pub(crate) fn dial_message(&self, call: &str) -> String {
        let job = DialJob {
            tenant_id: self.tenant,
            call_id: call.parse().unwrap(),
            trace_id: None,
        };
        serde_json::to_string(&job).unwrap()
    }

    pub(crate) async fn row(&self, call: &str) -> CallRow {
        let id: CallId = call.parse().unwrap();
        let row = self.parts.store.calls.get(self.tenant, id).await.unwrap();
        row.unwrap()
    }

    /// The state and, once there is one, the outcome.
    pub(crate) async fn told(&self, call: &str) -> String {
        let call = self.ask("GET", &format!("/v1/calls/{call}"), None).await;
        let call = call.json();
        let state = call["state"].as_str().unwrap();
        match call["outcome"].as_str() {
            Some(outcome) => format!("{state} {outcome}"),
            None => state.to_owned(),
        }
    }
}

/// What a function here would be started with. Vendors are asked where nobody answers as they do.
fn variables(fake: &FakeCarrier, url: &str) -> Variables {
    let values = [
        ("PUBLIC_URL", url),
        ("TWILIO_BASE_URL", &fake.url),
        ("TWILIO_ACCOUNT_SID", carrier::ACCOUNT),
        ("TWILIO_AUTH_TOKEN", AUTH_TOKEN),
        ("DEEPGRAM_BASE_URL", &fake.url),
        ("DEEPGRAM_API_KEY", "key"),
        ("OPENAI_BASE_URL", &fake.url),
        ("ELEVENLABS_BASE_URL", &fake.url),
        ("ELEVENLABS_API_KEY", "key"),
        ("ELEVENLABS_VOICE_ID", "voice"),
    ];
    let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Variables::from(BTreeMap::from(values))
}

/// An owner's word that a call is placed whatever the hour: these tests run at any.
pub(crate) fn any_hour() -> Value {
    json!({ "reason": "a test runs at any hour" })
}

pub(crate) fn keys(parts: &Context) -> Keys {
    Keys::new(&parts.store, Arc::clone(&parts.clock), parts.ids.clone())
}

pub(crate) fn sqs_event(bodies: &[&str]) -> aws_lambda_events::sqs::SqsEvent {
    let records: Vec<_> = bodies
        .iter()
        .enumerate()
        .map(|(place, body)| json!({ "messageId": format!("m{place}"), "body": body }))
        .collect();
    serde_json::from_value(json!({ "Records": records })).unwrap()
}

fn client(fake: &FakeCarrier) -> Client {
    let mut config = ClientConfig::new(
        fake.url.parse().unwrap(),
        carrier::ACCOUNT.parse().unwrap(),
        Secret::new(AUTH_TOKEN.to_owned()),
    );
    config.retry = Retry {
        attempts_max: 2,
        base: Duration::from_millis(1),
        wait_max: Duration::from_millis(2),
        retry_after_max: Duration::ZERO,
    };
    Client::new(config).unwrap()
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let (client, request) = request.build_split();
    let request = request.unwrap();
    let (method, path) = (request.method().clone(), request.url().path().to_owned());
    let response = client.execute(request).await.unwrap();
    let header = |name: &str| {
        let value = response.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    let (etag, location) = (header("etag"), header("location"));
    let status = response.status();
    if status.is_client_error() && status != StatusCode::PAYLOAD_TOO_LARGE {
        assert_eq!(
            header("content-type").as_deref(),
            Some("application/problem+json")
        );
    }
    let headers = response.headers().clone();
    let text = response.text().await.unwrap();
    document::hold(&document::Answered {
        method: method.as_str(),
        path: &path,
        status: status.as_u16(),
        headers: &headers,
        body: &text,
    });
    Answer {
        status: status.as_u16(),
        etag,
        location,
        text,
    }
}
