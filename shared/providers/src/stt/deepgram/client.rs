//! One connection to Deepgram's live recognition. Keeps nothing from one connection to the next.

use std::borrow::Cow;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use conversation::{Failure, FailureKind, Recognition};
use futures_util::future::BoxFuture;
use http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use url::Url;

use super::VENDOR;
use super::codec::{self, Scale};
use crate::socket::{self, Ended, Incoming, Socket, Target, Timing};
use crate::stt::{Recognizer, RecognizerConfig, Vendor};
use crate::{SetupProblem, count, tls};

/// Beats without audio after which the connection is kept alive: 2 to 4 seconds of the 10 after which
/// the vendor closes.
const BEATS_QUIET_MAX: u8 = 2;

/// Largest message of audio: a second. A replay is cut into such messages.
const MESSAGE_BYTES_MAX: usize = 8_000;

/// Microseconds that one byte of µ-law at 8 kHz lasts.
const MICROS_PER_BYTE: u64 = 125;

/// Opens connections.
pub(crate) struct Deepgram {
    base: Url,
    model: String,
    key: Option<settings::Secret>,
    tls: Arc<rustls::ClientConfig>,
    proxies: settings::Proxies,
    timing: Timing,
}

impl Deepgram {
    pub(crate) fn new(settings: &settings::VendorSettings) -> Result<Self, SetupProblem> {
        Ok(Self {
            base: settings.base_url.clone(),
            model: settings.model.clone(),
            key: settings.api_key.clone(),
            tls: Arc::new(tls::configuration()?),
            proxies: settings.proxies.clone(),
            timing: Timing::default(),
        })
    }

    fn target(&self, config: &RecognizerConfig) -> Result<Target, Failure> {
        let key = match &self.key {
            // A key that no header can carry is a wrong key.
            Some(key) => {
                let value = socket::secret_header("Token ", key);
                Some((
                    AUTHORIZATION,
                    value.ok_or_else(|| failure(FailureKind::Unauthorized))?,
                ))
            }
            None => None,
        };
        Ok(Target {
            vendor: VENDOR,
            leg: count::RECOGNITION,
            url: codec::listen_url(&self.base, &self.model, config),
            key,
            tls: Arc::clone(&self.tls),
            proxies: self.proxies.clone(),
            timing: self.timing,
            refused: codec::refused,
        })
    }
}

impl Vendor for Deepgram {
    fn name(&self) -> &'static str {
        VENDOR
    }

    fn connect(
        &self,
        config: RecognizerConfig,
    ) -> BoxFuture<'static, Result<Box<dyn Recognizer>, Failure>> {
        let target = self.target(&config);
        Box::pin(async move {
            let socket = Box::pin(socket::connect(target?)).await?;
            let connection: Box<dyn Recognizer> = Box::new(Connection::new(socket, &config));
            Ok(connection)
        })
    }
}

struct Connection {
    socket: Socket,
    state: ConnectionState,
    /// Where the vendor's clock lies, and how far the customer's audio is sent.
    scale: Scale,
    /// Audio on its way into a message. One allocation, used again and again.
    outgoing: BytesMut,
    /// Beats since audio or a keep-alive was sent.
    beats_quiet: u8,
}

enum ConnectionState {
    /// Stands; nobody has been told.
    Opened,
    Open,
    /// We said that no more audio comes.
    Closing,
    /// Gone; nobody has been told.
    Lost(Failure),
    Over,
}

impl Connection {
    fn new(socket: Socket, config: &RecognizerConfig) -> Self {
        Self {
            socket,
            state: ConnectionState::Opened,
            scale: Scale {
                start: config.position,
                end: config.position,
            },
            outgoing: BytesMut::new(),
            beats_quiet: 0,
        }
    }

    /// Hands the audio to the socket. Never an empty message: that would end the stream.
    fn send_outgoing(&mut self) -> Result<(), FailureKind> {
        while !self.outgoing.is_empty() {
            let bytes = self.outgoing.len().min(MESSAGE_BYTES_MAX);
            let audio = self.outgoing.split_to(bytes).freeze();
            self.socket.send(Message::Binary(audio))?;
            self.beats_quiet = 0;
        }
        Ok(())
    }

    fn send_text(&mut self, text: &'static str) -> Result<(), FailureKind> {
        self.socket
            .send(Message::Text(Utf8Bytes::from_static(text)))
    }

    /// Notes a failure of sending: the next poll tells it.
    fn note(&mut self, sent: Result<(), FailureKind>) -> Result<(), Failure> {
        sent.map_err(|kind| {
            let failure = failure(kind);
            self.state = ConnectionState::Lost(failure.clone());
            failure
        })
    }

    fn beat(&mut self) -> Result<(), FailureKind> {
        self.beats_quiet = self.beats_quiet.saturating_add(1);
        if self.beats_quiet < BEATS_QUIET_MAX {
            return Ok(());
        }
        self.beats_quiet = 0;
        match self.state {
            ConnectionState::Opened | ConnectionState::Open => self.send_text(codec::KEEP_ALIVE),
            ConnectionState::Closing | ConnectionState::Lost(_) | ConnectionState::Over => Ok(()),
        }
    }

    fn read(&mut self, text: &str) -> Result<Option<Recognition>, FailureKind> {
        match codec::decode(text, self.scale) {
            Ok(codec::Message::Heard(event)) => return Ok(Some(event)),
            Ok(codec::Message::Aside) => {}
            Ok(codec::Message::Unknown) => count::ignored(VENDOR, "unknown_type"),
            Ok(codec::Message::NotUnderstood) => count::ignored(VENDOR, "not_understood"),
            Ok(codec::Message::Error) => return Err(FailureKind::ServerError),
            Err(codec::Garbage) => {
                count::garbage(VENDOR);
                return Err(FailureKind::Protocol);
            }
        }
        Ok(None)
    }

    fn poll_socket(&mut self, cx: &mut Context<'_>) -> Poll<Result<Recognition, FailureKind>> {
        loop {
            let step = match ready!(self.socket.poll(cx)) {
                Ok(Incoming::Text(text)) => self.read(&text),
                Ok(Incoming::Binary) => {
                    count::garbage(VENDOR);
                    Err(FailureKind::Protocol)
                }
                Ok(Incoming::Beat) => self.beat().map(|()| None),
                Err(Ended::Closed { code, .. }) => Err(codec::closed(code)),
                Err(Ended::Failed(kind)) => Err(kind),
            };
            match step {
                Ok(Some(event)) => return Poll::Ready(Ok(event)),
                Ok(None) => {}
                Err(kind) => return Poll::Ready(Err(kind)),
            }
        }
    }
}

impl Recognizer for Connection {
    fn send_audio(&mut self, mulaw: &[u8]) -> Result<(), Failure> {
        match &self.state {
            ConnectionState::Opened | ConnectionState::Open => {}
            ConnectionState::Lost(failure) => return Err(failure.clone()),
            ConnectionState::Closing | ConnectionState::Over => {
                return Err(failure(FailureKind::Closed));
            }
        }
        self.outgoing.extend_from_slice(mulaw);
        let bytes = u64::try_from(mulaw.len()).unwrap_or(u64::MAX);
        self.scale.end += Duration::from_micros(bytes.saturating_mul(MICROS_PER_BYTE));
        let sent = self.send_outgoing();
        self.note(sent)
    }

    fn finalize(&mut self) {
        if let ConnectionState::Opened | ConnectionState::Open = self.state {
            let sent = self.send_text(codec::FINALIZE);
            let _told_by_the_next_poll = self.note(sent);
        }
    }

    fn close(&mut self) {
        if let ConnectionState::Opened | ConnectionState::Open = self.state {
            let sent = self.send_text(codec::CLOSE_STREAM);
            if self.note(sent).is_ok() {
                self.state = ConnectionState::Closing;
            }
        }
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Recognition> {
        match &self.state {
            ConnectionState::Opened => {
                self.state = ConnectionState::Open;
                return Poll::Ready(Recognition::Opened);
            }
            ConnectionState::Open | ConnectionState::Closing => {}
            ConnectionState::Lost(failure) => {
                let lost = Recognition::Lost(failure.clone());
                self.state = ConnectionState::Over;
                return Poll::Ready(lost);
            }
            ConnectionState::Over => return Poll::Pending,
        }
        match ready!(self.poll_socket(cx)) {
            Ok(event) => Poll::Ready(event),
            Err(kind) => {
                self.state = ConnectionState::Over;
                Poll::Ready(Recognition::Lost(failure(kind)))
            }
        }
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
