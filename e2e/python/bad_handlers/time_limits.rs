//! Handlers that never return: the attempt times out, and what still runs keeps its slot.

use anyhow::{Context, Result};
use serde_json::json;
use tasker_e2e::gate::Gate;
use tasker_e2e::stack::Changes;
use tasker_e2e::{get_task_completion_timeout, wait_for_task_completion};
use tasker_protocol::api::StepState;

use super::{Scene, WORKER};

#[tokio::test]
async fn a_sync_handler_keeps_its_slot_after_the_time_out() -> Result<()> {
    let scene = Scene::open().await?;
    let stack = scene.manager.stack().await?;
    stack.term(WORKER).await?;
    assert_eq!(stack.ended(WORKER).await?, 0);
    let one_slot = Changes {
        arguments: vec!["--slots", "1"],
        ..Changes::default()
    };
    stack.start_with(WORKER, &one_slot).await?;

    let gate = Gate::open().await?;
    let slow = scene
        .create("slow", json!({"gate": gate.address()}))
        .await?;
    let held = gate.started().await?;
    let (step, error) = scene.failed(slow).await?;
    assert_eq!(step.attempts, 1);
    assert_eq!(
        (error.error_type.as_str(), error.retryable),
        ("timeout", true)
    );
    assert_eq!(
        error.message,
        "the handler bad.bad_handler.SlowHandler did not end within its time limit"
    );

    let next = scene.create("bad", json!({"deed": "good"})).await?;
    let step = scene.client.list_task_steps(next).await?.remove(0);
    assert_eq!(step.current_state, StepState::Enqueued);
    let reason = step.waiting_on.clone().context("a reason")?;
    assert!(reason.contains("no free slot"), "{reason}");

    held.release().await?;
    wait_for_task_completion(&scene.client, next, get_task_completion_timeout()).await?;
    let (_, error) = scene.failed(slow).await?;
    assert_eq!(error.error_type, "timeout");

    stack.term(WORKER).await?;
    assert_eq!(stack.ended(WORKER).await?, 0);
    stack.start(WORKER).await
}

#[tokio::test]
async fn an_async_handler_is_cancelled_at_the_time_out() -> Result<()> {
    let scene = Scene::open().await?;
    let _stack = scene.manager.stack().await?;
    let process = scene.process().await?;
    let slow = scene.create("slow_async", json!({})).await?;
    let (step, error) = scene.failed(slow).await?;
    assert_eq!(step.attempts, 1);
    assert_eq!(
        (error.error_type.as_str(), error.retryable),
        ("timeout", true)
    );
    assert_eq!(
        error.message,
        "the handler bad.bad_handler.AsyncSlowHandler did not end within its time limit"
    );
    assert_eq!(scene.process().await?, process);
    Ok(())
}
