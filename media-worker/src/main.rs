//! The media worker as a process of its own: a container on AWS, or beside the laptop run.
//!
//! With the argument `health` it asks the worker on this machine whether it is well, for containers that
//! have no other program to ask with.

use std::process::ExitCode;

use settings::Settings;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            telemetry::report_fatal(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let environment = Settings::from_environment()?;
    if std::env::args().nth(1).as_deref() == Some("health") {
        return media_worker::check_health(environment.worker.port);
    }
    telemetry::init_logs(&environment.log)?;
    media_worker::run(&media_worker::settings(&environment)?)
}
