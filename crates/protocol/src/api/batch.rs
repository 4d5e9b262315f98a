//! Creating many tasks at once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CreateTask, Task};
use crate::error::ErrorDetail;

/// Tasks that one call creates at the most.
pub const MAX_BATCH: usize = 1000;

/// `POST /v1/tasks/batch`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTasks {
    /// The tasks, at least one. Each is created or refused for itself.
    #[schemars(length(min = 1, max = MAX_BATCH))]
    pub tasks: Vec<CreateTask>,
}

/// What became of the tasks of one call. All that were created are durable, in one commit.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CreatedTasks {
    /// What `POST /v1/tasks` would have answered to each, in the order in which they were asked for.
    pub results: Vec<CreatedTask>,
}

/// What became of one task: `task` is there when it succeeded, `error` when not.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CreatedTask {
    /// The HTTP status that a call of its own would have had.
    pub status: u16,
    /// The task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorDetail>,
}
