//! The common shape of a simulated peer on a message stream: input in, output with due times out.
//! Whoever drives it, a socket in real time or a simulation on virtual time, owns the clock.

pub mod fault;
pub mod latency;
pub(crate) mod serve;

pub use serve::Violations;

use std::time::Duration;

use bytes::Bytes;
use rand_chacha::ChaCha8Rng;

use self::fault::Fault;
use self::latency::Latency;

/// What reaches a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
    /// The other side closed or is gone; nothing can be sent any more.
    Closed,
}

/// What a peer sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wire {
    Text(String),
    Binary(Bytes),
    /// An orderly end: a WebSocket close frame, or the end of a response body.
    Close {
        code: u16,
        reason: String,
    },
    /// The connection breaks without a word.
    Cut,
}

/// Something to send, not before `at` (time since the driver's own beginning).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub at: Duration,
    pub wire: Wire,
}

/// A peer on one connection. After [`Wire::Close`] or [`Wire::Cut`] it is over.
pub trait Peer: Send {
    /// Takes one message. What it sends in answer is in order, with due times that never go back
    /// within one connection.
    fn handle(&mut self, input: Input<'_>, now: Duration) -> Vec<Due>;

    /// Something the peer does by itself is due.
    fn handle_timeout(&mut self, now: Duration) -> Vec<Due>;

    /// When [`Peer::handle_timeout`] is wanted next.
    fn poll_timeout(&self) -> Option<Duration>;

    /// Half open from now on: a driver does not even read any more, so that pings stay unanswered.
    fn is_half_open(&self) -> bool;
}

/// What a vendor does with a request for a connection.
#[derive(Debug)]
pub enum Opening<S> {
    /// Let in; the answer to the upgrade is due at `at`.
    Open {
        at: Duration,
        session: S,
    },
    Refused(Refused),
    /// The connection breaks before any answer.
    Cut,
    /// Nothing ever comes.
    Silent,
}

/// A request that is answered with an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub at: Duration,
    pub status: u16,
    pub retry_after: Option<Duration>,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

/// The parts of a request outside its body, as far as vendors look at them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head<'a> {
    pub path: &'a str,
    /// Without the question mark.
    pub query: &'a str,
    /// The header that carries the key, whatever it is called.
    pub key: Option<&'a str>,
}

/// Puts what a peer says in order, delays it, and does its fault to it.
#[derive(Debug)]
pub(crate) struct Outbox {
    latency: Latency,
    extra: Duration,
    fault: Option<Fault>,
    sent: u32,
    last: Duration,
    over: bool,
    rng: ChaCha8Rng,
    due: Vec<Due>,
}

impl Outbox {
    pub(crate) fn new(latency: Latency, fault: Option<Fault>, rng: ChaCha8Rng) -> Self {
        let extra = match fault {
            Some(Fault::Slow { extra }) => extra,
            Some(_) | None => Duration::ZERO,
        };
        Self {
            latency,
            extra,
            fault,
            sent: 0,
            last: Duration::ZERO,
            over: false,
            rng,
            due: Vec::new(),
        }
    }

    /// No more is sent: the connection was ended by one side or the other.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    pub(crate) fn is_half_open(&self) -> bool {
        matches!(self.fault, Some(Fault::SilentAfter { messages }) if self.sent >= messages)
    }

    pub(crate) fn end(&mut self) {
        self.over = true;
    }

    /// Says something as soon as the peer's latency allows.
    pub(crate) fn send(&mut self, now: Duration, wire: Wire) {
        let latency = self.latency.draw(&mut self.rng);
        self.send_at(now + latency, wire);
    }

    /// Says something at a time of the peer's own choice, though never before what it said last.
    pub(crate) fn send_at(&mut self, at: Duration, wire: Wire) {
        if self.over {
            return;
        }
        let at = (at + self.extra).max(self.last);
        let wire = match (self.fault, &wire) {
            (Some(Fault::CutAfter { messages }), _) if self.sent >= messages => Wire::Cut,
            (Some(Fault::CloseAfter { messages }), _) if self.sent >= messages => Wire::Close {
                code: 1011,
                reason: String::new(),
            },
            (Some(Fault::SilentAfter { messages }), _) if self.sent >= messages => return,
            (Some(Fault::GarbageAfter { messages }), Wire::Text(_) | Wire::Binary(_))
                if self.sent >= messages =>
            {
                Wire::Text("\u{fffd}<html>502 Bad Gateway{\"".to_owned())
            }
            (_, Wire::Text(_) | Wire::Binary(_) | Wire::Close { .. } | Wire::Cut) => wire,
        };
        self.sent = self.sent.saturating_add(1);
        self.last = at;
        self.over = matches!(wire, Wire::Close { .. } | Wire::Cut);
        self.due.push(Due { at, wire });
    }

    /// Takes what was said since the last time.
    pub(crate) fn take(&mut self) -> Vec<Due> {
        std::mem::take(&mut self.due)
    }
}

#[cfg(test)]
mod tests {
    use super::latency::chance;
    use super::*;

    fn said(fault: Option<Fault>) -> Vec<String> {
        let mut outbox = Outbox::new(Latency::between_ms(0, 50), fault, chance(1, "test", 0));
        for text in ["a", "b", "c"] {
            outbox.send(Duration::from_millis(10), Wire::Text(text.to_owned()));
        }
        let due = outbox.take();
        assert!(due.is_sorted_by_key(|due| due.at));
        let name = |due: Due| match due.wire {
            Wire::Text(text) => text,
            Wire::Binary(_) => "binary".to_owned(),
            Wire::Close { code, .. } => code.to_string(),
            Wire::Cut => "cut".to_owned(),
        };
        due.into_iter().map(name).collect()
    }

    #[test]
    fn a_fault_strikes_after_its_message_and_nothing_follows_an_end() {
        assert_eq!(said(None), ["a", "b", "c"]);
        assert_eq!(said(Some(Fault::CutAfter { messages: 1 })), ["a", "cut"]);
        assert_eq!(
            said(Some(Fault::CloseAfter { messages: 2 })),
            ["a", "b", "1011"]
        );
        assert_eq!(said(Some(Fault::SilentAfter { messages: 1 })), ["a"]);
    }
}
