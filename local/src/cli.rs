//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;

/// How the doctor is called from the repository.
pub(crate) const DOCTOR: &str = "cargo run -- doctor";

/// AI phone calls on this machine: starts everything in one process and plays a first campaign.
#[derive(Debug, Clone, Parser)]
#[command(name = "trunkline", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Play the first campaign, then exit: with status 0 only if every step really happened
    #[arg(long)]
    pub once: bool,
    /// Start without playing the campaign
    #[arg(long, conflicts_with = "once")]
    pub quiet: bool,
    /// Start without the campaign, and leave dial, import and scheduler to you: nobody hands them messages,
    /// events or ticks but you, under `cargo lambda watch`
    #[arg(long, conflicts_with = "once")]
    pub by_hand: bool,
}

/// What else the program does.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Simulate a campaign before anyone is called: the real planner and rules on virtual time
    Simulate(Simulate),
    /// Look for what is wrong with the installation, and say what mends it: with status 1 if something is
    Doctor(Doctor),
    /// Compare the recordings that the carrier's account has with ours, delete there what is copied, and list the
    /// rest: with status 1 if something could not be done
    Reconcile(Reconcile),
}

/// What is looked at is the installation in the state folder, or, with `TRUNKLINE_SECRETS` set, the one on
/// AWS that the environment names.
#[derive(Debug, Clone, Args)]
pub struct Doctor {
    /// Mend this first: `numbers` sets the webhook of each number whose calls would not come here
    #[arg(long, value_enum)]
    pub fix: Option<Fix>,
    /// Print the report as JSON, the same document as the API's answer
    #[arg(long)]
    pub json: bool,
    /// Show the details of checks that are well too
    #[arg(long, short)]
    pub verbose: bool,
}

/// What is compared is the installation in the state folder, or, with `TRUNKLINE_SECRETS` set, the one on AWS that
/// the environment names.
#[derive(Debug, Clone, Args)]
pub struct Reconcile {
    /// Delete these recordings at the carrier instead, by the carrier's ids: also what is not ours
    #[arg(long, num_args = 1.., value_name = "ID")]
    pub delete: Vec<String>,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

/// What can be mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Fix {
    Numbers,
}

/// Everything that a simulation needs. Nothing is started and nobody is called.
#[derive(Debug, Clone, Args)]
pub struct Simulate {
    /// The list: a CSV or a workbook as an import takes it
    pub leads: PathBuf,
    /// The sheet of a workbook; default: the first that is not hidden and has rows
    #[arg(long)]
    pub sheet: Option<String>,
    /// The campaign: a JSON file, the body of `POST /v1/campaigns`
    #[arg(long)]
    pub campaign: PathBuf,
    /// When it starts, as in 2026-03-01T00:00:00Z; default: the campaign's `starts_at`
    #[arg(long)]
    pub from: Option<Timestamp>,
    /// How many days are simulated, 1 to 366
    #[arg(long, default_value_t = 14)]
    pub days: u32,
    /// What chance is drawn from: the same seed gives the same bytes
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Write one row for each dial here, with times and outcome
    #[arg(long)]
    pub dials: Option<PathBuf>,
    /// Write the rows that are no leads here, with the reason
    #[arg(long)]
    pub rejects: Option<PathBuf>,
    /// A CSV or a workbook of numbers that must not be called
    #[arg(long)]
    pub suppressed: Option<PathBuf>,
    /// How people and the carrier behave: a JSON file; default: documented assumptions
    #[arg(long)]
    pub model: Option<PathBuf>,
    /// What things cost: a JSON file; default: documented assumptions
    #[arg(long)]
    pub prices: Option<PathBuf>,
    /// Country of numbers that are written without a country code, as in US
    #[arg(long)]
    pub country: Option<String>,
    /// Print the whole forecast as JSON, the same document as the API's answer
    #[arg(long)]
    pub json: bool,
}

impl Cli {
    /// Reads the arguments of the process; explains and exits when they are wrong.
    #[must_use]
    pub fn from_arguments() -> Self {
        Self::parse()
    }
}
