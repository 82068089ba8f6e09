//! A country's calling code in a column of its own.

use rlibphonenumber::{PHONE_NUMBER_UTIL, Region};

use super::written;
use crate::row::place::Country;

/// Digits of a code and of what some countries have behind it, as in `+1 684` and `+44 1481`.
const DIGITS_MAX: usize = 7;

/// The calling code of a country, and the digits behind it that tell countries of one code apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallingCode {
    code: i32,
    area: Option<u32>,
}

impl CallingCode {
    /// From `44`, `+44`, `0044`, `44.0`, `+1-684` or `United Kingdom (+44)`.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let text = written::written(text);
        let digits: String = match text.split_once('+') {
            Some((_name, after)) => after
                .chars()
                .take_while(|char| char.is_ascii_digit() || " -().".contains(*char))
                .filter(char::is_ascii_digit)
                .collect(),
            None if written::letters(&text) => return None,
            None => written::digits(&text),
        };
        let digits = digits.trim_start_matches('0');
        if digits.is_empty() || digits.len() > DIGITS_MAX {
            return None;
        }
        // No code is the beginning of another.
        (1..=3).find_map(|length| {
            let code = digits.get(..length)?.parse().ok()?;
            PHONE_NUMBER_UTIL.get_region_for_country_code(code)?;
            let area = digits.get(length..)?;
            if area.is_empty() {
                return Some(Self { code, area: None });
            }
            let area = tells_apart(code, area).then(|| area.parse().ok())?;
            Some(Self { code, area })
        })
    }

    /// `+44` or `0044` and nothing else: no other column has that.
    pub(crate) fn is_marked(text: &str) -> bool {
        let text = text.trim();
        (text.starts_with('+') || text.starts_with("00"))
            && text
                .chars()
                .all(|char| char.is_ascii_digit() || char == '+')
            && Self::of(text).is_some_and(|code| code.area.is_none())
    }

    /// The country whose ways of writing its numbers have; none for satellites and the like.
    pub(crate) fn country(self) -> Option<Country> {
        let region: Region = PHONE_NUMBER_UTIL.get_region_for_country_code(self.code)?;
        Country::of_region(region)
    }

    pub(super) const fn code(self) -> i32 {
        self.code
    }

    pub(super) const fn area(self) -> Option<u32> {
        self.area
    }
}

/// Whether countries of one code are told apart by these digits behind it.
fn tells_apart(code: i32, area: &str) -> bool {
    match code {
        1 => area.len() == 3 && !area.starts_with(['0', '1']),
        7 => matches!(area, "6" | "7"),
        44 => matches!(area, "1481" | "1534" | "1624"),
        599 => matches!(area, "3" | "4" | "7" | "9"),
        _one_country => false,
    }
}
