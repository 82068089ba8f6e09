//! What text refers to is there: pages of `docs` and their headings, and the promises of
//! `docs/promises.md`, each of which names the tests that hold it or says what is missing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{collect, root, shown};

const PROMISES: &str = "docs/promises.md";
/// How a part of a promise that nothing holds begins.
const NOT_HELD: &str = "**Not held yet:** ";
/// Where text that refers to something is.
const FOLDERS: [&str; 8] = [
    ".ci",
    "docs",
    "functions",
    "infra",
    "media-worker",
    "shared",
    "tests",
    "tools",
];
const ENDINGS: [&str; 6] = [".md", ".py", ".rs", ".sh", ".toml", ".yaml"];

/// Every file of text that refers to something, with its content.
fn texts() -> Vec<(PathBuf, String)> {
    let mut paths = Vec::new();
    for ending in ENDINGS {
        for folder in FOLDERS {
            collect(&root().join(folder), ending, &mut paths);
        }
        for entry in fs::read_dir(root()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() && path.to_string_lossy().ends_with(ending) {
                paths.push(path);
            }
        }
    }
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path, text)
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn every_reference_to_a_page_finds_it_and_its_heading() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (path, text) in texts() {
        for (number, line) in (1..).zip(text.lines()) {
            let from_root = pages(line).into_iter().map(|page| (root(), page));
            let from_here = links(&path, line)
                .into_iter()
                .map(|link| (path.parent().unwrap().to_path_buf(), link));
            for (folder, reference) in from_root.chain(from_here) {
                seen += 1;
                if let Some(problem) = missing(&folder, &path, &reference) {
                    wrong.push(format!("{}:{number}: {problem}", shown(&path)));
                }
            }
        }
    }
    assert!(seen > 60, "found only {seen} references");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_index_has_every_page() {
    let index = root().join("docs/README.md");
    let text = fs::read_to_string(&index).unwrap();
    let linked: BTreeSet<String> = text.lines().flat_map(|line| links(&index, line)).collect();
    let mut pages = 0;
    for folder in ["", "protocols/"] {
        for entry in fs::read_dir(root().join("docs").join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let page = format!("{folder}{name}");
            if name.ends_with(".md") && page != "README.md" {
                pages += 1;
                assert!(
                    linked.contains(&page),
                    "docs/README.md does not link {page}"
                );
            }
        }
    }
    assert!(pages >= 10, "found only {pages} pages");
}

/// Facts about a wire are in `docs/protocols`, which everybody can read.
#[test]
fn nothing_refers_to_pages_that_are_not_here() {
    // Put together here so that this file does not contain the words itself.
    let elsewhere = [
        ["shee", "t, section"],
        ["(shee", "t "],
        ["(shee", "t,"],
        ["(shee", "t)"],
        ["`proto", "cols/"],
    ];
    let mut wrong = Vec::new();
    for (path, text) in texts() {
        for (number, line) in (1..).zip(text.lines()) {
            if elsewhere
                .iter()
                .any(|halves| line.contains(&halves.concat()))
            {
                wrong.push(format!("{}:{number}: {}", shown(&path), line.trim()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "name a page and a heading, as in docs/protocols/deepgram.md#connecting:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn every_promise_names_tests_that_are_there_or_what_is_missing() {
    let mut wrong = Vec::new();
    let promises = promises();
    for (place, promise) in (1_u32..).zip(&promises) {
        if promise.number != place {
            wrong.push(format!("P{} stands where P{place} is due", promise.number));
        }
        if promise.tests.is_empty() && !promise.says_what_is_missing {
            wrong.push(format!(
                "P{place} names no test and does not say what is missing"
            ));
        }
        for (file, test) in &promise.tests {
            match fs::read_to_string(root().join(file)) {
                Err(problem) => wrong.push(format!("P{place}: {file}: {problem}")),
                Ok(code) if !has_test(&code, test) => {
                    wrong.push(format!("P{place}: {file} has no test {test}"));
                }
                Ok(_code) => {}
            }
        }
    }
    assert!(
        promises.len() >= 18,
        "found only {} promises",
        promises.len()
    );
    assert!(wrong.is_empty(), "{PROMISES}:\n{}", wrong.join("\n"));
}

#[test]
fn every_promise_that_is_named_is_one() {
    let known: BTreeSet<u32> = promises().iter().map(|promise| promise.number).collect();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (path, text) in texts() {
        for (number, line) in (1..).zip(text.lines()) {
            for named in named_promises(line) {
                seen += 1;
                if !known.contains(&named) {
                    wrong.push(format!("{}:{number}: P{named}", shown(&path)));
                }
            }
        }
    }
    assert!(seen > 40, "found only {seen}");
    assert!(
        wrong.is_empty(),
        "{PROMISES} has no such promise (a percentile is written p95):\n{}",
        wrong.join("\n")
    );
}

struct Promise {
    number: u32,
    /// File and name.
    tests: Vec<(String, String)>,
    says_what_is_missing: bool,
}

/// The promises in the order of the page. What an item of a list has in quotes is a file, and tests in it.
fn promises() -> Vec<Promise> {
    let text = fs::read_to_string(root().join(PROMISES)).unwrap();
    let mut promises: Vec<Promise> = Vec::new();
    let mut file = None;
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## P") {
            let digits = heading.split(':').next().unwrap();
            promises.push(Promise {
                number: digits.parse().unwrap(),
                tests: Vec::new(),
                says_what_is_missing: false,
            });
        }
        let Some(promise) = promises.last_mut() else {
            continue;
        };
        if let Some(missing) = line.strip_prefix(NOT_HELD) {
            promise.says_what_is_missing |= !missing.trim().is_empty();
        }
        let mut quoted = line.split('`').skip(1).step_by(2).map(str::to_owned);
        if line.starts_with("- ") {
            file = quoted.next();
        } else if !line.starts_with("  ") {
            file = None;
        }
        if let Some(file) = &file {
            promise
                .tests
                .extend(quoted.map(|test| (file.clone(), test)));
        }
    }
    promises
}

/// Whether the code has a test of this name.
fn has_test(code: &str, name: &str) -> bool {
    let head = format!("fn {name}(");
    let Some((before, _body)) = code.split_once(&head) else {
        return false;
    };
    let (above, _indent) = before.rsplit_once('\n').unwrap_or_default();
    let lines = above.lines().rev().map(str::trim);
    let attributes = lines.take_while(|line| line.starts_with("#[") || line.starts_with("///"));
    let attributes: Vec<&str> = attributes.collect();
    let has = |word: &str| attributes.iter().any(|line| line.contains(word));
    has("test]") || has("test(")
}

/// `P4` as a word of its own.
fn named_promises(line: &str) -> Vec<u32> {
    let words = line.split(|letter: char| !(letter.is_alphanumeric() || letter == '_'));
    let numbers = words.filter_map(|word| word.strip_prefix('P'));
    let short = numbers.filter(|digits| (1..=2).contains(&digits.len()));
    short.filter_map(|digits| digits.parse().ok()).collect()
}

/// References to pages as seen from the root: `docs/…/page.md#heading`.
fn pages(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (place, _) in line.match_indices("docs/") {
        let (before, rest) = line.split_at(place);
        // Part of an address or of another path.
        if before.ends_with(['/', '.', '-']) || before.ends_with(char::is_alphanumeric) {
            continue;
        }
        let path = |letter: char| letter.is_ascii_alphanumeric() || "/-_.#".contains(letter);
        let end = rest.find(|letter| !path(letter)).unwrap_or(rest.len());
        let reference = rest.split_at(end).0.trim_end_matches(['.', '#']);
        if reference.contains(".md") {
            found.push(reference.to_owned());
        }
    }
    found
}

/// Links of Markdown to other files, as seen from the page.
fn links(path: &Path, line: &str) -> Vec<String> {
    if path.extension().is_none_or(|extension| extension != "md") {
        return Vec::new();
    }
    let targets = line.split("](").skip(1);
    let targets = targets.filter_map(|rest| rest.split(')').next());
    let inner = targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:"));
    inner.map(str::to_owned).collect()
}

/// Why a reference leads nowhere.
fn missing(folder: &Path, page: &Path, reference: &str) -> Option<String> {
    let (file, heading) = reference.split_once('#').unwrap_or((reference, ""));
    let file = if file.is_empty() {
        page.to_path_buf()
    } else {
        folder.join(file)
    };
    if !file.exists() {
        return Some(format!("there is no {reference}"));
    }
    if heading.is_empty() {
        return None;
    }
    let text = fs::read_to_string(&file).unwrap();
    let known = headings(&text).any(|known| known == heading);
    (!known).then(|| format!("{} has no heading #{heading}", shown(&file)))
}

/// The anchors of a page's headings, as GitHub makes them.
fn headings(text: &str) -> impl Iterator<Item = String> {
    let titles = text.lines().filter_map(|line| {
        let title = line.trim_start_matches('#');
        (title.len() < line.len()).then(|| title.trim())
    });
    titles.map(|title| {
        let kept = title
            .chars()
            .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        kept.map(|letter| if letter == ' ' { '-' } else { letter })
            .flat_map(char::to_lowercase)
            .collect()
    })
}

#[test]
fn references_are_read_as_they_are_written() {
    let line =
        "see docs/logs.md, `docs/protocols/deepgram.md#close-codes`, https://x.example/docs/a.md.";
    assert_eq!(
        pages(line),
        ["docs/logs.md", "docs/protocols/deepgram.md#close-codes"]
    );
    let line = "[a](b.md#c) and [d](https://x.example)";
    assert_eq!(links(Path::new("e.md"), line), ["b.md#c"]);
    assert_eq!(links(Path::new("e.rs"), line), Vec::<String>::new());
    let anchors: Vec<_> = headings("# P1: never twice\ntext\n## Status callback").collect();
    assert_eq!(anchors, ["p1-never-twice", "status-callback"]);
    assert_eq!(
        named_promises("promises P2 and P4 (P11), p95, AP1, P100"),
        [2, 4, 11]
    );
    let code = "
#[test]
#[ignore = \"x\"]
fn one() {}

fn two() {}

    /// Indented.
    #[tokio::test(flavor = \"multi_thread\")]
    pub(super) async fn three() {}
";
    let tests = ["one", "two", "three", "four"].map(|name| has_test(code, name));
    assert_eq!(tests, [true, false, true, false]);
}
