//! What became of the calls of one part of the drill, by the far side's account.

use std::fmt;

use hdrhistogram::Histogram;
use local::demo::client::{CallView, TurnView};
use model::{Outcome, Speaker};
use serde::Serialize;
use sim::carriers::twilio::CallView as CarrierView;
use sim::person::{Experience, Line, Side};

use crate::book::{histogram, quantiles};

/// What the agent says first after a break, and never after a hand-over.
const BRIDGE: &str = "Sorry, the line was gone for a moment.";

/// What the 95th percentile of the gap is to stay below, in milliseconds, after each kind of move. It is said and
/// not enforced: a slow machine breaks no promise.
pub(crate) const GAP_HANDED_OVER_MS_AIM: u64 = 700;
pub(crate) const GAP_RESUMED_MS_AIM: u64 = 2_000;
/// A turn that ended so long before a worker died must have been stored: it is written when it is over, which takes
/// milliseconds, but for a machine that other programs keep busy.
const STORED_WITHIN_MS: u64 = 1_000;
/// Of a hundred calls on a worker that dies, this many go on.
const RESUMED_PERCENT_MIN: u64 = 99;

/// Counts over calls.
#[derive(Debug, Serialize)]
pub(crate) struct Tally {
    calls: usize,
    /// Ended otherwise than by both sides' goodbyes.
    dropped: usize,
    /// Moves to another worker, and those of them with an apology.
    moves: usize,
    apologies: usize,
    /// Calls that moved.
    moved: usize,
    moved_and_finished: usize,
    /// Words that the transcript has not, of people and of the agent; and words of people that were said,
    /// at least in part, while the carrier had no stream.
    customer_words_lost: usize,
    agent_words_lost: usize,
    words_into_gaps: usize,
    /// Of what both sides had said before the turn that a dying worker took with it: words that the transcript
    /// has not. A turn is stored when it is over.
    stored_words_lost: usize,
    words: usize,
    gap_p50_ms: u64,
    gap_p95_ms: u64,
    gap_max_ms: u64,
    #[serde(skip)]
    gaps: Histogram<u64>,
}

impl Tally {
    pub(crate) fn begin(calls: usize) -> Self {
        Self {
            calls,
            dropped: 0,
            moves: 0,
            apologies: 0,
            moved: 0,
            moved_and_finished: 0,
            customer_words_lost: 0,
            agent_words_lost: 0,
            words_into_gaps: 0,
            stored_words_lost: 0,
            words: 0,
            gap_p50_ms: 0,
            gap_p95_ms: 0,
            gap_max_ms: 0,
            gaps: histogram(),
        }
    }

    pub(crate) fn add(&mut self, call: &CallView, seen: &CarrierView) {
        let finished = call.outcome == Some(Outcome::AgentEnded);
        self.dropped += usize::from(!finished);
        self.moves += seen.gaps.len();
        self.moved += usize::from(!seen.gaps.is_empty());
        self.moved_and_finished += usize::from(!seen.gaps.is_empty() && finished);
        for gap in &seen.gaps {
            self.gaps
                .saturating_record((gap.to_ms - gap.from_ms) * 1_000);
        }
        let said_by = |speaker| {
            let turns = call
                .turns
                .iter()
                .filter(move |turn| turn.speaker == speaker);
            turns.map(|turn| turn.text.as_str())
        };
        // Somebody who talks on may interrupt it.
        let bridges = |turn: &TurnView| turn.intended.as_ref().unwrap_or(&turn.text) == BRIDGE;
        self.apologies += call.turns.iter().filter(|turn| bridges(turn)).count();
        if let (Some(gap), Some(bridge)) = (seen.gaps.first(), call.turns.iter().position(bridges))
        {
            let stored = call.turns.get(..bridge).unwrap_or_default();
            let stored: Vec<String> = stored.iter().flat_map(|turn| words(&turn.text)).collect();
            let over = turns_over(&seen.log.lines(), gap.from_ms);
            self.stored_words_lost += missing(&over, &stored);
        }
        let mut said = Vec::new();
        for entry in seen.log.entries() {
            let Experience::Said { text, start, end } = entry else {
                continue;
            };
            let (from, to) = (start / 8, end / 8);
            let torn = seen
                .gaps
                .iter()
                .any(|gap| from < gap.to_ms && gap.from_ms < to);
            let spoken = words(text);
            if torn {
                self.words_into_gaps += spoken.len();
            }
            said.extend(spoken);
        }
        let heard = words(&seen.log.heard_text());
        self.words += said.len() + heard.len();
        let customer: Vec<String> = said_by(Speaker::Customer).flat_map(words).collect();
        let agent: Vec<String> = said_by(Speaker::Agent).flat_map(words).collect();
        self.customer_words_lost += missing(&said, &customer);
        self.agent_words_lost += missing(&heard, &agent);
        let gaps = quantiles(&self.gaps);
        self.gap_p50_ms = gaps.p50 / 1_000;
        self.gap_p95_ms = self.gaps.value_at_quantile(0.95) / 1_000;
        self.gap_max_ms = gaps.max / 1_000;
    }

    /// Nobody was dropped, no word is missing, and nobody had to apologise.
    pub(crate) fn must_be_seamless(&self) -> anyhow::Result<()> {
        anyhow::ensure!(self.dropped == 0, "{} calls were dropped", self.dropped);
        anyhow::ensure!(self.moved == self.calls, "not all calls were handed over");
        anyhow::ensure!(self.apologies == 0, "{} moves were noticed", self.apologies);
        let lost = self.customer_words_lost + self.agent_words_lost;
        anyhow::ensure!(lost == 0, "{lost} words were lost");
        Ok(())
    }

    /// The calls of the worker that died went on, and knew all but the turn under way.
    pub(crate) fn must_have_resumed(&self) -> anyhow::Result<()> {
        let percent = self.resumed_percent();
        anyhow::ensure!(self.moved > 0, "nobody was on the worker that died");
        anyhow::ensure!(
            percent >= RESUMED_PERCENT_MIN,
            "{percent} % of the calls were resumed"
        );
        // The apology says where the cut is in a transcript: without one nothing would be compared.
        anyhow::ensure!(self.apologies > 0, "nobody was told that the line was gone");
        anyhow::ensure!(
            self.stored_words_lost == 0,
            "{} words of turns that were over were lost",
            self.stored_words_lost
        );
        Ok(())
    }

    /// The gap beside what is aimed at.
    pub(crate) fn against_aim(&self, aim_ms: u64) -> String {
        let met = if self.gap_p95_ms < aim_ms {
            "met"
        } else {
            "missed"
        };
        format!("  {:<44} {met} (p95 under {aim_ms} ms)", "aim")
    }

    /// Of the calls that lost a stream or their end.
    fn resumed_percent(&self) -> u64 {
        let concerned = self.moved + (self.dropped - (self.moved - self.moved_and_finished));
        let percent = 100 * self.moved_and_finished / concerned.max(1);
        u64::try_from(percent).unwrap_or(0)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: [(&str, String); 9] = [
            (
                "calls, dropped",
                format!("{}, {}", self.calls, self.dropped),
            ),
            (
                "moves, with an apology",
                format!("{}, {}", self.moves, self.apologies),
            ),
            (
                "calls that moved, and went on to their end",
                format!("{}, {}", self.moved, self.moved_and_finished),
            ),
            ("words said and heard", self.words.to_string()),
            (
                "words of customers the transcript has not",
                self.customer_words_lost.to_string(),
            ),
            (
                "words of the agent it has not",
                self.agent_words_lost.to_string(),
            ),
            (
                "words said while there was no stream",
                self.words_into_gaps.to_string(),
            ),
            (
                "words before the turn that was cut, lost",
                self.stored_words_lost.to_string(),
            ),
            (
                "gap in the customer's audio p50, p95, max",
                format!(
                    "{}, {}, {} ms",
                    self.gap_p50_ms, self.gap_p95_ms, self.gap_max_ms
                ),
            ),
        ];
        for (name, value) in rows {
            writeln!(f, "  {name:<44} {value}")?;
        }
        Ok(())
    }
}

/// What both sides had said before the person's last words that began before `cut_ms`, and long enough before it to
/// have been stored.
fn turns_over(lines: &[Line], cut_ms: u64) -> Vec<String> {
    let begun = |line: &Line| line.side == Side::Person && line.start_ms < cut_ms;
    let under_way = lines.iter().rposition(begun).unwrap_or(0);
    let over = lines.iter().take(under_way);
    over.take_while(|line| line.end_ms + STORED_WITHIN_MS < cut_ms)
        .flat_map(|line| words(&line.text))
        .collect()
}

/// Words without case and punctuation: what can be compared between a text and an ear.
fn words(text: &str) -> Vec<String> {
    let plain = |word: &str| {
        word.chars()
            .filter(|c| c.is_alphanumeric())
            .collect::<String>()
            .to_lowercase()
    };
    text.split_whitespace()
        .map(plain)
        .filter(|word| !word.is_empty())
        .collect()
}

/// How many of `all` are not in `some`, both in order.
fn missing(all: &[String], some: &[String]) -> usize {
    // Longest common subsequence, a row at a time.
    let mut row = vec![0_usize; some.len() + 1];
    for word in all {
        let mut diagonal = 0;
        let mut left = 0;
        for (place, known) in row.iter_mut().skip(1).zip(some) {
            let above = *place;
            left = if word == known {
                diagonal + 1
            } else {
                above.max(left)
            };
            diagonal = above;
            *place = left;
        }
    }
    all.len() - row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_over_when_the_person_speaks_again() {
        let line = |side, text: &str, start_ms| Line {
            side,
            text: text.to_owned(),
            start_ms,
            end_ms: start_ms + 900,
        };
        let lines = vec![
            line(Side::Agent, "Hello.", 0),
            line(Side::Person, "Any parking?", 1_000),
            line(Side::Agent, "Yes, there is.", 2_000),
            line(Side::Person, "Goodbye.", 3_000),
            line(Side::Agent, "Goodbye.", 4_000),
        ];
        let over = |cut_ms| turns_over(&lines, cut_ms).join(" ");
        assert_eq!(over(500), "");
        assert_eq!(over(2_500), "hello");
        assert_eq!(over(3_100), "hello any parking");
        assert_eq!(over(3_901), "hello any parking yes there is");
    }

    #[test]
    fn words_are_missing_wherever_they_stand() {
        let missing = |all, some| missing(&words(all), &words(some));
        assert_eq!(missing("Is there any parking?", "is there any parking"), 0);
        assert_eq!(missing("Is there any parking?", "is any"), 2);
        assert_eq!(missing("yes", ""), 1);
        assert_eq!(missing("", "yes"), 0);
    }
}
