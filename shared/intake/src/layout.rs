//! The header: which column is what.

use std::collections::{BTreeMap, BTreeSet};

use deunicode::deunicode;
use serde::{Deserialize, Serialize};

use crate::column::{COLUMNS_MAX, Column, HEADER_CHARS_MAX, Target, is_reject_column};
use crate::file::format::{Delimiter, Encoding};
use crate::file::problem::FileProblem;
use crate::file::reader::Position;
use crate::names::{NAMES, NUMBER_NAMES, VARIABLE_NAMES};
use crate::row::number;
use crate::row::place::Country;
use crate::row::value;

/// The longest name of a variable, as prompts take them.
const NAME_CHARS_MAX: usize = 64;

/// All that was found out from the beginning of a file and is needed to read on at any row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    pub encoding: Encoding,
    pub delimiter: Delimiter,
    /// Of numbers that are written without a country code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_country: Option<Country>,
    pub columns: Vec<Column>,
    /// It is a reject file that was mended: what was put before its cells is taken off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mended: bool,
    /// Behind the header.
    pub start: Position,
}

impl Layout {
    /// The column that has the numbers.
    #[must_use]
    pub fn number_column(&self) -> usize {
        let number = |column: &Column| column.target == Target::Number;
        self.columns.iter().position(number).unwrap_or_default()
    }
}

/// Whether a header names a column of phone numbers.
pub(crate) fn names_numbers(header: &str) -> bool {
    NUMBER_NAMES.contains(&plain(header).as_str())
}

/// Decides what each column is: as told, else by its name, checked with the rows of the sample.
pub(crate) fn columns(
    headers: &[String],
    sample: &[Vec<String>],
    told: &BTreeMap<String, Target>,
    country: Option<Country>,
) -> Result<Vec<Column>, FileProblem> {
    looks_like_header(headers)?;
    let mut targets = told_targets(headers, told)?;
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
    let taken: BTreeSet<Target> = targets.iter().flatten().cloned().collect();
    if !taken.contains(&Target::Number) {
        let column =
            number_column(headers, &targets, &cells, country).ok_or(FileProblem::NoNumberColumn)?;
        if let Some(target) = targets.get_mut(column) {
            *target = Some(Target::Number);
        }
    }
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
        for cell in cells(column) {
            all += 1;
            fit += usize::from(value::fits(target, cell));
        }
        if fit * 2 >= all
            && let Some(place) = targets.get_mut(column)
        {
            *place = Some(target.clone());
        }
    }
    Ok(name_variables(headers, targets))
}

/// A row of data in the header's place.
fn looks_like_header(headers: &[String]) -> Result<(), FileProblem> {
    for (column, header) in headers.iter().enumerate() {
        let digits = header.chars().filter(char::is_ascii_digit).count();
        let only = |char: char| char.is_ascii_digit() || " +-./()'=\"".contains(char);
        if digits >= 7 && header.chars().all(only) {
            let what = "a phone number";
            return Err(FileProblem::NoHeader { column, what });
        }
        let address = header
            .trim()
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
        if address && !header.trim().contains(' ') {
            let what = "an e-mail address";
            return Err(FileProblem::NoHeader { column, what });
        }
    }
    let theirs = headers.iter().filter(|header| !is_reject_column(header));
    if theirs.count() > COLUMNS_MAX {
        return Err(FileProblem::TooManyColumns);
    }
    let mut seen = BTreeMap::new();
    for (second, header) in headers.iter().enumerate() {
        if header.chars().count() > HEADER_CHARS_MAX {
            return Err(FileProblem::HeaderTooLong { column: second });
        }
        let name = header.trim().to_lowercase();
        if !name.is_empty()
            && let Some(first) = seen.insert(name, second)
        {
            return Err(FileProblem::DuplicateHeader { first, second });
        }
    }
    Ok(())
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
        if *target != Target::Ignore
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

/// Of the columns whose name says so the one with most callable numbers in the sample, the better name
/// where they are equal. Without such a name, the only column that holds numbers.
fn number_column<'a, I: Iterator<Item = &'a str>>(
    headers: &[String],
    targets: &[Option<Target>],
    cells: &impl Fn(usize) -> I,
    country: Option<Country>,
) -> Option<usize> {
    let free = |column: &usize| targets.get(*column).is_some_and(Option::is_none);
    let good = |column: usize| {
        let numbers = cells(column).filter(|cell| number::e164(cell, country).is_ok());
        numbers.count()
    };
    let rank = |column: &usize| {
        let name = headers.get(*column).map(|header| plain(header))?;
        NUMBER_NAMES.iter().position(|known| *known == name)
    };
    let columns = (0..headers.len()).filter(free);
    let named = columns
        .clone()
        .filter_map(|column| Some((column, rank(&column)?)));
    let best = named.max_by_key(|(column, rank)| (good(*column), usize::MAX - rank));
    if let Some((column, _)) = best {
        return Some(column);
    }
    let mut holding = columns.filter(|column| {
        let all = cells(*column).count();
        all > 0 && good(*column) * 5 >= all * 4
    });
    let only = holding.next()?;
    holding.next().is_none().then_some(only)
}

/// What has no meaning of its own becomes a variable; two that come to the same name are numbered.
fn name_variables(headers: &[String], targets: Vec<Option<Target>>) -> Vec<Column> {
    let mut used: BTreeSet<String> = targets
        .iter()
        .filter_map(|target| match target {
            Some(Target::Variable(name)) => Some(name.clone()),
            Some(
                Target::Number
                | Target::Zone
                | Target::Region
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

/// Letters and digits only, lower case: `Phone-Number ` and `phone_number` are the same.
fn plain(header: &str) -> String {
    let letters = deunicode(header);
    let kept = letters.chars().filter(char::is_ascii_alphanumeric);
    kept.map(|char| char.to_ascii_lowercase()).collect()
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
