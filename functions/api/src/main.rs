//! The API as a Lambda. The installation's owner is whoever has the key of its settings.

use std::future::ready;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use axum::middleware;
use axum::response::Response;
use doctor::Doctor;
use service::Parts;
use service::keys::Keys;

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
    let variables = store::secrets::variables().await?;
    let settings = variables.settings()?;
    telemetry::init_logs(&settings.log)?;
    let metrics = telemetry::Metrics::install_in_function("api", &settings.log)?;
    let parts = Parts::from_settings(&settings).await;
    let parts = parts.context("starting the API function")?;
    if let Some(key) = &settings.local.api_key {
        let keys = Keys::new(&parts.store, Arc::clone(&parts.clock), parts.ids.clone());
        let owner = keys.ensure_owner("Owner", key).await;
        owner.context("letting the owner's key in")?;
    }
    let state = api::State::new(&parts, Doctor::of_function(variables, &parts));
    let mut router = api::router(state);
    if let Some(key) = &settings.public.edge_key {
        router = api::edge::behind(router, key.clone());
    }
    let told = middleware::map_response(move |response: Response| {
        metrics.tell();
        ready(response)
    });
    lambda_http::run(router.layer(told))
        .await
        .map_err(|error| anyhow::anyhow!(error).context("running the API function"))
}
