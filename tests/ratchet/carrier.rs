//! The simulated carrier on virtual time: between our client, our webhooks and the workers' sockets, which
//! are pipes. Nothing goes wrong here.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use ::carrier::twilio::transport::{Broken, Exchange, Transport};
use axum::Router;
use axum::body::Body;
use futures_util::{SinkExt as _, StreamExt as _};
use jiff::Timestamp;
use media_worker::Worker;
use sim::carriers::twilio::{
    Core, CoreConfig, Directory, Output, RestAnswer, RestBody, RestRequest, Timing, WebhookAnswer,
    WebhookRequest,
};
use sim::person::Person;
use tokio::io::DuplexStream;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use tower::ServiceExt as _;

use super::outside::{Outside, outside};
use super::{ACCOUNT, AUTH_TOKEN, SEED};

/// What a socket's way holds.
const PIPE_BYTES: usize = 64 * 1024;
/// How long the carrier takes to answer a request.
const ANSWER_AFTER: Duration = Duration::from_millis(40);
/// From the instruction to open a stream to its opening.
const OPENS_AFTER: Duration = Duration::from_millis(60);

#[derive(Clone)]
pub(super) struct Carrier(Arc<Inner>);

struct Inner {
    zero: Instant,
    core: Mutex<Core>,
    changed: Notify,
    callbacks: OnceLock<Router>,
    /// The first that takes calls is given them.
    workers: Mutex<Vec<Worker>>,
    /// The stream that each call has now.
    streams: Mutex<BTreeMap<String, Stream>>,
}

#[derive(Clone)]
struct Stream {
    number: u32,
    to_worker: mpsc::UnboundedSender<ToWorker>,
}

enum ToWorker {
    Text(String),
    Close,
}

impl Carrier {
    pub(super) fn new(zero: Instant, epoch: Timestamp) -> Self {
        let nobody = Directory::everybody(Person::unreachable());
        let mut config = CoreConfig::new(ACCOUNT, AUTH_TOKEN, epoch, nobody);
        config.seed = SEED;
        config.calls_per_second = 100;
        config.timing = Timing {
            setup: Duration::from_millis(200),
            ring: Duration::from_millis(300),
            timeout_second: Duration::from_secs(1),
            processing: Duration::from_secs(2),
        };
        let carrier = Self(Arc::new(Inner {
            zero,
            core: Mutex::new(Core::new(config)),
            changed: Notify::new(),
            callbacks: OnceLock::new(),
            workers: Mutex::default(),
            streams: Mutex::default(),
        }));
        tokio::spawn(Outside::new(carrier.clone().carry()));
        carrier
    }

    /// Webhooks are answered by these functions.
    pub(super) fn answer_with(&self, callbacks: Router) {
        assert!(self.0.callbacks.set(callbacks).is_ok());
    }

    pub(super) fn voice_at(&self, number: &str, url: &str) {
        self.with(|core, _now| core.set_voice_url(number, url));
    }

    pub(super) fn enlist(&self, worker: Worker) {
        self.0.workers.lock().unwrap().push(worker);
    }

    /// Hands its calls over to the next.
    pub(super) fn first_worker_stops(&self) {
        let worker = self.0.workers.lock().unwrap()[0].clone();
        tokio::spawn(async move { worker.drain_when(std::future::ready(())).await });
    }

    /// Whoever is at this number from now on.
    pub(super) fn lives_at(&self, number: &str, person: Person) {
        self.with(|core, _now| core.people().insert(number, person));
    }

    pub(super) fn call_in(&self, from: &str, to: &str, person: Person) -> String {
        self.with(|core, now| core.call_in(from, to, person, now))
            .unwrap()
    }

    /// How many calls there were.
    pub(super) fn calls(&self) -> usize {
        self.with(|core, _now| core.views().len())
    }

    /// The carrier's id of the latest call.
    pub(super) fn latest(&self) -> String {
        let latest = self.with(|core, _now| core.views().pop());
        latest.unwrap().sid
    }

    pub(super) fn streams(&self, sid: &str) -> u32 {
        self.with(|core, _now| core.view(sid)).unwrap().streams
    }

    pub(super) fn violations(&self) -> Vec<String> {
        let violations = self.with(|core, _now| core.violations());
        let told = violations.iter().map(|violation| format!("{violation:?}"));
        told.collect()
    }

    /// Waits until these calls are over and everything was said about them.
    pub(super) async fn all_over(&self, sids: &[String]) {
        const LOOK_EVERY: Duration = Duration::from_millis(500);
        let on = |sid: &String| {
            let core = self.0.core.lock().unwrap();
            core.view(sid).is_none_or(|view| !view.status.is_over())
        };
        let held = || {
            let workers = self.0.workers.lock().unwrap();
            workers.iter().any(|worker| worker.calls() > 0)
        };
        while sids.iter().any(on) || held() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        // Callbacks about their ends.
        tokio::time::sleep(Duration::from_secs(2)).await;
    }

    /// Acts on the core, and has what follows from it done.
    fn with<T>(&self, act: impl FnOnce(&mut Core, Duration) -> T) -> T {
        let done = act(&mut self.0.core.lock().unwrap(), self.0.zero.elapsed());
        self.0.changed.notify_one();
        done
    }

    /// Does what the carrier wants done.
    async fn carry(self) {
        loop {
            let (sid, output) = self.next().await;
            let carrier = self.clone();
            match output {
                Output::Request(request) => {
                    tokio::spawn(Outside::new(async move {
                        let id = request.id;
                        let answer = carrier.deliver(request).await;
                        carrier.with(|core, now| core.webhook_answered(&sid, id, answer, now));
                    }));
                }
                Output::OpenStream { .. } => {
                    tokio::spawn(Outside::new(async move {
                        tokio::time::sleep(OPENS_AFTER).await;
                        carrier.open(&sid);
                    }));
                }
                Output::StreamText(text) => carrier.send(&sid, ToWorker::Text(text)),
                Output::CloseStream => carrier.send(&sid, ToWorker::Close),
                Output::CutStream
                | Output::AppendRecording { .. }
                | Output::FinishRecording { .. }
                | Output::Save => {}
            }
        }
    }

    /// Waits for the next thing that the carrier has for us.
    async fn next(&self) -> (String, Output) {
        loop {
            let wanted = {
                let mut core = self.0.core.lock().unwrap();
                if let Some(output) = core.poll_output() {
                    return output;
                }
                core.poll_timeout()
            };
            let Some(wanted) = wanted else {
                self.0.changed.notified().await;
                continue;
            };
            tokio::select! {
                biased;
                () = self.0.changed.notified() => {}
                () = tokio::time::sleep_until(self.0.zero + wanted) => {
                    let now = self.0.zero.elapsed();
                    self.0.core.lock().unwrap().handle_timeout(now);
                }
            }
        }
    }

    /// One webhook, from the carrier to our function and back.
    async fn deliver(&self, request: WebhookRequest) -> WebhookAnswer {
        tokio::time::sleep(ANSWER_AFTER).await;
        let url: url::Url = request.url.parse().unwrap();
        let asked = http::Request::builder()
            .method("POST")
            .uri(&url[url::Position::BeforePath..url::Position::AfterQuery])
            .header("content-type", "application/x-www-form-urlencoded")
            .header("X-Twilio-Signature", &request.signed.signature)
            .body(Body::from(request.body.unwrap_or_default()))
            .unwrap();
        let router = self.0.callbacks.get().unwrap().clone();
        let response = router.oneshot(asked).await.unwrap();
        let status = response.status().as_u16();
        let kind = response.headers().get("content-type");
        let content_type = kind.map_or(String::new(), |kind| kind.to_str().unwrap().to_owned());
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
        WebhookAnswer::Answered {
            status,
            content_type,
            body: String::from_utf8(body.unwrap().to_vec()).unwrap(),
        }
    }

    /// Opens a stream to the first worker that takes calls.
    fn open(&self, sid: &str) {
        let workers = self.0.workers.lock().unwrap();
        let worker = workers.iter().find(|worker| worker.is_serving());
        let worker = worker.unwrap().clone();
        drop(workers);
        let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        let (to_worker, from_carrier) = mpsc::unbounded_channel();
        let mut streams = self.0.streams.lock().unwrap();
        let number = streams.get(sid).map_or(0, |stream| stream.number + 1);
        let stream = Stream { number, to_worker };
        streams.insert(sid.to_owned(), stream);
        drop(streams);
        let (carrier, of) = (self.clone(), sid.to_owned());
        tokio::spawn(Outside::new(async move {
            carrier.pass_on(&of, number, theirs, from_carrier).await;
        }));
        // The product's own task.
        tokio::spawn(async move { worker.serve_connection(ours).await.unwrap() });
        self.with(|core, now| core.stream_opened(sid, now));
    }

    /// The carrier's side of a socket.
    async fn pass_on(
        &self,
        sid: &str,
        number: u32,
        theirs: DuplexStream,
        mut from_carrier: mpsc::UnboundedReceiver<ToWorker>,
    ) {
        let mut socket = WebSocketStream::from_raw_socket(theirs, Role::Client, None).await;
        loop {
            tokio::select! {
                biased;
                said = from_carrier.recv() => match said {
                    Some(ToWorker::Text(text)) => {
                        // A worker that is gone does not read; that its side is closed comes next.
                        let _gone = socket.send(Message::text(text)).await;
                    }
                    Some(ToWorker::Close) | None => {
                        let _gone = socket.close(None).await;
                        while let Some(Ok(_rest)) = socket.next().await {}
                        return;
                    }
                },
                said = socket.next() => match said {
                    Some(Ok(Message::Text(text))) => {
                        if self.is_current(sid, number) {
                            self.with(|core, now| core.stream_text(sid, &text, now));
                        }
                    }
                    Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => {
                        if self.is_current(sid, number) {
                            self.with(|core, now| core.stream_closed(sid, now));
                        }
                        return;
                    }
                },
            }
        }
    }

    fn is_current(&self, sid: &str, number: u32) -> bool {
        let streams = self.0.streams.lock().unwrap();
        streams
            .get(sid)
            .is_some_and(|stream| stream.number == number)
    }

    fn send(&self, sid: &str, what: ToWorker) {
        if let Some(stream) = self.0.streams.lock().unwrap().get(sid) {
            // Its reader ends only with the stream.
            let _gone = stream.to_worker.send(what);
        }
    }

    fn answer(&self, request: &http::Request<Vec<u8>>) -> http::Response<Vec<u8>> {
        let header = |name: http::HeaderName| request.headers().get(name)?.to_str().ok();
        let rest = RestRequest {
            method: request.method().as_str(),
            path: request.uri().path(),
            query: request.uri().query(),
            authorization: header(http::header::AUTHORIZATION),
            content_type: header(http::header::CONTENT_TYPE),
            body: request.body(),
        };
        let RestAnswer { status, body, .. } = self.with(|core, now| core.request(&rest, now));
        let body = match body {
            RestBody::Empty | RestBody::Wav { .. } => String::new(),
            RestBody::Json(json) => json,
        };
        let response = http::Response::builder().status(status);
        response.body(body.into_bytes()).unwrap()
    }
}

impl Transport for Carrier {
    fn exchange(&self, request: http::Request<Vec<u8>>) -> Exchange<'_> {
        Box::pin(async move {
            tokio::time::sleep(ANSWER_AFTER).await;
            Ok::<_, Broken>(outside(|| self.answer(&request)))
        })
    }
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Carrier").finish_non_exhaustive()
    }
}
