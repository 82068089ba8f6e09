//! Keeps speech recognition alive: asks for a new connection when one is lost, and knows when to
//! give up.

use std::time::Duration;

use model::CallTime;

use crate::FailureKind;
use crate::outbox::Chain;

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

/// The connection to the recogniser.
#[derive(Debug)]
pub(crate) struct Recogniser {
    state: State,
    chain: Chain,
    losses: u32,
    /// Vendors in a row that said that another try is of no use.
    hopeless: usize,
}

#[derive(Debug, Clone, Copy)]
enum State {
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
pub(crate) enum Step {
    Nothing,
    Open { route: usize },
    GiveUp,
}

impl Recogniser {
    /// The session opens the first connection by itself.
    pub(crate) fn new(routes: usize, now: CallTime) -> Self {
        Self {
            state: State::Opening {
                until: now + OPENING_MAX,
            },
            chain: Chain::new(routes),
            losses: 0,
            hopeless: 0,
        }
    }

    pub(crate) fn opened(&mut self, now: CallTime) {
        match self.state {
            State::Opening { .. } | State::Waiting { .. } => {
                self.state = State::Open { since: now };
                self.hopeless = 0;
            }
            State::Open { .. } | State::GivenUp => {}
        }
    }

    /// A result came: the connection works.
    pub(crate) fn works(&mut self, now: CallTime) {
        self.opened(now);
        self.losses = 0;
    }

    pub(crate) fn lost(&mut self, kind: FailureKind, now: CallTime) -> Step {
        match self.state {
            // A loss that is told twice.
            State::Waiting { .. } | State::GivenUp => return Step::Nothing,
            State::Open { since } if now.since(since) >= STEADY => self.losses = 0,
            State::Open { .. } | State::Opening { .. } => {}
        }
        self.losses += 1;
        self.hopeless = if kind.may_heal() {
            0
        } else {
            self.hopeless + 1
        };
        if self.losses > LOSSES_MAX || self.hopeless >= self.chain.length {
            self.state = State::GivenUp;
            return Step::GiveUp;
        }
        self.chain.advance();
        let at = now + back_off(self.losses);
        self.state = State::Waiting { at };
        self.handle_timeout(now)
    }

    pub(crate) const fn due(&self) -> Option<CallTime> {
        match self.state {
            State::Opening { until } => Some(until),
            State::Waiting { at } => Some(at),
            State::Open { .. } | State::GivenUp => None,
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: CallTime) -> Step {
        match self.state {
            State::Opening { until } if until <= now => self.lost(FailureKind::ConnectTimeout, now),
            State::Waiting { at } if at <= now => {
                self.state = State::Opening {
                    until: now + OPENING_MAX,
                };
                Step::Open {
                    route: self.chain.route,
                }
            }
            State::Opening { .. } | State::Waiting { .. } | State::Open { .. } | State::GivenUp => {
                Step::Nothing
            }
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
        let mut recogniser = Recogniser::new(routes, CallTime::ZERO);
        let mut opens = Vec::new();
        let mut now = CallTime::ZERO;
        loop {
            let mut step = recogniser.lost(kind, now);
            if step == Step::Nothing {
                now = recogniser.due().unwrap();
                step = recogniser.handle_timeout(now);
            }
            match step {
                Step::Open { route } => opens.push((now.as_millis(), route)),
                Step::GiveUp => return opens,
                Step::Nothing => panic!("nothing was due"),
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
        let mut recogniser = Recogniser::new(1, CallTime::ZERO);
        recogniser.opened(at(10));
        assert_eq!(
            recogniser.lost(FailureKind::Silent, at(20)),
            Step::Open { route: 0 }
        );
        assert_eq!(recogniser.lost(FailureKind::Closed, at(30)), Step::Nothing);
        assert_eq!(recogniser.lost(FailureKind::Closed, at(40)), Step::Nothing);
        assert_eq!(recogniser.due(), Some(at(280)));
        recogniser.works(at(100));
        assert_eq!(recogniser.due(), None);
        assert_eq!(
            recogniser.lost(FailureKind::Silent, at(200)),
            Step::Open { route: 0 }
        );
    }
}
