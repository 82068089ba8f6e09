//! Tells a call on a terminal while it happens: one line for each thing that a person would notice.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use model::{CallId, CallState, Speaker};

use crate::client::{CallView, RecordingView, TurnView};

use super::Verdict;

/// What has been told so far, so that nothing is told twice.
pub(super) struct Account {
    started: Instant,
    states: Vec<CallState>,
    turns: usize,
    stored: bool,
    archived: bool,
}

impl Account {
    pub(super) fn begin() -> Self {
        say("\nA first phone call, over the real wire protocols:\n");
        Self {
            started: Instant::now(),
            states: Vec::new(),
            turns: 0,
            stored: false,
            archived: false,
        }
    }

    pub(super) fn created(&mut self, id: CallId) {
        self.line("POST /v1/calls", id);
    }

    /// Every state that was seen, in order.
    pub(super) fn states(&self) -> &[CallState] {
        &self.states
    }

    pub(super) fn see(&mut self, call: &CallView) {
        for state in CallState::ALL {
            // A look may come after two steps: what lies between happened too, but only what was
            // seen is told as seen.
            if state == call.state && !self.states.contains(&state) && state != CallState::Ended {
                self.states.push(state);
                self.state(state);
            }
        }
        for turn in call.turns.iter().skip(self.turns) {
            self.turn(turn);
        }
        self.turns = self.turns.max(call.turns.len());
        if let Some(outcome) = call
            .outcome
            .filter(|_| !self.states.contains(&CallState::Ended))
        {
            self.states.push(CallState::Ended);
            let by = call.outcome_by.as_deref().unwrap_or_default();
            self.line("ended", format!("{} (whose doing: {by})", outcome.code()));
        }
        if let Some(recording) = &call.recording {
            self.recording(recording);
        }
    }

    fn state(&self, state: CallState) {
        match state {
            CallState::Claimed | CallState::Placing | CallState::Ended => {}
            CallState::Placed => self.line("placed", "the carrier accepted the call"),
            CallState::Ringing => self.line("ringing", "the callee's phone rings"),
            CallState::Answered => self.line("answered", "the media stream is open"),
        }
    }

    fn turn(&self, turn: &TurnView) {
        let who = match turn.speaker {
            Speaker::Caller => "caller",
            Speaker::Agent => "agent",
        };
        let mut words = format!("“{}”", turn.text);
        if turn.interrupted {
            words.push_str(" — interrupted");
        }
        if let Some(answer) = &turn.waterfall
            && let Some(micros) = answer.voice_to_voice_us
        {
            let ours = ms(answer.engine_us);
            words.push_str(&format!(
                "  [{} after the caller's last sound; ours: {ours}]",
                ms(micros)
            ));
        }
        self.line(who, words);
    }

    fn recording(&mut self, recording: &RecordingView) {
        let archived = recording.state == "archived";
        if !archived && recording.state != "stored" {
            return;
        }
        if !self.stored {
            self.stored = true;
            let bytes = recording.bytes.unwrap_or_default();
            self.line(
                "recorded",
                format!("{bytes} bytes in the object store, length and checksum verified"),
            );
        }
        if archived && !self.archived {
            self.archived = true;
            self.line("archived", "deleted at the carrier; ours is the only copy");
        }
    }

    pub(super) fn end(&self, verdict: &Verdict) {
        say("");
        for step in &verdict.steps {
            let mark = if step.happened { "ok  " } else { "MISS" };
            say(&format!("  {mark} {}", step.what));
            if !step.happened {
                say(&format!("       {}", step.seen));
            }
        }
        say(&format!(
            "\n{} of {} steps happened, in {:.1} s.",
            verdict.happened(),
            verdict.steps.len(),
            self.elapsed().as_secs_f64()
        ));
    }

    fn line(&self, what: &str, words: impl Display) {
        say(&format!(
            "  {:5.1} s  {what:<15} {words}",
            self.elapsed().as_secs_f64()
        ));
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Writes a line to standard output. A reader that went away is no reason to stop a phone system.
pub(crate) fn say(line: &str) {
    drop(writeln!(io::stdout().lock(), "{line}"));
}

fn ms(micros: u64) -> String {
    if micros < 10_000 {
        return format!("{micros} µs");
    }
    format!("{} ms", micros / 1_000)
}
