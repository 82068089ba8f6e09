//! The simulated carrier without sockets, clocks and files: requests in, answers and outputs out.
//!
//! Time is an argument throughout: the time since a zero that the owner chooses. A server drives each
//! call from its own task ([`Core::call`]); a simulation on virtual time drives them all together with
//! [`Core::poll_timeout`], [`Core::handle_timeout`] and [`Core::poll_output`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::account::{Account, Faults, Timing, Violation, lock};
use super::call::{CallView, Output, PhoneCall};
use super::hook::WebhookAnswer;
use super::record::{
    Direction, Instructions, Order, Record, RecordOrder, Recording, RecordingStatus, Status,
};
use super::rest::form::{Refused, invalid};
use super::rest::numbers::Numbers;
use super::rest::{
    CallFilter, Page, Resource, RestAnswer, RestBody, RestEffect, RestRequest, call_order,
    instructions, recording_order,
};
use super::signature::{SharedKey, Signer};
use crate::person::Person;

/// Calls that are remembered. Beyond it the oldest that are settled are forgotten.
pub const CALLS_KEPT_MAX: usize = 20_000;

/// The longest that calls may wait in the queue: a day of them; more are refused.
const QUEUE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Samples of a second in one channel.
const BYTES_A_SECOND: u64 = 16_000;

/// Who answers at which number.
#[derive(Debug, Clone)]
pub struct Directory {
    /// Who picks up at the next call and at those after it; the last one stays.
    people: BTreeMap<String, VecDeque<Person>>,
    anybody: Person,
}

/// What the carrier is like.
#[derive(Debug, Clone)]
pub struct CoreConfig {
    /// `AC` and 32 hex digits.
    pub account_sid: String,
    pub auth_token: String,
    /// Webhooks and sockets are signed with this key instead of the token.
    pub shared_key: Option<SharedKey>,
    /// Wall time at zero.
    pub epoch: Timestamp,
    /// Decides everything that is left to chance: the same seed, the same run.
    pub seed: u64,
    pub people: Directory,
    /// Numbers that calls may be made from; `None` allows every one.
    pub numbers: Option<BTreeSet<String>>,
    /// Calls that leave the queue in a second; 1 on a new account.
    pub calls_per_second: u32,
    pub timing: Timing,
    pub faults: Faults,
}

/// The simulated carrier.
#[derive(Debug)]
pub struct Core {
    account: Arc<Account>,
    people: Directory,
    numbers: Option<BTreeSet<String>>,
    account_numbers: Numbers,
    calls: BTreeMap<String, SharedCall>,
    /// Ids in the order of their making.
    order: Vec<String>,
    rng: ChaCha8Rng,
    between_calls: Duration,
    /// When the next call may leave the queue.
    next_slot: Duration,
}

/// A call that its driver and REST share.
#[derive(Debug, Clone)]
pub(super) struct SharedCall(Arc<Mutex<PhoneCall>>);

impl SharedCall {
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut PhoneCall) -> T) -> T {
        act(&mut lock(&self.0))
    }
}

impl Directory {
    /// Everybody is this person.
    #[must_use]
    pub const fn everybody(person: Person) -> Self {
        Self {
            people: BTreeMap::new(),
            anybody: person,
        }
    }

    /// At this number it is somebody else.
    #[must_use]
    pub fn with(mut self, number: &str, person: Person) -> Self {
        self.insert(number, person);
        self
    }

    /// At this number it is somebody else once everybody that was named before has been called.
    #[must_use]
    pub fn with_next(mut self, number: &str, person: Person) -> Self {
        let people = self.people.entry(number.to_owned()).or_default();
        people.push_back(person);
        self
    }

    /// At this number it is this person from now on.
    pub fn insert(&mut self, number: &str, person: Person) {
        self.people.insert(number.to_owned(), [person].into());
    }

    /// Who is at the phone for this call.
    fn called(&mut self, number: &str) -> Person {
        let Some(people) = self.people.get_mut(number) else {
            return self.anybody.clone();
        };
        let person = match people.len() {
            0 | 1 => people.front().cloned(),
            _more => people.pop_front(),
        };
        person.unwrap_or_else(|| self.anybody.clone())
    }
}

impl CoreConfig {
    /// A new account on which every number can be used and one call a second leaves the queue.
    #[must_use]
    pub fn new(account_sid: &str, auth_token: &str, epoch: Timestamp, people: Directory) -> Self {
        Self {
            account_sid: account_sid.to_owned(),
            auth_token: auth_token.to_owned(),
            shared_key: None,
            epoch,
            seed: 0,
            people,
            numbers: None,
            calls_per_second: 1,
            timing: Timing::default(),
            faults: Faults::default(),
        }
    }
}

impl Core {
    #[must_use]
    pub fn new(config: CoreConfig) -> Self {
        let CoreConfig {
            account_sid,
            auth_token,
            shared_key,
            epoch,
            seed,
            people,
            numbers,
            calls_per_second,
            timing,
            faults,
        } = config;
        let signer = Signer {
            auth_token,
            shared: shared_key,
        };
        let account = Account::new(&account_sid, signer, epoch, timing, faults);
        Self {
            account: Arc::new(account),
            people,
            account_numbers: Numbers::of(numbers.as_ref()),
            numbers,
            calls: BTreeMap::new(),
            order: Vec::new(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            between_calls: Duration::from_secs(1) / calls_per_second.max(1),
            next_slot: Duration::ZERO,
        }
    }

    /// A REST request.
    pub fn request(&mut self, request: &RestRequest<'_>, now: Duration) -> RestAnswer {
        self.answer(request, now).unwrap_or_else(|refused| {
            // Load and outages are the carrier's own doing.
            if !refused.crossed && !matches!(refused.status, 404 | 429 | 503) {
                self.account
                    .violated(refused.code, refused.message.clone(), None);
            }
            RestAnswer::refused(&refused)
        })
    }

    /// A person calls one of our numbers.
    ///
    /// # Errors
    /// When the number has no voice URL.
    pub fn call_in(
        &mut self,
        from: &str,
        to: &str,
        person: Person,
        now: Duration,
    ) -> Result<String, NoVoiceUrl> {
        let voice = self.account_numbers.voice(to).cloned();
        let voice = voice.ok_or(NoVoiceUrl)?;
        let order = Order {
            instructions: Instructions::At(voice.clone()),
            fallback: None,
            status_callback: None,
            status_events: Vec::new(),
            ring_timeout_s: 60,
            time_limit_s: 14_400,
            record: None,
            detect: None,
        };
        let sid = self.fresh_sid("CA");
        let parties = (from.to_owned(), to.to_owned());
        let record = Record::new(
            sid.clone(),
            self.account.sid.clone(),
            parties,
            Direction::Inbound,
            order,
            0,
            self.account.wall(now),
        );
        let account = Arc::clone(&self.account);
        let call = PhoneCall::inbound(account, record, person, self.rng.random(), &voice, now);
        self.keep(sid.clone(), call);
        Ok(sid)
    }

    /// A recording that another program of the account had made of a call of its own, which has just ended. Answers
    /// its id.
    pub fn record_elsewhere(&mut self, seconds: u32, now: Duration) -> String {
        let order = Order {
            instructions: Instructions::Inline("<Response/>".to_owned()),
            fallback: None,
            status_callback: None,
            status_events: Vec::new(),
            ring_timeout_s: 60,
            time_limit_s: 14_400,
            record: None,
            detect: None,
        };
        let (call, sid) = (self.fresh_sid("CA"), self.fresh_sid("RE"));
        let parties = ("+15005550001".to_owned(), "+15005550002".to_owned());
        let account = self.account.sid.clone();
        let at = self.account.wall(now);
        let direction = Direction::OutboundApi;
        let mut record = Record::new(call, account, parties, direction, order, 0, at);
        record.status = Status::Completed;
        record.started_at = Some(at);
        record.answered_at = Some(at);
        record.ended_at = Some(at);
        record.recordings.push(Recording {
            sid: sid.clone(),
            status: RecordingStatus::Completed,
            order: RecordOrder {
                channels: 1,
                callback: None,
                events: Vec::new(),
                source: "OutboundAPI".to_owned(),
            },
            started_at: at,
            updated_at: at,
            bytes: u64::from(seconds) * BYTES_A_SECOND,
        });
        self.restore(record, |recording| recording.bytes, now);
        sid
    }

    /// Who answers at which number from now on.
    pub const fn people(&mut self) -> &mut Directory {
        &mut self.people
    }

    /// Calls to this number of ours ask this URL (by POST) what to do.
    pub fn set_voice_url(&mut self, number: &str, url: &str) {
        self.account_numbers.set_voice_url(number, url);
    }

    /// A number elsewhere that its owner lets the account call from.
    pub fn verify_caller_id(&mut self, number: &str) {
        self.account_numbers.verify(number);
    }

    /// Changes what goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        *self.account.faults() = faults;
    }

    /// How a call stands.
    #[must_use]
    pub fn view(&self, sid: &str) -> Option<CallView> {
        self.calls
            .get(sid)
            .map(|call| call.with(|call| call.view()))
    }

    /// Every call that is remembered, oldest first.
    #[must_use]
    pub fn views(&self) -> Vec<CallView> {
        self.order.iter().filter_map(|sid| self.view(sid)).collect()
    }

    /// Everything that the other side did and the real carrier would refuse.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.account.violations()
    }

    #[must_use]
    pub fn violations_count(&self) -> u64 {
        self.account.violations_count()
    }

    /// What the carrier's debugger would show besides: webhooks and streams that failed.
    #[must_use]
    pub fn notices(&self) -> Vec<Violation> {
        self.account.notices()
    }

    /// When [`Self::handle_timeout`] is wanted next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let calls = self.calls.values();
        calls
            .filter_map(|call| call.with(|call| call.poll_timeout()))
            .min()
    }

    /// Lets time pass for every call.
    pub fn handle_timeout(&mut self, now: Duration) {
        for call in self.calls.values() {
            call.with(|call| {
                if call.poll_timeout().is_some_and(|at| at <= now) {
                    call.handle_timeout(now);
                }
            });
        }
    }

    /// Something to do for a call.
    pub fn poll_output(&mut self) -> Option<(String, Output)> {
        self.calls.iter().find_map(|(sid, call)| {
            let output = call.with(PhoneCall::poll_output)?;
            Some((sid.clone(), output))
        })
    }

    /// How a request of a call went.
    pub fn webhook_answered(&mut self, sid: &str, id: u64, answer: WebhookAnswer, now: Duration) {
        self.on(sid, |call| call.webhook_answered(id, answer, now));
    }

    /// The WebSocket of a call stands.
    pub fn stream_opened(&mut self, sid: &str, now: Duration) {
        self.on(sid, |call| call.stream_opened(now));
    }

    /// The WebSocket of a call could not be opened; `code` is the carrier's (31901 to 31924).
    pub fn stream_refused(&mut self, sid: &str, code: u32, what: &str, now: Duration) {
        self.on(sid, |call| call.stream_refused(code, what, now));
    }

    /// A text message on the WebSocket of a call.
    pub fn stream_text(&mut self, sid: &str, text: &str, now: Duration) {
        self.on(sid, |call| call.stream_text(text, now));
    }

    /// The other side closed the WebSocket of a call.
    pub fn stream_closed(&mut self, sid: &str, now: Duration) {
        self.on(sid, |call| call.stream_closed(None, now));
    }

    /// Breaks the media stream of a call without a word, as a network does.
    pub fn cut_stream(&mut self, sid: &str, now: Duration) {
        self.on(sid, |call| call.cut_stream(now));
    }

    /// The status of every call that is remembered.
    pub(super) fn statuses(&self) -> impl Iterator<Item = Status> {
        self.calls
            .values()
            .map(|call| call.with(|call| call.record().status))
    }

    pub(super) fn account(&self) -> Arc<Account> {
        Arc::clone(&self.account)
    }

    pub(super) fn call(&self, sid: &str) -> Option<SharedCall> {
        self.calls.get(sid).cloned()
    }

    /// Takes up a call of a process that died. `bytes` are what its recordings have come to.
    pub(super) fn restore(
        &mut self,
        record: Record,
        bytes: impl Fn(&Recording) -> u64,
        now: Duration,
    ) {
        let sid = record.sid.clone();
        let account = Arc::clone(&self.account);
        let call = PhoneCall::restored(account, record, self.rng.random(), bytes, now);
        self.keep(sid, call);
    }

    fn on(&self, sid: &str, act: impl FnOnce(&mut PhoneCall)) {
        if let Some(call) = self.calls.get(sid) {
            call.with(act);
        }
    }

    fn answer(&mut self, request: &RestRequest<'_>, now: Duration) -> Result<RestAnswer, Refused> {
        if request.path == "/" {
            // Whoever only looks whether somebody is here, and what the time is.
            return Err(missing());
        }
        request.authorize(&self.account.sid, &self.account.signer.auth_token)?;
        {
            let mut faults = self.account.faults();
            if faults.too_many_requests > 0 {
                faults.too_many_requests -= 1;
                return Err(Refused::new(429, 20_429, "Too Many Requests"));
            }
            if faults.unavailable > 0 {
                faults.unavailable -= 1;
                return Err(Refused::new(503, 20_503, "Service unavailable"));
            }
        }
        let account_sid = self.account.sid.clone();
        let resource = request.resource(&account_sid)?;
        let suspended = self.account.faults().suspended;
        if suspended && resource != Resource::Account {
            return Err(Refused::new(403, 20_005, "Account not active"));
        }
        match (request.method, resource) {
            ("GET", Resource::Account) => {
                request.query().no_more()?;
                Ok(RestAnswer::json(200, &self.account.to_json(suspended)))
            }
            ("GET", Resource::Numbers) => self.list_numbers(request),
            ("GET", Resource::Number(sid)) => {
                let value = self.account_numbers.get(&account_sid, sid)?;
                Ok(RestAnswer::json(200, &value))
            }
            ("POST", Resource::Number(sid)) => {
                let form = request.form()?;
                let value = self.account_numbers.change(&account_sid, sid, form)?;
                Ok(RestAnswer::json(200, &value))
            }
            ("GET", Resource::CallerIds) => self.list_caller_ids(request),
            ("POST", Resource::Calls) => self.create(request, now),
            ("GET", Resource::Calls) => self.list_calls(request),
            ("GET", Resource::Call(sid)) => {
                let call = self.known(sid)?;
                Ok(RestAnswer::json(
                    200,
                    &call.with(|call| call.record().to_json()),
                ))
            }
            ("POST", Resource::Call(sid)) => self.update(sid, request, now),
            ("DELETE", Resource::Call(sid)) => self.delete_call(sid),
            ("POST", Resource::CallRecordings(sid)) => self.start_recording(sid, request, now),
            ("GET", Resource::CallRecordings(sid)) => {
                self.known(sid)?;
                self.list_recordings(request, Some(sid))
            }
            ("POST", Resource::CallStream { call, stream }) => {
                self.stop_stream(call, stream, request, now)
            }
            ("GET", Resource::Recordings) => self.list_recordings(request, None),
            ("GET", Resource::Recording(sid)) => {
                let (call, recording) = self.recording(sid)?;
                let value = call.with(|call| call.record().recording_json(&recording));
                Ok(RestAnswer::json(200, &value))
            }
            ("DELETE", Resource::Recording(sid)) => self.delete_recording(sid, now),
            ("GET", Resource::RecordingMedia(sid)) => self.recording_media(sid, request),
            (_, _) => Err(Refused::new(405, 20_004, "Method not allowed")),
        }
    }

    fn create(&mut self, request: &RestRequest<'_>, now: Duration) -> Result<RestAnswer, Refused> {
        let is_ours = |number: &str| {
            let numbers = self.numbers.as_ref();
            numbers.is_none_or(|numbers| numbers.contains(number))
        };
        let (from, to, order) = call_order(request.form()?, is_ours)?;
        let dial_at = self.next_slot.max(now);
        let wait = dial_at - now;
        if wait > QUEUE_MAX {
            return Err(Refused::bad(22_005, "Too many calls are queued"));
        }
        self.next_slot = dial_at + self.between_calls;
        let sid = self.fresh_sid("CA");
        let person = self.people.called(&to);
        let queue_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let direction = Direction::OutboundApi;
        let record = Record::new(
            sid.clone(),
            self.account.sid.clone(),
            (from, to),
            direction,
            order,
            queue_ms,
            self.account.wall(now),
        );
        let mut answer = RestAnswer::json(201, &record.to_json());
        let account = Arc::clone(&self.account);
        let call = PhoneCall::queued(account, record, person, self.rng.random(), dial_at);
        self.keep(sid.clone(), call);
        let mut faults = self.account.faults();
        if faults.lost_create_answers > 0 {
            faults.lost_create_answers -= 1;
            answer.lost = true;
        }
        Ok(answer.with(RestEffect::Started(sid)))
    }

    fn update(
        &mut self,
        sid: &str,
        request: &RestRequest<'_>,
        now: Duration,
    ) -> Result<RestAnswer, Refused> {
        let call = self.known(sid)?;
        let mut form = request.form()?;
        let status = form.choice(
            "Status",
            &[
                ("canceled", Status::Canceled),
                ("completed", Status::Completed),
            ],
        )?;
        let instructions = instructions(&mut form)?;
        let fallback = form.hook("FallbackUrl", "FallbackMethod", 21_502)?;
        let status_callback = form.hook("StatusCallback", "StatusCallbackMethod", 21_609)?;
        let time_limit = form.number("TimeLimit", 0, (0, 14_400))?;
        form.no_more()?;
        if time_limit != 0 {
            return Err(invalid(
                "TimeLimit (which the simulated carrier does not change)",
            ));
        }
        let unfit = |what: &str| Refused::bad(21_220, what.to_owned());
        call.with(|call| {
            let is = call.record().status;
            if is.is_over() {
                let crossed = call.has_just_ended(now);
                let refused = unfit("Call is not in-progress");
                return Err(Refused { crossed, ..refused });
            }
            let record = call.record_mut();
            record.order.fallback = fallback.or(record.order.fallback.take());
            record.order.status_callback = status_callback.or(record.order.status_callback.take());
            match (status, instructions) {
                (Some(_), Some(_)) => return Err(invalid("Status together with new instructions")),
                (Some(Status::Canceled), None) if is == Status::InProgress => {
                    return Err(unfit(
                        "Only calls that are queued or ringing can be canceled",
                    ));
                }
                (Some(_), None) => call.hang_up(now),
                (None, Some(instructions)) if is == Status::InProgress => {
                    call.redirect(&instructions, now);
                }
                (None, Some(_)) => return Err(unfit("Call is not in-progress. Cannot redirect.")),
                (None, None) => {}
            }
            Ok(RestAnswer::json(200, &call.record().to_json()))
        })
        .map(|answer| answer.with(RestEffect::Changed(sid.to_owned())))
    }

    fn delete_call(&mut self, sid: &str) -> Result<RestAnswer, Refused> {
        let call = self.known(sid)?;
        if !call.with(|call| call.record().status.is_over()) {
            return Err(Refused::bad(
                21_220,
                "Only calls that are over can be deleted",
            ));
        }
        self.forget(sid);
        Ok(no_content().with(RestEffect::DeleteCall(sid.to_owned())))
    }

    fn start_recording(
        &mut self,
        sid: &str,
        request: &RestRequest<'_>,
        now: Duration,
    ) -> Result<RestAnswer, Refused> {
        let call = self.known(sid)?;
        let order = recording_order(request.form()?)?;
        let value = call.with(|call| {
            let recording = call.start_recording(order, now).cloned();
            let value = recording.map(|recording| call.record().call_recording_json(&recording));
            value.ok_or_else(|| Refused {
                crossed: call.has_just_ended(now),
                ..Refused::bad(21_220, "Requested resource is not eligible for recording")
            })
        })?;
        Ok(RestAnswer::json(201, &value).with(RestEffect::Changed(sid.to_owned())))
    }

    fn stop_stream(
        &mut self,
        sid: &str,
        stream: &str,
        request: &RestRequest<'_>,
        now: Duration,
    ) -> Result<RestAnswer, Refused> {
        let call = self.known(sid)?;
        let mut form = request.form()?;
        let stopped = form.choice("Status", &[("stopped", ())])?;
        form.no_more()?;
        if stopped.is_none() {
            return Err(invalid("Status"));
        }
        let stream_sid = call.with(|call| {
            let (name, stream_sid) = call.stream()?;
            let is_it = stream == stream_sid || Some(stream) == name;
            let stream_sid = is_it.then(|| stream_sid.to_owned())?;
            call.stop_stream(now);
            Some(stream_sid)
        });
        let stream_sid = stream_sid.ok_or_else(missing)?;
        let value = serde_json::json!({
            "sid": stream_sid,
            "account_sid": self.account.sid,
            "call_sid": sid,
            "name": stream,
            "status": "stopped",
            "uri": request.path,
        });
        Ok(RestAnswer::json(200, &value).with(RestEffect::Changed(sid.to_owned())))
    }

    fn list_numbers(&self, request: &RestRequest<'_>) -> Result<RestAnswer, Refused> {
        let mut form = request.query();
        let only = form.one("PhoneNumber")?;
        let page = Page::take(&mut form)?;
        form.no_more()?;
        let numbers = &self.account_numbers;
        let entries = numbers.entries(&self.account.sid, only.as_deref());
        let envelope = page.envelope("incoming_phone_numbers", request, entries);
        Ok(RestAnswer::json(200, &envelope))
    }

    fn list_caller_ids(&self, request: &RestRequest<'_>) -> Result<RestAnswer, Refused> {
        let mut form = request.query();
        let only = form.one("PhoneNumber")?;
        let page = Page::take(&mut form)?;
        form.no_more()?;
        let numbers = &self.account_numbers;
        let entries = numbers.verified_entries(&self.account.sid, only.as_deref());
        let envelope = page.envelope("outgoing_caller_ids", request, entries);
        Ok(RestAnswer::json(200, &envelope))
    }

    fn list_calls(&self, request: &RestRequest<'_>) -> Result<RestAnswer, Refused> {
        let mut form = request.query();
        let filter = CallFilter::take(&mut form)?;
        let page = Page::take(&mut form)?;
        form.no_more()?;
        let newest_first = self
            .order
            .iter()
            .rev()
            .filter_map(|sid| self.calls.get(sid));
        let wanted = newest_first.filter_map(|call| {
            call.with(|call| {
                let record = call.record();
                filter
                    .wants(record)
                    .then(|| (record.sid.clone(), record.to_json()))
            })
        });
        let envelope = page.envelope("calls", request, wanted.collect());
        Ok(RestAnswer::json(200, &envelope))
    }

    fn list_recordings(
        &self,
        request: &RestRequest<'_>,
        of_call: Option<&str>,
    ) -> Result<RestAnswer, Refused> {
        let mut form = request.query();
        let call_sid = form.one("CallSid")?.or_else(|| of_call.map(str::to_owned));
        let deleted_too = form.flag("IncludeSoftDeleted")?;
        let page = Page::take(&mut form)?;
        form.no_more()?;
        let mut entries = Vec::new();
        for sid in self.order.iter().rev() {
            let Some(call) = self.calls.get(sid) else {
                continue;
            };
            if call_sid.as_ref().is_some_and(|wanted| wanted != sid) {
                continue;
            }
            call.with(|call| {
                let record = call.record();
                for recording in record.recordings.iter().rev() {
                    if deleted_too || recording.status != RecordingStatus::Deleted {
                        let entry = match of_call {
                            Some(_) => record.call_recording_json(recording),
                            None => record.recording_json(recording),
                        };
                        entries.push((recording.sid.clone(), entry));
                    }
                }
            });
        }
        let envelope = page.envelope("recordings", request, entries);
        Ok(RestAnswer::json(200, &envelope))
    }

    fn delete_recording(&mut self, sid: &str, now: Duration) -> Result<RestAnswer, Refused> {
        let (call, recording) = self.recording(sid)?;
        match recording.status {
            RecordingStatus::Deleted => return Err(missing()),
            RecordingStatus::InProgress | RecordingStatus::Processing => {
                return Err(Refused::bad(21_220, "The recording is still being made"));
            }
            RecordingStatus::Completed | RecordingStatus::Absent => {}
        }
        let at = self.account.wall(now);
        let call_sid = call.with(|call| {
            let record = call.record_mut();
            for recording in &mut record.recordings {
                if recording.sid == sid {
                    recording.status = RecordingStatus::Deleted;
                    recording.updated_at = at;
                }
            }
            let call_sid = record.sid.clone();
            call.save();
            call_sid
        });
        let effect = RestEffect::DeleteRecording {
            sid: sid.to_owned(),
            call_sid,
        };
        Ok(no_content().with(effect))
    }

    fn recording_media(&self, sid: &str, request: &RestRequest<'_>) -> Result<RestAnswer, Refused> {
        let (_call, recording) = self.recording(sid)?;
        let mut form = request.query();
        let channels = form.choice("RequestedChannels", &[("1", 1_u16), ("2", 2)])?;
        form.no_more()?;
        if recording.status != RecordingStatus::Completed {
            return Err(missing());
        }
        let has = recording.order.channels;
        let wanted = channels.unwrap_or(1);
        if wanted > has {
            return Err(invalid("RequestedChannels"));
        }
        Ok(RestAnswer {
            status: 200,
            body: RestBody::Wav {
                sid: sid.to_owned(),
                mix_to_mono: wanted < has,
            },
            effect: None,
            lost: false,
        })
    }

    fn recording(&self, sid: &str) -> Result<(SharedCall, Recording), Refused> {
        let found = self.calls.values().find_map(|call| {
            let recording = call.with(|call| {
                let recordings = &call.record().recordings;
                recordings
                    .iter()
                    .find(|recording| recording.sid == sid)
                    .cloned()
            });
            recording.map(|recording| (call.clone(), recording))
        });
        found.ok_or_else(missing)
    }

    fn known(&self, sid: &str) -> Result<SharedCall, Refused> {
        self.call(sid).ok_or_else(missing)
    }

    fn keep(&mut self, sid: String, call: PhoneCall) {
        self.calls
            .insert(sid.clone(), SharedCall(Arc::new(Mutex::new(call))));
        self.order.push(sid);
        if self.order.len() > CALLS_KEPT_MAX {
            let settled = |sid: &&String| {
                let call = self.calls.get(*sid);
                call.is_none_or(|call| call.with(|call| call.is_settled()))
            };
            if let Some(oldest) = self.order.iter().find(settled).cloned() {
                self.forget(&oldest);
            }
        }
    }

    fn forget(&mut self, sid: &str) {
        self.calls.remove(sid);
        self.order.retain(|kept| kept != sid);
    }

    fn fresh_sid(&mut self, prefix: &str) -> String {
        format!("{prefix}{:032x}", self.rng.random::<u128>())
    }
}

/// The number has no voice URL, so nobody would answer there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the number that is called has no voice URL")]
pub struct NoVoiceUrl;

fn missing() -> Refused {
    Refused::new(404, 20_404, "The requested resource was not found")
}

const fn no_content() -> RestAnswer {
    RestAnswer {
        status: 204,
        body: RestBody::Empty,
        effect: None,
        lost: false,
    }
}

#[cfg(test)]
mod tests;
