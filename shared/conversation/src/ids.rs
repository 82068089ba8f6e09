//! Names for things that are under way in a call, so that what arrives late is known as late.

use std::fmt;
use std::str::FromStr;

/// One request to the language model. Rises with each request of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GenerationId(pub u32);

/// One stretch of agent speech, from its first sentence to its last: a TTS context. Rises with each
/// utterance of a call; audio of an older utterance than the current one is discarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtteranceId(pub u32);

impl fmt::Display for UtteranceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "u{}", self.0)
    }
}

/// A mark in the carrier's playback: it comes back when everything before it was played, or at once
/// after a clear. Written `u12-s3`: utterance 12, after sentence 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    pub utterance: UtteranceId,
    /// Sentence within the speech, from 0; one more than the last sentence where the end of all audio
    /// has a mark of its own. Goes on counting when another voice takes the speech over.
    pub sentence: u32,
}

/// A mark that is not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a mark of ours")]
pub struct MarkProblem;

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-s{}", self.utterance, self.sentence)
    }
}

impl FromStr for Mark {
    type Err = MarkProblem;

    fn from_str(text: &str) -> Result<Self, MarkProblem> {
        let rest = text.strip_prefix('u').ok_or(MarkProblem)?;
        let (utterance, sentence) = rest.split_once("-s").ok_or(MarkProblem)?;
        let number = |digits: &str| digits.parse::<u32>().map_err(|_not_a_number| MarkProblem);
        let mark = Self {
            utterance: UtteranceId(number(utterance)?),
            sentence: number(sentence)?,
        };
        // One spelling per mark: `u+1-s01` would otherwise be taken for ours.
        if mark.to_string() == text {
            Ok(mark)
        } else {
            Err(MarkProblem)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_comes_back_as_it_was_sent() {
        let mark = Mark {
            utterance: UtteranceId(12),
            sentence: 3,
        };
        assert_eq!(mark.to_string(), "u12-s3");
        assert_eq!("u12-s3".parse(), Ok(mark));
        for foreign in [
            "",
            "u1",
            "u-s",
            "u+1-s0",
            "u1-s01",
            "u1-s4294967296",
            "greeting",
        ] {
            assert_eq!(foreign.parse::<Mark>(), Err(MarkProblem), "{foreign}");
        }
    }
}
