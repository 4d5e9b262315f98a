//! All templates that workers have before and after a deployment, matched by namespace and name.
//!
//! A template that is still among the new ones as it was says that its handlers are there: tasks that run it go on,
//! whatever else comes beside it.

use std::collections::BTreeMap;

use semver::Version;
use serde::Serialize;

use super::change::{Affects, Change, Found};
use super::kinds::{WORKFLOW_ADDED, WORKFLOW_REMOVED, WORKFLOW_RETIRED};
use super::offered::Offered;
use super::{Severity, changes};
use crate::document::Document;
use crate::problem::Problems;

/// An old template, and the new one that takes its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The namespace.
    pub namespace: String,
    /// The name within the namespace.
    pub name: String,
    /// The old template; none when the workflow is new.
    pub old: Option<Told>,
    /// The new one; none when the workflow went.
    pub new: Option<Told>,
    /// What has changed, what matters most first.
    pub changes: Vec<Change>,
}

/// A template of a [`Comparison`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The file's name, as it was handed to [`parse`](crate::parse).
    pub file: String,
    /// The semantic version.
    pub version: String,
    /// As [`Document::content_hash`].
    pub content_hash: String,
}

impl Comparison {
    /// Whether nothing fails by it.
    pub fn is_compatible(&self) -> bool {
        self.changes
            .iter()
            .all(|it| it.severity < Severity::Breaking)
    }
}

/// Compares all templates that workers have before and after, in the order of namespaces and names.
///
/// Of a workflow with several versions each old one is held against the new one of its version, or else the newest, for
/// the tasks that run it; the newest of both, for the tasks to come. A callable counts as there when any of the new
/// templates names it.
///
/// # Errors
/// As [`Document::merged`].
pub fn compare_all(old: &[Document], new: &[Document]) -> Result<Vec<Comparison>, Problems> {
    let offered = Offered::by(new)?;
    let mut workflows: BTreeMap<(&str, &str), [Vec<&Document>; 2]> = BTreeMap::new();
    for (side, documents) in [old, new].into_iter().enumerate() {
        for document in documents {
            let identity = (document.namespace(), document.name());
            workflows.entry(identity).or_default()[side].push(document);
        }
    }
    let mut comparisons = Vec::new();
    for [mut olds, mut news] in workflows.into_values() {
        for documents in [&mut olds, &mut news] {
            documents.sort_by_key(|it| rank(it));
            // Folders may hold a template twice.
            documents.dedup_by_key(|it| (it.version().to_owned(), it.content_hash()));
        }
        workflow(&olds, &news, &offered, &mut comparisons)?;
    }
    Ok(comparisons)
}

/// What a task takes whose creation names no version comes last.
fn rank(document: &Document) -> (bool, Option<Version>) {
    let version = Version::parse(document.version()).ok();
    (
        version.as_ref().is_some_and(|it| it.pre.is_empty()),
        version,
    )
}

fn workflow(
    olds: &[&Document],
    news: &[&Document],
    offered: &Offered,
    comparisons: &mut Vec<Comparison>,
) -> Result<(), Problems> {
    let (Some(newest_old), Some(newest)) = (olds.last(), news.last()) else {
        for old in olds {
            comparisons.push(comparison(Some(old), None, vec![removed(old, offered)?]));
        }
        for new in news {
            let message = format!("{}/{} was not there before", new.namespace(), new.name());
            let added = Found {
                new: Some(new.location("name")),
                ..Found::new(&WORKFLOW_ADDED, message)
            };
            comparisons.push(comparison(None, Some(new), vec![added.everywhere()]));
        }
        return Ok(());
    };
    let is_kept = |old: &Document| {
        news.iter()
            .any(|new| new.content_hash() == old.content_hash())
    };
    for old in olds {
        let same_version = news.iter().find(|new| new.version() == old.version());
        let counterpart = if is_kept(old) && old.content_hash() != newest_old.content_hash() {
            old
        } else {
            match same_version.filter(|_| !is_kept(old)) {
                Some(new) => new,
                None => newest,
            }
        };
        let mut found = changes(old, counterpart, offered)?;
        if is_kept(old) {
            found.retain(|it| it.affects != Affects::RunningTasks);
        }
        // New tasks have not taken it before.
        if same_version.is_none() && old.content_hash() != newest_old.content_hash() {
            found.retain(|it| it.affects == Affects::RunningTasks);
        }
        comparisons.push(comparison(Some(old), Some(counterpart), found));
    }
    Ok(())
}

/// What it means that a workflow is not there any more.
fn removed(old: &Document, offered: &Offered) -> Result<Change, Problems> {
    let (kind, rest) = if offered.serves(old)? {
        (&WORKFLOW_RETIRED, "; other templates name its handlers")
    } else {
        (&WORKFLOW_REMOVED, "")
    };
    let message = format!(
        "{}/{} is not there any more{rest}",
        old.namespace(),
        old.name()
    );
    let found = Found {
        old: Some(old.location("name")),
        ..Found::new(kind, message)
    };
    Ok(found.everywhere())
}

fn comparison(old: Option<&Document>, new: Option<&Document>, changes: Vec<Change>) -> Comparison {
    let told = |it: &Document| Told {
        file: it.file().to_owned(),
        version: it.version().to_owned(),
        content_hash: it.content_hash(),
    };
    let (namespace, name) = match (old, new) {
        (Some(it), _) | (None, Some(it)) => (it.namespace().to_owned(), it.name().to_owned()),
        (None, None) => Default::default(),
    };
    Comparison {
        namespace,
        name,
        old: old.map(told),
        new: new.map(told),
        changes,
    }
}
