//! One task: its steps, changed by records and by nothing else.
//!
//! A step that is ready is `enqueued`; everything else about a step follows from its records. The states are drawn in
//! `docs/states.md`.

use std::borrow::Cow;
use std::sync::Arc;

use tasker_protocol::api::{ExecutionStatus, StepState, TaskStatus};
use tasker_template::{FailureStrategy, OnFailure};
use uuid::Uuid;

use crate::fate::{Fate, Fates};
use crate::graph::{Kind, Node};
use crate::outcome::Invalid;
use crate::{Graph, Instance, NodeIndex, StepIndex, TaskId, Time};

mod apply;
mod index;
#[cfg(test)]
pub(crate) mod tests;

use index::Index;

/// One run of a workflow.
#[derive(Clone, Debug)]
pub struct Task {
    /// The task's identifier.
    pub id: TaskId,
    /// What it runs.
    pub graph: Arc<Graph>,
    /// From -100 to 100; higher first.
    pub priority: i16,
    /// When it was created.
    pub created_at: Time,
    /// When something last happened to it.
    pub updated_at: Time,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// When a step was last given to a worker; the creation at first.
    pub dispatched_at: Time,
    /// The steps that exist, in the order of their creation; those created together in the template's order.
    pub steps: Vec<Step>,
    /// Records applied so far: the number of the last one, counted from 1.
    pub records: u64,
    fates: Fates,
    index: Index,
    /// Steps by state, in the order of [`StepState`]'s variants.
    by_state: [u32; 8],
    started: bool,
    /// Set when the task ended without success.
    ended: Option<TaskStatus>,
}

/// One step of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The step's identifier, derived from the task's and the step's name.
    pub uuid: Uuid,
    /// What it is a step of.
    pub node: NodeIndex,
    /// Its number among the batches, counted from 1; 0 for a step that is no batch.
    pub batch: u32,
    /// Where the step stands.
    pub state: StepState,
    /// Attempts so far.
    pub attempts: u32,
    /// Attempts before the last retry by an operator: they count towards no limit.
    pub forgiven: u32,
    /// Attempts since then that were never given to a handler; they count towards no limit either.
    pub undelivered: u32,
    /// Attempts that ended without an outcome of their own.
    pub unreported: Vec<u32>,
    /// When the step came into being.
    pub created_at: Time,
    /// When the step last became ready, or will: the end of its back-off.
    pub ready_at: Time,
    /// When the first attempt started.
    pub started_at: Option<Time>,
    /// When the last attempt started.
    pub attempt_at: Option<Time>,
    /// When the step was done or failed for good.
    pub completed_at: Option<Time>,
    /// When the last attempt ended, if it did not succeed.
    pub failed_at: Option<Time>,
    /// The worker of the last attempt.
    pub worker: Option<Worker>,
    /// How the last ended attempt ended.
    pub last: Option<Ending>,
}

/// A worker as an attempt's record names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// The process.
    pub instance: Instance,
    /// The worker's name.
    pub worker_id: Arc<str>,
}

/// How a step's last attempt ended, or what an operator said instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With results.
    Succeeded,
    /// With a failure.
    Failed,
    /// With an outcome that the step cannot have.
    Rejected(Invalid),
    /// Its worker is gone.
    Lost(Given),
    /// It took too long.
    TimedOut(Given),
    /// It was never given to a handler.
    Undelivered(Given),
    /// An operator declared the step done, without results.
    Resolved,
    /// An operator gave the results.
    Completed,
}

/// An attempt that the engine ended: whatever its step does next, it is told as what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The name of the worker that had it.
    pub worker_id: Arc<str>,
    /// Its number.
    pub attempt: u32,
}

/// A step is in another state than before, or is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// The step.
    pub step: StepIndex,
    /// Its state after the move.
    pub to: StepState,
}

impl Task {
    /// A task that was just created: the steps without parents are ready.
    pub fn new(id: TaskId, graph: Arc<Graph>, priority: i16, created_at: Time) -> Task {
        let (fates, born) = Fates::new(&graph);
        let mut task = Task {
            id,
            graph,
            priority,
            created_at,
            updated_at: created_at,
            ended_at: None,
            dispatched_at: created_at,
            steps: Vec::with_capacity(born.nodes.len()),
            records: 0,
            fates,
            index: Index::default(),
            by_state: [0; 8],
            started: false,
            ended: None,
        };
        task.bear(born, created_at, &mut Vec::new());
        task
    }

    /// One step.
    pub fn step(&self, step: StepIndex) -> &Step {
        &self.steps[step as usize]
    }

    /// What a step is a step of.
    pub fn node(&self, step: StepIndex) -> &Node {
        self.graph.node(self.step(step).node)
    }

    /// The step with this identifier.
    pub fn find(&self, step_uuid: Uuid) -> Option<StepIndex> {
        self.index.find(step_uuid, &self.steps)
    }

    /// A step's name: its node's, with the number of the batch if it is one.
    pub fn step_name(&self, step: StepIndex) -> Cow<'_, str> {
        let Step { node, batch, .. } = *self.step(step);
        name_of(self.graph.node(node), batch, self.fates.node(node).count)
    }

    /// The steps of a node: none while it does not exist, several of a batch worker.
    pub fn steps_of(&self, node: NodeIndex) -> std::ops::Range<StepIndex> {
        let state = self.fates.node(node);
        state.first..state.first + state.count
    }

    /// Whether the task has a node.
    pub fn fate(&self, node: NodeIndex) -> Fate {
        self.fates.node(node).fate
    }

    /// Whether a node becomes a step for each batch.
    pub fn is_batched(&self, node: NodeIndex) -> bool {
        matches!(self.graph.node(node).kind, Kind::BatchWorker(_))
    }

    /// Whether all steps of an existing node are done.
    pub fn is_done(&self, node: NodeIndex) -> bool {
        let state = self.fates.node(node);
        state.fate == Fate::Exists && state.undone == 0
    }

    /// The parents of a step, as far as they exist.
    pub fn parents(&self, step: StepIndex) -> impl Iterator<Item = NodeIndex> {
        let parents = self.node(step).parents.iter().copied();
        parents.filter(|parent| self.fate(*parent) == Fate::Exists)
    }

    /// The nodes before a step, as far as they exist, its parents first. They are all done when the step is ready.
    pub fn ancestors(&self, step: StepIndex) -> Cow<'_, [NodeIndex]> {
        if self.graph.conditional {
            let node = self.step(step).node;
            let exists = |node| self.fate(node) == Fate::Exists;
            Cow::Owned(self.graph.ancestors_that(node, exists))
        } else {
            Cow::Borrowed(&self.node(step).ancestors)
        }
    }

    /// How many steps are in a state.
    pub fn count(&self, state: StepState) -> u32 {
        self.by_state[state as usize]
    }

    /// How many steps are done.
    pub fn done(&self) -> u32 {
        self.count(StepState::Complete) + self.count(StepState::ResolvedManually)
    }

    /// Where the task stands: the first that applies.
    pub fn status(&self) -> TaskStatus {
        if let Some(ended) = self.ended {
            ended
        } else if self.count(StepState::Enqueued) + self.count(StepState::InProgress) > 0 {
            if self.started {
                TaskStatus::StepsInProcess
            } else {
                TaskStatus::Pending
            }
        } else if self.count(StepState::WaitingForRetry) > 0 {
            TaskStatus::WaitingForRetry
        } else if self.count(StepState::Error) > 0 {
            TaskStatus::BlockedByFailures
        } else if self.count(StepState::ResolvedManually) > 0 {
            TaskStatus::ResolvedManually
        } else {
            TaskStatus::Complete
        }
    }

    /// What the task is doing, in the terms of its steps.
    pub fn execution_status(&self) -> ExecutionStatus {
        if self.ended.is_some() {
            ExecutionStatus::BlockedByFailures
        } else if self.count(StepState::Enqueued) > 0 {
            ExecutionStatus::HasReadySteps
        } else if self.count(StepState::InProgress) > 0 {
            ExecutionStatus::Processing
        } else if self.count(StepState::WaitingForRetry) > 0 {
            ExecutionStatus::WaitingForDependencies
        } else if self.has_ended() {
            ExecutionStatus::AllComplete
        } else {
            ExecutionStatus::BlockedByFailures
        }
    }

    /// Whether nothing can happen to the task any more. While the fate of a node is open, a step before it is not done.
    pub fn has_ended(&self) -> bool {
        self.ended.is_some() || self.done() as usize == self.steps.len()
    }

    /// Whether it took longer than it may, and has not ended.
    pub fn is_overdue(&self, now: Time) -> bool {
        #[cfg(feature = "mutation")]
        if crate::mutation::Mutation::TaskTimeForgotten.is_active() {
            return false;
        }
        let duration = self.graph.max_duration;
        duration.is_some_and(|duration| now >= self.created_at + duration) && !self.has_ended()
    }

    /// Whether nothing will happen to the task by itself: it has ended or is blocked.
    pub fn is_settled(&self) -> bool {
        let open = [
            StepState::Enqueued,
            StepState::InProgress,
            StepState::WaitingForRetry,
        ];
        self.ended.is_some() || open.into_iter().all(|state| self.count(state) == 0)
    }

    /// The last attempt that the step has, unless an operator adds some.
    pub fn max_attempts(&self, step: StepIndex) -> u32 {
        let retry = &self.node(step).retry;
        let counted = if retry.retryable {
            retry.max_attempts
        } else {
            1
        };
        let step = self.step(step);
        step.forgiven + counted + step.undelivered
    }

    /// Attempts that count towards the limit and the back-off.
    pub fn counted_attempts(&self, step: StepIndex) -> u32 {
        let step = self.step(step);
        step.attempts - step.forgiven - step.undelivered
    }

    /// Whether no handler was ever given the step.
    pub fn was_never_started(&self, step: StepIndex) -> bool {
        let step = self.step(step);
        step.forgiven == 0 && step.attempts == step.undelivered
    }

    /// Whether a failed batch keeps those of its siblings back that were never started.
    pub fn is_failing_fast(&self, node: NodeIndex) -> bool {
        self.graph.node(node).kind == Kind::BatchWorker(FailureStrategy::FailFast)
            && self.fates.node(node).failed > 0
    }

    /// Whether an error of one of its steps ends the task.
    pub fn ends_with_an_error(&self) -> bool {
        self.graph.on_failure == OnFailure::Fail
    }
}

/// `count` is how many batches there are: it decides the width of their numbers.
fn name_of(node: &Node, batch: u32, count: u32) -> Cow<'_, str> {
    if batch == 0 {
        return Cow::Borrowed(&node.name);
    }
    let width = count.checked_ilog10().map_or(1, |log| log as usize + 1);
    Cow::Owned(format!(
        "{}_{batch:0width$}",
        node.name,
        width = width.max(3)
    ))
}
