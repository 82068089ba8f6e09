//! The API is told once: a route's path, method and documentation are its handler's, its permission is its
//! row's, and nothing else knows them.

use std::fs;

use super::{collect, root, shown};

const FOLDER: &str = "functions/api/src";
/// What a handler is described by, and what makes a route of it.
const DESCRIBED: &str = "#[utoipa::path(";
const MADE: &str = ".route(";

#[test]
fn a_route_is_told_once() {
    let mut described = 0;
    for (path, text) in sources() {
        let handlers = text.matches(DESCRIBED).count();
        let rows = text.matches("routes!(").count();
        described += handlers;
        if handlers > 0 {
            let at = path.starts_with("functions/api/src/routes/");
            assert!(
                at,
                "{path}: handlers are in `routes`, a file for each subject"
            );
            let open = text.matches(".open(routes!(").count();
            let may = text.matches("Permission").count();
            assert!(
                rows == open || may > 0,
                "{path}: a row names the permission that it needs"
            );
        }
        let router = path.ends_with("/http/registry.rs");
        let made = text.split("#[cfg(test)]").next().unwrap().contains(MADE);
        assert!(
            router || !made,
            "{path}: a route is a row, `http::registry` makes it"
        );
    }
    let document = api::document();
    let paths = document["paths"].as_object().unwrap().values();
    let operations: usize = paths.map(|item| item.as_object().unwrap().len()).sum();
    assert_eq!(
        described, operations,
        "a handler is described and is no row, or the other way round"
    );
}

#[test]
fn what_is_answered_has_a_type() {
    for (path, text) in sources() {
        let product = text.split("#[cfg(test)]").next().unwrap();
        let answers = path.contains("/routes");
        assert!(
            !answers || !product.contains("json!("),
            "{path}: a body that no type has is described by nothing"
        );
    }
}

fn sources() -> Vec<(String, String)> {
    let mut files = Vec::new();
    collect(&root().join(FOLDER), ".rs", &mut files);
    assert!(!files.is_empty(), "{FOLDER} has moved");
    files
        .iter()
        .map(|path| (shown(path), fs::read_to_string(path).unwrap()))
        .collect()
}
