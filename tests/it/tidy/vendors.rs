//! A vendor is a folder and a row: product code elsewhere names none.

use std::fs;

use providers::vendors::VENDORS;

use super::{files, shown};

/// The table, vendors' settings and the far side name vendors; tests and measurements may.
const NAMED_IN: &[&str] = &[
    "shared/providers/src/vendors.rs",
    "shared/settings/",
    "shared/sim/",
    "tests/",
];

#[test]
fn no_vendor_is_named_outside_its_folder_and_the_table() {
    let mut found = Vec::new();
    for path in files(".rs") {
        let name = shown(&path);
        if NAMED_IN.iter().any(|place| name.starts_with(place)) || is_of_tests(&name) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for (line, vendor) in named(&name, &text) {
            found.push(format!("{name}:{line} names {vendor}"));
        }
    }
    assert!(
        found.is_empty(),
        "read what you need from the table in shared/providers/src/vendors.rs:\n{}",
        found.join("\n")
    );
}

#[test]
fn a_name_is_found_wherever_it_is_not_at_home() {
    let client = "//! Deepgram's socket.\n";
    let home = "shared/providers/src/stt/deepgram/client.rs";
    assert_eq!(named(home, client), []);
    assert_eq!(named("shared/providers/src/stt/deepgram.rs", client), []);
    let away = "shared/providers/src/tts/elevenlabs/client.rs";
    assert_eq!(named(away, client), [(1, "deepgram")]);
    let door = "pub mod deepgram;\nmod replay;\n";
    assert_eq!(named("shared/providers/src/stt.rs", door), []);
    let code = "let key = \"OPENAI_API_KEY\";\nOverHttp::new(&all.elevenlabs);\n";
    let expected = [(1, "openai"), (2, "elevenlabs")];
    assert_eq!(named("media-worker/src/session.rs", code), expected);
    let tested = "fn f() {}\n\n#[cfg(test)]\nmod tests {\n    // deepgram\n}\n";
    assert_eq!(named("shared/doctor/src/mend.rs", tested), []);
}

/// Lines that name a vendor, but for its own folder, the folder's door, and tests at the end of a file.
fn named(path: &str, text: &str) -> Vec<(usize, &'static str)> {
    let code = text.split("\n#[cfg(test)]\nmod tests").next();
    let mut found = Vec::new();
    for (number, line) in code.unwrap_or_default().lines().enumerate() {
        for vendor in &VENDORS {
            let is_at_home = path.contains(&format!("/{}/", vendor.name))
                || path.ends_with(&format!("/{}.rs", vendor.name));
            let is_door = line.trim_start_matches("pub ") == format!("mod {};", vendor.name);
            if line.to_lowercase().contains(vendor.name) && !is_at_home && !is_door {
                found.push((number + 1, vendor.name));
            }
        }
    }
    found
}

fn is_of_tests(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs") || path.ends_with("/testing.rs")
}
