//! Bounds of what users set: each is told once, checked from there, and described from there in the API.

use crate::{Fault, FieldProblem};

/// What a field of `T` may be.
#[derive(Debug, Clone, Copy)]
pub struct Limit<T> {
    /// The field's path in the API, as in `turn_taking.endpointing_ms`.
    pub field: &'static str,
    pub bound: Bound,
    measure: fn(&T) -> Option<u64>,
}

/// From the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    Number {
        min: u64,
        max: u64,
    },
    /// Characters of a text, without blanks around it.
    Chars {
        min: u64,
        max: u64,
    },
    /// Entries of a list.
    Items {
        min: u64,
        max: u64,
    },
}

impl<T> Limit<T> {
    #[must_use]
    pub const fn number(
        field: &'static str,
        min: u64,
        max: u64,
        value: fn(&T) -> Option<u64>,
    ) -> Self {
        Self {
            field,
            bound: Bound::Number { min, max },
            measure: value,
        }
    }

    /// A text that is not empty. `chars` counts it with [`chars`].
    #[must_use]
    pub const fn text(field: &'static str, max: u64, chars: fn(&T) -> Option<u64>) -> Self {
        Self {
            field,
            bound: Bound::Chars { min: 1, max },
            measure: chars,
        }
    }

    #[must_use]
    pub const fn items(field: &'static str, max: u64, count: fn(&T) -> Option<u64>) -> Self {
        Self {
            field,
            bound: Bound::Items { min: 0, max },
            measure: count,
        }
    }

    /// Why the field cannot be as it is.
    #[must_use]
    pub fn problem(&self, of: &T) -> Option<FieldProblem> {
        let says = self.bound.problem((self.measure)(of)?)?;
        let pointer = format!("/{}", self.field.replace('.', "/"));
        Some(FieldProblem::new(pointer, Fault::OutOfRange, says))
    }
}

impl Bound {
    fn problem(self, is: u64) -> Option<String> {
        let (min, max) = match self {
            Self::Number { min, max } | Self::Chars { min, max } | Self::Items { min, max } => {
                (min, max)
            }
        };
        if (min..=max).contains(&is) {
            return None;
        }
        Some(match self {
            Self::Number { .. } => format!("must be from {min} to {max}, is {is}"),
            Self::Chars { .. } => format!("must have {min} to {max} characters, has {is}"),
            Self::Items { min: 0, .. } => format!("must have at most {max} entries, has {is}"),
            Self::Items { .. } => format!("must have {min} to {max} entries, has {is}"),
        })
    }
}

/// Characters of a text without the blanks around it.
#[must_use]
pub fn chars(text: &str) -> u64 {
    u64::try_from(text.trim().chars().count()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: Limit<String> = Limit::text("name", 3, |name| Some(chars(name)));

    #[test]
    fn both_ends_belong_to_the_range_and_blanks_do_not_count() {
        let problem = |name: &str| NAME.problem(&name.to_owned());
        assert_eq!(problem("abc "), None);
        assert_eq!(problem("a"), None);
        let says = "must have 1 to 3 characters, has 0";
        let expected = FieldProblem::new("/name", Fault::OutOfRange, says);
        assert_eq!(problem("  "), Some(expected));
        assert!(problem("abcd").is_some());
    }

    #[test]
    fn what_is_not_there_has_no_bounds() {
        let limit: Limit<Option<u64>> = Limit::number("n", 1, 2, |n| *n);
        assert_eq!(limit.problem(&None), None);
        assert!(limit.problem(&Some(3)).is_some());
    }
}
