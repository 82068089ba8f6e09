//! The hand-over drill (promise P8): live calls on two workers behind a load balancer, every one a process
//! of its own. Both are restarted as a deploy does it, one after the other; later one is killed.
//!
//! People, carrier and vendors are simulated in this process, beside the API, the webhooks and the store.
//! What is counted is told by the far side: words that people said and heard against the transcripts,
//! and the time for which the carrier sent a customer's audio to nobody.

mod tally;
mod worker;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use futures_util::stream::{self, StreamExt as _};
use local::demo::client::{ApiClient, CallView};
use local::platform::Platform;
use model::{CallId, CallState};
use serde_json::{Value, json};
use settings::Settings;
use sim::balancer::Balancer;
use sim::carriers::twilio::Faults;
use sim::person::Person;
use store::SLOTS_MAX;

use crate::machine::allow_files;
use crate::report::{progress, say};
use tally::{GAP_HANDED_OVER_MS_AIM, GAP_RESUMED_MS_AIM, Tally};
use worker::Process;

/// Bounds of what may be asked for.
const CALLS_MAX: usize = 500;
/// Requests to the API at a time.
const REQUESTS_MAX: usize = 16;
/// How long all calls may take to begin, and to end after their people have said everything.
const BEGIN_MAX: Duration = Duration::from_secs(180);
const END_MAX: Duration = Duration::from_secs(300);
/// From the last beginning to the first stop: everybody is in conversation.
const SETTLE: Duration = Duration::from_secs(5);
/// Half as many calls a second as the simulated carrier takes: on a crowded machine two that were asked for in
/// time arrive at once, and it would refuse the second.
const CALL_INTERVAL: Duration = Duration::from_millis(200);
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Questions that the simulated agent answers in a sentence or two, some eight seconds each with their
/// answers.
const QUESTIONS: [&str; 3] = [
    "Is there any parking?",
    "How long does it take?",
    "What should I bring?",
];
const FAREWELL: &str = "No, thank you. Goodbye.";

/// The drill's own options.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Live calls.
    #[arg(long, default_value_t = 200)]
    calls: usize,
    /// Questions that each customer asks: how long a call lasts.
    #[arg(long, default_value_t = 9)]
    questions: usize,
    /// Milliseconds that the carrier takes from an instruction to open a stream to its opening. What a real one
    /// takes it does not say: two round trips through the internet and TLS are assumed.
    #[arg(long, default_value_t = 250)]
    carrier_ms: u16,
    /// Writes what was counted as JSON, too.
    #[arg(long)]
    json: Option<PathBuf>,
    /// The worker's binary; the one beside this one when absent.
    #[arg(long)]
    worker: Option<PathBuf>,
}

/// Runs both parts and prints what they came to. Fails where a promise was broken.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    anyhow::ensure!(
        (1..=CALLS_MAX).contains(&options.calls),
        "1 to {CALLS_MAX} calls"
    );
    allow_files(2 * options.calls)?;
    let runtime = crate::runtime()?;
    let (restart, killed) = runtime.block_on(async {
        tokio::select! {
            done = Box::pin(drill(options)) => done,
            // Dropping the drill kills its processes.
            _asked = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
        }
    })?;
    say(&format!(
        "\nrolling restart of two workers\n{restart}{}\n\nkill -9 of one of two workers\n{killed}{}",
        restart.against_aim(GAP_HANDED_OVER_MS_AIM),
        killed.against_aim(GAP_RESUMED_MS_AIM)
    ));
    if let Some(path) = &options.json {
        let both = json!({ "rolling_restart": restart, "killed": killed });
        std::fs::write(path, serde_json::to_string_pretty(&both)?)?;
    }
    restart.must_be_seamless()?;
    killed.must_have_resumed()
}

async fn drill(options: &Options) -> anyhow::Result<(Tally, Tally)> {
    let here = std::env::current_exe().context("finding this program")?;
    let binary = options
        .worker
        .clone()
        .unwrap_or_else(|| here.with_file_name("media-worker"));
    anyhow::ensure!(
        binary.is_file(),
        "the worker is not built: cargo build --profile deploy -p media-worker"
    );
    let folder = tempfile::tempdir()?;
    let balancer = Balancer::start().await?;
    let platform = platform(options, &folder.path().join("state"), &balancer).await?;
    let carrier = platform.far_side.carrier.as_ref();
    carrier.context("the carrier is real")?.set_faults(Faults {
        stream_opens_after: Duration::from_millis(options.carrier_ms.into()),
        ..Faults::default()
    });
    let stage = Stage {
        options,
        binary,
        logs: folder.path().to_owned(),
        api: platform.client()?,
        balancer,
        platform,
    };
    let (restart, left) = stage.rolling_restart().await?;
    let killed = stage.kill(left).await?;
    let violations = stage.platform.far_side.violations();
    anyhow::ensure!(
        violations.is_empty(),
        "the far side was wronged: {violations:#?}"
    );
    stage.platform.stop().await?;
    Ok((restart, killed))
}

struct Stage<'a> {
    options: &'a Options,
    binary: PathBuf,
    logs: PathBuf,
    api: ApiClient,
    balancer: Balancer,
    platform: Platform,
}

impl Stage<'_> {
    /// Both workers are replaced while everybody talks.
    async fn rolling_restart(&self) -> anyhow::Result<(Tally, [Process; 2])> {
        let first = self.worker("a").await?;
        let second = self.worker("b").await?;
        let calls = self.calls(0).await?;
        let mut tally = Tally::begin(self.options.calls);
        let fresh = [
            self.replace(first, "c").await?,
            self.replace(second, "d").await?,
        ];
        self.end(&calls, &mut tally).await?;
        Ok((tally, fresh))
    }

    /// Starts a worker and stops another one; returns when that has let go of its calls.
    async fn replace(&self, old: Process, name: &str) -> anyhow::Result<Process> {
        let fresh = self.worker(name).await?;
        let begun = Instant::now();
        let address = old.address;
        old.stop().await?;
        self.balancer.remove(address);
        let took = begun.elapsed().as_secs_f64();
        progress(&format!("  a worker is replaced after {took:.1} s"));
        Ok(fresh)
    }

    /// One worker dies while everybody talks.
    async fn kill(&self, [dies, stays]: [Process; 2]) -> anyhow::Result<Tally> {
        let calls = self.calls(self.options.calls).await?;
        let mut tally = Tally::begin(self.options.calls);
        let address = dies.address;
        dies.kill().await?;
        progress("  a worker is killed");
        // What replaces it comes later: the one that is left takes all calls.
        self.end(&calls, &mut tally).await?;
        self.balancer.remove(address);
        stays.stop().await?;
        Ok(tally)
    }

    async fn worker(&self, name: &str) -> anyhow::Result<Process> {
        let log = self.logs.join(format!("worker-{name}.log"));
        Process::start(
            &self.binary,
            &self.platform,
            &self.balancer,
            self.options.calls + 10,
            &log,
        )
        .await
    }

    /// Begins all calls, to people numbered from `first` on, and waits until they talk.
    async fn calls(&self, first: usize) -> anyhow::Result<Vec<CallId>> {
        let carrier = self.platform.far_side.carrier.as_ref();
        let carrier = carrier.context("the carrier is real")?;
        let person = person(self.options.questions)?;
        let numbers: Vec<String> = (first..first + self.options.calls).map(number).collect();
        for number in &numbers {
            carrier.set_person(number, person.clone());
        }
        let begun = Instant::now();
        let mut created = stream::iter(numbers)
            .map(async |to: String| {
                let made: CallView = self.api.post("v1/calls", &self.request(&to)).await?;
                anyhow::Ok(made.id)
            })
            .buffer_unordered(REQUESTS_MAX);
        let mut calls = Vec::new();
        while let Some(call) = created.next().await {
            calls.push(call?);
        }
        drop(created);
        for call in &calls {
            loop {
                let view = self.api.call(*call).await?;
                anyhow::ensure!(
                    view.state != CallState::Ended,
                    "a call ended early: {view:?}"
                );
                if !view.turns.is_empty() {
                    break;
                }
                anyhow::ensure!(begun.elapsed() < BEGIN_MAX, "not all calls begin");
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        let took = begun.elapsed().as_secs_f64();
        progress(&format!("  {} calls talk after {took:.1} s", calls.len()));
        tokio::time::sleep(SETTLE).await;
        Ok(calls)
    }

    fn request(&self, to: &str) -> Value {
        json!({
            "agent_id": self.platform.agent_id(),
            "to": to,
            "kind": "information",
            "variables": { "name": "Dana", "day": "tomorrow", "time": "half past two" },
            "override": { "reason": "a drill runs at any hour" },
        })
    }

    /// Waits for the end of every call and counts it.
    async fn end(&self, calls: &[CallId], tally: &mut Tally) -> anyhow::Result<()> {
        let begun = Instant::now();
        for call in calls {
            let view = loop {
                let view = self.api.call(*call).await?;
                if view.state == CallState::Ended && view.outcome.is_some() {
                    break view;
                }
                anyhow::ensure!(begun.elapsed() < END_MAX, "a call does not end: {view:?}");
                tokio::time::sleep(LOOK_EVERY).await;
            };
            let sid = view.carrier_call_id.as_deref().unwrap_or_default();
            let seen = self.platform.far_side.carrier_call(sid);
            tally.add(&view, &seen.context("the carrier knows the call")?);
        }
        let took = begun.elapsed().as_secs_f64();
        progress(&format!("  all calls have ended after {took:.1} s more"));
        Ok(())
    }
}

/// Everything but the workers, with room for all calls.
async fn platform(
    options: &Options,
    state: &std::path::Path,
    balancer: &Balancer,
) -> anyhow::Result<Platform> {
    let variables = BTreeMap::from([
        (
            "TRUNKLINE_STATE_DIR".to_owned(),
            state.to_string_lossy().into_owned(),
        ),
        ("TRUNKLINE_PORT".to_owned(), "0".to_owned()),
    ]);
    let mut settings = Settings::from_variables(&variables)?;
    settings.public.media_url = Some(balancer.url().parse()?);
    settings.dialing.carrier_calls_max = SLOTS_MAX;
    settings.dialing.tenant_calls_max = SLOTS_MAX;
    settings.dialing.call_interval = CALL_INTERVAL;
    settings.worker.drain = Duration::ZERO;
    progress(&format!("{} calls on two workers …", options.calls));
    Box::pin(Platform::start(settings, None)).await
}

fn person(questions: usize) -> anyhow::Result<Person> {
    let asked = QUESTIONS.iter().cycle().take(questions);
    let lines: Vec<String> = std::iter::once(&"Yes, I can make it.")
        .chain(asked)
        .chain([&FAREWELL])
        .map(|line| format!("says {line:?}"))
        .collect();
    format!("answers after 1 rings\n{}", lines.join("\n"))
        .parse()
        .context("the customer's script")
}

fn number(nth: usize) -> String {
    format!("+1415556{nth:04}")
}
