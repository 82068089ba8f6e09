//! What belongs together in the logs of all processes: one id from the request to the last word.
//!
//! The id is one of W3C Trace Context (level 1, section 3.2.2): 16 bytes that are not all zero, written
//! as 32 lower-case hex digits. A call that no request began has its own id's 16 bytes.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::CallId;

/// Names a trace.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(u128);

/// Why a text names no trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 32 lower-case hex digits, not all of them 0")]
pub struct TraceProblem;

impl TraceId {
    /// A fresh one from 128 bits of chance.
    #[must_use]
    pub const fn from_chance(chance: u128) -> Self {
        // All zero is no id.
        Self(if chance == 0 { 1 } else { chance })
    }

    /// That of a call which no request began.
    #[must_use]
    pub fn of_call(call: CallId) -> Self {
        Self::from_chance(call.bits())
    }

    /// That of a `traceparent` header (section 3.2). `None` where the header is not one: it is then as if
    /// there were none.
    #[must_use]
    pub fn of_traceparent(header: &str) -> Option<Self> {
        let (version, rest) = header.trim().split_once('-')?;
        let is_version = is_hex(version, 2) && version != "ff";
        let (trace, rest) = rest.split_once('-')?;
        let (parent, rest) = rest.split_once('-')?;
        let (flags, more) = rest
            .split_once('-')
            .map_or((rest, None), |(flags, more)| (flags, Some(more)));
        // Later versions may have more behind the flags.
        let ends = version != "00" || more.is_none();
        let is_parent = is_hex(parent, 16) && parent.bytes().any(|digit| digit != b'0');
        let whole = is_version && is_parent && is_hex(flags, 2) && ends;
        trace.parse().ok().filter(|_trace| whole)
    }

    /// That of an `X-Amzn-Trace-Id` header, whose root has the same digits with two signs between
    /// (AWS X-Ray developer guide, "Tracing header"). `None` where there is no root.
    #[must_use]
    pub fn of_amazon(header: &str) -> Option<Self> {
        let fields = header.split(';').map(str::trim);
        let root = fields
            .filter_map(|field| field.strip_prefix("Root="))
            .next()?;
        let (seconds, rest) = root.strip_prefix("1-")?.split_once('-')?;
        let whole = is_hex(seconds, 8) && is_hex(rest, 24);
        format!("{seconds}{rest}")
            .parse()
            .ok()
            .filter(|_trace| whole)
    }

    /// A `traceparent` header with this trace and, as its parent, a span of these bits: what an answer
    /// says of who worked on it. Logged, so marked as sampled.
    #[must_use]
    pub fn traceparent(self, span: u64) -> String {
        format!("00-{self}-{:016x}-01", span.max(1))
    }
}

fn is_hex(text: &str, digits: usize) -> bool {
    let lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == digits && text.bytes().all(lower_hex)
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TraceId {
    type Err = TraceProblem;

    fn from_str(text: &str) -> Result<Self, TraceProblem> {
        let bits = Some(text).filter(|text| is_hex(text, 32));
        let bits = bits.and_then(|text| u128::from_str_radix(text, 16).ok());
        let bits = bits.filter(|bits| *bits != 0);
        bits.map(Self).ok_or(TraceProblem)
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TraceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn the_header_of_the_standard_is_read() {
        let of = |header: &str| TraceId::of_traceparent(header).map(|trace| trace.to_string());
        let known = Some(DIGITS.to_owned());
        assert_eq!(of(&format!("00-{DIGITS}-00f067aa0ba902b7-01")), known);
        assert_eq!(of(&format!(" 00-{DIGITS}-00f067aa0ba902b7-00 ")), known);
        // A later version may say more.
        assert_eq!(of(&format!("01-{DIGITS}-00f067aa0ba902b7-01-more")), known);
        for wrong in [
            format!("ff-{DIGITS}-00f067aa0ba902b7-01"),
            format!("00-{DIGITS}-00f067aa0ba902b7-01-more"),
            format!("00-{DIGITS}-0000000000000000-01"),
            format!("00-{}-00f067aa0ba902b7-01", DIGITS.to_uppercase()),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{DIGITS}-00f067aa0ba902b7"),
            "00".to_owned(),
            String::new(),
        ] {
            assert_eq!(of(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_answered_can_be_read() {
        let trace: TraceId = DIGITS.parse().unwrap();
        assert_eq!(TraceId::of_traceparent(&trace.traceparent(7)), Some(trace));
        assert_eq!(TraceId::of_traceparent(&trace.traceparent(0)), Some(trace));
    }

    #[test]
    fn the_header_of_amazon_is_read() {
        let of = |header: &str| TraceId::of_amazon(header).map(|trace| trace.to_string());
        let known = Some("5759e988bd862e3fe1be46a994272793".to_owned());
        let root = "Root=1-5759e988-bd862e3fe1be46a994272793";
        assert_eq!(of(root), known);
        assert_eq!(
            of(&format!(
                "Self=1-67891234-12456789abcdef012345678;{root};Sampled=1"
            )),
            known
        );
        for wrong in [
            "",
            "Parent=53995c3f42cd8ad8",
            "Root=1-5759e988",
            "Root=2-5759e988-bd862e3fe1be46a994272793",
        ] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_call_that_no_request_began_is_its_own_trace() {
        let call = CallId::from_parts(1, 2);
        assert_eq!(TraceId::of_call(call), TraceId::of_call(call));
        assert_ne!(
            TraceId::of_call(call),
            TraceId::of_call(CallId::from_parts(1, 3))
        );
        let text = serde_json::to_string(&TraceId::of_call(call)).unwrap();
        assert_eq!(
            serde_json::from_str::<TraceId>(&text).unwrap(),
            TraceId::of_call(call)
        );
    }
}
