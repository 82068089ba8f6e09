//! Connections to the vendors on virtual time: the client's part as the product's own clients do it,
//! by the product's codecs, against the simulated vendors' cores.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use conversation::{
    Alignment, FailureKind, Generate, Generation, Recognition, Synthesis, UtteranceId,
};
use model::AudioPosition;
use providers::llm::Tuning;
use providers::llm::openai::codec as openai_codec;
use providers::stt::RecognizerConfig;
use providers::stt::deepgram::codec as deepgram_codec;
use providers::tts::elevenlabs::codec as voice_codec;
use url::Url;

use super::worker::{Happened, Out, VOICE_ID, failure};
use super::{Pipe, Scene};
use crate::latency::chance;
use crate::openai::{Answer, RequestHead};
use crate::peer::{Due, Head, Input, Opening, Peer, Refused, Wire};
use crate::{deepgram, elevenlabs, openai};

/// As the product's clients: the longest wait for a connection,
const CONNECT_MAX: Duration = Duration::from_secs(3);
/// for the answer to a ping on a connection where nothing comes,
const SILENT_MAX: Duration = Duration::from_secs(6);
/// for the model's first token,
const FIRST_TOKEN_MAX: Duration = Duration::from_secs(5);
/// and for its next one.
const NEXT_TOKEN_MAX: Duration = Duration::from_secs(4);
/// The largest message of audio to the recognizer, in bytes.
const AUDIO_BYTES_MAX: usize = 8_000;

/// What happens on a WebSocket.
#[derive(Debug)]
pub(super) enum Heard {
    Connected,
    Refused(FailureKind),
    ToVendor(Sent),
    FromVendor(Wire),
}

/// A message on its way to a vendor.
#[derive(Debug)]
pub(super) enum Sent {
    Text(String),
    Binary(Vec<u8>),
}

/// What happens to a request, or to speech out of the cache.
#[derive(Debug)]
pub(super) enum Said {
    Piece(Wire),
    Failed(FailureKind),
    Speech {
        audio: Bytes,
        alignment: Option<Alignment>,
    },
    End,
}

/// A WebSocket to a simulated vendor.
#[derive(Debug)]
struct Socket<P> {
    connection: u32,
    tag: fn(u32, Heard) -> Happened,
    closed: fn(Option<u16>, &str) -> FailureKind,
    peer: Option<P>,
    open: bool,
    connect_by: Duration,
    heard_at: Duration,
    up: Pipe,
    down: Pipe,
}

impl<P: Peer> Socket<P> {
    fn connect(
        connection: u32,
        tag: fn(u32, Heard) -> Happened,
        closed: fn(Option<u16>, &str) -> FailureKind,
        scene: &Scene,
        now: Duration,
        out: &mut VecDeque<Out>,
        ask: impl FnOnce(Duration) -> Opening<P>,
    ) -> Self {
        let [mut up, mut down] = pipes(scene, connection);
        let asked = up.arrival(now);
        let (answer, peer) = match ask(asked) {
            Opening::Open { at, session } => (Some((at, Heard::Connected)), Some(session)),
            Opening::Refused(refused) => {
                (Some((refused.at, Heard::Refused(refusal(&refused)))), None)
            }
            Opening::Cut => (Some((asked, Heard::Refused(FailureKind::Connect))), None),
            Opening::Silent => (None, None),
        };
        if let Some((at, what)) = answer {
            out.push_back(Out::At(down.arrival(at), tag(connection, what)));
        }
        Self {
            connection,
            tag,
            closed,
            peer,
            open: false,
            connect_by: now + CONNECT_MAX,
            heard_at: now,
            up,
            down,
        }
    }

    fn opened(&mut self, now: Duration) {
        self.open = true;
        self.heard_at = now;
    }

    fn send(&mut self, message: Sent, now: Duration, out: &mut VecDeque<Out>) {
        let what = Heard::ToVendor(message);
        out.push_back(Out::At(
            self.up.arrival(now),
            (self.tag)(self.connection, what),
        ));
    }

    /// The text that came, if one did.
    fn take(
        &mut self,
        what: Heard,
        now: Duration,
        out: &mut VecDeque<Out>,
    ) -> Result<Option<String>, FailureKind> {
        match what {
            Heard::Connected => {
                self.opened(now);
                Ok(None)
            }
            Heard::Refused(kind) => Err(kind),
            Heard::ToVendor(message) => {
                let due = self.peer.as_mut().map(|peer| match &message {
                    Sent::Text(text) => peer.handle(Input::Text(text), now),
                    Sent::Binary(bytes) => peer.handle(Input::Binary(bytes), now),
                });
                self.carry(due.unwrap_or_default(), out);
                Ok(None)
            }
            Heard::FromVendor(Wire::Text(text)) => {
                self.heard_at = now;
                Ok(Some(text))
            }
            Heard::FromVendor(Wire::Binary(_)) => Err(FailureKind::Protocol),
            Heard::FromVendor(Wire::Close { code, reason }) => {
                Err((self.closed)(Some(code), &reason))
            }
            Heard::FromVendor(Wire::Cut) => Err(FailureKind::Closed),
        }
    }

    fn poll_timeout(&self) -> Option<Duration> {
        if !self.open {
            return Some(self.connect_by);
        }
        let peer = self.peer.as_ref()?;
        let silent = peer.is_half_open().then_some(self.heard_at + SILENT_MAX);
        match (peer.poll_timeout(), silent) {
            (Some(peer), Some(silent)) => Some(peer.min(silent)),
            (peer, silent) => peer.or(silent),
        }
    }

    fn handle_timeout(&mut self, now: Duration, out: &mut VecDeque<Out>) -> Option<FailureKind> {
        if !self.open {
            return (self.connect_by <= now).then_some(FailureKind::ConnectTimeout);
        }
        let peer = self.peer.as_mut()?;
        if peer.is_half_open() && self.heard_at + SILENT_MAX <= now {
            return Some(FailureKind::Silent);
        }
        if peer.poll_timeout().is_some_and(|at| at <= now) {
            let due = peer.handle_timeout(now);
            self.carry(due, out);
        }
        None
    }

    fn carry(&mut self, due: Vec<Due>, out: &mut VecDeque<Out>) {
        for due in due {
            let at = self.down.arrival(due.at);
            let what = Heard::FromVendor(due.wire);
            out.push_back(Out::At(at, (self.tag)(self.connection, what)));
        }
    }
}

/// One connection to the recognizer.
#[derive(Debug)]
pub(super) struct Hearing {
    socket: Socket<deepgram::Session>,
    scale: deepgram_codec::Scale,
}

impl Hearing {
    pub(super) fn connect(
        connection: u32,
        scene: &Scene,
        vendor: &deepgram::Vendor,
        from: AudioPosition,
        now: Duration,
        out: &mut VecDeque<Out>,
    ) -> Self {
        let agent = &scene.snapshot.agent;
        let config = RecognizerConfig {
            language: agent.language.clone(),
            endpointing_ms: agent.turn_taking.endpointing_ms,
            position: from,
            tag: "simulation".to_owned(),
        };
        let url = deepgram_codec::listen_url(&base(), "nova-3", &config);
        let key = format!("Token {}", scene.deepgram.api_key);
        let socket = Socket::connect(
            connection,
            |connection, what| Happened::Hearing { connection, what },
            |code, _reason| deepgram_codec::closed(code),
            scene,
            now,
            out,
            |at| vendor.connect(head(&url, &key), at),
        );
        let scale = deepgram_codec::Scale {
            start: from,
            end: from,
        };
        Self { socket, scale }
    }

    pub(super) fn connection(&self) -> u32 {
        self.socket.connection
    }

    pub(super) fn connected(&mut self, now: Duration) {
        self.socket.opened(now);
    }

    /// Sends audio, once the connection stands.
    pub(super) fn send_audio(&mut self, audio: &[u8], now: Duration, out: &mut VecDeque<Out>) {
        if !self.socket.open {
            return;
        }
        for part in audio.chunks(AUDIO_BYTES_MAX) {
            let micros = u64::try_from(part.len()).unwrap_or(0) * 125;
            self.scale.end += Duration::from_micros(micros);
            self.socket.send(Sent::Binary(part.to_vec()), now, out);
        }
    }

    pub(super) fn finalize(&mut self, now: Duration, out: &mut VecDeque<Out>) {
        if self.socket.open {
            let text = deepgram_codec::FINALIZE.to_owned();
            self.socket.send(Sent::Text(text), now, out);
        }
    }

    pub(super) fn take(
        &mut self,
        what: Heard,
        now: Duration,
        out: &mut VecDeque<Out>,
    ) -> Result<Option<Recognition>, FailureKind> {
        let Some(text) = self.socket.take(what, now, out)? else {
            return Ok(None);
        };
        match deepgram_codec::decode(&text, self.scale) {
            Ok(deepgram_codec::Message::Heard(event)) => Ok(Some(event)),
            Ok(
                deepgram_codec::Message::Aside
                | deepgram_codec::Message::Unknown
                | deepgram_codec::Message::NotUnderstood,
            ) => Ok(None),
            Ok(deepgram_codec::Message::Error) => Err(FailureKind::ServerError),
            Err(deepgram_codec::Garbage) => Err(FailureKind::Protocol),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        self.socket.poll_timeout()
    }

    pub(super) fn handle_timeout(
        &mut self,
        now: Duration,
        out: &mut VecDeque<Out>,
    ) -> Option<FailureKind> {
        self.socket.handle_timeout(now, out)
    }
}

/// One request to the language model.
#[derive(Debug)]
pub(super) struct Thinking {
    answer: openai_codec::Answer,
    failed: Option<FailureKind>,
    asked: Duration,
    heard_at: Duration,
}

impl Thinking {
    pub(super) fn ask(
        scene: &Scene,
        model: &openai::Model,
        request: &Generate,
        now: Duration,
        out: &mut VecDeque<Out>,
    ) -> Self {
        let id = request.id;
        let [mut up, mut down] = pipes(scene, 1_000 + id.0);
        let tuning = Tuning {
            model: scene.snapshot.agent.model.as_deref(),
            prompt_cache_key: Some("simulation"),
        };
        let takes = openai_codec::Capabilities::of(&base());
        let mut leg = Self {
            answer: openai_codec::Answer::new(id),
            failed: None,
            asked: now,
            heard_at: now,
        };
        let body = match openai_codec::encode(request, "gpt-5.4-mini", tuning, takes) {
            Ok(body) => body,
            Err(_problem) => {
                leg.failed = Some(FailureKind::Refused);
                out.push_back(Out::At(
                    now,
                    Happened::Thinking {
                        id,
                        what: Said::End,
                    },
                ));
                return leg;
            }
        };
        let key = format!("Bearer {}", scene.openai.api_key);
        let head = RequestHead {
            authorization: Some(&key),
            content_type: Some("application/json"),
        };
        let asked = up.arrival(now);
        let mut say = |at, what| {
            let at = down.arrival(at);
            out.push_back(Out::At(at, Happened::Thinking { id, what }));
        };
        match model.answer(head, &body, asked) {
            Answer::Refused {
                at,
                status,
                body,
                retry_after,
            } => {
                let kind = match status {
                    401 => FailureKind::Unauthorized,
                    429 => FailureKind::RateLimited { retry_after },
                    500.. => FailureKind::ServerError,
                    _other => openai_codec::error_kind(&body),
                };
                say(at, Said::Failed(kind));
            }
            Answer::Stream { at, pieces } => {
                for piece in pieces {
                    say(piece.at.max(at), Said::Piece(piece.wire));
                }
            }
            Answer::Cut => say(asked, Said::Failed(FailureKind::Connect)),
            Answer::Silent => {}
        }
        leg
    }

    pub(super) fn take(&mut self, what: Said, now: Duration) {
        self.heard_at = now;
        match what {
            Said::Piece(Wire::Text(text)) => self.answer.push(text.as_bytes()),
            Said::Piece(Wire::Binary(bytes)) => self.answer.push(&bytes),
            Said::Piece(Wire::Close { .. } | Wire::Cut) => self.answer.end(),
            Said::Failed(kind) => self.failed = Some(kind),
            Said::Speech { .. } | Said::End => {}
        }
    }

    pub(super) fn next_event(&mut self) -> Option<Generation> {
        match self.failed.take() {
            Some(kind) => Some(Generation::Failed(failure("openai", kind))),
            None => self.answer.next_event(),
        }
    }

    /// When the answer is given up.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        Some(if self.answer.has_begun() {
            self.heard_at + NEXT_TOKEN_MAX
        } else {
            self.asked + FIRST_TOKEN_MAX
        })
    }
}

/// What a voice needs of its surroundings.
pub(super) struct Around<'a, 'b> {
    pub(super) scene: &'a Scene,
    pub(super) vendor: &'b elevenlabs::Vendor,
    pub(super) now: Duration,
    pub(super) out: &'b mut VecDeque<Out>,
}

/// What came of utterances.
pub(super) type Spoken = Vec<(UtteranceId, Synthesis)>;

/// A voice over the WebSocket: one connection for all utterances, made anew when it breaks.
#[derive(Debug, Default)]
pub(super) struct Voice {
    socket: Option<Socket<elevenlabs::Session>>,
    connections: u32,
    /// Messages until the connection stands.
    waiting: Vec<String>,
    /// Utterances that are not over.
    open: BTreeSet<UtteranceId>,
}

impl Voice {
    /// Connects, unless that has been done.
    pub(super) fn warm(&mut self, around: &mut Around<'_, '_>) {
        if self.socket.is_some() {
            return;
        }
        self.connections += 1;
        let url = voice_codec::socket_url(
            &base(),
            VOICE_ID,
            VOICE_MODEL,
            &around.scene.snapshot.agent.language,
        );
        let (vendor, key) = (around.vendor, around.scene.elevenlabs.api_key.as_str());
        self.socket = Some(Socket::connect(
            VOICE_PIPES + self.connections,
            |connection, what| Happened::Voice { connection, what },
            voice_codec::closed,
            around.scene,
            around.now,
            around.out,
            |at| vendor.connect(head(&url, key), at),
        ));
    }

    pub(super) fn speak(
        &mut self,
        utterance: UtteranceId,
        text: &str,
        around: &mut Around<'_, '_>,
    ) {
        self.warm(around);
        if self.open.insert(utterance) {
            self.send(voice_codec::open_context(&utterance.to_string()), around);
        }
        self.send(voice_codec::speak(&utterance.to_string(), text), around);
    }

    pub(super) fn finish(&mut self, utterance: UtteranceId, around: &mut Around<'_, '_>) {
        if self.open.contains(&utterance) {
            self.send(voice_codec::close_context(&utterance.to_string()), around);
        }
    }

    pub(super) fn cancel(&mut self, utterance: UtteranceId, around: &mut Around<'_, '_>) {
        if self.open.remove(&utterance) {
            self.send(voice_codec::close_context(&utterance.to_string()), around);
        }
    }

    pub(super) fn take(
        &mut self,
        connection: u32,
        what: Heard,
        around: &mut Around<'_, '_>,
    ) -> Spoken {
        let Some(socket) = (self.socket.as_mut()).filter(|socket| socket.connection == connection)
        else {
            return Vec::new();
        };
        let connected = matches!(what, Heard::Connected);
        let text = match socket.take(what, around.now, around.out) {
            Ok(Some(text)) => text,
            Ok(None) => {
                if connected {
                    for message in std::mem::take(&mut self.waiting) {
                        self.send(message, around);
                    }
                }
                return Vec::new();
            }
            Err(kind) => return self.lose(kind),
        };
        let Ok(message) = voice_codec::decode(&text) else {
            return self.lose(FailureKind::Protocol);
        };
        let context = message.context.as_deref();
        let utterance = context.and_then(|context| {
            let open = self.open.iter();
            open.copied().find(|open| open.to_string() == context)
        });
        match (message.error, utterance) {
            (Some(kind), None) if context.is_none() => return self.lose(kind),
            (Some(kind), Some(utterance)) => {
                self.open.remove(&utterance);
                let failed = Synthesis::Failed(failure("elevenlabs", kind));
                return vec![(utterance, failed)];
            }
            // Of an utterance that is not wanted any more.
            (_, None) => return Vec::new(),
            (None, Some(_)) => {}
        }
        let mut spoken = Vec::new();
        let Some(utterance) = utterance else {
            return spoken;
        };
        if !message.audio.is_empty() {
            let (audio, alignment) = (message.audio, message.alignment);
            spoken.push((utterance, Synthesis::Audio { audio, alignment }));
        }
        if message.is_final {
            self.open.remove(&utterance);
            spoken.push((utterance, Synthesis::Finished));
        }
        spoken
    }

    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        self.socket.as_ref().and_then(Socket::poll_timeout)
    }

    pub(super) fn handle_timeout(&mut self, around: &mut Around<'_, '_>) -> Spoken {
        let socket = self.socket.as_mut();
        match socket.and_then(|socket| socket.handle_timeout(around.now, around.out)) {
            Some(kind) => self.lose(kind),
            None => Vec::new(),
        }
    }

    fn send(&mut self, message: String, around: &mut Around<'_, '_>) {
        match &mut self.socket {
            Some(socket) if socket.open => {
                socket.send(Sent::Text(message), around.now, around.out);
            }
            Some(_) | None => self.waiting.push(message),
        }
    }

    fn lose(&mut self, kind: FailureKind) -> Spoken {
        self.socket = None;
        self.waiting.clear();
        let open = std::mem::take(&mut self.open).into_iter();
        open.map(|utterance| {
            let failed = Synthesis::Failed(failure("elevenlabs", kind));
            (utterance, failed)
        })
        .collect()
    }
}

/// A voice over HTTP: one request per text, one after the other.
#[derive(Debug, Default)]
pub(super) struct Requests {
    texts: VecDeque<(UtteranceId, String)>,
    /// The request under way, and by when something must come.
    current: Option<(UtteranceId, Duration)>,
    requests: u32,
    /// Utterances that are not over; those whose last text is here are true.
    open: BTreeMap<UtteranceId, bool>,
}

impl Requests {
    pub(super) fn speak(
        &mut self,
        utterance: UtteranceId,
        text: &str,
        around: &mut Around<'_, '_>,
    ) -> Spoken {
        self.open.entry(utterance).or_default();
        self.texts.push_back((utterance, text.to_owned()));
        self.go_on(around)
    }

    pub(super) fn finish(&mut self, utterance: UtteranceId, around: &mut Around<'_, '_>) -> Spoken {
        if let Some(finished) = self.open.get_mut(&utterance) {
            *finished = true;
        }
        self.go_on(around)
    }

    pub(super) fn cancel(&mut self, utterance: UtteranceId, around: &mut Around<'_, '_>) -> Spoken {
        self.forget(utterance);
        self.go_on(around)
    }

    pub(super) fn take(&mut self, request: u32, what: Said, around: &mut Around<'_, '_>) -> Spoken {
        let Some((utterance, deadline)) =
            self.current.as_mut().filter(|_| self.requests == request)
        else {
            return Vec::new();
        };
        let utterance = *utterance;
        let mut spoken = Vec::new();
        match what {
            Said::Piece(Wire::Binary(audio)) => {
                *deadline = around.now + NEXT_TOKEN_MAX;
                let alignment = None;
                spoken.push((utterance, Synthesis::Audio { audio, alignment }));
            }
            Said::Piece(Wire::Close { .. }) | Said::End => {
                self.current = None;
            }
            Said::Piece(Wire::Cut | Wire::Text(_)) => {
                spoken.push(self.fail(utterance, FailureKind::Closed));
            }
            Said::Failed(kind) => spoken.push(self.fail(utterance, kind)),
            Said::Speech { .. } => {}
        }
        spoken.extend(self.go_on(around));
        spoken
    }

    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        self.current.map(|(_, deadline)| deadline)
    }

    pub(super) fn handle_timeout(&mut self, around: &mut Around<'_, '_>) -> Spoken {
        let late = self.current.filter(|(_, deadline)| *deadline <= around.now);
        let Some((utterance, _)) = late else {
            return Vec::new();
        };
        let mut spoken = vec![self.fail(utterance, FailureKind::Silent)];
        spoken.extend(self.go_on(around));
        spoken
    }

    fn fail(&mut self, utterance: UtteranceId, kind: FailureKind) -> (UtteranceId, Synthesis) {
        self.forget(utterance);
        (utterance, Synthesis::Failed(failure("elevenlabs", kind)))
    }

    fn forget(&mut self, utterance: UtteranceId) {
        self.open.remove(&utterance);
        self.texts.retain(|(of, _)| *of != utterance);
        if self.current.is_some_and(|(of, _)| of == utterance) {
            self.current = None;
        }
    }

    /// Asks for the next text, or says that an utterance is over.
    fn go_on(&mut self, around: &mut Around<'_, '_>) -> Spoken {
        if self.current.is_some() {
            return Vec::new();
        }
        if let Some((utterance, text)) = self.texts.pop_front() {
            self.request(utterance, &text, around);
            return Vec::new();
        }
        let over: Vec<_> = (self.open.iter())
            .filter(|(_, finished)| **finished)
            .map(|(utterance, _)| *utterance)
            .collect();
        self.open.retain(|_, finished| !*finished);
        let finished = over.into_iter();
        finished
            .map(|utterance| (utterance, Synthesis::Finished))
            .collect()
    }

    fn request(&mut self, utterance: UtteranceId, text: &str, around: &mut Around<'_, '_>) {
        self.requests += 1;
        let request = self.requests;
        self.current = Some((utterance, around.now + FIRST_TOKEN_MAX));
        let [mut up, mut down] = pipes(around.scene, REQUEST_PIPES + request);
        let url = voice_codec::http_url(&base(), VOICE_ID);
        let body =
            voice_codec::http_body(text, VOICE_MODEL, &around.scene.snapshot.agent.language, "");
        let asked = up.arrival(around.now);
        let key = around.scene.elevenlabs.api_key.as_str();
        let mut say = |at, what| {
            let at = down.arrival(at);
            around
                .out
                .push_back(Out::At(at, Happened::Request { request, what }));
        };
        match around
            .vendor
            .stream(head(&url, key), body.as_bytes(), asked)
        {
            Opening::Open { at, session } => {
                for piece in session.pieces {
                    say(piece.at.max(at), Said::Piece(piece.wire));
                }
            }
            Opening::Refused(refused) => say(refused.at, Said::Failed(refusal(&refused))),
            Opening::Cut => say(asked, Said::Failed(FailureKind::Connect)),
            Opening::Silent => {}
        }
    }
}

/// The vendor's model; any that exists will do.
const VOICE_MODEL: &str = "eleven_flash_v2_5";
/// Numbers of pipes, so that each connection has chances of its own.
const VOICE_PIPES: u32 = 1_000_000;
const REQUEST_PIPES: u32 = 2_000_000;

fn pipes(scene: &Scene, number: u32) -> [Pipe; 2] {
    let latency = scene.network.vendors;
    ["up", "down"].map(|way| Pipe::new(latency, chance(scene.seed, way, u64::from(number))))
}

fn head<'a>(url: &'a Url, key: &'a str) -> Head<'a> {
    Head {
        path: url.path(),
        query: url.query().unwrap_or_default(),
        key: Some(key),
    }
}

/// What a refused handshake means to a call.
fn refusal(refused: &Refused) -> FailureKind {
    match refused.status {
        401 => FailureKind::Unauthorized,
        429 => FailureKind::RateLimited {
            retry_after: refused.retry_after,
        },
        500.. => FailureKind::ServerError,
        _other => FailureKind::Refused,
    }
}

/// Any base will do: nothing is sent there.
#[expect(clippy::expect_used, reason = "a constant that is a URL")]
fn base() -> Url {
    Url::parse("http://localhost").expect("a URL")
}
