//! `GET /v1/tasks`: tasks, newest first, page by page.
//!
//! The journal's rows say which tasks there are and, of those that have ended, all that is shown. What an open task is
//! doing is known in memory only: its row stands for it in the search, and the engine says what is shown and whether it
//! is what was looked for. So a page may hold fewer tasks than were asked for and not be the last.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::json;
use tasker_core::texts::Request;
use tasker_core::view::rfc3339;
use tasker_core::{Time, view};
use tasker_journal::{ListedTask, Round, TaskFilter};
use tasker_protocol::api::{
    self, DEFAULT_TASKS, ExecutionStatus, MAX_TASKS, TaskPage, TaskQuery, TaskStatus, TaskSummary,
};
use tasker_protocol::error::ErrorCode;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::App;
use super::body::Params;
use super::error::ApiError;
use super::tasks::{replayed, stopping};
use crate::batch::Status;
use crate::command::Command;
use crate::running::Running;

/// How many tasks of each shard the rounds of one call look at after the first, which looks at one more than are asked
/// for: most lists are full with that.
const DEPTHS: [u32; 4] = [101, 200, 400, 400];

/// What a call looks for.
struct Search {
    filter: TaskFilter,
    status: Option<TaskStatus>,
    before: Uuid,
    limit: u32,
}

/// `GET /v1/tasks`.
pub async fn list(
    State(app): State<App>,
    Params(query): Params<TaskQuery>,
) -> Result<Json<TaskPage>, ApiError> {
    let search = Search::new(query)?;
    let engine = app.engine()?;
    let mut tasks = Vec::new();
    let mut before = search.before;
    for depth in [search.limit + 1].into_iter().chain(DEPTHS) {
        let round = Round {
            before,
            limit: search.limit - tasks.len() as u32,
            depth,
        };
        let found = engine.list(&search.filter, round).await?;
        let shown = show(&engine, found.tasks).await?;
        tasks.extend(shown.into_iter().filter(|task| search.wants(task)));
        match found.next {
            None => return Ok(page(tasks, None)),
            Some(next) => before = next,
        }
        if tasks.len() as u32 == search.limit {
            break;
        }
    }
    Ok(page(tasks, Some(before)))
}

fn page(tasks: Vec<TaskSummary>, next: Option<Uuid>) -> Json<TaskPage> {
    Json(TaskPage {
        tasks,
        next_cursor: next.map(|next| next.simple().to_string()),
    })
}

impl Search {
    fn new(query: TaskQuery) -> Result<Search, ApiError> {
        let limit = query.limit.unwrap_or(DEFAULT_TASKS);
        if !(1..=MAX_TASKS).contains(&limit) {
            let message = format!("`limit` is {limit}: it takes 1 to {MAX_TASKS}");
            return Err(invalid("limit", message));
        }
        let before = match &query.cursor {
            None => Uuid::max(),
            Some(cursor) => Uuid::try_parse(cursor).map_err(|_| {
                let message = format!(
                    "`cursor` is {cursor:?}: it takes the `next_cursor` of the page before, as it was"
                );
                invalid("cursor", message)
            })?,
        };
        Ok(Search {
            filter: TaskFilter {
                namespace: text("namespace", query.namespace)?,
                name: text("name", query.name)?,
                status: query.status.map(|status| stored(status) as i16),
                created_after: time("created_after", query.created_after)?,
                created_before: time("created_before", query.created_before)?,
                initiator: text("initiator", query.initiator)?,
                tag: text("tag", query.tag)?,
            },
            status: query.status,
            before,
            limit,
        })
    }

    fn wants(&self, task: &TaskSummary) -> bool {
        self.status.is_none_or(|status| task.status == status)
    }
}

/// What the row of a task says that stands so.
fn stored(status: TaskStatus) -> Status {
    match status {
        TaskStatus::Pending | TaskStatus::StepsInProcess | TaskStatus::WaitingForRetry => {
            Status::Open
        }
        TaskStatus::BlockedByFailures => Status::Blocked,
        TaskStatus::Complete => Status::Complete,
        TaskStatus::ResolvedManually => Status::ResolvedManually,
        TaskStatus::Error => Status::Error,
        TaskStatus::Cancelled => Status::Cancelled,
    }
}

fn text(name: &str, text: Option<String>) -> Result<Option<String>, ApiError> {
    match &text {
        Some(given) if given.contains('\0') => {
            let message = format!("`{name}` has the character U+0000, which no task has");
            Err(invalid(name, message))
        }
        _ => Ok(text),
    }
}

/// Microseconds since 1970-01-01 UTC.
fn time(name: &str, text: Option<String>) -> Result<Option<i64>, ApiError> {
    let parsed = text.map(|text| {
        let time = OffsetDateTime::parse(&text, &Rfc3339).map_err(|error| {
            let message = format!(
                "`{name}` is {text:?}, not a time such as 2026-11-24T18:00:00Z ({error}); a `+` in a query is written \
                 %2B"
            );
            invalid(name, message)
        })?;
        let micros = time.unix_timestamp_nanos().div_euclid(1000);
        // Years 0 to 9999 in microseconds are far below what an i64 holds.
        Ok(micros as i64)
    });
    parsed.transpose()
}

fn invalid(name: &str, message: String) -> ApiError {
    ApiError::with_details(ErrorCode::InvalidRequest, message, json!({"path": name}))
}

/// What is shown of tasks: from memory while they are open, else from their rows.
async fn show(engine: &Arc<Running>, rows: Vec<ListedTask>) -> Result<Vec<TaskSummary>, ApiError> {
    let open = rows.iter().filter(|row| row.ended_at.is_none());
    let open: Vec<Uuid> = open.map(|row| row.task_uuid).collect();
    let mut in_memory = remembered(engine, open.clone()).await?;
    // Those that have ended since their rows were read.
    let gone: Vec<Uuid> = open
        .into_iter()
        .filter(|task| !in_memory.contains_key(task))
        .collect();
    let mut again: HashMap<Uuid, ListedTask> = HashMap::new();
    if !gone.is_empty() {
        let rows = engine.listed(&gone).await?;
        again.extend(rows.into_iter().map(|row| (row.task_uuid, row)));
    }
    let mut shown = Vec::with_capacity(rows.len());
    for row in rows {
        shown.push(match in_memory.remove(&row.task_uuid) {
            Some(task) => summary(task),
            None => {
                let row = again.remove(&row.task_uuid).unwrap_or(row);
                match of_row(&row) {
                    Some(shown) => shown,
                    None => summary(replayed(engine, row.task_uuid).await?),
                }
            }
        });
    }
    Ok(shown)
}

async fn remembered(
    engine: &Running,
    tasks: Vec<Uuid>,
) -> Result<HashMap<Uuid, api::Task>, ApiError> {
    if tasks.is_empty() {
        return Ok(HashMap::new());
    }
    let (reply, answer) = oneshot::channel();
    engine.send(Command::Tasks { tasks, reply }).await?;
    let tasks = answer.await.map_err(|_| stopping())?;
    Ok(tasks
        .into_iter()
        .map(|task| (task.task_uuid, task))
        .collect())
}

/// A task as its row shows it; none when the row does not say enough.
fn of_row(row: &ListedTask) -> Option<TaskSummary> {
    let counts = row.summary?;
    let status = match row.status {
        status if status == Status::Blocked as i16 => TaskStatus::BlockedByFailures,
        status if status == Status::Complete as i16 => TaskStatus::Complete,
        status if status == Status::ResolvedManually as i16 => TaskStatus::ResolvedManually,
        status if status == Status::Error as i16 => TaskStatus::Error,
        status if status == Status::Cancelled as i16 => TaskStatus::Cancelled,
        _ => return None,
    };
    let request: Request = serde_json::from_str(&row.request).ok()?;
    let count = |steps: i32| u32::try_from(steps).unwrap_or(0);
    let (total, done) = (count(counts.total_steps), count(counts.completed_steps));
    Some(TaskSummary {
        task_uuid: row.task_uuid,
        namespace: row.namespace.clone(),
        name: row.name.clone(),
        version: row.version.clone(),
        template_hash: row.template_hash.clone(),
        status,
        execution_status: match status {
            TaskStatus::Complete | TaskStatus::ResolvedManually => ExecutionStatus::AllComplete,
            _ => ExecutionStatus::BlockedByFailures,
        },
        created_at: rfc3339(Time(row.created_at)),
        updated_at: rfc3339(Time(counts.updated_at)),
        completed_at: row.ended_at.map(|time| rfc3339(Time(time))),
        initiator: request.initiator,
        source_system: request.source_system,
        reason: request.reason,
        tags: request.tags,
        priority: row.priority,
        correlation_id: request.correlation_id,
        parent_correlation_id: request.parent_correlation_id,
        total_steps: total,
        pending_steps: count(counts.pending_steps),
        // None has a worker when its task has ended or is blocked.
        in_progress_steps: 0,
        completed_steps: done,
        failed_steps: count(counts.failed_steps),
        completion_percentage: view::percentage(done, total),
    })
}

fn summary(task: api::Task) -> TaskSummary {
    TaskSummary {
        task_uuid: task.task_uuid,
        namespace: task.namespace,
        name: task.name,
        version: task.version,
        template_hash: task.template_hash,
        status: task.status,
        execution_status: task.execution_status,
        created_at: task.created_at,
        updated_at: task.updated_at,
        completed_at: task.completed_at,
        initiator: task.initiator,
        source_system: task.source_system,
        reason: task.reason,
        tags: task.tags,
        priority: task.priority,
        correlation_id: task.correlation_id,
        parent_correlation_id: task.parent_correlation_id,
        total_steps: task.total_steps,
        pending_steps: task.pending_steps,
        in_progress_steps: task.in_progress_steps,
        completed_steps: task.completed_steps,
        failed_steps: task.failed_steps,
        completion_percentage: task.completion_percentage,
    }
}
