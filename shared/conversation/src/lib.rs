//! The conversation core: one call, events in, actions out, no IO.
//!
//! [`Conversation`] decides everything about a conversation: when the customer's turn is over, what is said
//! and when, what an interruption stops, what was heard, when to remind, when to end. It is told
//! what happens by [`Event`]s with the call's own time, and answers with [`Action`]s; between calls
//! it says by when it wants to be woken. It does not know sockets, tables, vendors, wall clocks or
//! threads, and it never waits.
//!
//! After each [`Conversation::handle`] or [`Conversation::handle_timeout`] take every action with
//! [`Conversation::poll_action`] before the next event.
//!
//! Where to find what:
//! - what each event means, and when the conversation wants to be woken: `conversation`; its end: `conversation::ending`;
//! - the customer's turn, keys, interruptions, patience: `listening`;
//! - the agent's voice, from text to frames and back to what was heard: `speaking`;
//! - what the model is asked and answers: `reply`;
//! - who or what picked up: `amd`; who wants no more calls: `opt_out`;
//! - going on with another session: `handover`.

mod action;
mod amd;
mod config;
mod conversation;
mod event;
mod handover;
mod ids;
mod listening;
mod opt_out;
mod reply;
mod speaking;

pub use action::{
    Action, ChatMessage, Generate, Interruption, Observation, Synthesize, ToolCall, ToolSpec,
};
pub use config::{Routes, opted_out_by_keys};
pub use conversation::Conversation;
pub use conversation::deadline::Deadline;
pub use event::{
    Alignment, CarrierClosed, Event, Failure, FailureKind, Generation, Haste, Recognition,
    Synthesis, Usage,
};
pub use handover::earlier_sessions::EarlierSessions;
pub use ids::{GenerationId, Mark, MarkProblem, UtteranceId};
