//! What a call does, step by step, in no carrier's language.
//!
//! A carrier writes them down in its own when they are sent, and checks its own limits then.

use std::fmt;

use url::Url;

use crate::capability::Capability;

/// The steps of a call, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Instructions {
    steps: Vec<Instruction>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instruction {
    /// A two-way media stream to our worker; the call goes on with the next step when our server closes
    /// the stream's socket.
    Stream(Stream),
    /// Goes on with the instructions that a POST to this address answers.
    Redirect(Url),
    /// Says a sentence with the carrier's own voice. `language` is BCP 47, as in `en-US`; empty, the
    /// carrier's own.
    Say { text: String, language: String },
    /// Waits in silence.
    Pause { seconds: u8 },
    /// Says a sentence, as [`Self::Say`] does, and waits in silence, until a key is pressed.
    AwaitKey(AwaitKey),
    /// Ends the call.
    HangUp,
    /// Does not take an inbound call.
    Reject(Reject),
}

/// A two-way media stream to our worker.
#[derive(Clone, PartialEq, Eq)]
pub struct Stream {
    /// `wss`, or `ws` towards a simulated carrier; no query and no fragment, which carriers drop.
    pub url: Url,
    /// Where the carrier tells of the stream's start, stop and errors.
    pub status_callback: Option<Url>,
    /// What arrives again in the stream's start message. Names are unique.
    pub parameters: Vec<(String, String)>,
}

/// Listens for one key. Only for carriers with [`Capability::KeyEntry`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwaitKey {
    /// Said first, where there is something to say; a key cuts it short.
    pub text: String,
    /// Of the sentence.
    pub language: String,
    /// How long it listens once the sentence is over, 1 at least. Without a key the next step follows.
    pub seconds: u8,
    /// The call goes on with the instructions that a POST to this address answers, which tells the key:
    /// [`crate::report::CallRequest::keys`].
    pub pressed: Url,
}

/// Why a call is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reject {
    /// "The number you have dialled is not in service."
    NotInService,
    /// A busy tone.
    Busy,
}

/// Why instructions cannot be sent to a carrier. Never repeats a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InstructionsProblem {
    #[error("they have {chars} characters, more than {max}")]
    TooLong { chars: usize, max: usize },
    #[error("name and value of a parameter have more than {max} characters")]
    ParameterTooLong { max: usize },
    #[error("a parameter's name is empty or comes twice")]
    ParameterName,
    #[error("a stream's URL has scheme wss (or ws on a laptop) and no query or fragment")]
    StreamUrl,
    #[error("a callback's URL has scheme https or http, and a host without underscore")]
    CallbackUrl,
    #[error("a character that cannot be carried")]
    Character,
    #[error("there is no instruction")]
    Empty,
}

impl Instructions {
    /// Ends the call.
    #[must_use]
    pub fn hang_up() -> Self {
        Self::default().then(Instruction::HangUp)
    }

    /// Does not take an inbound call.
    #[must_use]
    pub fn reject(why: Reject) -> Self {
        Self::default().then(Instruction::Reject(why))
    }

    /// Hands the call to our worker and asks `resume` what to do once the worker's socket is closed,
    /// for whatever reason.
    #[must_use]
    pub fn connect(stream: Stream, resume: Url) -> Self {
        Self::default()
            .then(Instruction::Stream(stream))
            .then(Instruction::Redirect(resume))
    }

    /// Says a sentence with the carrier's own voice and ends the call: the last resort when no worker
    /// can speak.
    #[must_use]
    pub fn say_and_hang_up(text: &str, language: &str) -> Self {
        Self::default()
            .say(text, language)
            .then(Instruction::HangUp)
    }

    #[must_use]
    pub fn say(self, text: &str, language: &str) -> Self {
        self.then(Instruction::Say {
            text: text.to_owned(),
            language: language.to_owned(),
        })
    }

    #[must_use]
    pub fn then(mut self, step: Instruction) -> Self {
        self.steps.push(step);
        self
    }

    #[must_use]
    pub fn steps(&self) -> &[Instruction] {
        &self.steps
    }

    /// What only a carrier with it can follow.
    #[must_use]
    pub fn needs(&self) -> Option<Capability> {
        let awaits_key = |step: &Instruction| matches!(step, Instruction::AwaitKey(_));
        let awaits_key = self.steps.iter().any(awaits_key);
        awaits_key.then_some(Capability::KeyEntry)
    }
}

impl fmt::Debug for Stream {
    /// Without the parameters: one of them is a one-use token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stream({} parameters)", self.parameters.len())
    }
}
