//! Handlers: what running tasks call has to be there, answer as it did, and do with what they hand it.

use std::collections::BTreeMap;
use std::mem::discriminant;

use super::change::Found;
use super::kinds::{
    CALLABLE_REMOVED, CALLABLE_RETYPED, HANDLER_CHANGED, INITIALIZATION_ADDED,
    INITIALIZATION_CHANGED, INITIALIZATION_RETYPED, Kind, METHOD_REMOVED, STEP_TYPE_CHANGED,
};
use super::offered::{Offered, Role};
use super::side::{Pair, Placed};
use crate::node::{Node, Value};

pub(super) fn compare(pairs: &[Pair<'_>], offered: &Offered, found: &mut Vec<Found>) {
    for pair in pairs {
        let Some(old) = &pair.old else {
            continue;
        };
        let unserved = unserved(old, pair.new.as_ref(), offered);
        let is_served = unserved.is_none();
        found.extend(unserved);
        if let Some(new) = &pair.new {
            let is_same = old.has_handler_of(new);
            // Where it is not served that has been told, and why.
            if old.step.step_type != new.step.step_type && (is_served || !is_same) {
                let message = format!(
                    "it was of type {} and is of type {}",
                    type_of(old),
                    type_of(new)
                );
                found.push(told(&STEP_TYPE_CHANGED, old, Some(new), &["type"], message));
            }
            if is_same {
                initialization(old, new, found);
            } else if is_served {
                let message = format!(
                    "its handler was {} and is {}",
                    described(old),
                    described(new)
                );
                let path = ["handler", "callable"];
                found.push(told(&HANDLER_CHANGED, old, Some(new), &path, message));
            }
        }
    }
}

/// Why workers do not serve the old step, if so.
fn unserved(old: &Placed<'_>, new: Option<&Placed<'_>>, offered: &Offered) -> Option<Found> {
    let handler = &old.step.handler;
    let role = Role::of(old.step.step_type);
    let (kind, field, message) = match offered.roles(handler) {
        Some(roles) if roles.contains(&role) => return None,
        Some(roles) => {
            let roles: Vec<&str> = roles.iter().map(|it| it.described()).collect();
            let message = format!(
                "the handler {} was that of {} here, and is that of {} now",
                described(old),
                role.described(),
                roles.join(" and ")
            );
            (&CALLABLE_RETYPED, "callable", message)
        }
        None if offered.has_callable(handler) => {
            let message = format!(
                "no step calls `{}` of `{}` any more",
                handler.method, handler.callable
            );
            (&METHOD_REMOVED, "method", message)
        }
        None => {
            let message = format!("no step calls `{}` any more", handler.callable);
            (&CALLABLE_REMOVED, "callable", message)
        }
    };
    Some(told(kind, old, new, &["handler", field], message))
}

/// The type as it is written.
fn type_of<'a>(step: &Placed<'a>) -> &'a str {
    let written = step.node.get("type").and_then(Node::text);
    written.unwrap_or("standard")
}

fn described(step: &Placed<'_>) -> String {
    let handler = &step.step.handler;
    if handler.method == "call" {
        format!("`{}`", handler.callable)
    } else {
        format!("`{}` with `{}`", handler.callable, handler.method)
    }
}

fn told(
    kind: &'static Kind,
    old: &Placed<'_>,
    new: Option<&Placed<'_>>,
    path: &[&str],
    message: String,
) -> Found {
    Found {
        step: Some(old.name().to_owned()),
        field: Some(path.join("/")),
        old: Some(old.location(path)),
        new: new.map(|it| it.location(path)),
        ..Found::new(kind, message)
    }
}

/// What the same handler is configured by, before and now.
fn initialization(old: &Placed<'_>, new: &Placed<'_>, found: &mut Vec<Found>) {
    let of = |step: &Placed<'_>| {
        let handler = step.node.get("handler").unwrap_or(step.node);
        let written = handler.get("initialization").cloned();
        written.unwrap_or(Node {
            at: handler.at,
            value: Value::Mapping(BTreeMap::new()),
        })
    };
    Initialization { old, new, found }.value(&of(old), &of(new), "initialization");
}

struct Initialization<'a> {
    old: &'a Placed<'a>,
    new: &'a Placed<'a>,
    found: &'a mut Vec<Found>,
}

impl Initialization<'_> {
    fn value(&mut self, old: &Node, new: &Node, path: &str) {
        if let (Some(was), Some(is)) = (old.mapping(), new.mapping()) {
            for (key, entry) in is {
                let path = format!("{path}/{key}");
                match was.get(key) {
                    Some(before) => self.value(&before.value, &entry.value, &path),
                    None => self.push(&INITIALIZATION_ADDED, &path, None, Some(&entry.value)),
                }
            }
            for (key, entry) in was.iter().filter(|(key, _)| !is.contains_key(*key)) {
                let path = format!("{path}/{key}");
                self.push(&INITIALIZATION_CHANGED, &path, Some(&entry.value), None);
            }
        } else if old.canonical_json() != new.canonical_json() {
            let is_of_one_type = discriminant(&old.value) == discriminant(&new.value);
            let kind = if is_of_one_type {
                &INITIALIZATION_CHANGED
            } else {
                &INITIALIZATION_RETYPED
            };
            self.push(kind, path, Some(old), Some(new));
        }
    }

    fn push(&mut self, kind: &'static Kind, path: &str, old: Option<&Node>, new: Option<&Node>) {
        let message = match (old.map(Node::described), new.map(Node::described)) {
            (None, _) => format!("`{path}` was not there before"),
            (_, None) => format!("`{path}` is not there any more"),
            (Some(was), Some(is)) if was == is => format!("`{path}` is another"),
            (Some(was), Some(is)) => format!("`{path}` was {was} and is {is}"),
        };
        self.found.push(Found {
            step: Some(self.old.name().to_owned()),
            field: Some(format!("handler/{path}")),
            old: old.map(|it| self.old.side.at(it.at)),
            new: new.map(|it| self.new.side.at(it.at)),
            ..Found::new(kind, message)
        });
    }
}
