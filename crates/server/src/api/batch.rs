//! `POST /v1/tasks/batch`: many tasks in one commit, each created or refused for itself.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use futures_util::future::try_join_all;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tasker_core::TaskId;
use tasker_journal::{FirstUse, Key};
use tasker_protocol::api::{self, CreatedTask, CreatedTasks, MAX_BATCH};
use tasker_protocol::error::{ErrorCode, ErrorDetail};
use tokio::sync::oneshot;

use super::App;
use super::body::{Body, parse};
use super::creation::{self, Wanted};
use super::error::ApiError;
use super::tasks::{shown, stopping};
use crate::admission::Share;
use crate::command::{Command, NewTask};
use crate::idempotency::Held;
use crate::running::Running;

/// [`api::CreateTasks`], its tasks not read yet: one that is wrong is refused for itself.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tasks {
    tasks: Vec<Box<RawValue>>,
}

/// What becomes of one task.
enum Item {
    Refused(ApiError),
    /// The task is there already.
    First(TaskId),
    /// The task that is created, by its place among those of this call.
    New(usize),
}

/// `POST /v1/tasks/batch`.
pub async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    Body(Tasks { tasks }, mut share): Body<Tasks>,
) -> Result<Json<CreatedTasks>, ApiError> {
    let engine = app.engine()?;
    if !(1..=MAX_BATCH).contains(&tasks.len()) {
        return Err(ApiError::with_details(
            ErrorCode::InvalidRequest,
            format!(
                "`tasks` has {} tasks: it takes 1 to {MAX_BATCH}; send the others in calls of their own",
                tasks.len()
            ),
            json!({"path": "tasks"}),
        ));
    }
    if headers.contains_key(creation::KEY_HEADER) {
        return Err(creation::invalid_key(
            "the header Idempotency-Key is for one task: give each of `tasks` an `idempotency_key` of its own",
        ));
    }
    app.bodies.cover_tasks(&mut share, tasks.len())?;
    let trace = creation::trace(&headers);
    let wanted: Vec<Result<Wanted, ApiError>> = tasks
        .iter()
        .map(|task| Wanted::check(parse(task.get().as_bytes())?, trace))
        .collect();
    drop(tasks);
    let (items, new) = decide(&engine, wanted, Arc::new(share)).await?;
    let ids: Vec<TaskId> = new.iter().map(|new| new.id).collect();
    let created = create_all(&engine, new).await?.into_iter();
    let mut created: Vec<_> = ids
        .into_iter()
        .zip(created.map(|task| task.map(Some)))
        .collect();
    let mut results = Vec::with_capacity(items.len());
    for item in items {
        results.push(match item {
            Item::Refused(error) => refused(error),
            Item::First(task) => match shown(&engine, task, None).await {
                Ok(task) => answered(StatusCode::OK, task),
                Err(error) => refused(error),
            },
            Item::New(place) => match created.get_mut(place) {
                Some((id, Ok(task))) => match task.take() {
                    Some(task) => answered(StatusCode::CREATED, task),
                    // The second use of a key within this call; the first has taken the answer.
                    None => answered(StatusCode::OK, shown(&engine, *id, None).await?),
                },
                Some((_, Err(error))) => refused(error.clone().into()),
                None => refused(stopping()),
            },
        });
    }
    Ok(Json(CreatedTasks { results }))
}

/// What is to become of each task, and the tasks to create.
async fn decide(
    engine: &Arc<Running>,
    wanted: Vec<Result<Wanted, ApiError>>,
    share: Arc<Share>,
) -> Result<(Vec<Item>, Vec<NewTask>), ApiError> {
    let keys: BTreeSet<Key> = wanted
        .iter()
        .flatten()
        .filter_map(|wanted| wanted.key().cloned())
        .collect();
    let mut keys = hold(engine, keys).await?;
    let mut new: Vec<NewTask> = Vec::new();
    let items = wanted
        .into_iter()
        .map(|wanted| {
            let decided = wanted.and_then(|wanted| {
                let place = new.len();
                let key = wanted.key().cloned();
                match key.as_ref().and_then(|key| keys.get(key)) {
                    Some(Use::First(first)) => return wanted.first(first).map(Item::First),
                    Some(Use::Here(first, place)) => {
                        return wanted.first(first).map(|_| Item::New(*place));
                    }
                    Some(Use::None(_)) | None => {}
                }
                let mut task = wanted.task(engine, Arc::clone(&share))?;
                if let (Some(key), Some(new)) = (key, &task.key) {
                    let first = FirstUse {
                        task_uuid: new.task_uuid,
                        body_hash: new.body_hash.to_vec(),
                    };
                    if let Some(Use::None(held)) = keys.insert(key, Use::Here(first, place)) {
                        task.until_durable.held = Some(held);
                    }
                }
                new.push(task);
                Ok(Item::New(place))
            });
            decided.unwrap_or_else(Item::Refused)
        })
        .collect();
    Ok((items, new))
}

/// What is known of a key.
enum Use {
    /// It was used before.
    First(FirstUse),
    /// It was not; who creates a task with it takes it.
    None(Held),
    /// This call uses it, for the task at a place.
    Here(FirstUse, usize),
}

/// Has all keys and looks them up. In their order, so that two calls never wait for each other.
async fn hold(engine: &Arc<Running>, keys: BTreeSet<Key>) -> Result<HashMap<Key, Use>, ApiError> {
    let mut held = Vec::with_capacity(keys.len());
    for key in keys {
        held.push(engine.keys.hold(key).await);
    }
    let uses = try_join_all(held.iter().map(Held::first_use)).await;
    let uses = uses.map_err(|error| ApiError::unavailable(&error))?;
    let uses = held.into_iter().zip(uses).map(|(held, first)| {
        let key = held.key().clone();
        (key, first.map_or(Use::None(held), Use::First))
    });
    Ok(uses.collect())
}

async fn create_all(
    engine: &Running,
    tasks: Vec<NewTask>,
) -> Result<Vec<Result<api::Task, ErrorDetail>>, ApiError> {
    if tasks.is_empty() {
        return Ok(Vec::new());
    }
    let (reply, answer) = oneshot::channel();
    engine
        .admission
        .create(Command::CreateMany { tasks, reply })?;
    answer.await.map_err(|_| ApiError::untold())
}

fn answered(status: StatusCode, task: api::Task) -> CreatedTask {
    CreatedTask {
        status: status.as_u16(),
        task: Some(task),
        error: None,
    }
}

fn refused(error: ApiError) -> CreatedTask {
    CreatedTask {
        status: error.status().as_u16(),
        task: None,
        error: Some(error.into()),
    }
}
