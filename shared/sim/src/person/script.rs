//! The text form of a script: one step a line, or steps separated by `|`.
//!
//! ```text
//! answers after 2 rings            | busy | no answer | unreachable | fax
//! voicemail "greeting" after 3 rings
//! screening "question"             a call screening service
//! opens with "…"                   speaks at once
//! says "…"                         speaks when it is their turn
//! interrupts after 3 words         what is said next comes that early
//! mumbles "mm-hm"                  while the other side speaks, without taking the turn
//! coughs 300ms | waits 500ms | when hears "…" | presses 1 | beep
//! beep 850hz 400ms                 a beep of another pitch and length
//! hangs up after 900ms | hangs up
//! replies after 500ms              how patient they are, for the whole call
//! sounds 210hz at 110%             how high and how fast they speak
//! ```
//! The first step says how the phone is answered. Empty lines and lines that begin with `#` are passed
//! over. Texts stand in double quotes; `|` inside them is text.

use std::str::FromStr;

use super::Person;

/// Why a text is not a script.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("step {step}: expected {expected}")]
pub struct ScriptProblem {
    /// Which step, from 1.
    step: usize,
    expected: &'static str,
}

impl FromStr for Person {
    type Err = ScriptProblem;

    fn from_str(text: &str) -> Result<Self, ScriptProblem> {
        let mut person: Option<Self> = None;
        for (nth, words) in steps(text).iter().enumerate() {
            let problem = |expected| ScriptProblem {
                step: nth + 1,
                expected,
            };
            person = Some(match person {
                None => first_step(words).ok_or_else(|| {
                    problem("how the phone is answered, such as `answers after 2 rings`")
                })?,
                Some(person) => next_step(person, words)
                    .ok_or_else(|| problem("a step such as `says \"…\"` or `waits 500ms`"))?,
            });
        }
        person.ok_or(ScriptProblem {
            step: 1,
            expected: "at least one step",
        })
    }
}

/// A word of a step, or a text in quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
}

/// What a step's tokens look like, for matching.
enum Part<'a> {
    Word(&'a str),
    Text(&'a str),
}

fn first_step(tokens: &[Token]) -> Option<Person> {
    use Part::{Text, Word};
    Some(match parts(tokens).as_slice() {
        [Word("answers")] => Person::answers_after_rings(0),
        [
            Word("answers"),
            Word("after"),
            Word(rings),
            Word("rings" | "ring"),
        ] => Person::answers_after_rings(rings.parse().ok()?),
        [Word("busy")] => Person::busy(),
        [Word("no"), Word("answer")] => Person::no_answer(),
        [Word("unreachable")] => Person::unreachable(),
        [Word("fax")] => Person::fax(),
        [Word("screening"), Text(question)] => Person::screening(question),
        [Word("voicemail"), Text(greeting)] => Person::voicemail(greeting),
        [
            Word("voicemail"),
            Text(greeting),
            Word("after"),
            Word(rings),
            Word("rings" | "ring"),
        ] => Person::voicemail(greeting).after_rings(rings.parse().ok()?),
        _ => return None,
    })
}

fn next_step(person: Person, tokens: &[Token]) -> Option<Person> {
    use Part::{Text, Word};
    Some(match parts(tokens).as_slice() {
        [Word("says"), Text(text)] => person.says(text),
        [Word("opens"), Word("with"), Text(text)] => person.opens_with(text),
        [
            Word("interrupts"),
            Word("after"),
            Word(words),
            Word("words" | "word"),
        ] => person.interrupts_after_words(words.parse().ok()?),
        [Word("mumbles"), Text(text)] => person.mumbles(text),
        [Word("coughs"), Word(ms)] => person.coughs_ms(with_unit(ms, "ms")?),
        [Word("waits"), Word(ms)] => person.waits_ms(with_unit(ms, "ms")?),
        [Word("when"), Word("hears"), Text(words)] => person.when_hears(words),
        [Word("presses"), Word(key)] => person.presses(key_of(key)?),
        [Word("beep")] => person.beep(),
        [Word("beep"), Word(hz), Word(ms)] => {
            person.beeps(with_unit(hz, "hz")?, with_unit(ms, "ms")?)
        }
        [Word("hangs"), Word("up")] => person.hangs_up_after_ms(0),
        [Word("hangs"), Word("up"), Word("after"), Word(ms)] => {
            person.hangs_up_after_ms(with_unit(ms, "ms")?)
        }
        [Word("replies"), Word("after"), Word(ms)] => person.replies_after_ms(with_unit(ms, "ms")?),
        [Word("sounds"), Word(pitch), Word("at"), Word(rate)] => {
            person.sounds(with_unit(pitch, "hz")?, with_unit(rate, "%")?)
        }
        _ => return None,
    })
}

fn parts(tokens: &[Token]) -> Vec<Part<'_>> {
    tokens
        .iter()
        .map(|token| match token {
            Token::Word(word) => Part::Word(word),
            Token::Text(text) => Part::Text(text),
        })
        .collect()
}

fn with_unit<T: FromStr>(text: &str, unit: &str) -> Option<T> {
    text.strip_suffix(unit)?.parse().ok()
}

fn key_of(text: &str) -> Option<char> {
    let mut letters = text.chars();
    let key = letters.next()?;
    let known = matches!(key, '0'..='9' | '*' | '#' | 'A'..='D');
    (known && letters.next().is_none()).then_some(key)
}

/// Steps, each as its tokens.
fn steps(text: &str) -> Vec<Vec<Token>> {
    let mut steps = vec![Vec::new()];
    for line in text.lines() {
        if line.trim_start().starts_with('#') {
            continue;
        }
        let mut quoted = false;
        for piece in line.split('"') {
            let last = steps.len() - 1;
            if quoted {
                if let Some(step) = steps.get_mut(last) {
                    step.push(Token::Text(piece.to_owned()));
                }
            } else {
                for (nth, part) in piece.split('|').enumerate() {
                    if nth > 0 {
                        steps.push(Vec::new());
                    }
                    let words = part
                        .split_whitespace()
                        .map(|word| Token::Word(word.to_owned()));
                    if let Some(step) = steps.last_mut() {
                        step.extend(words);
                    }
                }
            }
            quoted = !quoted;
        }
        steps.push(Vec::new());
    }
    steps.retain(|step| !step.is_empty());
    steps
}
