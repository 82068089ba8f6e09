//! What the core wants done, in order, and the names it gives to what it starts.

use std::collections::VecDeque;

use crate::{Action, GenerationId, Observation, UtteranceId};

/// Actions that wait to be taken, and the next free names.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    actions: VecDeque<Action>,
    next_generation: u32,
    next_utterance: u32,
}

impl Outbox {
    pub(crate) fn push(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    pub(crate) fn observe(&mut self, observation: Observation) {
        self.push(Action::Observe(observation));
    }

    pub(crate) fn pop(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    pub(crate) const fn name_generation(&mut self) -> GenerationId {
        let id = GenerationId(self.next_generation);
        self.next_generation = self.next_generation.saturating_add(1);
        id
    }

    pub(crate) const fn name_utterance(&mut self) -> UtteranceId {
        let id = UtteranceId(self.next_utterance);
        self.next_utterance = self.next_utterance.saturating_add(1);
        id
    }
}

/// A chain of vendors, and the one in use: the last that worked serves the rest of the call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chain {
    pub(crate) route: usize,
    pub(crate) length: usize,
}

impl Chain {
    pub(crate) const fn new(length: usize) -> Self {
        Self { route: 0, length }
    }

    pub(crate) const fn advance(&mut self) {
        self.route = (self.route + 1) % self.length;
    }

    /// Whether another try makes sense after `failures` of them in a row: each vendor gets one, and
    /// the first a second one unless it said that this is of no use.
    pub(crate) const fn allows_retry(&self, failures: usize, may_heal: bool) -> bool {
        failures < self.length || failures == self.length && may_heal
    }
}
