//! One task: its steps, changed by records and by nothing else.
//!
//! A step that is ready is `enqueued`; everything else about a step follows from its records. The states are drawn in
//! `docs/states.md`.

use std::sync::Arc;

use tasker_protocol::api::{ExecutionStatus, StepState, TaskStatus};
use uuid::Uuid;

use crate::record::{Next, Record};
use crate::{Graph, Instance, StepIndex, TaskId, Time};

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
    /// The steps, in the graph's order.
    pub steps: Vec<Step>,
    /// Records applied so far: the number of the last one, counted from 1.
    pub records: u64,
    /// Steps by state, in the order of [`StepState`]'s variants.
    by_state: [u32; 8],
    started: bool,
}

/// One step of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Where the step stands.
    pub state: StepState,
    /// Attempts so far.
    pub attempts: u32,
    /// Attempts that were never given to a handler; they count towards no limit.
    pub undelivered: u32,
    /// Parents that are not done.
    pub open_parents: u32,
    /// When the step last became ready, or will: the end of its back-off.
    pub ready_at: Time,
    /// When the first attempt started.
    pub started_at: Option<Time>,
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
    pub worker_id: String,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With results.
    Succeeded,
    /// With a failure.
    Failed,
    /// Its worker is gone.
    Lost,
    /// It was never given to a handler.
    Undelivered,
}

impl Task {
    /// A task that was just created: the steps without parents are ready.
    pub fn new(id: TaskId, graph: Arc<Graph>, priority: i16, created_at: Time) -> Task {
        let mut by_state = [0; 8];
        let steps = graph
            .nodes
            .iter()
            .map(|node| {
                let state = match node.parents.len() {
                    0 => StepState::Enqueued,
                    _ => StepState::Pending,
                };
                by_state[state as usize] += 1;
                Step {
                    state,
                    attempts: 0,
                    undelivered: 0,
                    open_parents: node.parents.len() as u32,
                    ready_at: created_at,
                    started_at: None,
                    completed_at: None,
                    failed_at: None,
                    worker: None,
                    last: None,
                }
            })
            .collect();
        Task {
            id,
            graph,
            priority,
            created_at,
            updated_at: created_at,
            steps,
            records: 0,
            by_state,
            started: false,
        }
    }

    /// One step.
    pub fn step(&self, step: StepIndex) -> &Step {
        &self.steps[step as usize]
    }

    /// A step's identifier.
    pub fn step_uuid(&self, step: StepIndex) -> Uuid {
        crate::graph::step_uuid(self.id, &self.graph.node(step).name)
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
        if self.count(StepState::Enqueued) + self.count(StepState::InProgress) > 0 {
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
        if self.count(StepState::Enqueued) > 0 {
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

    /// Whether nothing can happen to the task any more.
    pub fn has_ended(&self) -> bool {
        self.done() as usize == self.steps.len()
    }

    /// Whether nothing will happen to the task by itself: it has ended or is blocked.
    pub fn is_settled(&self) -> bool {
        let open = [
            StepState::Enqueued,
            StepState::InProgress,
            StepState::WaitingForRetry,
        ];
        open.into_iter().all(|state| self.count(state) == 0)
    }

    /// The last attempt that the step has, unless an operator adds some.
    pub fn max_attempts(&self, step: StepIndex) -> u32 {
        let retry = &self.graph.node(step).retry;
        let counted = if retry.retryable {
            retry.max_attempts
        } else {
            1
        };
        counted + self.step(step).undelivered
    }

    /// Attempts that count towards the limit and the back-off.
    pub fn counted_attempts(&self, step: StepIndex) -> u32 {
        self.step(step).attempts - self.step(step).undelivered
    }

    /// Applies a record. Adds to `ready` the steps that it made ready.
    pub fn apply(&mut self, record: &Record, ready: &mut Vec<StepIndex>) {
        let index = record.step();
        let at = record.at();
        self.records += 1;
        self.updated_at = self.updated_at.max(at);
        match record {
            Record::Started {
                attempt,
                instance,
                worker_id,
                ..
            } => {
                self.started = true;
                let step = self.enter(index, StepState::InProgress);
                step.attempts = *attempt;
                step.started_at.get_or_insert(at);
                step.worker = Some(Arc::new(Worker {
                    instance: *instance,
                    worker_id: worker_id.clone(),
                }));
            }
            Record::Succeeded { .. } => {
                let step = self.enter(index, StepState::Complete);
                step.completed_at = Some(at);
                step.failed_at = None;
                step.last = Some(Ending::Succeeded);
                self.release_children(index, at, ready);
            }
            Record::Failed { next, .. } => {
                self.end_unsuccessfully(index, at, Ending::Failed, *next, ready);
            }
            Record::Lost { next, .. } => {
                self.end_unsuccessfully(index, at, Ending::Lost, *next, ready);
            }
            Record::Undelivered { .. } => {
                self.steps[index as usize].undelivered += 1;
                self.end_unsuccessfully(index, at, Ending::Undelivered, Next::Offer, ready);
            }
        }
    }

    /// Ends a back-off: the step is ready again.
    pub fn retry_is_due(&mut self, step: StepIndex) {
        self.enter(step, StepState::Enqueued);
    }

    fn end_unsuccessfully(
        &mut self,
        index: StepIndex,
        at: Time,
        ending: Ending,
        next: Next,
        ready: &mut Vec<StepIndex>,
    ) {
        let (state, ready_at, completed_at) = match next {
            Next::Offer => (StepState::Enqueued, at, None),
            Next::RetryAt(retry_at) => (StepState::WaitingForRetry, retry_at, None),
            Next::Error => (StepState::Error, at, Some(at)),
        };
        let step = self.enter(index, state);
        step.ready_at = ready_at;
        step.completed_at = completed_at;
        step.failed_at = Some(at);
        step.last = Some(ending);
        if state == StepState::Enqueued {
            ready.push(index);
        }
    }

    fn release_children(&mut self, parent: StepIndex, at: Time, ready: &mut Vec<StepIndex>) {
        let graph = Arc::clone(&self.graph);
        for &child in &graph.node(parent).children {
            let step = &mut self.steps[child as usize];
            step.open_parents -= 1;
            if step.open_parents == 0 {
                step.ready_at = at;
                self.enter(child, StepState::Enqueued);
                ready.push(child);
            }
        }
    }

    fn enter(&mut self, index: StepIndex, state: StepState) -> &mut Step {
        let step = &mut self.steps[index as usize];
        self.by_state[step.state as usize] -= 1;
        self.by_state[state as usize] += 1;
        step.state = state;
        step
    }
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
        let mut ready = Vec::new();
        for record in [started(0, 1, 2), started(1, 1, 2), succeeded(0, 1, 3)] {
            task.apply(&record, &mut ready);
        }
        assert!(ready.is_empty());
        assert_eq!(task.step(2).state, StepState::Pending);
        assert_eq!(task.status(), TaskStatus::StepsInProcess);
        assert_eq!(task.execution_status(), ExecutionStatus::Processing);
        task.apply(&succeeded(1, 1, 4), &mut ready);
        assert_eq!(ready, [2]);
        assert_eq!(task.step(2).ready_at, Time(4));
        task.apply(&started(2, 1, 5), &mut ready);
        task.apply(&succeeded(2, 1, 6), &mut ready);
        assert!(task.has_ended());
        assert_eq!(task.status(), TaskStatus::Complete);
        assert_eq!(task.execution_status(), ExecutionStatus::AllComplete);
        assert_eq!((task.records, task.updated_at), (6, Time(6)));
    }

    #[test]
    fn a_failed_step_waits_or_blocks_the_task() {
        let graph = graph_of(&[("a", &[]), ("b", &["a"])]);
        let mut task = Task::new(Uuid::nil(), graph, 0, Time(1));
        let mut ready = Vec::new();
        task.apply(&started(0, 1, 2), &mut ready);
        task.apply(
            &Record::Failed {
                step: 0,
                attempt: 1,
                at: Time(3),
                next: Next::RetryAt(Time(9)),
            },
            &mut ready,
        );
        assert_eq!(task.status(), TaskStatus::WaitingForRetry);
        assert_eq!(
            task.execution_status(),
            ExecutionStatus::WaitingForDependencies
        );
        assert!(!task.is_settled());
        task.retry_is_due(0);
        task.apply(&started(0, 2, 9), &mut ready);
        task.apply(
            &Record::Failed {
                step: 0,
                attempt: 2,
                at: Time(10),
                next: Next::Error,
            },
            &mut ready,
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
        let mut ready = Vec::new();
        assert_eq!(task.max_attempts(0), 3);
        task.apply(&started(0, 1, 2), &mut ready);
        task.apply(
            &Record::Undelivered {
                step: 0,
                attempt: 1,
                at: Time(3),
            },
            &mut ready,
        );
        assert_eq!(ready, [0]);
        assert_eq!(task.step(0).state, StepState::Enqueued);
        assert_eq!((task.max_attempts(0), task.counted_attempts(0)), (4, 0));
    }
}
