//! What is promised of every call, by name, so that who looks for a breach compares no sentences.

use std::fmt;

/// One promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// The call comes to its end.
    Ends,
    OneOutcome,
    NothingAfterTheEnd,
    /// What the carrier's protocol wants of us.
    CarrierProtocol,
    /// What vendors' protocols want of us.
    VendorProtocol,
    /// Nothing of an interrupted speech is heard after it was taken back.
    SilentWhenInterrupted,
    /// The carrier never holds much more audio than is needed.
    BoundedLead,
    /// The line does not run dry in mid-sentence.
    SteadyAudio,
    /// No word is torn.
    WholeWords,
    /// Where nothing fails, no call ends as if something had.
    NoFailureWithoutFault,
    MarksInOrder,
    /// A mark comes back when its audio was played, not before.
    MarksWhenPlayed,
    NumberedTurns,
    /// A turn has words, and times that add up.
    SoundTurns,
    /// What the transcript says of the agent is what the person heard.
    HeardIsTold,
    /// What the person said is what the transcript says of them.
    SaidIsTold,
    EngineTakesNoTime,
    /// Delays count from the person's real last sound.
    AnswersFromTheLastSound,
    /// A greeting that is in the cache starts with the stream.
    GreetingAtOnce,
    /// What the customer said is answered once, whatever breaks meanwhile.
    AnsweredOnce,
    /// A message is left once, in a call that ends as one that left it.
    OneMessage,
    MessageAfterBeep,
    WholeMessage,
    /// Who is not heard by us is found within six seconds.
    DeadLineFound,
    /// Of a line on which nothing is wrong nothing is found.
    NothingFoundInVain,
    /// Who answered is told apart, and left as the rule for it says.
    MachineByRule,
    /// Who asks not to be called again is heard, and nobody else.
    OptOutHeard,
    OptOutStored,
    /// An opt-out is stored before it is acknowledged.
    OptOutStoredFirst,
    /// The call ends after an opt-out, and as one.
    OptOutEnds,
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    pub promise: Promise,
    /// What happened, for people.
    pub says: String,
}

impl Promise {
    pub(super) fn broken(self, says: impl Into<String>) -> Broken {
        Broken {
            promise: self,
            says: says.into(),
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.promise, self.says)
    }
}
