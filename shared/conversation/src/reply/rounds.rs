//! One answer of the language model on its way: asked, streaming, using tools, failing, complete.
//!
//! It keeps where the answer stands; what is said of it is the speech's business.

use std::time::Duration;

use model::{CallTime, ToolUse};

use crate::Deadline;
use crate::reply::history::agent_text;
use crate::reply::tools::{self, CALLS_PER_ROUND_MAX};
use crate::speaking::splitter::Splitter;
use crate::{ChatMessage, GenerationId, ToolCall};

/// A model that says nothing for this long counts as failed. Customers have hung up by then.
pub(crate) const MODEL_SILENT_MAX: Duration = Duration::from_secs(8);
/// The most text of one answer, in characters: more than four minutes of speech. The rest is not
/// asked for.
const REPLY_CHARS_MAX: usize = 4_000;

/// What the model reads of a tool whose result was not waited for.
pub(crate) const CUT_OFF: &str =
    "The customer interrupted before the result came; the tool may have run.";

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) state: ReplyState,
    pub(crate) splitter: Splitter,
    pub(crate) rounds: Vec<Round>,
    /// Characters that the model wrote.
    chars: usize,
    /// Failures in a row.
    pub(crate) failures: usize,
    /// The model is to go on with what it said before, not to start over.
    pub(crate) goes_on: bool,
}

#[derive(Debug)]
pub(crate) enum ReplyState {
    /// To be asked (again) at this time.
    Due {
        at: CallTime,
    },
    /// The model writes; `calls` are the tools that it wants to use afterwards.
    Asked {
        id: GenerationId,
        silent_at: CallTime,
        calls: Vec<ToolCall>,
        /// Something came: text or a tool call.
        said_something: bool,
    },
    /// The tools of the last round are running.
    Tools {
        until: CallTime,
        ends_call: bool,
    },
    Complete,
}

/// Text followed by tool calls.
#[derive(Debug)]
pub(crate) struct Round {
    /// Where the text of this round ends in the whole text of the speech.
    pub(crate) text_end: usize,
    pub(crate) uses: Vec<ToolRun>,
}

/// One tool call; without a result while it is running.
#[derive(Debug)]
pub(crate) struct ToolRun {
    pub(crate) call: ToolCall,
    pub(crate) result: Option<Result<String, String>>,
}

impl Reply {
    pub(crate) fn new(now: CallTime) -> Self {
        Self {
            state: ReplyState::Due { at: now },
            splitter: Splitter::default(),
            rounds: Vec::new(),
            chars: 0,
            failures: 0,
            goes_on: false,
        }
    }

    /// The rest of an answer of which something was said already.
    pub(crate) fn going_on(now: CallTime) -> Self {
        Self {
            splitter: Splitter::in_mid_speech(),
            goes_on: true,
            ..Self::new(now)
        }
    }

    /// Has the rest said by another try; `said` when some of it was said already.
    pub(crate) fn start_over(&mut self, said: bool, at: CallTime) {
        self.state = ReplyState::Due { at };
        self.goes_on |= said;
        self.splitter = if said {
            Splitter::in_mid_speech()
        } else {
            Splitter::default()
        };
    }

    /// Takes what the model wrote, as far as an answer may grow, and gives the chunks that are whole
    /// now.
    pub(crate) fn take_text(&mut self, text: &str, now: CallTime) -> Vec<String> {
        if let ReplyState::Asked {
            silent_at,
            said_something,
            ..
        } = &mut self.state
        {
            *silent_at = now + MODEL_SILENT_MAX;
            *said_something |= !text.trim().is_empty();
        }
        let room = REPLY_CHARS_MAX.saturating_sub(self.chars);
        let end = text
            .char_indices()
            .nth(room)
            .map_or(text.len(), |(at, _)| at);
        let text = text.get(..end).unwrap_or(text);
        self.chars += text.chars().count();
        self.splitter.push(text);
        std::iter::from_fn(|| self.splitter.next_chunk()).collect()
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.chars >= REPLY_CHARS_MAX
    }

    pub(crate) const fn is_complete(&self) -> bool {
        matches!(self.state, ReplyState::Complete)
    }

    /// The request under way.
    pub(crate) const fn asked(&self) -> Option<GenerationId> {
        match &self.state {
            ReplyState::Asked { id, .. } => Some(*id),
            ReplyState::Due { .. } | ReplyState::Tools { .. } | ReplyState::Complete => None,
        }
    }

    pub(crate) const fn due(&self) -> Option<(CallTime, Deadline)> {
        match &self.state {
            ReplyState::Due { at } => Some((*at, Deadline::AskModelAgain)),
            ReplyState::Asked { silent_at, .. } => Some((*silent_at, Deadline::ModelSilent)),
            ReplyState::Tools { until, .. } => Some((*until, Deadline::ToolLate)),
            ReplyState::Complete => None,
        }
    }

    /// Takes note of a tool call; what is too much is dropped.
    pub(crate) fn add_call(&mut self, call: ToolCall, now: CallTime) {
        if let ReplyState::Asked {
            calls,
            silent_at,
            said_something,
            ..
        } = &mut self.state
        {
            *silent_at = now + MODEL_SILENT_MAX;
            *said_something = true;
            if calls.len() < CALLS_PER_ROUND_MAX {
                calls.push(call);
            }
        }
    }

    /// Takes note of a tool's result. `false` when no such tool is running.
    pub(crate) fn add_result(&mut self, id: &str, result: &Result<String, String>) -> bool {
        if !matches!(self.state, ReplyState::Tools { .. }) {
            return false;
        }
        let uses = self.rounds.last_mut().map(|round| round.uses.iter_mut());
        let mut running = uses.into_iter().flatten();
        let Some(found) = running.find(|used| used.result.is_none() && used.call.id == id) else {
            return false;
        };
        found.result = Some(match result {
            Ok(text) => Ok(tools::bounded_result(text)),
            Err(text) => Err(tools::bounded_result(text)),
        });
        true
    }

    /// Ends the wait for tools that are still running.
    pub(crate) fn fail_running_tools(&mut self, why: &str) {
        let uses = self.rounds.iter_mut().flat_map(|round| &mut round.uses);
        for used in uses.filter(|used| used.result.is_none()) {
            used.result = Some(Err(why.to_owned()));
        }
    }

    pub(crate) fn tools_are_done(&self) -> bool {
        let mut uses = self.rounds.last().into_iter().flat_map(|round| &round.uses);
        uses.all(|used| used.result.is_some())
    }

    /// The tools as the transcript shows them.
    pub(crate) fn tool_uses(&self) -> Vec<ToolUse> {
        let uses = self.rounds.iter().flat_map(|round| &round.uses);
        uses.map(|used| ToolUse {
            name: used.call.name.clone(),
            arguments: used.call.arguments.clone(),
            result: used.content().to_owned(),
            ok: matches!(used.result, Some(Ok(_))),
        })
        .collect()
    }

    /// The rounds so far as the model is told them, with what of `text` was said in each, and where
    /// the text after the last one begins.
    pub(crate) fn messages(&self, text: &str) -> (Vec<ChatMessage>, usize) {
        let mut messages = Vec::new();
        let mut from = 0;
        for round in &self.rounds {
            let to = round.text_end.min(text.len()).max(from);
            let words = text.get(from..to).unwrap_or_default().trim();
            let cut = !words.is_empty() && to < round.text_end;
            messages.push(ChatMessage::Agent {
                text: agent_text(words, cut),
                tool_calls: round.uses.iter().map(|used| used.call.clone()).collect(),
            });
            messages.extend(round.uses.iter().map(|used| ChatMessage::ToolResult {
                id: used.call.id.clone(),
                content: used.content().to_owned(),
            }));
            from = to;
        }
        (messages, from)
    }
}

impl ToolRun {
    fn content(&self) -> &str {
        match &self.result {
            Some(Ok(text) | Err(text)) => text,
            None => CUT_OFF,
        }
    }
}
