//! What a person went through on a call: what they heard and said, and when.

use std::fmt;

use crate::voice::{Heard, SAMPLES_PER_MS};

/// Everything that happened to a person on a call, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log {
    entries: Vec<Experience>,
}

/// One thing that happened. Positions are samples since the call was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Experience {
    Heard(Heard),
    /// Words of their own. Logged when they begin.
    Said {
        text: String,
        start: u64,
        end: u64,
    },
    Pressed {
        key: char,
        at: u64,
    },
    /// A mailbox's beep ended: from now on it records.
    Beeped {
        at: u64,
    },
    HungUp {
        at: u64,
    },
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The person whose log this is.
    Person,
    /// The other side: what was played to them.
    Agent,
}

/// Words of one side, up to the next words of the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub side: Side,
    /// `[garbled]` stands for a word that could not be understood, `wo-` for one that was cut.
    pub text: String,
    pub start_ms: u64,
    pub end_ms: u64,
}

impl Log {
    #[must_use]
    pub fn entries(&self) -> &[Experience] {
        &self.entries
    }

    /// Every whole word that was heard, joined by spaces.
    #[must_use]
    pub fn heard_text(&self) -> String {
        let words = self.entries.iter().filter_map(|entry| match entry {
            Experience::Heard(Heard::Word { text, .. }) => Some(text.as_str()),
            Experience::Heard(
                Heard::Garbled { .. }
                | Heard::Cut { .. }
                | Heard::SpeechStarted { .. }
                | Heard::SpeechStopped { .. },
            )
            | Experience::Said { .. }
            | Experience::Pressed { .. }
            | Experience::Beeped { .. }
            | Experience::HungUp { .. } => None,
        });
        words.collect::<Vec<_>>().join(" ")
    }

    /// When the last beep ended, in milliseconds since the answer of the call.
    #[must_use]
    pub fn beeped_ms(&self) -> Option<u64> {
        self.last(|entry| match entry {
            Experience::Beeped { at } => Some(*at),
            Experience::Heard(_)
            | Experience::Said { .. }
            | Experience::Pressed { .. }
            | Experience::HungUp { .. } => None,
        })
    }

    /// When their own last words ended, or will end, in milliseconds since the answer of the call.
    #[must_use]
    pub fn said_ms(&self) -> Option<u64> {
        self.last(|entry| match entry {
            Experience::Said { end, .. } => Some(*end),
            Experience::Heard(_)
            | Experience::Beeped { .. }
            | Experience::Pressed { .. }
            | Experience::HungUp { .. } => None,
        })
    }

    /// Everything heard after this moment, as a mailbox records it: `[garbled]` for a word that could not be
    /// understood, `wo-` for one that was cut.
    #[must_use]
    pub fn heard_since(&self, since_ms: u64) -> String {
        let after = |end: &u64| *end > since_ms * SAMPLES_PER_MS;
        let words = self.entries.iter().filter_map(|entry| match entry {
            Experience::Heard(Heard::Word { text, end, .. }) if after(end) => Some(text.clone()),
            Experience::Heard(Heard::Garbled { end, .. }) if after(end) => {
                Some("[garbled]".to_owned())
            }
            Experience::Heard(Heard::Cut { text, end, .. }) if after(end) => {
                Some(format!("{text}-"))
            }
            Experience::Heard(_)
            | Experience::Said { .. }
            | Experience::Pressed { .. }
            | Experience::Beeped { .. }
            | Experience::HungUp { .. } => None,
        });
        words.collect::<Vec<_>>().join(" ")
    }

    fn last(&self, position: impl Fn(&Experience) -> Option<u64>) -> Option<u64> {
        let last = self.entries.iter().rev().find_map(position);
        last.map(|samples| samples / SAMPLES_PER_MS)
    }

    /// Words that could not be understood: frames of them were lost, altered, late or out of order.
    #[must_use]
    pub fn garbled_words(&self) -> u32 {
        self.entries
            .iter()
            .map(|entry| match entry {
                Experience::Heard(Heard::Garbled { words, .. }) => u32::from(*words),
                Experience::Heard(
                    Heard::Word { .. }
                    | Heard::Cut { .. }
                    | Heard::SpeechStarted { .. }
                    | Heard::SpeechStopped { .. },
                )
                | Experience::Said { .. }
                | Experience::Pressed { .. }
                | Experience::Beeped { .. }
                | Experience::HungUp { .. } => 0,
            })
            .sum()
    }

    /// The conversation as this person knows it, by the time at which words began.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        let mut pieces: Vec<(u64, u64, Side, String)> = self
            .entries
            .iter()
            .filter_map(|entry| match entry {
                Experience::Heard(Heard::Word {
                    text, start, end, ..
                }) => Some((*start, *end, Side::Agent, text.clone())),
                Experience::Heard(Heard::Garbled { start, end, .. }) => {
                    Some((*start, *end, Side::Agent, "[garbled]".to_owned()))
                }
                Experience::Heard(Heard::Cut {
                    text, start, end, ..
                }) => Some((*start, *end, Side::Agent, format!("{text}-"))),
                Experience::Said { text, start, end } => {
                    Some((*start, *end, Side::Person, text.clone()))
                }
                Experience::Heard(Heard::SpeechStarted { .. } | Heard::SpeechStopped { .. })
                | Experience::Pressed { .. }
                | Experience::Beeped { .. }
                | Experience::HungUp { .. } => None,
            })
            .collect();
        pieces.sort_by_key(|(start, ..)| *start);
        let mut lines: Vec<Line> = Vec::new();
        for (start, end, side, text) in pieces {
            let (start_ms, end_ms) = (start / SAMPLES_PER_MS, end / SAMPLES_PER_MS);
            match lines.last_mut() {
                Some(line) if line.side == side => {
                    line.text.push(' ');
                    line.text.push_str(&text);
                    line.end_ms = end_ms;
                }
                Some(_) | None => lines.push(Line {
                    side,
                    text,
                    start_ms,
                    end_ms,
                }),
            }
        }
        lines
    }

    pub(super) fn push(&mut self, entry: Experience) {
        self.entries.push(entry);
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.lines() {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            side,
            text,
            start_ms,
            end_ms,
        } = self;
        let side = match side {
            Side::Person => "person",
            Side::Agent => "agent",
        };
        let seconds = |ms: &u64| format!("{}.{:02}", ms / 1_000, ms % 1_000 / 10);
        write!(
            f,
            "{}-{} {side}: {text}",
            seconds(start_ms),
            seconds(end_ms)
        )
    }
}
