//! PostgreSQL is silent for longer than a caller waits, while workers have more to say than the engine keeps: the caller is
//! told, workers are held back and then let go, and nothing is lost or done twice when they come back.

mod wire;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tasker_e2e::stack::Changes;
use tasker_protocol::api::MAX_PAYLOAD_BYTES;
use uuid::Uuid;
use wire::network::Network;
use wire::play::status;
use wire::{Wire, Worker, attempt, success};

/// Together their results are half as much again as the engine keeps of what is not durable.
const TASKS: usize = 24;

const CREATION: &str = r#"{"name": "stalled", "namespace": "stalled", "context": {}}"#;

/// How a task of one step ended, and how many attempts that took.
async fn ended(wire: &Wire, task: Uuid) -> Result<Value> {
    let path = format!("/v1/tasks/{task}/workflow_steps");
    let (_, page) = wire.get(&path).await?;
    Ok(json!([
        status(wire, task).await?,
        page["steps"][0]["attempts"]
    ]))
}

/// The outcomes of the worker that are accepted, up to so many, and what was dispatched to it meanwhile.
async fn accepted(worker: &mut Worker, count: usize) -> Result<(Vec<Value>, Vec<Value>)> {
    let (mut accepted, mut dispatched) = (Vec::new(), Vec::new());
    while accepted.len() < count {
        let mut message: Value = serde_json::from_str(&worker.next_message().await?)?;
        match (message["accepted"].take(), message["dispatch"].take()) {
            (Value::Array(attempts), _) => accepted.extend(attempts),
            (_, dispatch @ Value::Object(_)) => dispatched.push(attempt(&dispatch)),
            // What the engine had taken before it let the worker go is not open any more.
            _ => assert!(message.get("cancel").is_some(), "{message}"),
        }
    }
    Ok((accepted, dispatched))
}

#[tokio::test]
async fn a_creation_times_out_workers_wait_and_nothing_is_lost_or_done_twice() -> Result<()> {
    let stack = wire::stack().await?;
    let (wire, network) = (Wire::new()?, Network::to_postgres().await?);
    let mut changes = Changes::default();
    changes.environment.insert("DATABASE_URL", network.url());
    stack.kill("orchestration").await?;
    stack.start_with("orchestration", &changes).await?;
    let mut worker = Worker::connect(&wire).await?;
    let slots = TASKS as u32 + 1;
    worker.welcome("stalled", &["stalled.Call"], slots).await?;
    let (mut tasks, mut attempts) = (Vec::new(), Vec::new());
    for _ in 0..TASKS {
        tasks.push(wire.create("stalled", "{}").await?);
        attempts.push(attempt(&worker.next("dispatch").await?));
    }

    // The creation has reached PostgreSQL, and is not done, when that falls silent.
    let mut database = wire::database().await?;
    let lock = database.transaction().await?;
    lock.batch_execute("LOCK TABLE tasker.tasks IN SHARE MODE")
        .await?;
    let patient = reqwest::Client::builder().timeout(Duration::from_secs(60));
    let creation = patient.build()?.post(wire.url("/v1/tasks"));
    let creation = creation.bearer_auth(wire.token());
    let creation = creation.header("idempotency-key", "k").body(CREATION);
    let creation = tokio::spawn(creation.send());
    let waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)";
    while !lock.query_one(waits, &[]).await?.get::<_, bool>(0) {
        ensure!(!creation.is_finished(), "the creation does not wait");
    }
    network.hold();
    network.cut();
    lock.rollback().await?;

    let (held, instance) = (attempts.clone(), worker.instance);
    let largest = format!("\"{}\"", "x".repeat(MAX_PAYLOAD_BYTES - 2));
    let outcomes: Vec<String> = held.iter().map(|held| success(held, &largest)).collect();
    let said = outcomes.clone();
    let sending = tokio::spawn(async move {
        let mut sent = 0;
        for outcome in said {
            if worker.send_text(&outcome).await.is_err() {
                break;
            }
            sent += 1;
        }
        (sent, worker.is_closed().await)
    });
    let response = creation.await??;
    assert_eq!(response.status(), 504);
    let error: Value = response.json().await?;
    assert_eq!(error["error"]["code"], "COMMIT_TIMEOUT");
    assert_eq!(
        error["error"]["message"],
        "the engine could not commit for 30s; whether the request takes effect is not known yet: look, or send a creation \
         again with its idempotency key"
    );
    let (sent, is_closed) = sending.await?;
    ensure!(sent < TASKS, "the worker is not held back");
    ensure!(is_closed, "the worker is not let go");

    network.pass();
    wire.until_health_is(200, "ok").await?;
    let mut worker = Worker::connect(&wire).await?;
    worker.instance = instance;
    let mut hello = worker.hello("stalled", &["stalled.Call"], slots);
    hello["hello"]["running"] = json!(held);
    hello["hello"]["greeting"] = json!(1);
    worker.send(&hello).await?;
    worker.next("welcome").await?;
    for outcome in &outcomes {
        worker.send_text(outcome).await?;
    }
    let (mut was_accepted, mut dispatched) = accepted(&mut worker, TASKS).await?;
    let key = |attempt: &Value| attempt["task_uuid"].to_string();
    was_accepted.sort_by_key(key);
    attempts.sort_by_key(key);
    assert_eq!(was_accepted, attempts);
    wire.until_health_is(200, "ok").await?;
    let (code, again) = wire
        .post("/v1/tasks", &[("idempotency-key", "k")], CREATION)
        .await?;
    assert_eq!(code, 200, "it is the first task: {again}");
    if dispatched.is_empty() {
        dispatched.push(attempt(&worker.next("dispatch").await?));
    }
    assert_eq!(dispatched.len(), 1);
    assert_eq!(dispatched[0]["task_uuid"], again["task_uuid"]);
    worker.send_text(&success(&dispatched[0], "1")).await?;
    assert_eq!(worker.next("accepted").await?, json!(dispatched));
    let created = again["task_uuid"].as_str().context("a task")?.parse()?;
    for task in tasks {
        assert_eq!(ended(&wire, task).await?, json!(["complete", 1]));
    }
    // Its first attempt may have been meant for the session that was closed, and was never given then.
    let attempt = &dispatched[0]["attempt"];
    assert_eq!(ended(&wire, created).await?, json!(["complete", attempt]));
    stack.kill("orchestration").await?;
    stack.start("orchestration").await
}
