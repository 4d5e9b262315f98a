//! What must hold, whatever goes wrong: each a function that says what was broken.

use tasker_core::record::Next;
use tasker_core::{Record, TaskId, Time};
use tasker_protocol::frame::{AttemptRef, Failure};

use crate::ledger::{Handler, Moment, StepEntry};
use crate::script;
use crate::workflow::Step;

/// An invariant that did not hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// The invariant.
    pub invariant: &'static str,
    /// What was seen instead.
    pub message: String,
}

/// Whether an invariant held.
pub type Check = Result<(), Violation>;

/// Fails in the name of the function that calls it.
macro_rules! holds {
    ($invariant:ident, $condition:expr, $($message:tt)+) => {
        if $condition {
            Ok(())
        } else {
            Err(Violation { invariant: stringify!($invariant), message: format!($($message)+) })
        }
    };
}
pub(crate) use holds;

/// A task's creation is committed once.
pub fn a_task_is_created_once(task: TaskId, exists: bool) -> Check {
    holds!(
        a_task_is_created_once,
        !exists,
        "task {task} was created again"
    )
}

/// A client is told of a task only when its creation is committed.
pub fn an_acknowledged_task_is_durable(task: TaskId, durable: bool) -> Check {
    holds!(
        an_acknowledged_task_is_durable,
        durable,
        "a client was told of task {task}, which is not in the journal"
    )
}

/// A record is of a task that the journal has.
pub fn a_record_has_a_task(task: TaskId, record: &Record) -> Check {
    holds!(
        a_record_has_a_task,
        false,
        "task {task} is unknown: {record:?}"
    )
}

/// A handler is given only attempts whose start is committed.
pub fn a_handler_is_given_only_durable_attempts(
    attempt: &AttemptRef,
    step: Option<&StepEntry>,
) -> Check {
    holds!(
        a_handler_is_given_only_durable_attempts,
        step.is_some_and(|step| step.attempts >= attempt.attempt),
        "{attempt:?} was given to a handler; the journal has {step:?}"
    )
}

/// An attempt is given to one handler, once.
pub fn an_attempt_is_given_to_one_handler(attempt: &AttemptRef, before: Option<Handler>) -> Check {
    holds!(
        an_attempt_is_given_to_one_handler,
        before.is_none(),
        "{attempt:?} was given to a handler before: {before:?}"
    )
}

/// A worker forgets an outcome only when the journal has an end of its attempt.
pub fn an_accepted_outcome_is_settled(attempt: &AttemptRef, step: Option<&StepEntry>) -> Check {
    holds!(
        an_accepted_outcome_is_settled,
        step.is_none_or(|step| step.open != Some(attempt.attempt)),
        "the outcome of {attempt:?} was accepted, but in the journal the attempt is open"
    )
}

/// A step has one open attempt at most.
pub fn a_step_has_one_open_attempt(task: TaskId, spec: &Step, step: &StepEntry) -> Check {
    holds!(
        a_step_has_one_open_attempt,
        step.open.is_none() && step.succeeded.is_none() && !step.failed,
        "an attempt of step {} of {task} started: {step:?}",
        spec.name
    )
}

/// Attempts are numbered from 1, none left out.
pub fn attempts_are_numbered_one_by_one(
    task: TaskId,
    spec: &Step,
    step: &StepEntry,
    attempt: u32,
) -> Check {
    holds!(
        attempts_are_numbered_one_by_one,
        attempt == step.attempts + 1,
        "attempt {attempt} of step {} of {task} follows: {step:?}",
        spec.name
    )
}

/// Attempts that count are at most as many as the template says.
pub fn attempts_stay_within_their_limit(task: TaskId, spec: &Step, step: &StepEntry) -> Check {
    holds!(
        attempts_stay_within_their_limit,
        step.attempts - step.undelivered < spec.retry.limit(),
        "another attempt of step {} of {task}, which may have {}: {step:?}",
        spec.name,
        spec.retry.limit()
    )
}

/// A step starts after the commits of all its parents' results, or in that of the last.
pub fn a_step_starts_after_its_parents(task: TaskId, spec: &Step, steps: &[StepEntry]) -> Check {
    let open = spec
        .parents
        .iter()
        .find(|parent| steps[**parent].succeeded.is_none());
    holds!(
        a_step_starts_after_its_parents,
        open.is_none(),
        "step {} of {task} started before parent {open:?}",
        spec.name
    )
}

/// No attempt starts before the back-off of the one before is over, by the engine's clock and in truth.
pub fn nothing_fires_early(
    task: TaskId,
    spec: &Step,
    step: &StepEntry,
    at: Time,
    moment: Moment,
) -> Check {
    let early = step.wait.is_some_and(|wait| {
        at < wait.by_engine || (wait.engine == moment.engine && moment.truth < wait.by_truth)
    });
    holds!(
        nothing_fires_early,
        !early,
        "step {} of {task} started at {at:?}, in truth by {:?}: {step:?}",
        spec.name,
        moment.truth
    )
}

/// A step's result is committed once.
pub fn a_step_succeeds_once(task: TaskId, spec: &Step, step: &StepEntry) -> Check {
    holds!(
        a_step_succeeds_once,
        step.succeeded.is_none(),
        "step {} of {task} succeeded again: {step:?}",
        spec.name
    )
}

/// Only the attempt that is open can end.
pub fn an_outcome_is_of_the_open_attempt(
    task: TaskId,
    spec: &Step,
    step: &StepEntry,
    attempt: u32,
) -> Check {
    holds!(
        an_outcome_is_of_the_open_attempt,
        step.open == Some(attempt),
        "attempt {attempt} of step {} of {task} ended: {step:?}",
        spec.name
    )
}

/// The results of a step are those that the handler of that very attempt returned.
pub fn results_are_those_of_their_attempt(
    attempt: &AttemptRef,
    handler: Option<&Handler>,
    results: &str,
) -> Check {
    let returned =
        handler.is_some_and(|handler| handler.outcome.is_some_and(|(success, _)| success));
    holds!(
        results_are_those_of_their_attempt,
        returned && results == script::results(attempt),
        "{attempt:?} has the results {results}, its handler: {handler:?}"
    )
}

/// A failure is followed by what the template's policy and the handler say, with a wait that is not shorter.
pub fn a_failure_is_followed_as_the_policy_says(
    task: TaskId,
    spec: &Step,
    counted: u32,
    at: Time,
    next: Next,
    text: &str,
) -> Check {
    let failure: Option<Failure> = serde_json::from_str(text).ok();
    let fits = failure.as_ref().is_some_and(|failure| {
        let again = failure.retryable && counted < spec.retry.limit();
        let least = match failure.retry_after_ms {
            Some(millis) => std::time::Duration::from_millis(millis),
            None => spec.retry.wait(counted),
        };
        match next {
            Next::Error => !again,
            Next::Offer => again && least.is_zero(),
            Next::RetryAt(until) => {
                again && until.since(at) >= least && until.since(at) <= least.mul_f64(1.11)
            }
        }
    });
    holds!(
        a_failure_is_followed_as_the_policy_says,
        fits,
        "counted attempt {counted} of step {} of {task} ({:?}) failed with {text} at {at:?}, then {next:?}",
        spec.name,
        spec.retry
    )
}

/// An attempt that counts for nothing was given to no handler.
pub fn an_undelivered_attempt_was_given_to_no_handler(
    attempt: &AttemptRef,
    handler: Option<&Handler>,
) -> Check {
    holds!(
        an_undelivered_attempt_was_given_to_no_handler,
        handler.is_none(),
        "{attempt:?} ended as undelivered, but was given to {handler:?}"
    )
}
