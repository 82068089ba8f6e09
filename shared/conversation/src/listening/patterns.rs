//! Patterns of words, and where they occur in what somebody said.
//!
//! A pattern is words with a space between: `stop|quit calling *2 me`. `a|b` is one of several, `?a` may
//! be missing, `*2` stands for up to two words, whatever they are. Patterns are written as [`plain`]
//! makes words: small letters without accents, apostrophes and nuktas.
//!
//! A [`Lexicon`] reads patterns once and numbers their words. What somebody says is numbered once too, and from then
//! on numbers are compared: a call's words are held against a thousand patterns each time that some more are heard.

use std::collections::BTreeMap;

/// The words that patterns are made of, by number.
#[derive(Debug, Default)]
pub(crate) struct Lexicon {
    numbers: BTreeMap<&'static str, Word>,
}

/// A word of a lexicon, or one that it lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word(u32);

/// No pattern has it.
const UNKNOWN: Word = Word(0);

/// A pattern as it was read.
#[derive(Debug)]
pub(crate) struct Pattern(Box<[Part]>);

#[derive(Debug)]
enum Part {
    OneOf {
        words: Box<[Word]>,
        may_be_missing: bool,
    },
    /// Up to so many words, whatever they are.
    Any(usize),
}

impl Lexicon {
    /// Reads patterns, and learns their words.
    pub(crate) fn patterns(&mut self, written: &[&'static str]) -> Vec<Pattern> {
        written
            .iter()
            .map(|pattern| Pattern(pattern.split(' ').map(|part| self.part(part)).collect()))
            .collect()
    }

    /// What somebody said, in sentences.
    pub(crate) fn sentences(&self, text: &str) -> Vec<Vec<Word>> {
        let ends = |c: char| {
            matches!(
                c,
                '.' | '!' | '?' | ';' | ':' | '।' | '॥' | '…' | '¿' | '¡' | '\n'
            )
        };
        let sentences = text.split(ends).map(|sentence| self.words(sentence));
        sentences.filter(|words| !words.is_empty()).collect()
    }

    /// All words of a text, whatever their sentence.
    pub(crate) fn words(&self, text: &str) -> Vec<Word> {
        plain_words(text)
            .map(|word| self.numbers.get(word.as_str()).copied().unwrap_or(UNKNOWN))
            .collect()
    }

    fn part(&mut self, written: &'static str) -> Part {
        if let Some(most) = written.strip_prefix('*') {
            return Part::Any(most.parse().unwrap_or(0));
        }
        let (alternatives, may_be_missing) = match written.strip_prefix('?') {
            Some(alternatives) => (alternatives, true),
            None => (written, false),
        };
        let words = alternatives.split('|').map(|word| self.learn(word));
        Part::OneOf {
            words: words.collect(),
            may_be_missing,
        }
    }

    fn learn(&mut self, word: &'static str) -> Word {
        let next = u32::try_from(self.numbers.len() + 1).map_or(UNKNOWN, Word);
        *self.numbers.entry(word).or_insert(next)
    }
}

impl Pattern {
    /// Where the pattern occurs first: from which word, up to which.
    pub(crate) fn find(&self, words: &[Word]) -> Option<(usize, usize)> {
        (0..words.len()).find_map(|from| {
            let rest = words.get(from..)?;
            self.matched(rest).map(|length| (from, from + length))
        })
    }

    /// How many words the pattern takes at the beginning: `?a` where it can, `*2` as few as possible.
    pub(crate) fn matched(&self, words: &[Word]) -> Option<usize> {
        taken(words, &self.0, false)
    }

    /// Whether the pattern's words are the last before the place `at`.
    pub(crate) fn ends_before(&self, words: &[Word], at: usize) -> bool {
        (0..at).any(|from| {
            let before = words.get(from..at).unwrap_or_default();
            taken(before, &self.0, true).is_some()
        })
    }
}

/// With `all` the parts must take all words.
fn taken(words: &[Word], parts: &[Part], all: bool) -> Option<usize> {
    let Some((part, rest)) = parts.split_first() else {
        return (!all || words.is_empty()).then_some(0);
    };
    let go_on = |count: usize| {
        let left = words.get(count..)?;
        taken(left, rest, all).map(|more| count + more)
    };
    match part {
        Part::Any(most) => (0..=*most).find_map(go_on),
        Part::OneOf {
            words: alternatives,
            may_be_missing,
        } => {
            let first = words.first();
            let found = first
                .filter(|word| alternatives.contains(word))
                .and_then(|_| go_on(1));
            found.or_else(|| may_be_missing.then(|| go_on(0)).flatten())
        }
    }
}

/// A text's words as patterns are written.
fn plain_words(text: &str) -> impl Iterator<Item = String> {
    let parts = text.split(|c: char| c.is_whitespace() || matches!(c, '-' | '–' | '—' | '/' | ','));
    parts.map(plain).filter(|word| !word.is_empty())
}

/// A word as patterns are written.
fn plain(word: &str) -> String {
    word.chars()
        .flat_map(char::to_lowercase)
        .filter_map(folded)
        .collect()
}

/// A letter without its accent; nothing for what is no letter or digit.
fn folded(c: char) -> Option<char> {
    Some(match c {
        'á' | 'à' | 'â' | 'ã' | 'å' | 'ä' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'í' | 'ì' | 'î' | 'ï' => 'i',
        'ó' | 'ò' | 'ô' | 'õ' | 'ö' => 'o',
        'ú' | 'ù' | 'û' | 'ü' => 'u',
        'ç' => 'c',
        'ñ' => 'n',
        // The nose of a vowel is written either way, and the dot below often left out.
        'ँ' => 'ं',
        '\u{93c}' => return None,
        '\u{958}' => 'क',
        '\u{959}' => 'ख',
        '\u{95b}' => 'ज',
        '\u{95e}' => 'फ',
        '\u{95c}' => 'ड',
        c if c.is_alphanumeric() || matches!(u32::from(c), 0x0900..=0x0963) => c,
        _punctuation => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, pattern: &'static str) -> Option<(usize, usize)> {
        let (lexicon, pattern) = read(pattern);
        pattern.find(&lexicon.words(text))
    }

    fn read(pattern: &'static str) -> (Lexicon, Pattern) {
        let mut lexicon = Lexicon::default();
        let pattern = lexicon.patterns(&[pattern]).pop().unwrap();
        (lexicon, pattern)
    }

    #[test]
    fn patterns_are_found_where_they_are() {
        assert_eq!(
            found("Please stop calling me!", "stop|quit calling me"),
            Some((1, 4))
        );
        assert_eq!(
            found("Take my own name off it", "take my *2 off"),
            Some((0, 5))
        );
        assert_eq!(
            found("Take my very own name off it", "take my *2 off"),
            None
        );
        assert_eq!(found("don’t ever call", "dont ?ever call"), Some((0, 3)));
        assert_eq!(found("don't call", "dont ?ever call"), Some((0, 2)));
        assert_eq!(found("opt-out", "opt ?me out"), Some((0, 2)));
        assert_eq!(found("", "a"), None);
        assert_eq!(found("call whom you like", "call *1 you"), Some((0, 3)));
    }

    #[test]
    fn accents_and_nuktas_make_no_difference() {
        let words = |text| plain_words(text).collect::<Vec<_>>();
        assert_eq!(words("¿Llámeme MÁS, señor?"), ["llameme", "mas", "senor"]);
        assert_eq!(words("फ़ोन करूँ"), words("फोन करूं"));
    }

    #[test]
    fn what_stands_before_is_seen() {
        let ends_before = |written, at| {
            let (lexicon, pattern) = read(written);
            pattern.ends_before(&lexicon.words("I did not ask you to stop"), at)
        };
        assert!(ends_before("not ask *2", 6));
        assert!(!ends_before("did not", 6));
    }
}
