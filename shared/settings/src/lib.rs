//! Every setting of the product: typed, read once at start, documented here and in the README.
//!
//! One struct per concern. [`Settings::from_variables`] reads them all from a map and reports every
//! problem at once; [`Variables::from_environment`] is the only place that reads the environment
//! (the AWS SDK reads its own `AWS_…` variables besides). With nothing set, everything has a value
//! that runs on a laptop. What is in a secret store is laid beneath the environment by whoever can ask
//! it, before settings are read.

mod proxies;
mod reader;
mod secret;
mod variables;
mod vendors;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

pub use proxies::{Proxies, Proxy, is_loopback};
pub use reader::{Problem, Problems};
pub use secret::Secret;
pub use variables::{VariableSource, Variables};
pub use vendors::{Chains, Roster, VendorRole, VendorSettings};

use reader::Reader;
use vendors::{DEEPGRAM, ELEVENLABS, OPENAI};

/// All settings.
#[derive(Debug, Clone)]
pub struct Settings {
    pub storage: Storage,
    pub public: Public,
    pub carrier: Carrier,
    pub dialing: Dialing,
    pub chains: Chains,
    /// Speech recognition by Deepgram: `DEEPGRAM_API_KEY` (absent: the vendor is simulated),
    /// `DEEPGRAM_BASE_URL` (default `https://api.deepgram.com`), `DEEPGRAM_MODEL` (default `nova-3`).
    pub deepgram: VendorSettings,
    /// A language model behind OpenAI's chat completions, or a host that speaks the same: `OPENAI_API_KEY`
    /// (hosts on one's own machine often need none), `OPENAI_BASE_URL` (default
    /// `https://api.openai.com/v1`), `OPENAI_MODEL` (default `gpt-5.4-mini`).
    pub openai: VendorSettings,
    /// Speech synthesis by ElevenLabs: `ELEVENLABS_API_KEY` (absent: the vendor is simulated),
    /// `ELEVENLABS_BASE_URL` (default `https://api.elevenlabs.io`), `ELEVENLABS_MODEL` (default
    /// `eleven_flash_v2_5`), `ELEVENLABS_VOICE_ID` (the voice of agents that name none; needed with a key).
    pub elevenlabs: VendorSettings,
    pub worker: Worker,
    pub local: Local,
    pub log: Log,
    /// `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` (default none; `http://user:password@host:port`, in capitals
    /// or small letters): by way of whom the carrier, vendors and AWS are reached. `NO_PROXY` (default none):
    /// hosts that are reached without. This machine itself is never reached by way of a proxy.
    pub proxies: Proxies,
}

/// Where state is kept. On AWS the template sets these; on a laptop the embedded engines do.
#[derive(Debug, Clone)]
pub struct Storage {
    /// `TRUNKLINE_TABLE` (default `trunkline`): the DynamoDB table.
    pub table: String,
    /// `TRUNKLINE_BUCKET` (default `trunkline`): the S3 bucket for recordings and large texts.
    pub bucket: String,
    /// `TRUNKLINE_DIAL_QUEUE` (default `trunkline-dial`): name or URL of the SQS queue of calls to place.
    /// A URL saves the request that finds it, at every start.
    pub dial_queue: String,
    /// `TRUNKLINE_RECORDINGS_QUEUE` (default `trunkline-recordings`): name or URL of the SQS queue of
    /// recordings to copy.
    pub recordings_queue: String,
    /// `TRUNKLINE_IMPORT_QUEUE` (default `trunkline-import`): name or URL of the SQS queue of lists to
    /// import.
    pub import_queue: String,
}

/// How the outside reaches us.
#[derive(Debug, Clone)]
pub struct Public {
    /// `PUBLIC_URL` (default the local server): base of the carrier's webhooks and of the API, as the
    /// carrier sees it.
    pub public_url: Option<Url>,
    /// `MEDIA_URL` (default the local server): base of the media sockets, as the carrier sees it;
    /// `wss` or `https`, on a laptop also `ws` or `http`. The WebSocket scheme follows.
    pub media_url: Option<Url>,
    /// `TRUNKLINE_EDGE_KEY` (default none): what a distribution before the API adds to each request; others
    /// are refused.
    pub edge_key: Option<Secret>,
}

/// The carrier, Twilio.
#[derive(Debug, Clone)]
pub struct Carrier {
    /// `TWILIO_ACCOUNT_SID`: `AC` and 32 hex digits. Absent: the carrier is simulated.
    pub account_id: Option<String>,
    /// `TWILIO_AUTH_TOKEN`: signs webhooks and authorises requests.
    pub auth_token: Option<Secret>,
    /// `TWILIO_WEBHOOK_KEY_ID` (default none): the key with which the account signs webhooks by HMAC-SHA256,
    /// as the carrier names it in their headers.
    pub webhook_key_id: Option<String>,
    /// `TWILIO_WEBHOOK_KEY_SECRET`: that key. What is signed with the token is taken too.
    pub webhook_key_secret: Option<Secret>,
    /// `TWILIO_BASE_URL` (default `https://api.twilio.com`).
    pub base_url: Url,
    /// Nothing above is set: the laptop run simulates the carrier.
    pub simulated: bool,
    /// By way of whom it is reached.
    pub proxies: Proxies,
}

impl Carrier {
    /// The variables that say the same.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, Secret)> {
        let text = |text: &str| Secret::new(text.to_owned());
        let set = [
            ("TWILIO_ACCOUNT_SID", self.account_id.as_deref().map(text)),
            ("TWILIO_AUTH_TOKEN", self.auth_token.clone()),
            (
                "TWILIO_WEBHOOK_KEY_ID",
                self.webhook_key_id.as_deref().map(text),
            ),
            ("TWILIO_WEBHOOK_KEY_SECRET", self.webhook_key_secret.clone()),
            ("TWILIO_BASE_URL", Some(text(self.base_url.as_str()))),
        ];
        set.into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }
}

/// How much is dialled (promise P4). What a campaign may take of it is the campaign's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialing {
    /// `TRUNKLINE_CARRIER_CALLS_MAX` (default 100): outbound calls at once at the carrier's account.
    pub carrier_calls_max: u32,
    /// `TRUNKLINE_TENANT_CALLS_MAX` (default 100): outbound calls at once of one tenant.
    pub tenant_calls_max: u32,
    /// `TRUNKLINE_CARRIER_CALLS_PER_SECOND` (default 1, Twilio's own; decimals are allowed): the time
    /// between two calls of the account follows from it.
    pub call_interval: Duration,
}

impl Default for Dialing {
    fn default() -> Self {
        Self {
            carrier_calls_max: 100,
            tenant_calls_max: 100,
            call_interval: Duration::from_secs(1),
        }
    }
}

/// The media worker.
#[derive(Debug, Clone)]
pub struct Worker {
    /// `TRUNKLINE_WORKER_PORT` (default 8081): where the worker listens when it runs alone.
    pub port: u16,
    /// `TRUNKLINE_WORKER_METRICS_PORT` (default the same): where it shows its metrics when it runs alone.
    pub metrics_port: u16,
    /// `TRUNKLINE_WORKER_CALLS_MAX` (default 500): calls one worker holds; beyond, it refuses.
    pub calls_max: usize,
    /// `TRUNKLINE_WORKER_THREADS` (default 0, one per core).
    pub threads: usize,
    /// `TRUNKLINE_WORKER_DRAIN_SECONDS` (default 110): how long a stopping worker has to hand its
    /// calls to another one; without another one they go on for as long.
    pub drain: Duration,
    /// `ECS_AGENT_URI` (set by ECS in its containers): whom the worker tells that it holds calls.
    pub ecs_agent: Option<Url>,
    /// By way of whom it reaches its own public address.
    pub proxies: Proxies,
}

/// The laptop run.
#[derive(Debug, Clone)]
pub struct Local {
    /// `TRUNKLINE_STATE_DIR` (default `.trunkline`): the folder of all state.
    pub state_dir: PathBuf,
    /// `TRUNKLINE_PORT` (default 8080; 0 takes any free port).
    pub port: u16,
    /// `TRUNKLINE_API_KEY`: the owner's API key. On a laptop, absent, one is made and kept; on AWS the
    /// template makes one.
    pub api_key: Option<Secret>,
}

/// Logs, and metrics among them.
#[derive(Debug, Clone)]
pub struct Log {
    /// `TRUNKLINE_LOG` (default `info`): a filter as in `info,carrier=debug`.
    pub filter: String,
    /// `TRUNKLINE_LOG_FORMAT` (`json`, `text` or, the default, `auto`: JSON inside Lambda and
    /// containers, text on a terminal).
    pub format: LogFormat,
    /// `TRUNKLINE_METRICS_NAMESPACE` (set by the template): metrics are written among the logs for
    /// CloudWatch, in this namespace. Absent, they are not.
    pub metrics_namespace: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Json,
    Text,
}

impl Settings {
    /// Reads the process's environment, and nothing besides.
    ///
    /// # Errors
    /// Every problem of every variable at once.
    pub fn from_environment() -> Result<Self, Problems> {
        Variables::from_environment().settings()
    }

    /// Reads settings from names and values. An empty value counts as absent.
    ///
    /// # Errors
    /// Every problem of every variable at once.
    pub fn from_variables(variables: &BTreeMap<String, String>) -> Result<Self, Problems> {
        let (settings, problems, _names) = Self::read(variables);
        if problems.0.is_empty() {
            Ok(settings)
        } else {
            Err(problems)
        }
    }

    /// The names of all settings.
    #[must_use]
    pub fn names() -> BTreeSet<&'static str> {
        let (_defaults, _none, names) = Self::read(&BTreeMap::new());
        names
    }

    /// The vendors that calls can be made with.
    #[must_use]
    pub fn roster(&self) -> Roster {
        Roster::of(self)
    }

    /// Settings with their defaults where a value cannot be used, what is wrong, and all names.
    fn read(variables: &BTreeMap<String, String>) -> (Self, Problems, BTreeSet<&'static str>) {
        let mut read = Reader::new(variables);
        let worker_port = read.number("TRUNKLINE_WORKER_PORT", 8081, 0, u16::MAX);
        let proxies = read.proxies();
        let settings = Self {
            storage: Storage {
                table: read.text("TRUNKLINE_TABLE", "trunkline"),
                bucket: read.text("TRUNKLINE_BUCKET", "trunkline"),
                dial_queue: read.text("TRUNKLINE_DIAL_QUEUE", "trunkline-dial"),
                recordings_queue: read.text("TRUNKLINE_RECORDINGS_QUEUE", "trunkline-recordings"),
                import_queue: read.text("TRUNKLINE_IMPORT_QUEUE", "trunkline-import"),
            },
            public: Public {
                public_url: read.url("PUBLIC_URL", &["http", "https"]),
                media_url: read.url("MEDIA_URL", &["http", "https", "ws", "wss"]),
                edge_key: read.secret("TRUNKLINE_EDGE_KEY"),
            },
            carrier: Carrier {
                account_id: read.account_sid("TWILIO_ACCOUNT_SID"),
                auth_token: read.secret("TWILIO_AUTH_TOKEN"),
                webhook_key_id: read.optional("TWILIO_WEBHOOK_KEY_ID"),
                webhook_key_secret: read.secret("TWILIO_WEBHOOK_KEY_SECRET"),
                base_url: read.base_url("TWILIO_BASE_URL", "https://api.twilio.com"),
                simulated: read.none(&["TWILIO_ACCOUNT_SID", "TWILIO_BASE_URL"]),
                proxies: proxies.clone(),
            },
            dialing: Dialing {
                carrier_calls_max: read.number("TRUNKLINE_CARRIER_CALLS_MAX", 100, 1, 10_000),
                tenant_calls_max: read.number("TRUNKLINE_TENANT_CALLS_MAX", 100, 1, 10_000),
                call_interval: read.interval("TRUNKLINE_CARRIER_CALLS_PER_SECOND", 1.0),
            },
            chains: Chains {
                recognizers: read.chain(VendorRole::Recognizer, &["deepgram"]),
                models: read.chain(VendorRole::Model, &["openai"]),
                voices: read.chain(VendorRole::Voice, &["elevenlabs", "elevenlabs_http"]),
            },
            deepgram: read.vendor(&DEEPGRAM, &proxies),
            openai: read.vendor(&OPENAI, &proxies),
            elevenlabs: read.vendor(&ELEVENLABS, &proxies),
            worker: Worker {
                port: worker_port,
                metrics_port: read.number(
                    "TRUNKLINE_WORKER_METRICS_PORT",
                    worker_port,
                    0,
                    u16::MAX,
                ),
                calls_max: read.number("TRUNKLINE_WORKER_CALLS_MAX", 500, 1, 100_000),
                threads: read.number("TRUNKLINE_WORKER_THREADS", 0, 0, 1_024),
                drain: Duration::from_secs(read.number(
                    "TRUNKLINE_WORKER_DRAIN_SECONDS",
                    110,
                    0,
                    7_200,
                )),
                ecs_agent: read.url("ECS_AGENT_URI", &["http", "https"]),
                proxies: proxies.clone(),
            },
            local: Local {
                state_dir: read.text("TRUNKLINE_STATE_DIR", ".trunkline").into(),
                port: read.number("TRUNKLINE_PORT", 8080, 0, u16::MAX),
                api_key: read.api_key("TRUNKLINE_API_KEY"),
            },
            log: Log {
                filter: read.text("TRUNKLINE_LOG", "info"),
                format: read.log_format("TRUNKLINE_LOG_FORMAT"),
                metrics_namespace: read.optional("TRUNKLINE_METRICS_NAMESPACE"),
            },
            proxies,
        };
        read.together("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN");
        read.together("TWILIO_WEBHOOK_KEY_ID", "TWILIO_WEBHOOK_KEY_SECRET");
        read.needs("TWILIO_WEBHOOK_KEY_ID", "TWILIO_ACCOUNT_SID");
        read.needs("TWILIO_BASE_URL", "TWILIO_ACCOUNT_SID");
        read.needs("DEEPGRAM_BASE_URL", "DEEPGRAM_API_KEY");
        read.needs("ELEVENLABS_BASE_URL", "ELEVENLABS_API_KEY");
        read.needs("ELEVENLABS_API_KEY", "ELEVENLABS_VOICE_ID");
        if read.none(&["TWILIO_BASE_URL"]) {
            // The real carrier cannot reach the default, which is this machine.
            read.needs("TWILIO_ACCOUNT_SID", "PUBLIC_URL");
        }
        let (problems, names) = read.finish();
        (settings, problems, names)
    }
}

#[cfg(test)]
mod tests;
