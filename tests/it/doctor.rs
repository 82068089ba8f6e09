//! What can be wrong with an installation: each a situation, with the check that finds it and the command
//! that mends it. The sides are simulated ones on loopback and refuse what the real ones refuse.
//!
//! Besides what each situation is about, no report may have a key in it.

mod aws;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ::doctor::{Check, CheckState, Doctor, Group, Installation, Place, Report};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use jiff::{SignedDuration, Timestamp};
use model::{Agent, AgentFields, AgentId, PromptId, PromptVersion, Template};
use serde_json::json;
use service::account::keys::Keys;
use service::{Clock, Ids};
use settings::{Secret, Variables};
use sim::carriers::twilio;
use sim::person::Person;
use sim::vendors::openai::Script;
use sim::vendors::{deepgram, elevenlabs, openai};
use store::{Number, Store, schema};
use tokio::net::TcpListener;

use crate::installation::OwnStorage;
use crate::leftovers::Left;

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const TOKEN: &str = "the-carriers-token";
const KEY: &str = "a-key-of-the-vendors";
const OWNER_KEY: &str = "tk_the_owners_own_key";
const NUMBER: &str = "+14155550199";
const COMMAND: &str = "trunkline doctor";
/// What must be in no report.
const HIDDEN: [&str; 5] = [TOKEN, KEY, OWNER_KEY, "a-wrong-key", "hidden-in-the-secret"];

/// An installation on loopback at which nothing is wrong yet.
struct World {
    own: OwnStorage,
    carrier: twilio::Server,
    recognizer: deepgram::Server,
    model: openai::Server,
    voice: elevenlabs::Server,
    /// Where calls and webhooks come in.
    url: String,
    variables: BTreeMap<String, String>,
    clock: Arc<SteppedClock>,
    place: Place,
    command: Option<String>,
}

/// The prompt of the agent that answers.
fn prompt() -> PromptId {
    PromptId::from_parts(1, 1)
}

/// The machine's clock, so much ahead.
#[derive(Debug, Default)]
struct SteppedClock(Mutex<SignedDuration>);

impl Clock for SteppedClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
            .checked_add(*self.0.lock().unwrap())
            .unwrap()
    }
}

impl World {
    async fn start() -> Self {
        Box::pin(Self::started()).await
    }

    async fn started() -> Self {
        let (usual, _problems) = Variables::default().settings_and_problems();
        let people = twilio::Directory::everybody(Person::answers_after_rings(1));
        let carrier = twilio::Config::new(ACCOUNT, TOKEN, people);
        let listen = ([127, 0, 0, 1], 0).into();
        let script = Arc::new(Script::dental_reminder());
        let world = Self {
            own: OwnStorage::embedded(usual.storage).await,
            carrier: twilio::Server::start(carrier).await.unwrap(),
            recognizer: deepgram::Server::start(deepgram::Config {
                listen,
                behaviour: deepgram::Behaviour::new(KEY),
            })
            .await
            .unwrap(),
            model: openai::Server::start(openai::Config {
                listen,
                behaviour: openai::Behaviour::new(KEY, script),
            })
            .await
            .unwrap(),
            voice: elevenlabs::Server::start(elevenlabs::Config {
                listen,
                behaviour: elevenlabs::Behaviour {
                    voices: ["a-voice".to_owned()].into(),
                    ..elevenlabs::Behaviour::new(KEY)
                },
            })
            .await
            .unwrap(),
            url: serve(StatusCode::OK, r#"{"status":"ok"}"#).await,
            variables: BTreeMap::new(),
            clock: Arc::default(),
            place: Place::Laptop { runs: true },
            command: Some(COMMAND.to_owned()),
        };
        world.owner().await;
        let voice = format!("{}/carriers/twilio/voice", world.url);
        world.carrier.set_voice_url(NUMBER, &voice);
        world.with_usual_settings()
    }

    fn with_usual_settings(mut self) -> Self {
        let (carrier, model) = (self.carrier.url(), self.model.url());
        let (recognizer, voice) = (self.recognizer.url(), self.voice.url());
        for (name, value) in [
            ("TWILIO_ACCOUNT_SID", ACCOUNT),
            ("TWILIO_AUTH_TOKEN", TOKEN),
            ("TWILIO_BASE_URL", &carrier),
            ("DEEPGRAM_API_KEY", KEY),
            ("DEEPGRAM_BASE_URL", &recognizer),
            ("OPENAI_API_KEY", KEY),
            ("OPENAI_BASE_URL", &model),
            ("ELEVENLABS_API_KEY", KEY),
            ("ELEVENLABS_BASE_URL", &voice),
            ("ELEVENLABS_VOICE_ID", "a-voice"),
            ("TRUNKLINE_API_KEY", OWNER_KEY),
            ("PUBLIC_URL", &self.url),
        ] {
            self.variables.insert(name.to_owned(), value.to_owned());
        }
        self
    }

    /// The same with another value of a setting; with none if it is empty.
    fn with(mut self, variable: &str, value: &str) -> Self {
        self.variables.insert(variable.to_owned(), value.to_owned());
        self
    }

    /// As the variables name it.
    fn store(&self) -> Store {
        let variables = Variables::from(self.variables.clone());
        let names = variables.settings_and_problems().0.storage;
        let queues = schema::QueueUrls {
            dial: names.dial_queue.clone(),
            recordings: names.recordings_queue.clone(),
            imports: names.import_queue.clone(),
        };
        Store::new(&self.own.clients, &names, &queues)
    }

    /// An owner with a number that an agent answers.
    async fn owner(&self) {
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as _;
        let keys = Keys::new(&self.own.store, Arc::clone(&clock), Ids::new(clock));
        let secret = Secret::new(OWNER_KEY.to_owned());
        let owner = keys.ensure_owner("us", &secret).await.unwrap();
        self.own.watch(&[owner.tenant_id]);
        self.say("Hello!", 1).await;
        let store = &self.own.store;
        let agent = Agent {
            id: AgentId::from_parts(1, 1),
            created_at: Timestamp::now(),
            updated_at: Timestamp::now(),
            revision: 1,
            archived_at: None,
            fields: AgentFields::new("Desk", prompt()),
        };
        let made = store.agents.create(owner.tenant_id, &agent, None).await;
        made.unwrap();
        self.register(NUMBER, true).await;
    }

    /// What the agent that answers says first, from this version of its prompt on.
    async fn say(&self, greeting: &str, version: u32) {
        let store = &self.own.store;
        let tenant = store.accounts.owner().await.unwrap().unwrap().tenant_id;
        let version = PromptVersion {
            id: prompt(),
            version,
            name: "Desk".to_owned(),
            system: Template::parse("Be kind.").unwrap(),
            greeting: Template::parse(greeting).unwrap(),
            defaults: model::Variables::new(),
            created_at: Timestamp::now(),
        };
        let prompts = &store.prompts;
        match prompts.head(tenant, prompt()).await.unwrap() {
            None => prompts.create(tenant, &version, None).await.unwrap(),
            Some(head) => {
                let added = prompts.add_version(tenant, &head, &version, None).await;
                added.unwrap();
            }
        }
    }

    async fn register(&self, number: &str, answers: bool) {
        let store = &self.own.store;
        let owner = store.accounts.owner().await.unwrap().unwrap();
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as _;
        let number = Number {
            id: Ids::new(clock).fresh(model::NumberId::from_parts),
            tenant_id: owner.tenant_id,
            number: number.parse().unwrap(),
            agent_id: answers.then(|| AgentId::from_parts(1, 1)),
            created_at: Timestamp::now(),
            archived_at: None,
        };
        store.numbers.create(&number, None).await.unwrap();
    }

    fn doctor(&self) -> Doctor {
        Doctor::new(Installation {
            variables: Variables::from(self.variables.clone()),
            place: self.place,
            store: Some(self.store()),
            secrets: None,
            clock: Arc::clone(&self.clock) as _,
            command: self.command.clone(),
        })
    }

    async fn examined(&self) -> Examined {
        Examined::new(Box::pin(self.doctor().examine(None)).await)
    }

    /// A request of the carrier's own, as a command would make it.
    async fn at_carrier(&self, path: &str, form: &[(&str, &str)]) {
        let url = format!(
            "{}/2010-04-01/Accounts/{ACCOUNT}/{path}",
            self.carrier.url()
        );
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let asked = reqwest::Client::new()
            .post(url)
            .basic_auth(ACCOUNT, Some(TOKEN))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        let answer = asked.send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
    }
}

/// A report that was looked through.
struct Examined(Report);

impl Examined {
    fn new(report: Report) -> Self {
        let written = format!("{report:?}\n{}", serde_json::to_string(&report).unwrap());
        for hidden in HIDDEN {
            assert!(!written.contains(hidden), "{hidden} is in {written}");
        }
        for check in &report.checks {
            assert!(!check.found.is_empty(), "{check:?}");
            let wrong = matches!(check.state, CheckState::Failed | CheckState::Warning);
            assert_eq!(check.mend.is_some(), wrong, "{check:?}");
        }
        Self(report)
    }

    fn check(&self, name: &str) -> &Check {
        let found = self.0.checks.iter().find(|check| check.name == name);
        found.unwrap_or_else(|| panic!("no check {name} in {:#?}", self.0.checks))
    }

    /// This check fails, says so, and names the command.
    #[track_caller]
    fn fails(&self, name: &str, found: &str, mend: &str) {
        self.is(name, CheckState::Failed, found, mend);
    }

    #[track_caller]
    fn warns(&self, name: &str, found: &str, mend: &str) {
        self.is(name, CheckState::Warning, found, mend);
    }

    #[track_caller]
    fn is(&self, name: &str, state: CheckState, found: &str, mend: &str) {
        let check = self.check(name);
        assert_eq!(check.state, state, "{check:#?}");
        assert!(check.found.contains(found), "{check:#?}");
        let command = check.mend.as_deref().unwrap_or_default();
        assert!(command.contains(mend), "{check:#?}");
    }

    #[track_caller]
    fn skips(&self, name: &str, why: &str) {
        let check = self.check(name);
        assert_eq!(check.state, CheckState::Skipped, "{check:#?}");
        assert!(check.found.contains(why), "{check:#?}");
    }

    /// Nothing else is wrong.
    #[track_caller]
    fn else_all_is_well(&self, but: &[&str]) {
        let checks = self.0.checks.iter();
        let wrong =
            checks.filter(|check| matches!(check.state, CheckState::Failed | CheckState::Warning));
        let others: Vec<_> = wrong
            .filter(|check| !but.contains(&check.name.as_str()))
            .collect();
        assert!(others.is_empty(), "{others:#?}");
    }
}

/// A server that answers everything alike; its address.
async fn serve(status: StatusCode, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/health", get(async move || (status, body)));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// An address at which nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_wrong() {
    let world = World::start().await;
    let examined = world.examined().await;
    examined.else_all_is_well(&[]);
    assert_eq!(examined.0.state, CheckState::Ok);
    let ok = examined.0.count(CheckState::Ok);
    assert_eq!(ok, 20, "{:#?}", examined.0.checks);
    for group in Group::ALL {
        let of_group = examined
            .0
            .checks
            .iter()
            .filter(|check| check.group == group);
        // Secrets are AWS's.
        assert_eq!(of_group.count() > 0, group != Group::Secrets, "{group:?}");
    }
    assert_eq!(world.carrier.violations(), []);
    assert!(world.recognizer.violations().is_empty());
    assert!(world.model.violations().is_empty());
    assert!(world.voice.violations().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_cannot_be_used_are_each_named_and_stop_only_what_needs_them() {
    let world = World::start().await;
    let world = world
        .with("TRUNKLINE_PORT", "eighty")
        .with("TWILIO_AUTH_TOKEN", "")
        .with("TRUNKLINE_BUKET", "calls");
    let examined = world.examined().await;
    examined.fails("TRUNKLINE_PORT", "whole number", "export TRUNKLINE_PORT=…");
    examined.fails(
        "TWILIO_AUTH_TOKEN",
        "must be set",
        "export TWILIO_AUTH_TOKEN=…",
    );
    examined.warns(
        "TRUNKLINE_BUKET",
        "nothing reads it",
        "unset TRUNKLINE_BUKET",
    );
    examined.skips("account", "see TWILIO_AUTH_TOKEN in settings");
    let wrong = ["TRUNKLINE_PORT", "TWILIO_AUTH_TOKEN", "TRUNKLINE_BUKET"];
    examined.else_all_is_well(&wrong);
    let from = &examined.check("all").details;
    assert!(from[0].starts_with("from the environment: DEEPGRAM_API_KEY"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_is_missing_or_another_one() {
    let world = World::start().await.with("TRUNKLINE_TABLE", "calls");
    let examined = world.examined().await;
    examined.fails("table", "calls does not exist", "cargo run -- --quiet");
    examined.skips("table expiry", "see table");

    raw_table(&world, "calls", "pk", "sk").await;
    let examined = world.examined().await;
    examined.fails(
        "table",
        "the index gsi1 is missing",
        r#"aws dynamodb update-table --table-name calls --attribute-definitions AttributeName=gsi1pk"#,
    );
    let world = world.with("TRUNKLINE_TABLE", "people");
    raw_table(&world, "people", "id", "at").await;
    let examined = world.examined().await;
    examined.fails(
        "table",
        "the table has the keys id and at instead of pk and sk",
        "export TRUNKLINE_TABLE=…",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_do_not_expire() {
    let world = World::start().await;
    let expiry = aws_sdk_dynamodb::types::TimeToLiveSpecification::builder();
    let expiry = expiry.attribute_name("ttl").enabled(false).build();
    let off = world.own.clients.dynamodb.update_time_to_live();
    let off = off.table_name("trunkline");
    off.time_to_live_specification(expiry.unwrap())
        .send()
        .await
        .unwrap();
    let examined = world.examined().await;
    examined.fails(
        "table expiry",
        "rows do not expire",
        "aws dynamodb update-time-to-live --table-name trunkline --time-to-live-specification Enabled=true,AttributeName=ttl",
    );
    examined.else_all_is_well(&["table expiry"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_are_missing_have_no_dead_letters_or_have_some() {
    let world = World::start().await.with("TRUNKLINE_DIAL_QUEUE", "bare");
    let examined = world.examined().await;
    examined.fails("dial queue", "does not exist", "cargo run -- --quiet");
    examined.skips("dial dead letters", "see dial queue");

    let sqs = &world.own.clients.sqs;
    let made = sqs.create_queue().queue_name("bare");
    let made = made.send().await.unwrap().queue_url.unwrap();
    let dead = schema::create_queue_pair(sqs, "trunkline-import").await;
    let (_queue, dead) = dead.unwrap();
    let letter = sqs.send_message().queue_url(&dead).message_body("x");
    letter.send().await.unwrap();
    world.own.leaves(Left::NOTHING.imports(1));
    let examined = world.examined().await;
    examined.fails(
        "dial queue",
        "no dead letters",
        &format!("aws sqs set-queue-attributes --queue-url {made} --attributes"),
    );
    let mend = examined.check("dial queue").mend.clone().unwrap();
    assert!(mend.contains("aws sqs create-queue --queue-name bare-dead"));
    assert!(
        mend.contains(r#":bare-dead\",\"maxReceiveCount\":\"5\""#),
        "{mend}"
    );
    examined.warns(
        "import dead letters",
        "1 given up",
        "aws sqs start-message-move-task --source-arn arn:aws:sqs:us-east-1:",
    );
    examined.else_all_is_well(&["dial queue", "import dead letters"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bucket_is_missing() {
    let world = World::start().await.with("TRUNKLINE_BUCKET", "nowhere");
    let examined = world.examined().await;
    examined.fails("bucket", "nowhere does not exist", "cargo run -- --quiet");
    examined.skips("bucket objects", "see bucket");
    examined.else_all_is_well(&["bucket"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_does_not_answer() {
    let mut world = World::start().await;
    let gone = world.own.clients.dynamodb.config().to_builder();
    let gone = gone.endpoint_url(nobody().await);
    world.own.clients.dynamodb = aws_sdk_dynamodb::Client::from_conf(gone.build());
    let examined = world.examined().await;
    assert_eq!(examined.check("table").state, CheckState::Failed);
    examined.skips("table expiry", "see table");
    // Numbers are in the table.
    assert_ne!(examined.check("account").state, CheckState::Failed);
    examined.is(
        "bucket objects",
        CheckState::Ok,
        "put, read back and deleted",
        "",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_carrier_does_not_take_the_token() {
    let world = World::start()
        .await
        .with("TWILIO_AUTH_TOKEN", "a-wrong-key");
    let examined = world.examined().await;
    examined.fails(
        "account",
        "does not take the token (status 401, code 20003)",
        "export TWILIO_AUTH_TOKEN=…",
    );
    let numbers = examined.0.checks.iter();
    let mut numbers = numbers.filter(|check| check.group == Group::Numbers);
    let numbers = numbers.next().unwrap();
    assert_eq!(
        (numbers.state, &*numbers.found),
        (CheckState::Skipped, "see account")
    );
    examined.else_all_is_well(&["account"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_is_suspended_or_the_carrier_out_of_reach() {
    let world = World::start().await;
    world.carrier.set_faults(twilio::Faults {
        suspended: true,
        ..twilio::Faults::default()
    });
    let examined = world.examined().await;
    examined.fails("account", "suspended", "https://console.twilio.com");

    let gone = nobody().await;
    let world = world.with("TWILIO_BASE_URL", &gone);
    let examined = world.examined().await;
    examined.fails("account", "cannot be reached", &format!("curl -sv {gone}/"));
    // Others tell the time too.
    examined.is("clock", CheckState::Ok, "right, by 127.0.0.1", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_to_a_number_go_elsewhere_until_they_are_fixed() {
    let mut world = World::start().await;
    let elsewhere = "https://demo.twilio.com/welcome/voice/";
    world.carrier.set_voice_url(NUMBER, elsewhere);
    let examined = world.examined().await;
    examined.fails(
        NUMBER,
        "another address, at demo.twilio.com",
        "trunkline doctor --fix numbers",
    );
    // Who cannot run a command of ours is given one of the carrier's.
    world.command = None;
    let examined = world.examined().await;
    let sid = format!("PN{:0>32}", NUMBER.trim_start_matches('+'));
    let (carrier, url) = (world.carrier.url(), &world.url);
    examined.fails(
        NUMBER,
        "another address",
        &format!(
            "curl -u {ACCOUNT}:$TWILIO_AUTH_TOKEN {carrier}/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers/{sid}.json \
             --data-urlencode VoiceUrl={url}/carriers/twilio/voice --data-urlencode VoiceMethod=POST"
        ),
    );

    let fixed = world.doctor().fix_numbers(None).await;
    assert_eq!(fixed.len(), 1);
    assert_eq!((fixed[0].state, &*fixed[0].name), (CheckState::Ok, NUMBER));
    world.examined().await.else_all_is_well(&[]);
    assert!(world.doctor().fix_numbers(None).await.is_empty());

    // An application goes before the address.
    let path = format!("IncomingPhoneNumbers/{sid}.json");
    let application = format!("AP{:0>32}", 1);
    world
        .at_carrier(&path, &[("VoiceApplicationSid", &application)])
        .await;
    let examined = world.examined().await;
    examined.fails(
        NUMBER,
        "an application",
        "--data-urlencode VoiceApplicationSid=",
    );
    let fixed = world.doctor().fix_numbers(None).await;
    assert_eq!(fixed[0].state, CheckState::Ok, "{fixed:?}");
    world.examined().await.else_all_is_well(&[]);

    world
        .at_carrier(
            &path,
            &[
                ("VoiceUrl", &format!("{url}/carriers/twilio/voice")),
                ("VoiceMethod", "GET"),
            ],
        )
        .await;
    let examined = world.examined().await;
    examined.fails(
        NUMBER,
        "by GET instead of POST",
        "--data-urlencode VoiceMethod=POST",
    );
    assert_eq!(world.carrier.violations(), []);
}

/// Every call of somebody who is not known was turned away, and all was said to be well.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_wants_to_know_who_calls_is_told_of() {
    let world = World::start().await;
    world.say("Hello {{name}} at {{clinic}}!", 2).await;
    let examined = world.examined().await;
    examined.fails(
        "answering",
        "1 of 1 turn away who calls; +14155550199: the prompt of agent_",
        r#"-d '{"name":"…","system":"…","greeting":"…","defaults":{"clinic":"…","name":"…"}}'"#,
    );
    examined.else_all_is_well(&["answering"]);
    world.say("Hello!", 3).await;
    let world = world.with("TWILIO_AUTH_TOKEN", "");
    let examined = world.examined().await;
    examined.is("answering", CheckState::Ok, "is answered", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_the_carriers_or_verified_or_nobodys() {
    let world = World::start().await;
    let [absent, verified, answering, silent] = [
        "+14155550190",
        "+14155550191",
        "+14155550192",
        "+14155550193",
    ];
    for (number, answers) in [
        (absent, true),
        (verified, false),
        (answering, true),
        (silent, false),
    ] {
        world.register(number, answers).await;
    }
    world.carrier.verify_caller_id(verified);
    world.carrier.verify_caller_id(answering);
    world
        .carrier
        .set_voice_url(silent, "https://elsewhere.example/");
    let examined = world.examined().await;
    examined.fails(
        absent,
        "does not have it",
        "IncomingPhoneNumbers.json --data-urlencode PhoneNumber=+14155550190",
    );
    examined.is(verified, CheckState::Ok, "verified to call from", "");
    examined.warns(
        answering,
        "calls to it do not come here",
        "IncomingPhoneNumbers.json",
    );
    examined.is(silent, CheckState::Ok, "it has no agent", "");
    examined.else_all_is_well(&[absent, answering]);
}

#[tokio::test(flavor = "multi_thread")]
async fn vendors_refuse_their_keys() {
    let mut world = World::start().await;
    for (vendor, key) in [
        ("Deepgram", "DEEPGRAM_API_KEY"),
        ("OpenAI", "OPENAI_API_KEY"),
        ("ElevenLabs", "ELEVENLABS_API_KEY"),
    ] {
        world = world.with(key, "a-wrong-key");
        let examined = world.examined().await;
        let refused = format!("127.0.0.1 refuses the key of {key}");
        examined.fails(vendor, &refused, &format!("export {key}=…"));
        examined.else_all_is_well(&[vendor]);
        world = world.with(key, KEY);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn vendors_do_not_have_what_the_settings_name_or_are_not_there() {
    let gone = nobody().await;
    let world = World::start().await;
    let world = world
        .with("OPENAI_MODEL", "gpt-of-tomorrow")
        .with("ELEVENLABS_VOICE_ID", "nobodys-voice")
        .with("DEEPGRAM_BASE_URL", &gone);
    let examined = world.examined().await;
    examined.fails(
        "OpenAI",
        "does not have the model of OPENAI_MODEL",
        "export OPENAI_MODEL=…",
    );
    examined.fails(
        "ElevenLabs",
        "does not have the voice of ELEVENLABS_VOICE_ID",
        "export ELEVENLABS_VOICE_ID=…",
    );
    examined.fails(
        "Deepgram",
        "connection refused",
        &format!("curl -sv {gone}"),
    );
    examined.else_all_is_well(&["OpenAI", "ElevenLabs", "Deepgram"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_is_off() {
    let world = World::start().await;
    for (seconds, off) in [(-120, true), (120, true), (20, false), (-20, false)] {
        *world.clock.0.lock().unwrap() = SignedDuration::from_secs(seconds);
        let examined = world.examined().await;
        if off {
            // Less a second, and what the request took.
            examined.fails("clock", " s off, by 127.0.0.1", "sudo ");
            let found = &examined.check("clock").found;
            let told: i64 = found.split(' ').next().unwrap().parse().unwrap();
            assert!((110..=121).contains(&told), "{found}");
            examined.else_all_is_well(&["clock"]);
        } else {
            examined.else_all_is_well(&[]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_addresses_lead_nowhere_to_somebody_else_or_to_no_worker() {
    let gone = nobody().await;
    let other = serve(StatusCode::OK, "<html>welcome</html>").await;
    let world = World::start().await;
    let world = world.with("PUBLIC_URL", &gone).with("MEDIA_URL", &other);
    let examined = world.examined().await;
    examined.fails(
        "webhooks",
        "cannot be reached from here",
        "cargo run -- --quiet",
    );
    examined.fails(
        "media",
        "it is not Trunkline",
        &format!("curl -sv {other}/health"),
    );
    // The number's webhook is another one now.
    examined.else_all_is_well(&["webhooks", "media", NUMBER]);

    let failing = serve(StatusCode::BAD_GATEWAY, "").await;
    let draining = serve(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"draining"}"#).await;
    let draining = draining.replace("http", "ws");
    let mut world = world
        .with("PUBLIC_URL", &failing)
        .with("MEDIA_URL", &draining);
    world.place = Place::Aws;
    world.own.leaves_errors_of_doctor(1);
    let examined = world.examined().await;
    examined.fails("webhooks", "status 502", "/health");
    examined.warns("media", "no worker", "--parameter-overrides WorkersMin=1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_in_which_nothing_is_says_how_to_begin() {
    let doctor = Doctor::new(Installation {
        variables: Variables::default(),
        place: Place::Laptop { runs: false },
        store: None,
        secrets: None,
        clock: Arc::new(SteppedClock::default()),
        command: None,
    });
    let examined = Examined::new(Box::pin(doctor.examine(None)).await);
    examined.fails(
        "installation",
        "nothing is installed",
        "cargo run -- --quiet",
    );
    examined.else_all_is_well(&["installation"]);
    for simulated in ["account", "Deepgram", "OpenAI", "ElevenLabs"] {
        examined.skips(simulated, "simulated while Trunkline runs");
    }
}

/// A table with these keys and nothing else.
async fn raw_table(world: &World, table: &str, hash: &str, range: &str) {
    use aws_sdk_dynamodb::types::{
        AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    };
    let made = world.own.clients.dynamodb.create_table().table_name(table);
    let mut made = made.billing_mode(BillingMode::PayPerRequest);
    for (name, kind) in [(hash, KeyType::Hash), (range, KeyType::Range)] {
        let key = KeySchemaElement::builder().attribute_name(name);
        made = made.key_schema(key.key_type(kind).build().unwrap());
        let attribute = AttributeDefinition::builder().attribute_name(name);
        let attribute = attribute.attribute_type(ScalarAttributeType::S);
        made = made.attribute_definitions(attribute.build().unwrap());
    }
    made.send().await.unwrap();
}

/// Body of a secret: fields as they would be on AWS.
fn fields(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| (*name, json!(value)));
    let fields: BTreeMap<_, _> = pairs.collect();
    serde_json::to_string(&fields).unwrap()
}
