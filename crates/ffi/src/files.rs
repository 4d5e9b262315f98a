//! Templates that are checked together, as a worker would bring them, and held against those that came before.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tasker_template::compatibility::{Change, Comparison, compare_all};
use tasker_template::{Document, Problems, parse};
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

/// The templates that workers have before and after.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deployment {
    old: Vec<File>,
    new: Vec<File>,
}

impl Deployment {
    /// What has changed, or all that is wrong with any of the files.
    pub(crate) fn compare(&self) -> Result<Value, Problems> {
        let (old, new) = match (documents(&self.old), documents(&self.new)) {
            (Ok(old), Ok(new)) => (old, new),
            (old, new) => {
                let problems = [old.err(), new.err()];
                let all = problems.into_iter().flatten().flat_map(|it| it.0);
                return Err(Problems(all.collect()));
            }
        };
        let comparisons = compare_all(&old, &new)?;
        Ok(json!({
            "compatible": comparisons.iter().all(Comparison::is_compatible),
            "comparisons": comparisons.iter().map(told).collect::<Vec<_>>(),
        }))
    }
}

fn documents(files: &[File]) -> Result<Vec<Document>, Problems> {
    let mut set = Set::default();
    let (mut documents, mut problems) = (Vec::new(), Vec::new());
    for File { file, text } in files {
        let parsed = parse(text, file).and_then(|it| set.add(&it).map(|()| it));
        match parsed {
            Ok(document) => documents.push(document),
            Err(Problems(of_file)) => problems.extend(of_file),
        }
    }
    if problems.is_empty() {
        Ok(documents)
    } else {
        Err(Problems(problems))
    }
}

/// A comparison, each change of it with what people read.
fn told(comparison: &Comparison) -> Value {
    let with_text = |change: &Change| {
        let mut told = json!(change);
        told["text"] = json!(change.to_string());
        told
    };
    let mut told = json!(comparison);
    told["changes"] = comparison.changes.iter().map(with_text).collect();
    told
}
