//! The scheduler as a Lambda: a rule of the schedule and the table's stream both call it.

use std::process::ExitCode;

use anyhow::Context as _;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
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
    let metrics = telemetry::Metrics::install_in_function("scheduler", &settings.log)?;
    let parts = Parts::from_settings(&settings).await;
    let state = scheduler::State::new(&parts.context("starting the scheduler function")?);
    let work = service_fn(async |event: LambdaEvent<Value>| {
        let handled = Box::pin(scheduler::handle(&event.payload, &state)).await;
        metrics.tell();
        handled.map_err(lambda_runtime::Error::from)
    });
    lambda_runtime::run(work)
        .await
        .map_err(|error| anyhow::anyhow!(error).context("running the scheduler function"))
}
