//! Templates that are checked together, as a worker would bring them.

use serde::Deserialize;
use serde_json::{Value, json};
use tasker_worker::templates::{self, Set};

/// A template, and the name that problems have for its file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    file: String,
    text: String,
}

/// For each file what its template is, or `problems`.
pub(crate) fn check(files: &[File]) -> Vec<Value> {
    let mut set = Set::default();
    let checked = files.iter().map(|File { file, text }| {
        let summary = templates::check_in(&mut set, text, file);
        summary.map_or_else(
            |problems| json!({"problems": problems.to_string()}),
            |it| json!(it),
        )
    });
    checked.collect()
}
