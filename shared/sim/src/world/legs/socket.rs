//! A WebSocket to a simulated vendor, on virtual time.

use std::collections::VecDeque;
use std::time::Duration;

use conversation::FailureKind;

use super::{pipes, refusal};
use crate::peer::{Due, Input, Opening, Peer, Wire};
use crate::world::wants::{Happened, Heard, Out, Sent};
use crate::world::{Pipe, Scene};

/// As the product's clients: the longest wait for a connection,
const CONNECT_MAX: Duration = Duration::from_secs(3);
/// and for the answer to a ping on a connection where nothing comes.
const SILENT_MAX: Duration = Duration::from_secs(6);

/// A WebSocket to a simulated vendor.
#[derive(Debug)]
pub(super) struct Socket<P> {
    pub(super) connection: u32,
    tag: fn(u32, Heard) -> Happened,
    closed: fn(Option<u16>, &str) -> FailureKind,
    peer: Option<P>,
    pub(super) open: bool,
    connect_by: Duration,
    heard_at: Duration,
    up: Pipe,
    down: Pipe,
}

impl<P: Peer> Socket<P> {
    pub(super) fn connect(
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

    pub(super) fn opened(&mut self, now: Duration) {
        self.open = true;
        self.heard_at = now;
    }

    pub(super) fn send(&mut self, message: Sent, now: Duration, out: &mut VecDeque<Out>) {
        let what = Heard::ToVendor(message);
        out.push_back(Out::At(
            self.up.arrival(now),
            (self.tag)(self.connection, what),
        ));
    }

    /// The text that came, if one did.
    pub(super) fn take(
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

    pub(super) fn poll_timeout(&self) -> Option<Duration> {
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

    pub(super) fn handle_timeout(
        &mut self,
        now: Duration,
        out: &mut VecDeque<Out>,
    ) -> Option<FailureKind> {
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
