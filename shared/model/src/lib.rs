//! The words of the product as types: ids, numbers, calls, outcomes, turns, agents, prompts.
//!
//! Everything here is plain data with the rules that belong to it. It knows no clock, no table, no
//! socket and no vendor; time, chance and ids come in as arguments.

mod agent;
mod call;
mod event;
mod id;
mod outcome;
mod phone;
mod prompt;
mod snapshot;
mod time;
mod turn;

pub use agent::{
    Agent, AgentFields, AgentProblem, AnsweringMachine, BargeIn, Engine, SilencePolicy, ToolName,
    TurnTaking,
};
pub use call::{AnsweredBy, Call, CallState, Direction, RecordingState};
pub use event::{DomainEvent, EventKind};
pub use id::{
    AgentId, ApiKeyId, CallId, EventId, IdProblem, NumberId, PromptId, TenantId, TokenId, UserId,
};
pub use outcome::{Doing, Outcome};
pub use phone::{PhoneNumber, PhoneNumberProblem};
pub use prompt::{
    PromptVersion, RenderedPrompt, TEMPLATE_CHARS_MAX, Template, TemplateProblem, VALUE_CHARS_MAX,
    Variables,
};
pub use snapshot::CallSnapshot;
pub use time::{AudioPosition, CallTime};
pub use turn::{Speaker, Stage, StageOwner, ToolUse, Turn, TurnInput, TurnKind, Waterfall};
