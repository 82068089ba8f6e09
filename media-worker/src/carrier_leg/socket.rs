//! The carrier's WebSocket, seen from one task: read every message that is here, write without
//! waiting, flush once per wake.
//!
//! It drives tungstenite's frame machine directly over the connection: one waker, no queue in
//! between, buffers for messages of half a kilobyte. It knows frames and limits, not what is in
//! them.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite;
use tungstenite::Message;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame, Utf8Bytes};
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};

/// The longest message taken from the carrier (`docs/protocols/carriers.md#media-sockets`). A frame of
/// customer audio has about 330 bytes. A longer one ends the stream.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// The most that may wait for a carrier that does not read: about 3 s of speech. Beyond, what the
/// agent is saying is given up as a whole, not frame by frame.
pub const SEND_BUFFER_BYTES_MAX: usize = 32 * 1024;

/// Six frames of customer audio: a late wake-up reads all of them at once.
const READ_BUFFER_BYTES: usize = 2 * 1024;

/// A connection to the carrier that has become a WebSocket.
pub(crate) struct CarrierSocket {
    transport: Transport,
    frames: WebSocketContext,
    /// Bytes written since everything was last flushed.
    unflushed: usize,
    /// Framing is lost, or a frame is too large to be taken in: no more frames are read.
    unreadable: bool,
}

/// What the carrier's side of the socket did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Incoming {
    Text(Utf8Bytes),
    Binary,
    /// The message is longer than [`MESSAGE_BYTES_MAX`]. Nothing can be read any more.
    Oversized,
    /// Not WebSocket, or text that is not UTF-8. Nothing can be read any more.
    Garbage,
    /// Closed with a closing handshake.
    Closed,
    /// Gone without one.
    Broken,
}

/// [`SEND_BUFFER_BYTES_MAX`] would be exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// Why a socket is closed by us (RFC 6455, section 7.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CloseReason {
    Done,
    /// The worker is stopping.
    GoingAway,
    /// A type of message that we do not take.
    Unsupported,
    InvalidText,
    /// A message against our rules: a bad token, a second start.
    Policy,
    TooLarge,
    /// Our own fault.
    Internal,
}

enum Transport {
    Tcp(TcpStream),
    /// Through a server that wraps its connections (TLS, tests).
    Wrapped(Box<dyn Duplex>),
}

pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

impl CarrierSocket {
    /// Takes over a connection after its upgrade.
    pub(crate) fn new(upgraded: Upgraded) -> Self {
        match hyper_util::server::conn::auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded) {
            Ok(parts) => {
                let tcp = parts.io.into_inner();
                // Best effort: without it small messages may wait for an acknowledgement.
                if let Err(error) = tcp.set_nodelay(true) {
                    tracing::debug!(%error, "the carrier's socket keeps Nagle's algorithm");
                }
                Self::over(Transport::Tcp(tcp), parts.read_buf.to_vec())
            }
            Err(upgraded) => Self::wrapped(TokioIo::new(upgraded)),
        }
    }

    pub(crate) fn wrapped(connection: impl Duplex + 'static) -> Self {
        Self::over(Transport::Wrapped(Box::new(connection)), Vec::new())
    }

    fn over(transport: Transport, already_read: Vec<u8>) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            // Nothing is written before the flush at the end of a wake; `send` keeps the real limit.
            .write_buffer_size(SEND_BUFFER_BYTES_MAX)
            .max_write_buffer_size(2 * SEND_BUFFER_BYTES_MAX + 1)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        Self {
            transport,
            frames: WebSocketContext::from_partially_read(already_read, Role::Server, Some(config)),
            unflushed: 0,
            unreadable: false,
        }
    }

    /// The next message, or what ended the socket. Pings are answered on the way.
    pub(crate) fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Incoming> {
        if self.unreadable {
            return Poll::Ready(Incoming::Garbage);
        }
        loop {
            let mut io = Io {
                transport: &mut self.transport,
                cx,
            };
            let read = self.frames.read(&mut io);
            return Poll::Ready(match read {
                Ok(Message::Text(text)) => Incoming::Text(text),
                Ok(Message::Binary(_)) => Incoming::Binary,
                // The answers to pings and closes are written by the next read.
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_)) => {
                    continue;
                }
                Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Poll::Pending;
                }
                Err(tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed) => {
                    Incoming::Closed
                }
                Err(tungstenite::Error::Capacity(_)) => {
                    self.unreadable = true;
                    Incoming::Oversized
                }
                Err(tungstenite::Error::Protocol(
                    tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
                )) => Incoming::Broken,
                Err(tungstenite::Error::Protocol(_) | tungstenite::Error::Utf8(_)) => {
                    self.unreadable = true;
                    Incoming::Garbage
                }
                // Reading can fail in no other way; whatever it is, the socket is of no more use.
                Err(_io_or_other) => Incoming::Broken,
            });
        }
    }

    /// Queues one text message for the next flush.
    ///
    /// # Errors
    /// When too much waits already; the message is dropped.
    pub(crate) fn send(&mut self, text: Bytes) -> Result<(), Full> {
        let length = text.len();
        if self.unflushed + length > SEND_BUFFER_BYTES_MAX {
            return Err(Full);
        }
        // Our own encoder writes the text, so its UTF-8 needs no second look.
        let frame = Frame::message(text, OpCode::Data(Data::Text), true);
        let mut io = NoIo;
        match self.frames.write(&mut io, Message::Frame(frame)) {
            Ok(()) => {
                self.unflushed += length;
                Ok(())
            }
            Err(tungstenite::Error::WriteBufferFull(_)) => Err(Full),
            // The socket is closing or closed: reading tells so in a moment.
            Err(_closed) => Ok(()),
        }
    }

    /// Whether something waits to be written.
    pub(crate) fn is_unflushed(&self) -> bool {
        self.unflushed > 0
    }

    /// Writes what waits. Ready when all of it is with the operating system, or the socket is gone
    /// (which reading tells).
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut io = Io {
            transport: &mut self.transport,
            cx,
        };
        match self.frames.flush(&mut io) {
            Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                Poll::Pending
            }
            Ok(()) | Err(_) => {
                self.unflushed = 0;
                Poll::Ready(())
            }
        }
    }

    /// Says goodbye with `reason`. Everything sent before still goes first.
    pub(crate) fn start_close(&mut self, reason: CloseReason) {
        let (code, text) = match reason {
            CloseReason::Done => (CloseCode::Normal, "done"),
            CloseReason::GoingAway => (CloseCode::Away, "worker is stopping"),
            CloseReason::Unsupported => (CloseCode::Unsupported, "text only"),
            CloseReason::InvalidText => (CloseCode::Invalid, "not a text message"),
            CloseReason::Policy => (CloseCode::Policy, "refused"),
            CloseReason::TooLarge => (CloseCode::Size, "message too large"),
            CloseReason::Internal => (CloseCode::Error, "internal error"),
        };
        let frame = CloseFrame {
            code,
            reason: Utf8Bytes::from_static(text),
        };
        // It is queued even where it cannot be written yet; a socket that is gone needs no goodbye.
        drop(self.frames.close(&mut NoIo, Some(frame)));
    }

    /// After [`Self::start_close`]: ready when the carrier has closed too. What it still says is
    /// thrown away.
    pub(crate) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // Pending means that the rest goes out when the socket is writable again.
            let _pending_or_done = self.poll_flush(cx);
            if self.unreadable {
                return self.poll_discard(cx);
            }
            match self.poll_message(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Incoming::Text(_) | Incoming::Binary) => {}
                Poll::Ready(
                    Incoming::Oversized | Incoming::Garbage | Incoming::Closed | Incoming::Broken,
                ) => return Poll::Ready(()),
            }
        }
    }
}

impl CarrierSocket {
    /// Reads and forgets bytes until the other side closes: closing with bytes unread would take our
    /// goodbye away from under it.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut bytes = [0; 1_024];
        let mut io = Io {
            transport: &mut self.transport,
            cx,
        };
        loop {
            match io.read(&mut bytes) {
                Ok(0) => return Poll::Ready(()),
                Ok(_some) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Err(_gone) => return Poll::Ready(()),
            }
        }
    }
}

impl std::fmt::Debug for CarrierSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CarrierSocket")
            .field("unflushed", &self.unflushed)
            .finish_non_exhaustive()
    }
}

/// The connection as blocking-style IO for the duration of one poll.
struct Io<'a, 'b> {
    transport: &'a mut Transport,
    cx: &'a mut Context<'b>,
}

impl Read for Io<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(into);
        let polled = match self.transport {
            Transport::Tcp(tcp) => Pin::new(tcp).poll_read(self.cx, &mut buffer),
            Transport::Wrapped(other) => Pin::new(other).poll_read(self.cx, &mut buffer),
        };
        or_would_block(polled).map(|()| buffer.filled().len())
    }
}

impl Write for Io<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        or_would_block(match self.transport {
            Transport::Tcp(tcp) => Pin::new(tcp).poll_write(self.cx, bytes),
            Transport::Wrapped(other) => Pin::new(other).poll_write(self.cx, bytes),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        or_would_block(match self.transport {
            Transport::Tcp(tcp) => Pin::new(tcp).poll_flush(self.cx),
            Transport::Wrapped(other) => Pin::new(other).poll_flush(self.cx),
        })
    }
}

/// For queueing without writing: outside a poll nobody could be woken.
struct NoIo;

impl Read for NoIo {
    fn read(&mut self, _into: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Write for NoIo {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

fn or_would_block<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio_tungstenite::WebSocketStream;

    use super::*;

    async fn pair() -> (CarrierSocket, WebSocketStream<tokio::io::DuplexStream>) {
        let (ours, theirs) = tokio::io::duplex(8 * 1024);
        let carrier = WebSocketStream::from_raw_socket(theirs, Role::Client, None).await;
        (CarrierSocket::wrapped(ours), carrier)
    }

    async fn next(socket: &mut CarrierSocket) -> Incoming {
        poll_fn(|cx| socket.poll_message(cx)).await
    }

    #[tokio::test]
    async fn messages_arrive_and_pings_are_answered_on_the_way() {
        let (mut socket, mut carrier) = pair().await;
        carrier
            .send(Message::Ping(Bytes::from_static(b"?")))
            .await
            .unwrap();
        carrier.send(Message::text("one")).await.unwrap();
        assert_eq!(next(&mut socket).await, Incoming::Text("one".into()));
        assert_eq!(
            carrier.next().await.unwrap().unwrap(),
            Message::Pong(Bytes::from_static(b"?"))
        );
        carrier.send(Message::binary(vec![1])).await.unwrap();
        assert_eq!(next(&mut socket).await, Incoming::Binary);
    }

    #[tokio::test]
    async fn a_message_over_the_limit_ends_the_reading() {
        let (mut socket, mut carrier) = pair().await;
        let long = "x".repeat(MESSAGE_BYTES_MAX + 1);
        let sending = tokio::spawn(async move {
            // The socket takes only the front of it.
            drop(carrier.send(Message::text(long)).await);
            carrier
        });
        assert_eq!(next(&mut socket).await, Incoming::Oversized);
        sending.abort();
    }

    #[tokio::test]
    async fn a_carrier_that_does_not_read_fills_a_bounded_buffer() {
        let (mut socket, mut carrier) = pair().await;
        let message = Bytes::from(vec![b'x'; 1_000]);
        let mut taken = 0_usize;
        while socket.send(message.clone()).is_ok() {
            taken += 1;
        }
        assert_eq!(taken, SEND_BUFFER_BYTES_MAX / 1_000);
        // The pipe holds 8 KiB, so the flush cannot end before the carrier reads.
        let reading = async {
            for _ in 0..taken {
                carrier.next().await.unwrap().unwrap();
            }
        };
        let ((), ()) = tokio::join!(poll_fn(|cx| socket.poll_flush(cx)), reading);
        assert!(!socket.is_unflushed());
        socket.send(message).unwrap();
    }

    #[tokio::test]
    async fn closing_says_why_after_everything_else() {
        let (mut socket, mut carrier) = pair().await;
        socket.send(Bytes::from_static(b"last words")).unwrap();
        socket.start_close(CloseReason::Policy);
        let carrier_side = async {
            let words = carrier.next().await.unwrap().unwrap();
            let goodbye = carrier.next().await.unwrap().unwrap();
            let end = carrier.next().await;
            assert!(end.is_none(), "{end:?}");
            (words, goodbye)
        };
        let our_side = async move {
            poll_fn(|cx| socket.poll_closed(cx)).await;
            drop(socket);
        };
        let ((), (words, goodbye)) = tokio::join!(our_side, carrier_side);
        assert_eq!(words, Message::text("last words"));
        let Message::Close(Some(frame)) = goodbye else {
            panic!("{goodbye:?}");
        };
        assert_eq!(frame.code, CloseCode::Policy);
    }

    #[tokio::test]
    async fn a_cut_connection_is_told_from_a_closed_one() {
        let (mut socket, carrier) = pair().await;
        drop(carrier);
        assert_eq!(next(&mut socket).await, Incoming::Broken);
        let (mut socket, mut carrier) = pair().await;
        carrier.close(None).await.unwrap();
        assert_eq!(next(&mut socket).await, Incoming::Closed);
    }
}
