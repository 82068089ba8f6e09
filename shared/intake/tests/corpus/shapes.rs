//! The corpus: every list in both halves gives the leads and rejects that stand beside it.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use intake::workbook;

use crate::expected::Expected;
use crate::reading::read_every_way;

/// Fewer lists than this in a half, and the test looks in the wrong place.
const LISTS_MIN: usize = 20;

#[test]
fn every_list_of_the_open_half_gives_its_leads() {
    check("open");
}

#[test]
fn every_list_of_the_sealed_half_gives_its_leads() {
    check("sealed");
}

/// Reads all lists before it fails, so that one run shows what is wrong with each.
#[track_caller]
fn check(half: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(half);
    let lists = lists(&folder);
    assert!(lists.len() >= LISTS_MIN, "{} lists in {half}", lists.len());
    let (mut wrong, mut leads) = (Vec::new(), 0);
    for (list, beside) in &lists {
        let text = fs::read_to_string(beside).unwrap();
        let expected: Expected = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", beside.display()));
        leads += expected.leads.len();
        let differences = differences(list, &expected);
        if !differences.is_empty() {
            let name = list.file_name().unwrap_or_default().display();
            let (about, all) = (&expected.about, differences.join("\n    "));
            wrong.push(format!("{half}/{name}: {about}\n    {all}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} lists with {leads} leads are not read as they should be:\n{}",
        wrong.len(),
        lists.len(),
        wrong.join("\n")
    );
}

fn differences(list: &Path, expected: &Expected) -> Vec<String> {
    let bytes = Bytes::from(fs::read(list).unwrap());
    if !workbook::is_workbook(&bytes) {
        return expected.differences(&read_every_way(&bytes, &expected.options));
    }
    let mut csv = Vec::new();
    let sheet = expected.options.sheet.as_deref();
    let read = workbook::to_csv(&bytes, sheet, &mut |piece| {
        csv.extend_from_slice(piece);
        ControlFlow::Continue(())
    });
    match read {
        Ok(_sheets) => {
            let options = workbook::csv_options(expected.options.clone());
            expected.differences(&read_every_way(&csv, &options))
        }
        Err(problem) => vec![format!("refused: {}: {problem}", problem.code())],
    }
}

/// Lists with their expectations, in order.
fn lists(folder: &Path) -> Vec<(PathBuf, PathBuf)> {
    let files = fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    let (beside, lists): (Vec<_>, Vec<_>) = files
        .into_iter()
        .partition(|file| file.extension().is_some_and(|ending| ending == "json"));
    let stems = |files: &[PathBuf]| {
        let stems = files.iter().map(|file| file.with_extension(""));
        stems.collect::<Vec<_>>()
    };
    assert_eq!(
        stems(&lists),
        stems(&beside),
        "a list or its expectations are missing"
    );
    lists.into_iter().zip(beside).collect()
}
