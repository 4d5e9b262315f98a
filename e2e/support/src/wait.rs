//! Waiting for a task's end: the engine answers when it is there, so nothing is polled.

use std::time::Duration;

use anyhow::{Result, bail};
use tasker_protocol::api::TaskStatus;
use uuid::Uuid;

use crate::orchestration::{OrchestrationClient, Task};

/// How long a task of a test may take, on a machine that is busy with other tests.
pub fn get_task_completion_timeout() -> Duration {
    Duration::from_secs(30)
}

/// The task once every step is done.
///
/// # Errors
/// When it ends otherwise, is blocked, or is still open after `timeout`; the message has each step's state and error.
pub async fn wait_for_task_completion(
    client: &OrchestrationClient,
    task_uuid: Uuid,
    timeout: Duration,
) -> Result<Task> {
    let task = client.wait_for_task(task_uuid, timeout).await?;
    if task.is_execution_complete() {
        return Ok(task);
    }
    bail!("not complete: {}", describe(client, &task, timeout).await?)
}

/// The task once it is blocked by a failed step, or has ended in error.
///
/// # Errors
/// When it ends otherwise or is still open after `timeout`; the message has each step's state and error.
pub async fn wait_for_task_failure(
    client: &OrchestrationClient,
    task_uuid: Uuid,
    timeout: Duration,
) -> Result<Task> {
    let task = client.wait_for_task(task_uuid, timeout).await?;
    if matches!(
        task.status,
        TaskStatus::BlockedByFailures | TaskStatus::Error
    ) {
        return Ok(task);
    }
    bail!("not failed: {}", describe(client, &task, timeout).await?)
}

async fn describe(client: &OrchestrationClient, task: &Task, timeout: Duration) -> Result<String> {
    let mut text = format!(
        "task {} is {:?} after at most {timeout:?}",
        task.task_uuid, task.status
    );
    for step in client.list_task_steps(task.task_uuid).await? {
        text += &format!(
            "\n  {}: {:?}, attempt {} of {}",
            step.step_name, step.current_state, step.attempts, step.max_attempts
        );
        if let Some(error) = &step.error {
            text += &format!(", {}: {}", error.error_type, error.message);
        }
        if let Some(reason) = &step.waiting_on {
            text += &format!(", {reason}");
        }
    }
    Ok(text)
}
