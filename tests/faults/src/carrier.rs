//! The simulated carrier on virtual time, between our client and our webhooks, and its own books.
//!
//! `sim::carriers::twilio`'s core decides what a carrier does. Here its requests get lost, late or refused on
//! their way, and every request for a call that reaches it is written down: the truth that the product
//! is judged by.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::carrier::twilio::transport::{Broken, Exchange, Transport};
use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sim::carriers::twilio::{
    CallView, Core, Output, RestAnswer, RestBody, RestEffect, RestRequest, WebhookAnswer,
};
use tokio::sync::Notify;

use super::chance::Chance;
use super::clock::TrueTime;
use super::files::{Files, Recorded};
use super::objects::Objects;
use super::offence::Offence;
use super::people::People;
use super::plant::Bug;
use super::process::{self, Moment};
use super::rows::Rows;
use super::tally::Fault;

/// A request for a call is that long on its way, where the network has nothing against it: the carrier's clock
/// shows our pace.
const CREATE_LATENCY_MS: std::ops::RangeInclusive<u64> = 90..=100;
/// Longer than a call that is over may go on for us.
const GOES_ON_FOR: SignedDuration = SignedDuration::from_mins(20);
/// A place that is used late is used so late.
const PLACE_LATE_MS: u64 = 500;

/// How often requests to the carrier go wrong, in a thousand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    pub(super) not_connected: u32,
    pub(super) too_many: u32,
    pub(super) fails: u32,
    pub(super) lost: u32,
    pub(super) slow: u32,
    /// Of requests for a recording, and of those for one that was sent before.
    pub(super) fetch: u32,
    pub(super) second_fetch: u32,
}

/// What a carrier is made of.
#[derive(Debug)]
pub(super) struct CarrierParts {
    pub(super) chance: Chance,
    pub(super) time: TrueTime,
    pub(super) weather: Weather,
    pub(super) core: Core,
    pub(super) people: People,
    pub(super) rows: Rows,
    /// Where our copies of recordings are.
    pub(super) objects: Objects,
    pub(super) bug: Option<Bug>,
}

#[derive(Clone)]
pub(super) struct Carrier(Arc<Inner>);

struct Inner {
    chance: Chance,
    time: TrueTime,
    weather: Weather,
    core: Mutex<Core>,
    people: People,
    rows: Rows,
    objects: Objects,
    bug: Option<Bug>,
    books: Mutex<Vec<Request>>,
    files: Mutex<Files>,
    /// Calls that the carrier had when it was looked last: its id and ours.
    live: Mutex<Vec<(String, String)>>,
    /// Calls that were not over for us then.
    open: Mutex<Vec<(String, String)>>,
    changed: Notify,
}

/// A request for a call that reached the carrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    /// True time since the beginning: when it left us, and when it reached the carrier.
    pub(super) begun: Duration,
    pub(super) at: Duration,
    /// Nothing held it up on its way.
    pub(super) on_time: bool,
    pub(super) to: String,
    /// Our id of the call, as its callbacks' address names it.
    pub(super) call: String,
    /// The carrier's id of the call that it made.
    pub(super) sid: Option<String>,
}

/// How a request began its way.
#[derive(Debug, Clone, Copy)]
struct Begun {
    at: Duration,
    held_up: bool,
}

#[derive(Debug, Clone, Copy)]
enum Mishap {
    NotConnected,
    TooMany,
    /// 503 in the API's own words: not done.
    Unavailable,
    /// A bare 5xx of a proxy.
    Fails(Moment),
    Broken(Moment),
    Silent(Moment),
    /// Nobody waits any more when it is done.
    Late,
}

impl Carrier {
    pub(super) fn new(parts: CarrierParts) -> Self {
        let CarrierParts {
            chance,
            time,
            weather,
            core,
            people,
            rows,
            objects,
            bug,
        } = parts;
        Self(Arc::new(Inner {
            chance,
            time,
            weather,
            core: Mutex::new(core),
            people,
            rows,
            objects,
            bug,
            books: Mutex::default(),
            files: Mutex::default(),
            live: Mutex::default(),
            open: Mutex::default(),
            changed: Notify::new(),
        }))
    }

    /// Acts on the core, and has what follows from it done.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Core, Duration) -> T) -> T {
        self.0.with(act)
    }

    /// Everything that reached the carrier.
    pub(super) fn requests(&self) -> Vec<Request> {
        self.0.books.lock().unwrap().clone()
    }

    /// The calls that the carrier has now: our ids and the numbers that are called.
    pub(super) fn live(&self) -> Vec<(String, String)> {
        let core = self.0.core.lock().unwrap();
        let mut live = self.0.live.lock().unwrap();
        live.retain(|(sid, _call)| core.view(sid).is_some_and(|view| !view.status.is_over()));
        live.iter()
            .map(|(sid, call)| (call.clone(), core.view(sid).unwrap().to))
            .collect()
    }

    /// Calls that are over at the carrier and were `open` for us whenever it was looked, with the time of their
    /// end.
    pub(super) fn over(&self, is_open: impl Fn(&str) -> bool) -> Vec<(String, Timestamp)> {
        let core = self.0.core.lock().unwrap();
        let mut open = self.0.open.lock().unwrap();
        open.retain(|(_sid, call)| is_open(call));
        open.iter()
            .filter_map(|(sid, call)| Some((call.clone(), core.view(sid)?.ended_at?)))
            .collect()
    }

    /// A call as its person went through it.
    pub(super) fn person(&self, sid: &str) -> CallView {
        self.0.core.lock().unwrap().view(sid).unwrap()
    }

    /// More of a recording.
    pub(super) fn recorded(&self, call: &str, recording: &str, samples: &[u8]) {
        let mut files = self.0.files.lock().unwrap();
        files.append(call, recording, samples);
    }

    /// Every recording that was made.
    pub(super) fn recordings(&self) -> Vec<Recorded> {
        self.0.files.lock().unwrap().all()
    }

    /// Breaks the stream of a call, if it has one; whether it had.
    pub(super) fn cut_stream(&self, sid: &str) -> bool {
        let view = self.person(sid);
        let streams = view.streams > 0 && !view.status.is_over();
        if streams {
            self.with(|core, now| core.cut_stream(sid, now));
        }
        streams
    }

    /// The WebSocket of a call cannot be opened.
    pub(super) fn refuse_stream(&self, sid: &str) {
        self.with(|core, now| {
            core.stream_refused(sid, 31_920, "the handshake was refused", now);
        });
    }

    /// Waits for the next thing that the carrier has for us.
    pub(super) async fn next(&self) -> (String, Output) {
        loop {
            let wanted = {
                let mut core = self.0.core.lock().unwrap();
                if let Some(output) = core.poll_output() {
                    return output;
                }
                core.poll_timeout()
            };
            let Some(wanted) = wanted else {
                self.0.changed.notified().await;
                continue;
            };
            tokio::select! {
                biased;
                () = self.0.changed.notified() => {}
                () = tokio::time::sleep_until(self.0.time.instant(wanted)) => {
                    let now = self.0.time.elapsed();
                    self.0.core.lock().unwrap().handle_timeout(now);
                }
            }
        }
    }

    pub(super) fn answered(&self, sid: &str, id: u64, answer: WebhookAnswer) {
        self.with(|core, now| core.webhook_answered(sid, id, answer, now));
    }
}

impl Inner {
    fn with<T>(&self, act: impl FnOnce(&mut Core, Duration) -> T) -> T {
        let done = act(&mut self.core.lock().unwrap(), self.time.elapsed());
        self.changed.notify_one();
        done
    }

    async fn take(
        self: Arc<Self>,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, Broken> {
        if self.bug == Some(Bug::PlacesUsedLate) && is_create(&request) {
            tokio::time::sleep(self.chance.ms(0..=PLACE_LATE_MS)).await;
        }
        let mut begun = Begun {
            at: self.time.elapsed(),
            held_up: false,
        };
        let Some(step) = process::step() else {
            return Ok(self.done(&request, begun));
        };
        step.survive(Moment::Before).await;
        begun.held_up = self.chance.strikes(Fault::CarrierSlow, self.weather.slow);
        let latency = match begun.held_up {
            true => 300..=9_000,
            false if is_create(&request) => CREATE_LATENCY_MS,
            false => 15..=180,
        };
        tokio::time::sleep(self.chance.ms(latency)).await;
        let answer = match self.mishap(&request) {
            None => Ok(self.done(&request, begun)),
            Some(Mishap::NotConnected) => Err(Broken::NotConnected),
            Some(Mishap::TooMany) => Ok(self.refused(&request, begun, 429, 20_429)),
            Some(Mishap::Unavailable) => Ok(self.refused(&request, begun, 503, 20_503)),
            Some(Mishap::Fails(moment)) => {
                self.done_if(moment, &request, begun);
                Ok(http::Response::builder()
                    .status(502)
                    .body(Vec::new())
                    .unwrap())
            }
            Some(Mishap::Broken(moment)) => {
                self.done_if(moment, &request, begun);
                Err(Broken::AfterSending)
            }
            Some(Mishap::Silent(moment)) => {
                self.done_if(moment, &request, begun);
                step.survive(Moment::After).await;
                std::future::pending().await
            }
            Some(Mishap::Late) => {
                let late = self.chance.secs(1..=20);
                begun.held_up = true;
                tokio::spawn(async move {
                    tokio::time::sleep(late).await;
                    self.done(&request, begun);
                });
                step.survive(Moment::After).await;
                return std::future::pending().await;
            }
        };
        step.survive(Moment::After).await;
        answer
    }

    fn mishap(&self, request: &http::Request<Vec<u8>>) -> Option<Mishap> {
        let Weather {
            not_connected,
            too_many,
            fails,
            lost,
            slow: _,
            fetch: _,
            second_fetch: _,
        } = self.weather;
        let chance = &self.chance;
        // A call is redirected once or twice in its life: there it is to be lost often enough.
        let lost = if is_redirect(request) { 4 * lost } else { lost };
        let unheard = || {
            if is_create(request) {
                chance.struck(Fault::CallAnswerLost);
            } else if is_redirect(request) {
                chance.struck(Fault::RedirectAnswerLost);
            }
        };
        let moment = || {
            let moment = *chance.pick(&[Moment::Before, Moment::After]);
            if moment == Moment::After {
                unheard();
            }
            moment
        };
        if chance.strikes(Fault::CarrierNotConnected, not_connected) {
            return Some(Mishap::NotConnected);
        }
        if chance.per_mille(too_many) {
            if chance.strikes(Fault::CarrierTooMany, 500) {
                return Some(Mishap::TooMany);
            }
            chance.struck(Fault::CarrierUnavailable);
            return Some(Mishap::Unavailable);
        }
        if chance.strikes(Fault::CarrierFailed, fails) {
            return Some(Mishap::Fails(moment()));
        }
        if chance.per_mille(lost) {
            if chance.strikes(Fault::CarrierBroke, 333) {
                return Some(Mishap::Broken(moment()));
            }
            if chance.strikes(Fault::CarrierSilent, 500) {
                return Some(Mishap::Silent(moment()));
            }
            unheard();
            if is_redirect(request) {
                chance.struck(Fault::RedirectLate);
            }
            chance.struck(Fault::CarrierLate);
            return Some(Mishap::Late);
        }
        None
    }

    fn done_if(&self, moment: Moment, request: &http::Request<Vec<u8>>, begun: Begun) {
        if moment == Moment::After {
            self.done(request, begun);
        }
    }

    fn refused(
        &self,
        request: &http::Request<Vec<u8>>,
        begun: Begun,
        status: u16,
        code: u32,
    ) -> http::Response<Vec<u8>> {
        self.write_down(request, begun, None);
        let body = format!(r#"{{"code":{code},"message":"as told","status":{status}}}"#);
        let response = http::Response::builder().status(status);
        response.body(body.into_bytes()).unwrap()
    }

    fn done(&self, request: &http::Request<Vec<u8>>, begun: Begun) -> http::Response<Vec<u8>> {
        let header = |name: http::HeaderName| request.headers().get(name)?.to_str().ok();
        let rest = RestRequest {
            method: request.method().as_str(),
            path: request.uri().path(),
            query: request.uri().query(),
            authorization: header(http::header::AUTHORIZATION),
            content_type: header(http::header::CONTENT_TYPE),
            body: request.body(),
        };
        let is_create = is_create(request);
        let answer = self.with(|core, now| {
            if is_create {
                let to = field(request, "To");
                core.people().insert(&to, self.people.pick_up(&to));
            }
            core.request(&rest, now)
        });
        let RestAnswer {
            status,
            body,
            effect,
            lost: _,
        } = answer;
        let body = match body {
            RestBody::Empty => String::new(),
            RestBody::Json(json) => match self.bug {
                Some(Bug::DurationUnasked) => of_call(&json, |call| call["duration"] = Value::Null),
                Some(Bug::EndUnasked) => {
                    let now = self.time.now();
                    of_call(&json, |call| goes_on(call, now))
                }
                Some(_) | None => json,
            },
            RestBody::Wav { sid, .. } => return self.file(&sid),
        };
        if let Some(RestEffect::DeleteRecording { sid, .. }) = effect {
            let mut files = self.files.lock().unwrap();
            if !self.objects.hold(&files.delete(&sid)) {
                self.rows
                    .problem(Offence::DeletedWithoutACopy { recording: sid });
            }
        }
        if is_create {
            let made: Value = serde_json::from_str(&body).unwrap();
            let sid = made["sid"].as_str().filter(|_| status == 201);
            self.write_down(request, begun, sid);
        }
        let response = http::Response::builder().status(status);
        response.body(body.into_bytes()).unwrap()
    }

    /// The audio of a recording; or what a carrier sends instead, now and then when it is asked first, and
    /// mostly when it is asked again.
    fn file(&self, recording: &str) -> http::Response<Vec<u8>> {
        let chance = &self.chance;
        let mut files = self.files.lock().unwrap();
        let file = files.at(recording);
        let whole = file.bytes(recording);
        let Weather {
            fetch,
            second_fetch,
            ..
        } = self.weather;
        let not_there = http::Response::builder()
            .status(404)
            .body(br#"{"code":20404,"message":"as told","status":404}"#.to_vec());
        let body = if file.was_sent() {
            chance.struck(Fault::RecordingAgain);
            if chance.strikes(Fault::SecondFetchNotThere, second_fetch) {
                return not_there.unwrap();
            }
            if chance.strikes(Fault::SecondFetchDiffers, second_fetch) {
                let short = if chance.per_mille(500) {
                    file.beginning()
                } else {
                    file.part(chance.number(0..=100))
                };
                short.unwrap_or(whole)
            } else {
                whole
            }
        } else if chance.strikes(Fault::RecordingNotThere, fetch) {
            return not_there.unwrap();
        } else if chance.strikes(Fault::RecordingEmpty, fetch) {
            file.beginning().unwrap_or(whole)
        } else if chance.strikes(Fault::RecordingShort, fetch) {
            file.part(chance.number(0..=100)).unwrap_or(whole)
        } else {
            file.sent();
            whole
        };
        let response = http::Response::builder().header("content-type", "audio/x-wav");
        response.body(body).unwrap()
    }

    fn write_down(&self, request: &http::Request<Vec<u8>>, begun: Begun, sid: Option<&str>) {
        if !is_create(request) {
            return;
        }
        let callback: url::Url = field(request, "StatusCallback").parse().unwrap();
        let call = callback.path_segments().unwrap().next_back().unwrap();
        if let Some(sid) = sid {
            let both = (sid.to_owned(), call.to_owned());
            self.live.lock().unwrap().push(both.clone());
            self.open.lock().unwrap().push(both);
        }
        self.books.lock().unwrap().push(Request {
            begun: begun.at,
            at: self.time.elapsed(),
            on_time: !begun.held_up,
            to: field(request, "To"),
            call: call.to_owned(),
            sid: sid.map(str::to_owned),
        });
    }
}

impl Transport for Carrier {
    fn exchange(&self, request: http::Request<Vec<u8>>) -> Exchange<'_> {
        Box::pin(Arc::clone(&self.0).take(request))
    }
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Carrier").finish_non_exhaustive()
    }
}

fn is_create(request: &http::Request<Vec<u8>>) -> bool {
    request.method() == http::Method::POST && request.uri().path().ends_with("/Calls.json")
}

/// The request gives a call other instructions.
fn is_redirect(request: &http::Request<Vec<u8>>) -> bool {
    let mut form = url::form_urlencoded::parse(request.body());
    request.method() == http::Method::POST && form.any(|(name, _)| name == "Twiml")
}

/// What the carrier says of a call, changed; anything else as it is.
fn of_call(json: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut call: Value = serde_json::from_str(json).unwrap();
    let sid = call["sid"].as_str();
    if sid.is_some_and(|sid| sid.starts_with("CA")) {
        change(&mut call);
    }
    call.to_string()
}

/// For a while a call that is over is said to be on.
fn goes_on(call: &mut Value, now: Timestamp) {
    let ended_at = call["end_time"].as_str();
    let ended_at = ended_at.and_then(|at| rfc2822::parse(at).ok());
    let is_new = ended_at.is_some_and(|at| now.duration_since(at.timestamp()) < GOES_ON_FOR);
    if is_new && call["status"] == "completed" {
        call["status"] = "in-progress".into();
    }
}

fn field(request: &http::Request<Vec<u8>>, name: &str) -> String {
    let form: BTreeMap<_, _> = url::form_urlencoded::parse(request.body()).collect();
    form[name].clone().into_owned()
}
