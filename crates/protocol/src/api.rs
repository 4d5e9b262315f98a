//! Bodies of the REST API.

mod batch;
mod list;
mod template;
mod worker;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Json, frame::Failure, history::HistoryEntry};

pub use batch::{CreateTasks, CreatedTask, CreatedTasks, MAX_BATCH};
pub use list::{DEFAULT_TASKS, MAX_TASKS, TaskPage, TaskQuery, TaskSummary};
pub use template::{
    Backoff, OnFailure, Retry, StepType, Template, TemplateList, TemplateNote, TemplateStep,
};
pub use worker::{Worker, WorkerList};

/// A context longer than this, in bytes, is refused; so is a step's result.
pub const MAX_PAYLOAD_BYTES: usize = 8 << 20;

/// A request body longer than this, in bytes, is refused.
pub const MAX_BODY_BYTES: usize = 9 << 20;

/// Seconds that `?wait=` may ask for.
pub const MAX_WAIT_SECONDS: f64 = 300.0;

/// The longest idempotency key, in characters.
pub const MAX_KEY_CHARS: usize = 255;

/// `POST /v1/tasks`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTask {
    /// The template's name.
    pub name: String,
    /// The template's namespace.
    pub namespace: String,
    /// The template's version; the default when absent: the highest release that is not retired, unless an operator has
    /// named another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What the workflow works on, any JSON value.
    pub context: Json,
    /// Who asked for the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiator: Option<String>,
    /// The system that asked for the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_system: Option<String>,
    /// Why the task was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Words to find the task by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// From -100 to 100; higher first.
    #[serde(default, deserialize_with = "crate::whole::priority")]
    #[schemars(range(min = -100, max = 100), with = "i16")]
    pub priority: i16,
    /// Ties the task to other records of the caller's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The correlation id of what caused the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_correlation_id: Option<String>,
    /// Names this creation in its namespace: sent again with the same body, it gives the first task instead of a
    /// second. The header `Idempotency-Key` is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MAX_KEY_CHARS))]
    pub idempotency_key: Option<String>,
}

/// Where a task stands; `docs/states.md` draws it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// A step is ready and no attempt was ever started.
    Pending,
    /// A step is ready or with a worker.
    StepsInProcess,
    /// Nothing runs; a failed step waits for its next attempt.
    WaitingForRetry,
    /// Nothing runs or will run by itself; a step is in error.
    BlockedByFailures,
    /// Every step is complete.
    Complete,
    /// Every step is done, at least one of them by an operator.
    ResolvedManually,
    /// Ended without success.
    Error,
    /// Ended by a request.
    Cancelled,
}

/// What a task is doing, in the terms of its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionStatus {
    /// A step is ready and not with a worker.
    HasReadySteps,
    /// A step is with a worker.
    Processing,
    /// A failed step waits for its next attempt.
    WaitingForDependencies,
    /// Nothing runs or will run by itself, and not all is done.
    BlockedByFailures,
    /// Ended with success.
    AllComplete,
}

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// A parent is not done.
    Pending,
    /// Ready, and not with a worker.
    Enqueued,
    /// With a worker.
    InProgress,
    /// A failed attempt is followed by another at `next_retry_at`.
    WaitingForRetry,
    /// Done by its handler.
    Complete,
    /// Failed for good, unless an operator acts.
    Error,
    /// Ended with its task before it was done.
    Cancelled,
    /// Done by an operator.
    ResolvedManually,
}

/// A task as `GET /v1/tasks/{task_uuid}` shows it. Times are RFC 3339 in UTC with microseconds.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Task {
    /// The task's identifier, a UUIDv7.
    pub task_uuid: Uuid,
    /// The template's namespace.
    pub namespace: String,
    /// The template's name.
    pub name: String,
    /// The template's version.
    pub version: String,
    /// SHA-256 of the template's merged content, with which the task started.
    pub template_hash: String,
    /// Where the task stands.
    pub status: TaskStatus,
    /// What the task is doing.
    pub execution_status: ExecutionStatus,
    /// When it was created.
    pub created_at: String,
    /// When something last happened to it.
    pub updated_at: String,
    /// When it ended.
    pub completed_at: Option<String>,
    /// What the workflow works on, as it was sent.
    pub context: Json,
    /// Who asked for the task.
    pub initiator: Option<String>,
    /// The system that asked for the task.
    pub source_system: Option<String>,
    /// Why the task was asked for.
    pub reason: Option<String>,
    /// Words to find the task by.
    pub tags: Vec<String>,
    /// From -100 to 100; higher first.
    pub priority: i16,
    /// Ties the task to other records of the caller's.
    pub correlation_id: Option<String>,
    /// The correlation id of what caused the task.
    pub parent_correlation_id: Option<String>,
    /// Steps that exist.
    pub total_steps: u32,
    /// Steps that are pending, enqueued or waiting for a retry.
    pub pending_steps: u32,
    /// Steps with a worker.
    pub in_progress_steps: u32,
    /// Steps that are done.
    pub completed_steps: u32,
    /// Steps in error.
    pub failed_steps: u32,
    /// 100 x completed / total, from 0 to 100.
    pub completion_percentage: f64,
    /// Why the task is not done: a line for each step that holds it up.
    pub waiting_on: Vec<String>,
}

/// A page of steps in creation order.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct StepPage {
    /// The steps.
    pub steps: Vec<Step>,
    /// Where the next page starts; absent on the last. A page may hold fewer steps than were asked for and not be the
    /// last: it ends where its results, metadata and errors would be more than 16 MiB, after one step at the least.
    pub next_cursor: Option<String>,
}

/// A step as `GET /v1/tasks/{task_uuid}/workflow_steps` shows it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// The step's identifier, derived from task and name.
    pub step_uuid: Uuid,
    /// The task.
    pub task_uuid: Uuid,
    /// The step's name.
    pub step_name: String,
    /// Where the step stands.
    pub current_state: StepState,
    /// Names of the steps that it depends on.
    pub parents: Vec<String>,
    /// Attempts so far.
    pub attempts: u32,
    /// The last attempt's number, unless an operator adds some.
    pub max_attempts: u32,
    /// Whether a failed attempt may be followed by another.
    pub retryable: bool,
    /// Exactly what the handler returned; `null` until the step is complete.
    pub results: Json,
    /// What the handler of the last ended attempt added.
    pub metadata: Json,
    /// Why the last ended attempt failed.
    pub error: Option<Failure>,
    /// When the step came to exist.
    pub created_at: String,
    /// When its first attempt started.
    pub started_at: Option<String>,
    /// When it was done or failed for good.
    pub completed_at: Option<String>,
    /// When the next attempt becomes ready.
    pub next_retry_at: Option<String>,
    /// The worker of the last attempt.
    pub worker_id: Option<String>,
    /// Why the step is not done; absent when it is.
    pub waiting_on: Option<String>,
    /// What happened to it; only where a single step is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<Vec<HistoryEntry>>,
}

/// One server-sent event of `GET /v1/tasks/{task_uuid}/events`: something changed its state.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TaskEvent {
    /// The task's status changed, or the task began.
    Task {
        /// When.
        at: String,
        /// The new status.
        status: TaskStatus,
        /// What the task is doing now.
        execution_status: ExecutionStatus,
    },
    /// A step's state changed, or the step came to exist.
    Step {
        /// When.
        at: String,
        /// The step's identifier.
        step_uuid: Uuid,
        /// The step's name.
        step_name: String,
        /// The new state.
        state: StepState,
        /// Attempts so far.
        attempt: u32,
        /// The worker of the last attempt.
        worker_id: Option<String>,
        /// Why the last attempt failed, when this event is its failure.
        error_message: Option<String>,
    },
}

/// `GET /health` and `GET /health/ready`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// `ok`, or `not_ready`.
    pub status: String,
    /// Why it is not ready, a sentence each; empty when it is.
    #[serde(default)]
    pub reasons: Vec<String>,
}
