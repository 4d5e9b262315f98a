//! What a changed template means to tasks that run, to those to come, and to whoever creates and reads them.
//!
//! A task keeps the content that it began with, while the workers are deployed anew: the handlers of the new template
//! run the steps of the old one. That is what most of this is about. Layout:
//!
//! - this file: two templates that are held against one another, environment by environment
//! - `change`: what is told of a change; `kinds`: the codes, how much each matters, and why
//! - `side`: one of the two templates, merged; `offered`: what workers with the new templates have handlers for
//! - `handlers`, `graph`, `settings`, `schemas`: what is compared
//! - `deployment`: folders of templates

mod change;
mod deployment;
mod graph;
mod handlers;
mod kinds;
mod offered;
mod schemas;
mod settings;
mod side;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use semver::Version;

pub use change::{Affects, Change, Location, Severity};
pub use deployment::{Comparison, Told, compare_all};
pub use kinds::{ALL, Kind};

use crate::document::Document;
use crate::problem::Problems;
use change::Found;
use kinds::{VERSION_LOWER, VERSION_UNCHANGED, WORKFLOW_CHANGED};
use offered::Offered;
use side::Side;

/// Every change from `old` to `new`, those that matter most first. Empty where the content is the same.
///
/// Each environment that either names is compared, and the templates without any. `new` stands for all that the workers
/// will have: see [`compare_all`] for more than one.
///
/// # Errors
/// As [`Document::merged`].
pub fn compare(old: &Document, new: &Document) -> Result<Vec<Change>, Problems> {
    changes(old, new, &Offered::by(std::slice::from_ref(new))?)
}

fn changes(old: &Document, new: &Document, offered: &Offered) -> Result<Vec<Change>, Problems> {
    if old.content_hash() == new.content_hash() {
        return Ok(Vec::new());
    }
    let of = |kind, field: &str, message| Found {
        field: Some(field.to_owned()),
        old: Some(old.location(field)),
        new: Some(new.location(field)),
        ..Found::new(kind, message)
    };
    let identity = |it: &Document| format!("{}/{}", it.namespace(), it.name());
    let (was, is) = (identity(old), identity(new));
    if was != is {
        let is_moved = old.namespace() != new.namespace();
        let field = if is_moved { "namespace_name" } else { "name" };
        let message = format!("{was} is {is} now: another workflow");
        return Ok(vec![of(&WORKFLOW_CHANGED, field, message).everywhere()]);
    }
    let mut changes = by_environments(old, new, offered)?;
    let (was, is) = (old.version(), new.version());
    if was == is {
        let message = format!("the version is {is} as before, and the content is another");
        changes.push(of(&VERSION_UNCHANGED, "version", message).everywhere());
    } else if let (Ok(older), Ok(newer)) = (Version::parse(was), Version::parse(is))
        && newer < older
    {
        let message = format!("the version was {was} and is {is}, which is lower");
        changes.push(of(&VERSION_LOWER, "version", message).everywhere());
    }
    changes.sort_by_key(|it| {
        let line = it.new.as_ref().or(it.old.as_ref()).map(|it| it.line);
        (Reverse(it.severity), line)
    });
    Ok(changes)
}

/// What changes in the merged content, with the environments where it does.
fn by_environments(
    old: &Document,
    new: &Document,
    offered: &Offered,
) -> Result<Vec<Change>, Problems> {
    let mut names: BTreeSet<Option<&str>> = BTreeSet::from([None]);
    names.extend(
        old.environments()
            .into_iter()
            .chain(new.environments())
            .map(Some),
    );
    let mut found: Vec<(Found, Vec<Option<&str>>)> = Vec::new();
    for name in &names {
        for it in merged(&Side::of(old, *name)?, &Side::of(new, *name)?, offered) {
            match found.iter_mut().find(|(known, _)| *known == it) {
                Some((_, places)) => places.push(*name),
                None => found.push((it, vec![*name])),
            }
        }
    }
    let changes = found.into_iter().map(|(it, places)| {
        if places.len() == names.len() {
            it.everywhere()
        } else {
            it.in_environments(&places)
        }
    });
    Ok(changes.collect())
}

fn merged(old: &Side, new: &Side, offered: &Offered) -> Vec<Found> {
    let mut found = Vec::new();
    let pairs = side::pairs(old, new);
    graph::steps(&pairs, &mut found);
    handlers::compare(&pairs, offered, &mut found);
    graph::dependencies(old, new, &pairs, &mut found);
    settings::compare(old, new, &pairs, &mut found);
    schemas::compare(old, new, &pairs, &mut found);
    found
}
