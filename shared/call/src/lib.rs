//! The conversation core: one call, events in, actions out, no IO.
//!
//! [`Call`] decides everything about a conversation: when the caller's turn is over, what is said
//! and when, what an interruption stops, what was heard, when to remind, when to end. It is told
//! what happens by [`Event`]s with the call's own time, and answers with [`Action`]s; between calls
//! it says by when it wants to be woken. It does not know sockets, tables, vendors, wall clocks or
//! threads, and it never waits.
//!
//! After each [`Call::handle`] or [`Call::handle_timeout`] take every action with
//! [`Call::poll_action`] before the next event.
//!
//! Where to find what:
//! - who speaks and what an event means at that moment: `call` and the modules below it;
//! - the caller's turn: `hearing` (words), `keypad`, `words` (acknowledgements, echoes);
//! - what stops the agent: `barge_in`;
//! - the agent's turn: `answer` (language model, tools), `speech` (one stretch of it), `splitter` and
//!   `speakable` (text fit for a voice), `script` (what was heard), `playback` (pacing);
//! - what the model is told: `history`, `tools`; what the core says itself: `phrases`;
//! - patience and its end: `silence`, `limit`, `recogniser`;
//! - who answered: `answered`, `first_words`; who wants no more calls: `opt_out`;
//! - going on with another session: `call::leaving`, `past`.

mod action;
mod answer;
mod answered;
mod barge_in;
mod call;
mod config;
mod event;
mod first_words;
mod hearing;
mod history;
mod ids;
mod keypad;
mod limit;
mod opt_out;
mod outbox;
mod past;
mod phrase;
mod phrases;
mod playback;
mod recogniser;
mod script;
mod silence;
mod speakable;
mod speech;
mod splitter;
mod tools;
mod words;

pub use action::{
    Action, ChatMessage, Generate, Interruption, Observation, Synthesize, ToolCall, ToolSpec,
};
pub use call::Call;
pub use config::Routes;
pub use event::{
    Alignment, CarrierClosed, Event, Failure, FailureKind, Generation, Haste, Recognition,
    Synthesis, Usage,
};
pub use ids::{GenerationId, Mark, MarkProblem, UtteranceId};
pub use past::Past;
