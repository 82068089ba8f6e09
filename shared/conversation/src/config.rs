//! What a call is held with, and how many vendors stand behind each ability.

use std::time::Duration;

use model::{AgentFields, BargeIn, CallSnapshot, SilencePolicy, Speaker, Turn, TurnInput};

use crate::opt_out;
use crate::speaking::canned::Phrases;

/// More of one key is an entry of something else.
const OPT_OUT_PRESSES_MAX: usize = 3;

/// How many vendors are in each chain. A chain always has at least one: zero counts as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Routes {
    pub recognition: usize,
    pub generation: usize,
    pub synthesis: usize,
}

/// The parts of the snapshot that decide how a conversation goes.
pub(crate) struct Config {
    /// That the call is recorded, where it is from then on.
    pub(crate) notice: Option<String>,
    pub(crate) greeting: String,
    pub(crate) greeting_guard: BargeIn,
    pub(crate) guard: BargeIn,
    pub(crate) farewell: String,
    pub(crate) phrases: Phrases,
    pub(crate) silence: SilencePolicy,
    /// What is left on a mailbox.
    pub(crate) voicemail_message: Option<String>,
    /// Who calls and why, for a screening service.
    pub(crate) screening_answer: String,
    pub(crate) opt_out_key: Option<char>,
    /// What is said to somebody who wants no more calls.
    pub(crate) acknowledgement: String,
    pub(crate) false_interruption: Duration,
}

impl Config {
    pub(crate) fn new(snapshot: &CallSnapshot) -> Self {
        let agent: &AgentFields = &snapshot.agent;
        let guard = agent.turn_taking.barge_in;
        let greeting_guard = if agent.greeting_interruptible {
            guard
        } else {
            BargeIn::Protected
        };
        let answering = &snapshot.answering;
        let phrases = Phrases::of(&agent.language);
        let introduction = phrases.introduction(
            answering.business_name.as_deref(),
            answering.purpose.as_deref(),
        );
        Self {
            voicemail_message: answering.voicemail_message.clone(),
            // The greeting says who calls where nothing else does.
            screening_answer: (answering.screening_answer.clone().or(introduction))
                .unwrap_or_else(|| snapshot.prompt.greeting.clone()),
            opt_out_key: answering.opt_out_key,
            acknowledgement: (answering.opt_out_acknowledgement.clone())
                .unwrap_or_else(|| phrases.opted_out.to_owned()),
            notice: snapshot.notice.clone(),
            greeting: snapshot.prompt.greeting.clone(),
            greeting_guard,
            guard,
            farewell: agent.farewell.clone(),
            phrases,
            silence: agent.silence,
            false_interruption: millis(agent.turn_taking.false_interruption_ms),
        }
    }

    /// Whether the customer's words or keys say that they want no more calls.
    pub(crate) fn asks_to_stop(&self, turn: &Turn) -> bool {
        turn.speaker == Speaker::Customer
            && match turn.input {
                TurnInput::Speech => opt_out::is_asked(&turn.text),
                TurnInput::Keypad => self.is_opt_out_key(&turn.text),
            }
    }

    /// Whether these keys, entered by themselves, are the one that opts out.
    pub(crate) fn is_opt_out_key(&self, keys: &str) -> bool {
        let Some(key) = self.opt_out_key else {
            return false;
        };
        let keys = if key == '#' {
            keys
        } else {
            keys.strip_suffix('#').unwrap_or(keys)
        };
        // Impatient people press it again.
        !keys.is_empty() && keys.len() <= OPT_OUT_PRESSES_MAX && keys.chars().all(|one| one == key)
    }
}

/// The last words to a customer who presses these keys, each for itself, while no conversation hears them; `None`:
/// none of them opts out.
#[must_use]
pub fn opted_out_by_keys(snapshot: &CallSnapshot, keys: &str) -> Option<String> {
    let config = Config::new(snapshot);
    let mut buffer = [0; 4];
    let opts_out = keys
        .chars()
        .any(|key| config.is_opt_out_key(key.encode_utf8(&mut buffer)));
    opts_out.then_some(config.acknowledgement)
}

/// A setting in milliseconds as a duration.
pub(crate) fn millis(ms: u32) -> Duration {
    Duration::from_millis(u64::from(ms))
}
