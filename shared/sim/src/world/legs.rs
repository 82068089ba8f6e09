//! Connections to the vendors on virtual time: the client's part as the product's own clients do it,
//! by the product's codecs, against the simulated vendors' cores.

mod hearing;
mod requests;
mod socket;
mod thinking;
mod voice;

use std::collections::VecDeque;
use std::time::Duration;

use conversation::{FailureKind, Synthesis, UtteranceId};
use url::Url;

use super::wants::Out;
use super::{Pipe, Scene};
use crate::peer::latency::chance;
use crate::peer::{Head, Refused};
use crate::vendors::elevenlabs;

pub(super) use hearing::Hearing;
pub(super) use requests::Requests;
pub(super) use thinking::Thinking;
pub(super) use voice::Voice;

/// As the product's clients: the longest wait for the first piece of an answer,
const FIRST_PIECE_MAX: Duration = Duration::from_secs(5);
/// and for the next one.
const NEXT_PIECE_MAX: Duration = Duration::from_secs(4);

/// What a voice needs of its surroundings.
pub(super) struct Around<'a, 'b> {
    pub(super) scene: &'a Scene,
    pub(super) vendor: &'b elevenlabs::Vendor,
    pub(super) now: Duration,
    pub(super) out: &'b mut VecDeque<Out>,
}

/// What came of utterances.
pub(super) type Spoken = Vec<(UtteranceId, Synthesis)>;

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
