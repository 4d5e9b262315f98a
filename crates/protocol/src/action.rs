//! What an operator asks to be done to a step, or to a version of a template.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Json;

/// Characters of what is said about a version: every list of templates has it.
pub const MAX_NOTE_CHARS: usize = 1000;

/// `PATCH /v1/tasks/{task_uuid}/workflow_steps/{step_uuid}`: for a step in error, or one that waits for its next attempt.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActOnStep {
    /// What is to be done.
    pub action: StepAction,
    /// With `complete`: what the handler would have returned; `null` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results: Option<Json>,
    /// With `complete` of a decision step: the list of the names of the steps to create.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<String>>")]
    pub create_steps: Option<Json>,
    /// With `complete` of a batchable step: the list of cursors, `{"start", "end", "data"?}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<Map<String, Value>>>")]
    pub batches: Option<Json>,
    /// Why. The step's history keeps it.
    pub reason: String,
    /// Who. The step's history keeps it.
    pub by: String,
}

/// What is done to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepAction {
    /// Run it again at once, with as many attempts as the template gives.
    Retry,
    /// Declare it done, without results: no branches, no batches.
    Resolve,
    /// Give what its handler would have given.
    Complete,
}

/// `PATCH /v1/templates/{namespace}/{name}/{version}`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActOnTemplate {
    /// What is to be done.
    pub action: TemplateAction,
    /// Why. It is shown with the version.
    #[schemars(length(min = 1, max = MAX_NOTE_CHARS))]
    pub reason: String,
    /// Who. It is shown with the version.
    #[schemars(length(min = 1, max = MAX_NOTE_CHARS))]
    pub by: String,
}

/// What is done to a version of a template. What is so already stays as it was said first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TemplateAction {
    /// New tasks do not take it, also those that name it. Tasks that run it go on, and workers may still bring it.
    Retire,
    /// New tasks may take it again.
    Restore,
    /// Tasks whose creation names no version take it, whatever is registered later.
    SetDefault,
    /// They take the highest release again that is not retired.
    ClearDefault,
}
