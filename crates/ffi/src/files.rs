//! Templates that are checked together, as a worker would bring them.

use serde::{Deserialize, Serialize};
use tasker_worker::templates::{self, Set, Summary};

/// A template, and the name that problems have for its file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    file: String,
    text: String,
}

/// What a check tells of one of them. Written as it is: numbers of a template may be larger than a JSON value of serde
/// holds.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Checked {
    Valid(Box<Summary>),
    Invalid { problems: String },
}

/// For each file what its template is, or `problems`.
pub(crate) fn check(files: &[File]) -> Vec<Checked> {
    let mut set = Set::default();
    let checked =
        files.iter().map(
            |File { file, text }| match templates::check_in(&mut set, text, file) {
                Ok(summary) => Checked::Valid(Box::new(summary)),
                Err(problems) => Checked::Invalid {
                    problems: problems.to_string(),
                },
            },
        );
    checked.collect()
}
