//! Every cell of a list is accounted for: it is the lead's number or an alternate, a variable, a meaning, left out because
//! somebody said so, or in a row that is rejected.

use std::collections::BTreeSet;

use intake::{Delimiter, Encoding, Layout, Options, Row, letter};
use proptest::prelude::*;

use crate::reading::{Read, Reading, read, read_every_way};

/// Digits at the end of a number that its cell shows however it is written.
const LAST_DIGITS: usize = 6;
const CALLING_CODE_DIGITS_MAX: usize = 3;

/// Cells of a lead's row of which nothing became anything, a sentence each.
pub(crate) fn unaccounted(row: &Row, cells: &[String], layout: Option<&Layout>) -> Vec<String> {
    let mut lost = Vec::new();
    for (index, cell) in cells.iter().enumerate() {
        let cell = cell.trim();
        if cell.is_empty() || kept(row, cell) {
            continue;
        }
        let column = layout.and_then(|layout| layout.columns.get(index));
        let has_meaning = column.is_some_and(|column| match column.target.name() {
            "zone" => row.zone.is_some(),
            "consent_at" | "consent_source" => true,
            "consent_kind" => row.consent.is_some() || matches!(cell, "none" | "no"),
            "priority" | "ignore" => true,
            _variables_and_numbers => false,
        });
        if !has_meaning {
            lost.push(format!(
                "what is in column {} became nothing: {cell:?}",
                letter(index)
            ));
        }
    }
    lost
}

/// Whether a cell is a variable, one of the numbers, or the calling code of one.
fn kept(row: &Row, cell: &str) -> bool {
    let digits: String = cell.chars().filter_map(digit).collect();
    let code = digits.trim_start_matches('0');
    let only_code = !code.is_empty()
        && code.len() <= CALLING_CODE_DIGITS_MAX
        && cell
            .chars()
            .all(|char| digit(char).is_some() || "+() ".contains(char));
    let mut numbers = std::iter::once(&row.number).chain(&row.alternates);
    row.variables.values().any(|value| value == cell)
        || numbers.any(|number| {
            let number = number.as_str().trim_start_matches('+');
            let last = number.get(number.len().saturating_sub(LAST_DIGITS)..);
            last.is_some_and(|last| digits.contains(last))
                || (only_code && number.starts_with(code))
        })
}

/// A digit, of full width as Japan writes it too.
fn digit(char: char) -> Option<char> {
    let narrow = match char {
        '\u{ff10}'..='\u{ff19}' => char::from_u32(u32::from(char) - 0xff10 + u32::from('0'))?,
        _other => char,
    };
    narrow.is_ascii_digit().then_some(narrow)
}

/// A column of a made-up list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Phone,
    Text,
}

/// A number, and how somebody wrote it.
#[derive(Debug, Clone)]
struct Spelled {
    /// Absent: nobody can be called there.
    number: Option<String>,
    cell: String,
}

#[derive(Debug, Clone)]
enum Cell {
    Phone(Spelled),
    Text(String),
    Empty,
}

impl Cell {
    fn text(&self) -> &str {
        match self {
            Self::Phone(phone) => &phone.cell,
            Self::Text(text) => text,
            Self::Empty => "",
        }
    }

    fn number(&self) -> Option<&str> {
        match self {
            Self::Phone(phone) => phone.number.as_deref(),
            Self::Text(_) | Self::Empty => None,
        }
    }
}

/// A list, and what is in it.
#[derive(Debug, Clone)]
struct List {
    bytes: Vec<u8>,
    encoding: Option<Encoding>,
    /// With the row that the spreadsheet program shows.
    rows: Vec<(u64, Vec<Cell>)>,
}

impl List {
    fn read_every_way(&self) -> Reading {
        read_every_way(&self.bytes, &self.options())
    }

    fn options(&self) -> Options {
        Options {
            encoding: self.encoding,
            default_country: "US".parse().ok(),
            ..Options::default()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_cell_of_any_list_is_accounted_for(list in lists()) {
        accounts_for(&list)?;
    }
}

#[test]
fn a_cell_that_became_nothing_is_found() {
    let options = Options::default();
    let reading = read(b"phone,name\n+14155552671,Anna\n", &options, 100);
    let (lead, layout) = (reading.entries[0].lead().unwrap(), reading.layout.as_ref());
    let cells = |cells: [&str; 2]| cells.map(str::to_owned);
    let found = |cells: &[String]| unaccounted(lead, cells, layout);
    assert!(found(&cells(["+1 (415) 555-2671", "Anna"])).is_empty());
    assert_eq!(found(&cells(["+14155552671", "Bob"])).len(), 1);
    assert_eq!(found(&cells(["+14155559999", "Anna"])).len(), 1);
}

fn accounts_for(list: &List) -> Result<(), TestCaseError> {
    let reading = list.read_every_way();
    let rows: Vec<_> = list
        .rows
        .iter()
        .filter(|(_, cells)| has_text(cells))
        .collect();
    if rows.is_empty() {
        let code = reading.problem.map(|problem| problem.code());
        prop_assert_eq!(code, Some("file_without_rows"));
        return Ok(());
    }
    prop_assert_eq!(&reading.problem, &None);
    let found: Vec<_> = reading.entries.iter().map(Read::row).collect();
    let expected: Vec<_> = rows.iter().map(|(row, _)| *row).collect();
    prop_assert_eq!(found, expected, "a row is lost, made of nothing, or twice");
    let mut called = BTreeSet::new();
    for (read, (row, cells)) in reading.entries.iter().zip(rows) {
        let usable = usable(cells);
        let Some(lead) = read.lead() else {
            let again = usable
                .first()
                .is_some_and(|number| called.contains(*number));
            prop_assert!(
                usable.is_empty() || again,
                "row {row} has {usable:?} and is rejected: {:?}",
                read.entry
            );
            continue;
        };
        let alternates = lead.alternates.iter().map(|number| number.as_str());
        let numbers: Vec<_> = std::iter::once(lead.number.as_str())
            .chain(alternates)
            .collect();
        prop_assert_eq!(
            numbers,
            &usable[..],
            "row {}: not the numbers that were written",
            row
        );
        called.insert(usable[0]);
        let written: Vec<_> = cells.iter().map(|cell| cell.text().to_owned()).collect();
        let lost = unaccounted(lead, &written, reading.layout.as_ref());
        prop_assert!(lost.is_empty(), "row {}: {:?}", row, lost);
    }
    Ok(())
}

fn has_text(cells: &[Cell]) -> bool {
    cells.iter().any(|cell| !cell.text().trim().is_empty())
}

/// Numbers of a row in column order, none twice.
fn usable(cells: &[Cell]) -> Vec<&str> {
    let mut numbers = Vec::new();
    for number in cells.iter().filter_map(Cell::number) {
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    numbers
}

/// Lists that are written correctly, however oddly: any delimiter, any quotes, any encoding, short rows.
fn lists() -> impl Strategy<Value = List> {
    let header = prop_oneof![
        Just(vec![("Phone", Kind::Phone), ("Name", Kind::Text)]),
        Just(vec![
            ("Name", Kind::Text),
            ("Phone", Kind::Phone),
            ("Note", Kind::Text)
        ]),
        Just(vec![
            ("Note", Kind::Text),
            ("Mobile Phone", Kind::Phone),
            ("Home Phone", Kind::Phone),
            ("Last remark", Kind::Text)
        ]),
    ];
    let form = (
        prop::sample::select(vec![
            Delimiter::Comma,
            Delimiter::Semicolon,
            Delimiter::Tab,
            Delimiter::Pipe,
        ]),
        prop::sample::select(vec!["\n", "\r\n", "\r"]),
        any::<bool>(),
        0..5_u8,
    );
    let rows = header.prop_flat_map(|header| {
        let row = row(&header);
        (Just(header), prop::collection::vec(row, 1..10))
    });
    (rows, form).prop_map(|((header, rows), (delimiter, end, all_quoted, encoding))| {
        let separator = match delimiter {
            Delimiter::Comma => ",",
            Delimiter::Semicolon => ";",
            Delimiter::Tab => "\t",
            Delimiter::Pipe => "|",
        };
        let record = |cells: &mut dyn Iterator<Item = &str>| {
            let cells: Vec<_> = cells
                .map(|cell| quoted(cell, separator, all_quoted))
                .collect();
            format!("{}{end}", cells.join(separator))
        };
        let mut text = record(&mut header.iter().map(|(name, _)| *name));
        for cells in &rows {
            text.push_str(&record(&mut cells.iter().map(Cell::text)));
        }
        let (bytes, encoding) = encoded(&text, encoding);
        List {
            bytes,
            encoding,
            rows: (2..).zip(rows).collect(),
        }
    })
}

/// One cell a column; in some rows the last ones are left out, in some an empty one follows.
fn row(header: &[(&'static str, Kind)]) -> impl Strategy<Value = Vec<Cell>> + use<> {
    let cells: Vec<_> = header.iter().map(|(_, kind)| cell(*kind)).collect();
    let columns = header.len();
    (
        cells,
        prop_oneof![4 => Just(columns), 1 => 1..=columns, 1 => Just(columns + 1)],
    )
        .prop_map(|(mut cells, length)| {
            cells.resize(length, Cell::Empty);
            cells
        })
}

fn cell(kind: Kind) -> BoxedStrategy<Cell> {
    match kind {
        Kind::Phone => {
            prop_oneof![8 => phone().prop_map(Cell::Phone), 1 => Just(Cell::Empty)].boxed()
        }
        // No digits: what could be a number belongs to the columns of numbers.
        Kind::Text => prop_oneof![
            4 => "[A-Za-zé]{1,8}( [A-Za-zñ]{1,8}){0,2}",
            2 => "[a-z ,;|\t\"'=\r\n@é-]{0,12}",
        ]
        .prop_map(Cell::Text)
        .boxed(),
    }
}

/// Numbers that few have, so that some come twice, as people and programs write them.
fn phone() -> impl Strategy<Value = Spelled> {
    let us = (
        prop::sample::select(vec![212, 415, 617]),
        100..130_u32,
        0..10_u8,
    )
        .prop_map(|(area, last, way)| {
            let cell = match way {
                0 => format!("+1{area}555{last:04}"),
                1 => format!("({area}) 555-{last:04}"),
                2 => format!("{area}.555.{last:04}"),
                3 => format!("1-{area}-555-{last:04}"),
                4 => format!("'+1{area}555{last:04}"),
                5 => format!("=\"+1{area}555{last:04}\""),
                6 => format!("tel:+1-{area}-555-{last:04}"),
                7 => format!("1{area}555{last:04}.0"),
                8 => format!("+1 {area} 555 {last:04}"),
                _nine => format!("{area} 555 {last:04}"),
            };
            let number = Some(format!("+1{area}555{last:04}"));
            Spelled { number, cell }
        });
    let uk = (0..30_u32, 0..4_u8).prop_map(|(last, way)| {
        let cell = match way {
            0 => format!("+44 (0)20 7946 {last:04}"),
            1 => format!("0044 20 7946 {last:04}"),
            2 => format!("011 44 20 7946 {last:04}"),
            _three => format!("+44-20-7946-{last:04}"),
        };
        let number = Some(format!("+44207946{last:04}"));
        Spelled { number, cell }
    });
    let none = prop::sample::select(vec!["call me", "911", "n/a", "+1 900 555 1234", "-", "0"]);
    let none = none.prop_map(|cell| Spelled {
        number: None,
        cell: cell.to_owned(),
    });
    prop_oneof![6 => us, 2 => uk, 1 => none]
}

fn quoted(cell: &str, separator: &str, always: bool) -> String {
    let needs = cell.contains(['"', '\r', '\n']) || cell.contains(separator);
    if always || needs {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

/// What says its encoding itself is found out; Windows-1252 is told, since a few letters can be of any.
fn encoded(text: &str, encoding: u8) -> (Vec<u8>, Option<Encoding>) {
    let units = text.encode_utf16();
    match encoding {
        0 => (text.as_bytes().to_vec(), None),
        1 => (format!("\u{feff}{text}").into_bytes(), None),
        2 => {
            let little = std::iter::once(0xFEFF)
                .chain(units)
                .flat_map(u16::to_le_bytes);
            (little.collect(), None)
        }
        3 => {
            let big = std::iter::once(0xFEFF)
                .chain(units)
                .flat_map(u16::to_be_bytes);
            (big.collect(), None)
        }
        _four => {
            let (bytes, ..) = encoding_rs::WINDOWS_1252.encode(text);
            (bytes.into_owned(), Some(Encoding::Windows1252))
        }
    }
}
