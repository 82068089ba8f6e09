//! Whether everything in the scene really happened: by what the API tells, by the bytes that are in the
//! object store, and by the books of the simulated carrier and the ears of the simulated people.

use std::collections::BTreeMap;

use anyhow::Context as _;
use model::{CallId, CallState, Outcome, Speaker};
use sha2::{Digest as _, Sha256};

use crate::demo::books;
use crate::demo::client::{ApiClient, CallView, TurnView};

use super::cast::{Fate, INTERRUPTER, Member};
use super::{LeadView, Played, ProgressView, SceneStage};

/// What the scene came to.
#[derive(Debug, Clone)]
pub struct SceneVerdict {
    pub steps: Vec<SceneStep>,
}

/// One thing that had to happen.
#[derive(Debug, Clone)]
pub struct SceneStep {
    pub what: &'static str,
    pub happened: bool,
    /// What was seen instead, for the reader of a failed scene.
    pub seen: String,
}

impl SceneVerdict {
    /// How many steps happened.
    #[must_use]
    pub fn happened(&self) -> usize {
        self.steps.iter().filter(|step| step.happened).count()
    }

    /// Whether every step happened.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.happened() == self.steps.len()
    }
}

/// The lead that a member of the cast became, if its row was not kept out.
pub(super) fn lead_of<'a>(played: &'a Played, member: &Member) -> Option<&'a LeadView> {
    if matches!(member.fate, Fate::KeptOut(_)) {
        return None;
    }
    let number = member.number();
    played.leads.iter().find(|lead| lead.number == number)
}

/// What came of a member, in a few words.
pub(super) fn came_to(member: &Member, lead: Option<&LeadView>) -> String {
    match (member.fate, lead) {
        (Fate::KeptOut(code), _) => format!("kept out: {code}"),
        (Fate::Done { .. } | Fate::Waits, None) => "not on the list".to_owned(),
        (Fate::Done { .. } | Fate::Waits, Some(lead)) => {
            let came_to = lead.result.as_deref().unwrap_or(&lead.state);
            match lead.attempts {
                0 => came_to.to_owned(),
                1 => format!("{came_to}, at the first call"),
                calls => format!("{came_to}, after {calls} calls"),
            }
        }
    }
}

pub(super) async fn judge(stage: &SceneStage<'_>, played: &Played) -> SceneVerdict {
    let mut steps = Vec::new();
    let mut step = |what, happened, seen: String| {
        steps.push(SceneStep {
            what,
            happened,
            seen,
        });
    };

    let kept_out = kept_out(stage);
    let members = u64::try_from(stage.cast().count()).unwrap_or(u64::MAX);
    step(
        "every row of the list was taken or kept out with its reason",
        played.import.rows == members
            && played.import.rejected == kept_out
            && kept_out
                .keys()
                .all(|code| played.rejects.contains(code.as_str())),
        format!(
            "{} rows, kept out {}",
            played.import.rows,
            counted(&played.import.rejected)
        ),
    );
    let wrong: Vec<_> = stage
        .cast()
        .filter(|member| !met(member, lead_of(played, member)))
        .map(|member| {
            format!(
                "{}: {}",
                member.name,
                came_to(member, lead_of(played, member))
            )
        })
        .collect();
    step(
        "everybody met the fate that was theirs",
        wrong.is_empty(),
        wrong.join("; "),
    );
    step(
        "the counters add up to the leads, and the calls to the attempts",
        counters_agree(played),
        told(&played.progress),
    );
    if let Some(dials) = stage.far_side.dials() {
        let expected = expected_dials(stage);
        let dialled = dialled(stage, &played.dials_before, &dials);
        step(
            "the carrier was asked for those calls and no others",
            dialled == expected,
            format!(
                "{} calls instead of {}",
                dialled.values().sum::<u64>(),
                expected.values().sum::<u64>()
            ),
        );
    }
    let looked_at = played.leads.iter().find(|lead| lead.number == INTERRUPTER);
    match looked_at.and_then(|lead| lead.last_call_id) {
        Some(id) => conversation(stage, id, &mut step).await,
        None => step(
            "the conversation can be looked at",
            false,
            "it has no call".to_owned(),
        ),
    }
    let violations = stage.far_side.violations();
    step(
        "no simulated side found anything that the real one would refuse",
        violations.is_empty(),
        violations.join("; "),
    );
    SceneVerdict { steps }
}

/// Numbers by their names, for the reader of a failed scene.
fn counted(counts: &BTreeMap<String, u64>) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    let counts = counts.iter().map(|(name, count)| format!("{count} {name}"));
    counts.collect::<Vec<_>>().join(", ")
}

fn told(progress: &ProgressView) -> String {
    let leads = &progress.leads;
    format!(
        "{} leads: {} waiting, {} calling, done: {}; {} calls",
        leads.total,
        leads.waiting,
        leads.calling,
        counted(&leads.done),
        progress.calls.total
    )
}

fn met(member: &Member, lead: Option<&LeadView>) -> bool {
    match (member.fate, lead) {
        (Fate::KeptOut(_), lead) => lead.is_none(),
        (Fate::Done { .. } | Fate::Waits, None) => false,
        (Fate::Done { result, attempts }, Some(lead)) => {
            lead.result.as_deref() == Some(result) && lead.attempts == attempts
        }
        (Fate::Waits, Some(lead)) => lead.state == "waiting" && lead.attempts == 0,
    }
}

fn kept_out(stage: &SceneStage<'_>) -> BTreeMap<String, u64> {
    let mut kept_out = BTreeMap::new();
    for member in stage.cast() {
        if let Fate::KeptOut(code) = member.fate {
            *kept_out.entry(code.to_owned()).or_insert(0) += 1;
        }
    }
    kept_out
}

fn counters_agree(played: &Played) -> bool {
    let mut done: BTreeMap<String, u64> = BTreeMap::new();
    for lead in &played.leads {
        if let Some(result) = &lead.result {
            *done.entry(result.clone()).or_insert(0) += 1;
        }
    }
    let counts = &played.progress.leads;
    let mut counted = counts.done.clone();
    counted.retain(|_result, leads| *leads > 0);
    let in_state = |state: &str| {
        let leads = played.leads.iter().filter(|lead| lead.state == state);
        u64::try_from(leads.count()).unwrap_or(u64::MAX)
    };
    let attempts: u64 = played.leads.iter().map(|lead| lead.attempts).sum();
    counted == done
        && counts.waiting == in_state("waiting")
        && counts.calling == in_state("calling")
        && counts.total == played.import.added
        && played.progress.calls.total == attempts
}

/// How often each of the cast's numbers was dialled in this scene.
fn dialled(
    stage: &SceneStage<'_>,
    before: &BTreeMap<String, u64>,
    after: &BTreeMap<String, u64>,
) -> BTreeMap<String, u64> {
    let mut dialled: BTreeMap<String, u64> = stage
        .cast()
        .map(|member| {
            let number = member.number();
            let calls = |dials: &BTreeMap<String, u64>| dials.get(&number).copied().unwrap_or(0);
            let calls = calls(after).saturating_sub(calls(before));
            (number, calls)
        })
        .collect();
    dialled.retain(|_number, calls| *calls > 0);
    dialled
}

/// How often each number has to be dialled; one that is missing never.
fn expected_dials(stage: &SceneStage<'_>) -> BTreeMap<String, u64> {
    stage
        .cast()
        .filter_map(|member| match member.fate {
            Fate::Done { attempts, .. } => Some((member.number(), attempts)),
            Fate::KeptOut(_) | Fate::Waits => None,
        })
        .collect()
}

/// One conversation, looked at to the word.
async fn conversation(
    stage: &SceneStage<'_>,
    id: CallId,
    step: &mut impl FnMut(&'static str, bool, String),
) {
    let api = &stage.api;
    let call = match api.call(id).await {
        Ok(call) => call,
        Err(error) => {
            step(
                "the conversation can be looked at",
                false,
                format!("{error:#}"),
            );
            return;
        }
    };
    let agent = said_by(&call.turns, Speaker::Agent);
    let customer = said_by(&call.turns, Speaker::Customer);
    step(
        "the agent opened the call and was interrupted in mid-sentence",
        agent.first().is_some_and(|turn| {
            turn.interrupted
                && turn
                    .intended
                    .as_ref()
                    .is_some_and(|intended| intended.len() > turn.text.len())
        }),
        format!("{} agent turns", agent.len()),
    );
    step(
        "the customer's words were understood",
        customer.iter().any(|turn| !turn.text.is_empty()),
        format!("{} customer turns", customer.len()),
    );
    step(
        "the agent answered, and where the time went is known",
        agent.iter().any(|turn| {
            turn.waterfall
                .as_ref()
                .is_some_and(|answer| answer.voice_to_voice_us.is_some())
        }),
        "no answer with a waterfall".to_owned(),
    );
    step(
        "the call ended with an outcome",
        call.state == CallState::Ended && call.outcome.is_some(),
        format!(
            "it is {}, its outcome {}",
            if call.state == CallState::Ended {
                "over"
            } else {
                "not over"
            },
            call.outcome.map_or("not known", Outcome::code)
        ),
    );
    let stored = recording_is_stored(api, &call).await;
    step(
        "the recording is in the object store, byte for byte as its checksum says",
        stored.is_ok(),
        stored
            .err()
            .map_or_else(String::new, |error| format!("{error:#}")),
    );
    step(
        "the recording was deleted at the carrier after that",
        call.recording
            .as_ref()
            .is_some_and(|recording| recording.state == "kept"),
        match &call.recording {
            Some(recording) => format!("it is {}", recording.state),
            None => "there is none".to_owned(),
        },
    );
    for (what, happened, seen) in books::steps(stage.far_side, &call) {
        step(what, happened, seen);
    }
}

fn said_by(turns: &[TurnView], speaker: Speaker) -> Vec<&TurnView> {
    turns
        .iter()
        .filter(|turn| turn.speaker == speaker)
        .collect()
}

/// Fetches the recording through the API and holds it against the checksum that was stored with it.
async fn recording_is_stored(api: &ApiClient, call: &CallView) -> anyhow::Result<()> {
    let stored = call
        .recording
        .as_ref()
        .context("the call has no recording")?;
    let recording = api.recording(call.id).await?;
    let length = u64::try_from(recording.len())?;
    let bytes = stored.bytes.context("its length was not stored")?;
    anyhow::ensure!(length == bytes, "{length} bytes instead of {bytes}");
    let sha256 = Some(hex::encode(Sha256::digest(&recording)));
    anyhow::ensure!(sha256 == stored.sha256, "the checksum differs");
    anyhow::ensure!(recording.starts_with(b"RIFF"), "it is not a WAV file");
    Ok(())
}
