//! Phone numbers in E.164, the only form that exists inside the product.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// The most digits an E.164 number may have (ITU-T E.164, 6.2.1).
pub(crate) const DIGITS_MAX: usize = 15;
/// Shorter than this no country can be called from abroad; it keeps short codes and typos out.
pub(crate) const DIGITS_MIN: usize = 7;

/// A phone number as `+` and 7 to 15 digits, the first of which is not zero.
///
/// `Debug` prints no digits, so a number cannot reach a log by accident; whoever needs the number
/// says so with [`PhoneNumber::as_str`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PhoneNumber(String);

/// Why a text is not an E.164 number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneNumberProblem {
    #[error("a phone number starts with + and the country code, as in +14155550100")]
    NoPlus,
    #[error("a phone number has only digits after the +, the first of them not 0")]
    NotDigits,
    #[error("a phone number has {DIGITS_MIN} to {DIGITS_MAX} digits")]
    Length,
}

impl PhoneNumber {
    /// The number with its plus sign, as carriers and the API write it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PhoneNumber {
    type Err = PhoneNumberProblem;

    fn from_str(text: &str) -> Result<Self, PhoneNumberProblem> {
        let digits = text.strip_prefix('+').ok_or(PhoneNumberProblem::NoPlus)?;
        if !(DIGITS_MIN..=DIGITS_MAX).contains(&digits.len()) {
            return Err(PhoneNumberProblem::Length);
        }
        if digits.starts_with('0') || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(PhoneNumberProblem::NotDigits);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneNumber(hidden)")
    }
}

impl<'de> Deserialize<'de> for PhoneNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_e164_is_a_phone_number() {
        for good in ["+14155550100", "+919876543210", "+4930123456"] {
            assert_eq!(good.parse::<PhoneNumber>().unwrap().as_str(), good);
        }
        for (wrong, problem) in [
            ("", PhoneNumberProblem::NoPlus),
            ("14155550100", PhoneNumberProblem::NoPlus),
            ("+0155550100", PhoneNumberProblem::NotDigits),
            ("+1 415 555 0100", PhoneNumberProblem::NotDigits),
            ("+١٤١٥٥٥٥", PhoneNumberProblem::NotDigits),
            ("+911", PhoneNumberProblem::Length),
            ("+1234567890123456", PhoneNumberProblem::Length),
        ] {
            assert_eq!(wrong.parse::<PhoneNumber>(), Err(problem), "{wrong}");
        }
    }

    #[test]
    fn debug_shows_no_digit() {
        let number: PhoneNumber = "+14155550100".parse().unwrap();
        assert!(!format!("{number:?}").contains(|c: char| c.is_ascii_digit()));
    }
}
