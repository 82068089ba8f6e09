//! The opening's lint: whether the first words of a campaign's calls say what the rules of its places
//! demand.
//!
//! It looks for phrases, so it can be wrong in both directions; it is there so that nothing is forgotten,
//! and a person answers for the text. Texts are linted with what the campaign fills in; variables of a
//! lead may stay in them and prove nothing.

mod phrases;

use std::collections::BTreeSet;

use model::PhoneNumber;

use crate::numbers::{NumberKind, Place};
use crate::packs::{Demand, packs};
use phrases::Phrases;

/// The longest opening, spoken (`docs/protocols/calling-compliance.md#opening`).
pub const OPENING_SECONDS_MAX: u32 = 10;
/// What a variable of a lead is taken to be long, in letters: a first name, a date.
const VARIABLE_CHARS: usize = 10;
/// Between a word that negates and what it negates.
const NEGATION_WORDS: usize = 3;
/// The fewest digits of a number that is said in a text.
const SPOKEN_NUMBER_DIGITS_MIN: usize = 10;

/// What a campaign says at the beginning, and on mailboxes.
#[derive(Debug, Clone, Copy)]
pub struct Script<'a> {
    /// The agent's, as BCP 47.
    pub language: &'a str,
    /// The first words of a call.
    pub opening: &'a str,
    /// What is left on a mailbox; absent when nothing is.
    pub voicemail: Option<&'a str>,
    pub business_name: Option<&'a str>,
    pub purpose: Option<&'a str>,
    /// The key that opts out.
    pub opt_out_key: Option<char>,
    pub marketing: bool,
    /// Calls are recorded or transcribed.
    pub recorded: bool,
}

/// What is wrong with a script.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScriptProblem {
    #[error("needs the registered name of the business that is responsible for the calls")]
    NoBusinessName,
    #[error("needs the purpose of the calls")]
    NoPurpose,
    #[error("must say that the voice is an artificial one, as in \"this is the AI assistant of\"")]
    ArtificialVoiceUnsaid,
    #[error("must say the business name as it is in `disclosure.business_name`")]
    BusinessNameUnsaid,
    #[error("must say why it calls, as in `disclosure.purpose`")]
    PurposeUnsaid,
    #[error("must say how to have no more calls, as in \"say stop or press 9\"")]
    OptOutUnsaid,
    #[error("must say that the call is recorded and transcribed")]
    RecordingUnsaid,
    #[error("names another key for opting out than `opt_out.key`")]
    OtherOptOutKey,
    #[error("takes about {seconds} s to say, at most {OPENING_SECONDS_MAX} s are allowed")]
    TooLong { seconds: u32 },
    #[error("is in a language that openings cannot be checked in")]
    LanguageUnknown,
    #[error("must say the business name on a mailbox")]
    VoicemailWithoutBusinessName,
    #[error("must say a toll-free number to opt out at on a mailbox")]
    VoicemailWithoutTollFree,
}

impl ScriptProblem {
    /// The campaign's field to look at.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::NoBusinessName => "/disclosure/business_name",
            Self::NoPurpose => "/disclosure/purpose",
            Self::ArtificialVoiceUnsaid
            | Self::BusinessNameUnsaid
            | Self::PurposeUnsaid
            | Self::OptOutUnsaid
            | Self::RecordingUnsaid
            | Self::OtherOptOutKey
            | Self::TooLong { .. } => "/disclosure/opening",
            Self::LanguageUnknown => "/agent_id",
            Self::VoicemailWithoutBusinessName | Self::VoicemailWithoutTollFree => {
                "/amd/voicemail_message"
            }
        }
    }
}

/// Everything that the script lacks for calls to these jurisdictions.
#[must_use]
pub fn script_problems<'j>(
    script: &Script<'_>,
    jurisdictions: impl IntoIterator<Item = &'j str>,
) -> Vec<ScriptProblem> {
    let mut demands = BTreeSet::new();
    let mut united_states = false;
    for pack in jurisdictions.into_iter().flat_map(packs) {
        demands.extend(pack.opening);
        united_states |= pack.jurisdiction.starts_with("US");
    }
    let Some(phrases) = Phrases::of(script.language) else {
        return vec![ScriptProblem::LanguageUnknown];
    };
    let opening = Text::new(script.opening);
    let mut problems: Vec<_> = demands
        .into_iter()
        .filter_map(|demand| unmet(demand, script, &opening, phrases))
        .collect();
    if opening.opts_out_by_another_key(script.opt_out_key, phrases) {
        problems.push(ScriptProblem::OtherOptOutKey);
    }
    let seconds = opening.seconds(phrases);
    if seconds > OPENING_SECONDS_MAX {
        problems.push(ScriptProblem::TooLong { seconds });
    }
    if let Some(voicemail) = script
        .voicemail
        .filter(|_| script.marketing && united_states)
    {
        let voicemail = Text::new(voicemail);
        if script
            .business_name
            .is_some_and(|name| !voicemail.has_words(name))
        {
            problems.push(ScriptProblem::VoicemailWithoutBusinessName);
        }
        if !voicemail.has_toll_free_number() {
            problems.push(ScriptProblem::VoicemailWithoutTollFree);
        }
    }
    problems
}

fn unmet(
    demand: Demand,
    script: &Script<'_>,
    opening: &Text,
    phrases: &Phrases,
) -> Option<ScriptProblem> {
    match demand {
        Demand::ArtificialVoice => (!opening.says(phrases.artificial, phrases))
            .then_some(ScriptProblem::ArtificialVoiceUnsaid),
        Demand::BusinessName => match said(script.business_name) {
            None => Some(ScriptProblem::NoBusinessName),
            Some(name) => (!opening.has_words(name)).then_some(ScriptProblem::BusinessNameUnsaid),
        },
        Demand::Purpose => match said(script.purpose) {
            None => Some(ScriptProblem::NoPurpose),
            Some(purpose) => {
                let told = opening.has_words(purpose) || opening.says(phrases.purpose, phrases);
                (!told).then_some(ScriptProblem::PurposeUnsaid)
            }
        },
        Demand::OptOut => (!opening.mentions(phrases.opt_out)
            && !opening.names_key(script.opt_out_key, phrases))
        .then_some(ScriptProblem::OptOutUnsaid),
        Demand::RecordingNotice => (script.recorded && !opening.says(phrases.recorded, phrases))
            .then_some(ScriptProblem::RecordingUnsaid),
    }
}

fn said(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.trim().is_empty())
}

/// A text as sentences of folded words.
#[derive(Debug)]
struct Text {
    sentences: Vec<Vec<String>>,
    /// Letters that are spoken, spaces between words included.
    chars: usize,
    digits: Vec<String>,
}

impl Text {
    fn new(text: &str) -> Self {
        let (text, variables) = without_variables(text);
        // A full stop within a word is none: A.I.
        let ends = text
            .replace(". ", "\n")
            .replace(['!', '?', '।', ';', ':'], "\n");
        let sentences: Vec<Vec<String>> = ends.lines().map(words).collect();
        let spoken: usize = sentences
            .iter()
            .flatten()
            .map(|word| word.chars().count() + 1)
            .sum();
        Self {
            sentences,
            chars: spoken + variables * VARIABLE_CHARS,
            digits: numbers(&text),
        }
    }

    /// One of the phrases is there, and nothing near it negates it.
    fn says(&self, wanted: &[&str], phrases: &Phrases) -> bool {
        self.sentences.iter().any(|sentence| {
            wanted.iter().any(|phrase| {
                let phrase: Vec<&str> = phrase.split(' ').collect();
                places(sentence, &phrase).any(|place| {
                    // "not a human" says of itself what it means.
                    let own = phrase.iter().any(|word| phrases.not.contains(word));
                    own || !negated(sentence, place, phrase.len(), phrases)
                })
            })
        })
    }

    /// One of the phrases is there; what they ask for is a negation itself.
    fn mentions(&self, wanted: &[&str]) -> bool {
        self.sentences
            .iter()
            .any(|sentence| has_any(sentence, wanted))
    }

    /// These words in a row, in any sentence.
    fn has_words(&self, text: &str) -> bool {
        let wanted = words(text);
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        let all: Vec<String> = self.sentences.iter().flatten().cloned().collect();
        !wanted.is_empty() && places(&all, &wanted).next().is_some()
    }

    /// The key is said near a word for pressing.
    fn names_key(&self, key: Option<char>, phrases: &Phrases) -> bool {
        let Some(key) = key else { return false };
        let pressing = self
            .sentences
            .iter()
            .filter(|one| has_any(one, phrases.press));
        pressing.flatten().any(|word| is_key(word, key))
    }

    /// A sentence about opting out asks for a key, and it is not the campaign's.
    fn opts_out_by_another_key(&self, key: Option<char>, phrases: &Phrases) -> bool {
        self.sentences.iter().any(|sentence| {
            let about = has_any(sentence, phrases.opt_out) && has_any(sentence, phrases.press);
            let keys = || sentence.iter().filter(|word| as_key(word).is_some());
            let right = |word: &String| key.is_some_and(|key| is_key(word, key));
            about && keys().count() > 0 && !keys().any(right)
        })
    }

    fn seconds(&self, phrases: &Phrases) -> u32 {
        let chars = u32::try_from(self.chars).unwrap_or(u32::MAX);
        chars.div_ceil(phrases.chars_per_second)
    }

    fn has_toll_free_number(&self) -> bool {
        let candidates = self
            .digits
            .iter()
            .flat_map(|digits| [format!("+1{digits}"), format!("+{digits}")]);
        candidates
            .filter_map(|number| number.parse::<PhoneNumber>().ok())
            .any(|number| Place::of(&number).kind() == NumberKind::TollFree)
    }
}

fn has_any(sentence: &[String], wanted: &[&str]) -> bool {
    wanted.iter().any(|phrase| {
        let phrase: Vec<&str> = phrase.split(' ').collect();
        places(sentence, &phrase).next().is_some()
    })
}

/// Where a phrase begins in a sentence.
fn places<'a>(sentence: &'a [String], phrase: &'a [&str]) -> impl Iterator<Item = usize> + 'a {
    let windows = sentence.windows(phrase.len().max(1)).enumerate();
    windows
        .filter(move |(_, words)| {
            words
                .iter()
                .zip(phrase)
                .all(|(word, wanted)| fits(word, wanted))
        })
        .map(|(place, _)| place)
}

fn fits(word: &str, wanted: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(beginning) => word.starts_with(beginning),
        None => word == wanted,
    }
}

/// A negating word shortly before, or, as in Hindi, right after.
fn negated(sentence: &[String], place: usize, length: usize, phrases: &Phrases) -> bool {
    let before = sentence.get(place.saturating_sub(NEGATION_WORDS)..place);
    let after = sentence.get(place + length..).unwrap_or_default();
    let near = before
        .unwrap_or_default()
        .iter()
        .chain(after.iter().take(NEGATION_WORDS - 1));
    near.into_iter()
        .any(|word| phrases.not.contains(&word.as_str()))
}

/// Folded words: lower case, no accents, nothing but letters, marks and digits. `*` and `#` stay as keys.
fn words(text: &str) -> Vec<String> {
    let separate = |c: char| !(c.is_alphanumeric() || is_mark(c) || matches!(c, '*' | '#'));
    text.split(separate)
        .map(fold)
        .filter(|word| !word.is_empty())
        .collect()
}

/// Vowel signs and their kin, which are part of a word.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036F}' | '\u{0900}'..='\u{0903}' | '\u{093A}'..='\u{094F}' | '\u{0951}'..='\u{0957}' | '\u{0962}'..='\u{0963}')
}

fn fold(word: &str) -> String {
    let mut folded = String::with_capacity(word.len());
    for c in word.chars().flat_map(char::to_lowercase) {
        match c {
            'á' | 'à' | 'â' | 'ä' | 'ã' | 'å' => folded.push('a'),
            'é' | 'è' | 'ê' | 'ë' => folded.push('e'),
            'í' | 'ì' | 'î' | 'ï' => folded.push('i'),
            'ó' | 'ò' | 'ô' | 'ö' | 'õ' => folded.push('o'),
            'ú' | 'ù' | 'û' | 'ü' => folded.push('u'),
            'ç' => folded.push('c'),
            'ñ' => folded.push('n'),
            'ß' => folded.push_str("ss"),
            'œ' => folded.push_str("oe"),
            '\u{0300}'..='\u{036F}' => {}
            other => folded.push(other),
        }
    }
    folded
}

/// The key that a word names.
fn as_key(word: &str) -> Option<char> {
    const NAMES: [(&str, char); 46] = [
        ("zero", '0'),
        ("one", '1'),
        ("two", '2'),
        ("three", '3'),
        ("four", '4'),
        ("five", '5'),
        ("six", '6'),
        ("seven", '7'),
        ("eight", '8'),
        ("nine", '9'),
        ("star", '*'),
        ("pound", '#'),
        ("hash", '#'),
        ("cero", '0'),
        ("uno", '1'),
        ("dos", '2'),
        ("tres", '3'),
        ("cuatro", '4'),
        ("cinco", '5'),
        ("seis", '6'),
        ("siete", '7'),
        ("ocho", '8'),
        ("nueve", '9'),
        ("null", '0'),
        ("eins", '1'),
        ("zwei", '2'),
        ("drei", '3'),
        ("vier", '4'),
        ("funf", '5'),
        ("sechs", '6'),
        ("sieben", '7'),
        ("acht", '8'),
        ("neun", '9'),
        ("stern", '*'),
        ("raute", '#'),
        ("deux", '2'),
        ("trois", '3'),
        ("quatre", '4'),
        ("cinq", '5'),
        ("sept", '7'),
        ("huit", '8'),
        ("neuf", '9'),
        ("etoile", '*'),
        ("diese", '#'),
        ("नौ", '9'),
        ("शून्य", '0'),
    ];
    let mut chars = word.chars();
    match (chars.next(), chars.next()) {
        (Some(key), None) if key.is_ascii_digit() || matches!(key, '*' | '#') => Some(key),
        (Some(digit @ '०'..='९'), None) => {
            char::from_digit(u32::from(digit) - u32::from('०'), 10)
        }
        _a_word => NAMES
            .iter()
            .find(|(name, _)| *name == word)
            .map(|(_, key)| *key),
    }
}

fn is_key(word: &str, key: char) -> bool {
    as_key(word) == Some(key)
}

/// The text with each `{{variable}}` taken out, and how many there were.
fn without_variables(text: &str) -> (String, usize) {
    let mut rest = text;
    let mut out = String::with_capacity(text.len());
    let mut variables = 0;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        // A space, so that the words around do not grow together.
        out.push(' ');
        let Some((_name, after)) = after.split_once("}}") else {
            return (out, variables);
        };
        variables += 1;
        rest = after;
    }
    out.push_str(rest);
    (out, variables)
}

/// Runs of digits as numbers are written, without what separates them.
fn numbers(text: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    for c in text.chars() {
        if c.is_ascii_digit() {
            if let Some(number) = found.last_mut() {
                number.push(c);
            }
        } else if !matches!(c, ' ' | '-' | '(' | ')' | '.' | '/' | '+' | '\u{00A0}') {
            found.push(String::new());
        }
    }
    found.retain(|number| number.len() >= SPOKEN_NUMBER_DIGITS_MIN);
    found
}

#[cfg(test)]
mod tests;
