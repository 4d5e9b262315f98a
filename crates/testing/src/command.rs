//! What the bench is told, and what it answers beside the worker's messages. Both are objects with one key.

use serde::{Deserialize, Serialize};
use tasker_protocol::action::ActOnStep;
use tasker_protocol::api::{self, CreateTask};
use tasker_protocol::error::ErrorDetail;
use tasker_protocol::frame::{AttemptRef, Dispatch, Fetch, Fetched, Outcome};
use tasker_protocol::history::HistoryEntry;
use uuid::Uuid;

/// How a bench begins.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The template's text.
    pub template: String,
    /// The name of its file in messages.
    pub file: String,
    /// The environment that is merged into it.
    pub environment: String,
    /// What random numbers follow from.
    pub seed: u64,
    /// What the clock shows, in microseconds since 1970-01-01 00:00 UTC.
    pub now: i64,
}

/// What a test is to know of the template.
#[derive(Clone, Debug, Serialize)]
pub struct Template<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// The name.
    pub name: &'a str,
    /// The version.
    pub version: &'a str,
    /// Its steps, in its order.
    pub steps: Vec<TemplateStep<'a>>,
}

/// A step of the template.
#[derive(Clone, Debug, Serialize)]
pub struct TemplateStep<'a> {
    /// The name.
    pub name: &'a str,
    /// The handler.
    pub callable: &'a str,
    /// The handler's method.
    pub method: &'a str,
    /// Milliseconds that an attempt may take.
    pub timeout_ms: Option<u64>,
    /// Whether it becomes a step for each batch.
    pub batched: bool,
}

/// What the bench is told.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Create a task.
    Create(Box<CreateTask>),
    /// The worker sends these outcomes.
    Outcomes(Vec<Outcome>),
    /// A handler asks for results that its dispatch left out.
    Fetch(Fetch),
    /// Time passes until then, in microseconds since 1970-01-01 00:00 UTC, or until the worker gets something.
    Advance {
        /// Until when.
        until: i64,
    },
    /// The worker's process dies, and another takes its place. What it held is lost once the engine gives it up.
    CrashWorker {},
    /// The engine's process dies, and another recovers from the journal; the worker comes back to it.
    CrashEngine(Crash),
    /// Cancel a task.
    Cancel {
        /// Which.
        task_uuid: Uuid,
    },
    /// Act on a step as an operator.
    Act {
        /// The step's task.
        task_uuid: Uuid,
        /// Which step.
        step_uuid: Uuid,
        /// What is to be done.
        order: ActOnStep,
    },
    /// Show what happened to a step, and what its handlers logged.
    History {
        /// The step's task.
        task_uuid: Uuid,
        /// Which step.
        step_uuid: Uuid,
    },
    /// Show a task and its steps.
    Show {
        /// Which.
        task_uuid: Uuid,
    },
}

/// When the engine dies.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crash {
    /// The worker has just sent these.
    #[serde(default)]
    pub outcomes: Vec<Outcome>,
    /// Whether what followed from them was committed; nobody was told of it in either case.
    #[serde(default)]
    pub committed: bool,
}

/// What the bench answers: the worker's messages, then what was asked for, then the clock.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The worker is to run this attempt.
    Dispatch(Box<Dispatch>),
    /// The worker is to stop this attempt if it can.
    Cancel(AttemptRef),
    /// The results that a handler asked for.
    Fetched(Box<Fetched>),
    /// The task was created.
    Created {
        /// Its identifier.
        task_uuid: Uuid,
    },
    /// What the API would refuse, or an engine of what its worker sends.
    Refused(ErrorDetail),
    /// A task.
    Task(Box<api::Task>),
    /// Its steps, in creation order.
    Steps(Vec<api::Step>),
    /// What happened to a step.
    History(Vec<HistoryEntry>),
    /// The time; the last of every answer.
    Clock(Clock),
}

/// The time, and what is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Clock {
    /// Microseconds since 1970-01-01 00:00 UTC.
    pub now: i64,
    /// When something happens by itself.
    pub next: Option<i64>,
    /// Whether every task has ended or is blocked.
    pub settled: bool,
}
