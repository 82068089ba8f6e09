//! The words of the product as types: ids, numbers, calls, outcomes, turns, agents, prompts.
//!
//! Everything here is plain data with the rules that belong to it. It knows no clock, no table, no
//! socket and no vendor; time, chance and ids come in as arguments.
//!
//! Rows are made of these types, so they pass over fields that they do not know: a later version may have
//! written them, and a rollback must be able to read its rows. Requests are held against the API's document, which
//! does not pass over them.

mod agent;
mod call;
mod campaign;
mod event;
mod fault;
mod id;
mod limit;
mod phone;
#[cfg(feature = "schema")]
mod schema;
mod time;
mod trace;

pub use agent::prompt::{
    PromptVersion, RenderedPrompt, TEMPLATE_CHARS_MAX, Template, TemplateProblem, VALUE_CHARS_MAX,
    VARIABLE_NAME, Variables,
};
pub use agent::{
    Agent, AgentAmd, AgentFields, AgentMachineAction, BargeIn, Engine, InboundRecording,
    SilencePolicy, ToolName, TurnTaking, VendorChoice,
};
pub use call::amd::{
    AmdEvidence, AmdResult, AmdThresholds, AnsweredBy, CarrierVerdict, HeardBeep, LeftMessage,
    MessageCue, OptOutHow,
};
pub use call::checkpoint::{Checkpoint, Detection};
pub use call::line::{LineFault, LineReport, SilentSide};
pub use call::outcome::{Doing, Outcome};
pub use call::snapshot::{AmdPolicy, CallSnapshot};
pub use call::turn::{Speaker, Stage, StageOwner, ToolUse, Turn, TurnInput, TurnKind, Waterfall};
pub use call::{
    AbsentBecause, Call, CallState, Direction, KnownLead, LeftBecause, RecordingState,
    RejectedBecause,
};
pub use campaign::consent::{Consent, ConsentElsewhere, ConsentKind};
pub use campaign::delay::{Delay, DelayProblem};
pub use campaign::kind::CallKind;
pub use campaign::lane::{Lane, LaneId, LaneIdProblem, ZoneTrust};
pub use campaign::lead::{
    ALTERNATES_MAX, AlternateNumber, Attempt, CalledElsewhere, Contact, Lead, LeadCounts,
    LeadPriority, LeadResult, LeadState, Release, Rotation, StatedPlace, Suppression,
    SuppressionReason,
};
pub use campaign::permit::{Check, Permit, Rule, ZoneSource, ZoneTime};
pub use campaign::windows::{MinuteOfDay, SPANS_MAX, Span, TimeProblem, Windows};
pub use campaign::{
    AlternateNumbers, Amd, AmdMode, BLOCKED_DAYS_MAX, Breaker, Campaign, CampaignFields,
    CampaignState, Caps, Disclosure, MachineAction, NextNumberAfter, OUR_NUMBERS_MAX, OptOut, Ramp,
    Retry,
};
pub use event::{DomainEvent, EventKind};
pub use fault::{Fault, FieldProblem, Place, element, member};
pub use id::{
    AgentId, ApiKeyId, CallId, CampaignId, EventId, IdProblem, ImportId, LeadId, NumberId,
    PromptId, TenantId, TokenId, UserId, WorkerId,
};
pub use limit::{Bound, Limit, chars};
pub use phone::{PhoneNumber, PhoneNumberProblem};
pub use time::{AudioPosition, CallTime};
pub use trace::{TraceId, TraceProblem};
