//! Typed identifiers: a prefix that says what it is, then 26 characters that sort by time.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use ulid::Ulid;

use crate::PhoneNumber;

/// Why a text is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an id like `{prefix}_` followed by 26 letters and digits")]
pub struct IdProblem {
    prefix: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Ulid);

        impl $name {
            /// What every id of this kind starts with, before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Builds an id from the millisecond it is made at and 80 bits of chance (the upper 48
            /// bits of `chance` are ignored). Ids of different milliseconds sort by time.
            #[must_use]
            pub fn from_parts(unix_ms: u64, chance: u128) -> Self {
                Self(Ulid::from_parts(unix_ms, chance))
            }

            /// The millisecond since 1970 (UTC) that the id was made at.
            #[must_use]
            pub fn unix_ms(self) -> u64 {
                self.0.timestamp_ms()
            }

            /// Its 16 bytes.
            #[must_use]
            pub fn bits(self) -> u128 {
                self.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", Self::PREFIX, self.0.to_string().to_ascii_lowercase())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdProblem;

            fn from_str(text: &str) -> Result<Self, IdProblem> {
                let problem = IdProblem { prefix: Self::PREFIX };
                let Some(body) = text.strip_prefix(concat!($prefix, "_")) else {
                    return Err(problem);
                };
                // One spelling per id: a second one would be a second key for the same row.
                if body.bytes().any(|byte| byte.is_ascii_uppercase()) {
                    return Err(problem);
                }
                let id = Self(Ulid::from_string(body).map_err(|_not_base32| problem.clone())?);
                if id.to_string() == text { Ok(id) } else { Err(problem) }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }

        #[cfg(feature = "schema")]
        crate::text_schema!(
            $name,
            stringify!($name),
            concat!("An id: `", $prefix, "_` and 26 letters and digits."),
            concat!("^", $prefix, "_[0-7][0-9a-hjkmnp-tv-z]{25}$"),
            concat!($prefix, "_01j0000000000000000000000a")
        );
    )+};
}

ids! {
    /// A customer organisation.
    TenantId = "ten";
    /// A person who signs in.
    UserId = "user";
    /// An API key (never the secret itself).
    ApiKeyId = "key";
    /// An AI configuration.
    AgentId = "agent";
    /// A prompt, across its versions.
    PromptId = "prompt";
    /// A phone number of ours.
    NumberId = "num";
    /// A list of people to call, with everything about how.
    CampaignId = "camp";
    /// A contact's row in one campaign. Derived from both, see [`LeadId::of`].
    LeadId = "lead";
    /// A file of leads on its way into a campaign.
    ImportId = "imp";
    /// One attempt to talk.
    CallId = "call";
    /// A change that others hear of.
    EventId = "evt";
    /// A one-use token for a media socket: the id is the secret, so it is never logged.
    TokenId = "tok";
    /// A media worker, from its start to its end.
    WorkerId = "worker";
}

impl LeadId {
    /// The one lead that a number can be in a campaign: the campaign's time, and 80 bits of the SHA-256
    /// of both. A number written two ways, or imported twice, is the same lead.
    #[must_use]
    pub fn of(campaign: CampaignId, number: &PhoneNumber) -> Self {
        let mut hash = Sha256::new();
        hash.update(campaign.to_string().as_bytes());
        hash.update(number.as_str().as_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        let [chance @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = digest;
        Self::from_parts(campaign.unix_ms(), u128::from_be_bytes(chance))
    }

    /// The last eight bits of the hash: what leads are spread over partitions by.
    #[must_use]
    pub fn spread(self) -> u8 {
        let [.., last] = self.0.0.to_be_bytes();
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_the_time_they_were_made() {
        let older = CallId::from_parts(1_700_000_000_000, u128::MAX).to_string();
        let newer = CallId::from_parts(1_700_000_000_001, 0).to_string();
        assert!(older < newer);
    }

    #[test]
    fn a_number_is_one_lead_of_a_campaign() {
        let campaign = CampaignId::from_parts(1_700_000_000_000, 1);
        let number: PhoneNumber = "+14155550100".parse().unwrap();
        let other: PhoneNumber = "+14155550101".parse().unwrap();
        let lead = LeadId::of(campaign, &number);
        assert_eq!(lead, LeadId::of(campaign, &number));
        assert_eq!(lead.unix_ms(), campaign.unix_ms());
        assert_ne!(lead, LeadId::of(campaign, &other));
        let next = CampaignId::from_parts(1_700_000_000_000, 2);
        assert_ne!(lead, LeadId::of(next, &number));
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = CallId::from_parts(1_700_000_000_000, 7);
        let text = id.to_string();
        assert_eq!(text.parse::<CallId>(), Ok(id));
        assert_eq!(id.unix_ms(), 1_700_000_000_000);
        for wrong in [
            text.to_uppercase(),
            text.replace("call_", "agent_"),
            text.replace("call_", ""),
            format!("{text}0"),
            text.replace("01", "0l"),
            String::new(),
        ] {
            assert!(wrong.parse::<CallId>().is_err(), "{wrong} was accepted");
        }
    }
}
