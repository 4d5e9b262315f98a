//! Tasks and steps as the API shows them.

use tasker_core::history::Transition;
use tasker_core::task::Ending;
use tasker_core::{State, StepIndex, Task, Time, waiting};
use tasker_protocol::api::{self, StepState, TaskEvent};
use tasker_protocol::frame::Failure;
use tasker_protocol::json_null;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::payloads::TaskTexts;

const RFC_3339_MICROS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// A time in RFC 3339, UTC, with microseconds.
pub fn rfc3339(time: Time) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(time.0) * 1000)
        .ok()
        .and_then(|time| time.format(RFC_3339_MICROS).ok())
        .unwrap_or_else(|| time.0.to_string())
}

/// A task. `state` says why its steps wait.
pub fn task(state: &State, task: &Task, texts: &TaskTexts) -> api::Task {
    let total = task.steps.len() as u32;
    let done = task.done();
    let request = &texts.request;
    api::Task {
        task_uuid: task.id,
        namespace: task.graph.namespace.to_string(),
        name: task.graph.name.clone(),
        version: task.graph.version.clone(),
        template_hash: task.graph.hash.clone(),
        status: task.status(),
        execution_status: task.execution_status(),
        created_at: rfc3339(task.created_at),
        updated_at: rfc3339(task.updated_at),
        completed_at: task.has_ended().then(|| rfc3339(task.updated_at)),
        context: texts.context.clone(),
        initiator: request.initiator.clone(),
        source_system: request.source_system.clone(),
        reason: request.reason.clone(),
        tags: request.tags.clone(),
        priority: task.priority,
        correlation_id: request.correlation_id.clone(),
        parent_correlation_id: request.parent_correlation_id.clone(),
        total_steps: total,
        pending_steps: task.count(StepState::Pending)
            + task.count(StepState::Enqueued)
            + task.count(StepState::WaitingForRetry),
        in_progress_steps: task.count(StepState::InProgress),
        completed_steps: done,
        failed_steps: task.count(StepState::Error),
        completion_percentage: 100.0 * f64::from(done) / f64::from(total),
        waiting_on: waiting_on(state, task),
    }
}

/// The steps that hold a task up, and why; steps that only wait for those are left out.
fn waiting_on(state: &State, task: &Task) -> Vec<String> {
    (0..)
        .zip(&task.steps)
        .filter(|(_, step)| step.state != StepState::Pending)
        .filter_map(|(index, _)| {
            let reason = waiting::reason(state, task, index, rfc3339)?;
            Some(format!("{}: {reason}", task.graph.node(index).name))
        })
        .collect()
}

/// A step.
pub fn step(state: &State, task: &Task, texts: &TaskTexts, index: StepIndex) -> api::Step {
    let (node, step) = (task.graph.node(index), task.step(index));
    let last = texts.step(index);
    api::Step {
        step_uuid: task.step_uuid(index),
        task_uuid: task.id,
        step_name: node.name.clone(),
        current_state: step.state,
        parents: node
            .parents
            .iter()
            .map(|parent| task.graph.node(*parent).name.clone())
            .collect(),
        attempts: step.attempts,
        max_attempts: task.max_attempts(index),
        retryable: node.retry.retryable,
        results: match (step.last, last) {
            (Some(Ending::Succeeded), Some(texts)) => texts.body.clone(),
            _ => json_null(),
        },
        metadata: last
            .and_then(|texts| texts.metadata.clone())
            .unwrap_or_else(json_null),
        error: failure(task, texts, index),
        created_at: rfc3339(task.created_at),
        started_at: step.started_at.map(rfc3339),
        completed_at: step.completed_at.map(rfc3339),
        next_retry_at: (step.state == StepState::WaitingForRetry).then(|| rfc3339(step.ready_at)),
        worker_id: step.worker.as_ref().map(|worker| worker.worker_id.clone()),
        waiting_on: waiting::reason(state, task, index, rfc3339),
    }
}

/// Why the last ended attempt of a step failed.
fn failure(task: &Task, texts: &TaskTexts, index: StepIndex) -> Option<Failure> {
    let step = task.step(index);
    match step.last? {
        Ending::Succeeded => None,
        Ending::Failed => serde_json::from_str(texts.step(index)?.body.get()).ok(),
        ending @ (Ending::Lost | Ending::Undelivered) => {
            let worker = step.worker.as_ref()?;
            let (error_type, what) = match ending {
                Ending::Lost => ("worker_lost", "went away while it ran"),
                _ => ("undelivered", "never started"),
            };
            Some(Failure {
                message: format!(
                    "worker {} {what} attempt {}",
                    worker.worker_id, step.attempts
                ),
                error_type: error_type.to_owned(),
                error_code: None,
                retryable: true,
                retry_after_ms: None,
                backtrace: None,
            })
        }
    }
}

/// A state change as an event. `error` is the message of the failure that made it.
pub fn event(task: &Task, transition: &Transition, error: Option<String>) -> TaskEvent {
    match transition {
        Transition::Task {
            at,
            status,
            execution_status,
        } => TaskEvent::Task {
            at: rfc3339(*at),
            status: *status,
            execution_status: *execution_status,
        },
        Transition::Step { at, step, state } => TaskEvent::Step {
            at: rfc3339(*at),
            step_uuid: task.step_uuid(*step),
            step_name: task.graph.node(*step).name.clone(),
            state: *state,
            attempt: task.step(*step).attempts,
            worker_id: task
                .step(*step)
                .worker
                .as_ref()
                .map(|worker| worker.worker_id.clone()),
            error_message: error,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_utc_with_microseconds() {
        assert_eq!(
            rfc3339(Time(1_795_470_000_000_042)),
            "2026-11-23T21:40:00.000042Z"
        );
        assert_eq!(rfc3339(Time(0)), "1970-01-01T00:00:00.000000Z");
    }
}
