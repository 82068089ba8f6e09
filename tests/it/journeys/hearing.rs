//! What the person at the phone heard, held to what was said, on a machine that may be late.
//!
//! The carrier plays audio as it comes. Where it came too late there is a gap in the middle of a word: the carrier
//! counts it as an underrun, and the word is torn. That says nothing of the product, so it is told apart from a
//! word that was lost: a torn word makes a sound, and a word that was never sent makes none.

use std::collections::BTreeSet;

use sim::carriers::twilio::CallView;
use sim::person::{Experience, Log};
use sim::voice::Heard;

use super::words;

/// A word without case and punctuation; nothing for one that was torn.
type Sound = Option<String>;

/// The person heard these words and no others, each once. What the agent itself cut short is no word.
pub(crate) fn assert_heard(phone: &CallView, said: &str) {
    let (underruns, said) = (phone.playout.underruns, words(said));
    if underruns == 0 {
        assert_eq!(words(&phone.log.heard_text()), said);
        return;
    }
    let heard = sounds(&phone.log);
    let is = are(&heard, &said);
    assert!(is, "with {underruns} underruns {heard:?} of {said:?}");
}

/// The person heard all of these words in this order, and others between them perhaps.
pub(crate) fn assert_none_missing(phone: &CallView, said: &str) {
    let underruns = phone.playout.underruns;
    let heard = sounds(&phone.log);
    let mut rest = heard.iter();
    for word in words(said) {
        let is = |sound: &Sound| sound.as_ref().map_or(underruns > 0, |heard| *heard == word);
        assert!(
            rest.any(is),
            "“{word}” was not heard, with {underruns} underruns: {heard:?}"
        );
    }
}

fn sounds(log: &Log) -> Vec<Sound> {
    let mut sounds = Vec::new();
    for entry in log.entries() {
        match entry {
            Experience::Heard(Heard::Word { text, .. }) => {
                sounds.extend(words(text).into_iter().map(Some));
            }
            Experience::Heard(Heard::Garbled { words, .. }) => {
                sounds.extend((0..*words).map(|_torn| None));
            }
            Experience::Heard(Heard::Cut { .. }) => sounds.push(None),
            Experience::Heard(Heard::SpeechStarted { .. } | Heard::SpeechStopped { .. })
            | Experience::Said { .. }
            | Experience::Pressed { .. }
            | Experience::Beeped { .. }
            | Experience::HungUp { .. } => {}
        }
    }
    sounds
}

/// Whether these sounds are those words. A torn sound is a word, or one more piece of one.
fn are(sounds: &[Sound], said: &[String]) -> bool {
    // How many words may have been said by now.
    let mut until = BTreeSet::from([0]);
    for sound in sounds {
        until = match sound {
            Some(word) => until
                .into_iter()
                .filter(|&until| said.get(until) == Some(word))
                .map(|until| until + 1)
                .collect(),
            None => until
                .into_iter()
                .flat_map(|until| [until, until + 1])
                .collect(),
        };
    }
    until.contains(&said.len())
}

#[test]
fn a_torn_word_is_told_from_one_that_was_never_sent() {
    let sounds = |heard: &str| -> Vec<Sound> {
        let sound = |word: &str| (word != "-").then(|| word.to_owned());
        heard.split(' ').map(sound).collect()
    };
    let said = words("Is there anything else you would like?");
    for heard in [
        "is there anything else you would like",
        "is there anything - you would like",
        "is there anything - - you would like",
        "- there anything else you would - -",
    ] {
        assert!(are(&sounds(heard), &said), "{heard}");
    }
    for heard in [
        "is there anything you would like",
        "is there anything - would like",
        "is there - anything else you would",
        "is there anything anything else you would like",
    ] {
        assert!(!are(&sounds(heard), &said), "{heard}");
    }
}
