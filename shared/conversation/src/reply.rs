//! The language model's part: asking it, taking its words and tool calls, and trying again.

pub(crate) mod history;
pub(crate) mod rounds;
pub(crate) mod tools;

use std::sync::Arc;
use std::time::Duration;

use model::{BargeIn, Outcome, Stage, TurnKind, Waterfall};

use crate::conversation::{Agent, Conversation};
use crate::reply::rounds::{MODEL_SILENT_MAX, Reply, ReplyState, Round, ToolRun};
use crate::reply::tools::{Prepared, ROUNDS_MAX, TOOL_MS_MAX};
use crate::speaking::speech::{Speech, Then};
use crate::{
    Action, ChatMessage, FailureKind, Generate, Generation, GenerationId, Observation, ToolCall,
};

/// Before the same vendor is asked again.
const RETRY_WAIT: Duration = Duration::from_millis(200);
/// A vendor that asks for a longer pause gets this one: nobody waits longer on the phone.
const RETRY_WAIT_MAX: Duration = Duration::from_secs(2);
/// What the model reads when it is to finish what it began.
const GO_ON: &str = "(You were cut off. Go on exactly where your last message stops. Do not repeat \
                     any of it and do not mention this.)";
const TOOL_LATE: &str = "The tool did not answer in time.";

impl Conversation {
    /// Answers what the customer said, and with it everything that waited for an answer.
    pub(crate) fn answer(&mut self, mut waterfall: Waterfall) {
        self.waiting.waterfall = None;
        if self.answered_elsewhere(&waterfall) {
            return;
        }
        waterfall.reach(Stage::TurnEnded, self.now);
        let speech = Speech::answer(self.config.guard, waterfall, self.now, &mut self.out);
        self.agent = Agent::Speaking(Box::new(speech));
        self.check_reply();
    }

    /// Answers what waits for it, once the agent is silent. What the customer goes on with is answered
    /// together with it.
    pub(crate) fn reply_to_waiting(&mut self) {
        self.note_waiting();
        if self.hearing.has_words() || self.keypad.is_some() {
            return;
        }
        if let Some(waterfall) = self.waiting.waterfall.take() {
            self.answer(waterfall);
        }
    }

    /// The model knows what waits: it was said before everything that comes now.
    pub(crate) fn note_waiting(&mut self) {
        for message in std::mem::take(&mut self.waiting.messages) {
            self.history.push(message);
        }
    }

    pub(crate) fn generation(&mut self, id: GenerationId, event: Generation) {
        let asked = self.reply_mut().and_then(|answer| answer.asked());
        let Agent::Speaking(speech) = &mut self.agent else {
            self.out.observe(Observation::StaleDropped);
            return;
        };
        let Some(answer) = speech.answer.as_mut().filter(|_| asked == Some(id)) else {
            self.out.observe(Observation::StaleDropped);
            return;
        };
        match event {
            Generation::Text(text) => {
                let chunks = answer.take_text(&text, self.now);
                let full = answer.is_full();
                speech.reach(Stage::FirstToken, self.now);
                for chunk in chunks {
                    speech.say(&chunk);
                }
                if full {
                    self.out.push(Action::CancelGeneration(id));
                    self.round_over();
                }
            }
            Generation::ToolCall {
                id,
                name,
                arguments,
            } => {
                let call = ToolCall {
                    id,
                    name,
                    arguments,
                };
                answer.add_call(call, self.now);
                speech.reach(Stage::FirstToken, self.now);
            }
            Generation::Finished { .. } => self.round_over(),
            Generation::Failed(failure) => self.reply_failed(failure.kind),
        }
    }

    pub(crate) fn tool_done(&mut self, id: &str, result: &Result<String, String>) {
        let taken = self
            .reply_mut()
            .is_some_and(|answer| answer.add_result(id, result));
        if taken {
            self.tools_may_be_done();
        } else {
            self.out.observe(Observation::StaleDropped);
        }
    }

    /// Asks the model, or stops waiting for it or for a tool.
    pub(crate) fn check_reply(&mut self) {
        let now = self.now;
        let Some(answer) = self.reply_mut() else {
            return;
        };
        match &answer.state {
            ReplyState::Due { at } if *at <= now => self.ask(),
            ReplyState::Asked { id, silent_at, .. } if *silent_at <= now => {
                let id = *id;
                self.out.push(Action::CancelGeneration(id));
                self.reply_failed(FailureKind::Silent);
            }
            ReplyState::Tools { until, .. } if *until <= now => {
                answer.fail_running_tools(TOOL_LATE);
                self.tools_may_be_done();
            }
            ReplyState::Due { .. }
            | ReplyState::Asked { .. }
            | ReplyState::Tools { .. }
            | ReplyState::Complete => {}
        }
    }

    fn ask(&mut self) {
        let id = self.out.name_generation();
        let Agent::Speaking(speech) = &mut self.agent else {
            return;
        };
        let text = speech.text();
        let Some(answer) = &mut speech.answer else {
            return;
        };
        let mut messages = self.history.messages();
        let (rounds, from) = answer.messages(&text);
        messages.extend(rounds.into_iter().map(Arc::new));
        let said = text.get(from..).unwrap_or_default().trim();
        if !said.is_empty() {
            append_agent(&mut messages, said);
        }
        if answer.goes_on {
            messages.push(Arc::new(ChatMessage::System(GO_ON.to_owned())));
        }
        answer.state = ReplyState::Asked {
            id,
            silent_at: self.now + MODEL_SILENT_MAX,
            calls: Vec::new(),
            said_something: false,
        };
        let tools = self.tools.offered(answer.rounds.len());
        speech.reach(Stage::ModelAsked, self.now);
        self.out.push(Action::Generate(Generate {
            id,
            route: self.models.route,
            messages,
            tools,
        }));
    }

    /// The model finished: its words are all here, and its tools are run.
    fn round_over(&mut self) {
        let Agent::Speaking(speech) = &mut self.agent else {
            return;
        };
        let Some(answer) = &mut speech.answer else {
            return;
        };
        let finished = std::mem::replace(&mut answer.state, ReplyState::Complete);
        let ReplyState::Asked {
            calls,
            said_something,
            ..
        } = finished
        else {
            answer.state = finished;
            return;
        };
        let rest = answer.splitter.finish();
        if !said_something && answer.failures == 0 && !answer.goes_on {
            // An answer without a word is a hiccup once; twice, the model has nothing to say.
            answer.failures += 1;
            answer.state = ReplyState::Due { at: self.now };
            self.out.observe(Observation::GenerationRetried);
            self.check_reply();
            return;
        }
        answer.failures = 0;
        answer.goes_on = false;
        // Whoever uses tools that were not offered any more does not get them.
        let wants_tools = !calls.is_empty() && answer.rounds.len() < ROUNDS_MAX;
        if let Some(rest) = rest {
            speech.say(&rest);
        }
        if wants_tools {
            self.run_tools(calls);
        }
    }

    fn run_tools(&mut self, calls: Vec<ToolCall>) {
        let Agent::Speaking(speech) = &mut self.agent else {
            return;
        };
        let text_end = speech.text().len();
        let mut ends_call = None;
        let mut uses = Vec::with_capacity(calls.len());
        for call in calls {
            let result = match self.tools.prepare(&call) {
                Prepared::Run => {
                    self.out.push(Action::RunTool(call.clone()));
                    None
                }
                Prepared::EndCall { farewell } => {
                    ends_call.get_or_insert(farewell);
                    Some(Ok("The call ends after these words.".to_owned()))
                }
                Prepared::Refused(problem) => Some(Err(problem)),
            };
            uses.push(ToolRun { call, result });
        }
        if let Some(farewell) = &ends_call {
            // From here on the last words are said to their end.
            speech.kind = TurnKind::Farewell;
            speech.guard = BargeIn::Protected;
            speech.then = Then::End(Outcome::AgentEnded);
            match farewell {
                Some(words) => speech.say(words),
                None if !speech.has_words() => speech.say(&self.config.farewell),
                None => {}
            }
        }
        if let Some(answer) = &mut speech.answer {
            answer.rounds.push(Round { text_end, uses });
            answer.state = ReplyState::Tools {
                until: self.now + Duration::from_millis(TOOL_MS_MAX),
                ends_call: ends_call.is_some(),
            };
        }
        self.tools_may_be_done();
    }

    /// Once every tool has a result the model goes on, unless it ended the call.
    fn tools_may_be_done(&mut self) {
        let now = self.now;
        let Some(answer) = self.reply_mut() else {
            return;
        };
        let ReplyState::Tools { ends_call, .. } = answer.state else {
            return;
        };
        if !answer.tools_are_done() {
            return;
        }
        answer.state = if ends_call {
            ReplyState::Complete
        } else {
            ReplyState::Due { at: now }
        };
        self.check_reply();
    }

    fn reply_failed(&mut self, kind: FailureKind) {
        let Agent::Speaking(speech) = &mut self.agent else {
            return;
        };
        let said_something = speech.has_words();
        let Some(answer) = &mut speech.answer else {
            return;
        };
        answer.failures += 1;
        if !self.models.allows_retry(answer.failures, kind.may_heal()) {
            answer.state = ReplyState::Complete;
            self.apologise(Outcome::VendorFailed);
            return;
        }
        let same_vendor = answer.failures == self.models.length;
        answer.start_over(said_something, self.now + retry_wait(kind, same_vendor));
        self.models.advance();
        self.out.observe(Observation::GenerationRetried);
        self.check_reply();
    }

    fn reply_mut(&mut self) -> Option<&mut Reply> {
        match &mut self.agent {
            Agent::Speaking(speech) => speech.answer.as_mut(),
            Agent::Offline(_) | Agent::Listening | Agent::Stopped(_) | Agent::Ended => None,
        }
    }
}

/// How long to wait before the next try: not at all where another vendor is asked.
fn retry_wait(kind: FailureKind, same_vendor: bool) -> Duration {
    if !same_vendor {
        return Duration::ZERO;
    }
    if let FailureKind::RateLimited {
        retry_after: Some(wait),
    } = kind
    {
        return wait.min(RETRY_WAIT_MAX);
    }
    RETRY_WAIT
}

/// Adds the agent's words, to its last message where that is the one before.
fn append_agent(messages: &mut Vec<Arc<ChatMessage>>, words: &str) {
    let text = match messages.last().map(|last| &**last) {
        Some(ChatMessage::Agent { text, tool_calls }) if tool_calls.is_empty() => {
            let text = format!("{text} {words}");
            messages.pop();
            text
        }
        Some(_) | None => words.to_owned(),
    };
    messages.push(Arc::new(ChatMessage::Agent {
        text,
        tool_calls: Vec::new(),
    }));
}
