//! A simulated person on the phone: does what a script says, by listening to what is played.
//!
//! A [`Person`] is the script, built in Rust or parsed from text; [`Person::pick_up`] gives an
//! [`OnCall`], which hears samples, makes samples, and says when it presses a key or hangs up. The
//! clock is the call's own: samples since the call was answered, eight a millisecond. It understands
//! only what the audio itself carries (see [`crate::voice`]), and its [`Log`] keeps all of it.
//!
//! ```
//! use sim::person::Person;
//!
//! let built = Person::answers_after_rings(2)
//!     .says("Hello, who is this?")
//!     .when_hears("appointment").says("Tuesday is fine.")
//!     .interrupts_after_words(3).says("Wait, make it Wednesday.")
//!     .mumbles("mm-hm")
//!     .presses('1')
//!     .hangs_up_after_ms(900);
//! let parsed: Person = r#"
//!     answers after 2 rings
//!     says "Hello, who is this?"
//!     when hears "appointment"
//!     says "Tuesday is fine."
//!     interrupts after 3 words
//!     says "Wait, make it Wednesday."
//!     mumbles "mm-hm"
//!     presses 1
//!     hangs up after 900ms
//! "#.parse()?;
//! assert_eq!(built, parsed);
//! # Ok::<(), sim::person::ScriptProblem>(())
//! ```

mod log;
mod on_call;
mod script;

use crate::voice::Voice;

pub use log::{Experience, Line, Log, Side};
pub use on_call::{Deed, OnCall};
pub use script::ScriptProblem;

/// Silence of the other side that a person takes for "your turn", unless the script says otherwise:
/// longer than the pause between two sentences.
const REPLY_AFTER_MS_DEFAULT: u32 = 700;

/// A mailbox's beep, unless the script says otherwise.
const BEEP_HZ: u16 = 1_000;
const BEEP_MS: u32 = 500;
/// The tone with which a fax machine answers (ITU-T V.25).
const FAX_HZ: u16 = 2_100;
const FAX_MS: u32 = 3_000;

/// Pitch of a person's voice, unless the script says otherwise.
const PITCH_HZ_DEFAULT: u16 = 125;

/// How somebody behaves when called, and what they do on the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pickup: Pickup,
    steps: Vec<ScriptStep>,
    reply_after_ms: u32,
    pitch_hz: u16,
    rate_percent: u32,
}

/// What happens when the phone rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pickup {
    Answers {
        after_rings: u32,
        by: CarrierVerdict,
    },
    Busy,
    NoAnswer,
    /// The network says that there is no such number.
    Unreachable,
}

/// Who or what picks up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CarrierVerdict {
    Human,
    /// A mailbox.
    Machine,
    /// A service that asks who calls before it puts anybody through.
    Screening,
    Fax,
}

/// One thing to do; the next begins when it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ScriptStep {
    Says { text: String, when: When },
    Mumbles(String),
    Coughs { ms: u32 },
    Waits { ms: u32 },
    WhenHears(Vec<String>),
    Presses(char),
    Beeps { hz: u16, ms: u32 },
    HangsUp { after_ms: u32 },
}

/// When to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// Take turns: when the other side has spoken and then been quiet. After a `waits` or a `when
    /// hears` the other side's quiet is enough.
    MyTurn,
    /// As soon as the other side has said this many words of its turn.
    AfterWords(u32),
    /// At once.
    Now,
}

impl Person {
    /// Picks up after this many rings (0 picks up at once).
    #[must_use]
    pub fn answers_after_rings(rings: u32) -> Self {
        Self::with(Pickup::Answers {
            after_rings: rings,
            by: CarrierVerdict::Human,
        })
    }

    /// The line is busy.
    #[must_use]
    pub fn busy() -> Self {
        Self::with(Pickup::Busy)
    }

    /// Lets it ring.
    #[must_use]
    pub fn no_answer() -> Self {
        Self::with(Pickup::NoAnswer)
    }

    /// There is no such number.
    #[must_use]
    pub fn unreachable() -> Self {
        Self::with(Pickup::Unreachable)
    }

    /// A call screening service that asks this at once. What it and the person say after the answer are
    /// steps like all others.
    #[must_use]
    pub fn screening(question: &str) -> Self {
        Self::with(Pickup::Answers {
            after_rings: 1,
            by: CarrierVerdict::Screening,
        })
        .opens_with(question)
    }

    /// A mailbox that plays this greeting; add [`Self::beep`] and it listens to the message.
    #[must_use]
    pub fn voicemail(greeting: &str) -> Self {
        Self::with(Pickup::Answers {
            after_rings: 3,
            by: CarrierVerdict::Machine,
        })
        .opens_with(greeting)
    }

    /// A fax machine.
    #[must_use]
    pub fn fax() -> Self {
        Self::with(Pickup::Answers {
            after_rings: 1,
            by: CarrierVerdict::Fax,
        })
        .beeps(FAX_HZ, FAX_MS)
    }

    /// Speaks when it is their turn: the other side has spoken since their last words and has been
    /// quiet for a moment. After [`Self::waits_ms`] and [`Self::when_hears`] the quiet is enough.
    #[must_use]
    pub fn says(self, text: &str) -> Self {
        let when = match self.steps.last() {
            Some(ScriptStep::Says {
                text,
                when: When::AfterWords(words),
            }) if text.is_empty() => Some(*words),
            Some(_) | None => None,
        };
        if let Some(words) = when {
            let mut person = self;
            person.steps.pop();
            return person.step(ScriptStep::Says {
                text: text.to_owned(),
                when: When::AfterWords(words),
            });
        }
        self.step(ScriptStep::Says {
            text: text.to_owned(),
            when: When::MyTurn,
        })
    }

    /// Speaks without waiting for anything.
    #[must_use]
    pub fn opens_with(self, text: &str) -> Self {
        self.step(ScriptStep::Says {
            text: text.to_owned(),
            when: When::Now,
        })
    }

    /// What is said next comes as soon as the other side has said this many words of its turn,
    /// whether or not it has finished.
    #[must_use]
    pub fn interrupts_after_words(self, words: u32) -> Self {
        self.step(ScriptStep::Says {
            text: String::new(),
            when: When::AfterWords(words),
        })
    }

    /// A sound of agreement while the other side speaks; does not take the turn.
    #[must_use]
    pub fn mumbles(self, text: &str) -> Self {
        self.step(ScriptStep::Mumbles(text.to_owned()))
    }

    /// Noise without words, at once.
    #[must_use]
    pub fn coughs_ms(self, ms: u32) -> Self {
        self.step(ScriptStep::Coughs { ms })
    }

    #[must_use]
    pub fn waits_ms(self, ms: u32) -> Self {
        self.step(ScriptStep::Waits { ms })
    }

    /// Waits until these words were heard, in this order and nothing between them, whatever their
    /// capitals and punctuation.
    #[must_use]
    pub fn when_hears(self, words: &str) -> Self {
        self.step(ScriptStep::WhenHears(plain_words(words)))
    }

    /// Presses a key (`0-9 * # A-D`).
    #[must_use]
    pub fn presses(self, key: char) -> Self {
        self.step(ScriptStep::Presses(key))
    }

    /// A mailbox's beep.
    #[must_use]
    pub fn beep(self) -> Self {
        self.beeps(BEEP_HZ, BEEP_MS)
    }

    /// A tone of this pitch and length: from its end on a mailbox records.
    #[must_use]
    pub fn beeps(self, hz: u16, ms: u32) -> Self {
        self.step(ScriptStep::Beeps { hz, ms })
    }

    #[must_use]
    pub fn hangs_up_after_ms(self, ms: u32) -> Self {
        self.step(ScriptStep::HangsUp { after_ms: ms })
    }

    /// How long the other side must be quiet before this person answers.
    #[must_use]
    pub fn replies_after_ms(mut self, ms: u32) -> Self {
        self.reply_after_ms = ms;
        self
    }

    /// How high and how fast they speak: pitch in Hz (80 to 260), speed in percent (100 is normal).
    #[must_use]
    pub fn sounds(mut self, pitch_hz: u16, rate_percent: u32) -> Self {
        self.pitch_hz = pitch_hz;
        self.rate_percent = rate_percent;
        self
    }

    /// Rings after which a mailbox or fax picks up, instead of the usual number.
    #[must_use]
    pub fn after_rings(mut self, rings: u32) -> Self {
        if let Pickup::Answers { after_rings, .. } = &mut self.pickup {
            *after_rings = rings;
        }
        self
    }

    /// Whether a mailbox's beep is in the script.
    #[must_use]
    pub fn has_beep(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(step, ScriptStep::Beeps { .. }))
    }

    /// What happens when it rings.
    #[must_use]
    pub const fn pickup(&self) -> Pickup {
        self.pickup
    }

    /// The call is answered now: the person begins to act.
    #[must_use]
    pub fn pick_up(&self) -> OnCall {
        OnCall::new(self)
    }

    fn voice(&self) -> Voice {
        Voice::new(self.pitch_hz).at_rate(self.rate_percent)
    }

    fn with(pickup: Pickup) -> Self {
        Self {
            pickup,
            steps: Vec::new(),
            reply_after_ms: REPLY_AFTER_MS_DEFAULT,
            pitch_hz: PITCH_HZ_DEFAULT,
            rate_percent: 100,
        }
    }

    fn step(mut self, step: ScriptStep) -> Self {
        self.steps.push(step);
        self
    }
}

/// Words without capitals and punctuation.
fn plain_words(text: &str) -> Vec<String> {
    text.split_whitespace()
        .map(|word| {
            let letters = word.chars().filter(|letter| letter.is_alphanumeric());
            letters.flat_map(char::to_lowercase).collect::<String>()
        })
        .filter(|word| !word.is_empty())
        .collect()
}

#[cfg(test)]
mod tests;
