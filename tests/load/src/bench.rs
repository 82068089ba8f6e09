//! The run: engines, an agent, and one measurement after the other.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use engines::Engines;
use model::{AgentFields, AgentId, TenantId, Variables};
use service::account::keys::Keys;
use service::agent::Agents;
use service::agent::numbers::{NumberFields, Numbers};
use service::agent::prompts::{PromptFields, Prompts};
use service::{Clock, Ids, SystemClock};
use settings::{Roster, Secret, Settings};
use store::{Store, schema};

use crate::Options;
use crate::control::OUR_NUMBER;
use crate::machine::{Cores, Machine, allow_files};
use crate::report::{Report, progress};
use crate::step::{Stage, measure};

/// Calls and seconds of a whole run and of a quick one.
const CALLS: [usize; 5] = [100, 400, 800, 1_200, 1_500];
const CALLS_QUICK: [usize; 2] = [20, 100];
const SECONDS: u64 = 30;
const SECONDS_QUICK: u64 = 8;

/// Bounds of what may be asked for.
const CALLS_MAX: usize = 5_000;
const SECONDS_MAX: u64 = 600;
const STEPS_MAX: usize = 12;

/// Measures what the options ask for and prints the table.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let calls = match (options.calls.as_slice(), options.quick) {
        ([], false) => CALLS.to_vec(),
        ([], true) => CALLS_QUICK.to_vec(),
        (asked, _) => asked.to_vec(),
    };
    let seconds = if options.quick {
        SECONDS_QUICK
    } else {
        SECONDS
    };
    let seconds = options.seconds.unwrap_or(seconds);
    let most = calls.iter().copied().max().unwrap_or(0);
    anyhow::ensure!(
        calls.len() <= STEPS_MAX && (1..=CALLS_MAX).contains(&most),
        "1 to {STEPS_MAX} measurements of up to {CALLS_MAX} calls"
    );
    anyhow::ensure!(
        (1..=SECONDS_MAX).contains(&seconds),
        "a measurement takes 1 to {SECONDS_MAX} seconds"
    );
    allow_files(most)?;
    let machine = Machine::read();
    let cores = Cores::divide(options.core)?;
    let mut report = Report::new(machine, &cores, seconds);
    let window = Duration::from_secs(seconds);
    let runtime = crate::runtime()?;
    runtime.block_on(async {
        tokio::select! {
            done = sweep(options, &cores, &calls, window, &mut report) => done,
            // Dropping the sweep kills its processes.
            _asked = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
        }
    })?;
    report.print()?;
    if let Some(path) = &options.json {
        report.write_json(path)?;
    }
    Ok(())
}

async fn sweep(
    options: &Options,
    cores: &Cores,
    calls: &[usize],
    window: Duration,
    report: &mut Report,
) -> anyhow::Result<()> {
    let far_side = std::env::current_exe().context("finding this program")?;
    let worker = match &options.worker {
        Some(path) => path.clone(),
        None => far_side.with_file_name("media-worker"),
    };
    anyhow::ensure!(
        worker.is_file(),
        "the worker is not built: cargo build --profile deploy -p media-worker"
    );
    let folder = tempfile::tempdir()?;
    let engines = Engines::start(&folder.path().join("state")).await?;
    let names = Settings::from_variables(&std::collections::BTreeMap::new())?.storage;
    let clients = engines.clients().await;
    let queues = schema::create(&clients, &names).await?;
    let store = Store::new(&clients, &names, &queues);
    let (tenant, agent) = agent(&store).await?;
    let logs = folder.path().to_owned();
    for calls in calls {
        progress(&format!("{calls} calls …"));
        let stage = Stage {
            cores,
            worker: &worker,
            far_side: &far_side,
            logs: &logs,
            aws: engines.environment(),
            store: store.clone(),
            tenant,
            agent,
            ramp: options.ramp,
            window,
            during: options.during.as_deref(),
        };
        match measure(&stage, *calls).await {
            Ok(measured) => report.add(measured),
            Err(error) => {
                report.failed(*calls, &error);
                tell_log(&logs.join(format!("worker-{calls}.log")));
            }
        }
    }
    engines.stop().await?;
    Ok(())
}

/// The agent that all calls are held with.
async fn agent(store: &Store) -> anyhow::Result<(TenantId, AgentId)> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids = Ids::new(Arc::clone(&clock));
    let keys = Keys::new(store, Arc::clone(&clock), ids.clone());
    let secret: Secret = keys.fresh_secret();
    let tenant = keys.ensure_owner("Bench", &secret).await?.tenant_id;
    let prompt = PromptFields {
        name: "Bench".to_owned(),
        system: "You answer questions about free hours at a dental clinic, in two short sentences."
            .to_owned(),
        greeting: "Hello, this is the dental clinic. How can I help you today?".to_owned(),
        defaults: Variables::new(),
    };
    let prompts = Prompts::new(store, Arc::clone(&clock), ids.clone());
    let prompt = prompts.create(tenant, &prompt, None).await?;
    let agents = Agents::new(store, Roster::default(), Arc::clone(&clock), ids.clone());
    let fields = AgentFields::new("Bench", prompt.id);
    let agent = agents.create(tenant, fields, None).await?.id;
    let number = NumberFields {
        number: OUR_NUMBER.parse()?,
        agent_id: Some(agent),
    };
    let numbers = Numbers::new(store, clock, ids);
    numbers.create(tenant, &number, None).await?;
    Ok((tenant, agent))
}

/// The end of a worker's log, for whoever has to find out why a measurement failed.
fn tell_log(path: &PathBuf) {
    const LINES: usize = 20;
    let log = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    for line in lines.iter().skip(lines.len().saturating_sub(LINES)) {
        progress(&format!("    {line}"));
    }
}
