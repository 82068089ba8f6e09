//! What is wrong with a field of a request, in terms that programs can branch on.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A part of a request that cannot be as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    pub at: Place,
    pub fault: Fault,
    /// For people: goes on after the field's name, as in "must be from 1 to 9, is 12".
    pub says: String,
}

/// Where in a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A JSON pointer into the body (RFC 6901); empty: the body as a whole.
    Body(String),
    /// A parameter of the query.
    Parameter(String),
    /// A row of a file, as a spreadsheet shows it.
    Row(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(pointer) if pointer.is_empty() => f.write_str("the body"),
            Self::Body(pointer) => f.write_str(pointer),
            Self::Parameter(name) => f.write_str(name),
            Self::Row(row) => write!(f, "row {row}"),
        }
    }
}

/// What is wrong. The words are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = FieldErrorCode))]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It is needed and not there.
    Missing,
    /// Nobody knows a field of this name.
    Unknown,
    /// It is there twice.
    Repeated,
    /// Another type of JSON is expected.
    WrongType,
    /// It is not written as such a value is, or not one of the words that there are.
    Malformed,
    /// Too low or too high, too short or too long, too few or too many.
    OutOfRange,
    /// It does not go with another field, or with what is so already.
    Conflict,
    /// It names something that is not there, or not yours.
    NotFound,
    /// It names something that is archived.
    Archived,
    /// It cannot change in the state that the thing is in.
    Locked,
}

impl Fault {
    pub const ALL: [Self; 10] = [
        Self::Missing,
        Self::Unknown,
        Self::Repeated,
        Self::WrongType,
        Self::Malformed,
        Self::OutOfRange,
        Self::Conflict,
        Self::NotFound,
        Self::Archived,
        Self::Locked,
    ];

    /// The stable word.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unknown => "unknown",
            Self::Repeated => "repeated",
            Self::WrongType => "wrong_type",
            Self::Malformed => "malformed",
            Self::OutOfRange => "out_of_range",
            Self::Conflict => "conflict",
            Self::NotFound => "not_found",
            Self::Archived => "archived",
            Self::Locked => "locked",
        }
    }
}

impl FieldProblem {
    /// A problem with the member of the body that this JSON pointer names.
    #[must_use]
    pub fn new(pointer: impl Into<String>, fault: Fault, says: impl Into<String>) -> Self {
        Self {
            at: Place::Body(pointer.into()),
            fault,
            says: says.into(),
        }
    }

    #[must_use]
    pub fn parameter(name: &str, fault: Fault, says: impl Into<String>) -> Self {
        Self {
            at: Place::Parameter(name.to_owned()),
            fault,
            says: says.into(),
        }
    }

    #[must_use]
    pub fn row(row: u64, fault: Fault, says: impl Into<String>) -> Self {
        Self {
            at: Place::Row(row),
            fault,
            says: says.into(),
        }
    }

    /// The same problem of a body that is a member of this one.
    #[must_use]
    pub fn below(mut self, pointer: &str) -> Self {
        if let Place::Body(at) = &mut self.at {
            at.insert_str(0, pointer);
        }
        self
    }
}

/// A JSON pointer to a member of what another one points to (RFC 6901, section 3).
#[must_use]
pub fn member(pointer: &str, name: &str) -> String {
    let mut at = format!("{pointer}/");
    for letter in name.chars() {
        match letter {
            '~' => at.push_str("~0"),
            '/' => at.push_str("~1"),
            other => at.push(other),
        }
    }
    at
}

/// A JSON pointer to an element of what another one points to.
#[must_use]
pub fn element(pointer: &str, place: usize) -> String {
    format!("{pointer}/{place}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_escapes_what_has_a_meaning_in_it() {
        assert_eq!(member("/variables", "a/b~c"), "/variables/a~1b~0c");
        assert_eq!(element("/leads", 3), "/leads/3");
        let nested = FieldProblem::new("/number", Fault::Malformed, "is no number");
        assert_eq!(
            nested.below("/leads/3").at,
            Place::Body("/leads/3/number".to_owned())
        );
    }

    #[test]
    fn no_two_faults_have_the_same_word() {
        let words: std::collections::BTreeSet<_> = Fault::ALL.map(Fault::code).into();
        assert_eq!(words.len(), Fault::ALL.len());
        for fault in Fault::ALL {
            assert_eq!(serde_json::to_value(fault).unwrap(), fault.code());
        }
    }
}
