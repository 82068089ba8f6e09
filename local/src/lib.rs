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
use std::time::Duration;

use anyhow::Context as _;
use settings::Settings;
use telemetry::Metrics;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use cli::{Cli, Command};
use demo::scene::SceneVerdict;
use engines::DiskFull;
use platform::{Deliveries, Platform};

pub use platform::owner::{KEY_FILE, OwnerKey};
pub use platform::seed::{DEFAULTS, GREETING, SYSTEM};

/// Name of the log in the state folder: the terminal is for the scene.
const LOG_FILE: &str = "trunkline.log";

/// Statuses of the process besides 0 and 1: stopped in the middle of a scene, as a shell counts an interrupted
/// command, and stopped because the disk takes no more (`EX_IOERR` of sysexits).
const INTERRUPTED: u8 = 130;
const DISK_FULL: u8 = 74;
/// A scene that fails may be the first to meet a full disk; the engines know within this.
const DISK_LOOK: Duration = Duration::from_millis(1_500);

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
    let path = state_dir.join(LOG_FILE);
    let log = File::options().create(true).append(true).open(&path);
    let log = log.with_context(|| format!("opening the log {}", path.display()))?;
    telemetry::init_logs_to(&settings.log, BoxMakeWriter::new(log)).context("setting up logs")?;
    telemetry::report_defects(Some(path));
    let metrics = Metrics::install().context("setting up metrics")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    let code = runtime.block_on(Box::pin(live(cli, settings, metrics)));
    // Who quits at once waits for nothing that is still under way.
    runtime.shutdown_background();
    code
}

/// Why the process ends before it is done.
enum End {
    Asked,
    DiskFull(DiskFull),
}

async fn live(cli: &Cli, settings: Settings, metrics: Metrics) -> anyhow::Result<ExitCode> {
    let deliveries = if cli.by_hand {
        Deliveries::ByHand
    } else {
        Deliveries::ByThemselves
    };
    let mut signals = Signals::listen().context("listening to signals")?;
    let started = Platform::start_with(settings, Some(metrics), deliveries);
    let platform = tokio::select! {
        started = Box::pin(started) => started?,
        () = signals.asked() => {
            demo::scene::say("Stopped before it was up.");
            return Ok(ExitCode::from(INTERRUPTED));
        }
    };
    demo::welcome::introduce(&platform);
    let mut code = ExitCode::SUCCESS;
    let mut ended = None;
    let mut uncancelled = Ok(());
    if cli.once || (!cli.quiet && !cli.by_hand && platform.far_side.carrier.is_some()) {
        anyhow::ensure!(
            platform.far_side.carrier.is_some(),
            "the scene is played with simulated people, and the carrier is real: place a call with the API instead"
        );
        match until_end(&platform, &mut signals, scene(&platform)).await {
            Ok(played) => {
                if !played?.complete() {
                    code = ExitCode::FAILURE;
                }
            }
            Err(End::Asked) => {
                demo::scene::say(
                    "\nStopped in the middle of the scene: nobody else of its list is called, and calls that are \
                     running may end first. Ctrl-C again quits at once.",
                );
                // Calls that are running end with a word all the same.
                uncancelled = platform.cancel_scenes().await;
                code = ExitCode::from(INTERRUPTED);
                ended = Some(End::Asked);
            }
            Err(end) => ended = Some(end),
        }
    }
    if ended.is_none() && !cli.once {
        demo::welcome::explain(&platform);
        let forever = std::future::pending::<()>();
        ended = until_end(&platform, &mut signals, forever).await.err();
        if matches!(ended, Some(End::Asked)) {
            demo::scene::say(
                "Stopping: calls that are running may end first. Ctrl-C again quits at once.",
            );
        }
    }
    let full = match &ended {
        Some(End::DiskFull(full)) => {
            demo::scene::say(&format!(
                "\nStopping, because {full}: calls that are running end with a word now, what was stored is kept, and \
                 it goes on at the next start, once there is room.",
            ));
            code = ExitCode::from(DISK_FULL);
            true
        }
        Some(End::Asked) | None => false,
    };
    let stopping = async {
        if full {
            platform.stop_at_once().await
        } else {
            platform.stop().await
        }
    };
    tokio::select! {
        // What could not be stopped in order on a full disk is told of by the log, if it has room.
        stopped = Box::pin(stopping) => if !full { stopped? },
        () = signals.asked() => {
            demo::scene::say("Quitting at once: calls that were running are cut off.");
            code = ExitCode::from(INTERRUPTED);
        }
    }
    uncancelled?;
    Ok(code)
}

/// Does this, unless the process has to end before.
async fn until_end<T>(
    platform: &Platform,
    signals: &mut Signals,
    doing: impl Future<Output = T>,
) -> Result<T, End> {
    tokio::select! {
        biased;
        full = platform.disk_full() => Err(End::DiskFull(full)),
        () = signals.asked() => Err(End::Asked),
        done = Box::pin(doing) => Ok(done),
    }
}

async fn scene(platform: &Platform) -> anyhow::Result<SceneVerdict> {
    let played = demo::scene::play(&platform.stage()?).await;
    if played.is_err() {
        // If that is why, it is for others to tell.
        tokio::time::sleep(DISK_LOOK).await;
    }
    played
}

/// What asks the process to end.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// A limit on the size of files would kill the process before it has said a word.
    _file_size: Signal,
}

impl Signals {
    /// `SIGXFSZ`: 25 wherever this runs (signal(7) of Linux, signal(3) of macOS).
    const FILE_SIZE: i32 = 25;

    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            _file_size: signal(SignalKind::from_raw(Self::FILE_SIZE))?,
        })
    }

    /// Completes at Ctrl-C or a polite request to stop; each counts once.
    async fn asked(&mut self) {
        tokio::select! {
            _interrupted = self.interrupt.recv() => {}
            _terminated = self.terminate.recv() => {}
        }
    }
}
