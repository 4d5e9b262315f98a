//! The state changes that each record made, for those who follow a task.

use std::sync::Arc;

use tasker_protocol::api::{ExecutionStatus, StepState, TaskStatus};

use crate::task::{Move, Step};
use crate::{Record, StepIndex, Task, Time};

/// Something changed its state.
#[derive(Clone, Debug, PartialEq)]
pub enum Transition {
    /// The task.
    Task {
        /// When.
        at: Time,
        /// Its new status.
        status: TaskStatus,
        /// What it is doing now.
        execution_status: ExecutionStatus,
    },
    /// A step.
    Step {
        /// When.
        at: Time,
        /// Which.
        step: StepIndex,
        /// Its new state.
        state: StepState,
        /// Attempts so far.
        attempt: u32,
        /// The worker of the last of them.
        worker_id: Option<Arc<str>>,
    },
}

/// What a task's creation made: the task, then its steps.
pub fn creation(task: &Task) -> Vec<Transition> {
    let at = task.created_at;
    let steps = (0..)
        .zip(&task.steps)
        .map(|(index, step)| moved(at, index, step, step.state));
    std::iter::once(status(task, at)).chain(steps).collect()
}

/// Applies a record to `task` and tells what changed: the steps in order, then the task.
pub fn follow(task: &mut Task, record: &Record) -> Vec<Transition> {
    let mut transitions = Vec::new();
    let at = record.at();
    let before = (task.status(), task.execution_status());
    if let Record::Started { step, .. } = record
        && task.step(*step).state == StepState::WaitingForRetry
    {
        // The end of a back-off follows from the time and has no record of its own.
        let waiting = task.step(*step);
        transitions.push(moved(waiting.ready_at, *step, waiting, StepState::Enqueued));
    }
    let mut moves = Vec::new();
    task.apply(record, &mut moves);
    let steps = moves
        .into_iter()
        .map(|Move { step, to }| moved(at, step, task.step(step), to));
    transitions.extend(steps);
    if before != (task.status(), task.execution_status()) {
        transitions.push(status(task, at));
    }
    transitions
}

fn moved(at: Time, index: StepIndex, step: &Step, state: StepState) -> Transition {
    Transition::Step {
        at,
        step: index,
        state,
        attempt: step.attempts,
        worker_id: step.worker.as_ref().map(|worker| worker.worker_id.clone()),
    }
}

fn status(task: &Task, at: Time) -> Transition {
    Transition::Task {
        at,
        status: task.status(),
        execution_status: task.execution_status(),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use crate::record::Next;
    use crate::task::tests::graph_of;

    use super::*;

    #[test]
    fn every_state_change_is_told_once() {
        let graph = graph_of(&[("a", &[]), ("b", &["a"])]);
        let mut task = Task::new(Uuid::nil(), graph, 0, Time(1));
        assert_eq!(creation(&task).len(), 3);
        let started = |attempt, at| Record::Started {
            step: 0,
            attempt,
            at: Time(at),
            instance: Uuid::nil(),
            worker_id: "w".into(),
        };
        let states = |transitions: Vec<Transition>| -> Vec<String> {
            transitions
                .iter()
                .map(|transition| match transition {
                    Transition::Task { at, status, .. } => format!("{} task {status:?}", at.0),
                    Transition::Step {
                        at,
                        step,
                        state,
                        attempt,
                        ..
                    } => format!("{} {step} {state:?} {attempt}", at.0),
                })
                .collect()
        };
        assert_eq!(
            states(follow(&mut task, &started(1, 2))),
            ["2 0 InProgress 1", "2 task StepsInProcess"]
        );
        let failed = Record::Failed {
            step: 0,
            attempt: 1,
            at: Time(3),
            next: Next::RetryAt(Time(5)),
        };
        assert_eq!(
            states(follow(&mut task, &failed)),
            ["3 0 WaitingForRetry 1", "3 task WaitingForRetry"]
        );
        assert_eq!(
            states(follow(&mut task, &started(2, 6))),
            [
                "5 0 Enqueued 1",
                "6 0 InProgress 2",
                "6 task StepsInProcess"
            ]
        );
        let succeeded = Record::Succeeded {
            step: 0,
            attempt: 2,
            at: Time(7),
        };
        assert_eq!(
            states(follow(&mut task, &succeeded)),
            ["7 0 Complete 2", "7 1 Enqueued 0", "7 task StepsInProcess"]
        );
    }
}
