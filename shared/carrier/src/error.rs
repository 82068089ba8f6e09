//! What can go wrong with a request to a carrier, as far as it matters for what to do next.

use std::time::Duration;

use futures_util::future::BoxFuture;
use model::Outcome;

use crate::call::CreateCall;
use crate::capability::{Capabilities, Capability};
use crate::instructions::InstructionsProblem;

/// The answer to a request, later.
pub type Answer<'a, T, E = RequestError> = BoxFuture<'a, Result<T, E>>;

/// Why a request other than create failed, after everything that may be repeated was.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Nothing was sent: the carrier cannot do this at all.
    #[error("the carrier has no {0}")]
    Unsupported(Capability),
    /// Nothing was sent: the id is none that this carrier gives.
    #[error("the id is not one of the carrier's")]
    ForeignId,
    /// Nothing was sent: the call's new instructions break a limit of the carrier's.
    #[error("the instructions cannot be written")]
    Instructions(#[source] InstructionsProblem),
    #[error("the carrier refused the request")]
    Refused(#[source] CarrierRefusal),
    /// 429, or 503 from the carrier's API itself.
    #[error("the carrier takes no more requests just now")]
    RateLimited { retry_after: Option<Duration> },
    #[error("the carrier failed with status {status}")]
    Unavailable { status: u16 },
    /// No connection: nothing was sent.
    #[error("the carrier cannot be reached")]
    Unreachable(#[source] NoConnection),
    /// Sent, and the answer did not come, or not whole, or cannot be read.
    #[error("the carrier's answer was lost")]
    Lost(#[source] Lost),
}

/// A request that breaks a documented limit. Never repeats a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{parameter} is out of its range")]
pub struct CreateProblem {
    /// The carrier's name of the parameter.
    pub parameter: &'static str,
}

/// Why a call was not placed, or is not known to have been.
///
/// Every variant but [`Self::Unknown`] means: the carrier certainly did not take the call.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// Nothing was sent: the call asks for what the carrier cannot do.
    #[error("the carrier has no {0}")]
    Unsupported(Capability),
    /// Nothing was sent: the request breaks a documented limit.
    #[error("the call cannot be asked for")]
    Invalid(#[source] CreateProblem),
    /// Nothing was sent: no connection could be made.
    #[error("the carrier cannot be reached")]
    NotSent(#[source] NoConnection),
    /// 429 ("never processed"), or 503 with an error of the carrier's API itself.
    #[error("the carrier takes no more requests just now")]
    RateLimited {
        code: Option<u32>,
        retry_after: Option<Duration>,
    },
    #[error("the carrier refused the call")]
    Refused(#[source] CarrierRefusal),
    /// The call may be under way. Settle it by asking the carrier; never by asking again to dial.
    #[error("the carrier's answer to the call request was lost")]
    Unknown(#[source] Lost),
}

/// Why nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum NoConnection {
    #[error(transparent)]
    Network(reqwest::Error),
    /// A transport that was given has none.
    #[error("no connection")]
    Transport,
}

/// How an answer was lost.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    #[error("no answer within the time allowed")]
    Timeout(#[source] reqwest::Error),
    #[error("no head of an answer within the time allowed")]
    Silent,
    #[error("the connection broke")]
    Broken(#[source] reqwest::Error),
    /// The same over a transport that was given.
    #[error("the connection broke")]
    BrokenOff,
    #[error("answered with status {status}, which does not say whether it was done")]
    Status { status: u16 },
    #[error("answered with something unreadable")]
    Unreadable,
    #[error("answered with more than is allowed")]
    TooLong,
}

/// A clear no of the carrier's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("status {status}, code {}", .code.map_or_else(|| "none".to_owned(), |code| code.to_string()))]
pub struct CarrierRefusal {
    /// The HTTP status, 400 to 499.
    pub status: u16,
    /// The carrier's own error code, where the answer had one.
    pub code: Option<u32>,
    /// What it means.
    pub kind: RefusalKind,
}

/// What a refusal says. Each carrier's codes are read in its own folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// The account's id or token is wrong.
    Credentials,
    /// The account may not do this: suspended, or the feature is off (403 without a known code).
    Forbidden,
    /// The carrier knows no such thing.
    NotFound,
    /// The number called is not a phone number.
    ToInvalid,
    /// The number called cannot be reached.
    ToUnreachable,
    /// The number that calls is not ours or not valid.
    FromRefused,
    /// The account may not call that country.
    CountryNotPermitted,
    /// The carrier blocks the call: fraud risk, regulation, or no approved profile.
    Blocked,
    /// A trial account may only call numbers it has verified.
    TrialUnverified,
    /// As many calls at once as the account may have.
    ConcurrencyLimit,
    /// More than a day of calls waits already.
    QueueFull,
    /// The call is not in a state that allows the change.
    NotInState,
    /// Anything else: most often a request that we built wrongly.
    Other,
}

/// What a refusal is about, and so what follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalClass {
    /// This number cannot be called, now or later.
    Number,
    /// Calls like this one (to that country, from that number) will be refused too.
    Campaign,
    /// No call of the account will work until a person repairs it.
    Account,
    /// The same request can work later.
    Later,
    /// The thing is gone or already in another state.
    State,
    /// The request itself is wrong.
    Request,
}

impl CarrierRefusal {
    #[must_use]
    pub const fn class(&self) -> RefusalClass {
        self.kind.class()
    }
}

impl RefusalKind {
    #[must_use]
    pub const fn class(self) -> RefusalClass {
        match self {
            Self::ToInvalid | Self::ToUnreachable => RefusalClass::Number,
            Self::FromRefused | Self::CountryNotPermitted | Self::Blocked => RefusalClass::Campaign,
            Self::Credentials | Self::Forbidden | Self::TrialUnverified => RefusalClass::Account,
            Self::ConcurrencyLimit | Self::QueueFull => RefusalClass::Later,
            Self::NotFound | Self::NotInState => RefusalClass::State,
            Self::Other => RefusalClass::Request,
        }
    }

    /// The label in metrics and logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::ToInvalid => "to_invalid",
            Self::ToUnreachable => "to_unreachable",
            Self::FromRefused => "from_refused",
            Self::CountryNotPermitted => "country_not_permitted",
            Self::Blocked => "blocked",
            Self::TrialUnverified => "trial_unverified",
            Self::ConcurrencyLimit => "concurrency_limit",
            Self::QueueFull => "queue_full",
            Self::NotInState => "not_in_state",
            Self::Other => "other",
        }
    }
}

impl CreateError {
    /// Whether the carrier certainly did not take the call.
    #[must_use]
    pub const fn certainly_not_placed(&self) -> bool {
        match self {
            Self::Unsupported(_)
            | Self::Invalid(_)
            | Self::NotSent(_)
            | Self::RateLimited { .. }
            | Self::Refused(_) => true,
            Self::Unknown(_) => false,
        }
    }

    /// The outcome of a call that ends with this error. `None` where nothing is decided yet: the
    /// carrier was not reached, or its answer was lost.
    #[must_use]
    pub const fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Unsupported(_) | Self::Invalid(_) => Some(Outcome::PlatformFailed),
            Self::RateLimited { .. } => Some(Outcome::CarrierRateLimited),
            Self::Refused(refusal) => Some(match refusal.class() {
                RefusalClass::Number => Outcome::NumberUnreachable,
                RefusalClass::Later => Outcome::CarrierRateLimited,
                RefusalClass::Campaign
                | RefusalClass::Account
                | RefusalClass::State
                | RefusalClass::Request => Outcome::CarrierRefused,
            }),
            Self::NotSent(_) | Self::Unknown(_) => None,
        }
    }

    /// The label in metrics and logs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unsupported(_) => "unsupported",
            Self::Invalid(_) => "invalid",
            Self::NotSent(_) => "not_sent",
            Self::RateLimited { .. } => "rate_limited",
            Self::Refused(refusal) => refusal.kind.code(),
            Self::Unknown(_) => "unknown",
        }
    }
}

impl RequestError {
    /// Whether the same request can be expected to work a while later.
    #[must_use]
    pub const fn may_heal(&self) -> bool {
        match self {
            Self::Refused(refusal) => match refusal.class() {
                RefusalClass::Later => true,
                RefusalClass::Number
                | RefusalClass::Campaign
                | RefusalClass::Account
                | RefusalClass::State
                | RefusalClass::Request => false,
            },
            Self::Unsupported(_) | Self::ForeignId | Self::Instructions(_) => false,
            Self::RateLimited { .. }
            | Self::Unavailable { .. }
            | Self::Unreachable(_)
            | Self::Lost(_) => true,
        }
    }

    /// Whether the carrier says that it has no such call or recording.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.kind == RefusalKind::NotFound,
            Self::ForeignId => true,
            Self::Unsupported(_)
            | Self::Instructions(_)
            | Self::RateLimited { .. }
            | Self::Unavailable { .. }
            | Self::Unreachable(_)
            | Self::Lost(_) => false,
        }
    }

    /// The label in metrics and logs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unsupported(_) => "unsupported",
            Self::ForeignId => "foreign_id",
            Self::Instructions(_) => "instructions",
            Self::Refused(refusal) => refusal.kind.code(),
            Self::RateLimited { .. } => "rate_limited",
            Self::Unavailable { .. } => "unavailable",
            Self::Unreachable(_) => "unreachable",
            Self::Lost(_) => "lost",
        }
    }
}

impl Capabilities {
    /// # Errors
    /// Names what the call asks for and the carrier lacks.
    pub fn allow(self, call: &CreateCall) -> Result<(), CreateError> {
        let needs = [
            (
                call.machine_detection.is_some(),
                Capability::MachineDetection,
            ),
            (call.recording.is_some(), Capability::Recording),
        ];
        let needs = needs
            .into_iter()
            .filter_map(|(needed, capability)| needed.then_some(capability));
        for capability in needs.chain(call.instructions.needs()) {
            if !self.has(capability) {
                return Err(CreateError::Unsupported(capability));
            }
        }
        Ok(())
    }
}
