//! One measurement: a fresh far side and a fresh worker, so many calls, and what they cost.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use carrier::twilio::client::{Client, ClientConfig};
use carrier::twilio::signature::Tokens;
use carrier::{CarrierName, Signatures};
use futures_util::{StreamExt as _, stream};
use model::{AgentId, ApiKeyId, CallId, TenantId, TraceId, Variables};
use serde::{Deserialize, Serialize};
use service::call::{Calls, CreateCall};
use service::dialing::dial::{DialJobs, DialResult};
use service::{Clock, Context, Ids, Links, SystemClock};
use settings::{Dialing, Roster, Secret};
use store::{Overriding, SLOTS_MAX, Store};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::book::{histogram, quantiles};
use crate::control::{
    ACCOUNT_SID, AUTH_TOKEN, Hello, OUR_NUMBER, Quantiles, Seen, VENDOR_KEY, VOICE_ID, number,
};
use crate::machine::{Busy, Cores, Usage};

/// How long a process may take until it serves.
const START_WAIT_MAX: Duration = Duration::from_secs(20);
/// How long after the last call was placed all of them must be talking.
const TALK_WAIT_MAX: Duration = Duration::from_secs(20);
/// From the last call to the measurement: greetings are over, conversations under way.
const SETTLE: Duration = Duration::from_secs(8);
/// How long the worker may take to end all calls and store their outcomes.
const END_WAIT_MAX: Duration = Duration::from_secs(60);
/// How often a state is looked at that is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Requests to the store that this process makes at a time.
const REQUESTS_MAX: usize = 32;

/// What every measurement of a run shares.
#[derive(Debug)]
pub(crate) struct Stage<'a> {
    pub(crate) cores: &'a Cores,
    pub(crate) worker: &'a Path,
    pub(crate) far_side: &'a Path,
    pub(crate) logs: &'a Path,
    pub(crate) aws: Vec<(&'static str, Secret)>,
    pub(crate) store: Store,
    pub(crate) tenant: TenantId,
    pub(crate) agent: AgentId,
    pub(crate) ramp: u32,
    pub(crate) window: Duration,
    pub(crate) during: Option<&'a str>,
}

/// What was measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) calls: usize,
    pub(crate) window_ms: u64,
    /// Calls that talked when the measurement began, and when it ended.
    pub(crate) talking: (u64, u64),
    /// CPU time of the worker per second of a call, in milliseconds, and its share of a core.
    pub(crate) cpu_ms_per_call_second: f64,
    pub(crate) cpu_share: f64,
    /// What others took of the worker's core: nothing, on a machine that does nothing else. The
    /// kernel's own work for the worker's sockets is in it too.
    pub(crate) others_share: Option<f64>,
    /// Resident memory of the worker before the first call and under load, in KB.
    pub(crate) idle_kb: u64,
    pub(crate) loaded_kb: u64,
    pub(crate) kb_per_call: f64,
    /// CPU time of the others, in cores.
    pub(crate) far_side_cores: f64,
    pub(crate) store_cores: f64,
    /// From the far side's clock, within the measurement; counters over the whole run.
    pub(crate) seen: Seen,
    pub(crate) underruns_in_window: u64,
    /// Messages per second and call.
    pub(crate) media_rate: f64,
    pub(crate) recognizer_rate: f64,
    /// The engine's own part of answers, from the stored turns.
    pub(crate) stored_engine: Quantiles,
    pub(crate) stored_turns: u64,
    /// The worker's own counters at the end, as far as they are about something lost.
    pub(crate) worker_counters: Vec<String>,
}

/// A child that is killed with its measurement.
#[derive(Debug)]
struct Process {
    child: Child,
    pid: u32,
}

/// Holds so many calls and measures them.
pub(crate) async fn measure(stage: &Stage<'_>, calls: usize) -> anyhow::Result<Measured> {
    let http = reqwest::Client::new();
    let (far_side, far_url) = start_far_side(stage, calls).await?;
    let media_url = free_address().await?;
    let worker = start_worker(stage, &http, &far_url, &media_url, calls).await?;
    let idle = Usage::of(worker.pid)?;

    let begun = Instant::now();
    let ids = place(stage, &far_url, &media_url, calls).await?;
    let wanted = u64::try_from(calls).unwrap_or(u64::MAX);
    wait_until("all calls talk", TALK_WAIT_MAX, || async {
        Ok(seen(&http, &far_url).await?.streams >= wanted)
    })
    .await?;
    eprint(&format!(
        "  {calls} calls talk after {:.1} s",
        begun.elapsed().as_secs_f64()
    ));
    tokio::time::sleep(SETTLE).await;

    let reset = http.post(format!("{far_url}/bench/reset")).send();
    reset.await?.error_for_status()?;
    let before = seen(&http, &far_url).await?;
    let usages = || {
        let ours = Usage::of(std::process::id())?;
        anyhow::Ok((Usage::of(worker.pid)?, Usage::of(far_side.pid)?, ours))
    };
    let (worker_before, far_before, ours_before) = usages()?;
    let busy = || stage.cores.worker().map(Busy::of);
    let busy_before = busy();
    let measuring = Instant::now();
    let profiler = stage.during.map(|command| profile(command, worker.pid));
    tokio::time::sleep(stage.window).await;
    let took = measuring.elapsed();
    let (worker_after, far_after, ours_after) = usages()?;
    let busy = busy()
        .zip(busy_before)
        .map(|(after, before)| after.since(before).as_secs_f64());
    let after = seen(&http, &far_url).await?;
    if let Some(profiler) = profiler {
        profiler?.wait().await?;
    }

    let hang_up = http.post(format!("{far_url}/bench/hang-up")).send();
    hang_up.await?.error_for_status()?;
    wait_until("the worker ends all calls", END_WAIT_MAX, || async {
        let health = http.get(format!("{media_url}/health")).send().await?;
        let health: serde_json::Value = serde_json::from_str(&health.text().await?)?;
        Ok(health["calls"] == 0)
    })
    .await?;
    let metrics = http.get(format!("{media_url}/metrics")).send().await?;
    let worker_counters = losses(&metrics.text().await?);
    // What damaged words there were shows when people compare notes after the end.
    let last = seen(&http, &far_url).await?;
    let (stored_engine, stored_turns) = stored(stage, &ids).await?;

    let seconds = took.as_secs_f64();
    let cpu = (worker_after.cpu - worker_before.cpu).as_secs_f64();
    let calls_f64 = calls as f64;
    let grown = worker_after.resident_kb.saturating_sub(idle.resident_kb);
    let rate = |before: u64, after: u64| (after - before) as f64 / seconds / calls_f64;
    Ok(Measured {
        calls,
        window_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        talking: (before.talking, after.talking),
        cpu_ms_per_call_second: cpu * 1_000.0 / (calls_f64 * seconds),
        cpu_share: cpu / seconds,
        others_share: busy.map(|busy| (busy - cpu).max(0.0) / seconds),
        idle_kb: idle.resident_kb,
        loaded_kb: worker_after.resident_kb,
        kb_per_call: grown as f64 / calls_f64,
        far_side_cores: (far_after.cpu - far_before.cpu).as_secs_f64() / seconds,
        store_cores: (ours_after.cpu - ours_before.cpu).as_secs_f64() / seconds,
        underruns_in_window: after.playout.underruns - before.playout.underruns,
        media_rate: rate(before.media_messages, after.media_messages),
        recognizer_rate: rate(before.recognizer_messages, after.recognizer_messages),
        seen: Seen {
            garbled_by_people: last.garbled_by_people,
            broken: last.broken,
            why_broken: last.why_broken,
            violations: last.violations,
            violations_first: last.violations_first,
            ..after
        },
        stored_engine,
        stored_turns,
        worker_counters,
    })
}

async fn start_far_side(stage: &Stage<'_>, calls: usize) -> anyhow::Result<(Process, String)> {
    let mut command = Command::new(stage.far_side);
    command
        .args(["far-side", "--calls", &calls.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut process = Process::start(command)?;
    let output = process.child.stdout.take().context("no output")?;
    let mut lines = BufReader::new(output).lines();
    let line = tokio::time::timeout(START_WAIT_MAX, lines.next_line()).await;
    let line = line.context("the far side does not start")??;
    let hello: Hello = serde_json::from_str(&line.context("the far side ended")?)?;
    Ok((process, hello.url))
}

async fn start_worker(
    stage: &Stage<'_>,
    http: &reqwest::Client,
    far_url: &str,
    media_url: &str,
    calls: usize,
) -> anyhow::Result<Process> {
    let port = media_url.rsplit(':').next().unwrap_or_default();
    let calls_max = (calls + 10).to_string();
    let log = stage.logs.join(format!("worker-{calls}.log"));
    let log = std::fs::File::create(log)?;
    let mut command = stage.cores.for_worker(stage.worker);
    command.env_clear();
    for (name, value) in &stage.aws {
        command.env(name, value.expose());
    }
    command
        .env("PUBLIC_URL", far_url)
        .env("MEDIA_URL", media_url)
        .env("TWILIO_ACCOUNT_SID", ACCOUNT_SID)
        .env("TWILIO_AUTH_TOKEN", AUTH_TOKEN)
        .env("TWILIO_BASE_URL", far_url)
        .env("DEEPGRAM_API_KEY", VENDOR_KEY)
        .env("DEEPGRAM_BASE_URL", far_url)
        .env("OPENAI_API_KEY", VENDOR_KEY)
        .env("OPENAI_BASE_URL", format!("{far_url}/v1"))
        .env("ELEVENLABS_API_KEY", VENDOR_KEY)
        .env("ELEVENLABS_BASE_URL", far_url)
        .env("ELEVENLABS_VOICE_ID", VOICE_ID)
        .env("TRUNKLINE_WORKER_PORT", port)
        .env("TRUNKLINE_WORKER_CALLS_MAX", calls_max)
        .env("TRUNKLINE_WORKER_THREADS", "1")
        .env("TRUNKLINE_LOG", "warn")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    let mut process = Process::start(command)?;
    let serves = wait_until("the worker serves", START_WAIT_MAX, || async {
        let health = http.get(format!("{media_url}/health")).send().await;
        Ok(health.is_ok_and(|health| health.status().is_success()))
    });
    tokio::select! {
        served = serves => served?,
        ended = process.child.wait() => anyhow::bail!("the worker ended: {}", ended?),
    }
    Ok(process)
}

/// Creates and places the calls, at the ramp's pace.
async fn place(
    stage: &Stage<'_>,
    far_url: &str,
    media_url: &str,
    calls: usize,
) -> anyhow::Result<Vec<CallId>> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids = Ids::new(Arc::clone(&clock));
    let token = Secret::new(AUTH_TOKEN.to_owned());
    let config = ClientConfig::new(far_url.parse()?, ACCOUNT_SID.parse()?, token.clone());
    let parts = Context {
        store: stage.store.clone(),
        carrier: Arc::new(Client::new(config)?),
        signatures: Signatures::Twilio(Tokens::new(token)),
        links: Links::new(far_url.parse()?, media_url.parse()?, CarrierName::Twilio)?,
        // What is measured is the worker: nothing else holds calls back.
        dialing: Dialing {
            carrier_calls_max: SLOTS_MAX,
            tenant_calls_max: SLOTS_MAX,
            call_interval: Duration::from_millis(1),
        },
        vendors: Roster::default(),
        clock,
        ids,
    };
    let creating = Calls::new(&parts);
    let placing = DialJobs::new(&parts);
    let by = parts.ids.fresh(ApiKeyId::from_parts);
    let pace = tokio::time::interval(Duration::from_secs(1) / stage.ramp.max(1));
    let indexes = stream::unfold((0_usize, pace), async |(index, mut pace)| {
        if index == calls {
            return None;
        }
        pace.tick().await;
        Some((index, (index + 1, pace)))
    });
    let one = async |index: usize| {
        let request = CreateCall {
            to: number(index).parse()?,
            from: Some(OUR_NUMBER.parse()?),
            agent_id: stage.agent,
            kind: model::CallKind::Information,
            consent: None,
            variables: Variables::default(),
            overriding: Some(Overriding {
                by,
                reason: "a measurement of a worker".to_owned(),
            }),
        };
        let trace = TraceId::from_chance(parts.ids.chance());
        let made = creating.create(stage.tenant, &request, None, trace).await?;
        let placed = placing.place(stage.tenant, made.call.id).await?;
        anyhow::ensure!(
            placed == DialResult::Placed,
            "a call was not placed: {placed:?}"
        );
        Ok(made.call.id)
    };
    let placed: Vec<anyhow::Result<CallId>> = indexes
        .map(one)
        .buffer_unordered(REQUESTS_MAX)
        .collect()
        .await;
    placed.into_iter().collect()
}

/// The engine's part of every stored answer, and how many turns were stored.
async fn stored(stage: &Stage<'_>, ids: &[CallId]) -> anyhow::Result<(Quantiles, u64)> {
    let mut read = stream::iter(ids.iter().copied())
        .map(|call| stage.store.turns.of_call(stage.tenant, call))
        .buffer_unordered(REQUESTS_MAX);
    let mut engine = histogram();
    let mut count = 0;
    while let Some(turns) = read.next().await {
        for turn in turns? {
            count += 1;
            if let Some(waterfall) = turn.waterfall
                && waterfall.voice_to_voice_micros().is_some()
            {
                engine.saturating_record(waterfall.engine_micros());
            }
        }
    }
    Ok((quantiles(&engine), count))
}

async fn seen(http: &reqwest::Client, far_url: &str) -> anyhow::Result<Seen> {
    let answer = http.get(format!("{far_url}/bench/seen")).send().await?;
    Ok(serde_json::from_str(&answer.text().await?)?)
}

/// Counters that should be zero and are not, and what the worker says of its interruptions.
fn losses(metrics: &str) -> Vec<String> {
    const TOLD: [&str; 9] = [
        "_underruns_total",
        "_lost_",
        "_dropped_total",
        "_refused_total",
        "_ignored_total",
        "_failures_total",
        "_retries_total",
        "_interruptions_total",
        "_wakes_total",
    ];
    let lines = metrics.lines().filter(|line| !line.starts_with('#'));
    let told = lines.filter(|line| TOLD.iter().any(|name| line.contains(name)));
    told.filter(|line| !line.ends_with(" 0"))
        .map(str::to_owned)
        .collect()
}

fn profile(command: &str, pid: u32) -> anyhow::Result<Child> {
    let command = command.replace("{pid}", &pid.to_string());
    let mut words = command.split_whitespace();
    let program = words.next().context("no command to run meanwhile")?;
    let child = Command::new(program).args(words).kill_on_drop(true).spawn();
    child.context("running the command meanwhile")
}

/// An address on this machine that nobody listens at.
async fn free_address() -> anyhow::Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    Ok(format!("http://{}", listener.local_addr()?))
}

async fn wait_until<F: Future<Output = anyhow::Result<bool>>>(
    what: &str,
    longest: Duration,
    mut look: impl FnMut() -> F,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + longest;
    while !look().await? {
        anyhow::ensure!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

fn eprint(line: &str) {
    crate::report::progress(line);
}

impl Process {
    fn start(mut command: Command) -> anyhow::Result<Self> {
        let child = command.kill_on_drop(true).spawn();
        let child = child.context("starting a process of the bench")?;
        let pid = child.id().context("a process of the bench ended at once")?;
        Ok(Self { child, pid })
    }
}
