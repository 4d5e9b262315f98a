//! PostgreSQL goes away under the engine and comes back, or the engine is killed: the engine says so, loses nothing and
//! goes on by itself.

mod wire;

use anyhow::Result;
use serde_json::json;
use wire::{Wire, Worker};

#[tokio::test]
async fn what_was_acknowledged_is_there_after_an_outage_and_work_goes_on() -> Result<()> {
    let wire = Wire::new()?;
    let stack = wire::stack().await?;
    let mut worker = Worker::connect(&wire).await?;
    worker.welcome("outage", &["outage.Call"], 1).await?;
    let running = wire.create("outage", "{}").await?;
    // Longer than what the engine keeps in memory: it is read again for its dispatch, over a new
    // connection.
    let context = format!(r#"{{"long": "{}"}}"#, "x".repeat(10_000));
    let waiting = wire.create("outage", &context).await?;
    let attempt = wire::attempt(&worker.next("dispatch").await?);
    assert_eq!(attempt["task_uuid"], json!(running));

    stack.kill("postgres").await?;
    wire.until_health_is(503, "PostgreSQL is not reachable")
        .await?;
    let body = r#"{"name": "outage", "namespace": "outage", "context": {}}"#;
    let (status, error) = wire.refused("/v1/tasks", body).await?;
    assert_eq!((status, error["code"].as_str()), (503, Some("UNAVAILABLE")));
    worker.send_text(&wire::success(&attempt, "1")).await?;

    stack.start("postgres").await?;
    assert_eq!(worker.next("accepted").await?, json!([attempt]));
    let dispatch = worker.next("dispatch").await?;
    let attempt = wire::attempt(&dispatch);
    assert_eq!(attempt["task_uuid"], json!(waiting));
    assert_eq!(dispatch["context"], json!({"long": "x".repeat(10_000)}));
    worker.send_text(&wire::success(&attempt, "2")).await?;
    assert_eq!(worker.next("accepted").await?, json!([attempt]));
    wire.until_health_is(200, "ok").await?;
    for task in [running, waiting] {
        let (_, shown) = wire.get(&format!("/v1/tasks/{task}?wait=10")).await?;
        assert_eq!(shown["status"], "complete");
    }
    Ok(())
}

#[tokio::test]
async fn an_engine_that_is_started_without_postgresql_waits_for_it() -> Result<()> {
    let wire = Wire::new()?;
    let stack = wire::stack().await?;
    stack.kill("orchestration").await?;
    stack.kill("postgres").await?;
    let started = stack.start("orchestration");
    let unready = async {
        wire.until_health_is(503, "PostgreSQL is not available")
            .await?;
        stack.start("postgres").await
    };
    let (started, unready) = tokio::join!(started, unready);
    unready?;
    started?;
    wire.until_health_is(200, "ok").await?;
    Ok(())
}

#[tokio::test]
async fn an_idempotency_key_is_found_again_after_the_engine_was_killed() -> Result<()> {
    let wire = Wire::new()?;
    let stack = wire::stack().await?;
    let mut worker = Worker::connect(&wire).await?;
    worker.welcome("killed", &["killed.Call"], 0).await?;
    let body = r#"{"name": "killed", "namespace": "killed", "context": {}}"#;
    let key = |key: &'static str| [("idempotency-key", key)];
    let (status, task) = wire.post("/v1/tasks", &key("k"), body).await?;
    assert_eq!(status, 201, "{task}");
    stack.kill("orchestration").await?;
    stack.start("orchestration").await?;
    wire.until_health_is(200, "ok").await?;
    let (status, again) = wire.post("/v1/tasks", &key("k"), body).await?;
    assert_eq!((status, &again["task_uuid"]), (200, &task["task_uuid"]));
    let (status, other) = wire.post("/v1/tasks", &key("l"), body).await?;
    assert_eq!(status, 201, "{other}");
    assert_ne!(other["task_uuid"], task["task_uuid"]);
    Ok(())
}
