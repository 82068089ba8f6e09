//! What people have agreed to, as lists and owners say it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ApiKeyId;

/// The longest reason of a [`ConsentElsewhere`], in characters.
pub(crate) const REASON_CHARS_MAX: usize = 500;

/// What a lead agreed to, when and where, as the list says.
// docs/protocols/calling-compliance.md#consent
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Consent {
    pub kind: ConsentKind,
    #[serde(default)]
    pub at: Option<Timestamp>,
    /// Where it was given: a form, a page, a call.
    #[serde(default)]
    pub source: Option<String>,
}

/// How strong a consent is, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConsentKind {
    /// Prior express consent: enough for informational calls.
    Express,
    /// Prior express written consent: what sales calls with an artificial voice need in the US.
    Written,
}

impl ConsentKind {
    /// The stable code, as in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Express => "express",
            Self::Written => "written",
        }
    }
}

/// Consent of every lead of a campaign that is kept outside the product: an owner answers for it, and each permit
/// shows who and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ConsentElsewhere {
    /// How strong it is.
    pub kind: ConsentKind,
    /// Where it is kept, and why not with the leads.
    #[cfg_attr(
        feature = "schema",
        schema(
            min_length = 1,
            max_length = 500,
            example = "signed forms, kept in our CRM"
        )
    )]
    pub reason: String,
    /// The API key that said so. Whatever a request says here, it is the request's own.
    #[serde(default)]
    pub by: Option<ApiKeyId>,
}
