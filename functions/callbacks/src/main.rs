//! The carrier's webhooks as a Lambda.

use std::process::ExitCode;

use anyhow::Context as _;
use service::Parts;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match Box::pin(run()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            telemetry::report_fatal(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    let settings = store::secrets::settings().await?;
    telemetry::init_logs(&settings.log)?;
    let parts = Parts::from_settings(&settings).await;
    let state = callbacks::State::new(&parts.context("starting the callbacks function")?);
    lambda_http::run(callbacks::router(state))
        .await
        .map_err(|error| anyhow::anyhow!(error).context("running the callbacks function"))
}
