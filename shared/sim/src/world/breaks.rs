//! Streams that break and workers that die while the person stays on the line.

use std::collections::BTreeSet;
use std::time::Duration;

use model::{Speaker, Turn, TurnKind};

/// One break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Break {
    pub when: Broke,
    /// The worker dies: what it did not store is lost. Else it is the stream alone, and the worker knows.
    pub kills: bool,
    /// From there to the next stream.
    pub gap: Duration,
}

/// When something breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broke {
    /// So long after the call was answered.
    At(Duration),
    /// So long after the carrier has a verdict: before its callback, or after.
    AfterVerdict(Duration),
    /// So long after this turn of the customer, from 1: while they wait for an answer, or hear it.
    AfterTurn { nth: usize, wait: Duration },
}

/// What a break broke into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gap {
    BeforeVerdict,
    AfterVerdict,
    /// The customer waited for an answer.
    Owed,
    /// And spoke into what they were told about the line.
    SpokenInto,
    /// A message was being left.
    InMessage,
}

/// The breaks that there were.
#[derive(Debug, Default)]
pub(super) struct Breaks {
    breaking: bool,
    verdict_at: Option<Duration>,
    at: Vec<Duration>,
    gaps: BTreeSet<Gap>,
}

impl Breaks {
    pub(super) fn begin(&mut self) {
        self.breaking = true;
    }

    pub(super) fn end(&mut self) {
        self.breaking = false;
    }

    pub(super) fn is_breaking(&self) -> bool {
        self.breaking
    }

    /// How many there were.
    pub(super) fn count(&self) -> usize {
        self.at.len()
    }

    pub(super) fn verdict_at(&mut self, at: Duration) {
        self.verdict_at.get_or_insert(at);
    }

    /// There is one now, and this is what was said before.
    pub(super) fn note(&mut self, now: Duration, turns: &[Turn]) {
        self.at.push(now);
        let mut said = turns.iter().filter(|turn| turn.kind != TurnKind::Bridge);
        match said.next_back() {
            Some(last) if last.speaker == Speaker::Customer => {
                self.gaps.insert(Gap::Owed);
            }
            Some(last) if last.kind == TurnKind::Voicemail => {
                self.gaps.insert(Gap::InMessage);
            }
            Some(_) | None => {}
        }
    }

    /// What they broke into, now that everything is known.
    pub(super) fn gaps(&self, turns: &[Turn]) -> BTreeSet<Gap> {
        let mut gaps = self.gaps.clone();
        if let Some(verdict) = self.verdict_at {
            gaps.extend(self.at.iter().map(|at| {
                if *at < verdict {
                    Gap::BeforeVerdict
                } else {
                    Gap::AfterVerdict
                }
            }));
        }
        let into = |bridge: &Turn| {
            let mut customers = turns
                .iter()
                .filter(|turn| turn.speaker == Speaker::Customer);
            customers.any(|said| {
                said.started_at <= bridge.ended_at && said.ended_at >= bridge.started_at
            })
        };
        let mut bridges = turns.iter().filter(|turn| turn.kind == TurnKind::Bridge);
        let spoken_into = bridges.any(into);
        if spoken_into && gaps.contains(&Gap::Owed) {
            gaps.insert(Gap::SpokenInto);
        }
        gaps
    }
}
