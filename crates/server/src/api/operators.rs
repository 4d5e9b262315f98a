//! What people do to a task or to one of its steps: `DELETE /v1/tasks/{task_uuid}` and
//! `PATCH /v1/tasks/{task_uuid}/workflow_steps/{step_uuid}`.

use axum::Json;
use axum::extract::State;
use tasker_core::{TaskId, order};
use tasker_protocol::action::ActOnStep;
use tasker_protocol::api;
use tasker_protocol::error::ErrorDetail;
use tokio::sync::oneshot;

use super::App;
use super::body::{Body, StepUuid, TaskUuid};
use super::error::ApiError;
use super::tasks::stopping;
use crate::command::{Command, Order, What};
use crate::running::Running;

/// Cancels a task; the answer is the task.
pub async fn cancel(
    State(app): State<App>,
    TaskUuid(task): TaskUuid,
) -> Result<Json<api::Task>, ApiError> {
    let engine = app.engine()?;
    let (reply, answer) = oneshot::channel();
    give(&engine, task, What::Cancel { reply }, answer).await
}

/// Retries, resolves or completes a step; the answer is the step.
pub async fn act(
    State(app): State<App>,
    StepUuid { task, step }: StepUuid,
    Body(asked, share): Body<ActOnStep>,
) -> Result<Json<api::Step>, ApiError> {
    let engine = app.engine()?;
    let (action, texts) = order::read(asked)?;
    let (reply, answer) = oneshot::channel();
    let what = What::Act {
        step_uuid: step,
        action,
        texts,
        share,
        reply,
    };
    give(&engine, task, what, answer).await
}

/// Gives the engine an order and waits until what follows from it is durable.
async fn give<T>(
    engine: &Running,
    task: TaskId,
    what: What,
    answer: oneshot::Receiver<Option<Result<T, ErrorDetail>>>,
) -> Result<Json<T>, ApiError> {
    engine.send(Command::Order(Order { task, what })).await?;
    match answer.await.map_err(|_| ApiError::untold())? {
        Some(Ok(done)) => Ok(Json(done)),
        Some(Err(refused)) => Err(refused.into()),
        // The task cannot be read: reading it here says why.
        None => {
            let read = engine.show(task, |_, _| ()).await;
            Err(read.err().unwrap_or_else(stopping))
        }
    }
}
