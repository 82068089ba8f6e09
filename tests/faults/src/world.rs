//! One seed's world: the real functions, the store, the carrier, the people, and everything that can go
//! wrong between them, on one thread and one virtual clock.

mod cloud;
mod judging;
mod mishaps;
mod users;
mod webhooks;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::carrier::twilio::client::{Client, ClientConfig, Retry};
use ::carrier::twilio::signature::Tokens;
use ::carrier::{CarrierName, Signatures};
use ::doctor::Doctor;
use axum::Router;
use engines::Table;
use futures_util::FutureExt as _;
use service::account::keys::Keys;
use service::call::media::Media;
use service::{Clock, Context, Ids, Links};
use settings::{Dialing, Roster, Secret, Storage, Variables};
use sim::carriers::twilio::{Core, CoreConfig, Directory, Faults, Timing};
use store::schema::{self, QueueUrls};
use store::{Store, aws::Clients};

use self::webhooks::Came;
use super::aws::Aws;
use super::carrier::{Carrier, CarrierParts};
use super::chance::Chance;
use super::clock::{MachineClock, TrueTime};
use super::fleet::{self, Fleet};
use super::judge;
use super::lists;
use super::media::{Workers, WorkersParts};
use super::objects::{BUCKET, Objects};
use super::offence::{Offence, Problem};
use super::people::People;
use super::plant::{Bug, Plant};
use super::process::{Kind, Plug};
use super::queue::Queues;
use super::recordings::{self, Desk};
use super::rows::{Book, Limits, Rows, TABLE};
use super::tally::Tally;
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

/// Longer than this nothing waits in a world that works.
const VIRTUAL_TIME_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);
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
