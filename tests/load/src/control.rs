//! What the bench and its far side say to each other: over loopback HTTP, as JSON.

use serde::{Deserialize, Serialize};

/// The account at the simulated carrier, and the keys at the simulated vendors.
pub(crate) const ACCOUNT_SID: &str = "AC00000000000000000000000000000001";
pub(crate) const AUTH_TOKEN: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const VENDOR_KEY: &str = "bench-key";
pub(crate) const VOICE_ID: &str = "21m00Tcm4TlvDq8ikWAM";

/// Where customers' numbers begin: the customer with index `i` has this number plus `i`.
const NUMBER_FIRST: u64 = 14_155_550_000;

/// The number that calls are made from.
pub(crate) const OUR_NUMBER: &str = "+14155550100";

/// The far side's first line of output.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Hello {
    /// `http://127.0.0.1:port`, for the carrier and all vendors.
    pub(crate) url: String,
}

/// What the far side has seen. Counters are since its start, samples since the last reset.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// Calls whose media streams are open now, and ever were.
    pub(crate) talking: u64,
    pub(crate) streams: u64,
    /// Streams that the worker refused or broke.
    pub(crate) broken: u64,
    pub(crate) why_broken: Vec<String>,
    /// What the worker did against the protocols, and the first of it in words.
    pub(crate) violations: u64,
    pub(crate) violations_first: Vec<String>,
    pub(crate) playout: Playout,
    /// Words that somebody could not understand: the audio was damaged or torn.
    pub(crate) garbled_by_people: u64,
    pub(crate) garbled_by_recognizer: u64,
    /// Audio messages that came after a `clear`, before the answer to the interruption was even asked
    /// for: frames of the old utterance.
    pub(crate) media_after_clear: u64,
    pub(crate) clears: u64,
    /// Lateness of the customers' own frames, in microseconds.
    pub(crate) lateness: Quantiles,
    /// Media messages that the worker sent.
    pub(crate) media_messages: u64,
    pub(crate) recognizer_messages: u64,
    pub(crate) engine: Quantiles,
    /// The three parts of it: final words sent to model asked; the token that completes the first
    /// clause sent to the text at the synthesiser; first audio sent to first frame at the carrier.
    pub(crate) engine_ask: Quantiles,
    pub(crate) engine_speak: Quantiles,
    pub(crate) engine_play: Quantiles,
    /// From the recognizer's message that interrupts to `clear` at the carrier; the message being the
    /// last one sent before it, and the first one of the customer's words.
    pub(crate) barge_in: Quantiles,
    pub(crate) barge_in_from_first: Quantiles,
}

/// How smoothly agents' words were played, over all calls.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Playout {
    pub(crate) played_bytes: u64,
    pub(crate) underruns: u64,
    pub(crate) underrun_ms: u64,
    pub(crate) underrun_ms_max: u64,
    pub(crate) buffered_ms_max: u64,
}

/// Quantiles of samples in microseconds.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Quantiles {
    pub(crate) count: u64,
    pub(crate) p50: u64,
    pub(crate) p90: u64,
    pub(crate) p99: u64,
    pub(crate) max: u64,
}

/// The number of the customer with this index.
pub(crate) fn number(index: usize) -> String {
    let index = u64::try_from(index).unwrap_or(0);
    format!("+{}", NUMBER_FIRST + index)
}

/// The index of the customer with this number.
pub(crate) fn index(number: &str) -> Option<usize> {
    let number: u64 = number.strip_prefix('+')?.parse().ok()?;
    usize::try_from(number.checked_sub(NUMBER_FIRST)?).ok()
}
