//! Recognized words as turn-taking sees them: acknowledgements, phrases that interrupt, echoes.

/// Sounds that people make to show that they listen, normalised. They mean nothing else, and are the
/// same in many languages.
const LISTENING_SOUNDS: [&[&str]; 17] = [
    &["mm"],
    &["mmm"],
    &["hm"],
    &["hmm"],
    &["mhm"],
    &["mmhm"],
    &["mmhmm"],
    &["mm", "hm"],
    &["mm", "hmm"],
    &["uh"],
    &["uhhuh"],
    &["uh", "huh"],
    &["um"],
    &["er"],
    &["ah"],
    &["aha"],
    &["oh"],
];
/// Words that say the same while the other side speaks, and are an answer when it does not. Several
/// may follow each other. They are those of the languages that phones are answered in.
const ACKNOWLEDGEMENTS: [&[&str]; 35] = [
    &["okay"],
    &["ok"],
    &["yeah"],
    &["yep"],
    &["yup"],
    &["yes"],
    &["right"],
    &["sure"],
    &["alright"],
    &["all", "right"],
    &["got", "it"],
    &["i", "see"],
    &["of", "course"],
    &["good"],
    &["cool"],
    &["ja"],
    &["genau"],
    &["klar"],
    &["oui"],
    &["daccord"],
    &["ouais"],
    &["sí"],
    &["si"],
    &["vale"],
    &["ajá"],
    &["claro"],
    &["haan"],
    &["han"],
    &["ji"],
    &["accha"],
    &["acha"],
    &["theek", "hai"],
    &["हाँ"],
    &["जी"],
    &["अच्छा"],
];
/// What stops the agent at once when a customer's words begin with it.
const INTERRUPTIONS: [&[&str]; 19] = [
    &["stop"],
    &["wait"],
    &["no"],
    &["hold", "on"],
    &["hang", "on"],
    &["excuse", "me"],
    &["stopp"],
    &["warte"],
    &["nein"],
    &["attendez"],
    &["arrêtez"],
    &["non"],
    &["espera"],
    &["espere"],
    &["ruko"],
    &["rukiye"],
    &["nahi"],
    &["रुको"],
    &["नहीं"],
];
/// More words than this are no mere acknowledgement, whatever they are.
const ACKNOWLEDGEMENT_WORDS_MAX: usize = 4;
/// A single word is never taken for an echo: it may well be the answer.
const ECHO_WORDS_MIN: usize = 2;

/// The words of a text, lower case, letters and digits only.
pub(crate) fn words(text: &str) -> Vec<String> {
    let normal = |word: &str| -> String {
        let kept = word
            .chars()
            .filter(|c| c.is_alphanumeric() || is_vowel_sign(*c));
        kept.flat_map(char::to_lowercase).collect()
    };
    let all = text.split_whitespace().map(normal);
    all.filter(|word| !word.is_empty()).collect()
}

/// Signs of scripts of India that are part of a word and not letters by themselves.
fn is_vowel_sign(c: char) -> bool {
    matches!(u32::from(c), 0x0900..=0x0DFF) && !matches!(c, '।' | '॥')
}

/// Whether the words, said while the agent speaks, only show that the customer listens.
pub(crate) fn is_acknowledgement(words: &[String]) -> bool {
    is_made_of(words, &[&LISTENING_SOUNDS, &ACKNOWLEDGEMENTS])
}

/// Whether the words are only sounds, which mean nothing whoever speaks.
pub(crate) fn is_listening_sound(words: &[String]) -> bool {
    is_made_of(words, &[&LISTENING_SOUNDS])
}

fn is_made_of(words: &[String], lists: &[&[&[&str]]]) -> bool {
    if words.is_empty() || words.len() > ACKNOWLEDGEMENT_WORDS_MAX {
        return false;
    }
    let mut rest = words;
    while !rest.is_empty() {
        let Some(length) = lists
            .iter()
            .copied()
            .flatten()
            .filter(|phrase| starts_with(rest, phrase))
            .map(|phrase| phrase.len())
            .max()
        else {
            return false;
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    true
}

/// Whether the words ask to stop.
pub(crate) fn is_interruption(words: &[String]) -> bool {
    INTERRUPTIONS
        .iter()
        .any(|phrase| starts_with(words, phrase))
}

/// Whether the words are the agent's own, come back over the line. The last one may be cut.
pub(crate) fn is_echo(heard: &[String], said: &[String]) -> bool {
    let Some((last, whole)) = heard.split_last() else {
        return false;
    };
    heard.len() >= ECHO_WORDS_MIN
        && said.windows(heard.len()).any(|stretch| {
            stretch
                .split_last()
                .is_some_and(|(end, start)| start == whole && end.starts_with(last.as_str()))
        })
}

/// Whether a text asks something.
pub(crate) fn is_question(text: &str) -> bool {
    let end = text.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '”' | ')'));
    end.ends_with(['?', '？', '؟'])
}

fn starts_with(words: &[String], phrase: &[&str]) -> bool {
    words.len() >= phrase.len() && words.iter().zip(phrase).all(|(word, part)| word == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_sounds_are_told_from_words() {
        for yes in [
            "Mm-hm.",
            "Okay, yeah.",
            "mm hm",
            "Uh huh, got it!",
            "Right.",
            "हाँ जी",
        ] {
            assert!(is_acknowledgement(&words(yes)), "{yes}");
        }
        for no in [
            "",
            "Okay, but when?",
            "yeah yeah yeah yeah yeah",
            "No.",
            "got",
            "Tuesday",
        ] {
            assert!(!is_acknowledgement(&words(no)), "{no}");
        }
    }

    #[test]
    fn asking_to_stop_is_understood_from_the_first_word() {
        for yes in ["Stop!", "No, not that one", "Hold on a second", "नहीं चाहिए"]
        {
            assert!(is_interruption(&words(yes)), "{yes}");
        }
        for no in ["Nobody", "hold", "I said no", ""] {
            assert!(!is_interruption(&words(no)), "{no}");
        }
    }

    #[test]
    fn the_agents_own_words_are_an_echo_and_a_single_word_is_not() {
        let said = words("We have Monday at nine, or Friday at ten.");
        assert!(is_echo(&words("monday at nine"), &said));
        assert!(is_echo(&words("or fri"), &said));
        assert!(!is_echo(&words("monday"), &said));
        assert!(!is_echo(&words("monday at ten"), &said));
        assert!(!is_echo(&words(""), &said));
    }

    #[test]
    fn a_question_is_known_by_its_mark() {
        assert!(is_question("Is that \"you?\" "));
        assert!(!is_question("You asked? Yes."));
    }
}
