//! The worker: its HTTP surface, what its calls share, and a call's life around its session.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;
use carrier::Signatures;
use carrier::media::MediaCodec;
use http::header::{CONNECTION, CONTENT_TYPE, UPGRADE};
use http::{HeaderMap, HeaderValue, StatusCode};
use model::Outcome;
use providers::llm::Models;
use providers::stt::Recognizers;
use providers::tts::Synthesizers;
use service::call::media::{Found, MediaError, MediaSession, OpenError};
use service::dialing::workforce::Enlisted;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tracing::Instrument as _;
use url::Url;

use crate::admission::{Admission, DrainStage, NoRoom, Place};
use crate::carrier_leg::handshake::{
    Expected, HandshakeRefusal, Hello, media_path, wait_for_start,
};
use crate::carrier_leg::socket::{CarrierSocket, CloseReason};
use crate::handover::late_turns::LateTurns;
use crate::handover::readiness::{READY_PATH, another_worker_is_ready};
use crate::meters::{HANDED_OVER, Meters};
use crate::outages::VendorOutage;
use crate::session::control::Control;
use crate::session::tools::Tools;
use crate::session::turn_writer::{TurnWriter, Written, back_off};
use crate::session::{Ending, Remains, Session, SessionParts};
use crate::stt_leg::{Listening, SttLeg};
use crate::timers::Timers;
use crate::tts_leg::speech_cache::{CACHE_BYTES_MAX, SpeechCache};
use crate::tts_leg::{TtsLeg, Voice};

/// The store answers in milliseconds; a customer does not wait in silence for longer than this.
const OPEN_WAIT_MAX: Duration = Duration::from_secs(5);

/// How long the socket of a call that is over stays open for its outcome to be stored. The resume
/// webhook that follows the closing needs it; beyond, the carrier is asked to end the call first.
const OUTCOME_WAIT_MAX: Duration = Duration::from_secs(3);

/// How long the last turns and the outcome of a call are tried to be stored before they are given up: longer than
/// stores are away. The call keeps its place so long, which bounds what is kept in memory.
const WRITE_WAIT_MAX: Duration = Duration::from_secs(15 * 60);

/// The same once the worker's time to drain is over.
const LAST_WRITE_WAIT_MAX: Duration = Duration::from_secs(60);

/// How long the carrier may take to answer our close.
const CLOSE_WAIT_MAX: Duration = Duration::from_secs(2);

/// In the last part of the time to drain, calls leave at the next pause, noticed or not: half of it, but no
/// more than this. Within it somebody who speaks without end has drawn breath.
const PRESS_MAX: Duration = Duration::from_secs(30);

/// How long a call takes to be ended with a word: a sentence, after the one that is being said.
const LAST_WORD_MAX: Duration = Duration::from_secs(10);

/// How often histogram samples are folded where nobody scrapes.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// How often the event loop's lag is measured: it costs one wake.
const LAG_EVERY: Duration = Duration::from_secs(1);

/// What a worker is made of.
#[derive(Debug, Clone)]
pub struct WorkerParts {
    pub settings: settings::Worker,
    /// Where the carrier opens media sockets, as it was told: what its signature covers.
    pub media_socket: Url,
    /// The carrier's account that streams must be of.
    pub account_id: String,
    /// How the carrier writes the messages of its media sockets.
    pub codec: &'static dyn MediaCodec,
    pub signatures: Signatures,
    pub control: Arc<dyn Control>,
    pub recognizers: Recognizers,
    pub models: Models,
    pub synthesizers: Synthesizers,
    pub tools: Tools,
    /// The worker's row among the workers; without it nobody is told that it is there.
    pub enlisted: Option<Enlisted>,
    /// The process's metrics, rendered at `/metrics`; without them that path is not found.
    pub metrics: Option<telemetry::Metrics>,
}

/// A media worker. Clones are the same worker.
#[derive(Clone)]
pub struct Worker(Arc<Shared>);

struct Shared {
    parts: WorkerParts,
    admission: Arc<Admission>,
    timers: Arc<Timers>,
    cache: Arc<SpeechCache>,
    meters: Arc<Meters>,
}

impl Worker {
    /// Starts the worker's own tasks (the timer wheel, the upkeep of metrics). Needs a tokio runtime,
    /// and the metrics recorder installed.
    #[must_use]
    pub fn start(parts: WorkerParts) -> Self {
        let timers = Timers::new();
        tokio::spawn(Arc::clone(&timers).drive());
        let meters = Arc::new(Meters::new());
        tokio::spawn(measure_lag(Arc::downgrade(&meters)));
        if let Some(metrics) = parts.metrics.clone() {
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(UPKEEP_EVERY).await;
                    metrics.upkeep();
                }
            });
        }
        Self(Arc::new(Shared {
            admission: Admission::new(parts.settings.calls_max),
            timers,
            cache: Arc::new(SpeechCache::new(CACHE_BYTES_MAX)),
            meters,
            parts,
        }))
    }

    /// `/media/{carrier}`, `/media/ready`, `/health`, and `/metrics` if it has no port of its own: for a worker
    /// that runs alone.
    pub fn router(&self) -> Router {
        let settings = &self.0.parts.settings;
        let alone = self
            .sockets()
            .route("/health", get(health).with_state(Arc::clone(&self.0)));
        if settings.metrics_port == settings.port {
            alone.merge(self.metrics_router())
        } else {
            alone
        }
    }

    /// `/media/{carrier}`, `/media/ready` and `/metrics`: for a process that has a health of its own.
    pub fn router_beside_others(&self) -> Router {
        self.sockets().merge(self.metrics_router())
    }

    /// `/metrics`, for a port that the outside does not reach.
    pub(crate) fn metrics_router(&self) -> Router {
        Router::new()
            .route("/metrics", get(metrics))
            .with_state(Arc::clone(&self.0))
    }

    fn sockets(&self) -> Router {
        Router::new()
            .route(&media_path(self.0.parts.signatures.carrier()), get(media))
            .route(READY_PATH, get(health))
            .with_state(Arc::clone(&self.0))
    }

    pub(crate) fn settings(&self) -> &settings::Worker {
        &self.0.parts.settings
    }

    /// Writes metrics among the logs, for those who cannot ask for them.
    pub(crate) fn tell_metrics(&self) {
        let Shared {
            admission,
            meters,
            parts,
            ..
        } = &*self.0;
        meters.held(admission.calls(), admission.calls_max());
        if let Some(metrics) = &parts.metrics {
            metrics.tell();
        }
    }

    pub(crate) fn enlisted(&self) -> Option<&Enlisted> {
        self.0.parts.enlisted.as_ref()
    }

    pub(crate) fn media_socket(&self) -> &Url {
        &self.0.parts.media_socket
    }

    /// Whether it takes new calls, as far as there is room.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.0.admission.stage() == DrainStage::Serving
    }

    /// Waits until the worker is on its way out.
    pub(crate) async fn stops(&self) {
        self.0.admission.stops().await;
    }

    /// Calls that are on.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.0.admission.calls()
    }

    /// Vendors that fail just now, as its calls see it.
    #[must_use]
    pub fn vendor_outages(&self) -> Vec<VendorOutage> {
        self.0.meters.outages()
    }

    /// Serves a call over a connection that has become a WebSocket elsewhere. Returns when the call is over
    /// here.
    ///
    /// # Errors
    /// Every place is taken, or the worker is stopping.
    pub async fn serve_connection(
        &self,
        connection: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<(), NoRoom> {
        let place = self.0.admission.enter()?;
        let socket = CarrierSocket::wrapped(connection);
        serve_call(Arc::clone(&self.0), socket, Instant::now(), place).await;
        Ok(())
    }

    /// Refuses new calls and hands the running ones to another worker, each when nobody would notice, as soon
    /// as one is ready. Where none is, they go on here for as long as the settings allow. What is left then
    /// is given up: the carrier falls through to the resume webhook. Returns when the last one is gone.
    pub async fn drain(&self) {
        let ready =
            another_worker_is_ready(&self.0.parts.media_socket, &self.0.parts.settings.proxies);
        self.drain_when(ready).await;
    }

    /// The same, for a worker whose whole installation stops with it: where no other worker is ready, calls go on
    /// for as long as the settings allow, and those that are left at the end are told so and ended. With
    /// `at_once` nobody is waited for.
    pub async fn close(&self, at_once: bool) {
        let WorkerParts {
            media_socket,
            settings,
            ..
        } = &self.0.parts;
        let word = LAST_WORD_MAX.min(settings.drain);
        let wait = if at_once {
            Duration::ZERO
        } else {
            settings.drain.saturating_sub(word)
        };
        let ready = another_worker_is_ready(media_socket, &settings.proxies);
        self.leave(ready, Some(wait), wait + word).await;
    }

    /// The same as [`Worker::drain`], where another worker is ready when this future is.
    pub async fn drain_when(&self, another_is_ready: impl Future<Output = ()>) {
        let time = self.0.parts.settings.drain;
        self.leave(another_is_ready, None, time).await;
    }

    /// `words_after`: when calls that nobody takes over are ended with a word; `time`: when all are given up.
    async fn leave(
        &self,
        another_is_ready: impl Future<Output = ()>,
        words_after: Option<Duration>,
        time: Duration,
    ) {
        let Shared {
            admission,
            timers,
            parts,
            ..
        } = &*self.0;
        admission.advance(DrainStage::Draining);
        tracing::info!(calls = admission.calls(), "draining");
        let leaving = async {
            let press_at = Instant::now() + time.saturating_sub(press(parts));
            another_is_ready.await;
            tracing::info!(
                calls = admission.calls(),
                "another worker is ready, calls are handed over"
            );
            admission.advance(DrainStage::Leaving);
            timers.wake_all();
            tokio::time::sleep_until(press_at).await;
            admission.advance(DrainStage::Pressing);
            timers.wake_all();
            std::future::pending::<()>().await;
        };
        let closing = async {
            let Some(after) = words_after else {
                return std::future::pending().await;
            };
            tokio::time::sleep(after).await;
            if admission.stage() == DrainStage::Draining {
                tracing::info!(calls = admission.calls(), "calls are ended with a word");
                admission.advance(DrainStage::Closing);
                timers.wake_all();
            }
            std::future::pending::<()>().await;
        };
        let emptied = async {
            tokio::select! {
                biased;
                () = admission.empty() => {}
                () = leaving => {}
                () = closing => {}
            }
        };
        let drained = tokio::time::timeout(time, emptied).await;
        if drained.is_err() {
            tracing::info!(calls = admission.calls(), "the time to drain is over");
            admission.advance(DrainStage::Expired);
            timers.wake_all();
            admission.empty().await;
        }
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("calls", &self.calls())
            .finish_non_exhaustive()
    }
}

/// How long before the end of the time to drain calls are pressed to leave.
fn press(parts: &WorkerParts) -> Duration {
    PRESS_MAX.min(parts.settings.drain / 2)
}

/// Measures how late a task wakes, while there is a worker: what every call waits for when there is too much
/// to do.
async fn measure_lag(meters: Weak<Meters>) {
    loop {
        let due = Instant::now() + LAG_EVERY;
        tokio::time::sleep_until(due).await;
        let Some(meters) = meters.upgrade() else {
            return;
        };
        meters.event_loop_lag.record(due.elapsed());
    }
}

async fn health(State(shared): State<Arc<Shared>>) -> Response {
    let (status, word) = match shared.admission.stage() {
        DrainStage::Serving => (StatusCode::OK, "ok"),
        DrainStage::Draining
        | DrainStage::Leaving
        | DrainStage::Pressing
        | DrainStage::Closing
        | DrainStage::Expired => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
    };
    let (calls, calls_max) = (shared.admission.calls(), shared.admission.calls_max());
    let body = format!(r#"{{"status":"{word}","calls":{calls},"calls_max":{calls_max}}}"#);
    answer(status, "application/json", body)
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    match &shared.parts.metrics {
        Some(metrics) => answer(
            StatusCode::OK,
            "text/plain; version=0.0.4; charset=utf-8",
            metrics.render(),
        ),
        None => answer(StatusCode::NOT_FOUND, "text/plain", String::new()),
    }
}

/// The carrier asks for a media socket.
async fn media(State(shared): State<Arc<Shared>>, mut request: Request) -> Response {
    let accepted_at = Instant::now();
    let Some(accept_key) = websocket_key(request.headers()) else {
        Meters::refused("not_websocket");
        return answer(
            StatusCode::UPGRADE_REQUIRED,
            "text/plain",
            "this is a WebSocket".to_owned(),
        );
    };
    let WorkerParts {
        media_socket,
        signatures,
        ..
    } = &shared.parts;
    if let Err(problem) = signatures.verify_socket(media_socket.as_str(), request.headers()) {
        Meters::refused("signature");
        tracing::warn!(%problem, "a media socket without the carrier's signature is refused");
        return answer(StatusCode::FORBIDDEN, "text/plain", String::new());
    }
    let place = match shared.admission.enter() {
        Ok(place) => place,
        Err(no_room) => {
            let reason = match no_room {
                NoRoom::Capacity => "capacity",
                NoRoom::Draining => "draining",
            };
            Meters::refused(reason);
            tracing::warn!(reason, "a call is refused");
            return answer(
                StatusCode::SERVICE_UNAVAILABLE,
                "text/plain",
                no_room.to_string(),
            );
        }
    };
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        match upgrade.await {
            Ok(upgraded) => {
                let socket = CarrierSocket::new(upgraded);
                serve_call(shared, socket, accepted_at, place).await;
            }
            Err(error) => {
                Meters::refused("upgrade");
                tracing::debug!(%error, "the carrier left before its upgrade");
            }
        }
    });
    switching(accept_key)
}

/// One call from its accepted socket to its stored outcome.
async fn serve_call(
    shared: Arc<Shared>,
    mut socket: CarrierSocket,
    accepted_at: Instant,
    place: Place,
) {
    // The language model's host is known before the call is.
    shared.parts.models.warm();
    match open(&shared, &mut socket, accepted_at).await {
        Ok((hello, media)) => {
            let span = tracing::info_span!(
                "call",
                call.id = %hello.call_id,
                tenant.id = %hello.tenant_id,
                trace_id = %media.snapshot.trace(),
            );
            talk(&shared, socket, accepted_at, hello, media)
                .instrument(span)
                .await;
        }
        Err(refusal) => {
            Meters::refused(refusal.code());
            tracing::warn!(reason = refusal.code(), "a media socket is refused");
            close_socket(&mut socket, refusal.close_reason()).await;
        }
    }
    drop(place);
}

async fn open(
    shared: &Shared,
    socket: &mut CarrierSocket,
    accepted_at: Instant,
) -> Result<(Hello, MediaSession), HandshakeRefusal> {
    let expected = Expected {
        codec: shared.parts.codec,
        account_id: &shared.parts.account_id,
    };
    let hello = wait_for_start(socket, expected, accepted_at).await?;
    let opening = shared.parts.control.open(hello.clone());
    match tokio::time::timeout(OPEN_WAIT_MAX, opening).await {
        Ok(Ok(media)) => Ok((hello, media)),
        Ok(Err(OpenError::Refused)) => Err(HandshakeRefusal::Token),
        Ok(Err(OpenError::Store(error))) => {
            tracing::error!(call.id = %hello.call_id, %error, "a session cannot be opened");
            Err(HandshakeRefusal::Store)
        }
        Err(_elapsed) => {
            tracing::error!(call.id = %hello.call_id, "the store takes too long to open a session");
            Err(HandshakeRefusal::Store)
        }
    }
}

async fn talk(
    shared: &Shared,
    socket: CarrierSocket,
    accepted_at: Instant,
    hello: Hello,
    media: MediaSession,
) {
    let Shared {
        parts,
        admission,
        timers,
        cache,
        meters,
    } = shared;
    tracing::info!(
        resumed = !media.history.is_empty(),
        handed_over = media.checkpoint.is_some(),
        "the conversation begins"
    );
    meters.calls_started.increment(1);
    meters.calls_active.increment(1);
    let MediaSession {
        key,
        snapshot,
        history,
        elapsed,
        checkpoint,
        verdict,
    } = media;
    let key = Arc::new(key);
    let chosen = &snapshot.agent.vendors;
    let recognizers = parts.recognizers.in_order(&chosen.recognizers);
    let models = parts.models.in_order(&chosen.models);
    let synthesizers = parts.synthesizers.in_order(&chosen.voices);
    if !chosen.models.is_empty() {
        // What was warmed before the call was known may be another vendor's.
        models.warm();
    }
    let routes = conversation::Routes {
        recognition: recognizers.routes().max(1),
        generation: models.routes().max(1),
        synthesis: synthesizers.routes().max(1),
    };
    let voice = Voice {
        id: snapshot.agent.voice_id.clone(),
        language: snapshot.agent.language.clone(),
    };
    let writes = {
        let (control, key) = (Arc::clone(&parts.control), Arc::clone(&key));
        move |record| control.store(Arc::clone(&key), record)
    };
    let late_turns = (key.session > 1).then(|| {
        let (control, key) = (Arc::clone(&parts.control), Arc::clone(&key));
        let last = history.last().map(|turn| turn.seq);
        LateTurns::new(control, key, last, Instant::now())
    });
    let past = conversation::EarlierSessions {
        turns: history,
        elapsed,
        checkpoint,
        verdict,
    };
    let began = past.now();
    let call = conversation::Conversation::new(&snapshot, routes, past)
        .with_session_tools(parts.tools.specs());
    let mut session = Box::new(Session::new(SessionParts {
        socket,
        started: accepted_at,
        began,
        late_turns,
        codec: parts.codec,
        stream_id: hello.stream_id,
        ear: SttLeg::new(
            parts.codec,
            recognizers,
            Listening {
                language: snapshot.agent.language,
                endpointing_ms: snapshot.agent.turn_taking.endpointing_ms,
                tag: format!("{} {}", key.tenant_id, key.call_id),
            },
        ),
        key,
        call,
        tts: TtsLeg::new(synthesizers, Arc::clone(cache), Arc::clone(meters), voice),
        turns: TurnWriter::new(writes),
        control: Arc::clone(&parts.control),
        timer: timers.slot(),
        admission: Arc::clone(admission),
        meters: Arc::clone(meters),
        models,
        tools: parts.tools.clone(),
        model: snapshot.agent.model,
        prompt_cache_key: snapshot.agent_id.to_string(),
    }));
    let ending = poll_fn(|cx| session.poll(cx)).await;
    meters
        .cache_bytes
        .set(u32::try_from(cache.bytes()).map_or(f64::MAX, f64::from));
    meters.calls_active.decrement(1);
    let remains = session.into_remains();
    finish(shared, remains, ending).await;
    Meters::ended(how(ending));
}

/// Stores what is left, then hangs up: in this order, so that the carrier's next request finds the
/// outcome and ends the call. What cannot be stored at once keeps nobody on the line.
async fn finish(shared: &Shared, mut remains: Remains, ending: Ending) {
    let ended_at = Instant::now();
    let outcome = ending.outcome;
    let stored = {
        let storing = store_rest(shared, &mut remains, outcome);
        tokio::time::timeout(OUTCOME_WAIT_MAX, storing)
            .await
            .is_ok()
    };
    let socket_is_gone = ending.carrier.is_some() && ending.close_reason == CloseReason::Done;
    // Else the resume webhook, which knows of no end, would give the call to another session.
    let hung_up = outcome.is_some() && !stored && !socket_is_gone && {
        let hanging_up = shared.parts.control.hang_up(Arc::clone(&remains.key));
        let hung_up = tokio::time::timeout(OUTCOME_WAIT_MAX, hanging_up).await;
        matches!(hung_up, Ok(Ok(())))
    };
    if !socket_is_gone {
        close_socket(&mut remains.socket, ending.close_reason).await;
    }
    let carrier_goes_on = match ending.carrier {
        Some(conversation::CarrierClosed::Stopped) => false,
        Some(conversation::CarrierClosed::Lost) => true,
        // The resume webhook hangs up if it found the outcome.
        None => !stored && !hung_up,
    };
    if outcome.is_some()
        && carrier_goes_on
        && let Err(error) = shared.parts.control.hang_up(Arc::clone(&remains.key)).await
    {
        tracing::error!(%error, "the carrier could not be asked to end the call");
    }
    if !stored {
        let given_up = tokio::select! {
            biased;
            () = store_rest(shared, &mut remains, outcome) => false,
            () = tokio::time::sleep_until(ended_at + WRITE_WAIT_MAX) => true,
            () = last_writes(&shared.admission) => true,
        };
        if given_up {
            shared.meters.turns_lost.increment(remains.turns.len());
            tracing::error!(
                turns = remains.turns.len(),
                "the end of the call could not be stored"
            );
        }
    }
    tracing::info!(outcome = how(ending), "the conversation is over");
}

/// Waits until the worker can wait no longer.
async fn last_writes(admission: &Admission) {
    admission.expires().await;
    tokio::time::sleep(LAST_WRITE_WAIT_MAX).await;
}

/// How a session ended, in logs and metrics.
fn how(ending: Ending) -> &'static str {
    match ending.outcome {
        Some(outcome) => outcome.code(),
        None if ending.handed_over => HANDED_OVER,
        None => "left_to_resume",
    }
}

/// Writes the waiting turns and the end of the session, as often as it takes.
async fn store_rest(shared: &Shared, remains: &mut Remains, outcome: Option<Outcome>) {
    let mut superseded = false;
    while !remains.turns.is_empty() {
        if let Some(at) = remains.turns.next_attempt() {
            tokio::time::sleep_until(at).await;
        }
        let written = poll_fn(|cx| remains.turns.poll_written(cx, Instant::now())).await;
        shared.meters.written(written);
        superseded |= written == Written::Superseded;
    }
    if superseded {
        return;
    }
    let found = Found {
        answer: remains.answer,
        line: Some(remains.line),
    };
    let mut failures = 0_u32;
    loop {
        let close = shared
            .parts
            .control
            .close(Arc::clone(&remains.key), outcome, found);
        match close.await {
            Ok(()) | Err(MediaError::Superseded) => return,
            Err(error @ (MediaError::Unavailable(_) | MediaError::Carrier(_))) => {
                if failures == 0 {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the end of the call could not be stored, it is tried again"
                    );
                }
                shared.meters.write_retries.increment(1);
                tokio::time::sleep(back_off(failures)).await;
                failures = failures.saturating_add(1);
            }
        }
    }
}

async fn close_socket(socket: &mut CarrierSocket, reason: CloseReason) {
    socket.start_close(reason);
    let closed = poll_fn(|cx| socket.poll_closed(cx));
    if tokio::time::timeout(CLOSE_WAIT_MAX, closed).await.is_err() {
        tracing::debug!("the carrier does not answer the close");
    }
}

/// The key of a WebSocket handshake (RFC 6455, section 4.2.1); `None` for any other request.
fn websocket_key(headers: &HeaderMap) -> Option<String> {
    let says = |name, word: &str| {
        let values = headers.get_all(name).into_iter();
        values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|value| value.trim().eq_ignore_ascii_case(word))
    };
    let version = headers.get("sec-websocket-version")?;
    let key = headers.get("sec-websocket-key")?;
    let asks = says(CONNECTION, "upgrade") && says(UPGRADE, "websocket") && version == "13";
    asks.then(|| derive_accept_key(key.as_bytes()))
}

fn switching(accept_key: String) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    // Base64 is always a header value.
    if let Ok(key) = HeaderValue::try_from(accept_key) {
        headers.insert("sec-websocket-accept", key);
    }
    response
}

fn answer(status: StatusCode, kind: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests;
