//! Patterns of words, and where they occur in what somebody said.
//!
//! A pattern is words with a space between: `stop|quit calling *2 me`. `a|b` is one of several, `?a` may
//! be missing, `*2` stands for up to two words, whatever they are. Patterns are written as [`plain`]
//! makes words: small letters without accents, apostrophes and nuktas.

/// A sentence's words.
pub(crate) type Sentence = Vec<String>;

/// What somebody said, in sentences of plain words.
pub(crate) fn sentences(text: &str) -> Vec<Sentence> {
    let ends = |c: char| {
        matches!(
            c,
            '.' | '!' | '?' | ';' | ':' | '।' | '॥' | '…' | '¿' | '¡' | '\n'
        )
    };
    let sentences = text.split(ends).map(words);
    sentences.filter(|words| !words.is_empty()).collect()
}

/// All words of a text, whatever their sentence.
pub(crate) fn words(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| c.is_whitespace() || matches!(c, '-' | '–' | '—' | '/' | ','));
    parts.map(plain).filter(|word| !word.is_empty()).collect()
}

/// Where a pattern occurs first: from which word, up to which.
pub(crate) fn find(words: &[String], pattern: &str) -> Option<(usize, usize)> {
    (0..words.len()).find_map(|from| {
        let rest = words.get(from..)?;
        matched(rest, pattern).map(|length| (from, from + length))
    })
}

/// How many words a pattern takes at the beginning: `?a` where it can, `*2` as few as possible.
pub(crate) fn matched(words: &[String], pattern: &str) -> Option<usize> {
    taken(words, pattern, false)
}

/// Whether a pattern's words are the last before the place `at`.
pub(crate) fn ends_before(words: &[String], at: usize, pattern: &str) -> bool {
    (0..at).any(|from| {
        let before = words.get(from..at).unwrap_or_default();
        taken(before, pattern, true).is_some()
    })
}

/// With `all` a pattern must take all words.
fn taken(words: &[String], pattern: &str, all: bool) -> Option<usize> {
    let (part, rest) = match pattern.split_once(' ') {
        Some((part, rest)) => (part, Some(rest)),
        None => (pattern, None),
    };
    let go_on = |count: usize| {
        let left = words.get(count..)?;
        match rest {
            Some(rest) => taken(left, rest, all).map(|more| count + more),
            None => (!all || left.is_empty()).then_some(count),
        }
    };
    if let Some(most) = part.strip_prefix('*') {
        let most = most.parse().unwrap_or(0);
        return (0..=most).find_map(go_on);
    }
    let (alternatives, may_be_missing) = match part.strip_prefix('?') {
        Some(part) => (part, true),
        None => (part, false),
    };
    let first = words.first();
    let is_one = first.is_some_and(|word| alternatives.split('|').any(|one| one == word));
    let found = if is_one { go_on(1) } else { None };
    found.or_else(|| if may_be_missing { go_on(0) } else { None })
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

    fn found(text: &str, pattern: &str) -> Option<(usize, usize)> {
        find(&words(text), pattern)
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
    }

    #[test]
    fn accents_and_nuktas_make_no_difference() {
        assert_eq!(words("¿Llámeme MÁS, señor?"), ["llameme", "mas", "senor"]);
        assert_eq!(words("फ़ोन करूँ"), words("फोन करूं"));
    }

    #[test]
    fn what_stands_before_is_seen() {
        let said = words("I did not ask you to stop");
        assert!(ends_before(&said, 6, "not ask *2"));
        assert!(!ends_before(&said, 6, "did not"));
    }
}
