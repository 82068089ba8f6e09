//! How a column writes its numbers, as far as its first rows show it.

use serde::{Deserialize, Serialize};

/// One cell in so many may be written otherwise than its column.
const ODD_ONE_IN: u32 = 10;
/// Fewer cells are not yet a habit that a longer reading could be taken for.
const HABIT_CELLS_MIN: u32 = 5;

/// How many cells of a column's beginning could only be read in one way, by which. Cells that could be
/// read in several ways, and those that are no numbers, say nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NumberHabit {
    /// Written with a plus or an international prefix.
    pub plus: u32,
    /// Without either, and only possible with the calling code of their country in front.
    pub coded: u32,
    /// Without either, and only possible with the calling code of another country in front.
    pub foreign: u32,
    /// Only possible without a code, and without the zero (or whatever it is) that is dialled before a
    /// national number.
    pub plain: u32,
    /// With that zero.
    pub trunk: u32,
}

/// What a cell says of its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CellHabit {
    Plus,
    Coded,
    Foreign,
    Plain,
    Trunk,
}

impl NumberHabit {
    pub(crate) fn count(&mut self, cell: CellHabit) {
        let count = match cell {
            CellHabit::Plus => &mut self.plus,
            CellHabit::Coded => &mut self.coded,
            CellHabit::Foreign => &mut self.foreign,
            CellHabit::Plain => &mut self.plain,
            CellHabit::Trunk => &mut self.trunk,
        };
        *count = count.saturating_add(1);
    }

    /// A number that begins with its country's code begins with a code: the others have one too, or have
    /// the zero that this one would have if it were national.
    pub(super) fn says_coded(&self) -> bool {
        self.rules(self.carrying().saturating_add(self.trunk))
    }

    /// The same from cells that lost their plus, or never had a code, alone. A number that begins with
    /// its country's code and is none with it has lost a digit, rather than being a national one.
    pub(super) fn says_coded_without_plus(&self) -> bool {
        self.rules(self.coded.saturating_add(self.trunk))
    }

    /// The column has its codes, and lost the plus before them: so may a number of another country.
    pub(super) fn says_without_plus(&self) -> bool {
        self.coded >= 2 && self.rules(self.coded)
    }

    /// Numbers of other countries have their codes here. No cell bears witness for itself alone.
    pub(super) fn says_foreign(&self) -> bool {
        self.carrying() >= 2 && self.rules(self.carrying())
    }

    /// Ten digits may be a number at home and one abroad: here they may be the latter.
    pub(super) fn has_foreign(&self) -> bool {
        self.foreign >= 2 && self.rules(self.carrying())
    }

    /// Nobody here has a code.
    pub(super) const fn says_plain(&self) -> bool {
        self.carrying() == 0 && self.trunk == 0 && self.plain >= HABIT_CELLS_MIN
    }

    const fn carrying(&self) -> u32 {
        self.plus
            .saturating_add(self.coded)
            .saturating_add(self.foreign)
    }

    const fn rules(&self, cells: u32) -> bool {
        cells > 0 && self.plain.saturating_mul(ODD_ONE_IN) <= cells
    }
}
