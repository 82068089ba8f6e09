//! A voice over ElevenLabs' multi-context WebSocket: one connection for a call, one context for each
//! utterance, so that an interruption costs no new connection.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use ::http::{HeaderName, HeaderValue};
use conversation::{Failure, FailureKind, Synthesis, UtteranceId};
use futures_util::future::BoxFuture;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use url::Url;

use super::VENDOR;
use super::codec;
use crate::socket::{self, Ended, Incoming, Socket, Target, Timing};
use crate::tts::{FailedUtterances, Synthesizer, Vendor};
use crate::{SetupProblem, count, tls};

/// Contexts that are open at a time: one that is coming to its end and one that speaks. The vendor is
/// said to allow five.
const CONTEXTS_MAX: usize = 2;

/// Most text that waits for a connection or a context. With more, the utterance fails.
pub(super) const WAITING_BYTES_MAX: usize = 16 * 1024;

/// Beats without text after which a context is kept alive: 8 to 10 seconds of the vendor's 20.
const BEATS_IDLE_MAX: u8 = 5;

/// Beats that the vendor may take to speak what it was given: 2 to 4 seconds, where a fifth of one is
/// usual. The customer hears nothing meanwhile.
const BEATS_MUTE_MAX: u8 = 2;

const KEY_HEADER: HeaderName = HeaderName::from_static("xi-api-key");

/// Opens voices over the WebSocket.
pub(crate) struct OverWebSocket {
    account: Account,
    tls: Arc<rustls::ClientConfig>,
    proxies: settings::Proxies,
    timing: Timing,
}

/// What both ways to the vendor need.
pub(super) struct Account {
    pub(super) base: Url,
    pub(super) model: String,
    pub(super) voice: Option<String>,
    key: Option<settings::Secret>,
}

impl Account {
    pub(super) fn new(settings: &settings::VendorSettings) -> Self {
        Self {
            base: settings.base_url.clone(),
            model: settings.model.clone(),
            voice: settings.voice_id.clone(),
            key: settings.api_key.clone(),
        }
    }

    /// The header with the key.
    pub(super) fn key(&self) -> Result<Option<(HeaderName, HeaderValue)>, FailureKind> {
        let Some(key) = &self.key else {
            return Ok(None);
        };
        // A key that no header can carry is a wrong key.
        let value = socket::secret_header("", key).ok_or(FailureKind::Unauthorized)?;
        Ok(Some((KEY_HEADER, value)))
    }

    /// This voice or the deployment's. Without one there is nobody to speak.
    pub(super) fn voice<'a>(&'a self, voice: Option<&'a str>) -> Result<&'a str, FailureKind> {
        let voice = voice.or(self.voice.as_deref());
        voice.ok_or_else(|| {
            tracing::error!(vendor = VENDOR, "no voice is set");
            FailureKind::Refused
        })
    }
}

impl OverWebSocket {
    pub(crate) fn new(settings: &settings::VendorSettings) -> Result<Self, SetupProblem> {
        Ok(Self {
            account: Account::new(settings),
            tls: Arc::new(tls::configuration()?),
            proxies: settings.proxies.clone(),
            timing: Timing::default(),
        })
    }

    fn target(&self, voice: Option<&str>, language: &str) -> Result<Target, FailureKind> {
        let Account { base, model, .. } = &self.account;
        let voice = self.account.voice(voice)?;
        Ok(Target {
            vendor: VENDOR,
            leg: count::SYNTHESIS,
            url: codec::socket_url(base, voice, model, language),
            key: self.account.key()?,
            tls: Arc::clone(&self.tls),
            proxies: self.proxies.clone(),
            timing: self.timing,
            refused: codec::refused,
        })
    }
}

impl Vendor for OverWebSocket {
    fn name(&self) -> &'static str {
        VENDOR
    }

    fn open(&self, voice: Option<&str>, language: &str) -> Box<dyn Synthesizer> {
        Box::new(Voice::new(self.target(voice, language)))
    }
}

struct Voice {
    target: Result<Target, FailureKind>,
    connection: Connection,
    /// Contexts that are open on the connection, the oldest first.
    contexts: Vec<Context>,
    /// What could not be sent yet, in order.
    waiting: VecDeque<Command>,
    waiting_bytes: usize,
    ready: VecDeque<(UtteranceId, Synthesis)>,
    failed: FailedUtterances,
    /// Makes context ids: an id is never used twice, so that audio of an earlier try is known.
    serial: u32,
}

enum Connection {
    /// None. A new one is made for the next text, or at once.
    None {
        wanted: bool,
    },
    Connecting(BoxFuture<'static, Result<Socket, Failure>>),
    Open {
        socket: Socket,
        /// It has stood for a beat: worth replacing when it is lost while nothing is said.
        proven: bool,
    },
}

enum Command {
    Speak(UtteranceId, String),
    Finish(UtteranceId),
}

struct Context {
    utterance: UtteranceId,
    id: String,
    life: Life,
    /// Beats since text or a keep-alive was sent.
    beats_idle: u8,
    /// Beats that the vendor owes audio, if it does.
    beats_mute: Option<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Speaking,
    /// Closed by us, with its audio still wanted.
    Finishing,
    /// Closed by us, with nothing of it wanted.
    Cancelled,
}

impl Command {
    const fn utterance(&self) -> UtteranceId {
        match self {
            Self::Speak(utterance, _) | Self::Finish(utterance) => *utterance,
        }
    }
}

impl Voice {
    fn new(target: Result<Target, FailureKind>) -> Self {
        Self {
            target,
            connection: Connection::None { wanted: true },
            contexts: Vec::new(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            ready: VecDeque::new(),
            failed: FailedUtterances::default(),
            serial: 0,
        }
    }

    fn wait(&mut self, command: Command) {
        self.waiting.push_back(command);
        if let Connection::None { wanted } = &mut self.connection {
            *wanted = true;
        }
    }

    fn drop_waiting(&mut self, utterance: UtteranceId) {
        self.waiting
            .retain(|command| command.utterance() != utterance);
        self.waiting_bytes = self.waiting.iter().map(waiting_bytes).sum();
    }

    fn fail(&mut self, utterance: UtteranceId, failure: Failure) {
        self.drop_waiting(utterance);
        if self.failed.note(utterance) {
            self.ready
                .push_back((utterance, Synthesis::Failed(failure)));
        }
    }

    /// The connection is gone. What was being spoken has failed; what waits may go over the next one.
    fn lose(&mut self, kind: FailureKind) {
        let proven = matches!(self.connection, Connection::Open { proven: true, .. });
        let was_idle = self.contexts.is_empty();
        self.connection = Connection::None {
            wanted: !self.waiting.is_empty() || proven && was_idle,
        };
        tracing::debug!(
            vendor = VENDOR,
            reason = kind.code(),
            "the connection is lost"
        );
        for context in std::mem::take(&mut self.contexts) {
            if context.life != Life::Cancelled {
                self.fail(context.utterance, failure(kind));
            }
        }
    }

    /// No connection can be had: whatever waits for one has failed.
    fn give_up(&mut self, failure: &Failure) {
        self.connection = Connection::None { wanted: false };
        while let Some(command) = self.waiting.front() {
            self.fail(command.utterance(), failure.clone());
        }
    }

    /// Sends what waits, as far as the connection and its contexts allow.
    fn pump(&mut self) -> Result<(), FailureKind> {
        while let Some(command) = self.waiting.front() {
            let utterance = command.utterance();
            let place = self.contexts.iter().position(|context| {
                context.utterance == utterance && context.life != Life::Cancelled
            });
            let context = place.and_then(|place| self.contexts.get_mut(place));
            match (command, context, &mut self.connection) {
                (Command::Speak(_, text), Some(context), Connection::Open { socket, .. }) => {
                    send(socket, codec::speak(&context.id, text))?;
                    context.beats_idle = 0;
                    context.beats_mute.get_or_insert(0);
                }
                (Command::Finish(_), Some(context), Connection::Open { socket, .. }) => {
                    if context.life == Life::Speaking {
                        send(socket, codec::close_context(&context.id))?;
                    }
                    context.life = Life::Finishing;
                    context.beats_mute.get_or_insert(0);
                }
                // Nothing was to be spoken, or the vendor closed the context after it.
                (Command::Finish(_), None, _) => {
                    self.ready.push_back((utterance, Synthesis::Finished));
                }
                (Command::Speak(..), None, Connection::Open { .. }) => {
                    if self.open_context(utterance)? {
                        continue;
                    }
                    return Ok(());
                }
                (_, _, Connection::None { .. } | Connection::Connecting(_)) => return Ok(()),
            }
            let sent = waiting_bytes(command);
            self.waiting_bytes = self.waiting_bytes.saturating_sub(sent);
            self.waiting.pop_front();
        }
        Ok(())
    }

    /// Opens a context, if there may be one more.
    fn open_context(&mut self, utterance: UtteranceId) -> Result<bool, FailureKind> {
        let Connection::Open { socket, .. } = &mut self.connection else {
            return Ok(false);
        };
        if self.contexts.len() >= CONTEXTS_MAX {
            let cancelled = |context: &Context| context.life == Life::Cancelled;
            let Some(oldest) = self.contexts.iter().position(cancelled) else {
                // Not until one comes to its end.
                return Ok(false);
            };
            // It was closed, and the vendor reads in order.
            self.contexts.remove(oldest);
        }
        let id = format!("{utterance}-{}", self.serial);
        self.serial = self.serial.wrapping_add(1);
        send(socket, codec::open_context(&id))?;
        self.contexts.push(Context {
            utterance,
            id,
            life: Life::Speaking,
            beats_idle: 0,
            beats_mute: None,
        });
        Ok(true)
    }

    fn read(&mut self, text: &str) -> Result<(), FailureKind> {
        let Ok(message) = codec::decode(text) else {
            count::garbage(VENDOR);
            return Err(FailureKind::Protocol);
        };
        let Some(place) = self.place(message.context.as_deref()) else {
            return match message.error {
                // An error of the whole connection; one of a context that is no longer wanted is not.
                Some(kind) if message.context.is_none() => Err(kind),
                Some(_) | None => {
                    count::ignored(VENDOR, "stale");
                    Ok(())
                }
            };
        };
        let Some(context) = self.contexts.get_mut(place) else {
            return Ok(());
        };
        let (utterance, wanted) = (context.utterance, context.life != Life::Cancelled);
        if let Some(kind) = message.error {
            self.contexts.remove(place);
            if wanted {
                self.fail(utterance, failure(kind));
            }
            return Ok(());
        }
        if message.audio.is_empty() && !message.is_final {
            count::ignored(VENDOR, "unknown_type");
            return Ok(());
        }
        if !message.audio.is_empty() {
            // While it is finishing, its end is still owed.
            context.beats_mute = (context.life == Life::Finishing).then_some(0);
            if wanted {
                let audio = Synthesis::Audio {
                    audio: message.audio,
                    alignment: message.alignment,
                };
                self.ready.push_back((utterance, audio));
            } else {
                count::ignored(VENDOR, "stale");
            }
        }
        if message.is_final {
            let context = self.contexts.remove(place);
            if context.life == Life::Finishing {
                self.ready.push_back((utterance, Synthesis::Finished));
            }
        }
        Ok(())
    }

    /// Which context a message belongs to. One that does not say belongs to the only one there is.
    fn place(&self, id: Option<&str>) -> Option<usize> {
        match id {
            Some(id) => self.contexts.iter().position(|context| context.id == id),
            None => (self.contexts.len() == 1).then_some(0),
        }
    }

    fn beat(&mut self) -> Result<(), FailureKind> {
        let Connection::Open { socket, proven } = &mut self.connection else {
            return Ok(());
        };
        *proven = true;
        for context in &mut self.contexts {
            if context.life == Life::Cancelled {
                continue;
            }
            if let Some(beats) = &mut context.beats_mute {
                *beats += 1;
                if *beats >= BEATS_MUTE_MAX {
                    // A vendor that hangs in one context is not trusted with the next.
                    return Err(FailureKind::Silent);
                }
            }
            context.beats_idle += 1;
            if context.beats_idle >= BEATS_IDLE_MAX && context.life == Life::Speaking {
                context.beats_idle = 0;
                send(socket, codec::keep_alive(&context.id))?;
            }
        }
        Ok(())
    }

    /// One step of the connection; `Ok` when there may be more to do.
    fn poll_connection(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let step = match &mut self.connection {
            Connection::None { wanted: false } => return Poll::Pending,
            Connection::None { wanted: true } => {
                match &self.target {
                    Ok(target) => {
                        let connecting = socket::connect(target.clone());
                        self.connection = Connection::Connecting(Box::pin(connecting));
                    }
                    Err(kind) => self.give_up(&failure(*kind)),
                }
                return Poll::Ready(());
            }
            Connection::Connecting(connecting) => {
                match ready!(connecting.as_mut().poll(cx)) {
                    Ok(socket) => {
                        self.connection = Connection::Open {
                            socket,
                            proven: false,
                        };
                    }
                    Err(failure) => self.give_up(&failure),
                }
                return Poll::Ready(());
            }
            Connection::Open { socket, .. } => ready!(socket.poll(cx)),
        };
        let done = match step {
            Ok(Incoming::Text(text)) => self.read(&text),
            Ok(Incoming::Binary) => {
                count::garbage(VENDOR);
                Err(FailureKind::Protocol)
            }
            Ok(Incoming::Beat) => self.beat(),
            Err(Ended::Closed { code, reason }) => Err(codec::closed(code, &reason)),
            Err(Ended::Failed(kind)) => Err(kind),
        };
        if let Err(kind) = done {
            self.lose(kind);
        }
        Poll::Ready(())
    }
}

impl Synthesizer for Voice {
    fn speak(&mut self, utterance: UtteranceId, text: &str) {
        let finishing =
            |context: &Context| context.utterance == utterance && context.life == Life::Finishing;
        if self.contexts.iter().any(finishing) {
            count::ignored(VENDOR, "text_after_the_end");
            return;
        }
        self.failed.forgive(utterance);
        if !codec::is_speakable(text) {
            return;
        }
        self.waiting_bytes += text.len();
        if self.waiting_bytes > WAITING_BYTES_MAX {
            return self.fail(utterance, failure(FailureKind::Overflow));
        }
        self.wait(Command::Speak(utterance, text.to_owned()));
    }

    fn finish(&mut self, utterance: UtteranceId) {
        if !self.failed.contains(utterance) {
            self.wait(Command::Finish(utterance));
        }
    }

    fn cancel(&mut self, utterance: UtteranceId) {
        self.drop_waiting(utterance);
        self.ready.retain(|(ready, _)| *ready != utterance);
        let mut sent = Ok(());
        for context in &mut self.contexts {
            if context.utterance != utterance || context.life == Life::Cancelled {
                continue;
            }
            if let Connection::Open { socket, .. } = &mut self.connection
                && context.life == Life::Speaking
            {
                sent = send(socket, codec::close_context(&context.id));
            }
            context.life = Life::Cancelled;
        }
        if let Err(kind) = sent {
            self.lose(kind);
        }
    }

    fn poll_event(&mut self, cx: &mut TaskContext<'_>) -> Poll<(UtteranceId, Synthesis)> {
        loop {
            if let Err(kind) = self.pump() {
                self.lose(kind);
            }
            if let Some(event) = self.ready.pop_front() {
                return Poll::Ready(event);
            }
            ready!(self.poll_connection(cx));
        }
    }
}

fn send(socket: &mut Socket, text: String) -> Result<(), FailureKind> {
    socket.send(Message::Text(Utf8Bytes::from(text)))
}

fn waiting_bytes(command: &Command) -> usize {
    match command {
        Command::Speak(_, text) => text.len(),
        Command::Finish(_) => 0,
    }
}

pub(super) fn failure(kind: FailureKind) -> Failure {
    Failure {
        vendor: Cow::Borrowed(VENDOR),
        kind,
    }
}

#[cfg(test)]
mod tests;
