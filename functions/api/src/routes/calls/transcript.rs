//! Turns as the API shows them, and how fast the agent answered.

use model::{Speaker, Stage, StageOwner, ToolUse, Turn, TurnInput, TurnKind, Waterfall};
use serde::Serialize;
use utoipa::ToSchema;

/// One side's utterance.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Turn)]
pub(crate) struct TurnView {
    /// Place in the call, from 0.
    seq: u32,
    speaker: Speaker,
    kind: TurnKind,
    /// What was heard: for the agent only what was really played.
    text: String,
    /// What the agent was about to say, where the customer did not hear all of it.
    intended: Option<String>,
    /// The other side cut this turn short.
    interrupted: bool,
    input: TurnInput,
    /// Milliseconds since the media session began.
    started_ms: u64,
    ended_ms: u64,
    /// The tools the agent used in this turn, in order.
    tools: Vec<ToolUse>,
    /// Where the time went; only of an agent's turn that answers something.
    waterfall: Option<WaterfallView>,
}

/// Where the time of an answer went. The parts add up to the whole.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Waterfall)]
pub(crate) struct WaterfallView {
    parts: Vec<PartView>,
    total_us: u64,
    /// From the customer's last sound to our first frame out.
    voice_to_voice_us: Option<u64>,
    /// The part of it that was ours alone.
    engine_us: u64,
}

/// The time that led up to a stage.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WaterfallPart)]
pub(crate) struct PartView {
    stage: Stage,
    owner: StageOwner,
    us: u64,
}

/// How fast the agent answered, over a call.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AnswerTimes)]
pub(crate) struct Answers {
    /// Answers that were measured.
    count: usize,
    voice_to_voice_us: Spread,
    engine_us: Spread,
}

/// Median and worst of a number of times, in microseconds; zero when there are none.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Spread {
    p50: u64,
    max: u64,
}

pub(crate) fn view_turns(turns: Vec<Turn>) -> (Vec<TurnView>, Answers) {
    let answers = Answers::of(&turns);
    (turns.into_iter().map(TurnView::from).collect(), answers)
}

impl Answers {
    fn of(turns: &[Turn]) -> Self {
        let measured: Vec<(u64, u64)> = turns
            .iter()
            .filter_map(|turn| turn.waterfall.as_ref())
            .filter_map(|answer| Some((answer.voice_to_voice_micros()?, answer.engine_micros())))
            .collect();
        Self {
            count: measured.len(),
            voice_to_voice_us: Spread::of(measured.iter().map(|(all, _)| *all)),
            engine_us: Spread::of(measured.iter().map(|(_, ours)| *ours)),
        }
    }
}

impl Spread {
    fn of(times: impl Iterator<Item = u64>) -> Self {
        let mut times: Vec<_> = times.collect();
        times.sort_unstable();
        let middle = times.len().saturating_sub(1) / 2;
        Self {
            p50: times.get(middle).copied().unwrap_or_default(),
            max: times.last().copied().unwrap_or_default(),
        }
    }
}

impl From<Turn> for TurnView {
    fn from(turn: Turn) -> Self {
        Self {
            seq: turn.seq,
            speaker: turn.speaker,
            kind: turn.kind,
            text: turn.text,
            intended: turn.intended,
            interrupted: turn.interrupted,
            input: turn.input,
            started_ms: turn.started_at.as_millis(),
            ended_ms: turn.ended_at.as_millis(),
            tools: turn.tools,
            waterfall: turn.waterfall.as_ref().map(WaterfallView::from),
        }
    }
}

impl From<&Waterfall> for WaterfallView {
    fn from(answer: &Waterfall) -> Self {
        let part = |(stage, us): (Stage, u64)| PartView {
            stage,
            owner: stage.owner(),
            us,
        };
        Self {
            parts: answer.parts().map(part).collect(),
            total_us: answer.total_micros(),
            voice_to_voice_us: answer.voice_to_voice_micros(),
            engine_us: answer.engine_micros(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_worst_of_no_one_and_many() {
        assert_eq!(Spread::of([].into_iter()), Spread { p50: 0, max: 0 });
        assert_eq!(Spread::of([7].into_iter()), Spread { p50: 7, max: 7 });
        let four = [40, 10, 30, 20];
        assert_eq!(Spread::of(four.into_iter()), Spread { p50: 20, max: 40 });
    }
}
