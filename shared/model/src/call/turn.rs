//! Turns: what a transcript is made of, and where the time of each one went.

use serde::{Deserialize, Serialize};

use crate::CallTime;

/// One side's utterance in a call, stored when it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Place in the call, from 0, without gaps.
    pub seq: u32,
    pub speaker: Speaker,
    pub kind: TurnKind,
    /// What was heard: for the agent only what was really played, for the customer what was recognized.
    pub text: String,
    /// What the agent was about to say, where the customer did not hear all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intended: Option<String>,
    /// The other side cut this turn short.
    #[serde(default)]
    pub interrupted: bool,
    pub input: TurnInput,
    /// When the first sound of the turn was heard.
    pub started_at: CallTime,
    /// When the last sound of the turn was heard.
    pub ended_at: CallTime,
    /// The tools the agent used in this turn, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolUse>,
    /// Where the time went; only on an agent's turn that answers something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waterfall: Option<Waterfall>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    Customer,
    Agent,
}

/// Why somebody spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TurnKind {
    /// The agent says that the call is recorded.
    Notice,
    Greeting,
    /// The customer's words, or the agent's answer to them.
    Talk,
    /// The agent asks whether somebody is still there.
    Reminder,
    /// The agent goes on after the call was resumed on another worker.
    Bridge,
    /// The agent's last words.
    Farewell,
    /// The agent tells a call screening service who calls and why.
    Screening,
    /// The agent leaves a message on a mailbox.
    Voicemail,
}

/// How the turn reached us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TurnInput {
    Speech,
    /// Keys of the phone; the text is the digits.
    Keypad,
}

/// One use of a tool by the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ToolUse {
    pub name: String,
    /// The arguments as the model wrote them (JSON text).
    pub arguments: String,
    /// The result as the model was told it, or what went wrong.
    pub result: String,
    pub ok: bool,
}

/// The moments of an answer, in the order in which they happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The customer's last sound.
    CustomerStopped,
    /// The recognizer's final words were here.
    Recognized,
    /// We decided that the customer's turn is over.
    TurnEnded,
    /// The language model was asked.
    ModelAsked,
    FirstToken,
    /// The first speakable chunk was whole.
    FirstChunk,
    /// The speech vendor was asked.
    SpeechAsked,
    FirstAudio,
    /// The first frame was handed to the carrier's socket.
    FirstFrameOut,
    /// The carrier confirmed that the first sentence was played.
    FirstMark,
}

/// Who used the time that led up to a [`Stage`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StageOwner {
    /// Chosen waiting: the turn-taking preset.
    Preset,
    Vendor,
    /// Us: this is the overhead that promise P5 bounds.
    Engine,
    Carrier,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 10] = [
        Self::CustomerStopped,
        Self::Recognized,
        Self::TurnEnded,
        Self::ModelAsked,
        Self::FirstToken,
        Self::FirstChunk,
        Self::SpeechAsked,
        Self::FirstAudio,
        Self::FirstFrameOut,
        Self::FirstMark,
    ];

    /// Whose time it was from the stage before to this one. The first stage owns none.
    #[must_use]
    pub const fn owner(self) -> StageOwner {
        match self {
            Self::Recognized | Self::FirstToken | Self::FirstChunk | Self::FirstAudio => {
                StageOwner::Vendor
            }
            Self::TurnEnded => StageOwner::Preset,
            Self::CustomerStopped | Self::ModelAsked | Self::SpeechAsked | Self::FirstFrameOut => {
                StageOwner::Engine
            }
            Self::FirstMark => StageOwner::Carrier,
        }
    }
}

/// Where the time of one answer went. Stages are contiguous and never go back, so that the parts
/// add up to the whole; a stage that was skipped has no part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waterfall {
    /// Reached stages with the time of each, in order of stage and of time.
    reached: Vec<(Stage, CallTime)>,
}

impl Waterfall {
    /// Starts with the moment that the answer is counted from.
    #[must_use]
    pub fn from_customer_stopped(at: CallTime) -> Self {
        Self {
            reached: vec![(Stage::CustomerStopped, at)],
        }
    }

    /// Notes that `stage` was reached. The first report of a stage counts; a time before that of an
    /// earlier stage is lifted to it (two clocks meet at the first stages).
    pub fn reach(&mut self, stage: Stage, at: CallTime) {
        let place = self.reached.partition_point(|(known, _)| *known < stage);
        if self
            .reached
            .get(place)
            .is_some_and(|(known, _)| *known == stage)
        {
            return;
        }
        let mut at = at;
        if let Some((_, before)) = place
            .checked_sub(1)
            .and_then(|before| self.reached.get(before))
        {
            at = at.max(*before);
        }
        if let Some((_, after)) = self.reached.get(place) {
            at = at.min(*after);
        }
        self.reached.insert(place, (stage, at));
    }

    /// Notes that what `stage` decided was done only at `at`: the stage ends then. A time beyond that
    /// of the next stage is lowered to it; a stage that was not reached stays so.
    pub fn settle(&mut self, stage: Stage, at: CallTime) {
        let place = self.reached.partition_point(|(known, _)| *known < stage);
        let next = self.reached.get(place + 1).map(|(_, next)| *next);
        if let Some((known, reached)) = self.reached.get_mut(place)
            && *known == stage
        {
            *reached = at.min(next.unwrap_or(at)).max(*reached);
        }
    }

    /// When `stage` was reached.
    #[must_use]
    pub fn at(&self, stage: Stage) -> Option<CallTime> {
        let found = self.reached.iter().find(|(known, _)| *known == stage);
        found.map(|(_, at)| *at)
    }

    /// Each reached stage after the first with the time that led up to it, in microseconds.
    pub fn parts(&self) -> impl Iterator<Item = (Stage, u64)> + '_ {
        self.reached.windows(2).filter_map(|pair| match pair {
            [(_, before), (stage, at)] => Some((*stage, at.as_micros() - before.as_micros())),
            _other_length => None,
        })
    }

    /// From the customer's last sound to the last stage reached, in microseconds.
    #[must_use]
    pub fn total_micros(&self) -> u64 {
        match (self.reached.first(), self.reached.last()) {
            (Some((_, first)), Some((_, last))) => last.as_micros() - first.as_micros(),
            (None, _) | (_, None) => 0,
        }
    }

    /// From the customer's last sound to our first frame out, in microseconds: what the customer feels,
    /// less the carrier's own delay. `None` while no frame went out.
    #[must_use]
    pub fn voice_to_voice_micros(&self) -> Option<u64> {
        let stopped = self.at(Stage::CustomerStopped)?;
        let out = self.at(Stage::FirstFrameOut)?;
        Some(out.as_micros() - stopped.as_micros())
    }

    /// The part of the answer's time that was ours alone, in microseconds.
    #[must_use]
    pub fn engine_micros(&self) -> u64 {
        self.parts()
            .filter(|(stage, _)| stage.owner() == StageOwner::Engine)
            .map(|(_, micros)| micros)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_parts_of_an_answer_add_up() {
        let mut answer = Waterfall::from_customer_stopped(CallTime::from_millis(1_000));
        answer.reach(Stage::TurnEnded, CallTime::from_millis(1_300));
        answer.reach(Stage::Recognized, CallTime::from_millis(1_310));
        answer.reach(Stage::FirstFrameOut, CallTime::from_millis(1_900));
        answer.reach(Stage::FirstFrameOut, CallTime::from_millis(2_900));
        let parts: Vec<_> = answer.parts().collect();
        assert_eq!(
            parts,
            [
                (Stage::Recognized, 300_000),
                (Stage::TurnEnded, 0),
                (Stage::FirstFrameOut, 600_000),
            ]
        );
        assert_eq!(answer.total_micros(), 900_000);
        assert_eq!(answer.voice_to_voice_micros(), Some(900_000));
        assert_eq!(answer.engine_micros(), 600_000);
    }

    #[test]
    fn a_stage_ends_when_what_it_decided_is_done() {
        let mut answer = Waterfall::from_customer_stopped(CallTime::from_millis(1_000));
        answer.reach(Stage::ModelAsked, CallTime::from_millis(1_300));
        answer.settle(Stage::ModelAsked, CallTime::from_micros(1_300_250));
        answer.settle(Stage::SpeechAsked, CallTime::from_millis(1_400));
        answer.reach(Stage::FirstToken, CallTime::from_millis(1_500));
        answer.settle(Stage::ModelAsked, CallTime::from_millis(9_000));
        let parts: Vec<_> = answer.parts().collect();
        assert_eq!(
            parts,
            [(Stage::ModelAsked, 500_000), (Stage::FirstToken, 0)]
        );

        let mut early = Waterfall::from_customer_stopped(CallTime::from_millis(1_000));
        early.reach(Stage::ModelAsked, CallTime::from_millis(1_300));
        early.settle(Stage::ModelAsked, CallTime::from_millis(1_200));
        assert_eq!(early.engine_micros(), 300_000);
    }

    proptest! {
        #[test]
        fn parts_add_up_in_whatever_order_stages_are_reported(
            stopped in 0u64..10_000_000,
            reports in proptest::collection::vec((0usize..10, 0u64..10_000_000), 0..20),
        ) {
            let mut answer = Waterfall::from_customer_stopped(CallTime::from_micros(stopped));
            for (stage, at) in reports {
                answer.reach(Stage::ALL[stage], CallTime::from_micros(at));
            }
            let sum: u64 = answer.parts().map(|(_, micros)| micros).sum();
            prop_assert_eq!(sum, answer.total_micros());
        }
    }
}
