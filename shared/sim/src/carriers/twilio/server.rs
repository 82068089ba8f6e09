//! The simulated carrier on loopback: REST over HTTP, webhooks and media streams as a client.
//!
//! One task drives each call. Dropping the [`Server`] is a crash: nothing is finished or said goodbye
//! to. A server that is started again on the same state folder goes on like the real carrier would
//! have gone on without us: calls that were on are over, recordings are finished, and callbacks that
//! were not delivered are sent.

mod driver;
mod exchange;

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, OriginalUri, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use jiff::Timestamp;
use tokio::sync::watch;

use self::driver::drive;
use self::exchange::Exchange;
use super::account::{Faults, Timing, Violation, lock};
use super::call::CallView;
use super::core::{Core, CoreConfig, Directory, NoVoiceUrl, SharedCall};
use super::record::Status;
use super::rest::{RestAnswer, RestBody, RestEffect, RestRequest};
use super::signature::SharedKey;
use crate::peer::serve::{Connection, Running};
use crate::person::Person;

/// The longest request body: several times the longest TwiML with everything around it.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// How the server is set up.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens; port 0 takes any free one.
    pub listen: SocketAddr,
    /// `AC` and 32 hex digits.
    pub account_sid: String,
    pub auth_token: String,
    /// Webhooks and sockets are signed with this key instead of the token.
    pub shared_key: Option<SharedKey>,
    /// Where calls and recordings are kept; `None` keeps them in memory.
    pub state_dir: Option<PathBuf>,
    pub people: Directory,
    /// Numbers that calls may be made from; `None` allows every one.
    pub numbers: Option<BTreeSet<String>>,
    /// Calls that leave the queue in a second.
    pub calls_per_second: u32,
    pub timing: Timing,
    pub faults: Faults,
    /// Decides everything that is left to chance. Ids of calls come from it too, so a server that is
    /// started again on the same folder needs another one.
    pub seed: u64,
}

/// A running simulated carrier.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    running: Running,
}

/// What the handlers share.
#[derive(Debug)]
struct Shared {
    core: Mutex<Core>,
    exchange: Arc<Exchange>,
}

impl Config {
    /// A carrier on any free port of this machine that keeps everything in memory.
    #[must_use]
    pub fn new(account_sid: &str, auth_token: &str, people: Directory) -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            account_sid: account_sid.to_owned(),
            auth_token: auth_token.to_owned(),
            shared_key: None,
            state_dir: None,
            people,
            numbers: None,
            calls_per_second: 1,
            timing: Timing::default(),
            faults: Faults::default(),
            seed: u64::try_from(Timestamp::now().as_microsecond()).unwrap_or(0),
        }
    }
}

impl Server {
    /// Starts, and takes up what a former server left in the state folder.
    ///
    /// # Errors
    /// When the address cannot be listened on or the folder cannot be used.
    pub async fn start(config: Config) -> io::Result<Self> {
        let core = Core::new(CoreConfig {
            account_sid: config.account_sid,
            auth_token: config.auth_token,
            shared_key: config.shared_key,
            epoch: Timestamp::now(),
            seed: config.seed,
            people: config.people,
            numbers: config.numbers,
            calls_per_second: config.calls_per_second,
            timing: config.timing,
            faults: config.faults,
        });
        let exchange = Exchange::new(core.account(), config.state_dir.as_deref())?;
        let shared = Arc::new(Shared {
            core: Mutex::new(core),
            exchange: Arc::new(exchange),
        });
        let router = Router::new()
            .fallback(rest)
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(Arc::clone(&shared));
        let running = Running::start(config.listen, router).await?;
        shared.restore()?;
        Ok(Self { shared, running })
    }

    /// Base of the REST API.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.running.address)
    }

    /// A person calls one of our numbers.
    ///
    /// # Errors
    /// When the number has no voice URL.
    pub fn call_in(&self, from: &str, to: &str, person: Person) -> Result<String, NoVoiceUrl> {
        let now = self.shared.exchange.now();
        let sid = lock(&self.shared.core).call_in(from, to, person, now)?;
        self.shared.wake(&sid);
        Ok(sid)
    }

    /// A recording that another program of the account had made, so many seconds of silence. Answers its id.
    ///
    /// # Errors
    /// When its file cannot be written.
    pub fn record_elsewhere(&self, seconds: u32) -> io::Result<String> {
        let exchange = &self.shared.exchange;
        let sid = lock(&self.shared.core).record_elsewhere(seconds, exchange.now());
        let samples = usize::try_from(seconds).unwrap_or(usize::MAX);
        let samples = vec![0; samples.saturating_mul(16_000)];
        exchange.recordings.append(&sid, 1, &samples)?;
        exchange.recordings.finish(&sid, 1)?;
        Ok(sid)
    }

    /// Calls to this number of ours ask this URL what to do.
    pub fn set_voice_url(&self, number: &str, url: &str) {
        lock(&self.shared.core).set_voice_url(number, url);
    }

    /// A number elsewhere that its owner lets the account call from.
    pub fn verify_caller_id(&self, number: &str) {
        lock(&self.shared.core).verify_caller_id(number);
    }

    /// At this number it is this person from now on.
    pub fn set_person(&self, number: &str, person: Person) {
        lock(&self.shared.core).people().insert(number, person);
    }

    /// Changes what goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        *self.shared.exchange.account.faults() = faults;
    }

    /// Breaks the media stream of a call without a word, as a network does.
    pub fn cut_stream(&self, sid: &str) {
        let now = self.shared.exchange.now();
        lock(&self.shared.core).cut_stream(sid, now);
        self.shared.wake(sid);
    }

    /// Every call that is remembered, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<CallView> {
        lock(&self.shared.core).views()
    }

    #[must_use]
    pub fn call(&self, sid: &str) -> Option<CallView> {
        lock(&self.shared.core).view(sid)
    }

    /// Everything that the product did and the real carrier would refuse.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.shared.exchange.account.violations()
    }

    /// What the carrier's debugger would show besides: webhooks and streams that failed.
    #[must_use]
    pub fn notices(&self) -> Vec<Violation> {
        self.shared.exchange.account.notices()
    }

    /// The file of a recording, as it is now. Blocks while it is read.
    ///
    /// # Errors
    /// When there is no such file.
    pub fn recording(&self, sid: &str) -> io::Result<Vec<u8>> {
        self.shared.exchange.recordings.read(sid, false)
    }

    /// Ticks whenever something about a call changed.
    #[must_use]
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.shared.exchange.changed.subscribe()
    }

    /// Waits until a call is over, and gives how it then stands; `None` when it is not in time, or
    /// there is no such call.
    pub async fn call_over(&self, sid: &str, within: Duration) -> Option<CallView> {
        self.call_where(within, |view| view.sid == sid && view.status.is_over())
            .await
    }

    /// Waits until there is a call like this.
    pub async fn call_where(
        &self,
        within: Duration,
        is_it: impl Fn(&CallView) -> bool,
    ) -> Option<CallView> {
        let mut changed = self.changed();
        let found = async {
            loop {
                changed.mark_unchanged();
                if let Some(view) = self.calls().into_iter().find(&is_it) {
                    return Some(view);
                }
                changed.changed().await.ok()?;
            }
        };
        tokio::time::timeout(within, found).await.ok().flatten()
    }

    /// Waits until no call has anything left to do: all are over, recordings are made, and every
    /// callback is answered or given up. Whether that was in time.
    pub async fn settled(&self, within: Duration) -> bool {
        let mut changed = self.changed();
        let settled = async {
            while !self.shared.exchange.is_idle() {
                if changed.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(within, settled).await.is_ok()
    }

    /// How many calls are not over.
    #[must_use]
    pub fn calls_on(&self) -> usize {
        lock(&self.shared.core)
            .statuses()
            .filter(|status| !Status::is_over(*status))
            .count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.exchange.stop.cancel();
    }
}

impl Shared {
    /// Has the driver of a call look at it, or starts one.
    fn wake(&self, sid: &str) {
        let Some(call) = lock(&self.core).call(sid) else {
            return;
        };
        self.wake_driver(sid, call);
    }

    fn wake_driver(&self, sid: &str, call: SharedCall) {
        if let Some(wake) = self.exchange.enter(sid) {
            tokio::spawn(drive(
                Arc::clone(&self.exchange),
                sid.to_owned(),
                call,
                wake,
            ));
        }
    }

    /// Takes up what a process before this one left.
    fn restore(&self) -> io::Result<()> {
        let now = self.exchange.now();
        for record in self.exchange.kept()? {
            let sid = record.sid.clone();
            let mut core = lock(&self.core);
            core.restore(record, |recording| self.exchange.finish(recording), now);
            let call = core.call(&sid);
            drop(core);
            if let Some(call) = call.filter(|call| !call.with(|call| call.is_settled())) {
                self.wake_driver(&sid, call);
            }
        }
        Ok(())
    }

    /// Does what a request asks for besides its answer.
    fn perform(&self, effect: RestEffect) -> io::Result<()> {
        match effect {
            RestEffect::Started(sid) | RestEffect::Changed(sid) => self.wake(&sid),
            RestEffect::DeleteRecording { sid, call_sid } => {
                self.exchange.recordings.delete(&sid)?;
                self.wake(&call_sid);
            }
            RestEffect::DeleteCall(sid) => {
                self.exchange.forget(&sid)?;
            }
        }
        Ok(())
    }
}

async fn rest(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let request = RestRequest {
        method: method.as_str(),
        path: uri.path(),
        query: uri.query(),
        authorization: text(header::AUTHORIZATION),
        content_type: text(header::CONTENT_TYPE),
        body: &body,
    };
    let now = shared.exchange.now();
    let RestAnswer {
        status,
        body,
        effect,
        lost,
    } = lock(&shared.core).request(&request, now);
    if let Some(Err(error)) = effect.map(|effect| shared.perform(effect)) {
        tracing::error!(%error, "the simulated carrier cannot do what it was asked for");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    if lost {
        connection.cut();
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match body {
        RestBody::Empty => status.into_response(),
        RestBody::Json(json) => {
            let mut response =
                (status, [(header::CONTENT_TYPE, "application/json")], json).into_response();
            if status == StatusCode::UNAUTHORIZED {
                let challenge = header::HeaderValue::from_static("Basic realm=\"Twilio API\"");
                response
                    .headers_mut()
                    .insert(header::WWW_AUTHENTICATE, challenge);
            }
            response
        }
        RestBody::Wav { sid, mix_to_mono } => {
            let read = tokio::task::spawn_blocking(move || {
                shared.exchange.recordings.read(&sid, mix_to_mono)
            });
            match read.await {
                Ok(Ok(file)) => {
                    (status, [(header::CONTENT_TYPE, "audio/x-wav")], file).into_response()
                }
                Ok(Err(_)) | Err(_) => StatusCode::NOT_FOUND.into_response(),
            }
        }
    }
}

#[cfg(test)]
mod tests;
