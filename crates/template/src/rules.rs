//! What a template must keep to beyond the shape of its fields.

use crate::code;
use crate::graph::Graph;
use crate::node::{Node, Value};
use crate::problem::Sink;
use crate::step_types;
use crate::template::Retry;

/// The name that stands for every step in an environment.
pub(crate) const EVERY_STEP: &str = "ALL";

/// Checks a template, its environments apart. What is not of its shape has been reported and is passed over.
pub(crate) fn template(root: &Node, sink: &mut Sink) {
    let Some(steps) = root.get("steps") else {
        return;
    };
    if matches!(&steps.value, Value::List(items) if items.is_empty()) {
        let message = "a template needs at least one step";
        sink.push(code::NO_STEPS, steps.at, message, None);
    }
    for step in steps.items() {
        step_name(step, sink);
        retry(step, sink);
    }
    let graph = Graph::check(steps.items(), sink);
    step_types::check(steps.items(), &graph, sink);
}

fn step_name(step: &Node, sink: &mut Sink) {
    if let Some(name) = step.get("name")
        && name.text() == Some(EVERY_STEP)
    {
        let message = format!("no step can have the name `{EVERY_STEP}`");
        let hint = "it stands for every step in an environment".to_owned();
        sink.push(code::BAD_NAME, name.at, message, Some(hint));
    }
}

/// The longest wait is no shorter than the first, with the defaults of what is not given.
fn retry(step: &Node, sink: &mut Sink) {
    let Some(retry) = step.get("retry") else {
        return;
    };
    let default = Retry::default();
    let (base, most) = (retry.get("backoff_base_ms"), retry.get("max_backoff_ms"));
    let value = |node: Option<&Node>, default: u64| node.map_or(Some(default), Node::integer);
    let (Some(base_ms), Some(most_ms)) = (
        value(base, default.backoff_base_ms),
        value(most, default.max_backoff_ms),
    ) else {
        return;
    };
    if let Some(node) = most.or(base)
        && most_ms < base_ms
    {
        let source = |node: Option<&Node>| if node.is_some() { "" } else { ", the default" };
        let message = format!(
            "`max_backoff_ms` ({most_ms}{}) is less than `backoff_base_ms` ({base_ms}{})",
            source(most),
            source(base),
        );
        let hint = format!("set `max_backoff_ms` to at least {base_ms}");
        sink.push(code::RETRY_OUT_OF_RANGE, node.at, message, Some(hint));
    }
}
