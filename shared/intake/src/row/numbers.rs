//! The numbers of a row: the one that its lead is called at, and its alternates.

use model::{ALTERNATES_MAX, PhoneNumber};

use super::number::{self, CallingCode, Home, NumberKind};
use super::place::Country;
use super::reason::Reason;
use crate::file::text::Cells;
use crate::layout::{Layout, NumberColumn};
use crate::names;

/// What the number columns of a row say.
pub(crate) struct Numbers {
    /// The first that can be called, in the order of the columns.
    pub(crate) number: PhoneNumber,
    pub(crate) kind: NumberKind,
    /// The column it is in.
    pub(crate) column: usize,
    /// Those after it, none twice.
    pub(crate) alternates: Vec<PhoneNumber>,
    /// Columns with a text that is not, or not wholly, in the numbers above.
    pub(crate) left: Vec<usize>,
}

/// Reads the number columns of a row from this country.
///
/// # Errors
/// No number can be called: the column of the first that is there, and why.
pub(crate) fn read(
    cells: &Cells,
    layout: &Layout,
    country: Option<Country>,
) -> Result<Numbers, (usize, Reason)> {
    let only = [NumberColumn::alone(layout.number_column())];
    let columns = if layout.numbers.is_empty() {
        only.as_slice()
    } else {
        layout.numbers.as_slice()
    };
    let mut found = Found {
        place: place(cells, columns, country, layout),
        default: layout.default_country,
        numbers: None,
        left: Vec::new(),
        wrong: None,
    };
    for column in columns {
        found.column(cells, column);
    }
    match (found.numbers, found.wrong) {
        (Some(mut numbers), _) => {
            found.left.sort_unstable();
            found.left.dedup();
            numbers.left = found.left;
            Ok(numbers)
        }
        (None, Some(wrong)) => Err(wrong),
        (None, None) => Err((layout.number_column(), Reason::NumberMissing)),
    }
}

/// Where the row's numbers without a code are from: the country that it names, else that of a calling
/// code in one of its columns, else the list's.
fn place(
    cells: &Cells,
    columns: &[NumberColumn],
    country: Option<Country>,
    layout: &Layout,
) -> Option<Country> {
    let of_code = || {
        let code = columns.iter().find_map(|column| column.code)?;
        CallingCode::of(cells.get(code))?.country()
    };
    country.or_else(of_code).or(layout.default_country)
}

struct Found {
    place: Option<Country>,
    default: Option<Country>,
    numbers: Option<Numbers>,
    left: Vec<usize>,
    wrong: Option<(usize, Reason)>,
}

impl Found {
    fn wrong(&mut self, column: usize, reason: Reason) {
        self.wrong.get_or_insert((column, reason));
    }

    fn leave(&mut self, columns: impl IntoIterator<Item = usize>) {
        self.left.extend(columns);
    }

    fn column(&mut self, cells: &Cells, column: &NumberColumn) {
        let cell = cells.get(column.column).trim();
        if cell.is_empty() {
            return;
        }
        // Nobody answers a fax machine.
        let label = column.label.map(|label| cells.get(label));
        if label.is_some_and(names::says_fax) {
            self.wrong(column.column, Reason::NumberMachine);
            self.leave([column.column]);
            return;
        }
        let code_cell = column.code.map(|code| (code, cells.get(code).trim()));
        let code_cell = code_cell.filter(|(_column, cell)| !cell.is_empty());
        let code = code_cell.and_then(|(_column, cell)| CallingCode::of(cell));
        if let Some((code_column, _)) = code_cell
            && code.is_none()
        {
            self.wrong(code_column, Reason::CallingCode);
            self.leave([column.column, code_column]);
            return;
        }
        let home = Home {
            country: self.place,
            default: self.default,
            code,
            habit: column.habit,
        };
        for read in number::read(cell, &home) {
            match read {
                Ok(read) => self.take(read, column.column),
                Err(reason) => {
                    let at = match (reason, code_cell) {
                        (Reason::CallingCodeConflict, Some((code, _))) => code,
                        _any => column.column,
                    };
                    self.wrong(at, reason);
                    self.leave([column.column]);
                    self.leave(code_cell.map(|(code, _cell)| code));
                }
            }
        }
    }

    fn take(&mut self, read: number::Found, column: usize) {
        let Some(numbers) = &mut self.numbers else {
            self.numbers = Some(Numbers {
                number: read.number,
                kind: read.kind,
                column,
                alternates: Vec::new(),
                left: Vec::new(),
            });
            return;
        };
        if numbers.number == read.number || numbers.alternates.contains(&read.number) {
            return;
        }
        if numbers.alternates.len() < ALTERNATES_MAX {
            numbers.alternates.push(read.number);
        } else {
            self.left.push(column);
        }
    }
}
