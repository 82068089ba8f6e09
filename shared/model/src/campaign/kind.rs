//! What calls are for.

use serde::{Deserialize, Serialize};

/// What a call is for: the law of most places goes by it.
// docs/protocols/calling-compliance.md#consent
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CallKind {
    /// To sell something, or to bring about a sale.
    Sales,
    /// About what the person has ordered, booked or asked for.
    Information,
    /// To collect what is owed.
    Debt,
    /// To ask for opinions.
    Survey,
    /// To collect donations.
    Charity,
    /// To win votes, or support for a cause.
    Political,
    /// About a danger to life, health or safety.
    Emergency,
}

impl CallKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::Sales,
        Self::Information,
        Self::Debt,
        Self::Survey,
        Self::Charity,
        Self::Political,
        Self::Emergency,
    ];

    /// The stable code, as in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Sales => "sales",
            Self::Information => "information",
            Self::Debt => "debt",
            Self::Survey => "survey",
            Self::Charity => "charity",
            Self::Political => "political",
            Self::Emergency => "emergency",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_what_is_stored() {
        for kind in CallKind::ALL {
            let stored = serde_json::to_string(&kind).unwrap();
            assert_eq!(stored, format!("\"{}\"", kind.code()));
        }
    }
}
