//! `/v1/tasks`: creating and showing tasks and their steps.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;
use tasker_core::payload::Look;
use tasker_core::{StepIndex, Task, TaskId, view};
use tasker_protocol::api::{self, CreateTask, MAX_WAIT_SECONDS, StepPage};
use tasker_protocol::error::{ErrorCode, ErrorDetail};
use tokio::sync::oneshot;

use super::App;
use super::body::{Body, Params, TaskUuid};
use super::creation::{self, Wanted};
use super::error::ApiError;
use crate::command::Command;
use crate::running::Running;

/// Steps on a page at the most.
const PAGE: usize = 1000;

/// `?wait=SECONDS`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// Answer when the task has ended or is blocked, or else after so many seconds with the task as it is then.
    #[schemars(range(min = 0, max = MAX_WAIT_SECONDS))]
    wait: Option<f64>,
}

impl Wait {
    fn limit(&self) -> Result<Option<Duration>, ApiError> {
        match self.wait {
            None => Ok(None),
            Some(seconds) if (0.0..=MAX_WAIT_SECONDS).contains(&seconds) => {
                Ok(Some(Duration::from_secs_f64(seconds)))
            }
            Some(seconds) => Err(ApiError::new(
                ErrorCode::InvalidRequest,
                format!("`wait` is {seconds}: it takes seconds from 0 to {MAX_WAIT_SECONDS}"),
            )),
        }
    }
}

/// `?limit=&cursor=`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// How many at the most; 1000 when absent.
    #[schemars(range(min = 1, max = PAGE))]
    limit: Option<usize>,
    /// `next_cursor` of the page before; absent for the first page.
    cursor: Option<StepIndex>,
}

/// `POST /v1/tasks`: 201 once the task is durable, 200 when its idempotency key has created it before.
pub async fn create(
    State(app): State<App>,
    Params(wait): Params<Wait>,
    headers: HeaderMap,
    Body(mut create, share): Body<CreateTask>,
) -> Result<(StatusCode, Json<api::Task>), ApiError> {
    let engine = app.engine()?;
    let limit = wait.limit()?;
    creation::take_header(&headers, &mut create)?;
    let wanted = Wanted::check(create, creation::trace(&headers))?;
    let mut held = None;
    if let Some(key) = wanted.key() {
        let key = engine.keys.hold(key.clone()).await;
        let first = key.first_use().await;
        if let Some(first) = first.map_err(|error| ApiError::unavailable(&error))? {
            drop(key);
            let task = shown(&engine, wanted.first(&first)?, limit).await?;
            return Ok((StatusCode::OK, Json(task)));
        }
        held = Some(key);
    }
    let mut new = wanted.task(&engine, Arc::new(share))?;
    new.until_durable.held = held;
    let id = new.id;
    let (reply, answer) = oneshot::channel();
    let command = Command::Create {
        task: Box::new(new),
        wait: limit.is_some(),
        reply,
    };
    engine.admission.create(command)?;
    let answer = async { answer.await.ok().flatten() };
    let task = match limit {
        None => answer.await.ok_or_else(stopping).and_then(|task| Ok(task?)),
        Some(limit) => settled(&engine, id, limit, answer).await,
    };
    let task = match task {
        // These say that the request had no effect, which is not known of one that the engine has taken.
        Err(error) if matches!(error.code(), ErrorCode::Unavailable | ErrorCode::Overloaded) => {
            replayed(&engine, id)
                .await
                .map_err(|_| ApiError::untold())?
        }
        task => task?,
    };
    Ok((StatusCode::CREATED, Json(task)))
}

/// `GET /v1/tasks/{task_uuid}`.
pub async fn show(
    State(app): State<App>,
    TaskUuid(id): TaskUuid,
    Params(wait): Params<Wait>,
) -> Result<Json<api::Task>, ApiError> {
    let engine = app.engine()?;
    let task = shown(&engine, id, wait.limit()?).await?;
    Ok(Json(task))
}

/// A task as it is now or, with a limit, once it has ended or is blocked.
pub(super) async fn shown(
    engine: &Arc<Running>,
    id: TaskId,
    limit: Option<Duration>,
) -> Result<api::Task, ApiError> {
    match limit {
        None => now(engine, id).await,
        Some(limit) => {
            let answer = ask(engine, id, true);
            settled(engine, id, limit, async { answer.await.ok()?.map(Ok) }).await
        }
    }
}

/// `GET /v1/tasks/{task_uuid}/workflow_steps`.
pub async fn steps(
    State(app): State<App>,
    TaskUuid(id): TaskUuid,
    Params(page): Params<Page>,
) -> Result<Json<StepPage>, ApiError> {
    let engine = app.engine()?;
    let limit = page.limit.unwrap_or(PAGE);
    if !(1..=PAGE).contains(&limit) {
        return Err(ApiError::new(
            ErrorCode::InvalidRequest,
            format!("`limit` is {limit}: it takes 1 to {PAGE}"),
        ));
    }
    let from = page.cursor.unwrap_or(0);
    let (reply, answer) = oneshot::channel();
    let command = Command::Steps {
        task: id,
        from,
        limit,
        reply,
    };
    engine.send(command).await?;
    let page = match answer.await.map_err(|_| stopping())? {
        Some(page) => page,
        None => {
            let show = |task: &Task, texts: &Look<'_>| {
                view::steps(&tasker_core::State::default(), task, texts, from, limit)
            };
            engine.show(id, show).await?
        }
    };
    Ok(Json(page))
}

/// The task when `answer` comes within the limit, else as it is then.
async fn settled(
    engine: &Arc<Running>,
    id: TaskId,
    limit: Duration,
    answer: impl Future<Output = Option<Result<api::Task, ErrorDetail>>>,
) -> Result<api::Task, ApiError> {
    match tokio::time::timeout(limit, answer).await {
        Ok(Some(task)) => Ok(task?),
        Ok(None) | Err(_) => now(engine, id).await,
    }
}

/// The task as it is now: from memory, or from the journal when it has ended.
async fn now(engine: &Arc<Running>, id: TaskId) -> Result<api::Task, ApiError> {
    match ask(engine, id, false).await? {
        Some(task) => Ok(task),
        None => replayed(engine, id).await,
    }
}

/// A task that is only in the journal.
pub(super) async fn replayed(engine: &Running, id: TaskId) -> Result<api::Task, ApiError> {
    let show =
        |task: &Task, texts: &Look<'_>| view::task(&tasker_core::State::default(), task, texts);
    engine.show(id, show).await
}

async fn ask(engine: &Arc<Running>, id: TaskId, wait: bool) -> Result<Option<api::Task>, ApiError> {
    let (reply, answer) = oneshot::channel();
    let command = Command::Task {
        task: id,
        wait,
        reply,
    };
    engine.send(command).await?;
    let answer = answer.await.map_err(|_| stopping())?;
    Ok(answer.transpose()?)
}

pub(super) fn stopping() -> ApiError {
    ApiError::unavailable("the engine is stopping or recovering")
}
