//! Whether a task is looked for: the conditions of `sql/list.sql`.

use serde_json::Value;

use crate::{ListedTask, TaskFilter};

pub(super) fn holds(filter: &TaskFilter, task: &ListedTask) -> bool {
    let is =
        |wanted: &Option<String>, text: &str| wanted.as_deref().is_none_or(|wanted| wanted == text);
    is(&filter.namespace, &task.namespace)
        && is(&filter.name, &task.name)
        && filter.status.is_none_or(|status| task.status == status)
        && filter
            .created_after
            .is_none_or(|time| task.created_at >= time)
        && filter
            .created_before
            .is_none_or(|time| task.created_at < time)
        && request_holds(filter, &task.request)
}

/// What is only in the creation's other fields, which are read for nothing else.
fn request_holds(filter: &TaskFilter, request: &str) -> bool {
    if filter.initiator.is_none() && filter.tag.is_none() {
        return true;
    }
    let request: Value = serde_json::from_str(request).unwrap_or_default();
    let initiator = request["initiator"].as_str();
    let has_tag = |tag: &str| {
        let tags = request["tags"].as_array().into_iter().flatten();
        tags.filter_map(Value::as_str).any(|own| own == tag)
    };
    filter
        .initiator
        .as_deref()
        .is_none_or(|wanted| initiator == Some(wanted))
        && filter.tag.as_deref().is_none_or(has_tag)
}
