//! The words of the product as types: ids, numbers, calls, outcomes, turns, agents, prompts.
//!
//! Everything here is plain data with the rules that belong to it. It knows no clock, no table, no
//! socket and no vendor; time, chance and ids come in as arguments.
//!
//! Rows are made of these types, so they pass over fields that they do not know: a later version may have
//! written them, and a rollback must be able to read its rows. Requests are read by `service::fields`, which
//! does not pass over them.

mod agent;
mod answer;
mod call;
mod campaign;
mod checkpoint;
mod delay;
mod event;
mod id;
mod lane;
mod lead;
mod outcome;
mod permit;
mod phone;
mod prompt;
mod snapshot;
mod time;
mod trace;
mod turn;
mod windows;

pub use agent::{
    Agent, AgentFields, AgentProblem, AnsweringMachine, BargeIn, Engine, SilencePolicy, ToolName,
    TurnTaking,
};
pub use answer::{
    AmdThresholds, Answer, AnswerEvidence, HeardBeep, LeftMessage, MachineClass, MessageCue,
    OptOutHow,
};
pub use call::{AnsweredBy, Call, CallState, Direction, RecordingState};
pub use campaign::{
    Amd, AmdMode, BLOCKED_DAYS_MAX, Breaker, CALLER_NUMBERS_MAX, Campaign, CampaignFields,
    CampaignState, Caps, Disclosure, MachineAction, OptOut, Ramp, Retry,
};
pub use checkpoint::{Checkpoint, Detection};
pub use delay::{Delay, DelayProblem};
pub use event::{DomainEvent, EventKind};
pub use id::{
    AgentId, ApiKeyId, CallId, CampaignId, EventId, IdProblem, ImportId, LeadId, NumberId,
    PromptId, TenantId, TokenId, UserId, WorkerId,
};
pub use lane::{Lane, LaneId, LaneIdProblem};
pub use lead::{
    Attempt, Consent, ConsentKind, Contact, Lead, LeadCounts, LeadPriority, LeadResult, LeadState,
    Release, Suppression, SuppressionReason,
};
pub use outcome::{Doing, Outcome};
pub use permit::{Check, Permit, Rule, ZoneTime};
pub use phone::{PhoneNumber, PhoneNumberProblem};
pub use prompt::{
    PromptVersion, RenderedPrompt, TEMPLATE_CHARS_MAX, Template, TemplateProblem, VALUE_CHARS_MAX,
    Variables,
};
pub use snapshot::{Answering, CallSnapshot};
pub use time::{AudioPosition, CallTime};
pub use trace::{TraceId, TraceProblem};
pub use turn::{Speaker, Stage, StageOwner, ToolUse, Turn, TurnInput, TurnKind, Waterfall};
pub use windows::{MinuteOfDay, SPANS_MAX, Span, TimeProblem, Windows};
