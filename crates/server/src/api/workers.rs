//! `GET /v1/workers`: the workers with a session.

use axum::Json;
use axum::extract::State;
use tasker_protocol::api::WorkerList;
use tokio::sync::oneshot;

use super::App;
use super::error::ApiError;
use super::tasks::stopping;
use crate::command::Command;

/// `GET /v1/workers`.
pub async fn list(State(app): State<App>) -> Result<Json<WorkerList>, ApiError> {
    let engine = app.engine()?;
    let (reply, answer) = oneshot::channel();
    engine.send(Command::Workers { reply }).await?;
    let workers = answer.await.map_err(|_| stopping())?;
    Ok(Json(WorkerList { workers }))
}
