//! More open work than the engine takes: creations are refused, all else goes on, and makes room.

mod wire;

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tasker_e2e::stack::Changes;
use wire::{Wire, Worker, attempt, success};

#[tokio::test]
async fn creations_beyond_the_limit_of_open_steps_are_refused_until_tasks_have_ended() -> Result<()>
{
    let stack = wire::stack().await?;
    let wire = Wire::new()?;
    stack.kill("orchestration").await?;
    let limit = Changes {
        environment: [("TASKER_MAX_OPEN_STEPS", "2")].into(),
        ..Changes::default()
    };
    stack.start_with("orchestration", &limit).await?;
    let mut worker = Worker::connect(&wire).await?;
    worker.welcome("crowded", &["crowded.Call"], 1).await?;
    let first = wire.create("crowded", "{}").await?;
    let second = wire.create("crowded", "{}").await?;

    let one = r#"{"name": "crowded", "namespace": "crowded", "context": {}}"#;
    let many = format!(r#"{{"tasks": [{one}]}}"#);
    for (path, body) in [("/v1/tasks", one), ("/v1/tasks/batch", &many)] {
        let request = wire.http.post(wire.url(path)).bearer_auth(wire.token());
        let response = request.body(body.to_owned()).send().await?;
        assert_eq!(response.status(), 503, "{path}");
        assert_eq!(response.headers()["retry-after"], "1");
        let error: Value = response.json().await?;
        assert_eq!(error["error"]["code"], "OVERLOADED");
        assert_eq!(
            error["error"]["message"],
            "the engine has 2 steps of open tasks or more, its limit (TASKER_MAX_OPEN_STEPS); the request had no \
             effect: send it again later"
        );
    }
    // All else goes on.
    let (status, shown) = wire.get(&format!("/v1/tasks/{second}")).await?;
    assert_eq!((status, &shown["status"]), (200, &json!("pending")));
    let dispatched = attempt(&worker.next("dispatch").await?);
    assert_eq!(dispatched["task_uuid"], json!(first));
    worker.send_text(&success(&dispatched, "1")).await?;
    assert_eq!(worker.next("accepted").await?, json!([dispatched]));
    let third = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            // The first task leaves memory a moment after its end was told.
            if let Ok(task) = wire.create("crowded", "{}").await {
                return task;
            }
        }
    });
    let third = third.await.context("a creation is taken again")?;
    let (_, refused) = wire.refused("/v1/tasks", one).await?;
    assert_eq!(refused["code"], "OVERLOADED");
    for task in [second, third] {
        let dispatched = attempt(&worker.next("dispatch").await?);
        assert_eq!(dispatched["task_uuid"], json!(task));
        worker.send_text(&success(&dispatched, "1")).await?;
        assert_eq!(worker.next("accepted").await?, json!([dispatched]));
    }
    Ok(())
}
