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
use sim::carriers::twilio::{Core, Output, RestAnswer, RestBody, RestRequest, WebhookAnswer};
use tokio::sync::Notify;

use super::chance::Chance;
use super::clock::TrueTime;
use super::people::People;
use super::process::{self, Moment};
use super::tally::Fault;

/// How often requests to the carrier go wrong, in a thousand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    pub(super) not_connected: u32,
    pub(super) too_many: u32,
    pub(super) fails: u32,
    pub(super) lost: u32,
    pub(super) slow: u32,
}

#[derive(Clone)]
pub(super) struct Carrier(Arc<Inner>);

struct Inner {
    chance: Chance,
    time: TrueTime,
    weather: Weather,
    core: Mutex<Core>,
    people: People,
    books: Mutex<Vec<Request>>,
    /// Calls that the carrier had when it was looked last: its id and ours.
    live: Mutex<Vec<(String, String)>>,
    changed: Notify,
}

/// A request for a call that reached the carrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    /// True time since the beginning: when it left us, and when it reached the carrier.
    pub(super) begun: Duration,
    pub(super) at: Duration,
    pub(super) to: String,
    /// Our id of the call, as its callbacks' address names it.
    pub(super) call: String,
    /// The carrier's id of the call that it made.
    pub(super) sid: Option<String>,
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
    pub(super) fn new(
        chance: Chance,
        time: TrueTime,
        weather: Weather,
        core: Core,
        people: People,
    ) -> Self {
        Self(Arc::new(Inner {
            chance,
            time,
            weather,
            core: Mutex::new(core),
            people,
            books: Mutex::default(),
            live: Mutex::default(),
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
        let begun = self.time.elapsed();
        let Some(step) = process::step() else {
            return Ok(self.done(&request, begun));
        };
        step.survive(Moment::Before).await;
        let slow = self.chance.strikes(Fault::CarrierSlow, self.weather.slow);
        let latency = if slow { 300..=9_000 } else { 15..=180 };
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

    fn done_if(&self, moment: Moment, request: &http::Request<Vec<u8>>, begun: Duration) {
        if moment == Moment::After {
            self.done(request, begun);
        }
    }

    fn refused(
        &self,
        request: &http::Request<Vec<u8>>,
        begun: Duration,
        status: u16,
        code: u32,
    ) -> http::Response<Vec<u8>> {
        self.write_down(request, begun, None);
        let body = format!(r#"{{"code":{code},"message":"as told","status":{status}}}"#);
        let response = http::Response::builder().status(status);
        response.body(body.into_bytes()).unwrap()
    }

    fn done(&self, request: &http::Request<Vec<u8>>, begun: Duration) -> http::Response<Vec<u8>> {
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
        let RestAnswer { status, body, .. } = answer;
        let body = match body {
            RestBody::Empty | RestBody::Wav { .. } => String::new(),
            RestBody::Json(json) => json,
        };
        if is_create {
            let made: serde_json::Value = serde_json::from_str(&body).unwrap();
            let sid = made["sid"].as_str().filter(|_| status == 201);
            self.write_down(request, begun, sid);
        }
        let response = http::Response::builder().status(status);
        response.body(body.into_bytes()).unwrap()
    }

    fn write_down(&self, request: &http::Request<Vec<u8>>, begun: Duration, sid: Option<&str>) {
        if !is_create(request) {
            return;
        }
        let callback: url::Url = field(request, "StatusCallback").parse().unwrap();
        let call = callback.path_segments().unwrap().next_back().unwrap();
        if let Some(sid) = sid {
            let mut live = self.live.lock().unwrap();
            live.push((sid.to_owned(), call.to_owned()));
        }
        self.books.lock().unwrap().push(Request {
            begun,
            at: self.time.elapsed(),
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

fn field(request: &http::Request<Vec<u8>>, name: &str) -> String {
    let form: BTreeMap<_, _> = url::form_urlencoded::parse(request.body()).collect();
    form[name].clone().into_owned()
}
