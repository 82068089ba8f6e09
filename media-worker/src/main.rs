//! The media worker as a process of its own: a container on AWS, or beside the laptop run.

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
    let settings = Settings::from_environment()?;
    telemetry::init_logs(&settings.log)?;
    media_worker::run(&settings)
}
