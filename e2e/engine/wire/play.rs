//! Workflows for tests of the engine, and the workers that the tests play for them.

use anyhow::Result;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Wire, Worker, attempt};

/// A template of these steps, each `[name, type, parents]`, that all have the callable `NAME.Call`.
pub fn template(name: &str, steps: &[(&str, &str, &[&str])]) -> Value {
    let steps: Vec<Value> = steps
        .iter()
        .map(|(step, kind, parents)| {
            json!({
                "name": step, "type": kind, "dependencies": parents,
                "handler": {"callable": format!("{name}.Call")},
            })
        })
        .collect();
    json!({"name": name, "namespace_name": name, "version": "1.0.0", "steps": steps})
}

/// A worker of the template, welcomed, with eight slots.
pub async fn play(wire: &Wire, template: &Value) -> Result<Worker> {
    let mut worker = Worker::connect(wire).await?;
    let callable = format!("{}.Call", template["name"].as_str().unwrap_or_default());
    let hello = worker.hello_with(template, &[&callable], 8);
    worker.send(&hello).await?;
    worker.next("welcome").await?;
    Ok(worker)
}

/// Answers a dispatch with a success that has these fields too.
pub async fn answer(
    worker: &mut Worker,
    dispatch: &Value,
    results: Value,
    more: Value,
) -> Result<()> {
    let mut outcome = attempt(dispatch);
    outcome["success"] = json!(true);
    outcome["results"] = results;
    for (key, value) in more.as_object().into_iter().flatten() {
        outcome[key] = value.clone();
    }
    worker.send(&json!({"outcome": outcome})).await
}

/// Answers a dispatch with a failure that has these fields.
pub async fn fail(worker: &mut Worker, dispatch: &Value, error: Value) -> Result<()> {
    let mut outcome = attempt(dispatch);
    outcome["success"] = json!(false);
    outcome["error"] = json!({"message": "no", "error_type": "E"});
    for (key, value) in error.as_object().into_iter().flatten() {
        outcome["error"][key] = value.clone();
    }
    worker.send(&json!({"outcome": outcome})).await
}

/// A task's status, once it has ended or is blocked.
pub async fn status(wire: &Wire, task: Uuid) -> Result<Value> {
    let (_, task) = wire.get(&format!("/v1/tasks/{task}?wait=20")).await?;
    Ok(task["status"].clone())
}
