//! Days: weekdays and dates by arithmetic, and public holidays by a table.

#[rustfmt::skip]
mod table;

use std::sync::LazyLock;

/// Days since 1 January 1970, as a local calendar counts them.
pub(crate) type Day = i64;

/// A day taken apart. Weekdays count from Monday, 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CivilDay {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) day: i64,
    pub(crate) weekday: usize,
}

/// Version of the package that the table of holidays comes from.
pub const HOLIDAYS_VERSION: &str = table::VERSION;

/// The first and the last year whose holidays are known.
pub const HOLIDAYS_KNOWN: (i16, i16) = table::YEARS;

/// The public holidays of a place: of a state its own, of a country those of all of it. Days in other years than
/// [`HOLIDAYS_KNOWN`] are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Calendar {
    /// Days since the first that the table knows.
    days: &'static [u16],
}

static FIRST_DAY: LazyLock<Day> = LazyLock::new(|| day_of(table::YEARS.0.into(), 1, 1));

impl Calendar {
    /// Of a jurisdiction such as `US-AL` or `DE`; of a state that has none the country's.
    #[must_use]
    pub fn of(jurisdiction: &str) -> Option<Self> {
        let country = jurisdiction.split('-').next().unwrap_or_default();
        let found = |place: &str| {
            let at = table::HOLIDAYS.binary_search_by_key(&place, |(known, _days)| known);
            let (_known, days) = table::HOLIDAYS.get(at.ok()?)?;
            Some(Self { days })
        };
        found(jurisdiction).or_else(|| found(country))
    }

    /// Whether nobody is expected to work there on that day.
    pub(crate) fn is_holiday(self, day: Day) -> bool {
        let since = u16::try_from(day - *FIRST_DAY);
        since.is_ok_and(|day| self.days.binary_search(&day).is_ok())
    }

    /// Its days, as year, month and day.
    pub fn dates(self) -> impl Iterator<Item = (i64, i64, i64)> {
        let dates = self
            .days
            .iter()
            .map(|day| civil(*FIRST_DAY + i64::from(*day)));
        dates.map(|date| (date.year, date.month, date.day))
    }
}

/// Takes a day apart (the era arithmetic of the proleptic Gregorian calendar: eras of 400 years that begin on 1 March).
pub(crate) fn civil(day: Day) -> CivilDay {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    CivilDay {
        year: year_of_era + era * 400 + i64::from(month <= 2),
        month,
        day: of_year - (153 * march_month + 2) / 5 + 1,
        weekday: weekday(day),
    }
}

/// From Monday, 0. The first of January 1970 was a Thursday.
pub(crate) fn weekday(day: Day) -> usize {
    usize::try_from((day + 3).rem_euclid(7)).unwrap_or_default()
}

/// The day of a date.
pub(crate) fn day_of(year: i64, month: i64, day: i64) -> Day {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let march_month = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * march_month + 2) / 5 + day - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    era * 146_097 + of_era - 719_468
}
