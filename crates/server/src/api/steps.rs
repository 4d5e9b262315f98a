//! `GET /v1/tasks/{task_uuid}/workflow_steps/{step_uuid}`: one step with its history and, when asked for, its log.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use tasker_protocol::api;
use tokio::sync::oneshot;

use super::App;
use super::body::{Params, StepUuid};
use super::error::ApiError;
use super::tasks::stopping;
use crate::command::Command;

/// `?logs=`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Logs {
    /// `true`: with what the handler of each attempt logged.
    logs: Option<bool>,
}

/// The step as it is now, from memory or, when its task has ended, from the journal; its history always from there.
pub async fn show(
    State(app): State<App>,
    StepUuid { task, step }: StepUuid,
    Params(Logs { logs }): Params<Logs>,
) -> Result<Json<api::Step>, ApiError> {
    let engine = app.engine()?;
    let (reply, answer) = oneshot::channel();
    let command = Command::Step {
        task,
        step_uuid: step,
        reply,
    };
    engine.send(command).await?;
    let live = answer.await.map_err(|_| stopping())?.transpose()?;
    let past = engine.past(task, step).await?;
    // What was committed meanwhile is in the journal and not in the step that memory showed.
    let (shown, records) = live.unwrap_or_else(|| (past.step(), u64::MAX));
    Ok(Json(api::Step {
        history: Some(past.history(records, logs.unwrap_or(false))),
        ..shown
    }))
}
