//! Requests to one host of chat completions over pooled connections.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use conversation::{Failure, FailureKind, Generate, Generation};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::Timestamp;
use reqwest::Response;
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep};
use url::Url;

use super::VENDOR;
use super::codec::{self, Answer, Capabilities};
use crate::llm::{Failed, GenerationStream, Tuning, Vendor};
use crate::{SetupProblem, count, http_client, refusal, socket};

/// Longest wait for the first word or tool call, connecting included. Ten times what is usual; the
/// customer hears nothing meanwhile.
const FIRST_TOKEN_MAX: Duration = Duration::from_secs(5);

/// Longest pause after it.
const INTER_CHUNK_MAX: Duration = Duration::from_secs(4);

/// Longest wait for the host's figures when the answer itself is complete.
const TAIL_MAX: Duration = Duration::from_millis(500);

/// Most that is read of a refusal's explanation.
const REFUSAL_BYTES_MAX: usize = 16 * 1024;

/// Most pieces of a finished answer that are read to its end: there is one, usually.
const DRAIN_PIECES_MAX: usize = 4;

/// HTTP/2 connections to a host, used in turn: hosts allow about a hundred requests at a time on one,
/// and a worker's calls may have more.
const CONNECTIONS: usize = 4;

/// A connection is known to stand for this long after its last use (hosts keep idle ones for a minute
/// or more).
const WARM_FOR: Duration = Duration::from_secs(20);

/// Longest time that warming takes.
const WARMING_MAX: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy)]
struct Timing {
    first_token: Duration,
    inter_chunk: Duration,
    tail: Duration,
}

/// A host of chat completions.
pub(crate) struct OpenAi {
    /// Each has connections of its own.
    clients: Vec<reqwest::Client>,
    turn: AtomicUsize,
    completions: Url,
    models: Url,
    model: String,
    headers: Result<HeaderMap, FailureKind>,
    takes: Capabilities,
    warmth: Arc<Mutex<Warmth>>,
    timing: Timing,
}

/// Whether connections are known to stand.
#[derive(Debug, Default)]
struct Warmth {
    used: Option<Instant>,
    warming: bool,
}

impl OpenAi {
    pub(crate) fn new(settings: &settings::VendorSettings) -> Result<Self, SetupProblem> {
        let base = &settings.base_url;
        // Without TLS it is HTTP/1.1, where each request under way has a connection anyway.
        let clients = match base.scheme() {
            "https" => CONNECTIONS,
            _ => 1,
        };
        let clients = (0..clients).map(|_| http_client::client(&settings.proxies));
        Ok(Self {
            clients: clients.collect::<Result<_, _>>()?,
            turn: AtomicUsize::new(0),
            completions: socket::http_url(base, &["chat", "completions"]),
            models: socket::http_url(base, &["models"]),
            model: settings.model.clone(),
            headers: headers(settings),
            takes: Capabilities::of(base),
            warmth: Arc::default(),
            timing: Timing {
                first_token: FIRST_TOKEN_MAX,
                inter_chunk: INTER_CHUNK_MAX,
                tail: TAIL_MAX,
            },
        })
    }

    fn send(
        &self,
        request: &Generate,
        tuning: Tuning<'_>,
    ) -> Result<BoxFuture<'static, reqwest::Result<Response>>, FailureKind> {
        let headers = self.headers.clone()?;
        let body = codec::encode(request, &self.model, tuning, self.takes);
        let body = body.map_err(|problem| {
            tracing::error!(vendor = VENDOR, %problem, "a request to the language model cannot be written");
            FailureKind::Refused
        })?;
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let client = self.clients.get(turn % self.clients.len().max(1));
        let client = client.ok_or(FailureKind::Connect)?.clone();
        let request = client
            .post(self.completions.clone())
            .headers(headers)
            .body(body);
        Ok(Box::pin(request.send()))
    }
}

fn headers(settings: &settings::VendorSettings) -> Result<HeaderMap, FailureKind> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
    if let Some(key) = &settings.api_key {
        // A key that no header can carry is a wrong key.
        let key = socket::secret_header("Bearer ", key).ok_or(FailureKind::Unauthorized)?;
        headers.insert(AUTHORIZATION, key);
    }
    Ok(headers)
}

impl Vendor for OpenAi {
    fn name(&self) -> &'static str {
        VENDOR
    }

    fn generate(&self, request: &Generate, tuning: Tuning<'_>) -> Box<dyn GenerationStream> {
        match self.send(request, tuning) {
            Ok(response) => {
                lock(&self.warmth).used = Some(Instant::now());
                Box::new(Generating {
                    state: GenerationState::Requested(response),
                    answer: Answer::new(request.id),
                    timer: Box::pin(tokio::time::sleep(self.timing.first_token)),
                    heard: Instant::now(),
                    in_tail: false,
                    timing: self.timing,
                })
            }
            Err(kind) => Box::new(Failed(Some(failure(kind)))),
        }
    }

    fn warm(&self) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let Ok(mut headers) = self.headers.clone() else {
            return;
        };
        headers.remove(CONTENT_TYPE);
        headers.remove(ACCEPT);
        let mut warmth = lock(&self.warmth);
        if !warmth.is_due() {
            return;
        }
        warmth.warming = true;
        drop(warmth);
        // A task of the process, not of a call: one at a time, and it ends within its time limit.
        let (clients, models) = (self.clients.clone(), self.models.clone());
        let warmth = Arc::clone(&self.warmth);
        runtime.spawn(async move {
            let answers = clients.iter().map(|client| {
                // Any answer will do: the connection stands, and no tokens were used.
                let request = client.head(models.clone()).headers(headers.clone());
                request.timeout(WARMING_MAX).send()
            });
            let answers = futures_util::future::join_all(answers).await;
            let stand = answers.iter().all(Result::is_ok);
            let mut warmth = lock(&warmth);
            warmth.warming = false;
            if stand {
                warmth.used = Some(Instant::now());
            }
        });
    }
}

impl Warmth {
    /// Whether it is time to warm and nobody does it.
    fn is_due(&self) -> bool {
        !self.warming && self.used.is_none_or(|used| used.elapsed() >= WARM_FOR)
    }
}

fn lock(warmth: &Mutex<Warmth>) -> MutexGuard<'_, Warmth> {
    warmth.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One request and its answer.
struct Generating {
    state: GenerationState,
    answer: Answer,
    timer: Pin<Box<Sleep>>,
    /// When something came last.
    heard: Instant,
    /// The answer is complete and the timer waits for no more than the host's figures.
    in_tail: bool,
    timing: Timing,
}

enum GenerationState {
    Requested(BoxFuture<'static, reqwest::Result<Response>>),
    Refused {
        status: StatusCode,
        headers: HeaderMap,
        explanation: Vec<u8>,
        body: BoxStream<'static, reqwest::Result<Bytes>>,
    },
    Streaming(BoxStream<'static, reqwest::Result<Bytes>>),
    Over,
}

impl Generating {
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Generation>, FailureKind>> {
        Poll::Ready(match &mut self.state {
            GenerationState::Over => return Poll::Pending,
            GenerationState::Requested(response) => {
                let response = ready!(response.as_mut().poll(cx));
                self.begin(response.map_err(|error| http_client::failed(&error)))
            }
            GenerationState::Refused {
                status,
                headers,
                explanation,
                body,
            } => match ready!(body.as_mut().poll_next(cx)) {
                Some(Ok(bytes)) if explanation.len() + bytes.len() <= REFUSAL_BYTES_MAX => {
                    explanation.extend_from_slice(&bytes);
                    Ok(None)
                }
                // What there is of an explanation has to do.
                Some(_) | None => Err(refused(*status, headers, explanation)),
            },
            GenerationState::Streaming(body) => {
                if let Some(event) = self.answer.next_event() {
                    return Poll::Ready(Ok(Some(event)));
                }
                match ready!(body.as_mut().poll_next(cx)) {
                    Some(Ok(bytes)) => {
                        self.heard = Instant::now();
                        self.answer.push(&bytes);
                    }
                    Some(Err(_)) | None => self.answer.end(),
                }
                Ok(None)
            }
        })
    }

    fn begin(
        &mut self,
        response: Result<Response, FailureKind>,
    ) -> Result<Option<Generation>, FailureKind> {
        let response = response?;
        let status = response.status();
        if status != StatusCode::OK {
            self.state = GenerationState::Refused {
                status,
                headers: response.headers().clone(),
                explanation: Vec::new(),
                body: Box::pin(response.bytes_stream()),
            };
            return Ok(None);
        }
        let content_type = response.headers().get(CONTENT_TYPE);
        let content_type = content_type.map_or(&b""[..], HeaderValue::as_bytes);
        // Hosts that leave the type out are believed; pages and documents are not streams.
        if content_type.starts_with(b"application/json") || content_type.starts_with(b"text/html") {
            count::garbage(VENDOR);
            return Err(FailureKind::Protocol);
        }
        self.heard = Instant::now();
        self.state = GenerationState::Streaming(Box::pin(response.bytes_stream()));
        Ok(None)
    }

    /// The timer fired: whether the host was silent for too long. It is moved here, not whenever
    /// something comes, so that a word costs no timer.
    fn overdue(&mut self) -> Result<(), FailureKind> {
        if self.answer.is_complete() {
            // Only figures are missing.
            self.answer.end();
            return Ok(());
        }
        let deadline = self.heard + self.timing.inter_chunk;
        if self.answer.has_begun() && Instant::now() < deadline {
            self.timer.as_mut().reset(deadline);
            return Ok(());
        }
        Err(FailureKind::Silent)
    }

    /// Reads what is left of a finished answer if it is there already, so that an HTTP/1.1 connection
    /// can be used again.
    fn drain(&mut self, cx: &mut Context<'_>) {
        if let GenerationState::Streaming(body) = &mut self.state {
            for _piece in 0..DRAIN_PIECES_MAX {
                if !matches!(body.as_mut().poll_next(cx), Poll::Ready(Some(Ok(_)))) {
                    break;
                }
            }
        }
    }
}

impl GenerationStream for Generating {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Generation> {
        loop {
            let step = match self.poll_step(cx) {
                Poll::Ready(step) => step,
                Poll::Pending => {
                    if matches!(self.state, GenerationState::Over) {
                        return Poll::Pending;
                    }
                    if self.answer.is_complete() && !self.in_tail {
                        self.in_tail = true;
                        let deadline = Instant::now() + self.timing.tail;
                        self.timer.as_mut().reset(deadline);
                    }
                    ready!(self.timer.as_mut().poll(cx));
                    self.overdue().map(|()| None)
                }
            };
            let event = match step {
                Ok(Some(event)) => event,
                Ok(None) => continue,
                Err(kind) => Generation::Failed(failure(kind)),
            };
            match &event {
                Generation::Text(_) | Generation::ToolCall { .. } => {}
                Generation::Finished { .. } => {
                    self.drain(cx);
                    self.state = GenerationState::Over;
                }
                Generation::Failed(failure) => {
                    if failure.kind == FailureKind::Protocol {
                        count::garbage(VENDOR);
                    }
                    self.state = GenerationState::Over;
                }
            }
            return Poll::Ready(event);
        }
    }
}

/// What a refusal means: its status, and where that leaves it open, its explanation.
fn refused(status: StatusCode, headers: &HeaderMap, explanation: &[u8]) -> FailureKind {
    let kind = refusal::by_status(status, headers, Timestamp::now());
    let explained = codec::error_kind(&String::from_utf8_lossy(explanation));
    // That the vendor fails is told once, by who sees all calls; this says why.
    tracing::info!(
        vendor = VENDOR,
        status = status.as_u16(),
        request_id = refusal::explanation(headers, "x-request-id"),
        "the language model refused a request"
    );
    // A quota that is used up comes as 429 too, and does not come back in a moment.
    if matches!(kind, FailureKind::RateLimited { .. }) && explained == FailureKind::QuotaExceeded {
        explained
    } else {
        kind
    }
}

fn failure(kind: FailureKind) -> Failure {
    Failure {
        vendor: Cow::Borrowed(VENDOR),
        kind,
    }
}

#[cfg(test)]
mod tests;
