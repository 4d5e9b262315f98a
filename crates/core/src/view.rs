//! Tasks, steps and workers as the API shows them.

use std::collections::HashSet;

use tasker_protocol::api::{self, StepPage, StepState, TaskEvent};
use tasker_protocol::frame::Failure;
use tasker_protocol::history::HistoryOutcome;
use tasker_protocol::json_null;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::history::Transition;
use crate::outcome::Invalid;
use crate::payload::Look;
use crate::task::{Ending, Given};
use crate::worker::{Offer, Worker};
use crate::{State, StepIndex, Task, Time, waiting};

const RFC_3339_MICROS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// The last microsecond of the year 9999.
const LAST_MICROS: i64 = 253_402_300_799_999_999;

/// Bytes of what the steps of a page have to show, at the most; or else one step.
const PAGE_BYTES: usize = 16 << 20;

/// Reasons that a task shows at the most; each step shows its own.
const REASONS: usize = 20;

/// A time in RFC 3339, UTC, with microseconds. RFC 3339 ends with the year 9999: what is later is shown as its end.
pub fn rfc3339(time: Time) -> String {
    let micros = time.0.clamp(0, LAST_MICROS);
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000)
        .ok()
        .and_then(|time| time.format(RFC_3339_MICROS).ok())
        .unwrap_or_else(|| unreachable!("{micros} is from 1970 to 9999"))
}

/// A task. `state` says why its steps wait.
pub fn task(state: &State, task: &Task, texts: &Look<'_>) -> api::Task {
    let total = task.steps.len() as u32;
    let done = task.done();
    let request = texts.request();
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
        completed_at: task.ended_at.map(rfc3339),
        context: texts.context(),
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
        completion_percentage: percentage(done, total),
        waiting_on: waiting_on(state, task, texts),
    }
}

/// How much of a task is done, from 0 to 100.
pub fn percentage(done: u32, total: u32) -> f64 {
    100.0 * f64::from(done) / f64::from(total)
}

/// The steps that hold a task up, and why, but for those that only wait for others; the first few of many.
fn waiting_on(state: &State, task: &Task, texts: &Look<'_>) -> Vec<String> {
    let holds_up = |state| {
        use StepState::{Enqueued, Error, InProgress, WaitingForRetry};
        matches!(state, Enqueued | InProgress | WaitingForRetry | Error)
    };
    let open = [
        StepState::Enqueued,
        StepState::InProgress,
        StepState::WaitingForRetry,
        StepState::Error,
    ];
    let count: u32 = open.into_iter().map(|state| task.count(state)).sum();
    let mut reasons: Vec<String> = (0..)
        .zip(&task.steps)
        .filter(|(_, step)| holds_up(step.state))
        .take(REASONS)
        .filter_map(|(index, _)| {
            let reason = reason(state, task, texts, index)?;
            Some(format!("{}: {reason}", task.step_name(index)))
        })
        .collect();
    if count as usize > REASONS {
        reasons.push(format!("{} more steps", count as usize - REASONS));
    }
    reasons
}

fn reason(state: &State, task: &Task, texts: &Look<'_>, step: StepIndex) -> Option<String> {
    let failure = match task.step(step).state {
        StepState::WaitingForRetry | StepState::Error => failure(task, texts, step),
        _ => None,
    };
    let message = failure.as_ref().map(|failure| failure.message.as_str());
    waiting::reason(state, task, step, rfc3339, message)
}

/// A step.
pub fn step(state: &State, task: &Task, texts: &Look<'_>, index: StepIndex) -> api::Step {
    let (node, step) = (task.node(index), task.step(index));
    let metadata = texts.step(index).and_then(|texts| texts.metadata.clone());
    api::Step {
        step_uuid: step.uuid,
        task_uuid: task.id,
        step_name: task.step_name(index).into_owned(),
        current_state: step.state,
        parents: task
            .parents(index)
            .map(|parent| task.graph.node(parent).name.clone())
            .collect(),
        attempts: step.attempts,
        max_attempts: task.max_attempts(index),
        retryable: node.retry.retryable,
        results: texts.result(task, index).unwrap_or_else(json_null),
        metadata: metadata.unwrap_or_else(json_null),
        error: failure(task, texts, index),
        created_at: rfc3339(step.created_at),
        started_at: step.started_at.map(rfc3339),
        completed_at: step.completed_at.map(rfc3339),
        next_retry_at: (step.state == StepState::WaitingForRetry).then(|| rfc3339(step.ready_at)),
        worker_id: step
            .worker
            .as_ref()
            .map(|worker| worker.worker_id.to_string()),
        waiting_on: reason(state, task, texts, index),
        history: None,
    }
}

/// The steps of a task from one on: so many, or as many as fit.
pub fn steps(
    state: &State,
    task: &Task,
    texts: &Look<'_>,
    from: StepIndex,
    limit: usize,
) -> StepPage {
    let end = task.steps.len() as StepIndex;
    let mut left = PAGE_BYTES;
    let page = (from..end).take(limit).take_while(|index| {
        let bytes = texts.bytes(*index);
        let fits = *index == from || bytes <= left;
        left = left.saturating_sub(bytes);
        fits
    });
    let steps: Vec<api::Step> = page.map(|index| step(state, task, texts, index)).collect();
    let next = from as usize + steps.len();
    StepPage {
        steps,
        next_cursor: (next < end as usize).then(|| next.to_string()),
    }
}

/// A worker whose session was opened at a time.
pub fn worker(offer: &Offer, worker: &Worker, opened: Time) -> api::Worker {
    let sorted = |names: &HashSet<String>| {
        let mut names: Vec<String> = names.iter().cloned().collect();
        names.sort();
        names
    };
    api::Worker {
        worker_id: offer.worker_id.to_string(),
        instance: offer.instance,
        language: offer.language.to_string(),
        version: offer.version.to_string(),
        namespaces: sorted(&offer.namespaces),
        callables: sorted(&offer.callables),
        slots: match offer.not_ready.is_empty() {
            true => worker.slots,
            false => 0,
        },
        not_ready: offer.not_ready.clone(),
        running: worker.live.len() as u32,
        connected_since: rfc3339(opened),
    }
}

/// Why the last ended attempt of a step failed.
fn failure(task: &Task, texts: &Look<'_>, index: StepIndex) -> Option<Failure> {
    let step = task.step(index);
    let of_engine =
        |outcome, given: &Given| engine_failure(outcome, &given.worker_id, given.attempt);
    match step.last.as_ref()? {
        Ending::Succeeded | Ending::Completed | Ending::Resolved => None,
        Ending::Failed => serde_json::from_str(texts.step(index)?.body.get()).ok(),
        Ending::Lost(given) => of_engine(HistoryOutcome::WorkerLost, given),
        Ending::TimedOut(given) => of_engine(HistoryOutcome::Timeout, given),
        Ending::Undelivered(given) => of_engine(HistoryOutcome::Undelivered, given),
        Ending::Rejected(invalid) => Some(rejection(invalid)),
    }
}

/// The failure of an attempt that the engine ended; none of one that it did not.
pub fn engine_failure(outcome: HistoryOutcome, worker_id: &str, attempt: u32) -> Option<Failure> {
    let (error_type, what) = match outcome {
        HistoryOutcome::WorkerLost => ("worker_lost", "went away while it ran"),
        HistoryOutcome::Timeout => ("timeout", "took too long over"),
        HistoryOutcome::Undelivered => ("undelivered", "never started"),
        _ => return None,
    };
    Some(Failure {
        message: format!("worker {worker_id} {what} attempt {attempt}"),
        error_type: error_type.to_owned(),
        error_code: None,
        retryable: true,
        retry_after_ms: None,
        backtrace: None,
    })
}

/// The failure of an attempt whose outcome its step cannot have.
pub fn rejection(invalid: &Invalid) -> Failure {
    Failure {
        message: invalid.to_string(),
        error_type: "invalid_outcome".to_owned(),
        error_code: Some(invalid.code().to_owned()),
        retryable: false,
        retry_after_ms: None,
        backtrace: None,
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
        Transition::Step {
            at,
            step,
            state,
            attempt,
            worker_id,
        } => TaskEvent::Step {
            at: rfc3339(*at),
            step_uuid: task.step(*step).uuid,
            step_name: task.step_name(*step).into_owned(),
            state: *state,
            attempt: *attempt,
            worker_id: worker_id.as_ref().map(ToString::to_string),
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

    #[test]
    fn a_time_beyond_the_year_9999_is_shown_as_its_end() {
        let end = "9999-12-31T23:59:59.999999Z";
        for micros in [
            LAST_MICROS,
            LAST_MICROS + 1,
            1_769_021_658_118_946_089,
            i64::MAX,
        ] {
            assert_eq!(rfc3339(Time(micros)), end);
        }
        assert_eq!(
            rfc3339(Time(LAST_MICROS - 1)),
            "9999-12-31T23:59:59.999998Z"
        );
    }
}
