//! Carriers' and vendors' own descriptions of their interfaces, reduced to what the tests use: files of
//! `tests/descriptions`, whose README says whose they are. `tools/describe.py` renews them.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

fn folder() -> PathBuf {
    crate::tidy::root().join("tests/descriptions")
}

/// Fails the test where there is none.
pub(crate) fn description(name: &str) -> Value {
    let file = folder().join(format!("{name}.json"));
    let text = fs::read(&file).unwrap_or_else(|problem| {
        panic!("{}: {problem}; tools/describe.py makes it", file.display())
    });
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn every_description_says_whose_it_is() {
    let readme = fs::read_to_string(folder().join("README.md")).unwrap();
    let mut seen = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let Some(name) = file.strip_suffix(".json") else {
            continue;
        };
        seen += 1;
        let info = &description(name)["info"];
        for member in ["x-source", "x-source-sha256", "x-changes"] {
            assert!(info[member].is_string(), "{file} has no {member}");
        }
        let row = readme
            .lines()
            .find(|line| line.starts_with(&format!("| `{file}` |")));
        let row = row.unwrap_or_else(|| panic!("the README has no row for {file}"));
        match info["license"]["name"].as_str().unwrap() {
            "MIT" => {
                let notice = format!("LICENSE.{name}");
                let text = fs::read_to_string(folder().join(&notice)).unwrap();
                assert!(text.contains("Copyright"), "{notice} names nobody");
                assert!(row.contains(&format!("`{notice}`")), "{row}");
            }
            _other => {
                let address = info["license"]["url"].as_str().unwrap();
                assert!(row.contains(address), "{row}");
            }
        }
    }
    assert!(seen >= 4, "only {seen} descriptions");
}
