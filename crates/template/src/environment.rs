//! Environments: what one overrides in the steps.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::check::is_name;
use crate::code;
use crate::graph::{all_names, name};
use crate::node::{Entry, Node, Value};
use crate::problem::Sink;
use crate::rules::EVERY_STEP;
use crate::shape::ENVIRONMENTS;
use crate::yaml::HEAVIEST_TREE;

/// The most environments that a template may have: each is merged and checked.
const MOST_ENVIRONMENTS: usize = 32;

/// The names of a document's environments. Too many are a problem, and then none is named.
pub(crate) fn names<'a>(root: &'a Node, sink: &mut Sink) -> Vec<&'a str> {
    let Some(environments) = root.get(ENVIRONMENTS.name) else {
        return Vec::new();
    };
    let names: Vec<&str> = environments
        .mapping()
        .into_iter()
        .flat_map(|entries| entries.keys().map(String::as_str))
        .collect();
    if names.len() > MOST_ENVIRONMENTS {
        let message = format!(
            "the template has {} environments; at most {MOST_ENVIRONMENTS} are allowed",
            names.len()
        );
        sink.push(code::TOO_LARGE, environments.at, message, None);
        return Vec::new();
    }
    names
}

/// The document with `environment`, if any, merged into its steps, without its environments. Every step takes the
/// override `ALL` first, then its own. `None` when that would be too large.
pub(crate) fn merge(root: &Node, environment: Option<&str>, sink: &mut Sink) -> Option<Node> {
    let overrides = root
        .get(ENVIRONMENTS.name)
        .and_then(|environments| environments.get(environment?))
        .and_then(|environment| environment.get("steps"))
        .map_or(&[][..], Node::items);
    let by_name = overrides_by_name(overrides, root, sink);
    let mut merged = without_environments(root)?;
    let steps = match merged.get_mut("steps").map(|steps| &mut steps.value.value) {
        Some(Value::List(steps)) => steps.as_mut_slice(),
        _ => &mut [],
    };
    if let Some(every) = by_name.get(EVERY_STEP)
        && every.weight().saturating_mul(steps.len()) > HEAVIEST_TREE
    {
        let message = format!("merged into every step, the override `{EVERY_STEP}` is too large");
        sink.push(code::TOO_LARGE, every.at, message, None);
        return None;
    }
    for step in steps {
        let own = name(step).and_then(|(name, _)| by_name.get(name));
        for changes in by_name.get(EVERY_STEP).into_iter().chain(own) {
            override_step(step, changes);
        }
    }
    Some(Node {
        at: root.at,
        value: Value::Mapping(merged),
    })
}

fn without_environments(root: &Node) -> Option<BTreeMap<String, Entry>> {
    let fields = root.mapping()?.iter();
    let kept = fields.filter(|(key, _)| *key != ENVIRONMENTS.name);
    Some(
        kept.map(|(key, entry)| (key.clone(), entry.clone()))
            .collect(),
    )
}

fn overrides_by_name<'a>(
    overrides: &'a [Node],
    root: &Node,
    sink: &mut Sink,
) -> HashMap<&'a str, &'a Node> {
    let steps = root.get("steps").map_or(&[][..], Node::items);
    let known: HashSet<&str> = all_names(steps).collect();
    let mut by_name = HashMap::new();
    for changes in overrides {
        let Some((name, at)) = name(changes) else {
            continue;
        };
        if name != EVERY_STEP && !known.contains(name) {
            let hint = {
                let names = all_names(steps).filter(|name| is_name(name));
                sink.did_you_mean(name, names.chain([EVERY_STEP]))
            };
            let message = format!("no step has the name {name:?}");
            sink.push(code::UNKNOWN_ENVIRONMENT_STEP, at, message, hint);
        } else if by_name.insert(name, changes).is_some() {
            let message = format!("the step `{name}` is overridden twice");
            sink.push(code::DUPLICATE_STEP, at, message, None);
        }
    }
    by_name
}

fn override_step(step: &mut Node, changes: &Node) {
    let Value::Mapping(fields) = &mut step.value else {
        return;
    };
    let changes = changes.mapping().into_iter().flatten();
    for (key, change) in changes.filter(|(key, _)| *key != "name") {
        override_field(fields, key, change);
    }
}

/// Mappings are merged, anything else is replaced.
fn override_field(fields: &mut BTreeMap<String, Entry>, key: &str, change: &Entry) {
    if let Some(field) = fields.get_mut(key)
        && let Value::Mapping(inner) = &mut field.value.value
        && let Some(changes) = change.value.mapping()
    {
        for (key, change) in changes {
            override_field(inner, key, change);
        }
    } else {
        fields.insert(key.to_owned(), change.clone());
    }
}
