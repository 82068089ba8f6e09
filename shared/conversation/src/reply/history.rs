//! The conversation as the language model is told it.
//!
//! The front stays byte-identical from request to request, so that vendors' prompt caches hit: messages
//! are only appended, and when there are too many the oldest leave in one large step.

use std::sync::Arc;

use model::{Speaker, ToolUse, Turn, TurnInput, TurnKind};

use crate::{ChatMessage, ToolCall};

/// What stands in place of the words that the customer did not hear.
pub(crate) const INTERRUPTED: &str = "[interrupted]";

/// The most characters of conversation that a request carries: some 10,000 tokens, about an hour of
/// talk. Beyond, the oldest turns are left out, with a note in their place.
const CHARS_MAX: usize = 40_000;
/// What is kept when that happens: so much less that it happens rarely, as it empties prompt caches.
const CHARS_KEPT: usize = 28_000;
/// The most messages, whatever their length.
const MESSAGES_MAX: usize = 400;
const MESSAGES_KEPT: usize = 280;

/// System prompt and turns so far.
#[derive(Debug)]
pub(crate) struct History {
    system: Arc<ChatMessage>,
    left_out: Option<Arc<ChatMessage>>,
    left_out_count: usize,
    messages: Vec<Arc<ChatMessage>>,
    chars: usize,
}

impl History {
    pub(crate) fn new(system: &str, turns: &[Turn]) -> Self {
        let mut history = Self {
            system: Arc::new(ChatMessage::System(system.to_owned())),
            left_out: None,
            left_out_count: 0,
            messages: Vec::new(),
            chars: 0,
        };
        for turn in turns {
            history.push_turn(turn);
        }
        history
    }

    pub(crate) fn push(&mut self, message: ChatMessage) {
        self.chars += chars(&message);
        self.messages.push(Arc::new(message));
        if self.chars > CHARS_MAX || self.messages.len() > MESSAGES_MAX {
            self.leave_out_oldest();
        }
    }

    /// Adds to the agent's last message what it said when it went on after a false interruption.
    pub(crate) fn go_on(&mut self, text: &str) {
        let last = self.messages.last_mut().map(Arc::make_mut);
        if let Some(ChatMessage::Agent {
            text: said,
            tool_calls,
        }) = last
            && tool_calls.is_empty()
        {
            let before = said.chars().count();
            let heard = said.trim_end_matches(INTERRUPTED).trim_end().len();
            said.truncate(heard);
            if !text.is_empty() {
                said.push(' ');
                said.push_str(text);
            }
            let after = said.chars().count();
            self.chars = (self.chars + after).saturating_sub(before);
        } else if !text.is_empty() {
            self.push(ChatMessage::Agent {
                text: text.to_owned(),
                tool_calls: Vec::new(),
            });
        }
    }

    /// All of it, shared: for one request.
    pub(crate) fn messages(&self) -> Vec<Arc<ChatMessage>> {
        let mut all = Vec::with_capacity(self.messages.len() + 8);
        all.push(Arc::clone(&self.system));
        all.extend(self.left_out.clone());
        all.extend(self.messages.iter().cloned());
        all
    }

    pub(crate) fn push_turn(&mut self, turn: &Turn) {
        match turn.speaker {
            Speaker::Customer => {
                self.push(ChatMessage::Customer(customer_text(&turn.text, turn.input)));
            }
            // The model is told of no breaks.
            Speaker::Agent if turn.kind == TurnKind::Bridge => {}
            Speaker::Agent => {
                for (place, used) in turn.tools.iter().enumerate() {
                    self.push_tool_use(used, format!("turn{}-{place}", turn.seq));
                }
                if !turn.text.is_empty() {
                    self.push(ChatMessage::Agent {
                        text: agent_text(&turn.text, turn.interrupted),
                        tool_calls: Vec::new(),
                    });
                }
            }
        }
    }

    fn push_tool_use(&mut self, used: &ToolUse, id: String) {
        self.push(ChatMessage::Agent {
            text: String::new(),
            tool_calls: vec![ToolCall {
                id: id.clone(),
                name: used.name.clone(),
                arguments: used.arguments.clone(),
            }],
        });
        self.push(ChatMessage::ToolResult {
            id,
            content: used.result.clone(),
        });
    }

    /// Cuts only before a customer's message, so that a tool's result never loses its call.
    fn leave_out_oldest(&mut self) {
        let mut chars_left = self.chars;
        let mut cut = 0;
        for (place, message) in self.messages.iter().enumerate() {
            let small = chars_left <= CHARS_KEPT && self.messages.len() - place <= MESSAGES_KEPT;
            if small && matches!(**message, ChatMessage::Customer(_)) {
                break;
            }
            chars_left -= chars(message);
            cut = place + 1;
        }
        // The last message is what is to be answered: it stays even if it is too long alone.
        cut = cut.min(self.messages.len().saturating_sub(1));
        self.messages.drain(..cut);
        self.left_out_count += cut;
        self.chars = self.messages.iter().map(|message| chars(message)).sum();
        let note = format!(
            "(The first {} messages of this call are left out.)",
            self.left_out_count
        );
        self.left_out = Some(Arc::new(ChatMessage::System(note)));
    }
}

/// The customer's words as the model reads them: keys are told from speech.
pub(crate) fn customer_text(text: &str, input: TurnInput) -> String {
    match input {
        TurnInput::Speech => text.to_owned(),
        TurnInput::Keypad => format!("[pressed the keys {text}]"),
    }
}

/// The agent's words as the model reads them: what was heard, and that there was more.
pub(crate) fn agent_text(heard: &str, interrupted: bool) -> String {
    if interrupted {
        format!("{heard} {INTERRUPTED}")
    } else {
        heard.to_owned()
    }
}

fn chars(message: &ChatMessage) -> usize {
    match message {
        ChatMessage::System(text) | ChatMessage::Customer(text) => text.chars().count(),
        ChatMessage::Agent { text, tool_calls } => {
            let calls = tool_calls.iter().map(|call| call.arguments.chars().count());
            text.chars().count() + calls.sum::<usize>()
        }
        ChatMessage::ToolResult { content, .. } => content.chars().count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(text: &str) -> ChatMessage {
        ChatMessage::Agent {
            text: text.to_owned(),
            tool_calls: Vec::new(),
        }
    }

    #[test]
    fn a_long_call_leaves_out_its_oldest_turns_rarely_and_says_so() {
        let mut history = History::new("Be kind.", &[]);
        let mut steps = 0;
        for turn in 0..300 {
            let before = history.left_out_count;
            history.push(ChatMessage::Customer(format!("{turn} {}", "x".repeat(300))));
            history.push(agent("Fine."));
            steps += usize::from(history.left_out_count > before);
            assert!(history.chars <= CHARS_MAX);
        }
        assert_eq!(steps, 5);
        let messages = history.messages();
        assert_eq!(*messages[0], ChatMessage::System("Be kind.".to_owned()));
        assert!(matches!(&*messages[1], ChatMessage::System(note) if note.contains("left out")));
        assert!(matches!(&*messages[2], ChatMessage::Customer(_)));
        assert!(matches!(
            &**messages.last().unwrap(),
            ChatMessage::Agent { .. }
        ));
    }

    #[test]
    fn going_on_makes_one_message_of_two_halves() {
        let mut history = History::new("", &[]);
        history.push(agent(&agent_text("I can book", true)));
        history.go_on("you for Tuesday.");
        history.go_on("");
        assert_eq!(*history.messages()[1], agent("I can book you for Tuesday."));
    }
}
