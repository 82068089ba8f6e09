//! The ratchet's calls: a fixed set of conversations through the real media worker, played so that every
//! run does the same work and the work can be counted (`tools/ratchet.py`, `make ratchet`).
//!
//! The product's part is real, down to the vendors' clients and the requests to the table: its sockets to
//! vendors are loopback sockets, those to the carrier pipes. Time is virtual and chance is seeded. What
//! the far side does goes on in the same thread and [`outside`] keeps it from being counted. Before the
//! calls that count comes one of each kind, so that caches are filled and connections stand.
//!
//! It does not know what a call may cost: budgets are `tools/ratchet/budgets.txt`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail loudly"
)]

mod carrier;
mod outside;
mod recast;
mod table;
mod vendors;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ::carrier::twilio::client::{Client, ClientConfig};
use ::carrier::twilio::signature::Tokens;
use ::carrier::{CarrierName, Signatures};
use expect_test::expect;
use jiff::Timestamp;
use media_worker::{Tools, Worker, WorkerParts};
use model::{
    AgentAmd, AgentFields, AgentId, AgentMachineAction, AmdMode, ApiKeyId, CallId, CallKind,
    Consent, ConsentKind, Speaker, TenantId, TraceId, Variables,
};
use service::account::keys::Keys;
use service::agent::Agents;
use service::agent::numbers::{NumberFields, Numbers};
use service::agent::prompts::{PromptFields, Prompts};
use service::call::media::Media;
use service::call::{Calls, CreateCall};
use service::dialing::dial::{DialJobs, DialResult};
use service::dialing::workforce::Enlisted;
use service::{Clock, Context, Ids, Links};
use settings::{Dialing, Log, LogFormat, Roster, Secret, Settings};
use store::{Overriding, SLOTS_MAX};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use carrier::Carrier;
use outside::Outside;
use recast::Recast;
use vendors::{Diary, Vendors};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const AUTH_TOKEN: &str = "12345";
const OUR_NUMBER: &str = "+14155550199";
const SEED: u64 = 10;
/// The longest that the calls may take on virtual time.
const LONGEST: Duration = Duration::from_secs(600);
/// From one call to the next: most of them are on at a time.
const BETWEEN_CALLS: Duration = Duration::from_millis(3_700);

/// Who is called, or calls us, and what they do.
struct Script {
    what: &'static str,
    inbound: bool,
    person: &'static str,
}

const fn called(what: &'static str, person: &'static str) -> Script {
    Script {
        what,
        inbound: false,
        person,
    }
}

const fn calls_us(what: &'static str, person: &'static str) -> Script {
    Script {
        what,
        inbound: true,
        person,
    }
}

/// Fills caches and opens connections; does not count.
const WARM_UP: [Script; 2] = [
    called(
        "warm-up",
        r#"answers after 1 ring | opens with "Hello?" | says "Could you look into your calendar?" | says "No, thanks, goodbye.""#,
    ),
    calls_us(
        "warm-up, inbound",
        r#"answers | says "No, thanks, goodbye.""#,
    ),
];

/// What counts.
const CALLS: [Script; 8] = [
    called(
        "talks",
        r#"answers after 1 ring | opens with "Yes, hello, Ann speaking." | says "What time was it again?" |
        says "Could you look into your calendar for me please?" | says "Do I have to bring anything?" |
        says "Yes, I will be there." | says "No, thanks, goodbye.""#,
    ),
    called(
        "interrupts",
        r#"answers after 2 rings | interrupts after 4 words | says "Sorry, who is this?" |
        interrupts after 5 words | says "Wait, stop. Can I park there?" | mumbles "mm-hm" | coughs 400ms |
        says "That sounds good to me, thanks." | hangs up after 900ms"#,
    ),
    called(
        "mailbox",
        r#"voicemail "Hi, you have reached Ann. Please leave a message after the tone." | waits 800ms | beep 850hz 400ms"#,
    ),
    called(
        "presses keys",
        r#"answers after 1 ring | opens with "Hello?" | waits 3000ms | presses 4 | presses 2 | presses # |
        says "My number is five five one two." | says "Please take me off your list and do not call me again.""#,
    ),
    calls_us(
        "calls us",
        r#"answers | says "Good morning, I would like to change my appointment to another day." |
        says "Thursday is fine." | says "Could you repeat that please?" | says "Thank you, goodbye.""#,
    ),
    called("says nothing", "answers after 1 ring"),
    called(
        "asks the way in",
        r#"screening "Hi, the person you're calling is using a screening service. Go ahead and say your name, and why you're calling." |
        replies after 900ms | says "Thanks, please stay on the line." | waits 3000ms | opens with "Hello, Ann here." |
        says "Sure." | says "No, thanks, goodbye.""#,
    ),
    called(
        "is handed over",
        r#"answers after 1 ring | opens with "Yes?" | says "I think so, but let me check my calendar first, because on that day there was something with the children and the school." |
        says "Hm, let me think. I have found it now, it is in the afternoon, so the morning would work for me. Yes, I will be there." |
        says "How long does it take?" | says "No, that is all, goodbye.""#,
    ),
];

/// The first worker stops, and hands its calls to the second, so long after the first call.
const STOPS_AFTER: Duration = Duration::from_secs(34);

#[test]
fn the_calls_are_what_they_are_meant_to_be() {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let stage = runtime.block_on(Outside::new(Stage::new()));
    runtime.block_on(Outside::new(stage.play(&WARM_UP, None)));
    let told = calls(&runtime, &stage);
    expect![[r#"
        talks: agent_ended, 7 + 6 turns, 1 cut short, 2 tools, 2 streams
        interrupts: customer_hung_up, 3 + 4 turns, 3 cut short, 0 tools, 1 streams
        mailbox: voicemail_left, 2 + 2 turns, 1 cut short, 0 tools, 1 streams
        presses keys: opted_out, 5 + 4 turns, 2 cut short, 0 tools, 1 streams
        calls us: 2 streams
        says nothing: customer_silent, 4 + 0 turns, 0 cut short, 0 tools, 2 streams
        asks the way in: agent_ended, 6 + 6 turns, 2 cut short, 1 tools, 2 streams
        is handed over: agent_ended, 6 + 7 turns, 1 cut short, 1 tools, 2 streams
        90 s, Requests { recognizer: 16, model: 33, voice: 20 }
    "#]]
    .assert_eq(&told);
}

/// What is counted: everything in here that is not outside.
#[inline(never)]
fn calls(runtime: &Runtime, stage: &Stage) -> String {
    outside::count();
    let played = runtime.block_on(Outside::new(stage.play(&CALLS, Some(STOPS_AFTER))));
    outside::count_no_more();
    black_box(played)
}

/// The product and its far side.
struct Stage {
    carrier: Carrier,
    vendors: Vendors,
    parts: Context,
    tenant: TenantId,
    agent: AgentId,
}

impl Stage {
    async fn new() -> Self {
        let log = Log {
            filter: "info".to_owned(),
            format: LogFormat::Json,
            ..Settings::from_variables(&BTreeMap::new()).unwrap().log
        };
        telemetry::init_logs_to(&log, BoxMakeWriter::new(io::sink)).unwrap();
        let metrics = telemetry::Metrics::install().unwrap();

        let zero = Instant::now();
        let epoch: Timestamp = "2026-03-10T17:00:00Z".parse().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock { zero, epoch });
        let carrier = Carrier::new(zero, epoch);
        let parts = parts(&carrier, clock).await;
        let vendors = Vendors::start(zero).await;
        let (tenant, agent) = agent(&parts).await;
        carrier.answer_with(::callbacks::router(::callbacks::CallbackState::new(&parts)));
        carrier.voice_at(OUR_NUMBER, parts.links.voice().as_str());
        for _worker in 0..2 {
            let worker = worker(&parts, &vendors, metrics.clone());
            tokio::spawn({
                let worker = worker.clone();
                async move { media_worker::stay_enlisted(&worker).await }
            });
            carrier.enlist(worker);
        }
        // The workers' rows are written.
        tokio::time::sleep(Duration::from_secs(1)).await;
        Self {
            carrier,
            vendors,
            parts,
            tenant,
            agent,
        }
    }

    /// Plays these calls, one beginning after the other, and tells how they went.
    async fn play(&self, scripts: &[Script], stops_after: Option<Duration>) -> String {
        let begun = Instant::now();
        let mut calls = Vec::new();
        for (nth, script) in scripts.iter().enumerate() {
            let after = BETWEEN_CALLS * u32::try_from(nth).unwrap();
            tokio::time::sleep_until(begun + after).await;
            let (sid, call) = self.begin(nth, script).await;
            calls.push((script.what, sid, call));
        }
        if let Some(after) = stops_after {
            tokio::time::sleep_until(begun + after).await;
            self.carrier.first_worker_stops();
        }
        let sids: Vec<String> = calls.iter().map(|(_, sid, _)| sid.clone()).collect();
        let over = self.carrier.all_over(&sids);
        tokio::time::timeout(LONGEST, over)
            .await
            .expect("the calls end");
        let mut told = String::new();
        for (what, sid, call) in calls {
            told.push_str(&self.told(what, &sid, call).await);
        }
        let seconds = begun.elapsed().as_secs();
        told.push_str(&format!("{seconds} s, {:?}\n", self.vendors.told()));
        let violations = [self.carrier.violations(), self.vendors.violations()].concat();
        assert!(violations.is_empty(), "{violations:#?}");
        told
    }

    /// Has somebody called, or calling us: the carrier's id, and ours where we call.
    async fn begin(&self, nth: usize, script: &Script) -> (String, Option<CallId>) {
        let number = format!("+1212555{:04}", self.carrier.calls() * 100 + nth);
        let person = script.person.parse().unwrap();
        if script.inbound {
            return (self.carrier.call_in(&number, OUR_NUMBER, person), None);
        }
        self.carrier.lives_at(&number, person);
        let by = self.parts.ids.fresh(ApiKeyId::from_parts);
        let request = CreateCall {
            to: number.parse().unwrap(),
            from: Some(OUR_NUMBER.parse().unwrap()),
            agent_id: self.agent,
            kind: CallKind::Information,
            consent: Some(Consent {
                kind: ConsentKind::Express,
                at: None,
                source: None,
            }),
            variables: Variables::default(),
            overriding: Some(Overriding {
                by,
                reason: "it is counted what a call costs".to_owned(),
            }),
        };
        let trace = TraceId::from_chance(self.parts.ids.chance());
        let calls = Calls::new(&self.parts);
        let made = calls.create(self.tenant, &request, None, trace);
        let call = made.await.unwrap().call.id;
        let placed = DialJobs::new(&self.parts).place(self.tenant, call).await;
        assert_eq!(placed.unwrap(), DialResult::Placed);
        (self.carrier.latest(), Some(call))
    }

    /// How a call went, in a line.
    async fn told(&self, what: &str, sid: &str, call: Option<CallId>) -> String {
        let streams = self.carrier.streams(sid);
        let Some(call) = call else {
            return format!("{what}: {streams} streams\n");
        };
        let row = self.parts.store.calls.get(self.tenant, call).await;
        let outcome = row.unwrap().unwrap().call.outcome;
        let outcome = outcome.map_or("no outcome", model::Outcome::code);
        let turns = self.parts.store.turns.of_call(self.tenant, call).await;
        let turns = turns.unwrap();
        let by = |speaker| turns.iter().filter(|turn| turn.speaker == speaker).count();
        let cut = turns.iter().filter(|turn| turn.intended.is_some()).count();
        let tools = turns.iter().map(|turn| turn.tools.len()).sum::<usize>();
        format!(
            "{what}: {outcome}, {} + {} turns, {cut} cut short, {tools} tools, {streams} streams\n",
            by(Speaker::Agent),
            by(Speaker::Customer),
        )
    }
}

async fn agent(parts: &Context) -> (TenantId, AgentId) {
    let Context {
        store, clock, ids, ..
    } = parts;
    let keys = Keys::new(store, Arc::clone(clock), ids.clone());
    let secret = Secret::new("tk_owner_of_the_first_tenant".to_owned());
    let tenant = keys.ensure_owner("us", &secret).await.unwrap().tenant_id;
    let prompt = PromptFields {
        name: "Reminder".to_owned(),
        system: "You remind people of their appointments at a dental clinic, in short sentences.\n\
                 clinic: Bright Dental\nday: Tuesday\ntime: 10:30 a.m.\ndentist: Dr. Patel"
            .to_owned(),
        greeting: "Hello, this is the automated assistant of Bright Dental.".to_owned(),
        defaults: Variables::new(),
    };
    let prompts = Prompts::new(store, Arc::clone(clock), ids.clone());
    let prompt = prompts.create(tenant, &prompt, None).await.unwrap();
    let agents = Agents::new(store, Roster::default(), Arc::clone(clock), ids.clone());
    let fields = AgentFields {
        amd: AgentAmd {
            detect: AmdMode::Start,
            machine: AgentMachineAction::Talk,
        },
        ..AgentFields::new("Reminder", prompt.id)
    };
    let agent = agents.create(tenant, fields, None).await.unwrap().id;
    let number = NumberFields {
        number: OUR_NUMBER.parse().unwrap(),
        agent_id: Some(agent),
    };
    let numbers = Numbers::new(store, Arc::clone(clock), ids.clone());
    numbers.create(tenant, &number, None).await.unwrap();
    (tenant, agent)
}

async fn parts(carrier: &Carrier, clock: Arc<dyn Clock>) -> Context {
    let token = || Secret::new(AUTH_TOKEN.to_owned());
    let base = "https://api.carrier.test".parse().unwrap();
    let config = ClientConfig::new(base, ACCOUNT.parse().unwrap(), token());
    let public: url::Url = "https://us.test".parse().unwrap();
    Context {
        store: table::store().await,
        carrier: Arc::new(Client::over(config, Arc::new(carrier.clone()))),
        signatures: Signatures::Twilio(Tokens::new(token())),
        links: Links::new(public.clone(), public, CarrierName::Twilio).unwrap(),
        dialing: Dialing {
            carrier_calls_max: SLOTS_MAX,
            tenant_calls_max: SLOTS_MAX,
            call_interval: Duration::from_millis(1),
        },
        vendors: Roster::default(),
        ids: Ids::seeded(Arc::clone(&clock), SEED),
        clock,
    }
}

fn worker(parts: &Context, vendors: &Vendors, metrics: telemetry::Metrics) -> Worker {
    let settings = Settings::from_variables(&vendors.variables()).unwrap();
    let media = Media::new(
        &parts.store,
        parts.carrier.clone(),
        parts.links.clone(),
        Arc::clone(&parts.clock),
        parts.ids.clone(),
    );
    let enlisted = Enlisted::new(&parts.store.workers, &parts.clock, &parts.ids);
    let media = media.of_worker(enlisted.id());
    Worker::start(WorkerParts {
        media_socket: parts.links.media(),
        account_id: parts.carrier.account_id().to_owned(),
        codec: parts.carrier.media(),
        signatures: parts.signatures.clone(),
        control: Arc::new(Recast(media)),
        recognizers: providers::stt::Recognizers::new(&settings).unwrap(),
        models: providers::llm::Models::new(&settings).unwrap(),
        synthesizers: providers::tts::Synthesizers::new(&settings).unwrap(),
        tools: Tools::new([Box::new(Diary) as Box<dyn media_worker::Tool>]),
        enlisted: Some(enlisted),
        metrics: Some(metrics),
        settings: settings.worker,
    })
}

/// Wall time goes with virtual time.
#[derive(Debug)]
struct VirtualClock {
    zero: Instant,
    epoch: Timestamp,
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.epoch.checked_add(self.zero.elapsed()).unwrap()
    }
}
