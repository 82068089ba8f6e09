//! Agents: AI configurations. Never a human.

pub(crate) mod notice;
pub(crate) mod prompt;

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{AgentId, AmdMode, Fault, FieldProblem, Limit, MachineAction, PromptId, chars};

/// The field with the notice of recording.
const NOTICE: &str = "/inbound_recording/notice";
/// More vendors of a role than anybody has accounts with: a call would be over before the last one is tried.
const VENDORS_MAX: u64 = 10;

/// An AI configuration that calls are made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Agent {
    pub id: AgentId,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Rises by one with each change; edits name the revision they were made from.
    pub revision: u32,
    /// Since when it is archived: readable, and not used for anything new.
    #[serde(default)]
    pub archived_at: Option<Timestamp>,
    #[cfg_attr(feature = "schema", schema(inline))]
    #[serde(flatten)]
    pub fields: AgentFields,
}

/// What a user may set of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = NewAgent))]
pub struct AgentFields {
    pub name: String,
    pub prompt_id: PromptId,
    #[serde(default)]
    pub engine: Engine,
    /// BCP 47, as the recognizer takes it: `en`, `en-IN`, `hi`.
    #[serde(default = "default_language")]
    pub language: String,
    /// The speech vendor's voice id; `null`: the deployment's default voice.
    #[serde(default)]
    pub voice_id: Option<String>,
    /// The language model's name; `null`: the deployment's default model.
    #[serde(default)]
    pub model: Option<String>,
    #[serde(default)]
    pub vendors: VendorChoice,
    #[serde(default)]
    pub turn_taking: TurnTaking,
    /// Whether the customer can cut the greeting short.
    #[serde(default = "yes")]
    pub greeting_interruptible: bool,
    #[serde(default)]
    pub silence: SilencePolicy,
    /// The call is ended politely after this long.
    #[serde(default = "default_max_duration_seconds")]
    pub max_duration_seconds: u32,
    /// What happens when the carrier's detection says that a machine answered an outbound call.
    #[serde(default)]
    pub amd: AgentAmd,
    #[serde(default)]
    pub inbound_recording: InboundRecording,
    #[serde(default = "default_tools")]
    pub tools: Vec<ToolName>,
    /// What is said before hanging up for silence, a limit or an outage.
    #[serde(default = "default_farewell")]
    pub farewell: String,
}

/// Vendors that an agent's calls try, in this order. An empty list is the deployment's own chain.
///
/// Names are those of the deployment's settings `TRUNKLINE_STT_CHAIN`, `TRUNKLINE_LLM_CHAIN` and
/// `TRUNKLINE_TTS_CHAIN`. An agent with a vendor that the deployment has no settings for is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct VendorChoice {
    /// Who hears the customer.
    pub recognizers: Vec<String>,
    /// Whose language models answer.
    pub models: Vec<String>,
    /// Who speaks.
    pub voices: Vec<String>,
}

/// How a call is voiced. Only the cascade exists so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// Speech recognition, language model, speech synthesis.
    #[default]
    Cascade,
}

/// What a single call does about answering machines, mailboxes and faxes.
///
/// A call of a campaign does as the campaign says. The carrier detects machines while the agent already
/// speaks, so that a person who answers never waits for the verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct AgentAmd {
    pub detect: AmdMode,
    /// What happens when a machine answered.
    pub machine: AgentMachineAction,
}

/// Whether calls to your numbers are recorded. Calls that you make always are.
///
/// The notice is said before the greeting, whole, and recording begins with it: whoever does not want to be recorded
/// can hang up, and the recording itself shows that they were told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct InboundRecording {
    pub record: bool,
    /// What the customer is told; `null`: that the call is recorded, in the agent's language. Languages without such
    /// a sentence need one here.
    pub notice: Option<String>,
}

/// What a single call does with a machine. It leaves no message: a campaign has one, an agent has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AgentMachineAction {
    #[default]
    HangUp,
    /// Talk to it as to a person.
    Talk,
}

/// Names of tools in the registry of `conversation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ToolName {
    /// Lets the model end the call after its last words.
    EndCall,
}

/// When the customer's turn is over and when the customer interrupts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct TurnTaking {
    pub barge_in: BargeIn,
    /// Silence after the customer's words that ends the turn, in milliseconds (the recognizer's
    /// endpointing).
    pub endpointing_ms: u32,
    /// The longest a customer's turn waits for the recognizer's verdict once words are final, in
    /// milliseconds.
    pub max_end_of_turn_ms: u32,
    /// No words this long after an interruption: it was noise, and the agent goes on.
    pub false_interruption_ms: u32,
}

/// What stops the agent's speech (see `ARCHITECTURE.md`, "Barge-in").
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BargeIn {
    /// Any recognized word, or the first sound of speech.
    #[default]
    Immediate,
    /// 300 ms of speech and a word, or two words.
    Balanced,
    /// Nothing: what the customer says meanwhile becomes the next turn.
    Protected,
}

/// What happens when nobody speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct SilencePolicy {
    pub remind_after_ms: u32,
    pub max_reminders: u32,
    /// Silence after the last reminder before the farewell, in milliseconds.
    pub hang_up_after_ms: u32,
}

impl AgentFields {
    /// An agent with this name and prompt and every default.
    #[must_use]
    pub fn new(name: &str, prompt_id: PromptId) -> Self {
        Self {
            name: name.to_owned(),
            prompt_id,
            engine: Engine::default(),
            language: default_language(),
            voice_id: None,
            model: None,
            vendors: VendorChoice::default(),
            turn_taking: TurnTaking::default(),
            greeting_interruptible: true,
            silence: SilencePolicy::default(),
            max_duration_seconds: default_max_duration_seconds(),
            amd: AgentAmd::default(),
            inbound_recording: InboundRecording::default(),
            tools: default_tools(),
            farewell: default_farewell(),
        }
    }

    /// What its fields may be.
    pub const LIMITS: [Limit<Self>; 16] = [
        Limit::number("turn_taking.endpointing_ms", 10, 5_000, |agent| {
            Some(agent.turn_taking.endpointing_ms.into())
        }),
        Limit::number("turn_taking.max_end_of_turn_ms", 500, 15_000, |agent| {
            Some(agent.turn_taking.max_end_of_turn_ms.into())
        }),
        Limit::number("turn_taking.false_interruption_ms", 500, 10_000, |agent| {
            Some(agent.turn_taking.false_interruption_ms.into())
        }),
        Limit::number("silence.remind_after_ms", 2_000, 120_000, |agent| {
            Some(agent.silence.remind_after_ms.into())
        }),
        Limit::number("silence.max_reminders", 0, 10, |agent| {
            Some(agent.silence.max_reminders.into())
        }),
        Limit::number("silence.hang_up_after_ms", 2_000, 600_000, |agent| {
            Some(agent.silence.hang_up_after_ms.into())
        }),
        Limit::number("max_duration_seconds", 10, 14_400, |agent| {
            Some(agent.max_duration_seconds.into())
        }),
        Limit::text("name", 100, |agent| Some(chars(&agent.name))),
        Limit::text("language", 20, |agent| Some(chars(&agent.language))),
        Limit::text("farewell", 500, |agent| Some(chars(&agent.farewell))),
        Limit::text("voice_id", 100, |agent| {
            agent.voice_id.as_deref().map(chars)
        }),
        Limit::text("model", 100, |agent| agent.model.as_deref().map(chars)),
        Limit::text("inbound_recording.notice", 500, |agent| {
            agent.inbound_recording.notice.as_deref().map(chars)
        }),
        Limit::items("vendors.recognizers", VENDORS_MAX, |agent| {
            u64::try_from(agent.vendors.recognizers.len()).ok()
        }),
        Limit::items("vendors.models", VENDORS_MAX, |agent| {
            u64::try_from(agent.vendors.models.len()).ok()
        }),
        Limit::items("vendors.voices", VENDORS_MAX, |agent| {
            u64::try_from(agent.vendors.voices.len()).ok()
        }),
    ];

    /// Every field that is out of its range, with the range, and what is missing beside another.
    #[must_use]
    pub fn problems(&self) -> Vec<FieldProblem> {
        let limits = Self::LIMITS.iter();
        let mut problems: Vec<_> = limits.filter_map(|limit| limit.problem(self)).collect();
        if self.inbound_recording.record && self.inbound_notice().is_none() {
            let says = "is needed: there is no sentence of our own in the agent's language";
            problems.push(FieldProblem::new(NOTICE, Fault::Missing, says));
        }
        problems
    }

    /// What somebody who calls is told before anything is recorded. `None`: nothing is recorded.
    #[must_use]
    pub fn inbound_notice(&self) -> Option<&str> {
        if !self.inbound_recording.record {
            return None;
        }
        let own = self.inbound_recording.notice.as_deref();
        own.or_else(|| notice::of(&self.language))
    }

    /// The longest call, as a duration.
    #[must_use]
    pub fn duration_max(&self) -> Duration {
        Duration::from_secs(u64::from(self.max_duration_seconds))
    }
}

impl From<AgentMachineAction> for MachineAction {
    fn from(action: AgentMachineAction) -> Self {
        match action {
            AgentMachineAction::HangUp => Self::HangUp,
            AgentMachineAction::Talk => Self::Talk,
        }
    }
}

impl Default for TurnTaking {
    fn default() -> Self {
        // Numbers of the field: docs/protocols/turn-taking.md#end-of-turn and
        // docs/protocols/turn-taking.md#false-interruption.
        Self {
            barge_in: BargeIn::default(),
            endpointing_ms: 300,
            max_end_of_turn_ms: 3_000,
            false_interruption_ms: 2_000,
        }
    }
}

impl Default for SilencePolicy {
    fn default() -> Self {
        Self {
            remind_after_ms: 10_000,
            max_reminders: 2,
            hang_up_after_ms: 10_000,
        }
    }
}

fn default_language() -> String {
    "en".to_owned()
}

fn default_max_duration_seconds() -> u32 {
    1_800
}

fn default_tools() -> Vec<ToolName> {
    vec![ToolName::EndCall]
}

fn default_farewell() -> String {
    "Thank you for your time. Goodbye.".to_owned()
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Place;

    #[test]
    fn the_defaults_are_within_their_own_ranges() {
        let fields = AgentFields::new("Reminder", PromptId::from_parts(0, 0));
        assert_eq!(fields.problems(), []);
    }

    #[test]
    fn nothing_is_recorded_of_who_calls_without_a_notice_in_the_agents_language() {
        let mut fields = AgentFields::new("Desk", PromptId::from_parts(0, 0));
        assert_eq!(fields.inbound_notice(), None);
        fields.inbound_recording.record = true;
        assert_eq!(fields.inbound_notice(), Some("This call is recorded."));
        fields.language = "de-AT".to_owned();
        assert_eq!(
            fields.inbound_notice(),
            Some("Dieses Gespräch wird aufgezeichnet.")
        );
        fields.language = "ja".to_owned();
        assert_eq!(fields.inbound_notice(), None);
        let named = fields.problems().into_iter().map(|problem| problem.at);
        assert_eq!(
            named.collect::<Vec<_>>(),
            [Place::Body("/inbound_recording/notice".to_owned())]
        );
        let own = "この通話は録音されます。";
        fields.inbound_recording.notice = Some(own.to_owned());
        assert_eq!(fields.inbound_notice(), Some(own));
        assert_eq!(fields.problems(), []);
    }

    #[test]
    fn every_bad_field_is_named_at_once() {
        let mut fields = AgentFields::new(" ", PromptId::from_parts(0, 0));
        fields.max_duration_seconds = 0;
        fields.silence.max_reminders = 11;
        let named: Vec<_> = fields
            .problems()
            .into_iter()
            .map(|problem| problem.at)
            .collect();
        let pointers = ["/silence/max_reminders", "/max_duration_seconds", "/name"];
        assert_eq!(named, pointers.map(|at| Place::Body(at.to_owned())));
    }
}
