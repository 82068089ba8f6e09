//! Why a conversation wants to be woken.

/// What is due at the time that [`Conversation::poll_timeout`](crate::Conversation::poll_timeout) answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Deadline {
    /// Nobody spoke for long: a reminder, or the farewell.
    Silence,
    /// No words followed an interruption.
    FalseInterruption,
    LongestCall,
    /// The recognizer is asked again, or given up.
    Recognition,
    /// The customer's turn is over by waiting.
    EndOfTurn,
    /// No further key came.
    Keypad,
    AskModelAgain,
    /// The model has said nothing for too long.
    ModelSilent,
    ToolLate,
    /// The next frames are due at the carrier.
    Playback,
    /// The voice has sent nothing for too long.
    VoiceSilent,
    /// The carrier never confirmed the last sound.
    LastMark,
    /// A call screening service never put anybody through.
    Screening,
    /// A machine that may still turn out to be a screening service.
    Machine,
    /// No beep was heard.
    Beep,
    /// The carrier's verdict is asked for.
    CarrierVerdict,
    /// The store never confirmed an opt-out.
    OptOutStored,
    /// A pause long enough for a hand-over.
    QuietMoment,
    /// The next session's token, or its stream, is late.
    Handover,
    /// The last words of a stream that was handed over.
    LastWords,
}
