//! The carrier's webhooks as a Lambda.

use std::future::ready;
use std::process::ExitCode;

use anyhow::Context as _;
use axum::middleware;
use axum::response::Response;
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
    let metrics = telemetry::Metrics::install_in_function("callbacks", &settings.log)?;
    let parts = Parts::from_settings(&settings).await;
    let state = callbacks::State::new(&parts.context("starting the callbacks function")?);
    let told = middleware::map_response(move |response: Response| {
        metrics.tell();
        ready(response)
    });
    lambda_http::run(callbacks::router(state).layer(told))
        .await
        .map_err(|error| anyhow::anyhow!(error).context("running the callbacks function"))
}
