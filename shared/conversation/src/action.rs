//! What the core wants done. The session does it, in order, and decides nothing.

use std::sync::Arc;

use bytes::Bytes;
use model::{Checkpoint, OptOutHow, Outcome, Turn};

use crate::{GenerationId, Mark, UtteranceId};

/// Something to do now.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Connect the recognizer with this place in the vendor chain (from 0). The session opens the
    /// first connection by itself with the carrier's; this asks for another.
    OpenRecognition {
        route: usize,
    },
    /// Ask the recognizer to make its words final now (a key ended the turn).
    FinalizeRecognition,
    Generate(Generate),
    /// Drop the request: whatever it still produces is not wanted.
    CancelGeneration(GenerationId),
    Synthesize(Synthesize),
    /// No more text comes for this utterance.
    FinishSynthesis(UtteranceId),
    CancelSynthesis(UtteranceId),
    /// Hand this audio (µ-law, 8 kHz) to the carrier now, as one message.
    SendAudio(Bytes),
    SendMark(Mark),
    /// Empty the carrier's playback buffer at once. Comes before everything else that an
    /// interruption causes.
    Clear,
    RunTool(ToolCall),
    /// The turn is over: store it.
    StoreTurn(Turn),
    /// Find out whether the carrier has a verdict on who answered, and tell it by
    /// [`crate::Event::Verdict`], whatever the answer is. One at a time.
    AskVerdict,
    /// The other side wants no more calls: suppress their number now, before anything that waits to be
    /// stored, and tell by [`crate::Event::OptOutStored`]. Comes once.
    OptOut(OptOutHow),
    /// The customer is being told, or was told by an earlier session, that the call is recorded: have the carrier
    /// record it from now on. Comes once in a session; that the call is recorded already is fine.
    Record,
    Observe(Observation),
    /// Prepare another session for the call: once every turn is stored, store this with a token for it, and
    /// tell by [`crate::Event::HandOverReady`] or [`crate::Event::HandOverFailed`].
    HandOver(Checkpoint),
    /// Have the carrier open the stream of the session that was prepared. That it did, the end of this
    /// stream tells; that it did not, [`crate::Event::HandOverFailed`].
    Redirect,
    /// Drop what is left of a hand-over: the call goes on here.
    Stay,
    /// The call is with another session. Always the last action, as [`Action::End`] is; the session stores
    /// these turns behind its others, whoever holds the call by now, and no outcome.
    Leave(Vec<Turn>),
    /// The conversation is over. Always the last action; after it every event is ignored. The session
    /// hangs up, unless the carrier did, and stores the outcome.
    End(Outcome),
}

/// One request to the language model.
#[derive(Debug, Clone, PartialEq)]
pub struct Generate {
    pub id: GenerationId,
    /// Place in the vendor chain, from 0.
    pub route: usize,
    /// The conversation so far, the system prompt first, byte-identical in front from turn to turn so
    /// that vendors' prompt caches hit. Shared, not copied, with the core.
    pub messages: Vec<Arc<ChatMessage>>,
    pub tools: Arc<[ToolSpec]>,
}

/// One message of the conversation, as language models take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatMessage {
    System(String),
    Customer(String),
    Agent {
        text: String,
        tool_calls: Vec<ToolCall>,
    },
    ToolResult {
        id: String,
        content: String,
    },
}

/// A tool call of the language model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// The vendor's id of the call, echoed with the result.
    pub id: String,
    pub name: String,
    /// JSON text as the model wrote it, unchecked.
    pub arguments: String,
}

/// A tool as the language model is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolSpec {
    pub name: String,
    pub description: String,
    /// JSON Schema of the arguments, as JSON text.
    pub parameters: String,
}

/// Text to speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synthesize {
    pub utterance: UtteranceId,
    /// Place in the vendor chain, from 0.
    pub route: usize,
    /// One or more whole sentences or clauses, ending at a word boundary.
    pub text: String,
    /// The same words are spoken in many calls (greeting, reminder, farewell): take the audio from the
    /// cache of synthesised speech where it is, and put it there where it is not. Such an utterance
    /// has exactly one `Synthesize`.
    pub cacheable: bool,
}

/// Something worth counting. Never personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Observation {
    Interrupted(Interruption),
    /// An interruption turned out to be noise and the agent went on.
    FalseInterruption,
    /// Speech was held back because it only acknowledged what the agent was saying.
    BackchannelIgnored,
    /// The carrier ran out of audio in the middle of an utterance.
    Underrun,
    /// Something arrived for an utterance or request that is no longer wanted.
    StaleDropped,
    RecognitionRetried,
    GenerationRetried,
    SynthesisRetried,
}

/// What stopped the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Interruption {
    SpeechStarted,
    Words,
    Key,
}
