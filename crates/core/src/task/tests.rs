//! A task's states, record by record.

use tasker_protocol::api::ExecutionStatus;

use crate::record::{Next, Record};

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

fn moved(step: StepIndex, to: StepState) -> Move {
    Move { step, to }
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
    assert_eq!(task.step(2).state, StepState::Pending);
    assert_eq!(task.status(), TaskStatus::StepsInProcess);
    assert_eq!(task.execution_status(), ExecutionStatus::Processing);
    task.apply(&succeeded(1, 1, 4), &mut moves);
    assert_eq!(moves.last(), Some(&moved(2, StepState::Enqueued)));
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
    assert_eq!(moves.last(), Some(&moved(0, StepState::Error)));
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
    assert_eq!(moves.last(), Some(&moved(0, StepState::Enqueued)));
    assert_eq!(task.step(0).state, StepState::Enqueued);
    assert_eq!((task.max_attempts(0), task.counted_attempts(0)), (4, 0));
}
