//! The header: which column is what.

mod others;

use std::collections::{BTreeMap, BTreeSet};

use deunicode::deunicode;
use serde::{Deserialize, Serialize};

use crate::column::{Column, ColumnReason, Target, is_reject_column};
use crate::file::format::{Delimiter, Encoding, Encodings};
use crate::file::garbled::is_garbled;
use crate::file::problem::FileProblem;
use crate::file::quote::Shape;
use crate::file::reader::Position;
use crate::names::{self, CodeName, NAMES, PhoneName, VARIABLE_NAMES, plain};
use crate::row::number::{self, CallingCode, Found, Home, NumberHabit};
use crate::row::place::Country;
use crate::row::reason::Reason;
use crate::row::regions::{self, RegionSaid};
use crate::row::value;
use crate::warning::LayoutWarning;

pub use self::others::{OtherColumn, OtherNumbers};

/// The longest name of a variable, as prompts take them.
const NAME_CHARS_MAX: usize = 64;

/// All that was found out from the beginning of a file and is needed to read on at any row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    pub encoding: Encoding,
    /// Of cells that are not in UTF-8, in a list that is.
    #[serde(default = "usual_fallback")]
    pub fallback: Encoding,
    pub delimiter: Delimiter,
    /// Of numbers that are written without a country code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_country: Option<Country>,
    pub columns: Vec<Column>,
    /// The columns of phone numbers, in the order in which a row's numbers are read.
    #[serde(default)]
    pub numbers: Vec<NumberColumn>,
    /// What whoever sends the list should know of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<LayoutWarning>,
    /// It is a reject file that was mended: what was put before its cells is taken off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mended: bool,
    /// Behind the header.
    pub start: Position,
}

/// A column of phone numbers, and what its cells are read with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberColumn {
    /// From 0.
    pub column: usize,
    /// The column with the calling codes of its numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<usize>,
    /// The column that says of each number what it is, in words, as address books do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<usize>,
    /// How its first cells are written.
    #[serde(default)]
    pub habit: NumberHabit,
}

impl NumberColumn {
    pub(crate) fn alone(column: usize) -> Self {
        Self {
            column,
            code: None,
            label: None,
            habit: NumberHabit::default(),
        }
    }
}

/// What cells that are not in UTF-8 are in, where nothing else is known.
const fn usual_fallback() -> Encoding {
    Encoding::Windows1252
}

impl Layout {
    /// The first column of numbers.
    #[must_use]
    pub fn number_column(&self) -> usize {
        let number = |column: &Column| column.target == Target::Number;
        self.columns.iter().position(number).unwrap_or_default()
    }

    pub(crate) fn encodings(&self) -> Encodings {
        Encodings {
            file: self.encoding,
            fallback: self.fallback,
        }
    }

    /// What its rows look like.
    pub(crate) fn shape(&self) -> Shape {
        let numbers = self.columns.iter().enumerate().filter(|(_, column)| {
            // The name of one that came twice has a number behind it.
            let name = column.header.rsplit_once(" (").map(|(name, _number)| name);
            column.target == Target::Number
                || names_numbers(&column.header)
                || name.is_some_and(names_numbers)
        });
        Shape {
            columns: self.columns.len(),
            numbers: numbers.map(|(column, _)| column).collect(),
            mended: self.mended,
        }
    }
}

/// Whether a header names a column of phone numbers.
pub(crate) fn names_numbers(header: &str) -> bool {
    names::phone_name(header).is_some()
}

/// Whether lists have columns of this name.
pub(crate) fn is_known(header: &str) -> bool {
    let name = plain(header);
    let known = |names: &[&str]| names.contains(&name.as_str());
    names_numbers(header)
        || NAMES.iter().any(|(_, names)| known(names))
        || VARIABLE_NAMES.iter().any(|(_, names)| known(names))
}

/// What the sample says of the texts of a list.
pub(crate) fn garbled(headers: &[String], sample: &[Vec<String>]) -> Option<LayoutWarning> {
    let garbled = |column: &usize| {
        let cells = sample.iter().filter_map(|row| row.get(*column));
        cells
            .chain(headers.get(*column))
            .any(|cell| is_garbled(cell))
    };
    let columns: Vec<usize> = (0..headers.len()).filter(garbled).collect();
    (!columns.is_empty()).then_some(LayoutWarning::TextGarbled { columns })
}

/// Decides what each column is: as told, else by its name, checked with the rows of the sample. `shown` are the
/// names of which none comes twice.
pub(crate) fn columns(
    headers: &[String],
    shown: &[String],
    sample: &[Vec<String>],
    told: &BTreeMap<String, Target>,
    country: Option<Country>,
    warnings: &mut Vec<LayoutWarning>,
) -> Result<Vec<Column>, FileProblem> {
    let mut targets = told_targets(shown, told)?;
    let mut reasons = Reasons(vec![None; headers.len()]);
    reasons.of_new(&targets, |_column| ColumnReason::Told);
    for (target, header) in targets.iter_mut().zip(headers) {
        if target.is_none() && is_reject_column(header) {
            *target = Some(Target::Ignore);
        }
    }
    let cells = |column: usize| {
        let cells = sample.iter().filter_map(move |row| row.get(column));
        cells
            .map(|cell| cell.trim())
            .filter(|cell| !cell.is_empty())
    };
    let name = |column: usize| headers.get(column).map(String::as_str).unwrap_or_default();
    let by_name = |named: bool| {
        if named {
            ColumnReason::Name
        } else {
            ColumnReason::Cells
        }
    };
    reasons.of_new(&targets, |_column| ColumnReason::RejectFile);
    calling_codes(headers, &mut targets, &cells)?;
    reasons.of_new(&targets, |column| {
        by_name(names::code_name(name(column)).is_some())
    });
    number_columns(headers, &mut targets, &cells, country)?;
    reasons.of_new(&targets, |column| {
        by_name(names::phone_name(name(column)) == Some(PhoneName::Certain))
    });
    let taken: BTreeSet<Target> = targets.iter().flatten().cloned().collect();
    for (target, names) in NAMES {
        if taken.contains(target) {
            continue;
        }
        // Of several columns that could be it, the one with the first of the names.
        let by_name = names.iter().find_map(|name| {
            let free = |(column, header): &(usize, &String)| {
                plain(header) == *name && targets.get(*column).is_some_and(Option::is_none)
            };
            headers
                .iter()
                .enumerate()
                .find(free)
                .map(|(column, _)| column)
        });
        let Some(column) = by_name else { continue };
        let (mut fit, mut all) = (0, 0);
        for row in sample {
            let cell = row.get(column).map(|cell| cell.trim()).unwrap_or_default();
            let fits = if cell.is_empty() {
                None
            } else if *target == Target::Region {
                region_fits(cell, row, &targets, country)
            } else {
                Some(value::fits(target, cell))
            };
            all += usize::from(fits.is_some());
            fit += usize::from(fits == Some(true));
        }
        if fit * 2 < all {
            warnings.push(LayoutWarning::MeaningUnfit {
                column,
                target: target.clone(),
                fit,
                cells: all,
            });
            reasons.say(column, ColumnReason::CellsUnlikeName);
            continue;
        }
        if let Some(place) = targets.get_mut(column) {
            *place = Some(target.clone());
            reasons.say(column, ColumnReason::Name);
        }
    }
    let mut columns = name_variables(shown, targets);
    for (column, (reason, header)) in columns.iter_mut().zip(reasons.0.iter().zip(headers)) {
        column.because = reason.unwrap_or_else(|| {
            let name = plain(header);
            let known = VARIABLE_NAMES
                .iter()
                .any(|(_, names)| names.contains(&name.as_str()));
            if known {
                ColumnReason::Name
            } else {
                ColumnReason::Nothing
            }
        });
    }
    Ok(columns)
}

/// Why columns are taken for what they are, as far as it is known.
struct Reasons(Vec<Option<ColumnReason>>);

impl Reasons {
    /// Of columns that have a meaning since the last time.
    fn of_new(&mut self, targets: &[Option<Target>], why: impl Fn(usize) -> ColumnReason) {
        for (column, (reason, target)) in self.0.iter_mut().zip(targets).enumerate() {
            if reason.is_none() && target.is_some() {
                *reason = Some(why(column));
            }
        }
    }

    fn say(&mut self, column: usize, why: ColumnReason) {
        if let Some(reason) = self.0.get_mut(column) {
            *reason = Some(why);
        }
    }
}

/// Whether a cell names a state; nothing where the row's number is of a country whose states do not matter.
fn region_fits(
    cell: &str,
    row: &[String],
    targets: &[Option<Target>],
    default: Option<Country>,
) -> Option<bool> {
    let of = |wanted: Target| {
        let columns = targets.iter().zip(row);
        columns.filter_map(move |(target, cell)| {
            (target.as_ref() == Some(&wanted)).then_some(cell.trim())
        })
    };
    let country = of(Target::Country).find_map(Country::named);
    let home = Home {
        country: country.or(default),
        default,
        ..Home::default()
    };
    let mut numbers = of(Target::Number).chain(of(Target::Alternate));
    let number = numbers.find_map(|cell| number::read(cell, &home).find_map(Result::ok));
    let Some(Found { number, .. }) = number else {
        return Some(regions::is_region(cell));
    };
    match regions::said(cell, country, default, &number) {
        RegionSaid::Known(_) => Some(true),
        RegionSaid::Unreadable(_) => Some(false),
        RegionSaid::Nothing => None,
    }
}

fn told_targets(
    headers: &[String],
    told: &BTreeMap<String, Target>,
) -> Result<Vec<Option<Target>>, FileProblem> {
    let mut targets: Vec<Option<Target>> = vec![None; headers.len()];
    for (name, target) in told {
        let wanted = name.trim().to_lowercase();
        let named = headers
            .iter()
            .position(|header| !wanted.is_empty() && header.trim().to_lowercase() == wanted);
        let unnamed = || {
            headers
                .iter()
                .enumerate()
                .position(|(column, header)| header.trim().is_empty() && wanted == nameless(column))
        };
        let Some(column) = named.or_else(unnamed) else {
            return Err(FileProblem::UnknownColumn { name: name.clone() });
        };
        if let Target::Variable(variable) = target
            && !is_name(variable)
        {
            let name = variable.chars().take(NAME_CHARS_MAX).collect();
            return Err(FileProblem::VariableName { name });
        }
        let same = |other: &Option<Target>| other.as_ref() == Some(target);
        if !target.may_repeat()
            && let Some(other) = targets.iter().position(same)
        {
            return Err(FileProblem::SameTarget {
                first: other.min(column),
                second: other.max(column),
                target: target.clone(),
            });
        }
        if let Some(place) = targets.get_mut(column) {
            *place = Some(target.clone());
        }
    }
    Ok(targets)
}

/// Finds the columns of calling codes: by their name, checked with their cells, or by cells that cannot be
/// anything else. One that is not understood is not passed over: the numbers beside it lack their codes.
fn calling_codes<'a, I: Iterator<Item = &'a str>>(
    headers: &[String],
    targets: &mut [Option<Target>],
    cells: &impl Fn(usize) -> I,
) -> Result<(), FileProblem> {
    for (column, header) in headers.iter().enumerate() {
        let free = targets.get(column).is_some_and(Option::is_none);
        if !free || names::phone_name(header).is_some() {
            continue;
        }
        let (mut all, mut codes, mut marked, mut countries) = (0, 0, 0, 0);
        for cell in cells(column) {
            all += 1;
            codes += usize::from(CallingCode::of(cell).is_some());
            marked += usize::from(CallingCode::is_marked(cell));
            countries += usize::from(Country::named(cell).is_some());
        }
        let of_countries = countries * 2 >= all;
        let found = match names::code_name(header) {
            Some(CodeName::Certain) if all == 0 => Some(Target::CallingCode),
            Some(_) if all > 0 && codes * 2 >= all && codes > countries => {
                Some(Target::CallingCode)
            }
            // A country tells the code as well.
            Some(CodeName::Certain) if of_countries => {
                let known = targets.contains(&Some(Target::Country));
                (!known).then_some(Target::Country)
            }
            Some(CodeName::OrCountry) if of_countries => None,
            Some(CodeName::Certain | CodeName::OrCountry) => {
                let what = "its cells are neither calling codes nor countries";
                return Err(FileProblem::CallingCodeUnreadable { column, what });
            }
            None => (all > 0 && marked == all).then_some(Target::CallingCode),
        };
        if let Some(target) = found
            && let Some(place) = targets.get_mut(column)
        {
            *place = Some(target);
        }
    }
    Ok(())
}

/// Finds the columns of numbers: those whose name says so, in the order of the list. Without such a name,
/// the only column that holds numbers.
fn number_columns<'a, I: Iterator<Item = &'a str>>(
    headers: &[String],
    targets: &mut [Option<Target>],
    cells: &impl Fn(usize) -> I,
    country: Option<Country>,
) -> Result<(), FileProblem> {
    let free: Vec<usize> = (0..headers.len())
        .filter(|column| targets.get(*column).is_some_and(Option::is_none))
        .collect();
    let named = |column: usize| {
        headers
            .get(column)
            .and_then(|header| names::phone_name(header))
    };
    // Without its code next to it a number is as good as one with it.
    let coded = targets.contains(&Some(Target::CallingCode));
    let holds = |column: usize| {
        let (mut good, mut all) = (0, 0);
        for cell in cells(column) {
            all += 1;
            good += usize::from(is_number(cell, country, coded));
        }
        all > 0 && good * 5 >= all * 4
    };
    let told = targets.contains(&Some(Target::Number));
    let by = |wanted: &dyn Fn(usize) -> bool| -> Vec<usize> {
        free.iter()
            .copied()
            .filter(|column| wanted(*column))
            .collect()
    };
    // Of `number1`, `number2`, `number3` one that has numbers speaks for all.
    let row = by(&|column| {
        headers
            .get(column)
            .is_some_and(|header| names::is_numbered(header))
    });
    let row = if row.iter().any(|column| holds(*column)) {
        row
    } else {
        Vec::new()
    };
    let mut found = by(&|column| match named(column) {
        Some(PhoneName::Certain) => true,
        Some(PhoneName::Perhaps) => row.contains(&column) || holds(column),
        None => false,
    });
    if found.is_empty() && !told {
        let fax = |column: usize| {
            headers
                .get(column)
                .is_some_and(|header| names::says_fax(header))
        };
        found = by(&|column| !fax(column) && holds(column));
        if found.len() != 1 {
            found = by(&|column| named(column).is_some());
        }
    }
    for column in found {
        let target = if targets.contains(&Some(Target::Number)) {
            Target::Alternate
        } else {
            Target::Number
        };
        if let Some(place) = targets.get_mut(column) {
            *place = Some(target);
        }
    }
    if targets.contains(&Some(Target::Number)) {
        return Ok(());
    }
    let code = targets
        .iter()
        .position(|target| *target == Some(Target::CallingCode));
    match code {
        Some(column) => {
            let what = "no column has the numbers that they belong to";
            Err(FileProblem::CallingCodeUnreadable { column, what })
        }
        None => Err(FileProblem::NoNumberColumn),
    }
}

/// Whether a cell may be a number; where codes stand beside numbers, any that is long enough.
fn is_number(cell: &str, country: Option<Country>, coded: bool) -> bool {
    let home = Home {
        country,
        default: country,
        ..Home::default()
    };
    let digits = || cell.bytes().filter(u8::is_ascii_digit).count();
    number::read(cell, &home).any(|read| match read {
        Ok(_) | Err(Reason::NumberAmbiguous { .. }) => true,
        Err(_) => coded && (7..=15).contains(&digits()) && !cell.contains(char::is_alphabetic),
    })
}

/// The columns of numbers with what they are read with, as far as the rows of the sample show it.
pub(crate) fn numbers(
    columns: &[Column],
    sample: &[Vec<String>],
    default: Option<Country>,
) -> Result<Vec<NumberColumn>, FileProblem> {
    let with = |target: Target| {
        let columns = columns.iter().enumerate();
        columns.filter_map(move |(at, column)| (column.target == target).then_some(at))
    };
    let order: Vec<usize> = with(Target::Number)
        .chain(with(Target::Alternate))
        .collect();
    let codes: Vec<usize> = with(Target::CallingCode).collect();
    let country_column = with(Target::Country).next();
    let mut numbers: Vec<NumberColumn> = order
        .iter()
        .map(|column| NumberColumn {
            code: code_of(*column, &codes, &order),
            label: label_of(*column, columns),
            ..NumberColumn::alone(*column)
        })
        .collect();
    for number in &mut numbers {
        let (mut pairs, mut joined) = (0, 0);
        for row in sample {
            let cell = |column: usize| row.get(column).map(|cell| cell.trim()).unwrap_or_default();
            let code_cell = number.code.map(cell).filter(|cell| !cell.is_empty());
            let country = country_column.and_then(|column| Country::named(cell(column)));
            let home = Home {
                country: country.or(default),
                default,
                code: code_cell.and_then(CallingCode::of),
                habit: NumberHabit::default(),
            };
            let text = cell(number.column);
            for habit in number::habits(text, &home) {
                number.habit.count(habit);
            }
            if code_cell.is_some() && !text.is_empty() {
                pairs += 1;
                let fits = number::read(text, &home).any(|read| match read {
                    Ok(_) | Err(Reason::NumberAmbiguous { .. } | Reason::NumberPremium) => true,
                    Err(_) => false,
                });
                joined += usize::from(home.code.is_some() && fits);
            }
        }
        if let Some(column) = number.code
            && pairs > 0
            && joined == 0
        {
            let what = "none of them makes a number with what stands beside it";
            return Err(FileProblem::CallingCodeUnreadable { column, what });
        }
    }
    Ok(numbers)
}

/// The column with the codes of a column of numbers: each column of codes belongs to the first numbers
/// after it, the last one to those before it if there are none.
fn code_of(column: usize, codes: &[usize], numbers: &[usize]) -> Option<usize> {
    let between =
        |from: usize, to: usize| numbers.iter().any(|number| (from + 1..to).contains(number));
    let before = codes.iter().rev().find(|code| **code < column);
    let before = before.filter(|code| !between(**code, column));
    let after = || {
        let after = codes.iter().find(|code| **code > column)?;
        let last = !numbers.iter().any(|number| number > after);
        (last && !between(column, *after)).then_some(after)
    };
    before.or_else(after).copied()
}

/// `Phone 1 - Type` and `Phone 1 - Label` of `Phone 1 - Value`.
fn label_of(column: usize, columns: &[Column]) -> Option<usize> {
    let name = plain(&columns.get(column)?.header);
    let stem = name.strip_suffix("value").unwrap_or(&name);
    columns.iter().position(|other| {
        let name = plain(&other.header);
        let rest = name.strip_prefix(stem).unwrap_or_default();
        matches!(rest, "type" | "label")
    })
}

/// What has no meaning of its own becomes a variable; two that come to the same name are numbered.
fn name_variables(headers: &[String], targets: Vec<Option<Target>>) -> Vec<Column> {
    let mut used: BTreeSet<String> = targets
        .iter()
        .filter_map(|target| match target {
            Some(Target::Variable(name)) => Some(name.clone()),
            Some(
                Target::Number
                | Target::Alternate
                | Target::CallingCode
                | Target::Zone
                | Target::Region
                | Target::PostalCode
                | Target::Country
                | Target::Priority
                | Target::ConsentKind
                | Target::ConsentAt
                | Target::ConsentSource
                | Target::Ignore,
            )
            | None => None,
        })
        .collect();
    let named = headers.iter().zip(targets).enumerate();
    named
        .map(|(index, (header, target))| {
            let header = match header.trim() {
                "" => nameless(index),
                header => header.to_owned(),
            };
            let told = match &target {
                Some(Target::Variable(name)) => Some(name.clone()),
                Some(_) | None => None,
            };
            let variable = told.unwrap_or_else(|| {
                let name = variable_name(&header, index);
                let numbered = (2..).map(|n| format!("{name}_{n}"));
                let mut names = std::iter::once(name.clone()).chain(numbered);
                let free = names.find(|name| !used.contains(name));
                free.unwrap_or(name)
            });
            used.insert(variable.clone());
            let target = target.unwrap_or_else(|| Target::Variable(variable.clone()));
            Column {
                header,
                variable,
                target,
                because: ColumnReason::Nothing,
            }
        })
        .collect()
}

/// A header as a name that prompts take: `Straße (privat)` becomes `strasse_privat`.
fn variable_name(header: &str, column: usize) -> String {
    let plain_name = plain(header);
    for (name, known) in VARIABLE_NAMES {
        if known.contains(&plain_name.as_str()) {
            return (*name).to_owned();
        }
    }
    let mut name = String::new();
    for char in deunicode(header).chars() {
        if char.is_ascii_alphanumeric() {
            name.push(char.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
        // Room for the number of one that comes twice.
        if name.len() >= NAME_CHARS_MAX - 4 {
            break;
        }
    }
    let name = name.trim_end_matches('_');
    match name.chars().next() {
        None => nameless(column),
        Some(first) if first.is_ascii_alphabetic() => name.to_owned(),
        Some(_) => format!("c_{name}"),
    }
}

fn nameless(column: usize) -> String {
    format!("column_{}", column + 1)
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.len() <= NAME_CHARS_MAX
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named_as_in_a_spreadsheet() {
        let names: Vec<_> = [0, 25, 26, 51, 52, 701, 702]
            .map(crate::column::letter)
            .into();
        assert_eq!(names, ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]);
    }

    #[test]
    fn any_header_becomes_a_name_that_can_be_typed() {
        for (header, name) in [
            ("Straße (privat)", "strasse_privat"),
            ("Vorname", "first_name"),
            ("Family Name", "last_name"),
            ("2nd address", "c_2nd_address"),
            ("नाम", "naam"),
            ("!!!", "column_3"),
        ] {
            let variable = variable_name(header, 2);
            assert_eq!(variable, name);
            assert!(is_name(&variable));
        }
        assert!(is_name(&variable_name(&"x".repeat(200), 0)));
    }
}
