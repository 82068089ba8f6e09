//! Rows: what a record says of a lead, or why it is no lead.

mod countries;
pub(crate) mod number;
mod numbers;
pub(crate) mod place;
pub(crate) mod reason;
pub(crate) mod regions;
pub(crate) mod value;

use model::{Consent, LeadPriority, PhoneNumber, VALUE_CHARS_MAX, Variables};
use serde::{Deserialize, Serialize};

use self::number::NumberKind;
use self::numbers::Numbers;
use self::place::Country;
use self::reason::Reason;
use self::regions::RegionSaid;
use self::value::SOURCE_CHARS_MAX;
use crate::column::{Target, letter};
use crate::file::reader::Position;
use crate::file::text::Cells;
use crate::layout::Layout;

/// A lead as a row of the list says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it begins; reading can begin again there.
    pub start: Position,
    /// The first number that can be called, in the order of the number columns.
    pub number: PhoneNumber,
    pub kind: NumberKind,
    /// The column that the number is in, from 0.
    pub column: usize,
    /// Its other numbers in the order of their columns, none twice, at most [`model::ALTERNATES_MAX`].
    pub alternates: Vec<PhoneNumber>,
    /// The lead's own zone, an IANA name.
    pub zone: Option<&'static str>,
    /// State or province in ISO 3166-2, `US-CA`, where rules go by it.
    pub region: Option<&'static str>,
    /// The row names a state of this country that nobody knows: what holds in any of its states holds.
    pub region_unreadable: Option<Country>,
    /// As the row writes it, where it may be one.
    pub postal_code: Option<String>,
    pub country: Option<Country>,
    pub priority: LeadPriority,
    /// Present when the row names a kind.
    pub consent: Option<Consent>,
    /// Columns that are not empty, by their variable's name. Among them is what stands in a number column
    /// and cannot be called.
    pub variables: Variables,
}

/// A row that is kept out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// The row as a spreadsheet shows it, from 1.
    pub row: u64,
    /// The column that the reason is in, from 0; absent: it is about the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    #[serde(flatten)]
    pub reason: Reason,
}

impl Reject {
    pub(crate) fn of_row(row: u64, reason: Reason) -> Self {
        Self {
            row,
            column: None,
            reason,
        }
    }

    /// One sentence with row and column, as people find them in their spreadsheet.
    #[must_use]
    pub fn sentence(&self, layout: &Layout) -> String {
        let what = self.reason.sentence();
        match self
            .column
            .and_then(|at| Some((at, layout.columns.get(at)?)))
        {
            Some((at, column)) => {
                let (row, at, header) = (self.row, letter(at), &column.header);
                format!("row {row}, column {at} ({header}): {what}")
            }
            None => format!("row {}: {what}", self.row),
        }
    }
}

/// A record of at most as many cells as the header has, as a lead.
pub(crate) fn read(cells: &Cells, layout: &Layout, start: Position) -> Result<Row, Reject> {
    let wrong = |column: usize, reason: Reason| Reject {
        row: start.row,
        column: Some(column),
        reason,
    };
    let mut country = None;
    let mut zone = None;
    let mut region_column = None;
    let mut postal_code = None;
    let mut priority = LeadPriority::default();
    let mut consent_kind = None;
    let mut consent_at = None;
    let mut consent_source = None;
    let mut variables = Variables::new();
    for (index, column) in layout.columns.iter().enumerate() {
        let cell = cells.get(index).trim();
        if cell.is_empty() {
            continue;
        }
        let known = match &column.target {
            Target::Number | Target::Alternate | Target::CallingCode | Target::Ignore => continue,
            Target::Zone => {
                zone = place::zone(cell);
                zone.map(|_| ()).ok_or(Reason::Zone)
            }
            Target::Region => {
                region_column = Some(index);
                Ok(())
            }
            Target::PostalCode => {
                postal_code = Some(cell).filter(|cell| value::is_postal_code(cell));
                Ok(())
            }
            Target::Country => {
                country = Country::named(cell);
                country.map(|_| ()).ok_or(Reason::Country)
            }
            Target::Priority => value::parse_priority(cell)
                .map(|found| priority = found)
                .ok_or(Reason::Priority),
            Target::ConsentKind => value::parse_consent(cell).map(|found| consent_kind = found),
            Target::ConsentAt => {
                consent_at = value::parse_time(cell);
                consent_at.map(|_| ()).ok_or(Reason::ConsentAt)
            }
            Target::ConsentSource => {
                consent_source = Some(cell);
                let fits = value::longest(cell, SOURCE_CHARS_MAX);
                fits.then_some(()).ok_or(Reason::ValueTooLong)
            }
            Target::Variable(_) => Ok(()),
        };
        known.map_err(|reason| wrong(index, reason))?;
        if let Target::Variable(_) | Target::Region | Target::PostalCode | Target::Country =
            column.target
        {
            if !value::longest(cell, VALUE_CHARS_MAX) {
                return Err(wrong(index, Reason::ValueTooLong));
            }
            variables.insert(column.variable.clone(), cell.to_owned());
        }
    }
    let Numbers {
        number,
        kind,
        column,
        alternates,
        left,
    } = numbers::read(cells, layout, country).map_err(|(column, reason)| wrong(column, reason))?;
    for index in left {
        let cell = cells.get(index).trim();
        if !value::longest(cell, VALUE_CHARS_MAX) {
            return Err(wrong(index, Reason::ValueTooLong));
        }
        if let Some(column) = layout.columns.get(index) {
            variables.insert(column.variable.clone(), cell.to_owned());
        }
    }
    let said = region_column.map(|column| {
        let cell = cells.get(column);
        regions::said(cell, country, layout.default_country, &number)
    });
    let (region, region_unreadable) = match said {
        Some(RegionSaid::Known(region)) => (Some(region), None),
        Some(RegionSaid::Unreadable(country)) => (None, Some(country)),
        Some(RegionSaid::Nothing) | None => (None, None),
    };
    let consent = consent_kind.map(|kind| Consent {
        kind,
        at: consent_at,
        source: consent_source.map(str::to_owned),
    });
    Ok(Row {
        start,
        number,
        kind,
        column,
        alternates,
        zone,
        region,
        region_unreadable,
        postal_code: postal_code.map(str::to_owned),
        country,
        priority,
        consent,
        variables,
    })
}
