//! Contexts, results and frames at their limits, over them and far over them: what their sender is told, and that what was
//! acknowledged before goes on.

mod wire;

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tasker_protocol::api::{MAX_BODY_BYTES, MAX_PAYLOAD_BYTES};
use tasker_protocol::frame::MAX_FRAME_BYTES;
use uuid::Uuid;
use wire::play::{play, status, template};
use wire::{Wire, Worker, attempt, success};

/// A JSON text of so many bytes.
fn text_of(bytes: usize) -> String {
    format!("\"{}\"", "x".repeat(bytes - 2))
}

#[tokio::test]
async fn a_context_over_the_limit_is_refused_and_one_at_it_is_carried() -> Result<()> {
    let wire = Wire::new()?;
    let mut worker = Worker::connect(&wire).await?;
    worker.welcome("contexts", &["contexts.Call"], 1).await?;
    let earlier = wire.create("contexts", "{}").await?;
    let body = |context: &str| {
        format!(r#"{{"name": "contexts", "namespace": "contexts", "context": {context}}}"#)
    };
    for (bytes, code, message) in [
        (
            MAX_PAYLOAD_BYTES + 1,
            "CONTEXT_TOO_LARGE",
            "the context has 8388609 bytes, at most 8388608 are taken: store the data elsewhere and send a reference",
        ),
        (
            MAX_BODY_BYTES + 1,
            "BODY_TOO_LARGE",
            "the body is larger than 9437184 bytes",
        ),
        (
            6 * MAX_BODY_BYTES,
            "BODY_TOO_LARGE",
            "the body is larger than 9437184 bytes",
        ),
    ] {
        let (status, error) = wire.refused("/v1/tasks", &body(&text_of(bytes))).await?;
        assert_eq!((status, error["code"].as_str()), (413, Some(code)));
        assert_eq!(error["message"], message);
    }
    let largest = text_of(MAX_PAYLOAD_BYTES);
    let task = wire.create("contexts", &largest).await?;
    for (id, context) in [(earlier, "{}"), (task, &largest)] {
        let dispatch = worker.next("dispatch").await?;
        assert_eq!(dispatch["task_uuid"], json!(id));
        assert!(dispatch["context"] == serde_json::from_str::<Value>(context)?);
        let attempt = attempt(&dispatch);
        worker.send_text(&success(&attempt, "1")).await?;
        assert_eq!(worker.next("accepted").await?, json!([attempt]));
        assert_eq!(status(&wire, id).await?, "complete");
    }
    Ok(())
}

#[tokio::test]
async fn a_result_over_the_limit_fails_its_step_and_a_frame_over_it_ends_the_session() -> Result<()>
{
    let wire = Wire::new()?;
    let mut worker = Worker::connect(&wire).await?;
    let template = json!({
        "name": "results", "namespace_name": "results", "version": "1.0.0",
        "steps": [{"name": "only", "handler": {"callable": "results.Call"}}],
    });
    let hello = worker.hello_with(&template, &["results.Call"], 1);
    worker.send(&hello).await?;
    worker.next("welcome").await?;

    let kept = wire.create("results", "{}").await?;
    let dispatched = attempt(&worker.next("dispatch").await?);
    worker
        .send_text(&success(&dispatched, &text_of(MAX_PAYLOAD_BYTES)))
        .await?;
    assert_eq!(worker.next("accepted").await?, json!([dispatched]));
    assert_eq!(status(&wire, kept).await?, "complete");

    let failed = wire.create("results", "{}").await?;
    let dispatched = attempt(&worker.next("dispatch").await?);
    worker
        .send_text(&success(&dispatched, &text_of(MAX_PAYLOAD_BYTES + 1)))
        .await?;
    assert_eq!(worker.next("accepted").await?, json!([dispatched]));
    assert_eq!(status(&wire, failed).await?, "blocked_by_failures");
    let (_, steps) = wire
        .get(&format!("/v1/tasks/{failed}/workflow_steps"))
        .await?;
    let error = &steps["steps"][0]["error"];
    assert_eq!(error["error_type"], "result_too_large");
    assert_eq!(error["error_code"], "RESULT_TOO_LARGE");
    assert_eq!(
        error["message"],
        "results, metadata or batches of 8388609 bytes, at most 8388608 are kept: store the data elsewhere and return a \
         reference"
    );

    let task = wire.create("results", "{}").await?;
    let dispatched = attempt(&worker.next("dispatch").await?);
    // The connection may be gone before all of it is sent.
    let _ = worker
        .send_text(&success(&dispatched, &text_of(MAX_FRAME_BYTES)))
        .await;
    assert!(worker.is_closed().await);
    let mut other = Worker::connect(&wire).await?;
    let hello = other.hello_with(&template, &["results.Call"], 1);
    other.send(&hello).await?;
    other.next("welcome").await?;
    let again = attempt(&other.next("dispatch").await?);
    assert_eq!(
        (&again["task_uuid"], &again["attempt"]),
        (&json!(task), &json!(2))
    );
    other.send_text(&success(&again, "1")).await?;
    assert_eq!(other.next("accepted").await?, json!([again]));
    assert_eq!(status(&wire, task).await?, "complete");
    Ok(())
}

#[tokio::test]
async fn a_frame_of_millions_of_bad_messages_is_answered_once_and_ends_the_session() -> Result<()> {
    let wire = Wire::new()?;
    let mut worker = Worker::connect(&wire).await?;
    worker.welcome("crowded", &["crowded.Call"], 1).await?;
    let frame = format!("[{}0]", "0,".repeat(MAX_FRAME_BYTES / 2 - 2));
    worker.send_text(&frame).await?;
    let error = worker.next("error").await?;
    assert_eq!(error["code"], "INVALID_REQUEST");
    assert_eq!(
        error["message"],
        "the frame has 16777215 messages, at most 16384 are taken"
    );
    assert!(worker.is_closed().await);
    Ok(())
}

/// Together they are twice what a worker may leave unread.
#[tokio::test]
async fn contexts_that_a_worker_has_no_room_for_come_when_it_has_read_others() -> Result<()> {
    const TASKS: usize = 8;
    let wire = Wire::new()?;
    let mut worker = Worker::connect(&wire).await?;
    worker.welcome("many", &["many.Call"], 0).await?;
    let mut waiting = BTreeSet::new();
    for _ in 0..TASKS {
        let context = text_of(MAX_PAYLOAD_BYTES);
        waiting.insert(wire.create("many", &context).await?.to_string());
    }
    worker.send(&json!({"ready": {"slots": TASKS}})).await?;
    let mut dispatched = Vec::new();
    for _ in 0..TASKS {
        let dispatch = worker.next("dispatch").await?;
        let context = dispatch["context"].as_str().unwrap_or_default();
        assert_eq!(context.len(), MAX_PAYLOAD_BYTES - 2);
        dispatched.push(attempt(&dispatch));
    }
    for attempt in &dispatched {
        let task = attempt["task_uuid"].as_str().unwrap_or_default();
        assert!(waiting.remove(task), "each comes once");
        worker.send_text(&success(attempt, "1")).await?;
        worker.next("accepted").await?;
    }
    Ok(())
}

#[tokio::test]
async fn pages_of_steps_are_cut_by_their_results_while_the_task_runs_and_after() -> Result<()> {
    const RESULT: usize = 7 << 20;
    let wire = Wire::new()?;
    let steps = ["a", "b", "c", "d", "e", "f"].map(|name| (name, "standard", &[] as &[&str]));
    let mut worker = play(&wire, &template("paged", &steps)).await?;
    let task = wire.create("paged", "{}").await?;
    let mut attempts = Vec::new();
    for (name, _, _) in steps {
        let dispatch = worker.next("dispatch").await?;
        assert_eq!(dispatch["step_name"], name);
        attempts.push(attempt(&dispatch));
    }
    let last = attempts.pop().context("a dispatch of `f`")?;
    for attempt in attempts {
        let outcome = success(&attempt, &text_of(RESULT));
        worker.send_text(&outcome).await?;
        assert_eq!(worker.next("accepted").await?, json!([attempt]));
    }
    // As long as `null` is.
    let expected = json!([
        [["a", RESULT], ["b", RESULT]],
        [["c", RESULT], ["d", RESULT]],
        [["e", RESULT], ["f", 4]],
    ]);
    assert_eq!(pages(&wire, task).await?, expected);
    worker.send_text(&success(&last, "1234")).await?;
    assert_eq!(worker.next("accepted").await?, json!([last]));
    assert_eq!(status(&wire, task).await?, "complete");
    assert_eq!(pages(&wire, task).await?, expected);
    Ok(())
}

/// The names of a task's steps and the lengths of their results, page by page.
async fn pages(wire: &Wire, task: Uuid) -> Result<Value> {
    let first = format!("/v1/tasks/{task}/workflow_steps");
    let (mut path, mut pages) = (first.clone(), Vec::new());
    loop {
        let (_, page) = wire.get(&path).await?;
        let steps = page["steps"].as_array().context("a page")?;
        let steps = steps
            .iter()
            .map(|step| json!([step["step_name"], step["results"].to_string().len()]));
        pages.push(steps.collect::<Value>());
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("{first}?cursor={cursor}"),
            None => return Ok(json!(pages)),
        }
    }
}
