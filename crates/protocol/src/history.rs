//! What happened to a step: its attempts, outcomes that came late, and what operators did.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::frame::{Failure, LogLine};

/// One entry of a step's history. Times are RFC 3339 in UTC with microseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryEntry {
    /// The attempt, counted from 1; of an operator's action, the attempts before it.
    pub attempt: u32,
    /// The attempt's worker; absent of an operator's action.
    pub worker_id: Option<String>,
    /// When the attempt started, or the operator acted.
    pub started_at: Option<String>,
    /// When the attempt ended, its late outcome came, or the operator acted; absent while the attempt runs.
    pub ended_at: Option<String>,
    /// What came of it; absent while the attempt runs.
    pub outcome: Option<HistoryOutcome>,
    /// Why it failed.
    pub error: Option<Failure>,
    /// Who acted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why they acted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the handler logged, when that is asked for: the last 200 lines, at most 64 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<Vec<LogLine>>,
}

/// What came of an attempt, or what an operator did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HistoryOutcome {
    /// The handler succeeded.
    Succeeded,
    /// The handler failed.
    Failed,
    /// The attempt took too long.
    Timeout,
    /// The worker went away while the attempt ran.
    WorkerLost,
    /// The attempt was never given to a handler.
    Undelivered,
    /// The handler succeeded with what its step cannot have.
    Rejected,
    /// The task ended while the attempt ran.
    Cancelled,
    /// The handler ended after its attempt had; this changed nothing.
    Late,
    /// An operator gave the step more attempts.
    Retried,
    /// An operator declared the step done.
    Resolved,
    /// An operator gave the results.
    Completed,
}
