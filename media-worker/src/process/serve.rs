//! A worker that runs alone: built from settings, listens, serves, and leaves when it is told to.

use std::future::Future;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use providers::llm::Models;
use providers::stt::Recognizers;
use providers::tts::Synthesizers;
use service::Context;
use service::call::media::Media;
use service::call::recordings::Recordings;
use service::dialing::workforce::Enlisted;
use settings::Settings;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::process::fleet;
use crate::process::start;
use crate::process::worker::{Worker, WorkerParts};
use crate::recordings::{QueuedRecordings, RecordingWork, keep_recordings};
use crate::session::tools::Tools;

/// A worker on the same machine that does not answer within this is not well.
const HEALTH_WAIT_MAX: Duration = Duration::from_secs(3);
/// Its answer has a hundred bytes.
const HEALTH_BYTES_MAX: u64 = 4_096;

/// Settings of a worker that runs alone: its environment, and beneath it the secrets that this names. Waits
/// for secrets that are empty.
///
/// # Errors
/// A secret cannot be read, or settings cannot be used.
pub fn settings(environment: &Settings) -> anyhow::Result<Settings> {
    // How many threads the worker's own runtime gets is one of them.
    let runtime = runtime(1).context("starting a runtime")?;
    let address = (Ipv4Addr::UNSPECIFIED, environment.worker.port);
    let read = async || store::secrets::settings().await;
    runtime.block_on(start::when_filled(read, async || {
        TcpListener::bind(address).await
    }))
}

/// Asks the worker that listens on this port of this machine how it is.
///
/// # Errors
/// It does not answer in time, or says that it takes no calls.
pub fn check_health(port: u16) -> anyhow::Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let socket = TcpStream::connect_timeout(&address, HEALTH_WAIT_MAX);
    let mut socket = socket.context("connecting to the worker")?;
    socket.set_read_timeout(Some(HEALTH_WAIT_MAX))?;
    socket.write_all(b"GET /health HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    let read = socket.take(HEALTH_BYTES_MAX).read_to_string(&mut answer);
    read.context("reading the worker's answer")?;
    let status = answer.lines().next().unwrap_or_default();
    anyhow::ensure!(status.contains(" 200 "), "the worker answers: {status}");
    Ok(())
}

/// Runs a worker with everything real, on the port of its settings, until the process is asked to
/// stop; then drains it.
///
/// # Errors
/// A setting is missing, storage cannot be used, or the port is taken.
pub fn run(settings: &Settings) -> anyhow::Result<()> {
    let metrics = telemetry::Metrics::install_in_worker("media-worker", &settings.log)?;
    let runtime = runtime(settings.worker.threads).context("starting the runtime")?;
    runtime.block_on(async {
        let parts = Context::from_settings(settings).await?;
        let worker = Worker::start(worker_parts(settings, &parts, Some(metrics))?);
        let address = (Ipv4Addr::UNSPECIFIED, settings.worker.port);
        let listener = TcpListener::bind(address).await;
        let listener = listener.context("listening on TRUNKLINE_WORKER_PORT")?;
        if settings.worker.metrics_port != settings.worker.port {
            let address = (Ipv4Addr::UNSPECIFIED, settings.worker.metrics_port);
            let listener = TcpListener::bind(address).await;
            let listener = listener.context("listening on TRUNKLINE_WORKER_METRICS_PORT")?;
            tokio::spawn(show_metrics(listener, worker.metrics_router()));
        }
        let stop = stop_signal().context("listening to signals")?;
        tracing::info!(port = settings.worker.port, "the media worker is ready");
        serve(worker, listener, Some(recordings(&parts)), stop)
            .await
            .context("serving")
    })
}

/// A worker's parts from those of the whole product.
///
/// # Errors
/// TLS or an HTTP client cannot be set up.
pub fn worker_parts(
    settings: &Settings,
    parts: &Context,
    metrics: Option<telemetry::Metrics>,
) -> anyhow::Result<WorkerParts> {
    let enlisted = Enlisted::new(&parts.store.workers, &parts.clock, &parts.ids);
    let media = Media::new(
        &parts.store,
        Arc::clone(&parts.carrier),
        parts.links.clone(),
        Arc::clone(&parts.clock),
        parts.ids.clone(),
    )
    .of_worker(enlisted.id());
    Ok(WorkerParts {
        settings: settings.worker.clone(),
        media_socket: parts.links.media(),
        account_id: parts.carrier.account_id().to_owned(),
        codec: parts.carrier.media(),
        signatures: parts.signatures.clone(),
        control: Arc::new(media),
        recognizers: Recognizers::new(settings)?,
        models: Models::new(settings)?,
        synthesizers: Synthesizers::new(settings)?,
        tools: Tools::default(),
        enlisted: Some(enlisted),
        metrics,
    })
}

/// Calls go on without it.
async fn show_metrics(listener: TcpListener, router: Router) {
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "metrics are no longer shown"
        );
    }
}

/// The work of the recordings task from the parts of the whole product.
#[must_use]
pub fn recordings(parts: &Context) -> Arc<dyn RecordingWork> {
    Arc::new(QueuedRecordings {
        queue: parts.store.recordings.clone(),
        recordings: Recordings::new(
            &parts.store,
            Arc::clone(&parts.carrier),
            Arc::clone(&parts.clock),
            parts.ids.clone(),
        ),
    })
}

/// A runtime with so many threads; 0 means one per core. One thread needs no locks between threads
/// and does the most per core.
///
/// # Errors
/// The operating system refuses threads or its event queue.
pub fn runtime(threads: usize) -> io::Result<Runtime> {
    let mut builder = match threads {
        1 => Builder::new_current_thread(),
        0 => Builder::new_multi_thread(),
        several => {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(several);
            builder
        }
    };
    builder.enable_all().build()
}

/// Serves `worker` on `listener` and keeps recordings, until `stop`.
///
/// Then it drains: `/health` says so, new calls are refused, running ones end in their own time or at
/// the drain deadline, recordings under way are finished.
///
/// # Errors
/// The listener fails.
pub async fn serve(
    worker: Worker,
    listener: TcpListener,
    recordings: Option<Arc<dyn RecordingWork>>,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let (tell_stopping, mut stopping) = watch::channel(false);
    let copies = async {
        if let Some(recordings) = recordings {
            // An error means that the sender is gone, which is a stop too.
            let stopped = async { drop(stopping.wait_for(|stop| *stop).await) };
            keep_recordings(recordings, stopped).await;
        }
    };
    let leaving = async {
        stop.await;
        tell_stopping.send_replace(true);
        worker.drain().await;
    };
    let everything = async { tokio::join!(leaving, copies) };
    let router = worker.router();
    let agent = worker.settings().ecs_agent.clone();
    let served = tokio::select! {
        () = fleet::tell_metrics(&worker) => Ok(()),
        () = fleet::enlist(&worker) => Ok(()),
        () = fleet::protect(&worker, agent.as_ref()) => Ok(()),
        // The server ends by an error only; it answers to the last, so that its health can be asked.
        served = async { axum::serve(listener, router).await } => served,
        ((), ()) = everything => Ok(()),
    };
    fleet::leave(&worker).await;
    // What the last calls counted.
    worker.tell_metrics();
    served
}

/// Completes when the process is asked to stop (`SIGTERM`, or `SIGINT` from a terminal).
///
/// # Errors
/// The signals cannot be listened to.
pub fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _told = terminate.recv() => {}
            _told = interrupt.recv() => {}
        }
    })
}
