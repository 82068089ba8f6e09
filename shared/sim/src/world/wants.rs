//! What the session and its legs want done, and what comes of it. It knows neither of them.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use conversation::{Action, Alignment, Failure, FailureKind, GenerationId, Synthesis, UtteranceId};
use model::Turn;

use crate::peer::Wire;

/// The voice that speaks, unless the agent names one.
pub(super) const VOICE_ID: &str = "simulated";

/// What the worker wants.
pub(super) enum Out {
    /// Something happens later.
    At(Duration, Happened),
    Carrier(ToCarrier),
    /// An action of the core, after it was done.
    Action(Action),
    /// For the trace.
    Note(String),
}

/// A message to the carrier.
pub(super) enum ToCarrier {
    Audio(String),
    Mark { text: String, name: String },
    Clear(String),
}

/// What happens on the way to and from vendors.
#[derive(Debug)]
pub(super) enum Happened {
    Hearing {
        connection: u32,
        what: Heard,
    },
    Thinking {
        id: GenerationId,
        what: Said,
    },
    Voice {
        connection: u32,
        what: Heard,
    },
    Request {
        request: u32,
        what: Said,
    },
    Cached {
        utterance: UtteranceId,
        what: Said,
    },
    Ready {
        utterance: UtteranceId,
        event: Synthesis,
    },
    Tool {
        id: String,
    },
    /// What the session before heard last is found in the table.
    Late(Box<Turn>),
    /// The table answers whether there is a verdict.
    Verdict,
    OptOutStored,
}

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

pub(super) fn failure(vendor: &'static str, kind: FailureKind) -> Failure {
    Failure {
        vendor: Cow::Borrowed(vendor),
        kind,
    }
}
