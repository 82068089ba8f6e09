//! Turns as the API shows them, and how fast the agent answered.

use model::{Stage, ToolUse, Turn, Waterfall};
use serde::Serialize;
use utoipa::ToSchema;

use crate::openapi;

/// One side's utterance.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TurnView {
    /// Place in the call, from 0.
    seq: u32,
    #[schema(schema_with = openapi::speaker)]
    speaker: String,
    #[schema(schema_with = openapi::turn_kind)]
    kind: String,
    /// What was heard: for the agent only what was really played.
    text: String,
    /// What the agent was about to say, where the customer did not hear all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    intended: Option<String>,
    /// The other side cut this turn short.
    interrupted: bool,
    /// `speech`, or `keypad` for keys of the phone.
    #[schema(schema_with = openapi::turn_input)]
    input: String,
    /// Milliseconds since the media session began.
    started_ms: u64,
    ended_ms: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ToolView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waterfall: Option<WaterfallView>,
}

/// One use of a tool by the agent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ToolView {
    name: String,
    /// The arguments as the model wrote them (JSON text).
    arguments: String,
    result: String,
    ok: bool,
}

/// Where the time of an answer went. The parts add up to the whole.
#[derive(Debug, Serialize, ToSchema)]
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
pub(crate) struct PartView {
    #[schema(schema_with = openapi::stage)]
    stage: String,
    /// Whose time it was: `preset`, `vendor`, `engine` or `carrier`.
    #[schema(schema_with = openapi::stage_owner)]
    owner: String,
    us: u64,
}

/// How fast the agent answered, over a call.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
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
            speaker: openapi::word(&turn.speaker),
            kind: openapi::word(&turn.kind),
            text: turn.text,
            intended: turn.intended,
            interrupted: turn.interrupted,
            input: openapi::word(&turn.input),
            started_ms: turn.started_at.as_millis(),
            ended_ms: turn.ended_at.as_millis(),
            tools: turn.tools.into_iter().map(ToolView::from).collect(),
            waterfall: turn.waterfall.as_ref().map(WaterfallView::from),
        }
    }
}

impl From<ToolUse> for ToolView {
    fn from(tool: ToolUse) -> Self {
        Self {
            name: tool.name,
            arguments: tool.arguments,
            result: tool.result,
            ok: tool.ok,
        }
    }
}

impl From<&Waterfall> for WaterfallView {
    fn from(answer: &Waterfall) -> Self {
        let part = |(stage, us): (Stage, u64)| PartView {
            stage: openapi::word(&stage),
            owner: openapi::word(&stage.owner()),
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
