//! `trunkline`: the whole product in one process on a laptop.

use std::process::ExitCode;

use local::cli::Cli;

fn main() -> ExitCode {
    match local::run(&Cli::from_arguments()) {
        Ok(code) => code,
        Err(error) => {
            telemetry::report_fatal(error.as_ref());
            ExitCode::FAILURE
        }
    }
}
