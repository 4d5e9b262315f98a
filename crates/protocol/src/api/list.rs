//! Lists of tasks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ExecutionStatus, TaskStatus};

/// Tasks on a page at the most.
pub const MAX_TASKS: u32 = 100;

/// Tasks on a page when the call does not say.
pub const DEFAULT_TASKS: u32 = 50;

/// `?...` of `GET /v1/tasks`. A task is listed if all that is given holds for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskQuery {
    /// The template's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The template's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the task stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<TaskStatus>,
    /// One of the task's tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Who asked for the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiator: Option<String>,
    /// Created at this time or later, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_after: Option<String>,
    /// Created before this time, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_before: Option<String>,
    /// How many at the most; 50 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_TASKS))]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before; absent for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A page of tasks, newest first.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TaskPage {
    /// The tasks.
    pub tasks: Vec<TaskSummary>,
    /// Where the next page starts; absent on the last. A page may hold fewer tasks than were asked for, or none, and
    /// not be the last.
    pub next_cursor: Option<String>,
}

/// A task in a list: all that [`Task`](super::Task) shows but `context` and `waiting_on`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskSummary {
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
}
