//! The API as a Lambda.

use std::process::ExitCode;

use anyhow::Context as _;
use service::Parts;
use settings::Settings;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            telemetry::report_fatal(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    let settings = Settings::from_environment()?;
    telemetry::init_logs(&settings.log)?;
    let parts = Parts::from_settings(&settings).await;
    let state = api::State::new(&parts.context("starting the API function")?);
    lambda_http::run(api::router(state))
        .await
        .map_err(|error| anyhow::anyhow!(error).context("running the API function"))
}
