//! What stops the agent while it speaks.

use std::time::Duration;

use model::BargeIn;

use crate::Interruption;
use crate::listening::backchannel;

/// With `balanced`, a single word counts once the customer has spoken for this long.
const SPEECH_MIN: Duration = Duration::from_millis(300);
/// With `balanced`, this many words count at once.
const WORDS_MIN: usize = 2;

/// What was noticed of the customer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Noticed<'a> {
    /// Voice activity, no words yet. May be noise.
    Sound,
    Words {
        text: &'a str,
        /// How long the customer has been speaking.
        spoken: Duration,
    },
    Key,
}

/// What the agent is saying at that moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Saying<'a> {
    pub(crate) guard: BargeIn,
    /// The sentence in the air.
    pub(crate) sentence: &'a str,
    /// The words around the one in the air.
    pub(crate) recent: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BargeInVerdict {
    /// The agent stops.
    Stop(Interruption),
    /// The agent goes on, and the customer goes on being listened to.
    GoOn,
    /// So far the customer only shows that they listen.
    Backchannel,
    /// The agent's own voice came back over the line.
    Echo,
}

/// Decides whether the agent stops.
pub(crate) fn judge(noticed: Noticed<'_>, saying: Saying<'_>) -> BargeInVerdict {
    let (text, spoken) = match (noticed, saying.guard) {
        (Noticed::Words { text, spoken }, _) => (text, spoken),
        (Noticed::Sound, BargeIn::Immediate) => {
            return BargeInVerdict::Stop(Interruption::SpeechStarted);
        }
        (Noticed::Key, BargeIn::Immediate | BargeIn::Balanced) => {
            return BargeInVerdict::Stop(Interruption::Key);
        }
        (Noticed::Sound, BargeIn::Balanced | BargeIn::Protected)
        | (Noticed::Key, BargeIn::Protected) => return BargeInVerdict::GoOn,
    };
    let heard = backchannel::words(text);
    if backchannel::is_echo(&heard, &backchannel::words(saying.recent)) {
        return BargeInVerdict::Echo;
    }
    // After a question, "yes" is the answer.
    if backchannel::is_acknowledgement(&heard) && !backchannel::is_question(saying.sentence) {
        return BargeInVerdict::Backchannel;
    }
    let stops = match saying.guard {
        BargeIn::Immediate => !heard.is_empty(),
        BargeIn::Balanced => {
            backchannel::is_interruption(&heard)
                || heard.len() >= WORDS_MIN
                || heard.len() == 1 && spoken >= SPEECH_MIN
        }
        BargeIn::Protected => false,
    };
    if stops {
        BargeInVerdict::Stop(Interruption::Words)
    } else {
        BargeInVerdict::GoOn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(guard: BargeIn, sentence: &str, text: &str, spoken_ms: u64) -> BargeInVerdict {
        let spoken = Duration::from_millis(spoken_ms);
        let saying = Saying {
            guard,
            sentence,
            recent: sentence,
        };
        judge(Noticed::Words { text, spoken }, saying)
    }

    #[test]
    fn each_preset_stops_for_what_it_says() {
        use BargeIn::{Balanced, Immediate, Protected};
        use BargeInVerdict::{Backchannel, Echo, GoOn, Stop};
        let stop = Stop(Interruption::Words);
        let statement = "We are open on Tuesday.";
        let question = "Is Tuesday fine?";
        let cases = [
            (Immediate, statement, "Tuesday", 100, stop),
            (Immediate, statement, "mm-hm", 100, Backchannel),
            (Immediate, question, "Yes.", 100, stop),
            (Immediate, statement, "open on tues", 900, Echo),
            (Immediate, statement, "", 900, GoOn),
            (Balanced, statement, "Tuesday", 299, GoOn),
            (Balanced, statement, "Tuesday", 300, stop),
            (Balanced, statement, "not Tuesday", 100, stop),
            (Balanced, statement, "Stop", 100, stop),
            (Balanced, statement, "okay yeah", 900, Backchannel),
            (Protected, statement, "stop it now", 900, GoOn),
            (Protected, statement, "okay", 900, Backchannel),
        ];
        for (guard, sentence, text, spoken_ms, expected) in cases {
            assert_eq!(
                verdict(guard, sentence, text, spoken_ms),
                expected,
                "{guard:?} {text:?} over {sentence:?}"
            );
        }
    }
}
