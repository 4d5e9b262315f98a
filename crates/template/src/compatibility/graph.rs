//! The graph: which steps there are, and whose results a handler can read.

use std::collections::BTreeSet;

use super::change::Found;
use super::kinds::{
    ANCESTOR_ADDED, ANCESTOR_LOST, BRANCH_ADDED, BRANCH_REMOVED, DEPENDENCIES_CHANGED,
    DEPENDENCY_ADDED, Kind, STEP_ADDED, STEP_REMOVED, STEP_RENAMED,
};
use super::side::{Pair, Placed, Side};
use crate::template::StepType;

/// Steps that came, went or have another name.
pub(super) fn steps(pairs: &[Pair<'_>], found: &mut Vec<Found>) {
    for pair in pairs {
        let (kind, step, message) = match (&pair.old, &pair.new) {
            (None, Some(new)) => (&STEP_ADDED, new, "it was not there before".to_owned()),
            (Some(old), None) => (&STEP_REMOVED, old, "it is not there any more".to_owned()),
            (Some(old), Some(new)) if old.step.name != new.step.name => (
                &STEP_RENAMED,
                old,
                format!("its name is `{}` now", new.step.name),
            ),
            _ => continue,
        };
        found.push(Found {
            step: Some(step.step.name.clone()),
            old: pair.old.as_ref().map(|it| it.location(&["name"])),
            new: pair.new.as_ref().map(|it| it.location(&["name"])),
            ..Found::new(kind, message)
        });
    }
}

/// What comes before each step, and which steps a decision can name.
pub(super) fn dependencies(
    old_side: &Side<'_>,
    new_side: &Side<'_>,
    pairs: &[Pair<'_>],
    found: &mut Vec<Found>,
) {
    let (olds, news) = (old_side.ancestors(), new_side.ancestors());
    for pair in pairs {
        let (Some(old), Some(new)) = (&pair.old, &pair.new) else {
            continue;
        };
        // Another handler is written for what it finds.
        if !old.has_handler_of(new) {
            continue;
        }
        if old.step.step_type == StepType::Decision && new.step.step_type == StepType::Decision {
            let was = old_side.branches(&old.step.name);
            let is = new_side.branches(&new.step.name);
            tell(&BRANCH_ADDED, (old, new), "it can name", &is - &was, found);
            tell(
                &BRANCH_REMOVED,
                (old, new),
                "it can no longer name",
                &was - &is,
                found,
            );
        }
        let (was, is) = (&olds[old.step.name.as_str()], &news[new.step.name.as_str()]);
        let names = |it: &Placed<'_>| -> BTreeSet<String> {
            it.step.dependencies.iter().cloned().collect()
        };
        let (parents, now) = (names(old), names(new));
        let added = is - was;
        let (direct, indirect): (BTreeSet<&str>, _) =
            added.into_iter().partition(|name| now.contains(*name));
        tell(
            &DEPENDENCY_ADDED,
            (old, new),
            "it depends now on",
            direct,
            found,
        );
        tell(
            &ANCESTOR_ADDED,
            (old, new),
            "it comes now after",
            indirect,
            found,
        );
        tell(
            &ANCESTOR_LOST,
            (old, new),
            "it does not come any more after",
            was - is,
            found,
        );
        if was == is && parents != now {
            let now = now.iter().map(String::as_str).collect();
            tell(
                &DEPENDENCIES_CHANGED,
                (old, new),
                "it depends now on",
                now,
                found,
            );
        }
    }
}

fn tell(
    kind: &'static Kind,
    (old, new): (&Placed<'_>, &Placed<'_>),
    what: &str,
    names: BTreeSet<&str>,
    found: &mut Vec<Found>,
) {
    if names.is_empty() {
        return;
    }
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    found.push(Found {
        step: Some(old.step.name.clone()),
        field: Some("dependencies".to_owned()),
        old: Some(old.location(&["dependencies"])),
        new: Some(new.location(&["dependencies"])),
        ..Found::new(kind, format!("{what} {}", names.join(", ")))
    });
}
