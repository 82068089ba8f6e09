//! Where a conversation stood when it was handed from one worker to another.

use serde::{Deserialize, Serialize};

use crate::{AmdResult, CallTime};

/// What a session knows of its conversation that is in no turn: stored with the token of the session that
/// goes on. Holds times and counts, never words.
///
/// A field that an older worker did not write has the value of a call where nothing is pending.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Checkpoint {
    /// The customer waits for an answer and stopped speaking then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owed_since: Option<CallTime>,
    /// Since when nobody spoke, and how often the customer was reminded.
    pub silent_since: CallTime,
    pub reminders: u32,
    pub detection: Detection,
}

/// How far it is known who answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Detection {
    pub found: AmdResult,
    /// When the first session of the call began to listen.
    pub connected_at: CallTime,
    /// The carrier's verdict may still come.
    pub open: bool,
    /// What was heard may be a mailbox.
    pub hinted: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_of_an_older_worker_is_read() {
        let older: Checkpoint = serde_json::from_str(r#"{"reminders":1}"#).unwrap();
        let expected = Checkpoint {
            reminders: 1,
            ..Checkpoint::default()
        };
        assert_eq!(older, expected);
        let owed = Checkpoint {
            owed_since: Some(CallTime::from_millis(2_500)),
            ..older
        };
        let text = serde_json::to_string(&owed).unwrap();
        assert_eq!(serde_json::from_str::<Checkpoint>(&text).unwrap(), owed);
    }
}
