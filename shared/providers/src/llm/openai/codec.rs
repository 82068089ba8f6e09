//! Streamed chat completions: a request as the host takes it, and its answer as the call's events.
//! No IO.
//!
//! Wire facts, and where other hosts differ from OpenAI: `docs/protocols/openai-chat.md`.

mod request;
mod stream;

pub use request::{COMPLETION_TOKENS_MAX, Capabilities, RequestProblem, encode};
pub use stream::{ANSWER_BYTES_MAX, ARGUMENTS_BYTES_MAX, Answer, TOOL_CALLS_MAX, error_kind};
