//! One seed's world: the real functions, the store, the carrier, the people, and everything that can go
//! wrong between them, on one thread and one virtual clock.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::carrier::twilio::client::{Client, ClientConfig, Retry};
use ::carrier::twilio::signature::Tokens;
use ::carrier::{CarrierName, Signatures};
use ::doctor::Doctor;
use axum::Router;
use axum::body::Body;
use engines::Table;
use futures_util::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use service::account::keys::Keys;
use service::call::media::Media;
use service::{Clock, Context, Ids, Links};
use settings::{Dialing, Roster, Secret, Storage, Variables};
use sim::carriers::twilio::{
    CallView, Core, CoreConfig, Directory, Faults, Output, Timing, WebhookAnswer, WebhookRequest,
};
use store::schema::{self, QueueUrls};
use store::{Store, aws::Clients};
use tower::ServiceExt as _;

use super::aws::Aws;
use super::carrier::{Carrier, CarrierParts};
use super::chance::Chance;
use super::clock::{MachineClock, TrueTime};
use super::fleet::{self, Fleet};
use super::judge;
use super::ledger::{self, Phoned};
use super::lists::{self, List};
use super::media::{Workers, WorkersParts};
use super::objects::{BUCKET, Objects};
use super::offence::{Offence, Problem};
use super::people::{self, People};
use super::plant::{Bug, Plant};
use super::process::{self, Kind, Moment, Plug};
use super::queue::Queues;
use super::recordings::{self, Desk};
use super::rows::{Book, Call, Limits, Rows, TABLE};
use super::talk::{self, Turn, Whole};
use super::tally::{Answerer, Fault, Tally, Told};
use super::weather::Weather;

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const AUTH_TOKEN: &str = "12345";
const OWNER_KEY: &str = "tk_owner_of_the_first_tenant";
const OUR_NUMBER: &str = "+14155550199";
const DIAL_QUEUE: &str = "http://sqs/dial";
const NO_QUEUE: &str = "http://sqs/none";
const RECORDINGS_QUEUE: &str = "http://sqs/recordings";

/// The distance between two calls: many accounts' five a second, or so slow that a row of calls is the
/// rule.
const CALL_INTERVALS_MS: [u64; 3] = [200, 1_000, 4_000];
const ATTEMPTS_PER_DAY: usize = 6;

/// Longer than this nothing waits in a world that works.
const VIRTUAL_TIME_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// So often of a thousand times two planners are woken at once.
const AT_ONCE: u32 = 250;
/// So long a user waits for the moment to do something.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// A user gives up after so many tries.
const ASK_TRIES_MAX: u32 = 40;
/// People who call us in a world with real workers.
const INBOUND_MAX: u64 = 6;
/// A worker's row counts for 20 seconds by its own clock.
const ROW_OF_A_WORKER_MAX: SignedDuration = SignedDuration::from_secs(20 + 15);
/// Nothing happened for so long: the world has come to rest.
const REST: Duration = Duration::from_secs(10 * 60);

/// What a world is like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    pub(super) seed: u64,
    pub(super) leads: usize,
    pub(super) bug: Option<Bug>,
    pub(super) workers: Workforce,
    /// Every change of a row is kept, to be read.
    pub(super) told: bool,
}

/// Who talks to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Workforce {
    /// Stand-ins that say little: what matters is whom is called when, and what is known of it afterwards.
    StandIns,
    /// The product's own workers, which stop, die and come back while people talk.
    Real,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) problems: Vec<Problem>,
    pub(super) story: Vec<String>,
    pub(super) storage_requests: BTreeMap<Kind, u64>,
    pub(super) carrier_requests: usize,
    pub(super) virtual_time: Duration,
    pub(super) faults: Tally,
    /// Messages that came too often and were given up.
    pub(super) dead_letters: usize,
}

/// Plays one world to its end.
pub(super) fn play(setting: Setting) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let world = Arc::new(World::new(setting).await);
        world.play().await
    })
}

/// What the API answered.
#[derive(Debug)]
struct Answered {
    status: u16,
    json: Value,
}

struct World {
    chance: Chance,
    time: TrueTime,
    rows: Rows,
    aws: Aws,
    queues: Queues,
    people: People,
    objects: Objects,
    carrier: Carrier,
    plug: Plug,
    /// Nothing that comes to us is let in until then.
    deaf_until: Mutex<Duration>,
    workers: Workers,
    fleet: Option<Fleet>,
    desks: Vec<Desk>,
    clocks: Vec<MachineClock>,
    api: Router,
    callbacks: Vec<Router>,
    dials: Vec<dial::DialState>,
    schedulers: Vec<scheduler::SchedulerState>,
    /// Paths of the campaigns that were started.
    campaigns: Mutex<Vec<String>>,
    dialing: Dialing,
    weather: Weather,
    /// Users pause, and when somebody is about to be called: the one moment at which a gate that hears no pause
    /// shows it.
    users_pause: bool,
    busy: AtomicUsize,
    /// Planners at work.
    planning: AtomicUsize,
    /// The webhooks that came.
    came: Mutex<Came>,
}

/// Webhooks of the calls, as far as they tell faults.
#[derive(Debug, Default)]
struct Came {
    /// By address and form: the first one's number.
    first: BTreeMap<(String, String), u64>,
    /// The highest sequence number, by the carrier's call.
    latest: BTreeMap<String, u64>,
    /// Calls whose end we were told.
    ended: BTreeSet<String>,
    /// Calls that were held.
    held: BTreeSet<String>,
    /// By address and form: whether it is lost.
    lost: BTreeMap<(String, String), bool>,
}

/// What a webhook says.
#[derive(Debug)]
struct Form(BTreeMap<String, String>);

impl Form {
    fn of(body: &str) -> Self {
        let fields = url::form_urlencoded::parse(body.as_bytes());
        Self(fields.into_owned().collect())
    }

    /// Empty where it does not say it.
    fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    fn tells_of_ringing(&self) -> bool {
        self.0.contains_key("SequenceNumber") && self.text("CallStatus") == "ringing"
    }

    /// What it tells, if it is one of those of which every kind gets lost.
    fn told(&self) -> Option<Told> {
        let progress = self.0.contains_key("SequenceNumber");
        if progress && self.text("CallStatus") == "in-progress" {
            return Some(Told::Answered);
        }
        if progress && self.text("CallStatus") == "completed" {
            return Some(Told::Completed);
        }
        if self.text("RecordingStatus") == "completed" {
            return Some(Told::Recording);
        }
        self.is_verdict().then_some(Told::Verdict)
    }

    fn is_verdict(&self) -> bool {
        self.0.contains_key("MachineDetectionDuration")
    }

    /// Who picked up, of the carrier's word on it.
    fn answerer(&self) -> Option<Answerer> {
        let by = self.text("AnsweredBy");
        if !self.is_verdict() {
            None
        } else if by.starts_with("machine") {
            Some(Answerer::Machine)
        } else {
            Some(Answerer::Person)
        }
    }
}

impl World {
    async fn new(setting: Setting) -> Self {
        let chance = Chance::of(setting.seed);
        let real = setting.workers == Workforce::Real;
        let time = TrueTime::from(if real {
            lists::midday()
        } else {
            lists::beginning(&chance)
        });
        let mut people = People::of(&chance, setting.leads, real);
        // In half of the worlds, and not where people talk: there every conversation is one of a list.
        if !real && setting.seed.is_multiple_of(2) {
            people = people.with_other_numbers(&Chance::of(!setting.seed));
        }
        let limits = Limits {
            account: usize::try_from(chance.number(3..=8)).unwrap(),
            tenant: usize::try_from(chance.number(3..=8)).unwrap(),
        };
        let rows = Rows::new(time, people.clone(), limits, setting.told);
        let queues = Queues::new(chance.clone());
        let (objects, plug) = (Objects::default(), Plug::default());
        let weather = Weather::of(&chance);
        let table = Table::in_memory().unwrap();
        let aws = Aws::new(
            chance.clone(),
            rows.clone(),
            table,
            queues.clone(),
            objects.clone(),
            weather.storage,
            setting.bug.map(Plant::new),
        );
        let clients = aws.clients().await;
        let dialing = Dialing {
            carrier_calls_max: u32::try_from(limits.account).unwrap(),
            tenant_calls_max: u32::try_from(limits.tenant).unwrap(),
            call_interval: Duration::from_millis(*chance.pick(&CALL_INTERVALS_MS)),
        };
        schema::create_table(&clients.dynamodb, TABLE)
            .await
            .unwrap();
        let carrier = Carrier::new(CarrierParts {
            chance: chance.clone(),
            time,
            weather: weather.carrier,
            core: core_of(&chance, time, weather),
            people: people.clone(),
            rows: rows.clone(),
            objects: objects.clone(),
            bug: setting.bug,
        });
        let clock = MachineClock::right(time);
        let machine = parts(&clients, &carrier, dialing, clock, &chance);
        let workers = Workers::new(WorkersParts {
            chance: chance.clone(),
            time,
            media: media_of(&machine),
            rows_of_workers: machine.store.workers.clone(),
            ids: machine.ids.clone(),
            carrier: carrier.clone(),
            people: people.clone(),
            rows: rows.clone(),
            plug: plug.clone(),
            deaths: weather.deaths,
            bug: setting.bug,
        });
        let mut world = Self {
            time,
            rows: rows.clone(),
            aws,
            queues,
            people,
            workers,
            fleet: real.then(|| {
                Fleet::new(
                    (chance.clone(), plug.clone(), weather.deaths),
                    carrier.clone(),
                    rows.clone(),
                    setting.bug,
                )
            }),
            objects,
            carrier,
            plug,
            deaf_until: Mutex::default(),
            desks: Vec::new(),
            clocks: Vec::new(),
            api: Router::new(),
            callbacks: Vec::new(),
            dials: Vec::new(),
            schedulers: Vec::new(),
            campaigns: Mutex::default(),
            dialing,
            weather,
            users_pause: setting.bug == Some(Bug::PauseUnheard),
            busy: AtomicUsize::new(0),
            planning: AtomicUsize::new(0),
            came: Mutex::default(),
            chance,
        };
        let machine = world.machine(&clients);
        // Nobody asks it here: what it looks at knows real time only.
        let doctor = Doctor::of_function(Variables::default(), &machine);
        world.api = api::router(api::State::new(&machine, doctor));
        let keys = Keys::new(&machine.store, machine.clock, machine.ids.clone());
        let secret = Secret::new(OWNER_KEY.to_owned());
        keys.ensure_owner("us", &secret).await.unwrap();
        if let Some(fleet) = world.fleet.clone() {
            let voice = machine.links.voice();
            world
                .carrier
                .with(|core, _now| core.set_voice_url(OUR_NUMBER, voice.as_str()));
            for _place in 0..fleet::PLACES {
                let machine = world.machine(&clients);
                tokio::spawn(fleet.clone().keep(machine));
            }
        } else {
            world.workers.replace(None).await;
        }
        for _task in 0..recordings::TASKS {
            let machine = world.machine(&clients);
            world.desks.push(Desk::new(
                &machine,
                (world.queues.clone(), RECORDINGS_QUEUE),
                world.rows.clone(),
                (world.chance.clone(), world.plug.clone(), weather.deaths),
            ));
        }
        for _machine in 0..2 {
            let machine = world.machine(&clients);
            world.dials.push(dial::DialState::new(&machine));
            let machine = world.machine(&clients);
            world
                .schedulers
                .push(scheduler::SchedulerState::new(&machine));
            let machine = world.machine(&clients);
            let state = ::callbacks::CallbackState::new(&machine);
            world.callbacks.push(::callbacks::router(state));
        }
        world
    }

    /// Another machine of ours, with a clock of its own.
    fn machine(&mut self, clients: &Clients) -> Context {
        let clock = MachineClock::right(self.time);
        self.clocks.push(clock.clone());
        parts(clients, &self.carrier, self.dialing, clock, &self.chance)
    }

    async fn play(self: Arc<Self>) -> Report {
        tokio::spawn(Arc::clone(&self).pump());
        tokio::spawn(Arc::clone(&self).carry());
        tokio::spawn(Arc::clone(&self).storms());
        if self.weather.kills > 0 {
            tokio::spawn(Arc::clone(&self).deafness());
        }
        for desk in &self.desks {
            tokio::spawn(desk.clone().work());
        }
        if !self.weather.clocks_wrong.is_zero() {
            tokio::spawn(Arc::clone(&self).clock_steps());
        }
        tokio::spawn(Arc::clone(&self).ticks());
        tokio::spawn(Arc::clone(&self).stream());
        self.set_up().await;
        // After the last lead is done, callbacks and messages may still be on their way.
        let mut resting = Duration::ZERO;
        let step = Duration::from_secs(20);
        let rest = if self.fleet.is_some() { REST / 3 } else { REST };
        while resting < rest
            && self.time.elapsed() < VIRTUAL_TIME_MAX
            && self.rows.problems().is_empty()
        {
            tokio::time::sleep(step).await;
            self.look_at_the_carrier();
            let settled = |book: &Book| judge::settled(book).is_empty() && book.is_followed_up();
            let settled = self.rows.look(settled);
            resting = if settled && self.at_rest() {
                resting + step
            } else {
                Duration::ZERO
            };
        }
        if let Some(fleet) = &self.fleet {
            fleet.close().await;
        }
        // What went wrong is known; what would follow from it says nothing more.
        if self.rows.problems().is_empty() {
            self.judge();
            self.judge_talks();
        }
        Report {
            problems: self.rows.problems(),
            story: self.rows.story(),
            storage_requests: self.aws.requests(),
            carrier_requests: self.carrier.requests().len(),
            virtual_time: self.time.elapsed(),
            faults: self.chance.tally(),
            dead_letters: self.queues.dead(),
        }
    }

    fn look_at_the_carrier(&self) {
        let limit = usize::try_from(self.dialing.carrier_calls_max).unwrap();
        let over_for = |call: &str| self.rows.over_for(call);
        let live = self.carrier.live();
        for offence in judge::at_the_carrier(&live, &self.people, over_for, limit) {
            self.rows.problem(offence);
        }
        let over = self.carrier.over(|call| over_for(call).is_none());
        let late = |book: &Book| ledger::ends_are_heard(book, &over, self.time.now());
        for offence in self.rows.look(late) {
            self.rows.problem(offence);
        }
    }

    fn at_rest(&self) -> bool {
        self.busy.load(Ordering::Relaxed) == 0
            && self.queues.waiting(DIAL_QUEUE) == 0
            && self.queues.waiting(RECORDINGS_QUEUE) == 0
            && self.fleet.as_ref().is_none_or(|fleet| fleet.calls() == 0)
            && self
                .carrier
                .with(|core, _now| core.poll_timeout().is_none())
    }

    async fn set_up(self: &Arc<Self>) {
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

    /// The schedule's ticks: about every minute while something goes on, seldom while nobody may be
    /// called, now and then two at once.
    async fn ticks(self: Arc<Self>) {
        loop {
            let seldom = self.chance.secs(1_200..=3_000);
            let mut waited = Duration::ZERO;
            // Whatever begins meanwhile ends a long wait.
            while waited < seldom {
                let wait = self.chance.secs(55..=80);
                tokio::time::sleep(wait).await;
                waited += wait;
                let quiet = self.rows.quiet_for() > Duration::from_secs(180);
                if !quiet || self.rows.is_anybody_on() {
                    break;
                }
            }
            let at_once = if self.chance.per_mille(AT_ONCE) { 2 } else { 1 };
            for _tick in 0..at_once {
                let world = Arc::clone(&self);
                self.spawn(async move {
                    tokio::time::sleep(world.chance.ms(0..=40)).await;
                    let tick = json!({ "detail-type": "Scheduled Event" });
                    let _fails_or_dies = world.schedule(&tick).await;
                });
            }
        }
    }

    /// The table's stream: tells the scheduler of events, some late, some twice, some out of order.
    async fn stream(self: Arc<Self>) {
        /// Batches that fail are delivered again so often; then only the ticks are left.
        const TRIES_MAX: u32 = 3;
        // The batching window is a setting of the event source.
        let window_ms = *self.chance.pick(&[300, 2_000, 6_000]);
        loop {
            self.rows.told().await;
            tokio::time::sleep(self.chance.ms(window_ms / 4..=window_ms)).await;
            if self.chance.strikes(Fault::EventsLate, 20) {
                tokio::time::sleep(self.chance.secs(1..=60)).await;
            }
            let mut records = self.rows.new_events();
            self.chance.shuffle(&mut records);
            let records: Vec<Value> = records
                .into_iter()
                .map(|row| json!({ "eventName": "INSERT", "dynamodb": { "NewImage": row } }))
                .collect();
            let batch = json!({ "Records": records });
            // A batch that was given up for dead comes again while it is worked on.
            let at_once = if self.chance.strikes(Fault::EventsTwice, AT_ONCE) {
                2
            } else {
                1
            };
            for _batch in 0..at_once {
                let (world, batch) = (Arc::clone(&self), batch.clone());
                self.spawn(async move {
                    tokio::time::sleep(world.chance.ms(0..=40)).await;
                    for _try in 0..TRIES_MAX {
                        if world.schedule(&batch).await {
                            return;
                        }
                    }
                });
            }
        }
    }

    /// One call of the scheduler's function. Whether it did what it should.
    async fn schedule(&self, event: &Value) -> bool {
        let scheduler = self.chance.pick(&self.schedulers);
        let handled = scheduler::handle(event, scheduler);
        let kind = if event["Records"].is_null() {
            Kind::Tick
        } else {
            Kind::Stream
        };
        if self.planning.fetch_add(1, Ordering::Relaxed) > 0 {
            self.chance.struck(Fault::TwoPlanners);
        }
        let (chance, plug) = (&self.chance, &self.plug);
        let handled = process::run(kind, chance, plug, self.weather.deaths, handled).await;
        self.planning.fetch_sub(1, Ordering::Relaxed);
        self.rows.tell(|| format!("{kind:?}: {handled:?}"));
        handled.is_some_and(|handled| handled.is_ok())
    }

    /// Delivers what waits in the dial queue.
    async fn pump(self: Arc<Self>) {
        loop {
            self.queues.ready(DIAL_QUEUE).await;
            if let Some(batch) = self.queues.receive(DIAL_QUEUE) {
                let world = Arc::clone(&self);
                self.spawn(async move {
                    let dial = world.chance.pick(&world.dials);
                    let event = batch.event.clone();
                    let handled = process::run(
                        Kind::Dial,
                        &world.chance,
                        &world.plug,
                        world.weather.deaths,
                        dial::handle(event, dial),
                    )
                    .await;
                    world
                        .rows
                        .tell(|| format!("dial {:?}: {handled:?}", batch.event));
                    let Some(response) = handled else { return };
                    let failed = response.batch_item_failures.into_iter();
                    let failed: Vec<String> =
                        failed.map(|failure| failure.item_identifier).collect();
                    world.queues.done(DIAL_QUEUE, &batch, &failed);
                });
            }
        }
    }

    /// Does what the carrier wants done.
    async fn carry(self: Arc<Self>) {
        loop {
            let (sid, output) = self.carrier.next().await;
            match output {
                Output::Request(request) => {
                    let world = Arc::clone(&self);
                    self.spawn(async move {
                        let id = request.id;
                        let answer = world.deliver(request).await;
                        world.carrier.answered(&sid, id, answer);
                    });
                }
                Output::OpenStream { .. } => {
                    let world = Arc::clone(&self);
                    self.spawn(async move {
                        tokio::time::sleep(world.chance.ms(20..=120)).await;
                        if world
                            .chance
                            .strikes(Fault::KilledBeforeSession, world.weather.kills)
                        {
                            world.kill();
                        }
                        match &world.fleet {
                            None if world.is_deaf() => world.carrier.refuse_stream(&sid),
                            None => world.workers.connect(&sid),
                            Some(fleet) if world.is_deaf() => fleet.refuse(&sid),
                            Some(fleet) => fleet.connect(&sid),
                        }
                    });
                }
                Output::StreamText(text) => match &self.fleet {
                    None => {
                        if let Some(session) = self.workers.message(&sid, &text) {
                            self.spawn(session);
                        }
                    }
                    Some(fleet) => fleet.message(&sid, text),
                },
                closed @ (Output::CloseStream | Output::CutStream) => match &self.fleet {
                    None => self.workers.closed(&sid, closed == Output::CloseStream),
                    Some(fleet) => fleet.closed(&sid, closed == Output::CloseStream),
                },
                Output::AppendRecording {
                    sid: recording,
                    samples,
                    ..
                } => self.carrier.recorded(&sid, &recording, &samples),
                Output::FinishRecording { .. } | Output::Save => {}
            }
        }
    }

    /// One webhook, from the carrier's gateway to our function and back.
    async fn deliver(self: &Arc<Self>, request: WebhookRequest) -> WebhookAnswer {
        tokio::time::sleep(self.chance.ms(5..=60)).await;
        if self.chance.strikes(Fault::WebhookNotConnected, 10) {
            return WebhookAnswer::NotConnected;
        }
        let form = self.note(&request);
        if form.tells_of_ringing()
            && self
                .chance
                .strikes(Fault::KilledWhileRinging, self.weather.kills)
        {
            self.kill();
        }
        if self.is_deaf() {
            // A port that nobody listens on, or one whose owner stands still.
            if self.chance.per_mille(500) {
                return WebhookAnswer::NotConnected;
            }
            tokio::time::sleep(request.read_timeout).await;
            return WebhookAnswer::NotAnswered;
        }
        if self.is_lost(&request, &form) {
            return WebhookAnswer::Answered {
                status: 200,
                content_type: String::new(),
                body: String::new(),
            };
        }
        let answerer = form.answerer();
        self.cut(&form, answerer, Moment::Before);
        let answered = self.hand_over(request).await;
        if answerer.is_some() {
            tokio::time::sleep(self.chance.ms(0..=400)).await;
            self.cut(&form, answerer, Moment::After);
        }
        answered
    }

    /// One webhook, to a function of ours that takes it.
    async fn hand_over(&self, request: WebhookRequest) -> WebhookAnswer {
        let url: url::Url = request.url.parse().unwrap();
        let asked = http::Request::builder()
            .method("POST")
            .uri(&url[url::Position::BeforePath..url::Position::AfterQuery])
            .header("content-type", "application/x-www-form-urlencoded")
            .header("X-Twilio-Signature", &request.signed.signature)
            .body(Body::from(request.body.unwrap_or_default()))
            .unwrap();
        let router = self.chance.pick(&self.callbacks).clone();
        let (chance, plug, deaths) = (&self.chance, &self.plug, self.weather.deaths);
        let handled = process::run(Kind::Callback, chance, plug, deaths, async {
            let response = router.oneshot(asked).await.unwrap();
            let status = response.status().as_u16();
            let kind = response.headers().get("content-type");
            let kind = kind.map_or(String::new(), |kind| kind.to_str().unwrap().to_owned());
            let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
            WebhookAnswer::Answered {
                status,
                content_type: kind,
                body: String::from_utf8(body.unwrap().to_vec()).unwrap(),
            }
        });
        let handled = tokio::time::timeout(request.read_timeout, handled).await;
        self.rows.tell(|| format!("{}: {handled:?}", url.path()));
        match handled {
            // The gateway in front of a function that died answers for it.
            Ok(None) => WebhookAnswer::Answered {
                status: 502,
                content_type: "application/json".to_owned(),
                body: "{}".to_owned(),
            },
            Ok(Some(answer)) => answer,
            Err(_elapsed) => WebhookAnswer::NotAnswered,
        }
    }

    /// Notes whether a webhook came before, or behind one that was sent later.
    fn note(&self, request: &WebhookRequest) -> Form {
        let mut came = self.came.lock().unwrap();
        let body = request.body.clone().unwrap_or_default();
        let form = Form::of(&body);
        let call = form.text("CallSid").to_owned();
        if request.url.contains("held=") {
            came.held.insert(call.clone());
        }
        let first = came.first.entry((request.url.clone(), body));
        if *first.or_insert(request.id) != request.id {
            self.chance.struck(Fault::WebhookTwice);
            return form;
        }
        let Ok(sequence) = form.text("SequenceNumber").parse::<u64>() else {
            return form;
        };
        let latest = came.latest.entry(call.clone()).or_default();
        if sequence < *latest {
            self.chance.struck(Fault::WebhookOvertaken);
        }
        *latest = sequence.max(*latest);
        let known = ::carrier::twilio::status::call_status(form.text("CallStatus")).unwrap();
        if known.is_final() {
            came.ended.insert(call);
        }
        form
    }

    /// Whether what a callback tells is lost for good, whoever was to hear it: each time that it comes.
    fn is_lost(&self, request: &WebhookRequest, form: &Form) -> bool {
        let Some(told) = form.told() else {
            return false;
        };
        let mut came = self.came.lock().unwrap();
        let body = request.body.clone().unwrap_or_default();
        let lost = came.lost.entry((request.url.clone(), body));
        *lost.or_insert_with(|| {
            let often = self.weather.callbacks_lost;
            self.chance.strikes(Fault::CallbackLost(told), often)
        })
    }

    /// Breaks the stream of a call about when the carrier says who answered.
    fn cut(&self, form: &Form, answerer: Option<Answerer>, moment: Moment) {
        let Some(answerer) = answerer else { return };
        let often = match answerer {
            Answerer::Person => 20,
            Answerer::Machine => 100,
        };
        let sid = form.text("CallSid");
        if self.chance.per_mille(often) && self.carrier.cut_stream(sid) {
            self.chance.struck(Fault::StreamCut(moment, answerer));
            self.rows.tell(|| format!("the stream of {sid} breaks"));
        }
    }

    /// Everything of ours dies, and starts again.
    fn kill(self: &Arc<Self>) {
        self.chance.struck(Fault::Killed);
        self.rows.tell(|| "everything dies".to_owned());
        self.be_deaf();
        self.plug.pull();
        let world = Arc::clone(self);
        if self.fleet.is_none() {
            self.spawn(async move { world.workers.die().await });
        }
    }

    /// Nothing that comes to us is let in for a while.
    fn be_deaf(&self) {
        self.chance.struck(Fault::Deaf);
        let until = self.time.elapsed() + self.chance.ms(1_000..=30_000);
        let mut deaf_until = self.deaf_until.lock().unwrap();
        *deaf_until = until.max(*deaf_until);
    }

    fn is_deaf(&self) -> bool {
        self.time.elapsed() < *self.deaf_until.lock().unwrap()
    }

    /// Now and then we are deaf, and half of the time because everything died.
    async fn deafness(self: Arc<Self>) {
        loop {
            tokio::time::sleep(self.chance.secs(120..=3_600)).await;
            if self.chance.per_mille(500) {
                self.kill();
            } else {
                self.be_deaf();
            }
        }
    }

    /// Now and then the table throttles most of what it is asked, for seconds or minutes.
    async fn storms(self: Arc<Self>) {
        loop {
            tokio::time::sleep(self.chance.secs(120..=3_600)).await;
            self.chance.struck(Fault::StorageStorm);
            // A worker gives up the end of a conversation after a minute.
            let longest = if self.fleet.is_some() { 20 } else { 90 };
            self.aws
                .throttle(u32::try_from(self.chance.number(200..=900)).unwrap());
            tokio::time::sleep(self.chance.secs(2..=longest)).await;
            self.aws.throttle(0);
        }
    }

    /// Clocks run wrong and are set.
    async fn clock_steps(self: Arc<Self>) {
        loop {
            tokio::time::sleep(self.chance.secs(60..=1_800)).await;
            let clock = self.chance.pick(&self.clocks);
            let most = i64::try_from(self.weather.clocks_wrong.as_millis()).unwrap();
            let ms = self.chance.number(0..=u64::try_from(2 * most).unwrap());
            let wrong_by = SignedDuration::from_millis(i64::try_from(ms).unwrap() - most);
            clock.step_to(wrong_by);
            self.chance.struck(Fault::ClockStepped);
        }
    }

    fn spawn(self: &Arc<Self>, work: impl Future<Output = ()> + Send + 'static) {
        self.busy.fetch_add(1, Ordering::Relaxed);
        let world = Arc::clone(self);
        tokio::spawn(async move {
            // A process that panics is a problem of the world, not the end of a task that nobody sees.
            if AssertUnwindSafe(work).catch_unwind().await.is_err() {
                world.rows.problem(Offence::Panicked);
            }
            world.busy.fetch_sub(1, Ordering::Relaxed);
        });
    }

    fn judge(&self) {
        let requests = self.carrier.requests();
        let came = self.came.lock().unwrap();
        for made in requests.iter().filter_map(|request| request.sid.as_ref()) {
            if !came.ended.contains(made) {
                self.chance.struck(Fault::WebhookNever);
            }
        }
        let mut offences = judge::asked_once(&requests);
        offences.extend(judge::within_caps(
            &requests,
            &self.people,
            ATTEMPTS_PER_DAY,
        ));
        let interval = self.dialing.call_interval;
        offences.extend(judge::paced(&requests, interval, self.weather.clocks_wrong));
        if self.weather.clocks_wrong.is_zero() {
            offences.extend(ledger::arrivals(&requests, interval));
        }
        offences.extend(self.ledger());
        offences.extend(self.rows.look(judge::settled));
        let listed = self.people.numbers().into_iter().collect();
        offences.extend(self.rows.look(|book| judge::nobody_lost(book, &listed)));
        for offence in offences {
            self.rows.problem(offence);
        }
        if !self.at_rest() {
            self.rows.problem(Offence::NotAtRest {
                at_work: self.busy.load(Ordering::Relaxed),
                messages: self.queues.waiting(DIAL_QUEUE) + self.queues.waiting(RECORDINGS_QUEUE),
                carriers_next: self.carrier.with(|core, _now| core.poll_timeout()),
                workers_calls: self.fleet.as_ref().map(Fleet::calls),
            });
        }
        self.aws.compare();
    }
}

impl World {
    /// The carrier's ledger against our books.
    fn ledger(&self) -> Vec<Offence> {
        let requests = self.carrier.requests();
        let made = requests
            .iter()
            .filter_map(|request| Some((request.call.clone(), request.sid.clone()?)));
        let mut calls: BTreeMap<String, CallView> = made
            .map(|(call, sid)| (call, self.carrier.person(&sid)))
            .collect();
        let numbers: BTreeMap<String, String> = calls
            .iter()
            .map(|(call, view)| (call.clone(), view.to.clone()))
            .collect();
        // Calls to our numbers nobody asked for.
        let others = self.rows.look(|book| {
            let others = book.calls.iter();
            let others = others.filter(|(call, _row)| !calls.contains_key(*call));
            let others = others.filter_map(|(call, row)| Some((call.clone(), row.sid.clone()?)));
            others.collect::<Vec<_>>()
        });
        for (call, sid) in others {
            calls.insert(call, self.carrier.person(&sid));
        }
        let phoned: Vec<Phoned<'_>> = calls
            .iter()
            .map(|(call, view)| Phoned {
                call,
                view,
                number: numbers.get(call).unwrap_or(&view.from),
            })
            .collect();
        let recorded = self.carrier.recordings();
        let with_machines = self.rows.with_machines();
        self.rows.look(|book| {
            let mut offences = ledger::durations(book, &phoned);
            offences.extend(ledger::recordings(book, &recorded, |key| {
                self.objects.get(key)
            }));
            offences.extend(ledger::reached(book, &phoned, &with_machines));
            offences
        })
    }

    /// Conversations are whole although workers came and went, and nothing of them is left behind.
    fn judge_talks(&self) {
        let Some(fleet) = &self.fleet else { return };
        let rows = self.aws.rows();
        let mut turns: BTreeMap<String, Vec<Turn>> = BTreeMap::new();
        let soon = self.time.now().checked_add(ROW_OF_A_WORKER_MAX).unwrap();
        for (pk, sk, row) in &rows {
            if sk.starts_with("TURN#") {
                let call = pk.rsplit('#').next().unwrap();
                turns
                    .entry(call.to_owned())
                    .or_default()
                    .push(Turn::of(row));
            }
            if pk == "INBOUND" {
                self.rows.problem(Offence::StillListed { call: sk.clone() });
            }
            if pk == "WORKERS" {
                let until: Timestamp = row["until"].as_str().unwrap().parse().unwrap();
                if until > soon || !row.contains_key("ttl") {
                    let worker = sk.clone();
                    self.rows
                        .problem(Offence::WorkerStillCounts { worker, until });
                }
            }
        }
        let held = self.came.lock().unwrap().held.clone();
        let outbound: BTreeSet<String> = self
            .carrier
            .requests()
            .into_iter()
            .map(|request| request.call)
            .collect();
        let calls = self.rows.look(|book| book.calls.clone());
        for (id, call) in &calls {
            let Some(sid) = &call.sid else { continue };
            if call.outcome.as_deref() == Some("no_capacity") && held.contains(sid) {
                self.chance.struck(Fault::HungUpWhileHeld);
            }
            let view = self.carrier.with(|core, _now| core.view(sid));
            let Some(view) = view.filter(|view| view.streams > 0) else {
                continue;
            };
            let whole = if fleet.is_hurt(sid) || held.contains(sid) {
                Whole::BrokeOff
            } else {
                Whole::Yes
            };
            if view.streams > 1 {
                self.chance.struck(match whole {
                    Whole::Yes => Fault::HandedOver,
                    Whole::BrokeOff => Fault::Resumed,
                });
            }
            let turns = turns.remove(id).unwrap_or_default();
            let mut offences = talk::transcript(id, &view, &turns, whole);
            if whole == Whole::Yes {
                let phoned = Phoned {
                    call: id,
                    view: &view,
                    number: if outbound.contains(id) {
                        &view.to
                    } else {
                        &view.from
                    },
                };
                let opt_outs = |book: &Book| ledger::opt_outs(book, &[phoned]);
                offences.extend(self.rows.look(opt_outs));
            }
            for offence in offences {
                self.rows.problem(offence);
            }
        }
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

fn core_of(chance: &Chance, time: TrueTime, weather: Weather) -> Core {
    let anybody = Directory::everybody("unreachable".parse().unwrap());
    let mut config = CoreConfig::new(ACCOUNT, AUTH_TOKEN, time.now(), anybody);
    config.seed = chance.seed();
    config.calls_per_second = 100;
    config.timing = Timing {
        setup: Duration::from_secs(1),
        ring: Duration::from_secs(6),
        timeout_second: Duration::from_secs(1),
        processing: Duration::from_secs(2),
    };
    config.faults = Faults {
        callbacks: weather.callbacks,
        ..Faults::default()
    };
    Core::new(config)
}

fn parts(
    clients: &Clients,
    carrier: &Carrier,
    dialing: Dialing,
    clock: MachineClock,
    chance: &Chance,
) -> Context {
    let names = Storage {
        table: TABLE.to_owned(),
        bucket: BUCKET.to_owned(),
        dial_queue: DIAL_QUEUE.to_owned(),
        recordings_queue: RECORDINGS_QUEUE.to_owned(),
        import_queue: NO_QUEUE.to_owned(),
    };
    let queues = QueueUrls {
        dial: DIAL_QUEUE.to_owned(),
        recordings: RECORDINGS_QUEUE.to_owned(),
        imports: NO_QUEUE.to_owned(),
    };
    let token = || Secret::new(AUTH_TOKEN.to_owned());
    let base = "https://api.carrier.test".parse().unwrap();
    let mut config = ClientConfig::new(base, ACCOUNT.parse().unwrap(), token());
    // Pauses are left to chance inside the client; requests take their time here already.
    config.retry = Retry {
        base: Duration::ZERO,
        ..Retry::default()
    };
    let public: url::Url = "https://us.test".parse().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(clock);
    Context {
        store: Store::new(clients, &names, &queues),
        carrier: Arc::new(Client::over(config, Arc::new(carrier.clone()))),
        signatures: Signatures::Twilio(Tokens::new(token())),
        links: Links::new(public.clone(), public, CarrierName::Twilio).unwrap(),
        dialing,
        vendors: Roster::default(),
        ids: Ids::seeded(Arc::clone(&clock), chance.seed()),
        clock,
    }
}

pub(super) fn media_of(parts: &Context) -> Media {
    Media::new(
        &parts.store,
        parts.carrier.clone(),
        parts.links.clone(),
        Arc::clone(&parts.clock),
        parts.ids.clone(),
    )
}
