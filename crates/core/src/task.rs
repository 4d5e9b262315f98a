//! One task: its steps, changed by records and by nothing else.
//!
//! A step that is ready is `enqueued`; everything else about a step follows from its records. The states are drawn in
//! `docs/states.md`.

use std::borrow::Cow;
use std::sync::Arc;

use tasker_protocol::api::{ExecutionStatus, StepState, TaskStatus};
use tasker_template::{FailureStrategy, OnFailure};
use uuid::Uuid;

use crate::fate::{Born, Fate, Fates};
use crate::graph::{Kind, Node, step_uuid};
use crate::outcome::Invalid;
use crate::record::{Next, Record};
use crate::{Graph, Instance, NodeIndex, StepIndex, TaskId, Time};

mod index;

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
    pub worker: Option<Arc<Worker>>,
    /// How the last ended attempt ended.
    pub last: Option<Ending>,
}

/// A worker as an attempt's record names it.
#[derive(Debug, PartialEq, Eq)]
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
    Lost,
    /// It took too long.
    TimedOut,
    /// It was never given to a handler.
    Undelivered,
    /// An operator declared the step done, without results.
    Resolved,
    /// An operator gave the results.
    Completed,
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

    /// Applies a record. Adds to `moves` what it changed, in order.
    ///
    /// # Panics
    /// When the record names a step that the task does not have: it is another task's.
    pub fn apply(&mut self, record: &Record, moves: &mut Vec<Move>) {
        let at = record.at();
        self.records += 1;
        self.updated_at = self.updated_at.max(at);
        match record {
            Record::Started {
                step,
                attempt,
                instance,
                worker_id,
                ..
            } => {
                self.started = true;
                self.dispatched_at = self.dispatched_at.max(at);
                let step = self.enter(*step, StepState::InProgress, moves);
                step.attempts = *attempt;
                step.started_at.get_or_insert(at);
                step.attempt_at = Some(at);
                step.worker = Some(Arc::new(Worker {
                    instance: *instance,
                    worker_id: Arc::clone(worker_id),
                }));
            }
            Record::Succeeded { step, .. } => {
                self.finish(*step, at, Ending::Succeeded, &[], 0, moves);
            }
            Record::Decided { step, chosen, .. } => {
                self.finish(*step, at, Ending::Succeeded, chosen, 0, moves);
            }
            Record::Batched { step, batches, .. } => {
                self.finish(*step, at, Ending::Succeeded, &[], *batches, moves);
            }
            Record::Failed { step, next, .. } => {
                self.fail(*step, at, Ending::Failed, *next, moves);
            }
            Record::Rejected { step, reason, .. } => {
                let ending = Ending::Rejected(reason.clone());
                self.fail(*step, at, ending, Next::Error, moves);
            }
            Record::Lost {
                step,
                attempt,
                next,
                ..
            } => {
                self.unreported(*step, *attempt);
                self.fail(*step, at, Ending::Lost, *next, moves);
            }
            Record::TimedOut {
                step,
                attempt,
                next,
                ..
            } => {
                self.unreported(*step, *attempt);
                self.fail(*step, at, Ending::TimedOut, *next, moves);
            }
            Record::Undelivered { step, attempt, .. } => {
                self.unreported(*step, *attempt);
                self.steps[*step as usize].undelivered += 1;
                self.fail(*step, at, Ending::Undelivered, Next::Offer, moves);
            }
            Record::Late { step, attempt, .. } => {
                let unreported = &mut self.steps[*step as usize].unreported;
                unreported.retain(|known| known != attempt);
            }
            Record::Retried { step, .. } => {
                let now = &mut self.steps[*step as usize];
                now.forgiven = now.attempts;
                now.undelivered = 0;
                now.ready_at = at;
                now.completed_at = None;
                self.enter(*step, StepState::Enqueued, moves);
            }
            Record::Resolved { step, .. } => {
                self.finish(*step, at, Ending::Resolved, &[], 0, moves);
            }
            Record::Completed {
                step,
                chosen,
                batches,
                ..
            } => self.finish(*step, at, Ending::Completed, chosen, *batches, moves),
            Record::Cancelled { .. } => self.end(TaskStatus::Cancelled, at, moves),
            Record::Expired { .. } => self.end(TaskStatus::Error, at, moves),
        }
    }

    /// Ends a back-off: the step is ready again.
    pub fn retry_is_due(&mut self, step: StepIndex) {
        self.enter(step, StepState::Enqueued, &mut Vec::new());
    }

    fn unreported(&mut self, step: StepIndex, attempt: u32) {
        self.steps[step as usize].unreported.push(attempt);
    }

    fn fail(
        &mut self,
        index: StepIndex,
        at: Time,
        ending: Ending,
        next: Next,
        moves: &mut Vec<Move>,
    ) {
        let (state, ready_at, completed_at) = match next {
            Next::Offer => (StepState::Enqueued, at, None),
            Next::RetryAt(retry_at) => (StepState::WaitingForRetry, retry_at, None),
            Next::Error => (StepState::Error, at, Some(at)),
        };
        let step = &mut self.steps[index as usize];
        step.ready_at = ready_at;
        step.completed_at = completed_at;
        step.failed_at = Some(at);
        step.last = Some(ending);
        self.enter(index, state, moves);
        if state == StepState::Error && self.ends_with_an_error() {
            self.end(TaskStatus::Error, at, moves);
        } else if state == StepState::Enqueued
            && self.was_never_started(index)
            && self.is_failing_fast(self.step(index).node)
        {
            self.enter(index, StepState::Pending, moves);
        }
    }

    fn finish(
        &mut self,
        index: StepIndex,
        at: Time,
        ending: Ending,
        chosen: &[NodeIndex],
        batches: u32,
        moves: &mut Vec<Move>,
    ) {
        let state = match ending {
            Ending::Resolved | Ending::Completed => StepState::ResolvedManually,
            _ => StepState::Complete,
        };
        let step = self.enter(index, state, moves);
        step.completed_at = Some(at);
        step.failed_at = None;
        step.last = Some(ending);
        let node = step.node;
        let state = self.fates.node_mut(node);
        state.undone -= 1;
        if state.undone == 0 {
            let graph = Arc::clone(&self.graph);
            let born = self.fates.done(&graph, node, chosen, batches);
            self.bear(born, at, moves);
        }
    }

    /// Makes the steps of new nodes and enqueues what is ready.
    fn bear(&mut self, born: Born, at: Time, moves: &mut Vec<Move>) {
        let graph = Arc::clone(&self.graph);
        for (node, count) in born.nodes {
            let ready = self.fates.is_ready(node);
            let state = self.fates.node_mut(node);
            state.first = self.steps.len() as StepIndex;
            state.count = count;
            state.undone = count;
            let batched = matches!(graph.node(node).kind, Kind::BatchWorker(_));
            self.steps.reserve(count as usize);
            for number in 0..count {
                let batch = if batched { number + 1 } else { 0 };
                let name = name_of(graph.node(node), batch, count);
                let uuid = step_uuid(self.id, &name);
                self.add(Step::new(uuid, node, batch, ready, at), moves);
            }
        }
        for node in born.ready {
            for step in self.steps_of(node) {
                self.steps[step as usize].ready_at = at;
                self.enter(step, StepState::Enqueued, moves);
            }
        }
    }

    fn add(&mut self, step: Step, moves: &mut Vec<Move>) {
        let index = self.steps.len() as StepIndex;
        self.by_state[step.state as usize] += 1;
        moves.push(Move {
            step: index,
            to: step.state,
        });
        self.index.add(step.uuid, index, &self.steps);
        self.steps.push(step);
    }

    /// Ends the task without success: what is neither done nor in error is cancelled.
    fn end(&mut self, status: TaskStatus, at: Time, moves: &mut Vec<Move>) {
        self.ended = Some(status);
        for index in 0..self.steps.len() as StepIndex {
            let step = &mut self.steps[index as usize];
            match step.state {
                StepState::Complete | StepState::ResolvedManually | StepState::Error => continue,
                StepState::InProgress => step.unreported.push(step.attempts),
                _ => {}
            }
            step.completed_at = Some(at);
            self.enter(index, StepState::Cancelled, moves);
        }
    }

    fn enter(&mut self, index: StepIndex, state: StepState, moves: &mut Vec<Move>) -> &mut Step {
        let step = &mut self.steps[index as usize];
        let (node, before) = (step.node, step.state);
        self.by_state[before as usize] -= 1;
        self.by_state[state as usize] += 1;
        step.state = state;
        moves.push(Move {
            step: index,
            to: state,
        });
        if (before == StepState::Error) != (state == StepState::Error) {
            self.count_failure(node, state == StepState::Error, moves);
        }
        &mut self.steps[index as usize]
    }

    /// Keeps the siblings of a failed batch back, or lets them go again, if their node fails fast.
    fn count_failure(&mut self, node: NodeIndex, failed: bool, moves: &mut Vec<Move>) {
        let was_failing = self.is_failing_fast(node);
        let state = self.fates.node_mut(node);
        if failed {
            state.failed += 1;
        } else {
            state.failed -= 1;
        }
        let is_failing = self.is_failing_fast(node);
        if was_failing == is_failing {
            return;
        }
        let (from, to) = if is_failing {
            (StepState::Enqueued, StepState::Pending)
        } else {
            (StepState::Pending, StepState::Enqueued)
        };
        for step in self.steps_of(node) {
            if self.step(step).state == from && self.was_never_started(step) {
                self.enter(step, to, moves);
            }
        }
    }
}

impl Step {
    fn new(uuid: Uuid, node: NodeIndex, batch: u32, ready: bool, at: Time) -> Step {
        Step {
            uuid,
            node,
            batch,
            state: if ready {
                StepState::Enqueued
            } else {
                StepState::Pending
            },
            attempts: 0,
            forgiven: 0,
            undelivered: 0,
            unreported: Vec::new(),
            created_at: at,
            ready_at: at,
            started_at: None,
            attempt_at: None,
            completed_at: None,
            failed_at: None,
            worker: None,
            last: None,
        }
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A graph with these steps and parents, and the default retry policy.
    pub(crate) fn graph_of(steps: &[(&str, &[&str])]) -> Arc<Graph> {
        let steps: Vec<String> = steps
            .iter()
            .map(|(name, parents)| {
                format!(
                    "{{name: {name}, dependencies: [{}], handler: {{callable: call.{name}}}}}",
                    parents.join(", ")
                )
            })
            .collect();
        graph_from(&format!(
            "{{name: n, namespace_name: ns, version: 1.0.0, steps: [{}]}}",
            steps.join(", ")
        ))
    }

    /// A graph with these steps, types and parents.
    pub(crate) fn graph_of_types(steps: &[(&str, &str, &[&str])]) -> Arc<Graph> {
        let steps: Vec<String> = steps
            .iter()
            .map(|(name, kind, parents)| {
                format!(
                    "{{name: {name}, type: {kind}, dependencies: [{}], handler: {{callable: call.{name}}}}}",
                    parents.join(", ")
                )
            })
            .collect();
        graph_from(&format!(
            "{{name: n, namespace_name: ns, version: 1.0.0, steps: [{}]}}",
            steps.join(", ")
        ))
    }

    pub(crate) fn graph_from(yaml: &str) -> Arc<Graph> {
        let document = tasker_template::parse(yaml, "test.yaml").expect("a valid template");
        let template = document.merged("test").expect("merges");
        Arc::new(Graph::new(&template, template.content_hash()))
    }

    fn started(step: StepIndex, attempt: u32, at: i64) -> Record {
        Record::Started {
            step,
            attempt,
            at: Time(at),
            instance: Instance::from_u128(1),
            worker_id: "w".into(),
        }
    }

    fn succeeded(step: StepIndex, attempt: u32, at: i64) -> Record {
        Record::Succeeded {
            step,
            attempt,
            at: Time(at),
        }
    }

    #[test]
    fn a_step_is_ready_when_all_its_parents_are_done() {
        let graph = graph_of(&[("a", &[]), ("b", &[]), ("c", &["a", "b"])]);
        let mut task = Task::new(Uuid::nil(), graph, 0, Time(1));
        assert_eq!(task.status(), TaskStatus::Pending);
        let mut moves = Vec::new();
        for record in [started(0, 1, 2), started(1, 1, 2), succeeded(0, 1, 3)] {
            task.apply(&record, &mut moves);
        }
        assert!(ready.is_empty());
        assert_eq!(task.step(2).state, StepState::Pending);
        assert_eq!(task.status(), TaskStatus::StepsInProcess);
        assert_eq!(task.execution_status(), ExecutionStatus::Processing);
        task.apply(&succeeded(1, 1, 4), &mut moves);
        assert_eq!(ready, [2]);
        assert_eq!(task.step(2).ready_at, Time(4));
        task.apply(&started(2, 1, 5), &mut moves);
        task.apply(&succeeded(2, 1, 6), &mut moves);
        assert!(task.has_ended());
        assert_eq!(task.status(), TaskStatus::Complete);
        assert_eq!(task.execution_status(), ExecutionStatus::AllComplete);
        assert_eq!((task.records, task.updated_at), (6, Time(6)));
    }

    #[test]
    fn a_failed_step_waits_or_blocks_the_task() {
        let graph = graph_of(&[("a", &[]), ("b", &["a"])]);
        let mut task = Task::new(Uuid::nil(), graph, 0, Time(1));
        let mut moves = Vec::new();
        task.apply(&started(0, 1, 2), &mut moves);
        task.apply(
            &Record::Failed {
                step: 0,
                attempt: 1,
                at: Time(3),
                next: Next::RetryAt(Time(9)),
            },
            &mut moves,
        );
        assert_eq!(task.status(), TaskStatus::WaitingForRetry);
        assert_eq!(
            task.execution_status(),
            ExecutionStatus::WaitingForDependencies
        );
        assert!(!task.is_settled());
        task.retry_is_due(0);
        task.apply(&started(0, 2, 9), &mut moves);
        task.apply(
            &Record::Failed {
                step: 0,
                attempt: 2,
                at: Time(10),
                next: Next::Error,
            },
            &mut moves,
        );
        assert!(ready.is_empty());
        assert!(task.is_settled() && !task.has_ended());
        assert_eq!(task.status(), TaskStatus::BlockedByFailures);
        assert_eq!(task.execution_status(), ExecutionStatus::BlockedByFailures);
        assert_eq!(task.step(0).completed_at, Some(Time(10)));
        assert_eq!(task.step(1).attempts, 0);
    }

    #[test]
    fn an_undelivered_attempt_has_its_number_and_counts_for_nothing() {
        let mut task = Task::new(Uuid::nil(), graph_of(&[("a", &[])]), 0, Time(1));
        let mut moves = Vec::new();
        assert_eq!(task.max_attempts(0), 3);
        task.apply(&started(0, 1, 2), &mut moves);
        task.apply(
            &Record::Undelivered {
                step: 0,
                attempt: 1,
                at: Time(3),
            },
            &mut moves,
        );
        assert_eq!(ready, [0]);
        assert_eq!(task.step(0).state, StepState::Enqueued);
        assert_eq!((task.max_attempts(0), task.counted_attempts(0)), (4, 0));
    }
}
