//! `docs/templates.md` describes the templates that are read: its example, its fields and its codes.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tasker_template::{code, compatibility, json_schema, parse};

/// The page, in the source tree unless the build system says otherwise.
fn page() -> String {
    let path = std::env::var_os("TEMPLATES_PAGE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/templates.md"),
        PathBuf::from,
    );
    fs::read_to_string(path).expect("the page can be read")
}

/// The cells of each row of a page's tables whose first is code, without the quotes of the first two.
fn rows(page: &str) -> Vec<(&str, &str)> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| {
        let mut cells = row.split(" | ");
        Some((
            cells.next()?.trim_end_matches('`'),
            cells.next()?.trim_matches('`'),
        ))
    })
    .collect()
}

#[test]
fn its_examples_are_valid() {
    let page = page();
    let examples: Vec<&str> = page.split("```yaml\n").skip(1).collect();
    assert_eq!(examples.len(), 2);
    for example in examples {
        let (example, _) = example.split_once("```").expect("it ends");
        let document = parse(example, "docs/templates.md").unwrap_or_else(|it| panic!("{it}"));
        assert!(document.merged("test").is_ok());
        assert!(!document.canonical_json().contains("x-"));
    }
}

#[test]
fn every_field_is_there_with_its_default() {
    let page = page();
    let rows = rows(&page);
    let schema: Value = serde_json::from_str(&json_schema()).expect("JSON");
    let definitions = schema["$defs"].as_object().expect("definitions");
    let whole = definitions
        .iter()
        .filter(|(name, _)| !name.ends_with("_change"));
    let mut checked = 0;
    for shape in whole.map(|(_, shape)| shape).chain([&schema]) {
        for (name, field) in shape["properties"].as_object().expect("fields") {
            checked += 1;
            assert!(page.contains(&format!("`{name}`")), "{name} is missing");
            let default = match &field["default"] {
                Value::Null => continue,
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            // Tags stand within the row of their metadata, and the other name of a field in that field's.
            if name != "tags" && name != "depends_on" {
                assert!(
                    rows.contains(&(name, &default)),
                    "{name} has the default {default}"
                );
            }
        }
    }
    assert!(checked > 30, "{checked}");
}

#[test]
fn every_code_has_a_sentence_and_there_are_no_others() {
    let page = page();
    let (_, problems) = page.split_once("\n## Problems\n").expect("a section");
    let codes: Vec<&str> = rows(problems).into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, code::ALL);
}

#[test]
fn every_kind_of_change_has_its_row_and_there_are_no_others() {
    let page = page();
    let (_, rest) = page
        .split_once("\n### Codes of changes\n")
        .expect("a section");
    let (table, _) = rest.split_once("\n## ").expect("another section");
    let rows: Vec<&str> = table.lines().filter(|it| it.starts_with("| `")).collect();
    let expected = compatibility::ALL.iter().map(|kind| {
        let compatibility::Kind {
            code,
            severity,
            affects,
            meaning,
            ..
        } = kind;
        format!("| `{code}` | {severity} | {affects} | {meaning} |")
    });
    assert_eq!(rows, expected.collect::<Vec<_>>());
}
