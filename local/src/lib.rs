//! Everything in one process, for a laptop: embedded engines, simulated far side, and the production
//! parts between them.
//!
//! With `tests` the only crate that knows the embedded engines and `sim`.

pub mod cli;
pub mod demo;
mod doctor_command;
mod installation;
pub mod platform;
mod reconcile_command;
mod simulate;

use std::fs::{self, File};
use std::process::ExitCode;

use anyhow::Context as _;
use settings::Settings;
use telemetry::Metrics;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use cli::{Cli, Command};
use platform::{Deliveries, Platform};

pub use platform::owner::{KEY_FILE, OwnerKey};
pub use platform::seed::{DEFAULTS, GREETING, SYSTEM};

/// Name of the log in the state folder: the terminal is for the scene.
const LOG_FILE: &str = "trunkline.log";

/// Starts, plays the first scene, and stays until it is told to stop; or does what it was started for
/// instead.
///
/// # Errors
/// When the settings cannot be used or something cannot be started.
pub fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    match &cli.command {
        Some(Command::Simulate(arguments)) => return simulate::run(arguments),
        Some(Command::Doctor(arguments)) => return doctor_command::run(arguments),
        Some(Command::Reconcile(arguments)) => return reconcile_command::run(arguments),
        None => {}
    }
    let settings = Settings::from_environment()?;
    let state_dir = &settings.local.state_dir;
    fs::create_dir_all(state_dir).with_context(|| format!("creating {}", state_dir.display()))?;
    let log = File::options()
        .create(true)
        .append(true)
        .open(state_dir.join(LOG_FILE))
        .context("opening the log")?;
    telemetry::init_logs_to(&settings.log, BoxMakeWriter::new(log)).context("setting up logs")?;
    let metrics = Metrics::install().context("setting up metrics")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    runtime.block_on(live(cli, settings, metrics))
}

async fn live(cli: &Cli, settings: Settings, metrics: Metrics) -> anyhow::Result<ExitCode> {
    let deliveries = if cli.by_hand {
        Deliveries::ByHand
    } else {
        Deliveries::ByThemselves
    };
    let started = Platform::start_with(settings, Some(metrics), deliveries);
    let platform = Box::pin(started).await?;
    demo::welcome::introduce(&platform);
    let mut code = ExitCode::SUCCESS;
    if cli.once || (!cli.quiet && !cli.by_hand && platform.far_side.carrier.is_some()) {
        anyhow::ensure!(
            platform.far_side.carrier.is_some(),
            "the scene is played with simulated people, and the carrier is real: place a call with the API instead"
        );
        let verdict = demo::scene::play(&platform.stage()?).await?;
        if !verdict.complete() {
            code = ExitCode::FAILURE;
        }
    }
    if !cli.once {
        demo::welcome::explain(&platform);
        stop_signal()
            .await
            .context("waiting for a signal to stop")?;
        demo::scene::say("stopping: running calls may end first");
    }
    platform.stop().await?;
    Ok(code)
}

/// Waits for Ctrl-C or a polite request to stop.
async fn stop_signal() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _terminated = terminate.recv() => Ok(()),
    }
}
