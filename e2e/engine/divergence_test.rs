//! The database has lost commits under the engine: it notices, drops its memory and goes on from what is there.

mod wire;

use anyhow::Result;
use serde_json::json;
use wire::{Wire, Worker};

#[tokio::test]
async fn what_was_lost_is_gone_and_what_is_there_goes_on_in_the_same_process() -> Result<()> {
    let wire = Wire::new()?;
    let stack = wire::stack().await?;
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
    stack.kill("postgres").await?;
    stack.start("postgres").await?;

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
    assert_eq!(log.matches("listening on").count(), 1, "one process");
    assert!(log.contains("the engine drops its memory and recovers"));
    Ok(())
}
