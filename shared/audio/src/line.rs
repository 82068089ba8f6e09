//! What a call's line is like, from frames of 20 ms as they come and go: whether either side is silent, and whether
//! it is bad for talking and for recognition.
//!
//! | found | when |
//! |---|---|
//! | [`Finding::Silent`], the customer | no sound for 5 s: frames of one value, or none at all. A living line has noise, also while nobody speaks or the carrier fills in comfort noise, so loudness does not matter; fewer than three frames of sound in a second are clicks of a dead one |
//! | [`Finding::Silent`], the agent | 5 s of what we play is of one value, or was sent and is not played: the mark behind it is 2 s late. Marks are at ends of sentences, so a first one of more than 4 s takes longer |
//! | [`Fault::FramesMissing`], [`Fault::FramesLate`] | 25 of the last 500 frames, which is 5 % of ten seconds, never came, or came over 60 ms later than the fastest |
//! | [`Fault::Clipped`] | a tenth of two seconds of speech or more is at full scale |
//! | [`Fault::TooQuiet`], [`Fault::TooLoud`] | speech below −48 or above −10 dB of full scale on average |
//! | [`Fault::Echo`] | what we play comes back within 600 ms, three times in a row that we speak |
//!
//! Where the numbers are from: ITU-T G.107 and G.113 rate µ-law without concealment (which is what we hear: holes
//! become silence) at 5 % of loss as R = 42, below the 50 under which a connection is "not recommended"; recognition
//! suffers from 3 to 5 % on. 60 ms is what jitter buffers of phones bridge. Speech is usually at −26 dB of full scale
//! (ITU-T P.56, P.800), quiet talkers 10 to 15 dB below, and is tested at ±10. Echo counts from any loudness that is
//! taken for speech, because the recognizer takes it for the customer's.
//!
//! A phone that sends nothing while it is muted looks like a dead line; that is why the finding is taken back with
//! the next sound, and why what stands at the end counts. It costs some hundred instructions a frame and allocates
//! nothing. It knows no calls: whoever asks says whether silence is to be expected ([`LineMeter::poll`]).

mod echo;
mod quality;
mod way;

use crate::Loudness;
use crate::frames::FRAME_MS;
use echo::Echo;
use quality::Quality;
use way::{AgentWay, CustomerWay};

/// So long nothing may be heard of a side.
pub const ONE_WAY_AFTER_MS: u64 = 5_000;

/// A side of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    Customer,
    Agent,
}

/// What makes a line a bad one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    FramesMissing,
    FramesLate,
    Clipped,
    TooQuiet,
    TooLoud,
    Echo,
}

/// Something that became known of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Nothing is heard of this side.
    Silent(Side),
    /// It is heard again.
    Heard(Side),
    /// The line is bad: told once, with what was found first.
    Bad(Fault),
}

/// The customer's next frame, or a few in one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CustomerFrame {
    pub loudness: Loudness,
    /// Audio before it that never came.
    pub lost_ms: u64,
    /// Its place by the carrier's clock, in milliseconds since any moment.
    pub timestamp_ms: u64,
}

/// A line from the stream's begin until now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineTotals {
    /// Frames that the customer's audio should have had so far.
    pub frames: u32,
    pub frames_missing: u32,
    pub frames_late: u32,
    /// Of those that came, frames with speech.
    pub active_frames: u32,
    /// Of those with speech, frames that were cut off at full scale.
    pub clipped_frames: u32,
    /// How loud speech is on average, below full scale; absent, there was too little.
    pub level_dbfs: Option<i32>,
    pub customer_silent: bool,
    pub agent_silent: bool,
    /// How long a side was silent in all, from its last sound on.
    pub one_way_ms: u64,
    /// What made the line bad, and when that was found.
    pub fault: Option<(Fault, u64)>,
    /// After so long what we play comes back.
    pub echo_delay_ms: Option<u32>,
}

/// Measures one line. Times are milliseconds since the stream's begin and never go back.
#[derive(Debug, Clone)]
pub struct LineMeter {
    customer: CustomerWay,
    agent: AgentWay,
    quality: Quality,
    echo: Echo,
    /// Since when a side is silent, and how long that was so before.
    one_way_since: Option<u64>,
    one_way_ms: u64,
    fault: Option<(Fault, u64)>,
}

impl LineMeter {
    #[must_use]
    pub const fn new() -> Self {
        Self {
            customer: CustomerWay::new(),
            agent: AgentWay::new(),
            quality: Quality::new(),
            echo: Echo::new(),
            one_way_since: None,
            one_way_ms: 0,
            fault: None,
        }
    }

    /// Takes the customer's next frame, which came at `now_ms`. One without audio says nothing.
    pub fn hear(&mut self, frame: CustomerFrame, now_ms: u64) {
        if frame.loudness.samples() == 0 {
            return;
        }
        let sound = !frame.loudness.is_flat();
        let level = if sound { frame.loudness.mean() } else { 0 };
        let mut said_at_ms = self.quality.hear(frame, level, now_ms);
        for _frame in 0..frame.frames() {
            if sound {
                self.customer.sound(now_ms);
            }
            self.echo.hear(level, said_at_ms);
            said_at_ms += FRAME_MS;
        }
    }

    /// Words of the customer were recognized: what is loud on their side is speech.
    pub const fn understood(&mut self) {
        self.quality.understood();
    }

    /// Audio goes to the carrier, which plays it behind what went before.
    pub fn play(&mut self, audio: &[u8], now_ms: u64) {
        self.agent.play(audio, now_ms);
        self.echo.play(audio, now_ms);
    }

    /// What was not played yet is not going to be.
    pub const fn clear(&mut self, now_ms: u64) {
        self.agent.clear();
        self.echo.clear(now_ms);
    }

    /// A mark goes to a carrier that returns it when what was before is played or cleared.
    pub fn mark(&mut self, now_ms: u64) {
        self.agent.mark(now_ms);
    }

    /// The carrier returned a mark.
    pub fn marked(&mut self, now_ms: u64) {
        self.agent.marked(now_ms);
    }

    /// The next thing that is known by `now_ms`; to be called until it answers `None`. `expected`: silence of the
    /// customer's side means nothing, because a machine listens there. Asked only where there is silence.
    pub fn poll(&mut self, now_ms: u64, expected: impl FnOnce() -> bool) -> Option<Finding> {
        let finding = if let Some(silent) = self.customer.turn(now_ms, expected) {
            told(Side::Customer, silent)
        } else if let Some(silent) = self.agent.turn(now_ms) {
            told(Side::Agent, silent)
        } else {
            if self.fault.is_some() {
                return None;
            }
            let echo = self.echo.delay_ms().map(|_delay| Fault::Echo);
            let fault = self.quality.fault().or(echo)?;
            self.fault = Some((fault, now_ms));
            return Some(Finding::Bad(fault));
        };
        let since = [self.customer.silent_since(), self.agent.silent_since()];
        let since = since.into_iter().flatten().min();
        match (self.one_way_since, since) {
            (None, Some(since)) => self.one_way_since = Some(since),
            (Some(since), None) => {
                self.one_way_ms += now_ms.saturating_sub(since);
                self.one_way_since = None;
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
        Some(finding)
    }

    /// When [`Self::poll`], which has nothing to say by `now_ms`, may have although nothing comes.
    #[must_use]
    pub fn due_ms(&self, now_ms: u64) -> Option<u64> {
        let due = [self.customer.due_ms(), self.agent.due_ms()];
        due.into_iter().flatten().filter(|due| *due > now_ms).min()
    }

    #[must_use]
    pub fn totals(&self, now_ms: u64) -> LineTotals {
        let going_on = self.one_way_since.map(|since| now_ms.saturating_sub(since));
        LineTotals {
            customer_silent: self.customer.silent_since().is_some(),
            agent_silent: self.agent.silent_since().is_some(),
            one_way_ms: self.one_way_ms + going_on.unwrap_or(0),
            fault: self.fault,
            echo_delay_ms: self.echo.delay_ms(),
            ..self.quality.totals()
        }
    }
}

impl CustomerFrame {
    /// How many frames it really is.
    fn frames(&self) -> u32 {
        const FRAME_SAMPLES: u32 = 160;
        ((self.loudness.samples() + FRAME_SAMPLES / 2) / FRAME_SAMPLES).max(1)
    }
}

impl Default for LineMeter {
    fn default() -> Self {
        Self::new()
    }
}

const fn told(side: Side, silent: bool) -> Finding {
    if silent {
        Finding::Silent(side)
    } else {
        Finding::Heard(side)
    }
}

#[cfg(test)]
mod tests;
