//! Fifty countries, fifteen ways to write a number: whatever is taken is the number that was written.
//!
//! `shared/intake/corpus/spellings.tsv` comes from `tools/spellings.py`, which asks a libphonenumber by other hands.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use intake::{Entry, Options};

use crate::reading::read;

/// Of spellings that the other library reads as the number that was written, so many of a thousand are taken at least.
const TAKEN_PER_MILLE_MIN: usize = 970;
/// Of all spellings in a column of their own kind.
const TAKEN_OF_ALL_PER_MILLE_MIN: usize = 850;

/// A line of the table.
#[derive(Debug, Clone)]
struct Spelling {
    default_country: String,
    kind: String,
    cell: String,
    /// What the other library reads; absent: no number.
    other: Option<String>,
    /// What was written.
    number: String,
}

#[test]
fn no_spelling_becomes_another_number() {
    let spellings = spellings();
    let mut columns: BTreeMap<(&str, &str), Vec<&Spelling>> = BTreeMap::new();
    for spelling in &spellings {
        let column = (spelling.default_country.as_str(), spelling.kind.as_str());
        columns.entry(column).or_default().push(spelling);
    }
    let (mut others, mut taken, mut agreed, mut agreed_taken) = (Vec::new(), 0, 0, 0);
    let mut refused: BTreeMap<&str, usize> = BTreeMap::new();
    for column in columns.values() {
        let found = numbers(column);
        for (spelling, found) in column.iter().zip(found) {
            let agrees = spelling.other.as_ref() == Some(&spelling.number);
            agreed += usize::from(agrees);
            taken += usize::from(found.is_some());
            agreed_taken += usize::from(agrees && found.is_some());
            if found.is_none() {
                *refused.entry(&spelling.kind).or_default() += 1;
            }
            others.extend(another(spelling, found, "in a column"));
        }
    }
    for spelling in &spellings {
        let found = numbers(&[spelling]).into_iter().next().flatten();
        others.extend(another(spelling, found, "alone"));
    }
    assert!(
        others.is_empty(),
        "{} became others:\n{}",
        others.len(),
        others.join("\n")
    );
    let share = |part: usize, whole: usize| part * 1_000 / whole;
    assert!(
        share(agreed_taken, agreed) >= TAKEN_PER_MILLE_MIN
            && share(taken, spellings.len()) >= TAKEN_OF_ALL_PER_MILLE_MIN,
        "taken are {agreed_taken} of {agreed} that the other library reads, {taken} of {}; refused by kind: {refused:?}",
        spellings.len()
    );
}

#[test]
fn the_table_has_fifty_countries_and_fifteen_kinds() {
    let spellings = spellings();
    let kinds: BTreeSet<_> = spellings.iter().map(|spelling| &spelling.kind).collect();
    // Those that are dialled from the United States stand in a column of theirs.
    let countries: BTreeSet<_> = spellings
        .iter()
        .filter(|spelling| spelling.kind != "us_011")
        .map(|spelling| &spelling.default_country)
        .collect();
    assert_eq!(
        (countries.len(), kinds.len()),
        (50, 15),
        "{countries:?} {kinds:?}"
    );
}

fn another(spelling: &Spelling, found: Option<String>, how: &str) -> Option<String> {
    let found = found.filter(|found| *found != spelling.number)?;
    let Spelling {
        default_country,
        kind,
        cell,
        number,
        ..
    } = spelling;
    Some(format!(
        "{default_country} {kind} {how}: {cell} is {number} and became {found}"
    ))
}

/// What each cell of a column becomes; nothing for one that is kept out.
fn numbers(column: &[&Spelling]) -> Vec<Option<String>> {
    let mut list = "name,phone\n".to_owned();
    for (index, spelling) in column.iter().enumerate() {
        let cell = spelling.cell.replace('"', "\"\"");
        list.push_str(&format!("person {index},\"{cell}\"\n"));
    }
    let options = Options {
        default_country: column
            .first()
            .and_then(|spelling| spelling.default_country.parse().ok()),
        ..Options::default()
    };
    let reading = read(list.as_bytes(), &options, list.len());
    let mut found = vec![None; column.len()];
    for read in &reading.entries {
        let index = usize::try_from(read.row()).unwrap() - 2;
        match &read.entry {
            Entry::Row(row) => found[index] = Some(row.number.as_str().to_owned()),
            Entry::Rejected(_) | Entry::NeedsInput | Entry::End => {}
        }
    }
    found
}

fn spellings() -> Vec<Spelling> {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/spellings.tsv");
    let text = fs::read_to_string(table).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    lines
        .map(|line| {
            let cells: Vec<_> = line.split('\t').map(str::to_owned).collect();
            let [default_country, kind, cell, other, number] =
                <[String; 5]>::try_from(cells).unwrap();
            Spelling {
                default_country,
                kind,
                cell,
                other: Some(other).filter(|other| other != "-"),
                number,
            }
        })
        .collect()
}
