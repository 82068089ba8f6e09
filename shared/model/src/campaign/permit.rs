//! Permits: the stored answer to "may we dial this number now, and why".

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Outcome;

/// The answer with what it was decided on. Stored with the call, whichever it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permit {
    pub at: Timestamp,
    pub allowed: bool,
    /// The first rule that says no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denied_by: Option<Rule>,
    /// When it may be asked again with hope; absent: never, or nobody can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
    /// The zones that the number may be in, with their local time.
    pub zones: Vec<ZoneTime>,
    /// Whose rules were applied.
    pub jurisdictions: Vec<String>,
    /// Every rule that was looked at, in order, up to the first no.
    pub checks: Vec<Check>,
    /// The version of the rule packs.
    pub rules_version: String,
}

/// A zone and what its clocks show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ZoneTime {
    /// IANA name.
    pub zone: String,
    /// Local date and time with offset, as in `2026-03-08T09:30:00-07:00`.
    pub local: String,
    #[serde(default)]
    pub source: ZoneSource,
}

/// What says that somebody may be in a zone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ZoneSource {
    /// The digits of the number.
    #[default]
    Number,
    /// What is stated of the lead: its zone, its state or its postal code. The number does not say so.
    Lead,
}

/// One rule with its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = PermitCheck))]
pub struct Check {
    pub rule: Rule,
    pub passed: bool,
    /// What it was decided on, in a sentence without personal data: "2 of 3 attempts in 24 h".
    pub because: String,
}

/// What can hold a lead back. Stable codes, in the API and in reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Not a number that may be called at all (emergency, premium, short, no such range).
    NotCallable,
    Suppressed,
    Consent,
    /// Nothing is known of where the number is.
    ZoneUnknown,
    /// Outside the campaign's own windows.
    CampaignWindow,
    /// Outside the hours that the law of a place allows.
    LegalHours,
    Holiday,
    BlockedDay,
    /// Too many attempts or conversations of late, over all campaigns.
    FrequencyCap,
    /// Too soon after the last attempt.
    MinimumGap,
    /// All attempts of this campaign are used up.
    Attempts,
    /// Not due yet.
    NotDue,
    /// The campaign does not run, or its time is over.
    CampaignState,
    /// The campaign calls no numbers of leads but their own.
    AlternateNumbers,
    /// Another call to the same number, or to the same person, is on its way.
    NumberBusy,
    CampaignConcurrency,
    TenantConcurrency,
    AccountConcurrency,
    /// No media worker is ready that has room for another call.
    NoWorker,
    /// Calls per second.
    Pacing,
    /// The campaign is just starting and goes up step by step.
    Ramp,
    /// Too many calls of the campaign failed of late.
    CircuitBreaker,
    /// No number of ours may call just now.
    OurNumber,
    /// Another campaign's turn.
    FairShare,
}

impl Rule {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotCallable => "not_callable",
            Self::Suppressed => "suppressed",
            Self::Consent => "consent",
            Self::ZoneUnknown => "zone_unknown",
            Self::CampaignWindow => "campaign_window",
            Self::LegalHours => "legal_hours",
            Self::Holiday => "holiday",
            Self::BlockedDay => "blocked_day",
            Self::FrequencyCap => "frequency_cap",
            Self::MinimumGap => "minimum_gap",
            Self::Attempts => "attempts",
            Self::NotDue => "not_due",
            Self::CampaignState => "campaign_state",
            Self::AlternateNumbers => "alternate_numbers",
            Self::NumberBusy => "number_busy",
            Self::CampaignConcurrency => "campaign_concurrency",
            Self::TenantConcurrency => "tenant_concurrency",
            Self::AccountConcurrency => "account_concurrency",
            Self::NoWorker => "no_worker",
            Self::Pacing => "pacing",
            Self::Ramp => "ramp",
            Self::CircuitBreaker => "circuit_breaker",
            Self::OurNumber => "our_number",
            Self::FairShare => "fair_share",
        }
    }

    /// How a call ends that this rule turned back at the gate.
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        if matches!(self, Self::CampaignState) {
            Outcome::CampaignStopped
        } else {
            Outcome::NotPermitted
        }
    }

    /// Whether it closes whole lanes: the hour and the place decide it, nothing of a lead or of a number's calls.
    #[must_use]
    pub const fn closes_lanes(self) -> bool {
        matches!(
            self,
            Self::ZoneUnknown
                | Self::CampaignWindow
                | Self::LegalHours
                | Self::Holiday
                | Self::BlockedDay
        )
    }

    /// Whether it stands even against an owner's word.
    #[must_use]
    pub const fn stands(self) -> bool {
        matches!(
            self,
            Self::NotCallable | Self::Suppressed | Self::CampaignState
        )
    }
}
