//! The database has lost commits under the engine: it notices, drops its memory and goes on from what is there, whether or
//! not its connections were lost with them.

mod wire;

use anyhow::Result;
use serde_json::json;
use tasker_e2e::stack::Stack;
use wire::{Wire, Worker};

#[tokio::test]
async fn what_was_lost_is_gone_and_what_is_there_goes_on_in_the_same_process() -> Result<()> {
    let stack = wire::stack().await?;
    lose(&stack, async |stack| {
        stack.kill("postgres").await?;
        stack.start("postgres").await
    })
    .await
}

#[tokio::test]
async fn the_same_where_an_older_copy_takes_the_place_of_the_rows_under_open_connections()
-> Result<()> {
    let stack = wire::stack().await?;
    lose(&stack, async |_| {
        // A restored row is what it was, and another transaction has written it.
        let restored = "UPDATE tasker.engines SET address = address";
        wire::database().await?.batch_execute(restored).await?;
        Ok(())
    })
    .await
}

/// Loses a task, and has the connections be as they are afterwards.
async fn lose(stack: &Stack, afterwards: impl AsyncFnOnce(&Stack) -> Result<()>) -> Result<()> {
    let wire = Wire::new()?;
    let processes = stack.log("orchestration").await?;
    let processes = processes.matches("listening on").count();
    let mut worker = Worker::connect(&wire).await?;
    worker.welcome("diverged", &["diverged.Call"], 1).await?;
    let running = wire.create("diverged", "{}").await?;
    let attempt = wire::attempt(&worker.next("dispatch").await?);
    assert_eq!(attempt["task_uuid"], json!(running));
    let mut events = wire.follow(running).await?;
    assert!(events.chunk().await?.is_some());
    let waiting = wire.create("diverged", "{}").await?;
    let lost = wire.create("diverged", "{}").await?;

    // As if the copy of the database that is there afterwards were a moment older.
    let forgotten = wire::database()
        .await?
        .execute("DELETE FROM tasker.tasks WHERE task_uuid = $1", &[&lost])
        .await?;
    assert_eq!(forgotten, 1);
    afterwards(stack).await?;

    assert!(worker.is_closed().await);
    while events.chunk().await?.is_some() {}
    wire.until_health_is(200, "ok").await?;
    let (status, _) = wire.get(&format!("/v1/tasks/{lost}")).await?;
    assert_eq!(status, 404);
    let mut again = Worker::connect(&wire).await?;
    again.instance = worker.instance;
    let mut hello = again.hello("diverged", &["diverged.Call"], 1);
    hello["hello"]["running"] = json!([attempt]);
    hello["hello"]["greeting"] = json!(1);
    again.send(&hello).await?;
    again.next("welcome").await?;
    again.send_text(&wire::success(&attempt, "1")).await?;
    assert_eq!(again.next("accepted").await?, json!([attempt]));
    let new = wire.create("diverged", "{}").await?;
    for task in [waiting, new] {
        let next = wire::attempt(&again.next("dispatch").await?);
        assert_eq!(
            (&next["task_uuid"], &next["attempt"]),
            (&json!(task), &json!(1))
        );
        again.send_text(&wire::success(&next, "2")).await?;
        assert_eq!(again.next("accepted").await?, json!([next]));
    }
    for task in [running, waiting, new] {
        let (_, shown) = wire.get(&format!("/v1/tasks/{task}?wait=10")).await?;
        assert_eq!(shown["status"], "complete");
    }
    let log = stack.log("orchestration").await?;
    let count = log.matches("listening on").count();
    assert_eq!(count, processes, "the same process");
    assert!(log.contains("the engine drops its memory and recovers"));
    Ok(())
}
