//! Days: weekdays and dates by arithmetic, and public holidays by their rules.

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

/// Whose public holidays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Calendar {
    /// The legal holidays of 5 USC 6103 with the days they are observed on: one on a Saturday also the
    /// Friday before, one on a Sunday also the Monday after.
    UnitedStates,
    /// Days off everywhere in Canada, one on a weekend also the next free weekday.
    Canada,
    /// Bank holidays of England and Wales with their substitute days. Days proclaimed for one year only
    /// are not among them.
    UnitedKingdom,
    /// The three national holidays of India.
    India,
}

impl Calendar {
    /// Whether nobody is expected to work there on that day.
    pub(crate) fn is_holiday(self, day: Day) -> bool {
        let date = civil(day);
        match self {
            Self::UnitedStates => {
                let monday = date.weekday == 0;
                let friday = date.weekday == 4;
                us_holiday(date)
                    || (monday && us_holiday(civil(day - 1)))
                    || (friday && us_holiday(civil(day + 1)))
            }
            Self::Canada => canada_holiday(day) || substitute(day, canada_holiday),
            Self::UnitedKingdom => uk_holiday(day) || substitute(day, uk_holiday),
            Self::India => matches!((date.month, date.day), (1, 26) | (8, 15) | (10, 2)),
        }
    }
}

/// 3, 17: the third Thursday and so on; `nth` from 1.
fn nth_weekday(date: CivilDay, nth: i64, weekday: usize) -> bool {
    date.weekday == weekday && (date.day - 1) / 7 == nth - 1
}

const MONDAY: usize = 0;
const THURSDAY: usize = 3;

fn us_holiday(date: CivilDay) -> bool {
    match date.month {
        1 => date.day == 1 || nth_weekday(date, 3, MONDAY),
        2 => nth_weekday(date, 3, MONDAY),
        5 => date.weekday == MONDAY && date.day > 24,
        6 => date.day == 19,
        7 => date.day == 4,
        9 => nth_weekday(date, 1, MONDAY),
        10 => nth_weekday(date, 2, MONDAY),
        11 => date.day == 11 || nth_weekday(date, 4, THURSDAY),
        12 => date.day == 25,
        _ => false,
    }
}

fn canada_holiday(day: Day) -> bool {
    let date = civil(day);
    match date.month {
        1 => date.day == 1,
        7 => date.day == 1,
        9 => nth_weekday(date, 1, MONDAY),
        10 => nth_weekday(date, 2, MONDAY),
        12 => date.day == 25,
        _ => day == easter(date.year) - 2,
    }
}

fn uk_holiday(day: Day) -> bool {
    let date = civil(day);
    let easter = easter(date.year);
    match date.month {
        1 => date.day == 1,
        5 => date.weekday == MONDAY && (date.day <= 7 || date.day > 24),
        8 => date.weekday == MONDAY && date.day > 24,
        12 => date.day == 25 || date.day == 26,
        _ => day == easter - 2 || day == easter + 1,
    }
}

/// Whether a holiday on the weekend just before moves to this day: each takes the next weekday that is
/// not one itself.
fn substitute(day: Day, is_holiday: fn(Day) -> bool) -> bool {
    let weekday = civil(day).weekday;
    // Two days of a weekend move to Monday and Tuesday at most; after Christmas on a Sunday it is
    // Boxing Day's Monday, and Christmas moves to Tuesday.
    if weekday > 1 || is_holiday(day) {
        return false;
    }
    let back = i64::try_from(weekday).unwrap_or_default();
    let monday = day - back;
    let moved = (monday - 2..monday).filter(|day| is_holiday(*day)).count();
    let free = (monday..=day).filter(|day| !is_holiday(*day)).count();
    moved >= free
}

/// Easter Sunday of a year of the Gregorian calendar (the anonymous algorithm of 1876).
fn easter(year: i64) -> Day {
    let century = year / 100;
    let golden = year % 19;
    let epact =
        (19 * golden + century - century / 4 - (century - (century + 8) / 25 + 1) / 3 + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (year % 100 / 4) - epact - year % 4) % 7;
    let correction = (golden + 11 * epact + 22 * weekday) / 451;
    let march = epact + weekday - 7 * correction + 114;
    day_of(year, march / 31, march % 31 + 1)
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
