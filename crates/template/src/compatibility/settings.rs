//! What tasks keep as it was when they began: retries, time-outs, batches, what a failure does; and descriptions.

use super::change::Found;
use super::kinds::{
    BATCH_CONFIG_CHANGED, DESCRIPTION_CHANGED, Kind, LIFECYCLE_CHANGED, ON_FAILURE_CHANGED,
    RETRY_CHANGED, TASK_HANDLER_CHANGED, TIMEOUT_CHANGED,
};
use super::side::{Pair, Side};
use crate::node::Node;

pub(super) fn compare(old: &Side<'_>, new: &Side<'_>, pairs: &[Pair<'_>], found: &mut Vec<Found>) {
    let (was, is) = (&old.template, &new.template);
    let mut template = |kind, field, differs| {
        if differs {
            found.push(Found {
                field: Some(str::to_owned(field)),
                old: Some(old.location(field)),
                new: Some(new.location(field)),
                ..Found::new(
                    kind,
                    message(field, old.root.get(field), new.root.get(field)),
                )
            });
        }
    };
    template(
        &ON_FAILURE_CHANGED,
        "on_failure",
        was.on_failure != is.on_failure,
    );
    template(
        &LIFECYCLE_CHANGED,
        "lifecycle",
        was.lifecycle != is.lifecycle,
    );
    let handler = |side: &Side<'_>| side.root.get("task_handler").map(Node::canonical_json);
    template(
        &TASK_HANDLER_CHANGED,
        "task_handler",
        handler(old) != handler(new),
    );
    template(
        &DESCRIPTION_CHANGED,
        "description",
        was.description != is.description,
    );
    template(
        &DESCRIPTION_CHANGED,
        "metadata",
        was.metadata != is.metadata,
    );
    for pair in pairs {
        let (Some(old), Some(new)) = (&pair.old, &pair.new) else {
            continue;
        };
        let (was, is) = (old.step, new.step);
        let mut step = |kind: &'static Kind, field: &str, differs| {
            if differs {
                let message = message(field, old.node.get(field), new.node.get(field));
                found.push(Found {
                    step: Some(was.name.clone()),
                    field: Some(field.to_owned()),
                    old: Some(old.location(&[field])),
                    new: Some(new.location(&[field])),
                    ..Found::new(kind, message)
                });
            }
        };
        step(&RETRY_CHANGED, "retry", was.retry != is.retry);
        step(
            &TIMEOUT_CHANGED,
            "timeout_seconds",
            was.timeout_seconds != is.timeout_seconds,
        );
        step(
            &BATCH_CONFIG_CHANGED,
            "batch_config",
            was.batch_config != is.batch_config,
        );
        step(
            &DESCRIPTION_CHANGED,
            "description",
            was.description != is.description,
        );
    }
}

/// What has become of a field, as it was written.
fn message(field: &str, old: Option<&Node>, new: Option<&Node>) -> String {
    let scalar = |it: &Node| it.mapping().is_none() && it.items().is_empty();
    match (old, new) {
        (None, None) => format!("`{field}` is another"),
        (None, Some(_)) => format!("`{field}` was not there before"),
        (Some(_), None) => format!("`{field}` is not there any more"),
        (Some(old), Some(new)) if scalar(old) && scalar(new) && field != "description" => {
            format!(
                "`{field}` was {} and is {}",
                old.canonical_json(),
                new.canonical_json()
            )
        }
        _ => format!("`{field}` is another"),
    }
}
