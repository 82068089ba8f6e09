//! What is expected of a list, as it stands beside it, and how a reading differs from it.

use std::collections::{BTreeMap, BTreeSet};

use intake::{Entry, Options, Reject, Row, letter};
use serde::Deserialize;

use crate::accounting;
use crate::reading::{Read, Reading};

/// The expectations of one list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    /// One sentence for people.
    pub(crate) about: String,
    /// What the user says with the list.
    #[serde(default)]
    pub(crate) options: Options,
    /// Letters of columns whose cells are numbers or calling codes. Such a cell may be a variable as well.
    #[serde(default)]
    number_columns: BTreeSet<String>,
    #[serde(default)]
    pub(crate) leads: Vec<Lead>,
    #[serde(default)]
    pub(crate) rejected: Vec<Rejected>,
    /// The code with which the list is refused as a whole.
    pub(crate) problem: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lead {
    pub(crate) row: u64,
    number: String,
    #[serde(default)]
    alternates: Vec<String>,
    #[serde(default)]
    region: AnyOf,
    #[serde(default)]
    country: AnyOf,
    #[serde(default)]
    zone: AnyOf,
    /// The row may be kept out with this code instead: both are right, another number never is.
    or_rejected: Option<String>,
    #[serde(default)]
    variables: BTreeMap<String, AnyOf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rejected {
    pub(crate) row: u64,
    /// Absent: not looked at, since more than one would be right.
    column: Option<String>,
    code: AnyOf,
}

/// A text, or several of which one is as good as the other.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum AnyOf {
    One(String),
    Many(Vec<String>),
}

impl Default for AnyOf {
    fn default() -> Self {
        Self::One(String::new())
    }
}

impl AnyOf {
    fn has(&self, text: &str) -> bool {
        match self {
            Self::One(one) => one == text,
            Self::Many(many) => many.iter().any(|one| one == text),
        }
    }

    fn first(&self) -> &str {
        match self {
            Self::One(one) => one,
            Self::Many(many) => many.first().map(String::as_str).unwrap_or_default(),
        }
    }
}

impl Expected {
    /// In what the reading differs, a sentence each.
    pub(crate) fn differences(&self, reading: &Reading) -> Vec<String> {
        let code = reading.problem.as_ref().map(|problem| problem.code());
        if code != self.problem.as_deref() {
            let found = reading.problem.as_ref().map(ToString::to_string);
            return vec![format!(
                "refused with {code:?} ({}), not {:?}",
                found.unwrap_or_default(),
                self.problem
            )];
        }
        let mut found: BTreeMap<u64, &Read> = BTreeMap::new();
        let mut said = Vec::new();
        for read in &reading.entries {
            if found.insert(read.row(), read).is_some() {
                said.push(format!("row {} comes twice", read.row()));
            }
        }
        for lead in &self.leads {
            match found.remove(&lead.row) {
                Some(read) => said.extend(self.lead_differences(lead, read, reading)),
                None => said.push(format!("row {} ({}) is lost", lead.row, lead.number)),
            }
        }
        for rejected in &self.rejected {
            match found.remove(&rejected.row) {
                Some(read) => said.extend(rejected.differences(read)),
                None => said.push(format!("row {} is lost, not rejected", rejected.row)),
            }
        }
        for (row, read) in found {
            said.push(format!("row {row} is nobody's: {}", shown(read)));
        }
        said
    }

    fn lead_differences(&self, lead: &Lead, read: &Read, reading: &Reading) -> Vec<String> {
        let row = lead.row;
        let found = match &read.entry {
            Entry::Row(found) => found,
            Entry::Rejected(reject)
                if lead.or_rejected.as_deref() == Some(reject.reason.code()) =>
            {
                return Vec::new();
            }
            Entry::Rejected(_) | Entry::NeedsInput | Entry::End => {
                return vec![format!("row {row}: {}, not {}", shown(read), lead.number)];
            }
        };
        let mut said = Vec::new();
        let mut compare = |what: &str, found: &str, expected: &AnyOf| {
            if !expected.has(found) {
                let expected = expected.first();
                said.push(format!("row {row}: {what} is {found:?}, not {expected:?}"));
            }
        };
        let country = found.country.map(|country| country.to_string());
        let alternates = AnyOf::One(lead.alternates.join(" "));
        compare(
            "the number",
            found.number.as_str(),
            &AnyOf::One(lead.number.clone()),
        );
        compare("the alternates", &shown_alternates(found), &alternates);
        compare("the region", found.region.unwrap_or_default(), &lead.region);
        compare("the country", &country.unwrap_or_default(), &lead.country);
        compare("the zone", found.zone.unwrap_or_default(), &lead.zone);
        said.extend(self.variable_differences(lead, found, read, reading));
        let unaccounted = accounting::unaccounted(found, &read.cells, reading.layout.as_ref());
        said.extend(
            unaccounted
                .into_iter()
                .map(|cell| format!("row {row}: {cell}")),
        );
        said
    }

    fn variable_differences(
        &self,
        lead: &Lead,
        found: &Row,
        read: &Read,
        reading: &Reading,
    ) -> Vec<String> {
        let row = lead.row;
        let mut said = Vec::new();
        for (name, expected) in &lead.variables {
            match found.variables.get(name) {
                Some(value) if expected.has(value) => {}
                Some(value) => said.push(format!(
                    "row {row}: {name} is {value:?}, not {:?}",
                    expected.first()
                )),
                None => said.push(format!(
                    "row {row}: no {name}, which should be {:?}",
                    expected.first()
                )),
            }
        }
        let columns = reading.layout.iter().flat_map(|layout| &layout.columns);
        let of_numbers: BTreeMap<&str, &str> = columns
            .enumerate()
            .filter(|(index, _)| self.number_columns.contains(&letter(*index)))
            .map(|(index, column)| {
                let cell = read.cells.get(index).map(String::as_str);
                (column.variable.as_str(), cell.unwrap_or_default().trim())
            })
            .collect();
        for (name, value) in &found.variables {
            let of_number = of_numbers.get(name.as_str()) == Some(&value.as_str());
            if !lead.variables.contains_key(name) && !of_number {
                said.push(format!(
                    "row {row}: {name} is {value:?} and should not be there"
                ));
            }
        }
        said
    }
}

impl Rejected {
    fn differences(&self, read: &Read) -> Vec<String> {
        let Entry::Rejected(Reject { column, reason, .. }) = &read.entry else {
            let (row, code) = (self.row, self.code.first());
            return vec![format!("row {row}: {}, not {code}", shown(read))];
        };
        let found = column.map(letter);
        let column_fits = self.column.is_none() || self.column == found;
        if self.code.has(reason.code()) && column_fits {
            return Vec::new();
        }
        vec![format!(
            "row {}: {} in {found:?}, not {} in {:?}",
            self.row,
            reason.code(),
            self.code.first(),
            self.column
        )]
    }
}

fn shown_alternates(row: &Row) -> String {
    let alternates: Vec<_> = row
        .alternates
        .iter()
        .map(|number| number.as_str())
        .collect();
    alternates.join(" ")
}

fn shown(read: &Read) -> String {
    match &read.entry {
        Entry::Row(row) => format!("a lead with {}", row.number.as_str()),
        Entry::Rejected(reject) => {
            format!("{}: {}", reject.reason.code(), reject.reason.sentence())
        }
        Entry::NeedsInput | Entry::End => String::new(),
    }
}
