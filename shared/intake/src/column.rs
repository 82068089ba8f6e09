//! Columns: what their cells are, and how a spreadsheet names them.

use serde::{Deserialize, Serialize};

/// The most columns of a list.
pub const COLUMNS_MAX: usize = 200;
/// The longest name of a column. A longer one is a sign of a wrong delimiter or a missing header. Names
/// are kept with the import: as many columns of such names still fit into one row of the table.
pub const HEADER_CHARS_MAX: usize = 100;

/// Columns of a reject file that are not the list's. An import leaves them out.
pub const REJECT_COLUMNS: [&str; 4] = [
    "trunkline_row",
    "trunkline_column",
    "trunkline_code",
    "trunkline_reason",
];
/// Room for their cells in a row that is as long as a row may be.
pub(crate) const REJECT_COLUMNS_BYTES_MAX: usize = 1024;

/// Whether a column is one of those that a reject file has besides the list's.
pub(crate) fn is_reject_column(header: &str) -> bool {
    let header = header.trim();
    REJECT_COLUMNS
        .iter()
        .any(|name| header.eq_ignore_ascii_case(name))
}

/// A column and what becomes of its cells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name in the file; `column_3` for one without.
    pub header: String,
    /// Its name as a variable.
    pub variable: String,
    pub target: Target,
    #[serde(default)]
    pub because: ColumnReason,
}

/// Why a column is taken for what it is: closed vocabulary, stable codes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ColumnReason {
    /// Whoever sends the list says so, in `columns`.
    Told,
    /// Its name is one that lists have for it.
    Name,
    /// Its name is one that lists have for something else, and its cells are something else.
    CellsUnlikeName,
    /// What stands in its cells.
    Cells,
    /// A reject file has it besides the list's own columns.
    RejectFile,
    /// Nothing else is known of it.
    #[default]
    Nothing,
}

impl ColumnReason {
    /// In words, of a column that is taken for this.
    #[must_use]
    pub fn sentence(self, target: &Target) -> String {
        let what = match target {
            Target::Number => "the phone number",
            Target::Alternate => "another phone number of the same person",
            Target::CallingCode => "the calling code of a number",
            Target::Zone => "the lead's time zone",
            Target::Region => "the state or province",
            Target::PostalCode => "the postal code",
            Target::Country => "the country",
            Target::Priority => "the priority",
            Target::ConsentKind => "the kind of consent",
            Target::ConsentAt => "when consent was given",
            Target::ConsentSource => "where consent was given",
            Target::Ignore => "nothing, and left out",
            Target::Variable(_) => "a variable",
        };
        let why = match self {
            Self::Told => "as `columns` says",
            Self::Name => "by its name",
            Self::CellsUnlikeName => "because its cells are not what its name says",
            Self::Cells => "by its cells",
            Self::RejectFile => "because reject files have it besides the list's own columns",
            Self::Nothing => "since its name and cells say nothing else",
        };
        format!("is taken for {what}, {why}")
    }
}

/// What the cells of a column are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = ColumnTarget))]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The phone number. Exactly one column has it.
    Number,
    /// Another phone number of the same person. Several columns may have it.
    Alternate,
    /// The calling code of a number that is written without, such as 44. Several columns may have it.
    CallingCode,
    /// The lead's own time zone, an IANA name.
    Zone,
    /// State or province. It is a variable as well, since people talk about places.
    Region,
    /// It is a variable as well.
    PostalCode,
    /// It is a variable as well, and the country of a number without a country code.
    Country,
    /// `high`, `normal` or `low`.
    Priority,
    /// `express` or `written`.
    ConsentKind,
    ConsentAt,
    ConsentSource,
    /// Left out.
    Ignore,
    /// A variable of this name.
    Variable(String),
}

impl Target {
    /// Whether more than one column may have it.
    pub(crate) const fn may_repeat(&self) -> bool {
        match self {
            Self::Alternate | Self::CallingCode | Self::Ignore => true,
            Self::Number
            | Self::Zone
            | Self::Region
            | Self::PostalCode
            | Self::Country
            | Self::Priority
            | Self::ConsentKind
            | Self::ConsentAt
            | Self::ConsentSource
            | Self::Variable(_) => false,
        }
    }

    /// As in the API, without a variable's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Alternate => "alternate",
            Self::CallingCode => "calling_code",
            Self::Zone => "zone",
            Self::Region => "region",
            Self::PostalCode => "postal_code",
            Self::Country => "country",
            Self::Priority => "priority",
            Self::ConsentKind => "consent_kind",
            Self::ConsentAt => "consent_at",
            Self::ConsentSource => "consent_source",
            Self::Ignore => "ignore",
            Self::Variable(_) => "variable",
        }
    }
}

/// A column as a spreadsheet names it: 0 is `A`, 26 is `AA`.
#[must_use]
pub fn letter(column: usize) -> String {
    let mut name = Vec::new();
    let mut rest = column + 1;
    while rest > 0 {
        let digit = u8::try_from((rest - 1) % 26).unwrap_or_default();
        name.push(char::from(b'A' + digit));
        rest = (rest - 1) / 26;
    }
    name.iter().rev().collect()
}
