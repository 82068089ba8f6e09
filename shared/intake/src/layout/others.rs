//! Columns of phone numbers that are taken for something else.

use std::collections::BTreeMap;

use super::Layout;
use crate::column::{Target, is_reject_column};
use crate::names;
use crate::row::number::{self, Home};
use crate::row::place::Country;
use crate::row::reason::RejectCode;

/// Digits of a phone number with or without its calling code. Most cells need no closer look.
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// Counts the phone numbers of columns that are taken for something else, row by row.
#[derive(Debug, Clone)]
pub struct OtherNumbers {
    country: Option<Country>,
    columns: BTreeMap<usize, OtherColumn>,
}

/// What a column that is taken for something else has of phone numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherColumn {
    /// From 0.
    pub column: usize,
    /// Cells with text.
    pub cells: u64,
    /// Cells with a number that can be called.
    pub numbers: u64,
    /// Rows with such a number that are kept out for want of one.
    pub saves: u64,
}

impl OtherNumbers {
    #[must_use]
    pub fn new(layout: &Layout) -> Self {
        let columns = layout.columns.iter().enumerate();
        let others = columns.filter(|(_, column)| {
            let other = match column.target {
                Target::Variable(_) | Target::Ignore => true,
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
                | Target::ConsentSource => false,
            };
            other && !is_reject_column(&column.header) && !names::says_fax(&column.header)
        });
        let columns = others.map(|(column, _)| {
            let none = OtherColumn {
                column,
                cells: 0,
                numbers: 0,
                saves: 0,
            };
            (column, none)
        });
        Self {
            country: layout.default_country,
            columns: columns.collect(),
        }
    }

    /// Takes the cells of a row that is a lead, or is kept out for this reason.
    pub fn see<'a>(&mut self, cells: impl Iterator<Item = &'a str>, kept_out: Option<RejectCode>) {
        let home = Home {
            country: self.country,
            default: self.country,
            ..Home::default()
        };
        let is_number = |cell: &str| {
            let digits = cell.bytes().filter(u8::is_ascii_digit).count();
            DIGITS.contains(&digits) && number::read(cell, &home).any(|read| read.is_ok())
        };
        let wants_one = kept_out.is_some_and(RejectCode::is_of_numbers);
        for (column, cell) in cells.enumerate() {
            let cell = cell.trim();
            let Some(other) = self.columns.get_mut(&column).filter(|_| !cell.is_empty()) else {
                continue;
            };
            other.cells += 1;
            if is_number(cell) {
                other.numbers += 1;
                other.saves += u64::from(wants_one);
            }
        }
    }

    /// The columns of which at least half the cells are phone numbers, in the list's order.
    #[must_use]
    pub fn found(self) -> Vec<OtherColumn> {
        let columns = self.columns.into_values();
        columns
            .filter(|other| other.numbers > 0 && other.numbers * 2 >= other.cells)
            .collect()
    }
}
