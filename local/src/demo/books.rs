//! What the simulated sides know of a call, held against what the product says of it.

use model::Speaker;

use crate::demo::client::{CallView, TurnView};
use crate::platform::far_side::FarSide;

/// Steps of the scene that only the far side can vouch for: what, whether, and what was seen.
pub(crate) fn steps(far_side: &FarSide, call: &CallView) -> Vec<(&'static str, bool, String)> {
    let mut steps = Vec::new();
    if far_side.carrier.is_some() {
        let sid = call.carrier_call_id.as_deref().unwrap_or_default();
        let kept = far_side.recordings_kept(sid);
        steps.push((
            "the carrier holds no copy of the recording any more",
            kept == Some(0),
            match kept {
                Some(kept) => format!("{kept} recordings of this call at the carrier"),
                None => "the carrier knows of no such call".to_owned(),
            },
        ));
        if far_side.is_whole() {
            let heard = far_side
                .carrier_call(sid)
                .map(|view| view.log.heard_text())
                .unwrap_or_default();
            let said = agent_words(&call.turns);
            steps.push((
                "the person heard what the transcript says, to the word",
                !said.is_empty() && same_words(&heard, &said),
                format!(
                    "heard {} words, the transcript has {}",
                    words(&heard).len(),
                    words(&said).len()
                ),
            ));
        }
    }
    steps
}

fn agent_words(turns: &[TurnView]) -> String {
    let agent = turns.iter().filter(|turn| turn.speaker == Speaker::Agent);
    agent
        .map(|turn| turn.text.as_str())
        .collect::<Vec<_>>()
        .join(" ")
}

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

fn same_words(one: &str, other: &str) -> bool {
    words(one) == words(other)
}
