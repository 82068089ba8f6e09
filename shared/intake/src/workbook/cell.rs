//! What a cell of a workbook says, as text.
//!
//! A number has all its digits, without exponent, and as many as a spreadsheet keeps: 15. A larger one
//! has lost some, and is written with an exponent so that nobody takes it for whole. Leading zeros and a
//! plus sign that only the cell's format shows are there as well: `00000` on 1234 is 01234, `+0` on
//! 14155552671 is +14155552671. Per cent and money are numbers. Dates and times are ISO 8601, a duration
//! is `26:30:00`. What is no value (`#N/A`) is empty; a formula is what it came to when the workbook was
//! saved.

use std::fmt::Write as _;

use calamine::{Data, DataRef, ExcelDateTime};
use jiff::Unit;
use jiff::civil::{DateTime, Time};

/// Whole numbers from here on may have lost digits (2⁵³).
const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;
/// The last day that Excel knows, 9999-12-31, is the one before.
const SERIALS_END: f64 = 2_958_466.0;

/// How a number is shown, where that changes its digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NumberShown {
    plus: bool,
    /// Digits at least: leading zeros make up for missing ones.
    digits: usize,
}

impl NumberShown {
    /// By the format's code: a plus sign, then zeros and `#` only.
    pub(super) fn of(code: &str) -> Option<Self> {
        /// No format of people has more.
        const DIGITS_MAX: usize = 30;
        let positive = code.split(';').next().unwrap_or_default();
        let signs = ["\"+\"", "\\+", "+"];
        let without = signs.iter().find_map(|sign| positive.strip_prefix(sign));
        let pattern = without.unwrap_or(positive);
        let zeros = pattern.trim_start_matches('#');
        let (plus, digits) = (without.is_some(), zeros.len());
        let only_zeros = zeros.bytes().all(|byte| byte == b'0') && !pattern.is_empty();
        (only_zeros && digits <= DIGITS_MAX && (plus || digits > 1))
            .then_some(Self { plus, digits })
    }
}

/// Appends a cell of an `.xlsx` file.
pub(super) fn push(text: &mut String, cell: &DataRef<'_>, shown: Option<NumberShown>) {
    match cell {
        DataRef::Int(value) => text.push_str(&value.to_string()),
        DataRef::Float(value) => push_number(text, *value, shown),
        DataRef::String(value) => text.push_str(value),
        DataRef::SharedString(value) => text.push_str(value),
        DataRef::Bool(value) => text.push_str(truth(*value)),
        DataRef::DateTime(value) => push_serial(text, value),
        DataRef::DateTimeIso(value) => text.push_str(date_of_iso(value)),
        DataRef::DurationIso(value) => push_duration(text, value),
        DataRef::Error(_) | DataRef::Empty => {}
    }
}

/// Appends a cell of an `.ods` file, which has errors as text.
pub(super) fn push_ods(text: &mut String, cell: &Data) {
    match cell {
        Data::Int(value) => text.push_str(&value.to_string()),
        Data::Float(value) => push_number(text, *value, None),
        Data::String(value) if is_error(value) => {}
        Data::String(value) => text.push_str(value),
        Data::Bool(value) => text.push_str(truth(*value)),
        Data::DateTime(value) => push_serial(text, value),
        Data::DateTimeIso(value) => text.push_str(date_of_iso(value)),
        Data::DurationIso(value) => push_duration(text, value),
        Data::Error(_) | Data::Empty => {}
    }
}

const fn truth(value: bool) -> &'static str {
    if value { "TRUE" } else { "FALSE" }
}

fn is_error(value: &str) -> bool {
    let named = [
        "#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!",
    ];
    let numbered = value.strip_prefix("Err:");
    named.contains(&value)
        || numbered
            .is_some_and(|code| !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_digit()))
}

fn push_number(text: &mut String, value: f64, shown: Option<NumberShown>) {
    if !value.is_finite() {
        return;
    }
    let whole = value.fract() == 0.0;
    let written = if value.abs() >= EXACT_BELOW {
        write!(text, "{value:E}")
    } else if whole {
        let shown = shown.filter(|_shown| value >= 0.0);
        let (plus, digits) = shown.map_or((false, 0), |shown| (shown.plus, shown.digits));
        if plus {
            text.push('+');
        }
        // Adding zero takes the sign off a negative one.
        write!(text, "{:0digits$.0}", value + 0.0)
    } else {
        // What a spreadsheet shows at most: 19.989999999999998 is 19.99.
        let rounded = format!("{value:.14e}").parse().unwrap_or(value);
        write!(text, "{rounded}")
    };
    debug_assert!(written.is_ok(), "a string takes all");
}

/// Days since the workbook's epoch.
fn push_serial(text: &mut String, cell: &ExcelDateTime) {
    let serial = cell.as_f64();
    if !(0.0..SERIALS_END).contains(&serial) {
        push_number(text, serial, None);
        return;
    }
    if cell.is_duration() {
        // In whole seconds, as it is shown.
        let seconds = (serial * 86_400.0).round();
        let hours = (seconds / 3_600.0).floor();
        let (minutes, seconds) = ((seconds % 3_600.0 / 60.0).floor(), seconds % 60.0);
        let written = write!(text, "{hours:02.0}:{minutes:02.0}:{seconds:02.0}");
        debug_assert!(written.is_ok(), "a string takes all");
        return;
    }
    let (year, month, day, hour, minute, second, milli) = cell.to_ymd_hms_milli();
    let at = [month, day, hour, minute, second].map(|part| i8::try_from(part).unwrap_or(i8::MAX));
    let [month, day, hour, minute, second] = at;
    let nanos = i32::from(milli) * 1_000_000;
    let year = i16::try_from(year).unwrap_or(i16::MAX);
    let at = DateTime::new(year, month, day, hour, minute, second, nanos);
    let at = at.and_then(|at| at.round(Unit::Second));
    let written = match at {
        // Excel has a 29th of February 1900.
        Err(_no_such_day) => write!(text, "{year:04}-{month:02}-{day:02}"),
        // A time of day is a day's part, without a day.
        Ok(at) if serial < 1.0 => write!(text, "{}", at.time()),
        Ok(at) if at.time() == Time::midnight() => write!(text, "{}", at.date()),
        Ok(at) => write!(text, "{at}"),
    };
    debug_assert!(written.is_ok(), "a string takes all");
}

/// A date whose time is midnight is a date.
fn date_of_iso(value: &str) -> &str {
    match value.split_once('T') {
        Some((date, time)) if time.starts_with("00:00:00") && time.len() <= 12 => {
            let rest = time.get(8..).unwrap_or_default();
            let nothing = rest.bytes().all(|byte| matches!(byte, b'.' | b',' | b'0'));
            if nothing { date } else { value }
        }
        Some(_) | None => value,
    }
}

/// `PT26H30M00S`, as `OpenDocument` writes durations and times of day.
fn push_duration(text: &mut String, value: &str) {
    let parts = value
        .strip_prefix("PT")
        .and_then(|rest| rest.split_once('H'))
        .and_then(|(hours, rest)| {
            let (minutes, seconds) = rest.split_once('M')?;
            let seconds = seconds.strip_suffix('S')?;
            let seconds = seconds.split(['.', ',']).next()?;
            Some([hours, minutes, seconds])
        });
    let digits = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let Some([hours, minutes, seconds]) = parts.filter(|parts| parts.iter().all(digits)) else {
        text.push_str(value);
        return;
    };
    let written = write!(text, "{hours:0>2}:{minutes:0>2}:{seconds:0>2}");
    debug_assert!(written.is_ok(), "a string takes all");
}
