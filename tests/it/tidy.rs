//! Conventions that a machine can check, with the reason in the message: dependency arrows, module
//! docs, clippy files, settings and README, references to documents and promises, vendors by name.

mod api;
mod carriers;
mod layers;
mod logs;
mod metrics;
mod references;
mod rooms;
mod sources;
mod vendors;
mod words;

pub(crate) use logs::is_of_the_schema;

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

/// Every file below the crate folders whose name ends in `ending`.
fn files(ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["shared", "functions", "media-worker", "local", "tests"] {
        collect(&root().join(folder), ending, &mut found);
    }
    found.sort();
    assert!(
        !found.is_empty(),
        "no {ending} files: the test looks in the wrong place"
    );
    found
}

pub(crate) fn collect(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path
                .file_name()
                .is_none_or(|name| name != "target" && name != "node_modules")
            {
                collect(&path, ending, found);
            }
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}
