//! A template as an engine runs it: one environment merged, defaults filled in.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use tasker_schema::Schema;

use crate::node::Node;
use crate::schemas::Schemas;

/// A valid template with one environment merged.
#[derive(Debug, Clone)]
pub struct Template {
    /// The name within the namespace.
    pub name: String,
    /// The namespace.
    pub namespace_name: String,
    /// The semantic version.
    pub version: String,
    /// What the workflow is for.
    pub description: Option<String>,
    /// The handler of the whole task. It must fit the template, and is never called.
    pub task_handler: Option<Handler>,
    /// What is said about the template.
    pub metadata: Metadata,
    /// The steps, at least one, in the order of the file. Their names are unique, their dependencies exist, and
    /// there is no cycle.
    pub steps: Vec<Step>,
    /// What the context must keep to.
    pub input_schema: Option<Arc<Schema>>,
    /// What a step's final failure does to the task.
    pub on_failure: OnFailure,
    /// How long the task may take.
    pub lifecycle: Lifecycle,
    canonical: String,
}

/// The fields of a [`Template`]. Only this crate, which has checked them, makes one out of them.
#[derive(Deserialize)]
struct Content {
    name: String,
    namespace_name: String,
    version: String,
    description: Option<String>,
    task_handler: Option<Handler>,
    #[serde(default)]
    metadata: Metadata,
    steps: Vec<Step>,
    #[serde(default)]
    on_failure: OnFailure,
    #[serde(default)]
    lifecycle: Lifecycle,
}

/// What a step's final failure does to its task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// What does not depend on the step runs on; then the task is blocked.
    #[default]
    Block,
    /// The task ends as an error at once.
    Fail,
}

/// How long a task may take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
pub struct Lifecycle {
    /// Seconds from the task's creation, greater than zero, after which it ends as an error.
    pub max_duration_seconds: Option<f64>,
}

/// What is said about a template.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Metadata {
    /// Words to find it by.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// One node of the graph.
#[derive(Debug, Clone, Deserialize)]
pub struct Step {
    /// The name, unique in the template.
    pub name: String,
    /// What the step is for.
    pub description: Option<String>,
    /// How the step takes part in the graph.
    #[serde(default, rename = "type")]
    pub step_type: StepType,
    /// What runs it.
    pub handler: Handler,
    /// The names of the steps that it waits for.
    #[serde(default)]
    pub dependencies: Vec<String>,
    /// What happens after a failed attempt.
    #[serde(default)]
    pub retry: Retry,
    /// How long an attempt may take, in seconds, greater than zero. None: as long as it likes.
    pub timeout_seconds: Option<f64>,
    /// What the results must keep to.
    #[serde(skip)]
    pub result_schema: Option<Arc<Schema>>,
    /// How a batch worker's batches are made and what a failed one means. Only batch workers have one.
    #[serde(default)]
    pub batch_config: BatchConfig,
}

/// How a batch worker's batches are made and what a failed one means.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct BatchConfig {
    /// Items in a batch.
    pub batch_size: Option<u64>,
    /// The most batches, at most 100,000.
    pub max_workers: Option<u32>,
    /// What a failed batch means to the others.
    pub failure_strategy: FailureStrategy,
}

/// What a failed batch means to its siblings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureStrategy {
    /// They run on.
    #[default]
    ContinueOnFailure,
    /// Those that were never started wait until no batch is in error.
    FailFast,
}

/// How a step takes part in the graph.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepType {
    /// It runs once all its dependencies are done.
    #[default]
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

/// The user's code for a step.
#[derive(Debug, Clone, Deserialize)]
pub struct Handler {
    /// What a worker finds it by, such as `package.module.Handler`.
    pub callable: String,
    /// The method to call.
    #[serde(default = "default_method")]
    pub method: String,
    /// The handler's configuration: the JSON of a mapping, numbers as written.
    #[serde(default = "empty_mapping")]
    pub initialization: Box<RawValue>,
}

/// What happens after a failed attempt.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Retry {
    /// False: there is one attempt, whatever the handler says of its failure.
    pub retryable: bool,
    /// How many attempts there are in all, 1 to 100.
    pub max_attempts: u32,
    /// How the waits between attempts grow.
    pub backoff: Backoff,
    /// The unit of the waits, in milliseconds, at least 1.
    pub backoff_base_ms: u64,
    /// The longest wait, in milliseconds, at least [`Retry::backoff_base_ms`].
    pub max_backoff_ms: u64,
}

/// How the waits between attempts grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
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

impl Default for Retry {
    fn default() -> Self {
        Self {
            retryable: true,
            max_attempts: 3,
            backoff: Backoff::Exponential,
            backoff_base_ms: 1_000,
            max_backoff_ms: 30_000,
        }
    }
}

fn default_method() -> String {
    "call".to_owned()
}

fn empty_mapping() -> Box<RawValue> {
    RawValue::from_string("{}".to_owned()).expect("an empty object is JSON")
}

impl Step {
    /// [`Step::timeout_seconds`] in milliseconds, rounded up.
    pub fn timeout_ms(&self) -> Option<u64> {
        self.timeout_seconds.map(milliseconds)
    }
}

impl Lifecycle {
    /// [`Lifecycle::max_duration_seconds`] in milliseconds, rounded up.
    pub fn max_duration_ms(&self) -> Option<u64> {
        self.max_duration_seconds.map(milliseconds)
    }
}

fn milliseconds(seconds: f64) -> u64 {
    // Rounded to microseconds first: 16.007 s times a thousand is a little more than 16,007. The longest time is far
    // below what a u64 holds.
    ((seconds * 1e6).round() as u64).div_ceil(1000).max(1)
}

impl Template {
    /// The template of a merged document that has passed all checks, with its canonical JSON and its schemas.
    pub(crate) fn of_checked(
        merged: &Node,
        canonical: String,
        schemas: &Schemas,
    ) -> Result<Self, serde_json::Error> {
        let mut content: Content = serde_json::from_str(&canonical)?;
        let nodes = merged.get("steps").map_or(&[][..], Node::items);
        for (step, node) in content.steps.iter_mut().zip(nodes) {
            step.result_schema = schemas.get(node.get("result_schema"));
        }
        Ok(Self {
            name: content.name,
            namespace_name: content.namespace_name,
            version: content.version,
            description: content.description,
            task_handler: content.task_handler,
            metadata: content.metadata,
            steps: content.steps,
            input_schema: schemas.get(merged.get("input_schema")),
            on_failure: content.on_failure,
            lifecycle: content.lifecycle,
            canonical,
        })
    }

    /// The merged content as JSON: keys sorted, no white space, numbers as written where JSON has them so.
    /// Defaults are not written out.
    pub fn canonical_json(&self) -> String {
        self.canonical.clone()
    }

    /// SHA-256 of [`Template::canonical_json`], in lower-case hexadecimal.
    pub fn content_hash(&self) -> String {
        hash(&self.canonical)
    }
}

pub(crate) fn hash(canonical: &str) -> String {
    Sha256::digest(canonical)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
