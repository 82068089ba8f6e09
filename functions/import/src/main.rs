//! The import queue's function as a Lambda.

use std::process::ExitCode;

use anyhow::Context as _;
use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{LambdaEvent, service_fn};
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
    let metrics = telemetry::Metrics::install_in_function("import", &settings.log)?;
    let parts = Parts::from_settings(&settings).await;
    let state = import::State::new(&parts.context("starting the import function")?);
    let work = service_fn(async |event: LambdaEvent<SqsEvent>| {
        let answer = import::handle(event.payload, &state).await;
        metrics.tell();
        Ok::<_, lambda_runtime::Error>(answer)
    });
    lambda_runtime::run(work)
        .await
        .map_err(|error| anyhow::anyhow!(error).context("running the import function"))
}
