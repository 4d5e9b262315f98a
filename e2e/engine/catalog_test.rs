//! What can be asked about an engine besides its tasks: templates with their graphs, workers, the API's description.

mod wire;

use anyhow::Result;
use serde_json::{Value, json};
use wire::{Wire, Worker};

fn template(version: &str) -> Value {
    json!({
        "name": "graph", "namespace_name": "catalog", "version": version, "description": "Two steps.",
        "metadata": {"tags": ["a", "b"]},
        "steps": [
            {"name": "first", "description": "Begins.", "handler": {"callable": "catalog.First"}},
            {
                "name": "second", "dependencies": ["first"], "timeout_seconds": 1.5,
                "handler": {"callable": "catalog.Second", "method": "run"},
                "retry": {"max_attempts": 5, "backoff": "linear", "backoff_base_ms": 20, "max_backoff_ms": 60},
            },
        ],
    })
}

#[tokio::test]
async fn templates_are_shown_with_their_graphs() -> Result<()> {
    let wire = Wire::new()?;
    for version in ["1.2.0", "1.10.0", "2.0.0-rc.1"] {
        let mut worker = Worker::connect(&wire).await?;
        let hello = worker.hello_with(&template(version), &["catalog.First"], 0);
        worker.send(&hello).await?;
        worker.next("welcome").await?;
    }
    let (status, shown) = wire.get("/v1/templates/catalog/graph").await?;
    assert_eq!(status, 200, "{shown}");
    let hashes = [&shown["document_hash"], &shown["template_hash"]];
    for hash in hashes {
        assert_eq!(hash.as_str().map(str::len), Some(64), "{shown}");
    }
    let retry = json!({
        "retryable": true, "max_attempts": 3, "backoff": "exponential", "backoff_base_ms": 1000,
        "max_backoff_ms": 30000,
    });
    let expected = json!({
        "namespace": "catalog", "name": "graph", "version": "1.10.0", "description": "Two steps.",
        "tags": ["a", "b"], "document_hash": hashes[0], "template_hash": hashes[1],
        "on_failure": "block", "max_duration_ms": null, "default": true,
        "steps": [
            {
                "name": "first", "description": "Begins.", "type": "standard", "dependencies": [],
                "callable": "catalog.First", "method": "call", "retry": retry, "timeout_ms": null,
            },
            {
                "name": "second", "description": null, "type": "standard", "dependencies": ["first"],
                "callable": "catalog.Second", "method": "run", "timeout_ms": 1500,
                "retry": {
                    "retryable": true, "max_attempts": 5, "backoff": "linear", "backoff_base_ms": 20,
                    "max_backoff_ms": 60,
                },
            },
        ],
    });
    assert_eq!(shown, expected);

    let (status, other) = wire.get("/v1/templates/catalog/graph/2.0.0-rc.1").await?;
    assert_eq!((status, &other["version"]), (200, &json!("2.0.0-rc.1")));
    let (_, all) = wire.get("/v1/templates").await?;
    let all = all["templates"].as_array().cloned().unwrap_or_default();
    let versions: Vec<&Value> = all
        .iter()
        .filter(|template| template["namespace"] == "catalog")
        .map(|template| &template["version"])
        .collect();
    assert_eq!(versions, ["1.2.0", "1.10.0", "2.0.0-rc.1"]);

    let (status, error) = wire.get("/v1/templates/catalog/graph/3.0.0").await?;
    let code = &error["error"]["code"];
    assert_eq!((status, code), (404, &json!("TEMPLATE_NOT_FOUND")));
    let (status, error) = wire.get("/v1/templates/catalog/grap").await?;
    let nearest = &error["error"]["details"]["nearest"][0];
    assert_eq!((status, nearest), (404, &json!("catalog/graph")));
    Ok(())
}

#[tokio::test]
async fn workers_are_shown_while_they_have_a_session() -> Result<()> {
    let wire = Wire::new()?;
    let mut worker = Worker::connect(&wire).await?;
    worker
        .welcome("shown_worker", &["shown.B", "shown.A"], 3)
        .await?;
    let task = wire.create("shown_worker", "{}").await?;
    worker.next("dispatch").await?;
    let instance = json!(worker.instance);
    let shown = |workers: &Value| {
        let workers = workers["workers"].as_array().cloned().unwrap_or_default();
        workers.into_iter().find(|it| it["instance"] == instance)
    };
    let (status, workers) = wire.get("/v1/workers").await?;
    assert_eq!(status, 200);
    let found = shown(&workers).unwrap_or_default();
    let (_, task) = wire.get(&format!("/v1/tasks/{task}")).await?;
    let since = found["connected_since"].as_str().unwrap_or_default();
    assert!(
        since <= task["created_at"].as_str().unwrap_or_default(),
        "{found} {task}"
    );
    let expected = json!({
        "worker_id": "shown_worker", "instance": instance, "language": "rust", "version": "0",
        "namespaces": ["shown_worker"], "callables": ["shown.A", "shown.B"], "slots": 3, "running": 1,
        "connected_since": since,
    });
    assert_eq!(found, expected);

    worker.send(&json!({"leaving": {}})).await?;
    assert!(worker.is_closed().await);
    let (_, workers) = wire.get("/v1/workers").await?;
    assert_eq!(shown(&workers), None);
    Ok(())
}

#[tokio::test]
async fn the_api_describes_itself() -> Result<()> {
    let wire = Wire::new()?;
    let (status, document) = wire.get("/openapi.json").await?;
    assert_eq!((status, &document["openapi"]), (200, &json!("3.1.0")));
    let create = &document["paths"]["/v1/tasks"]["post"];
    assert_eq!(create["operationId"], "create_task");
    let refused = wire.http.get(wire.url("/openapi.json")).send().await?;
    assert_eq!(refused.status(), 401);
    Ok(())
}
