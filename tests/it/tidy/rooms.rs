//! Rooms by subject: no crowded folder, and no circle of modules.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::{collect, root};

/// The most entries of a folder of code; `x.rs` and `x/` are one.
const ENTRIES_MAX: usize = 12;

/// A module by its path below the crate; the crate's root is empty.
type Module = Vec<String>;

#[test]
fn no_folder_is_crowded() {
    let mut crowded = Vec::new();
    for crate_folder in crates() {
        let mut entries: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for module in modules(&crate_folder).into_keys() {
            for depth in 0..module.len() {
                let folder = module[..depth].join("/");
                entries
                    .entry(folder)
                    .or_default()
                    .insert(module[depth].clone());
            }
        }
        for (folder, entries) in entries {
            if entries.len() > ENTRIES_MAX {
                crowded.push(format!(
                    "{crate_folder}/src/{folder}: {} entries",
                    entries.len()
                ));
            }
        }
    }
    assert!(
        crowded.is_empty(),
        "a folder is a subject; give these folders of their own ({ENTRIES_MAX} entries at most):\n{}",
        crowded.join("\n")
    );
}

#[test]
fn no_modules_use_each_other_in_a_circle() {
    let mut circles = Vec::new();
    for crate_folder in crates() {
        let uses = uses(&modules(&crate_folder));
        for circle in find_circles(&uses) {
            let lines = circle.iter().map(|module| {
                let used = uses[module].iter().filter(|used| circle.contains(*used));
                let used: Vec<_> = used.map(shown).collect();
                format!("    {} uses {}", shown(module), used.join(", "))
            });
            let lines: Vec<_> = lines.collect();
            circles.push(format!("{crate_folder}:\n{}", lines.join("\n")));
        }
    }
    assert!(
        circles.is_empty(),
        "move what both sides need to a file below both (a child may use its parents):\n{}",
        circles.join("\n")
    );
}

#[test]
fn a_circle_is_found_through_groups_and_re_exports() {
    let module = |path: &str| path.split("::").map(str::to_owned).collect::<Module>();
    let sources = BTreeMap::from([
        (
            vec![],
            "mod a;\nmod b;\npub use a::{One, inner::Two};\n".to_owned(),
        ),
        (module("a"), "use crate::b::{self, Three};\n".to_owned()),
        (module("a::inner"), "use super::One;\n".to_owned()),
        (
            module("b"),
            "use crate::{\n    Two,\n};\nfn f() { crate::a::g() }\n#[cfg(test)]\nmod tests {\n}\n"
                .to_owned(),
        ),
    ]);
    let uses = uses(&sources);
    assert_eq!(
        uses[&module("b")],
        BTreeSet::from([module("a"), module("a::inner")])
    );
    assert_eq!(uses[&module("a::inner")], BTreeSet::new());
    let circles = find_circles(&uses);
    assert_eq!(circles, [BTreeSet::from([module("a"), module("b")])]);
}

/// Folders of crates, from the root: the product's, and the far side that is simulated.
fn crates() -> Vec<String> {
    let mut found = vec!["media-worker".to_owned(), "local".to_owned()];
    for group in ["shared", "functions"] {
        for entry in fs::read_dir(root().join(group)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            found.push(format!("{group}/{name}"));
        }
    }
    found.sort();
    found
}

/// The modules of a crate with their source, without tests.
fn modules(crate_folder: &str) -> BTreeMap<Module, String> {
    let source = root().join(crate_folder).join("src");
    let mut paths = Vec::new();
    collect(&source, ".rs", &mut paths);
    let mut found = BTreeMap::new();
    for path in paths {
        let module = module_of(path.strip_prefix(&source).unwrap());
        if module.iter().any(|part| part == "tests") || module == ["main"] {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let module = if module == ["lib"] { vec![] } else { module };
        found.insert(module, text);
    }
    found
}

fn module_of(file: &Path) -> Module {
    let parts = file.with_extension("");
    let parts = parts.iter().map(|part| part.to_string_lossy().into_owned());
    parts.collect()
}

/// Which modules each module names by a path, other than itself and those that it is within.
fn uses(sources: &BTreeMap<Module, String>) -> BTreeMap<Module, BTreeSet<Module>> {
    let told = |module: &Module| {
        let mut used = BTreeSet::new();
        for path in paths_in(&sources[module], module.is_empty()) {
            let Some(path) = from_root(&path, module, sources) else {
                continue;
            };
            let target = defined_in(&path, sources, true);
            if !module.starts_with(&target) {
                used.insert(target);
            }
        }
        used
    };
    sources
        .keys()
        .map(|module| (module.clone(), told(module)))
        .collect()
}

/// Every path that a module's code names. What the root hands out (`pub use`) is not its own use.
fn paths_in(text: &str, is_root: bool) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let text = without_tests(text);
    let mut rest = String::new();
    let mut statement: Option<String> = None;
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default().trim();
        let begins = |prefix: &str| line.starts_with(prefix) && line.contains("use ");
        if statement.is_none() && (line.starts_with("use ") || begins("pub")) {
            statement = Some(String::new());
        }
        match &mut statement {
            Some(told) => {
                told.push_str(line);
                told.push(' ');
            }
            None => {
                rest.push_str(line);
                rest.push('\n');
            }
        }
        if line.ends_with(';')
            && let Some(told) = statement.take()
        {
            let (head, tree) = told.split_once("use ").unwrap();
            if !(is_root && head.starts_with("pub")) {
                expand(&[], tree.trim().trim_end_matches(';'), &mut found);
            }
        }
    }
    let names = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    for path in rest.split(|letter| !names(letter)) {
        let parts: Vec<String> = path.split("::").map(str::to_owned).collect();
        if parts.len() > 1 && ["crate", "super", "self"].contains(&parts[0].as_str()) {
            found.push(parts);
        }
    }
    found
}

/// Adds each path of a use tree: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn expand(prefix: &[String], tree: &str, found: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    let (path, group) = match tree.split_once('{') {
        Some((path, group)) => (path, group.strip_suffix('}')),
        None => (tree.split(" as ").next().unwrap_or_default(), None),
    };
    let parts = path
        .split("::")
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let mut whole = prefix.to_vec();
    whole.extend(parts.map(str::to_owned));
    let Some(group) = group else {
        found.push(whole);
        return;
    };
    let mut depth = 0;
    for part in group.split(|letter| {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _other => {}
        }
        letter == ',' && depth == 0
    }) {
        if !part.trim().is_empty() {
            expand(&whole, part, found);
        }
    }
}

/// A path from the crate's root; nothing for one into another crate.
fn from_root(
    path: &[String],
    module: &Module,
    sources: &BTreeMap<Module, String>,
) -> Option<Module> {
    match path.first()?.as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([module, &path[1..]].concat()),
        "super" => {
            let ups = path.iter().take_while(|part| *part == "super").count();
            let above = module.len().checked_sub(ups)?;
            Some([&module[..above], &path[ups..]].concat())
        }
        first => {
            let child = [module.as_slice(), &[first.to_owned()]].concat();
            let is_child = sources.contains_key(&child);
            is_child.then(|| [module, path].concat())
        }
    }
}

/// The module that holds what a path names, followed through one re-export.
fn defined_in(path: &[String], sources: &BTreeMap<Module, String>, follow: bool) -> Module {
    let depth = (0..=path.len())
        .rev()
        .find(|depth| sources.contains_key(&path[..*depth]))
        .unwrap_or_default();
    let module = path[..depth].to_vec();
    let Some(name) = path.get(depth).filter(|_| follow) else {
        return module;
    };
    let handed_out = sources[&module].split(';').filter_map(|statement| {
        let (head, tree) = statement.rsplit_once("use ")?;
        head.trim_end().ends_with(['b', ')']).then_some(tree)
    });
    let mut paths = Vec::new();
    for tree in handed_out {
        expand(&[], &tree.replace('\n', " "), &mut paths);
    }
    let origin = paths.into_iter().find(|path| path.last() == Some(name));
    let origin = origin.and_then(|path| from_root(&path, &module, sources));
    origin.map_or(module, |path| defined_in(&path, sources, false))
}

fn without_tests(text: &str) -> &str {
    let marked = text.split_once("#[cfg(test)]\nmod tests {");
    marked.map_or(text, |(product, _tests)| product)
}

/// Groups of modules of which each reaches each.
fn find_circles(uses: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<BTreeSet<Module>> {
    let reached = |from: &Module| {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&Module> = uses[from].iter().collect();
        while let Some(module) = open.pop() {
            if seen.insert(module.clone()) {
                open.extend(&uses[module]);
            }
        }
        seen
    };
    let reaches: BTreeMap<&Module, BTreeSet<Module>> =
        uses.keys().map(|from| (from, reached(from))).collect();
    let circle = |module: &Module| {
        let back = |other: &&Module| reaches[*other].contains(module);
        reaches[module].iter().filter(back).cloned().collect()
    };
    let found: BTreeSet<BTreeSet<Module>> = uses.keys().map(circle).collect();
    found
        .into_iter()
        .filter(|circle| circle.len() > 1)
        .collect()
}

fn shown(module: &Module) -> String {
    if module.is_empty() {
        "lib".to_owned()
    } else {
        module.join("::")
    }
}
