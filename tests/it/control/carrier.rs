//! A carrier that does as it is told and counts what it is asked.
//!
//! `sim::carriers::twilio` cannot be it: there people answer and statuses follow by the carrier's own time, and
//! here a test says itself what is reported, in any order, while its clock stands.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use service::Clock as _;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::TestClock;

pub(crate) const ACCOUNT: &str = "AC00000000000000000000000000000001";

/// What the carrier does with the next requests to call somebody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum OnCreate {
    #[default]
    Take,
    /// Takes the call and loses the answer on the way.
    TakeAndLose,
    /// Loses the request.
    Lose,
    /// Refuses with a status and an error code.
    Refuse(u16, u32),
}

#[derive(Debug, Clone)]
pub(crate) struct FakeCarrier {
    pub(crate) url: String,
    state: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    clock: Option<Arc<TestClock>>,
    on_create: OnCreate,
    /// Every request to call somebody, by its form.
    created: Vec<BTreeMap<String, String>>,
    calls: BTreeMap<String, Value>,
    /// Its list of calls lags behind.
    lists_no_calls: bool,
    hung_up: Vec<String>,
    /// New instructions for live calls, and how many of those requests are refused.
    instructed: Vec<String>,
    refuse_instructions: usize,
    /// How many requests to hang up fail.
    fail_hang_ups: usize,
    recordings: BTreeMap<String, Vec<u8>>,
    /// Seconds that recordings last, of those that last at all.
    durations: BTreeMap<String, u32>,
    /// Live calls that were to be recorded, with the form; and how many answers to that are lost.
    recordings_begun: Vec<(String, BTreeMap<String, String>)>,
    lose_recording_answers: usize,
    /// Recordings with their calls, the newest last.
    recorded: Vec<(String, String)>,
    /// The pages of the account's recordings that were asked for, by the recording that they come after.
    listed: Vec<Option<String>>,
    /// Pages of the account's recordings that it still answers with; `None`: all.
    lists_left: Option<usize>,
    /// What is sent of a recording after the first time.
    then_sends: Option<Vec<u8>>,
    /// Who fetches a recording after the first time waits here until it is deleted.
    later_wait: Option<Arc<Notify>>,
    /// Bytes after which a recording's transfer breaks off.
    break_after: Option<usize>,
    fetched: usize,
    deletions_fail: bool,
    deleted: Vec<String>,
}

impl Inner {
    /// What the carrier says of a recording.
    fn told_of(&self, sid: &str) -> Value {
        let seconds = self.durations.get(sid).copied().unwrap_or_default();
        let of = self.recorded.iter().find(|(recording, _)| recording == sid);
        json!({
            "sid": sid,
            "call_sid": of.map(|(_, call)| call),
            "status": "completed",
            "duration": seconds.to_string(),
            "channels": 2,
            "start_time": "Fri, 20 Nov 2026 23:00:00 +0000",
        })
    }

    fn forget(&mut self, sid: &str) {
        self.recordings.remove(sid);
        self.recorded.retain(|(recording, _)| recording != sid);
    }

    /// A page of the account's recordings, the newest first. As a page is found by the recording that it comes
    /// after, nothing comes after one that is gone.
    fn page(&mut self, size: usize, after: Option<&str>) -> Value {
        self.listed.push(after.map(str::to_owned));
        let mut all = self.recorded.iter().rev().map(|(sid, _)| sid.clone());
        if let Some(after) = after {
            all.find(|sid| sid == after);
        }
        let all: Vec<String> = all.collect();
        let page: Vec<_> = all.iter().take(size).collect();
        let list = format!("/2010-04-01/Accounts/{ACCOUNT}/Recordings.json");
        let next = page.last().filter(|_| all.len() > size);
        let next = next.map(|last| format!("{list}?PageSize={size}&Page=1&PageToken=PA{last}"));
        let recordings: Vec<_> = page.into_iter().map(|sid| self.told_of(sid)).collect();
        json!({ "recordings": recordings, "next_page_uri": next })
    }
}

impl FakeCarrier {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(Inner::default()));
        let base = format!("/2010-04-01/Accounts/{ACCOUNT}");
        let router = Router::new()
            .route(&format!("{base}/Calls.json"), post(create).get(list))
            .route(&format!("{base}/Calls/{{sid}}"), post(update).get(fetch))
            .route(
                &format!("{base}/Calls/{{sid}}/Recordings.json"),
                post(begin_recording),
            )
            .route(&format!("{base}/Recordings.json"), get(list_recordings))
            .route(
                &format!("{base}/Recordings/{{sid}}"),
                get(recording).delete(delete),
            )
            .with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, state }
    }

    pub(crate) fn set_clock(&self, clock: Arc<TestClock>) {
        self.state.lock().unwrap().clock = Some(clock);
    }

    pub(crate) fn on_create(&self, answer: OnCreate) {
        self.state.lock().unwrap().on_create = answer;
    }

    /// How often it was asked to call somebody.
    pub(crate) fn asked_to_call(&self) -> usize {
        self.state.lock().unwrap().created.len()
    }

    pub(crate) fn form(&self, place: usize) -> BTreeMap<String, String> {
        self.state.lock().unwrap().created[place].clone()
    }

    /// The instructions that live calls were given, oldest first.
    pub(crate) fn instructed(&self) -> Vec<String> {
        self.state.lock().unwrap().instructed.clone()
    }

    pub(crate) fn refuse_instructions(&self, times: usize) {
        self.state.lock().unwrap().refuse_instructions = times;
    }

    pub(crate) fn hung_up(&self) -> Vec<String> {
        self.state.lock().unwrap().hung_up.clone()
    }

    pub(crate) fn fail_hang_ups(&self, times: usize) {
        self.state.lock().unwrap().fail_hang_ups = times;
    }

    /// Somebody else has a call of the same numbers as the first that was asked for.
    pub(crate) fn somebody_calls(&self, sid: &str, direction: &str, parent: Option<&str>) {
        let mut inner = self.state.lock().unwrap();
        let now = inner.clock.as_ref().unwrap().now();
        let created = rfc2822::to_string(&now.to_zoned(TimeZone::UTC)).unwrap();
        let form = &inner.created[0];
        let call = json!({
            "sid": sid, "status": "in-progress", "to": form["To"], "from": form["From"],
            "date_created": created, "direction": direction, "parent_call_sid": parent,
        });
        inner.calls.insert(sid.to_owned(), call);
    }

    pub(crate) fn lists_calls(&self, lists: bool) {
        self.state.lock().unwrap().lists_no_calls = !lists;
    }

    pub(crate) fn set_status(&self, sid: &str, status: &str) {
        let mut inner = self.state.lock().unwrap();
        let call = inner.calls.get_mut(sid).unwrap();
        call["status"] = json!(status);
    }

    /// Asked about this call, the carrier does not know it.
    pub(crate) fn forgets(&self, sid: &str) {
        self.state.lock().unwrap().calls.remove(sid);
    }

    /// How long a call was, as the carrier bills it.
    pub(crate) fn lasted(&self, sid: &str, seconds: u32) {
        let mut inner = self.state.lock().unwrap();
        let call = inner.calls.get_mut(sid).unwrap();
        call["duration"] = json!(seconds.to_string());
    }

    pub(crate) fn keep_recording(&self, sid: &str, wav: Vec<u8>) {
        self.state
            .lock()
            .unwrap()
            .recordings
            .insert(sid.to_owned(), wav);
    }

    pub(crate) fn recording_lasts(&self, sid: &str, seconds: u32) {
        let mut inner = self.state.lock().unwrap();
        inner.durations.insert(sid.to_owned(), seconds);
    }

    /// The carrier lists a recording with its call.
    pub(crate) fn recorded(&self, sid: &str, call: &str) {
        let mut inner = self.state.lock().unwrap();
        inner.recorded.push((sid.to_owned(), call.to_owned()));
    }

    /// Recordings that the carrier has and lists, the oldest first.
    pub(crate) fn recordings(&self) -> Vec<String> {
        let inner = self.state.lock().unwrap();
        inner.recorded.iter().map(|(sid, _)| sid.clone()).collect()
    }

    /// The pages of the account's recordings that were asked for, by the recording that they come after.
    pub(crate) fn listed(&self) -> Vec<Option<String>> {
        self.state.lock().unwrap().listed.clone()
    }

    /// So many more pages of the account's recordings come; `None`: all.
    pub(crate) fn lists_work(&self, times: Option<usize>) {
        self.state.lock().unwrap().lists_left = times;
    }

    /// Somebody deletes a recording in the carrier's console.
    pub(crate) fn lose_recording(&self, sid: &str) {
        self.state.lock().unwrap().forget(sid);
    }

    /// Live calls that were to be recorded, with the form of each request.
    pub(crate) fn recordings_begun(&self) -> Vec<(String, BTreeMap<String, String>)> {
        self.state.lock().unwrap().recordings_begun.clone()
    }

    pub(crate) fn lose_recording_answers(&self, times: usize) {
        self.state.lock().unwrap().lose_recording_answers = times;
    }

    /// Whoever fetches a recording for the second time gets something else.
    pub(crate) fn then_sends(&self, wav: Vec<u8>) {
        self.state.lock().unwrap().then_sends = Some(wav);
    }

    /// Who fetches a recording after the first time is answered once it is deleted.
    pub(crate) fn later_fetches_wait(&self) {
        self.state.lock().unwrap().later_wait = Some(Arc::default());
    }

    pub(crate) fn break_after(&self, bytes: Option<usize>) {
        self.state.lock().unwrap().break_after = bytes;
    }

    pub(crate) fn deletions_fail(&self, fail: bool) {
        self.state.lock().unwrap().deletions_fail = fail;
    }

    pub(crate) fn fetched(&self) -> usize {
        self.state.lock().unwrap().fetched
    }

    pub(crate) fn deleted(&self) -> Vec<String> {
        self.state.lock().unwrap().deleted.clone()
    }

    /// A call that somebody made to one of our numbers.
    pub(crate) fn inbound(&self, sid: &str) {
        let call = json!({ "sid": sid, "status": "in-progress" });
        self.state
            .lock()
            .unwrap()
            .calls
            .insert(sid.to_owned(), call);
    }
}

type Shared = State<Arc<Mutex<Inner>>>;

async fn create(State(state): Shared, body: Bytes) -> Response {
    let mut inner = state.lock().unwrap();
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    inner.created.push(form.clone());
    let sid = format!("CA{:032x}", inner.created.len());
    let now = inner.clock.as_ref().unwrap().now();
    let created = rfc2822::to_string(&now.to_zoned(TimeZone::UTC)).unwrap();
    let call = json!({
        "sid": sid, "status": "queued", "to": form["To"], "from": form["From"],
        "date_created": created,
    });
    match inner.on_create {
        OnCreate::Take => {
            inner.calls.insert(sid, call.clone());
            (StatusCode::CREATED, call.to_string()).into_response()
        }
        OnCreate::TakeAndLose => {
            inner.calls.insert(sid, call);
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
        OnCreate::Lose => StatusCode::GATEWAY_TIMEOUT.into_response(),
        OnCreate::Refuse(status, code) => {
            let problem = json!({ "code": code, "message": "no", "status": status });
            (StatusCode::from_u16(status).unwrap(), problem.to_string()).into_response()
        }
    }
}

async fn list(State(state): Shared) -> String {
    let inner = state.lock().unwrap();
    let listed = inner.calls.values().filter(|_| !inner.lists_no_calls);
    let calls: Vec<_> = listed.collect();
    json!({ "calls": calls, "next_page_uri": null }).to_string()
}

async fn fetch(State(state): Shared, Path(sid): Path<String>) -> Response {
    let inner = state.lock().unwrap();
    match inner.calls.get(sid.trim_end_matches(".json")) {
        Some(call) => call.to_string().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn update(State(state): Shared, Path(sid): Path<String>, body: Bytes) -> Response {
    let mut inner = state.lock().unwrap();
    let sid = sid.trim_end_matches(".json").to_owned();
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    if let Some(twiml) = form.get("Twiml") {
        if inner.refuse_instructions > 0 {
            inner.refuse_instructions -= 1;
            let problem = json!({ "code": 21_220, "message": "not in progress", "status": 400 });
            return (StatusCode::BAD_REQUEST, problem.to_string()).into_response();
        }
        inner.instructed.push(twiml.clone());
        return match inner.calls.get(&sid) {
            Some(call) => call.to_string().into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        };
    }
    if inner.fail_hang_ups > 0 {
        inner.fail_hang_ups -= 1;
        return StatusCode::BAD_GATEWAY.into_response();
    }
    inner.hung_up.push(sid.clone());
    match inner.calls.get_mut(&sid) {
        Some(call) => {
            call["status"] = json!("completed");
            call.to_string().into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn begin_recording(State(state): Shared, Path(sid): Path<String>, body: Bytes) -> Response {
    let mut inner = state.lock().unwrap();
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    inner.recordings_begun.push((sid.clone(), form));
    let recording = format!("RE{:032x}", 0xa0 + inner.recordings_begun.len());
    inner.recorded.push((recording.clone(), sid.clone()));
    if inner.lose_recording_answers > 0 {
        inner.lose_recording_answers -= 1;
        return StatusCode::GATEWAY_TIMEOUT.into_response();
    }
    let begun = json!({ "sid": recording, "call_sid": sid, "status": "in-progress" });
    (StatusCode::CREATED, begun.to_string()).into_response()
}

async fn list_recordings(
    State(state): Shared,
    Query(asked): Query<BTreeMap<String, String>>,
) -> Response {
    let mut inner = state.lock().unwrap();
    if let Some(call) = asked.get("CallSid") {
        let listed = inner.recorded.iter().filter(|(_, of)| of == call);
        let listed: Vec<_> = listed.map(|(sid, _)| inner.told_of(sid)).collect();
        return json!({ "recordings": listed, "next_page_uri": null })
            .to_string()
            .into_response();
    }
    match &mut inner.lists_left {
        Some(0) => return StatusCode::BAD_GATEWAY.into_response(),
        Some(left) => *left -= 1,
        None => {}
    }
    let after = asked
        .get("PageToken")
        .map(|token| token.strip_prefix("PA").unwrap());
    let page = inner.page(asked["PageSize"].parse().unwrap(), after);
    page.to_string().into_response()
}

async fn recording(State(state): Shared, Path(sid): Path<String>) -> Response {
    let name = sid.trim_end_matches(".wav").trim_end_matches(".json");
    let waits = {
        let inner = state.lock().unwrap();
        let later = inner.fetched > 0 && !sid.ends_with(".json");
        inner.later_wait.clone().filter(|_| later)
    };
    if let Some(deleted) = waits {
        deleted.notified().await;
    }
    let mut inner = state.lock().unwrap();
    let Some(mut wav) = inner.recordings.get(name).cloned() else {
        let problem = json!({ "code": 20404, "message": "none", "status": 404 });
        return (StatusCode::NOT_FOUND, problem.to_string()).into_response();
    };
    if sid.ends_with(".json") {
        return inner.told_of(name).to_string().into_response();
    }
    if let Some(other) = inner.then_sends.clone().filter(|_| inner.fetched > 0) {
        wav = other;
    }
    inner.fetched += 1;
    let length = wav.len();
    let mut chunks: Vec<Result<Bytes, std::io::Error>> = Vec::new();
    let sent = inner.break_after.unwrap_or(length);
    for chunk in wav[..sent].chunks(64 * 1024) {
        chunks.push(Ok(Bytes::copy_from_slice(chunk)));
    }
    if sent < length {
        chunks.push(Err(std::io::Error::other("broken off")));
    }
    Response::builder()
        .header("content-type", "audio/x-wav")
        .header("content-length", length)
        .body(Body::from_stream(stream::iter(chunks)))
        .unwrap()
}

async fn delete(State(state): Shared, Path(sid): Path<String>) -> StatusCode {
    let mut inner = state.lock().unwrap();
    if inner.deletions_fail {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    let sid = sid.trim_end_matches(".json").to_owned();
    inner.forget(&sid);
    inner.deleted.push(sid);
    if let Some(later) = &inner.later_wait {
        later.notify_one();
    }
    StatusCode::NO_CONTENT
}
