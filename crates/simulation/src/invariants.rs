//! What must hold of the journal and of what is told to workers and clients, whatever goes wrong: each invariant is a
//! function that says what was broken.

use std::time::Duration;

use tasker_core::record::Next;
use tasker_core::state::TIMEOUT_GRACE;
use tasker_core::{Instance, Record, TaskId, Time, caution};
use tasker_protocol::error::ErrorCode;
use tasker_protocol::frame::{AttemptRef, Failure, Fetched};

use crate::ledger::{Handler, Moment};
use crate::model::{Model, Step};
use crate::script::{self, Branches, End};
use crate::workflow::Kind;

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

/// Fails in the name of the invariant.
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

/// A record is of a step that exists.
pub fn a_record_has_a_step(task: &Model, record: &Record) -> Check {
    let steps = task.steps.len();
    holds!(
        a_record_has_a_step,
        false,
        "task {} has {steps} steps: {record:?}",
        task.id
    )
}

/// Recovery reads exactly the tasks that have not ended.
pub fn an_ended_task_is_marked_so(task: &Model, marked: bool) -> Check {
    holds!(
        an_ended_task_is_marked_so,
        task.has_ended() == marked,
        "task {} has ended: {}, its row says {marked}",
        task.id,
        task.has_ended()
    )
}

/// After a task's end only late outcomes are added, with what their handlers logged.
pub fn nothing_happens_after_the_end(task: &Model, record: &Record) -> Check {
    holds!(
        nothing_happens_after_the_end,
        !task.has_ended() || matches!(record, Record::Late { .. } | Record::Logged { .. }),
        "task {} has ended: {record:?}",
        task.id
    )
}

/// A handler is given only attempts whose start is committed.
pub fn a_handler_is_given_only_durable_attempts(
    attempt: &AttemptRef,
    step: Option<&Step>,
) -> Check {
    holds!(
        a_handler_is_given_only_durable_attempts,
        step.is_some_and(|step| step.attempts >= attempt.attempt),
        "{attempt:?} was given to a handler; the journal has {step:?}"
    )
}

/// An attempt is given to one handler, once.
pub fn an_attempt_is_given_to_one_handler(attempt: &AttemptRef, before: Option<&Handler>) -> Check {
    holds!(
        an_attempt_is_given_to_one_handler,
        before.is_none(),
        "{attempt:?} was given to a handler before: {before:?}"
    )
}

/// A worker that stood still so long that it was given up runs nothing that lay unread meanwhile: others have run it.
pub fn nothing_unread_is_run_after_a_freeze(attempt: &AttemptRef, woken: bool) -> Check {
    holds!(
        nothing_unread_is_run_after_a_freeze,
        !woken,
        "{attempt:?} was given to a handler by a worker that had just woken up"
    )
}

/// A worker forgets an outcome only when the journal has it: as the end of its attempt, or as a late one.
pub fn an_accepted_outcome_is_settled(attempt: &AttemptRef, step: Option<&Step>) -> Check {
    let kept = step.is_none_or(|step| {
        let open = step.open.is_some_and(|(open, _)| open == attempt.attempt);
        !open && !step.unreported.contains(&attempt.attempt)
    });
    holds!(
        an_accepted_outcome_is_settled,
        kept,
        "the outcome of {attempt:?} was accepted, and the journal does not have it: {step:?}"
    )
}

/// A step has one open attempt at most, and none once it is done or in error.
pub fn a_step_has_one_open_attempt(task: &Model, step: &Step) -> Check {
    holds!(
        a_step_has_one_open_attempt,
        step.open.is_none() && step.done.is_none() && !step.failed,
        "an attempt of {} started: {step:?}",
        task.id
    )
}

/// Attempts are numbered from 1, none left out.
pub fn attempts_are_numbered_one_by_one(task: &Model, step: &Step, attempt: u32) -> Check {
    holds!(
        attempts_are_numbered_one_by_one,
        attempt == step.attempts + 1,
        "attempt {attempt} of {} follows: {step:?}",
        task.id
    )
}

/// Attempts that count are at most as many as the template says, between two retries by an operator.
pub fn attempts_stay_within_their_limit(task: &Model, step: &Step) -> Check {
    let limit = task.spec(step).retry.limit();
    holds!(
        attempts_stay_within_their_limit,
        step.counted() < limit,
        "another attempt of {}, which may have {limit}: {step:?}",
        task.id
    )
}

/// A step starts after the commits of all its parents' ends, or in that of the last.
pub fn a_step_starts_after_its_parents(task: &Model, step: &Step) -> Check {
    let open = task.open_parents(step);
    holds!(
        a_step_starts_after_its_parents,
        open.is_empty(),
        "step {} of {} started before {open:?}",
        step.name,
        task.id
    )
}

/// While a batch that fails fast is in error, no sibling is started for the first time.
pub fn a_failed_batch_keeps_others_back(task: &Model, step: &Step) -> Check {
    holds!(
        a_failed_batch_keeps_others_back,
        !task.is_kept_back(step),
        "step {} of {} started after a batch had failed",
        step.name,
        task.id
    )
}

/// No attempt starts before the back-off of the one before is over, by the engine's clock and in truth.
pub fn nothing_fires_early(task: &Model, step: &Step, at: Time, moment: Moment) -> Check {
    let early = step.wait.is_some_and(|wait| {
        at < wait.by_engine || (wait.engine == moment.engine && moment.truth < wait.by_truth)
    });
    holds!(
        nothing_fires_early,
        !early,
        "an attempt of {} started at {at:?}, in truth by {:?}: {step:?}",
        task.id,
        moment.truth
    )
}

/// A step's result is committed once, by a handler or an operator.
pub fn a_step_is_done_once(task: &Model, step: &Step, record: &Record) -> Check {
    holds!(
        a_step_is_done_once,
        step.done.is_none(),
        "{record:?} of {}: {step:?}",
        task.id
    )
}

/// Only the attempt that is open can end.
pub fn an_outcome_is_of_the_open_attempt(task: &Model, step: &Step, attempt: u32) -> Check {
    holds!(
        an_outcome_is_of_the_open_attempt,
        step.open.is_some_and(|(open, _)| open == attempt),
        "attempt {attempt} of {} ended: {step:?}",
        task.id
    )
}

/// How an attempt ended is what its own handler said, and an undelivered one was given to none.
pub fn an_end_is_what_its_handler_said(
    task: &Model,
    step: &Step,
    handler: Option<&Handler>,
    record: &Record,
    texts: &[String],
) -> Check {
    let workflow = &task.workflow;
    let said = handler.and_then(|handler| Some(&handler.outcome.as_ref()?.0));
    let branches = match said {
        Some(End::Success(branches)) => Some(branches),
        _ => None,
    };
    let own_results = |attempt: u32| {
        let expected = script::results(&task.attempt(step, attempt));
        texts.first().is_some_and(|results| *results == expected)
    };
    let fits = match record {
        Record::Succeeded { attempt, .. } => {
            let branching = matches!(task.spec(step).kind, Kind::Decision | Kind::Batchable);
            own_results(*attempt) && branches == Some(&Branches::None) && !branching
        }
        Record::Decided {
            attempt, chosen, ..
        } => {
            let names = chosen
                .iter()
                .map(|node| workflow.nodes[*node as usize].name.clone());
            let mut names: Vec<String> = names.collect();
            names.sort();
            let named = branches.is_some_and(|branches| match branches {
                Branches::Steps(said) => {
                    let mut said = said.clone();
                    said.sort();
                    said == names
                }
                _ => false,
            });
            own_results(*attempt) && named
        }
        Record::Batched {
            attempt, batches, ..
        } => own_results(*attempt) && branches == Some(&Branches::Batches(*batches)),
        Record::Rejected { attempt, .. } => own_results(*attempt) && branches.is_some(),
        Record::Failed { .. } => matches!(said, Some(End::Failure { .. })),
        Record::Undelivered { .. } => handler.is_none(),
        _ => true,
    };
    holds!(
        an_end_is_what_its_handler_said,
        fits,
        "{record:?} with {texts:?} of {}, its handler: {handler:?}",
        task.id
    )
}

/// What is kept of an attempt's log is what its handler logged before it ended.
pub fn lines_are_what_their_handler_logged(
    task: &Model,
    step: &Step,
    handler: Option<&Handler>,
    attempt: u32,
    texts: &[String],
) -> Check {
    let expected = script::logs(&task.attempt(step, attempt));
    holds!(
        lines_are_what_their_handler_logged,
        handler.is_some_and(|handler| handler.outcome.is_some())
            && texts.first() == expected.as_ref(),
        "attempt {attempt} with {texts:?} of {}, its handler: {handler:?}",
        task.id
    )
}

/// A handler that fetches results gets those that its dispatch carried, or hears that its attempt is not open.
pub fn what_is_fetched_is_what_was_sent(expected: Option<&str>, fetched: &Fetched) -> Check {
    let texts: Vec<&str> = fetched.results.iter().map(|result| result.get()).collect();
    let sent = |expected: &str| match expected.starts_with('[') {
        true => expected == format!("[{}]", texts.join(",")),
        false => texts == [expected],
    };
    let fits = match &fetched.error {
        Some(error) => error.code == ErrorCode::AttemptNotOpen && texts.is_empty(),
        None => fetched.next.is_none() && expected.is_some_and(sent),
    };
    holds!(
        what_is_fetched_is_what_was_sent,
        fits,
        "{fetched:?}, sent: {expected:?}"
    )
}

/// A failed attempt is followed by what the template's policy and the handler say, with a wait that is not shorter.
pub fn a_failure_is_followed_as_the_policy_says(
    task: &Model,
    step: &Step,
    record: &Record,
    texts: &[String],
) -> Check {
    let retry = &task.spec(step).retry;
    let left = step.counted() < retry.limit();
    let policy = |again: bool, wait: Duration, at: Time, next: Next| match next {
        Next::Error => !again,
        Next::Offer => again && wait.is_zero(),
        Next::RetryAt(until) => {
            let waits = until.since(at);
            again && waits >= wait && waits <= wait.mul_f64(1.11)
        }
    };
    let fits = match record {
        Record::Failed { at, next, .. } => {
            let text = texts.first().map_or("", String::as_str);
            let failure: Option<Failure> = serde_json::from_str(text).ok();
            failure.is_some_and(|failure| {
                let asked = failure.retry_after_ms.map(Duration::from_millis);
                let wait = asked.unwrap_or_else(|| retry.wait(step.counted()));
                policy(failure.retryable && left, wait, *at, *next)
            })
        }
        Record::TimedOut { at, next, .. } => policy(left, retry.wait(step.counted()), *at, *next),
        // Lost attempts are offered again at once.
        Record::Lost { at, next, .. } => policy(left, Duration::ZERO, *at, *next),
        _ => true,
    };
    holds!(
        a_failure_is_followed_as_the_policy_says,
        fits,
        "{record:?} with {texts:?} of {}, {retry:?}: {step:?}",
        task.id
    )
}

/// The engine ends no attempt before its time-out and a second more.
pub fn a_timeout_is_not_early(task: &Model, step: &Step, record: &Record) -> Check {
    let (Record::TimedOut { at, .. }, Some((_, start))) = (record, step.open) else {
        return Ok(());
    };
    let timeout = task.spec(step).timeout;
    holds!(
        a_timeout_is_not_early,
        timeout.is_some_and(|timeout| *at >= start.at + timeout + TIMEOUT_GRACE),
        "{record:?} of {}, which has {timeout:?}: {step:?}",
        task.id
    )
}

/// A task does not end before its time is over.
pub fn a_task_does_not_expire_early(task: &Model, record: &Record) -> Check {
    let Record::Expired { at } = record else {
        return Ok(());
    };
    let duration = task.workflow.max_duration;
    holds!(
        a_task_does_not_expire_early,
        duration.is_some_and(|duration| *at >= task.created_at + duration),
        "task {} of {:?} may take {duration:?}: {record:?}",
        task.id,
        task.created_at
    )
}

/// What comes after a task's time is over ends nothing well, also before a timer has fired: the task has failed.
pub fn nothing_counts_after_a_tasks_time(task: &Model, record: &Record) -> Check {
    let counts = matches!(
        record,
        Record::Succeeded { .. }
            | Record::Decided { .. }
            | Record::Batched { .. }
            | Record::Rejected { .. }
            | Record::Failed { .. }
            | Record::Retried { .. }
            | Record::Resolved { .. }
            | Record::Completed { .. }
            | Record::Cancelled { .. }
    );
    let duration = task.workflow.max_duration;
    let is_over = duration.is_some_and(|duration| record.at() >= task.created_at + duration);
    holds!(
        nothing_counts_after_a_tasks_time,
        !(counts && is_over),
        "task {} of {:?} may take {duration:?}: {record:?}",
        task.id,
        task.created_at
    )
}

/// A worker that did not give an attempt to a handler is given nothing for a moment, by the same engine.
pub fn a_worker_that_hands_back_is_given_nothing_for_a_moment(
    instance: Instance,
    returned: Option<Time>,
    started: Option<Time>,
) -> Check {
    let at_once = matches!((returned, started), (Some(returned), Some(started))
        if started > returned && started < returned + caution::FIRST);
    holds!(
        a_worker_that_hands_back_is_given_nothing_for_a_moment,
        !at_once,
        "worker {instance} handed something back at {returned:?} and was given something at {started:?}"
    )
}

/// An outcome is late once: after its attempt had ended without one.
pub fn a_late_outcome_comes_once(task: &Model, step: &Step, attempt: u32) -> Check {
    holds!(
        a_late_outcome_comes_once,
        step.unreported.contains(&attempt),
        "a late outcome of attempt {attempt} of {}: {step:?}",
        task.id
    )
}

/// A late outcome is what the attempt's handler said.
pub fn a_late_outcome_is_the_handlers(
    task: &Model,
    step: &Step,
    handler: Option<&Handler>,
    success: bool,
) -> Check {
    let said = handler.and_then(|handler| Some(&handler.outcome.as_ref()?.0));
    holds!(
        a_late_outcome_is_the_handlers,
        said.is_some_and(|end| success == matches!(end, End::Success(_))),
        "a late outcome of {} in {}, success {success}; its handler: {handler:?}",
        step.name,
        task.id
    )
}

/// People act only on steps that failed or wait for their next attempt.
pub fn people_act_on_what_failed(task: &Model, step: &Step, record: &Record) -> Check {
    holds!(
        people_act_on_what_failed,
        step.failed || step.wait.is_some(),
        "{record:?} of {}: {step:?}",
        task.id
    )
}
