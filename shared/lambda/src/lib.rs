//! How a function starts as a Lambda and runs: settings, logs, metrics, what it works with, then event
//! after event.
//!
//! A function's `main` says what is its own: its name, its state, its router or what handles its events.
//! Its library knows nothing of this, so that a laptop runs the same code without it.

use std::future::ready;
use std::process::ExitCode;

use anyhow::Context as _;
use axum::response::Response;
use axum::{Router, middleware};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use service::Context;
use settings::{Settings, Variables};
use telemetry::Metrics;

pub use lambda_runtime::Error;

/// What a function starts with.
#[derive(Debug)]
pub struct Started {
    pub variables: Variables,
    pub settings: Settings,
    pub parts: Context,
}

/// Runs the function of this name, which answers HTTP requests with a router.
#[must_use]
#[tokio::main(flavor = "current_thread")]
pub async fn serve(
    name: &'static str,
    router: impl AsyncFnOnce(Started) -> anyhow::Result<Router>,
) -> ExitCode {
    let run = async {
        let (started, metrics) = Box::pin(start(name)).await?;
        let router = router(started).await?;
        let told = middleware::map_response(move |response: Response| {
            metrics.tell();
            ready(response)
        });
        ended(name, lambda_http::run(router.layer(told)).await)
    };
    code(Box::pin(run).await)
}

/// Runs the function of this name, whose events one function handles with a state.
#[must_use]
#[expect(
    clippy::needless_pass_by_value,
    reason = "closures are written where it is called"
)]
#[tokio::main(flavor = "current_thread")]
pub async fn work<E: DeserializeOwned, A: Serialize, S>(
    name: &'static str,
    state: impl FnOnce(&Context) -> S,
    handle: impl AsyncFn(E, &S) -> Result<A, Error>,
) -> ExitCode {
    let run = async {
        let (started, metrics) = Box::pin(start(name)).await?;
        let state = state(&started.parts);
        let work = service_fn(async |event: LambdaEvent<E>| {
            let answer = Box::pin(handle(event.payload, &state)).await;
            // Before the answer: after it the function is frozen.
            metrics.tell();
            answer
        });
        ended(name, lambda_runtime::run(work).await)
    };
    code(Box::pin(run).await)
}

async fn start(name: &'static str) -> anyhow::Result<(Started, Metrics)> {
    let variables = store::secrets::variables().await?;
    let settings = variables.settings()?;
    telemetry::init_logs(&settings.log)?;
    let metrics = Metrics::install_in_function(name, &settings.log)?;
    let parts = Context::from_settings(&settings).await;
    let parts = parts.with_context(|| format!("starting the {} function", spelled(name)))?;
    let started = Started {
        variables,
        settings,
        parts,
    };
    Ok((started, metrics))
}

fn ended(name: &str, run: Result<(), Error>) -> anyhow::Result<()> {
    run.map_err(|error| {
        anyhow::anyhow!(error).context(format!("running the {} function", spelled(name)))
    })
}

fn code(run: anyhow::Result<()>) -> ExitCode {
    match run {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            telemetry::report_fatal(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

/// A function's name in a sentence.
fn spelled(name: &str) -> &str {
    if name == "api" { "API" } else { name }
}
