//! The command line.

use clap::Parser;

/// AI phone calls on this machine: starts everything in one process and plays a first call.
#[derive(Debug, Clone, Parser)]
#[command(name = "trunkline", version)]
pub struct Cli {
    /// Play the first call, then exit: with status 0 only if every step really happened
    #[arg(long)]
    pub once: bool,
    /// Start without playing a call
    #[arg(long, conflicts_with = "once")]
    pub quiet: bool,
}

impl Cli {
    /// Reads the arguments of the process; explains and exits when they are wrong.
    #[must_use]
    pub fn from_arguments() -> Self {
        Self::parse()
    }
}
