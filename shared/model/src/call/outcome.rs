//! How a call ended, in a closed vocabulary that also names whose doing it was.

use serde::{Deserialize, Serialize};

/// How a call ended. Set once; the code is stable and appears in the API, the dashboard and exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The agent said what there was to say and ended the call.
    AgentEnded,
    /// The other side hung up while the conversation was on.
    CustomerHungUp,
    /// Nobody spoke for as long as the agent's silence policy allows.
    CustomerSilent,
    Busy,
    NoAnswer,
    /// An answering machine or mailbox took the call.
    Voicemail,
    /// The campaign's message was left on a mailbox, whole.
    VoicemailLeft,
    Fax,
    /// They asked not to be called again.
    OptedOut,
    /// A call screening service took the call and did not put us through.
    Screened,
    /// The carrier says that the number does not exist or cannot be reached.
    NumberUnreachable,
    /// The carrier refused to place the call (permission, account, regulation).
    CarrierRefused,
    /// The carrier took no more requests just then.
    CarrierRateLimited,
    /// The carrier's answer to our request was lost and the carrier knows of no such call.
    CarrierUnconfirmed,
    /// The carrier accepted the call and failed to connect it.
    CarrierFailed,
    /// The carrier's media stream broke and could not be resumed.
    StreamLost,
    /// No speech or language vendor in the chain was able to serve the call.
    VendorFailed,
    /// No media worker had room.
    NoCapacity,
    /// The worker that held the call died and the call was not resumed.
    WorkerLost,
    /// A defect or outage of ours.
    PlatformFailed,
    /// The agent's or the account's longest call duration was reached.
    DurationLimit,
    /// A user or program cancelled the call before it was answered.
    Cancelled,
    /// A user or program hung the call up.
    HungUpByUser,
    /// At the moment of dialling a rule said no; the permit says which.
    NotPermitted,
    /// Its campaign was paused or cancelled before the call was placed.
    CampaignStopped,
    /// A call to one of our numbers that was not taken; `rejected_because` says why.
    Rejected,
}

/// Whose doing an outcome was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    Customer,
    Agent,
    Carrier,
    Vendor,
    Platform,
    Policy,
    /// A person or program of the tenant, through the API or the dashboard.
    User,
}

impl Outcome {
    /// Every outcome, in the order of the documentation.
    pub const ALL: [Self; 26] = [
        Self::AgentEnded,
        Self::CustomerHungUp,
        Self::CustomerSilent,
        Self::Busy,
        Self::NoAnswer,
        Self::Voicemail,
        Self::VoicemailLeft,
        Self::Fax,
        Self::OptedOut,
        Self::Screened,
        Self::NumberUnreachable,
        Self::CarrierRefused,
        Self::CarrierRateLimited,
        Self::CarrierUnconfirmed,
        Self::CarrierFailed,
        Self::StreamLost,
        Self::VendorFailed,
        Self::NoCapacity,
        Self::WorkerLost,
        Self::PlatformFailed,
        Self::DurationLimit,
        Self::Cancelled,
        Self::HungUpByUser,
        Self::NotPermitted,
        Self::CampaignStopped,
        Self::Rejected,
    ];

    /// Whose doing it was.
    #[must_use]
    pub const fn doing(self) -> Doing {
        match self {
            Self::AgentEnded => Doing::Agent,
            Self::CustomerHungUp
            | Self::CustomerSilent
            | Self::Busy
            | Self::NoAnswer
            | Self::Voicemail
            | Self::VoicemailLeft
            | Self::Fax
            | Self::OptedOut
            | Self::Screened => Doing::Customer,
            Self::NumberUnreachable
            | Self::CarrierRefused
            | Self::CarrierRateLimited
            | Self::CarrierUnconfirmed
            | Self::CarrierFailed
            | Self::StreamLost => Doing::Carrier,
            Self::VendorFailed => Doing::Vendor,
            Self::NoCapacity | Self::WorkerLost | Self::PlatformFailed => Doing::Platform,
            Self::DurationLimit | Self::NotPermitted | Self::Rejected => Doing::Policy,
            Self::Cancelled | Self::HungUpByUser | Self::CampaignStopped => Doing::User,
        }
    }

    /// The stable code, as in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::AgentEnded => "agent_ended",
            Self::CustomerHungUp => "customer_hung_up",
            Self::CustomerSilent => "customer_silent",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::Voicemail => "voicemail",
            Self::VoicemailLeft => "voicemail_left",
            Self::Fax => "fax",
            Self::OptedOut => "opted_out",
            Self::Screened => "screened",
            Self::NumberUnreachable => "number_unreachable",
            Self::CarrierRefused => "carrier_refused",
            Self::CarrierRateLimited => "carrier_rate_limited",
            Self::CarrierUnconfirmed => "carrier_unconfirmed",
            Self::CarrierFailed => "carrier_failed",
            Self::StreamLost => "stream_lost",
            Self::VendorFailed => "vendor_failed",
            Self::NoCapacity => "no_capacity",
            Self::WorkerLost => "worker_lost",
            Self::PlatformFailed => "platform_failed",
            Self::DurationLimit => "duration_limit",
            Self::Cancelled => "cancelled",
            Self::HungUpByUser => "hung_up_by_user",
            Self::NotPermitted => "not_permitted",
            Self::CampaignStopped => "campaign_stopped",
            Self::Rejected => "rejected",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_what_is_stored() {
        for outcome in Outcome::ALL {
            let stored = serde_json::to_string(&outcome).unwrap();
            assert_eq!(stored, format!("\"{}\"", outcome.code()));
            assert_eq!(serde_json::from_str::<Outcome>(&stored).unwrap(), outcome);
        }
    }
}
