//! Workers as the API shows them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `GET /v1/workers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerList {
    /// The workers with a session, in the order of `worker_id` and `instance`.
    pub workers: Vec<Worker>,
}

/// A worker that has a session with this engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Worker {
    /// The worker's name, stable across restarts.
    pub worker_id: String,
    /// Its process.
    pub instance: Uuid,
    /// `python`, `ruby`, `rust` or another.
    pub language: String,
    /// The worker library's version.
    pub version: String,
    /// Namespaces whose steps it runs.
    pub namespaces: Vec<String>,
    /// Callables that it can run.
    pub callables: Vec<String>,
    /// Attempts that it will hold at once; 0 while it drains or is not ready.
    pub slots: u32,
    /// Why it is not ready, a sentence each: it takes no attempts, and its templates have no effect. Absent when it is
    /// ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_ready: Vec<String>,
    /// Attempts that are open with it.
    pub running: u32,
    /// When its session was opened.
    pub connected_since: String,
}
