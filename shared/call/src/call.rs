//! One conversation.

use std::collections::VecDeque;

use model::{CallSnapshot, CallTime, Outcome, Turn};

use crate::config::Config;
use crate::{Action, CarrierClosed, Event, Routes, ToolSpec};

/// One call. Feed it events, drain its actions, wake it when it asks to be woken.
#[derive(Debug)]
pub struct Call {
    #[expect(dead_code, reason = "read by the conversation, which follows")]
    config: Config,
    actions: VecDeque<Action>,
    ended: bool,
}

impl Call {
    /// A call that has not been connected yet. `history` is empty unless the call is resumed on this
    /// worker: then it is every turn stored so far, in order.
    #[must_use]
    pub fn new(snapshot: &CallSnapshot, routes: Routes, history: Vec<Turn>) -> Self {
        drop(history);
        Self {
            config: Config::new(snapshot, routes),
            actions: VecDeque::new(),
            ended: false,
        }
    }

    /// Adds tools that the session runs itself, by [`Action::RunTool`], beside those of the agent
    /// that the core knows.
    #[must_use]
    pub fn with_session_tools(self, tools: Vec<ToolSpec>) -> Self {
        drop(tools);
        self
    }

    /// Takes note of something that happened. `now` never goes back; if it does, it counts as the
    /// latest time seen.
    pub fn handle(&mut self, event: Event, _now: CallTime) {
        if self.ended {
            return;
        }
        if let Event::CarrierClosed(closed) = event {
            let outcome = match closed {
                CarrierClosed::Stopped => Outcome::CalleeHungUp,
                CarrierClosed::Lost => Outcome::StreamLost,
            };
            self.ended = true;
            self.actions.push_back(Action::End(outcome));
        }
    }

    /// Does what is due at `now`. Calling it too early does nothing.
    pub fn handle_timeout(&mut self, _now: CallTime) {}

    /// When the call wants to be woken next, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(CallTime, &'static str)> {
        None
    }

    /// The next thing to do; to be called until it answers `None`.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }
}
