//! The one table that names carriers.

use std::fmt;
use std::str::FromStr;

/// Which carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CarrierName {
    Twilio,
}

/// What the product says of a carrier that is none of its business otherwise.
#[derive(Debug, Clone, Copy)]
pub struct CarrierRow {
    pub name: CarrierName,
    /// In addresses, metrics and logs.
    pub word: &'static str,
    /// For people.
    pub label: &'static str,
    /// How the names of its settings begin.
    pub settings: &'static str,
    /// The setting that names the account, and the one that holds its secret.
    pub account_setting: &'static str,
    pub secret_setting: &'static str,
    /// What the carrier does when a webhook is not taken in, as it is told in the fragment of the address,
    /// which is never sent and never signed.
    pub webhook_fragment: Option<&'static str>,
    /// Where a person looks after the account, and after what is owed.
    pub console: &'static str,
    pub billing: &'static str,
}

const TWILIO: CarrierRow = CarrierRow {
    name: CarrierName::Twilio,
    word: "twilio",
    label: "Twilio",
    settings: "TWILIO_",
    account_setting: "TWILIO_ACCOUNT_SID",
    secret_setting: "TWILIO_AUTH_TOKEN",
    // Tries again up to five times, within its 15 seconds in all, when we cannot be reached, do not answer, or
    // answer that we cannot just now: docs/protocols/twilio-voice.md#webhooks.
    webhook_fragment: Some("rc=5&rp=5xx,ct,rt"),
    console: "https://console.twilio.com",
    billing: "https://console.twilio.com/billing",
};

impl CarrierName {
    pub const ALL: [Self; 1] = [Self::Twilio];

    /// The carrier whose account the settings hold.
    pub const OF_SETTINGS: Self = Self::Twilio;

    #[must_use]
    pub const fn row(self) -> &'static CarrierRow {
        match self {
            Self::Twilio => &TWILIO,
        }
    }

    /// The word in addresses, metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().word
    }
}

/// No carrier has this name. Does not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such carrier")]
pub struct UnknownCarrier;

impl FromStr for CarrierName {
    type Err = UnknownCarrier;

    fn from_str(word: &str) -> Result<Self, UnknownCarrier> {
        let known = Self::ALL.into_iter().find(|name| name.as_str() == word);
        known.ok_or(UnknownCarrier)
    }
}

impl fmt::Display for CarrierName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
