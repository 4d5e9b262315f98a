//! The changed templates of `fixtures/template_changes`, and documents for tests of changes.

// Each test uses a part.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};

use tasker_template::compatibility::{Change, compare};
use tasker_template::{Document, parse};

/// An old and a new template, and what is told of the change.
pub struct Case {
    pub path: PathBuf,
    pub old: String,
    pub new: String,
    pub expected: String,
}

impl Case {
    pub fn changes(&self) -> Vec<Change> {
        let (old, new) = (
            document(&self.old, "old.yaml"),
            document(&self.new, "new.yaml"),
        );
        compare(&old, &new).expect("comparable")
    }
}

/// Every case, by the names of the files.
pub fn cases() -> Vec<Case> {
    let folder = std::env::var_os("TEMPLATE_CHANGES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/template_changes"),
        PathBuf::from,
    );
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let mut paths: Vec<PathBuf> = entries.map(|it| it.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|it| it == "txt"));
    paths.sort();
    paths.into_iter().map(read).collect()
}

fn read(path: PathBuf) -> Case {
    let text = fs::read_to_string(&path).expect("the file can be read");
    let rest = text.strip_prefix("=== old\n").expect("an old template");
    let (old, rest) = rest.split_once("=== new\n").expect("a new template");
    let (new, expected) = rest.split_once("=== changes\n").expect("changes");
    Case {
        old: old.to_owned(),
        new: new.to_owned(),
        expected: expected.to_owned(),
        path,
    }
}

pub fn document(text: &str, file: &str) -> Document {
    parse(text, file).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

/// The template under another version.
pub fn version(text: &str, version: &str) -> String {
    let lines = text
        .lines()
        .map(|line| match line.strip_prefix("version: ") {
            Some(_) => format!("version: {version}\n"),
            None => format!("{line}\n"),
        });
    lines.collect()
}
