//! Templates as the API shows them.

use std::ops::Not;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `GET /v1/templates`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TemplateList {
    /// Every version of every template, in the order of namespace, name and version.
    pub templates: Vec<Template>,
}

/// A version of a template, merged for the engine's environment: what a task that is created now would run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Template {
    /// The namespace.
    pub namespace: String,
    /// The name within the namespace.
    pub name: String,
    /// The semantic version.
    pub version: String,
    /// What the workflow is for.
    pub description: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// SHA-256 of the document as its author wrote it, in canonical form.
    pub document_hash: String,
    /// SHA-256 of the merged content; its tasks show it as theirs.
    pub template_hash: String,
    /// What a step's final failure does to the task.
    pub on_failure: OnFailure,
    /// Milliseconds that a task may take.
    pub max_duration_ms: Option<u64>,
    /// The graph: the steps in the order of the file.
    pub steps: Vec<TemplateStep>,
    /// Whether a task takes it whose creation names no version; absent when not.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub default: bool,
    /// Who named it the default; absent where nobody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named_default: Option<TemplateNote>,
    /// Who retired it, so that new tasks do not take it; absent where nobody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<TemplateNote>,
}

/// What an operator has said of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TemplateNote {
    /// When.
    pub at: String,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// A step of a template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TemplateStep {
    /// The step's name.
    pub name: String,
    /// What the step is for.
    pub description: Option<String>,
    /// How it takes part in the graph.
    #[serde(rename = "type")]
    pub step_type: StepType,
    /// Names of the steps that it depends on.
    pub dependencies: Vec<String>,
    /// The handler.
    pub callable: String,
    /// The handler's method.
    pub method: String,
    /// What happens after a failed attempt.
    pub retry: Retry,
    /// Milliseconds that an attempt may take.
    pub timeout_ms: Option<u64>,
}

/// What happens after a failed attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Retry {
    /// Whether a failed attempt may be followed by another.
    pub retryable: bool,
    /// How many attempts there are in all.
    pub max_attempts: u32,
    /// How the waits between attempts grow.
    pub backoff: Backoff,
    /// The unit of the waits, in milliseconds.
    pub backoff_base_ms: u64,
    /// The longest wait, in milliseconds.
    pub max_backoff_ms: u64,
}

/// How the waits between attempts grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Backoff {
    /// There are no waits.
    None,
    /// By one unit each time.
    Linear,
    /// By doubling.
    Exponential,
    /// As the Fibonacci numbers.
    Fibonacci,
}

/// How a step takes part in the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepType {
    /// It runs once all its dependencies are done.
    Standard,
    /// Its outcome names which of its dependents run.
    Decision,
    /// It runs once those of its dependencies are done that exist, if there are any.
    DeferredConvergence,
    /// Its outcome says into which batches the work is split.
    Batchable,
    /// It becomes one step for each batch of its only dependency, a batchable step.
    BatchWorker,
}

/// What a step's final failure does to its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// What does not depend on the step runs on; then the task is blocked.
    Block,
    /// The task ends as an error at once.
    Fail,
}
