//! What must be true of conversations when their workers came and went: judged by what the people at the
//! phone went through, and by the rows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sim::carriers::twilio::CallView;
use sim::person::Experience;
use sim::voice::{Heard, SAMPLES_PER_MS};

use super::offence::Offence;

/// Said so close to a gap between two streams, or to the end, words may not have come through.
const MARGIN_MS: u64 = 200;
/// A recognizer needs that long to be sure of the last words.
const END_MARGIN_MS: u64 = 1_000;

/// A stored turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) seq: u64,
    pub(super) session: u64,
    pub(super) speaker: String,
    pub(super) kind: String,
    /// `speech`, or `keypad`: then the text is keys.
    pub(super) input: String,
    pub(super) text: String,
}

impl Turn {
    pub(super) fn of(row: &serde_json::Map<String, Value>) -> Self {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        Self {
            seq: row["seq"].as_u64().unwrap(),
            session: row["session"].as_u64().unwrap(),
            speaker: text("speaker"),
            kind: text("kind"),
            input: text("input"),
            text: text("text"),
        }
    }
}

/// How much may be missing of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    /// Nothing: no session of it broke off.
    Yes,
    /// What the session that broke off had not stored.
    BrokeOff,
}

/// What is wrong with the transcript of a call: `turns` as they are stored, `view` as the carrier has it.
pub(super) fn transcript(
    call: &str,
    view: &CallView,
    turns: &[Turn],
    whole: Whole,
) -> Vec<Offence> {
    let mut offences = Vec::new();
    let places: Vec<u64> = turns.iter().map(|turn| turn.seq).collect();
    if !places.iter().copied().eq(0..places.len() as u64) {
        let call = call.to_owned();
        offences.push(Offence::TurnsMissing { call, places });
    }
    let spoken = turns.iter();
    let spoken = spoken.filter(|turn| turn.speaker == "customer" && turn.input == "speech");
    let stored: Vec<String> = spoken.flat_map(|turn| words(&turn.text)).collect();
    let said: Vec<(String, u64, u64)> = said(view);
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for (word, ..) in &said {
        *left.entry(word).or_default() += 1;
    }
    for word in &stored {
        match left.get_mut(word.as_str()) {
            Some(count) if *count > 0 => *count -= 1,
            Some(_) | None => offences.push(Offence::NotSaid {
                call: call.to_owned(),
                word: word.clone(),
                stored: stored.clone(),
                said: said.clone(),
            }),
        }
    }
    let greetings = turns.iter().filter(|turn| turn.kind == "greeting").count();
    let verdict = view.answered_by.as_deref();
    let of_a_machine = verdict.is_some_and(|by| by.starts_with("machine"))
        || turns.iter().any(|turn| turn.kind == "voicemail");
    // A mailbox's own words are nobody's, by whose word ever it is one.
    if whole == Whole::BrokeOff || of_a_machine {
        return offences;
    }
    if greetings > 1 {
        offences.push(Offence::GreetedAgain {
            call: call.to_owned(),
            times: greetings,
        });
    }
    if turns.iter().any(|turn| turn.kind == "bridge") {
        let call = call.to_owned();
        offences.push(Offence::ToldThatTheLineWasGone { call });
    }
    let stored: BTreeSet<&str> = stored.iter().map(String::as_str).collect();
    let until = view.log.entries().iter().map(at).max().unwrap_or_default();
    for (word, from, to) in &said {
        let in_a_gap = view
            .gaps
            .iter()
            .any(|gap| *from < gap.to_ms + MARGIN_MS && gap.from_ms < to + MARGIN_MS);
        if !in_a_gap && to + END_MARGIN_MS < until && !stored.contains(word.as_str()) {
            offences.push(Offence::WordLost {
                call: call.to_owned(),
                word: word.clone(),
                from_ms: *from,
                to_ms: *to,
                stored: stored.iter().map(|word| (*word).to_owned()).collect(),
                gaps: view.gaps.clone(),
                streams: view.streams,
            });
        }
    }
    offences
}

/// Words of the person, each with the milliseconds from and to which it may have been said.
fn said(view: &CallView) -> Vec<(String, u64, u64)> {
    let entries = view.log.entries().iter();
    let said = entries.filter_map(|entry| match entry {
        Experience::Said { text, start, end } => Some((text, *start, *end)),
        Experience::Heard(_)
        | Experience::Pressed { .. }
        | Experience::Beeped { .. }
        | Experience::HungUp { .. } => None,
    });
    said.flat_map(|(text, start, end)| {
        let (from, to) = (start / SAMPLES_PER_MS, end / SAMPLES_PER_MS);
        words(text).into_iter().map(move |word| (word, from, to))
    })
    .collect()
}

fn at(entry: &Experience) -> u64 {
    let sample = match entry {
        Experience::Heard(
            Heard::Word { end, .. } | Heard::Garbled { end, .. } | Heard::Cut { end, .. },
        )
        | Experience::Said { end, .. } => *end,
        Experience::Heard(Heard::SpeechStarted { at } | Heard::SpeechStopped { at })
        | Experience::Pressed { at, .. }
        | Experience::Beeped { at }
        | Experience::HungUp { at } => *at,
    };
    sample / SAMPLES_PER_MS
}

fn words(text: &str) -> Vec<String> {
    let plain = |word: &str| {
        let letters = word.chars().filter(|letter| letter.is_alphanumeric());
        letters.collect::<String>().to_lowercase()
    };
    let words = text.split_whitespace().map(plain);
    words.filter(|word| !word.is_empty()).collect()
}
