//! An attempt as its worker gets it.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use tasker_core::task::Ending;
use tasker_core::{NodeIndex, StepIndex, Task};
use tasker_protocol::frame::Dispatch;
use tasker_protocol::{Json, json_null};

use crate::payloads::TaskTexts;

/// The message that gives a worker an attempt.
pub fn message(task: &Task, texts: &TaskTexts, step: StepIndex, attempt: u32) -> Dispatch {
    let (graph, node, now) = (&task.graph, task.node(step), task.step(step));
    Dispatch {
        task_uuid: task.id,
        step_uuid: now.uuid,
        attempt,
        max_attempts: task.max_attempts(step),
        namespace: graph.namespace.to_string(),
        name: graph.name.clone(),
        version: graph.version.clone(),
        step_name: task.step_name(step).into_owned(),
        callable: node.callable.to_string(),
        method: node.method.clone(),
        configuration: node.configuration.clone(),
        idempotency_key: now.uuid.to_string(),
        context: texts.context.clone(),
        results: results(task, texts, step),
        cursor: cursor(task, texts, step),
        batch_config: node.batch_config.clone(),
        timeout_ms: node.timeout_ms,
        tags: texts.request.tags.clone(),
        correlation_id: texts.request.correlation_id.clone(),
    }
}

/// The results of the steps before a step; those of batches are a list in cursor order under their node's name.
fn results(task: &Task, texts: &TaskTexts, step: StepIndex) -> BTreeMap<String, Json> {
    let mut results = BTreeMap::new();
    for &ancestor in &*task.ancestors(step) {
        let name = || task.graph.node(ancestor).name.clone();
        if task.is_batched(ancestor) {
            results.insert(name(), batches(task, texts, ancestor));
        } else if let Some(body) = task
            .steps_of(ancestor)
            .next()
            .and_then(|step| result(task, texts, step))
        {
            results.insert(name(), body);
        }
    }
    results
}

/// What a step's handler, or an operator in its place, gave.
pub fn result(task: &Task, texts: &TaskTexts, step: StepIndex) -> Option<Json> {
    match task.step(step).last {
        Some(Ending::Succeeded | Ending::Completed) => Some(texts.step(step)?.body.clone()),
        _ => None,
    }
}

fn batches(task: &Task, texts: &TaskTexts, node: NodeIndex) -> Json {
    let mut list = String::from("[");
    for step in task.steps_of(node) {
        if list.len() > 1 {
            list.push(',');
        }
        list.push_str(result(task, texts, step).unwrap_or_else(json_null).get());
    }
    list.push(']');
    let list = RawValue::from_string(list)
        .unwrap_or_else(|error| unreachable!("a list of JSON texts is JSON: {error}"));
    list.into()
}

/// The cursor of a batch, as the batchable step gave it.
fn cursor(task: &Task, texts: &TaskTexts, step: StepIndex) -> Option<Json> {
    let number = task.step(step).batch.checked_sub(1)?;
    let parent = task.parents(step).next()?;
    let batchable = task.steps_of(parent).next()?;
    let cursors = texts.step(batchable)?.cursors.as_ref()?;
    cursors.get(number as usize).cloned()
}
