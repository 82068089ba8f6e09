//! The bench: how many calls one media worker holds on one core, at what cost, and how quickly.
//!
//! The whole loop runs on loopback: customers, carrier, recognizer, language model and synthesiser are
//! simulated in one process ([`far_side`]), the store in this one, and the worker is the product's own
//! binary in a third, alone on one core. What is measured is read from outside wherever it can be: the
//! worker's CPU and memory from the kernel, gaps in playout by the carrier's buffer, the engine's own
//! time by the far side's clock. It knows nothing of the worker's inside.

mod bench;
mod book;
mod campaigns;
mod control;
mod far_side;
mod handover;
mod imports;
mod machine;
mod report;
mod step;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};

/// Capacity, latency and memory of one media worker on one core.
#[derive(Debug, Parser)]
#[command(name = "load")]
struct Command {
    #[command(subcommand)]
    part: Option<Part>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// The simulated far side, as a process of its own (the bench starts it).
    #[command(hide = true)]
    FarSide {
        /// Calls that there will be.
        #[arg(long)]
        calls: usize,
    },
    /// How fast a list becomes leads.
    Import(imports::ImportOptions),
    /// Numbers of campaigns: import, simulation, planner, a free line.
    Campaigns(campaigns::CampaignOptions),
    /// The hand-over drill: workers are restarted one after the other, and one is killed, while people talk.
    Handover(handover::Options),
}

/// What is measured, and for how long.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// A short run: is everything in place, and roughly how good?
    #[arg(long)]
    quick: bool,
    /// Numbers of concurrent calls to measure, one after the other.
    #[arg(long, value_delimiter = ',')]
    calls: Vec<usize>,
    /// Seconds of each measurement, all calls being on.
    #[arg(long)]
    seconds: Option<u64>,
    /// Calls begun per second before a measurement.
    #[arg(long, default_value_t = 60)]
    ramp: u32,
    /// The core that the worker has to itself.
    #[arg(long, default_value_t = 0)]
    core: usize,
    /// Writes everything that was measured as JSON, too.
    #[arg(long)]
    json: Option<PathBuf>,
    /// The worker's binary; the one beside this one when absent.
    #[arg(long)]
    worker: Option<PathBuf>,
    /// A command to run during each measurement, with `{pid}` for the worker's process: a profiler.
    #[arg(long)]
    during: Option<String>,
}

fn main() -> ExitCode {
    let command = Command::parse();
    let done = match command.part {
        Some(Part::FarSide { calls }) => {
            runtime().and_then(|runtime| runtime.block_on(far_side::run(calls)))
        }
        Some(Part::Import(options)) => {
            runtime().and_then(|runtime| runtime.block_on(imports::run(&options)))
        }
        Some(Part::Campaigns(options)) => campaigns::run(&options),
        Some(Part::Handover(options)) => handover::run(&options),
        None => bench::run(&command.options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// A runtime with a thread for each core that this process may use.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")
}
