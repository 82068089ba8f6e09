//! Keeps speech recognition alive: asks for a new connection when one is lost, and knows when to
//! give up.

use std::time::Duration;

use model::CallTime;

use crate::FailureKind;
use crate::conversation::outbox::Chain;

/// Losses in a row before the call cannot go on: some ten seconds of deafness.
const LOSSES_MAX: u32 = 6;
/// The first new connection is asked for at once; the pause before each further one doubles.
const BACK_OFF: Duration = Duration::from_millis(250);
const BACK_OFF_MAX: Duration = Duration::from_secs(2);
/// A connection that does not stand after this long counts as lost. Longer than the time the
/// connection itself is allowed, so that this is only the backstop.
const OPENING_MAX: Duration = Duration::from_secs(10);
/// A connection that stood this long makes up for the losses before it.
const STEADY: Duration = Duration::from_secs(10);

/// The connection to the recognizer.
#[derive(Debug)]
pub(crate) struct Recognizer {
    state: RecognizerState,
    chain: Chain,
    losses: u32,
    /// Vendors in a row that said that another try is of no use.
    hopeless: usize,
}

#[derive(Debug, Clone, Copy)]
enum RecognizerState {
    Opening {
        until: CallTime,
    },
    Open {
        since: CallTime,
    },
    Waiting {
        at: CallTime,
    },
    /// No vendor is left.
    GivenUp,
}

/// What is to be done about the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecognizerStep {
    Nothing,
    Open { route: usize },
    GiveUp,
}

impl Recognizer {
    /// The session opens the first connection by itself.
    pub(crate) fn new(routes: usize, now: CallTime) -> Self {
        Self {
            state: RecognizerState::Opening {
                until: now + OPENING_MAX,
            },
            chain: Chain::new(routes),
            losses: 0,
            hopeless: 0,
        }
    }

    pub(crate) fn opened(&mut self, now: CallTime) {
        match self.state {
            RecognizerState::Opening { .. } | RecognizerState::Waiting { .. } => {
                self.state = RecognizerState::Open { since: now };
                self.hopeless = 0;
            }
            RecognizerState::Open { .. } | RecognizerState::GivenUp => {}
        }
    }

    /// A result came: the connection works.
    pub(crate) fn works(&mut self, now: CallTime) {
        self.opened(now);
        self.losses = 0;
    }

    pub(crate) fn lost(&mut self, kind: FailureKind, now: CallTime) -> RecognizerStep {
        match self.state {
            // A loss that is told twice.
            RecognizerState::Waiting { .. } | RecognizerState::GivenUp => {
                return RecognizerStep::Nothing;
            }
            RecognizerState::Open { since } if now.since(since) >= STEADY => self.losses = 0,
            RecognizerState::Open { .. } | RecognizerState::Opening { .. } => {}
        }
        self.losses += 1;
        self.hopeless = if kind.may_heal() {
            0
        } else {
            self.hopeless + 1
        };
        if self.losses > LOSSES_MAX || self.hopeless >= self.chain.length {
            self.state = RecognizerState::GivenUp;
            return RecognizerStep::GiveUp;
        }
        self.chain.advance();
        let at = now + back_off(self.losses);
        self.state = RecognizerState::Waiting { at };
        self.handle_timeout(now)
    }

    /// Whether the connection was lost, and another one is on its way.
    pub(crate) const fn is_connecting(&self) -> bool {
        match self.state {
            RecognizerState::Opening { .. } | RecognizerState::Waiting { .. } => self.losses > 0,
            RecognizerState::Open { .. } | RecognizerState::GivenUp => false,
        }
    }

    pub(crate) const fn due(&self) -> Option<CallTime> {
        match self.state {
            RecognizerState::Opening { until } => Some(until),
            RecognizerState::Waiting { at } => Some(at),
            RecognizerState::Open { .. } | RecognizerState::GivenUp => None,
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: CallTime) -> RecognizerStep {
        match self.state {
            RecognizerState::Opening { until } if until <= now => {
                self.lost(FailureKind::ConnectTimeout, now)
            }
            RecognizerState::Waiting { at } if at <= now => {
                self.state = RecognizerState::Opening {
                    until: now + OPENING_MAX,
                };
                RecognizerStep::Open {
                    route: self.chain.route,
                }
            }
            RecognizerState::Opening { .. }
            | RecognizerState::Waiting { .. }
            | RecognizerState::Open { .. }
            | RecognizerState::GivenUp => RecognizerStep::Nothing,
        }
    }
}

fn back_off(losses: u32) -> Duration {
    match losses.checked_sub(2) {
        None => Duration::ZERO,
        Some(doublings) => BACK_OFF
            .saturating_mul(2u32.saturating_pow(doublings))
            .min(BACK_OFF_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When and where new connections are asked for while each one is refused.
    fn opens(routes: usize, kind: FailureKind) -> Vec<(u64, usize)> {
        let mut recognizer = Recognizer::new(routes, CallTime::ZERO);
        let mut opens = Vec::new();
        let mut now = CallTime::ZERO;
        loop {
            let mut step = recognizer.lost(kind, now);
            if step == RecognizerStep::Nothing {
                now = recognizer.due().unwrap();
                step = recognizer.handle_timeout(now);
            }
            match step {
                RecognizerStep::Open { route } => opens.push((now.as_millis(), route)),
                RecognizerStep::GiveUp => return opens,
                RecognizerStep::Nothing => panic!("nothing was due"),
            }
        }
    }

    #[test]
    fn a_lost_connection_is_asked_for_again_with_growing_pauses_and_not_forever() {
        assert_eq!(
            opens(2, FailureKind::Closed),
            [
                (0, 1),
                (250, 0),
                (750, 1),
                (1_750, 0),
                (3_750, 1),
                (5_750, 0)
            ]
        );
    }

    #[test]
    fn a_refused_key_is_not_tried_again() {
        assert_eq!(opens(1, FailureKind::Unauthorized), []);
        assert_eq!(opens(2, FailureKind::Unauthorized), [(0, 1)]);
    }

    #[test]
    fn a_loss_told_twice_counts_once_and_results_make_up_for_losses() {
        let at = CallTime::from_millis;
        let mut recognizer = Recognizer::new(1, CallTime::ZERO);
        recognizer.opened(at(10));
        assert_eq!(
            recognizer.lost(FailureKind::Silent, at(20)),
            RecognizerStep::Open { route: 0 }
        );
        assert_eq!(
            recognizer.lost(FailureKind::Closed, at(30)),
            RecognizerStep::Nothing
        );
        assert_eq!(
            recognizer.lost(FailureKind::Closed, at(40)),
            RecognizerStep::Nothing
        );
        assert_eq!(recognizer.due(), Some(at(280)));
        recognizer.works(at(100));
        assert_eq!(recognizer.due(), None);
        assert_eq!(
            recognizer.lost(FailureKind::Silent, at(200)),
            RecognizerStep::Open { route: 0 }
        );
    }
}
