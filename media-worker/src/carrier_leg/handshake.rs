//! The first messages of a media socket: who is it, and for which call.
//!
//! `connected`, then `start`, in that order and within [`START_WAIT_MAX`]; anything else is refused
//! with a reason that is counted and a close code. It reads what the socket claims; whether the
//! token is good is for the store to say.

use std::future::poll_fn;
use std::time::Duration;

use carrier::CarrierName;
use carrier::media::{Inbound, MediaCodec, Start};
use model::{CallId, TenantId, TokenId};
use tokio::time::Instant;

use crate::carrier_leg::socket::{CarrierSocket, CloseReason, Incoming};
use crate::meters::Meters;

/// Where a carrier's media sockets arrive: the path of `service::Links::media`.
#[must_use]
pub fn media_path(carrier: CarrierName) -> String {
    format!("/media/{carrier}")
}

/// `start` comes right behind `connected`, which is the carrier's first message
/// (`docs/protocols/carriers.md#media-sockets`).
pub const START_WAIT_MAX: Duration = Duration::from_secs(5);

/// Messages of unknown kinds that are let pass before `start`.
const UNKNOWN_BEFORE_START_MAX: u32 = 8;

/// What a media socket claims to be.
#[derive(Clone, PartialEq, Eq)]
pub struct Hello {
    pub tenant_id: TenantId,
    pub call_id: CallId,
    pub token: TokenId,
    pub stream_id: String,
    pub carrier_call_id: String,
}

/// Why a socket did not become a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandshakeRefusal {
    /// No `start` in time.
    StartTimeout,
    /// The carrier went away before it said `start`.
    Gone,
    Binary,
    Oversized,
    Garbage,
    /// A message that cannot be read.
    Malformed,
    /// `start` without `connected`, or another message before both.
    OutOfOrder,
    /// Audio of another kind than µ-law, 8 kHz, mono.
    Format,
    /// Another account of the carrier's.
    ForeignAccount,
    /// A parameter of ours is missing or is no id.
    Parameters,
    /// The token does not open this call: wrong, used or expired.
    Token,
    /// The store cannot be asked.
    Store,
}

impl HandshakeRefusal {
    /// The label in metrics.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::StartTimeout => "start_timeout",
            Self::Gone => "gone",
            Self::Binary => "binary",
            Self::Oversized => "oversized",
            Self::Garbage => "garbage",
            Self::Malformed => "malformed",
            Self::OutOfOrder => "out_of_order",
            Self::Format => "format",
            Self::ForeignAccount => "foreign_account",
            Self::Parameters => "parameters",
            Self::Token => "token",
            Self::Store => "store",
        }
    }

    /// What the socket is told.
    pub(crate) const fn close_reason(self) -> CloseReason {
        match self {
            Self::Gone => CloseReason::Done,
            Self::Binary => CloseReason::Unsupported,
            Self::Oversized => CloseReason::TooLarge,
            Self::Garbage => CloseReason::InvalidText,
            Self::Store => CloseReason::Internal,
            Self::StartTimeout
            | Self::Malformed
            | Self::OutOfOrder
            | Self::Format
            | Self::ForeignAccount
            | Self::Parameters
            | Self::Token => CloseReason::Policy,
        }
    }
}

/// Whose streams are taken, and how they are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) codec: &'static dyn MediaCodec,
    pub(crate) account_id: &'a str,
}

/// Waits for `connected` and `start`.
pub(crate) async fn wait_for_start(
    socket: &mut CarrierSocket,
    expected: Expected<'_>,
    accepted_at: Instant,
) -> Result<Hello, HandshakeRefusal> {
    let started = read_start(socket, expected);
    tokio::time::timeout_at(accepted_at + START_WAIT_MAX, started)
        .await
        .unwrap_or(Err(HandshakeRefusal::StartTimeout))
}

async fn read_start(
    socket: &mut CarrierSocket,
    expected: Expected<'_>,
) -> Result<Hello, HandshakeRefusal> {
    let mut connected = false;
    let mut unknown = 0_u32;
    loop {
        let text = match poll_fn(|cx| socket.poll_message(cx)).await {
            Incoming::Text(text) => text,
            Incoming::Binary => return Err(HandshakeRefusal::Binary),
            Incoming::Oversized => return Err(HandshakeRefusal::Oversized),
            Incoming::Garbage => return Err(HandshakeRefusal::Garbage),
            Incoming::Closed | Incoming::Broken => return Err(HandshakeRefusal::Gone),
        };
        match expected.codec.decode(&text) {
            Ok(Inbound::Connected) if !connected => connected = true,
            Ok(Inbound::Start(start)) if connected => return hello(&start, expected.account_id),
            Ok(Inbound::Unknown) => {
                Meters::message_ignored("unknown_event");
                unknown += 1;
                if unknown > UNKNOWN_BEFORE_START_MAX {
                    return Err(HandshakeRefusal::OutOfOrder);
                }
            }
            Ok(
                Inbound::Connected
                | Inbound::Start(_)
                | Inbound::Media { .. }
                | Inbound::Dtmf { .. }
                | Inbound::Mark { .. }
                | Inbound::Stop { .. },
            ) => return Err(HandshakeRefusal::OutOfOrder),
            Err(_problem) => return Err(HandshakeRefusal::Malformed),
        }
    }
}

fn hello(start: &Start<'_>, account_id: &str) -> Result<Hello, HandshakeRefusal> {
    if !start.format.is_mulaw_8k_mono() {
        return Err(HandshakeRefusal::Format);
    }
    if start.account_id != account_id {
        return Err(HandshakeRefusal::ForeignAccount);
    }
    let parameter = |name| start.parameter(name).ok_or(HandshakeRefusal::Parameters);
    Ok(Hello {
        tenant_id: id(parameter("tenant_id")?)?,
        call_id: id(parameter("call_id")?)?,
        token: id(parameter("token")?)?,
        stream_id: start.stream_id.clone().into_owned(),
        carrier_call_id: start.call_id.clone().into_owned(),
    })
}

fn id<T: std::str::FromStr>(text: &str) -> Result<T, HandshakeRefusal> {
    text.parse().map_err(|_no_id| HandshakeRefusal::Parameters)
}

impl std::fmt::Debug for Hello {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hello")
            .field("tenant_id", &self.tenant_id)
            .field("call_id", &self.call_id)
            .field("stream_id", &self.stream_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::SinkExt as _;
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::{Message, protocol::Role};

    use super::*;

    /// What becomes of a socket that says these, one each second, and nothing more.
    async fn refused(messages: &[&'static str]) -> (Option<HandshakeRefusal>, Duration) {
        let (ours, theirs) = tokio::io::duplex(16 * 1024);
        let mut socket = CarrierSocket::wrapped(ours);
        let mut carrier = WebSocketStream::from_raw_socket(theirs, Role::Client, None).await;
        let accepted_at = Instant::now();
        let saying = async {
            for message in messages {
                tokio::time::sleep(Duration::from_secs(1)).await;
                carrier.send(Message::text(*message)).await.unwrap();
            }
        };
        let expected = Expected {
            codec: &carrier::twilio::media::MediaStreams,
            account_id: "AC1",
        };
        let started = wait_for_start(&mut socket, expected, accepted_at);
        let (started, ()) = tokio::join!(started, saying);
        (started.err(), accepted_at.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_socket_that_says_nothing_or_says_it_slowly_is_refused_after_five_seconds() {
        let connected = r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#;
        let unknown = r#"{"event":"weather"}"#;
        let slow = [connected, unknown, unknown, unknown];
        for messages in [&[][..], &[connected], &slow] {
            let told = refused(messages).await;
            assert_eq!(told, (Some(HandshakeRefusal::StartTimeout), START_WAIT_MAX));
        }
    }
}
