//! Twilio's identifiers: two letters that say what it is, then 32 hexadecimal digits.

use std::fmt;
use std::str::FromStr;

use crate::call::{CarrierCallId, CarrierNumberId, CarrierRecordingId};
use crate::error::RequestError;

/// Why a text is not an identifier of the expected kind. Does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an identifier like `{prefix}` followed by 32 hexadecimal digits")]
pub struct SidProblem {
    prefix: &'static str,
}

/// Hexadecimal digits after the prefix (patterns in Twilio's API description).
const DIGITS: usize = 32;

macro_rules! sids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)+) => {$(
        $(#[$doc])*
        ///
        /// The digits keep the case they came in: Twilio compares them as text.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// What every identifier of this kind starts with.
            pub const PREFIX: &'static str = $prefix;

            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = SidProblem;

            fn from_str(text: &str) -> Result<Self, SidProblem> {
                let digits = text.strip_prefix($prefix).unwrap_or_default();
                if digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(SidProblem { prefix: $prefix })
                }
            }
        }

        impl From<$name> for String {
            fn from(sid: $name) -> Self {
                sid.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

sids! {
    /// An account at Twilio.
    AccountSid = "AC";
    /// One leg of a call.
    CallSid = "CA";
    /// A phone number of the account, bought or verified.
    NumberSid = "PN";
    /// A recording.
    RecordingSid = "RE";
    /// One media stream of a call.
    StreamSid = "MZ";
}

macro_rules! neutral_ids {
    ($($sid:ident = $id:ident;)+) => {$(
        impl From<$sid> for $id {
            fn from(sid: $sid) -> Self {
                $id::trusted(sid.0)
            }
        }

        /// An id that is none of Twilio's is asked of nobody.
        impl TryFrom<&$id> for $sid {
            type Error = RequestError;

            fn try_from(id: &$id) -> Result<Self, RequestError> {
                id.as_str().parse().map_err(|_foreign| RequestError::ForeignId)
            }
        }
    )+};
}

neutral_ids! {
    CallSid = CarrierCallId;
    RecordingSid = CarrierRecordingId;
    NumberSid = CarrierNumberId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_prefix_and_32_hex_digits_are_an_identifier() {
        let good = "CA0123456789abcdefABCDEF0123456789";
        assert_eq!(good.parse::<CallSid>().unwrap().as_str(), good);
        for wrong in [
            "",
            "CA",
            "RE0123456789abcdef0123456789abcdef",
            "CA0123456789abcdef0123456789abcde",
            "CA0123456789abcdef0123456789abcdef0",
            "CA0123456789abcdef0123456789abcde/",
            "CA0123456789abcdef0123456789abcd\u{e9}",
        ] {
            assert!(wrong.parse::<CallSid>().is_err(), "{wrong} was accepted");
        }
    }
}
