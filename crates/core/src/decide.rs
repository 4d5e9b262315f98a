//! Event to changes: looks at the state, changes nothing.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tasker_protocol::api::StepState;
use tasker_protocol::frame::{AttemptRef, Welcome};

use crate::caution::Caution;
use crate::draft::Draft;
use crate::event::{Change, Event, Verdict};
use crate::outcome::{Branches, check};
use crate::record::{Next, Record};
use crate::state::{Timer, attempt_ref};
use crate::worker::{Offer, SessionId};
use crate::{Instance, State, StepIndex, Task, TaskId, Time, backoff, dispatch, operator};

/// How long the attempts of a worker whose session closed are kept for it to return and name them.
pub const GRACE: Duration = Duration::from_millis(500);

/// How long a recovered engine waits for the workers that its records name.
pub const RECOVERY_GRACE: Duration = Duration::from_secs(2);

/// What follows from an event at a time. `random` is drawn anew for each event.
///
/// The changes are to be carried out in order, before anything else is decided.
pub fn decide(state: &State, event: &Event, now: Time, random: u64) -> Vec<Change> {
    match event {
        Event::Create {
            task,
            graph,
            priority,
        } => vec![Change::Created {
            task: *task,
            graph: Arc::clone(graph),
            priority: *priority,
            at: now,
        }],
        Event::Restored(restored) => match state.task(restored.task) {
            Some(_) => Vec::new(),
            None => vec![Change::Restored(Arc::clone(restored))],
        },
        Event::Cancel { task } => by_people(state, *task, |task| operator::cancel(task, now)),
        Event::Act { task, step, action } => {
            by_people(state, *task, |task| operator::act(task, *step, action, now))
        }
        Event::Opened {
            session,
            offer,
            welcome,
        } => opened(state, *session, offer, welcome, now),
        Event::Slots { session, slots } => vec![Change::Slots {
            session: *session,
            slots: *slots,
        }],
        Event::Closed { session, grace } => closed(state, *session, *grace, now),
        Event::Left { session, running } => left(state, *session, running, now),
        Event::Outcome {
            session,
            attempt,
            verdict,
        } => outcome(state, *session, attempt, verdict, now, random),
        Event::Logged { session, attempt } => logged(state, *session, attempt, now),
        Event::Returned { session, attempt } => returned(state, *session, attempt, now),
        Event::Ungiven { session, attempt } => ungiven(state, *session, attempt, now),
        Event::Delayed {
            task,
            step,
            attempt,
        } => timed(state, *task, *step, *attempt, None),
        Event::Given {
            task,
            step,
            attempt,
        } => timed(state, *task, *step, *attempt, Some(now)),
        Event::Unknown { session, attempt } => vec![Change::Accepted {
            session: *session,
            attempt: *attempt,
        }],
        Event::Frozen { gap } => vec![Change::Frozen { gap: *gap }],
        Event::CutOff => cut_off(state),
        Event::Recovered => recovered(state, now),
        Event::Tick => tick(state, now, random),
        Event::Dispatch => dispatch::dispatch(state, now),
    }
}

fn by_people(
    state: &State,
    task: TaskId,
    record: impl FnOnce(&Task) -> Result<Record, operator::Refusal>,
) -> Vec<Change> {
    let mut draft = Draft::new(state);
    if let Some(task) = state.task(task)
        && let Ok(record) = record(task)
    {
        draft.record(task, record);
    }
    draft.changes
}

fn opened(
    state: &State,
    session: SessionId,
    offer: &Arc<Offer>,
    welcome: &Welcome,
    now: Time,
) -> Vec<Change> {
    let known = state.workers().get(offer.instance);
    let known = known.and_then(|worker| worker.offer.as_ref());
    if known.is_some_and(|known| known.greeting > offer.greeting) {
        // A later session of the process has overtaken this one; what this one names is out of date.
        return Vec::new();
    }
    let named: HashSet<AttemptRef> = offer.running.iter().copied().collect();
    let mut open = HashSet::new();
    let mut draft = Draft::new(state);
    for (task, step) in live(state, offer.instance) {
        let attempt = attempt_ref(task, step);
        if named.contains(&attempt) {
            open.insert(attempt);
        } else {
            draft.record(task, undelivered(task, step, now));
        }
    }
    let took_all = draft.changes.is_empty();
    let stale = offer.running.iter().copied();
    draft.changes.push(Change::Opened {
        session,
        offer: Arc::clone(offer),
        welcome: welcome.clone(),
        stale: stale.filter(|attempt| !open.contains(attempt)).collect(),
    });
    if !took_all {
        draft.changes.push(cautioned(state, offer.instance, now));
    }
    draft.changes
}

fn closed(state: &State, session: SessionId, grace: bool, now: Time) -> Vec<Change> {
    let Some(instance) = state.workers().instance(session) else {
        return Vec::new();
    };
    if grace {
        let until = now + GRACE;
        return vec![Change::Closed { session, until }];
    }
    let mut draft = Draft::new(state);
    give_up(&mut draft, instance, now);
    draft.changes
}

fn outcome(
    state: &State,
    session: SessionId,
    attempt: &AttemptRef,
    verdict: &Verdict,
    now: Time,
    random: u64,
) -> Vec<Change> {
    let Some(task) = state.task(attempt.task_uuid) else {
        return vec![Change::Missing {
            session,
            attempt: *attempt,
        }];
    };
    let mut draft = Draft::new(state);
    if let Some(step) = task.find(attempt.step_uuid) {
        let number = attempt.attempt;
        let late = Record::Late {
            step,
            attempt: number,
            at: now,
            success: matches!(verdict, Verdict::Success(_)),
        };
        if is_open(state, session, task, step, number) {
            if task.is_overdue(now) {
                // Before its timer: time stands still for timers while the engine cannot commit.
                draft.expire(task, step, late, now);
            } else {
                draft.record(task, record_of(task, step, verdict, now, random));
            }
        } else if task.step(step).unreported.contains(&number) {
            draft.record(task, late);
        }
    }
    draft.changes.push(Change::Accepted {
        session,
        attempt: *attempt,
    });
    draft.changes
}

/// The lines are kept when the outcome that follows is.
fn logged(state: &State, session: SessionId, attempt: &AttemptRef, now: Time) -> Vec<Change> {
    let Some(task) = state.task(attempt.task_uuid) else {
        return vec![Change::Missing {
            session,
            attempt: *attempt,
        }];
    };
    let mut draft = Draft::new(state);
    let number = attempt.attempt;
    if let Some(step) = task.find(attempt.step_uuid)
        && (is_open(state, session, task, step, number)
            || task.step(step).unreported.contains(&number))
    {
        let record = Record::Logged {
            step,
            attempt: number,
            at: now,
        };
        draft.record(task, record);
    }
    draft.changes
}

fn record_of(task: &Task, step: StepIndex, verdict: &Verdict, at: Time, random: u64) -> Record {
    let attempt = task.step(step).attempts;
    match verdict {
        Verdict::Success(success) => match check(&task.graph, task.step(step).node, success) {
            Ok(Branches::None) => Record::Succeeded { step, attempt, at },
            Ok(Branches::Chosen(chosen)) => Record::Decided {
                step,
                attempt,
                at,
                chosen,
            },
            Ok(Branches::Batches(batches)) => Record::Batched {
                step,
                attempt,
                at,
                batches,
            },
            Err(reason) => Record::Rejected {
                step,
                attempt,
                at,
                reason,
            },
        },
        Verdict::Failure {
            retryable,
            retry_after_ms,
        } => {
            let next = if *retryable {
                let wait = retry_after_ms.map(Duration::from_millis);
                after_failure(task, step, wait, at, random)
            } else {
                Next::Error
            };
            Record::Failed {
                step,
                attempt,
                at,
                next,
            }
        }
    }
}

/// What follows a failed attempt that may be tried again, after `wait` or else the template's back-off.
fn after_failure(
    task: &Task,
    step: StepIndex,
    wait: Option<Duration>,
    at: Time,
    random: u64,
) -> Next {
    if task.step(step).attempts >= task.max_attempts(step) {
        return Next::Error;
    }
    let wait = wait.unwrap_or_else(|| {
        let counted = task.counted_attempts(step);
        backoff::wait(&task.node(step).retry, counted, random)
    });
    if wait.is_zero() {
        Next::Offer
    } else {
        Next::RetryAt(at + wait)
    }
}

fn returned(state: &State, session: SessionId, attempt: &AttemptRef, now: Time) -> Vec<Change> {
    let mut changes = ungiven(state, session, attempt, now);
    if let ([Change::Recorded { .. }], Some(instance)) =
        (&changes[..], state.workers().instance(session))
    {
        changes.push(cautioned(state, instance, now));
    }
    changes
}

fn ungiven(state: &State, session: SessionId, attempt: &AttemptRef, now: Time) -> Vec<Change> {
    let Some(task) = state.task(attempt.task_uuid) else {
        return vec![Change::Missing {
            session,
            attempt: *attempt,
        }];
    };
    let mut draft = Draft::new(state);
    if let Some(step) = task.find(attempt.step_uuid)
        && is_open(state, session, task, step, attempt.attempt)
    {
        draft.record(task, undelivered(task, step, now));
    }
    draft.changes
}

/// The worker was given something, and did not give it to a handler.
fn cautioned(state: &State, instance: Instance, now: Time) -> Change {
    #[cfg(feature = "mutation")]
    if crate::mutation::Mutation::ReturnForgotten.is_active() {
        return Change::Cautioned {
            instance,
            caution: None,
        };
    }
    let worker = state.workers().get(instance);
    let known = worker.and_then(|worker| worker.caution);
    Change::Cautioned {
        instance,
        caution: Some(Caution::after_return(known, now)),
    }
}

/// An attempt times out for what its worker does with it: not for what the engine needs to give it to the worker.
fn timed(
    state: &State,
    id: TaskId,
    step: StepIndex,
    attempt: u32,
    from: Option<Time>,
) -> Vec<Change> {
    let task = state.task(id);
    match task.and_then(|task| task.steps.get(step as usize)) {
        Some(known) if known.attempts == attempt => vec![Change::Timed {
            task: id,
            step,
            from,
        }],
        _ => Vec::new(),
    }
}

fn recovered(state: &State, now: Time) -> Vec<Change> {
    let until = now + RECOVERY_GRACE;
    state
        .workers()
        .iter()
        .filter(|(_, worker)| worker.session.is_none() && worker.until.is_none())
        .map(|(instance, _)| Change::Awaited { instance, until })
        .collect()
}

fn cut_off(state: &State) -> Vec<Change> {
    state
        .workers()
        .iter()
        .filter(|(_, worker)| worker.session.is_some() || worker.until.is_some())
        .map(|(instance, _)| Change::Detached { instance })
        .collect()
}

fn tick(state: &State, now: Time, random: u64) -> Vec<Change> {
    let mut draft = Draft::of_several_causes(state);
    for timer in state.due(now) {
        match timer {
            Timer::Retry(task, step) => draft.changes.push(Change::Due { task, step }),
            Timer::Timeout(task, step) => {
                if let Some(task) = state.task(task) {
                    time_out(&mut draft, task, step, now, random.rotate_left(step % 64));
                }
            }
            Timer::GiveUp(instance) => give_up(&mut draft, instance, now),
            Timer::Expire(task) => {
                if let Some(task) = state.task(task) {
                    draft.record(task, Record::Expired { at: now });
                }
            }
            Timer::Rest(id) => {
                let task = state.task(id);
                let rests = task.is_some_and(|task| state.is_idle(task, now));
                draft.changes.push(Change::Looked { task: id, rests });
            }
            Timer::Wake(task) => draft.changes.push(Change::Called { task }),
            Timer::Caution(instance) => {
                let worker = state.workers().get(instance);
                let caution = worker.and_then(|worker| worker.caution?.next(now));
                draft.changes.push(Change::Cautioned { instance, caution });
            }
        }
    }
    draft.changes
}

fn time_out(draft: &mut Draft<'_>, task: &Task, step: StepIndex, at: Time, random: u64) {
    let attempt = task.step(step).attempts;
    let next = after_failure(task, step, None, at, random);
    let record = Record::TimedOut {
        step,
        attempt,
        at,
        next,
    };
    if draft.record(task, record) {
        draft.revoke(task, step);
    }
}

fn left(state: &State, session: SessionId, running: &[AttemptRef], now: Time) -> Vec<Change> {
    let Some(instance) = state.workers().instance(session) else {
        return Vec::new();
    };
    let running: HashSet<AttemptRef> = running.iter().copied().collect();
    let mut draft = Draft::new(state);
    for (task, step) in live(state, instance) {
        let record = if running.contains(&attempt_ref(task, step)) {
            lost(task, step, now)
        } else {
            undelivered(task, step, now)
        };
        draft.record(task, record);
    }
    draft.changes.push(Change::Gone { instance });
    draft.changes
}

fn give_up(draft: &mut Draft<'_>, instance: Instance, now: Time) {
    for (task, step) in live(draft.state, instance) {
        draft.record(task, lost(task, step, now));
    }
    draft.changes.push(Change::Gone { instance });
}

/// The steps whose attempts are open with a worker.
fn live(state: &State, instance: Instance) -> impl Iterator<Item = (&Task, StepIndex)> {
    let worker = state.workers().get(instance);
    worker
        .into_iter()
        .flat_map(|worker| &worker.live)
        .filter_map(|&(task, step)| Some((state.task(task)?, step)))
}

fn lost(task: &Task, step: StepIndex, at: Time) -> Record {
    let attempt = task.step(step).attempts;
    let last = attempt >= task.max_attempts(step);
    Record::Lost {
        step,
        attempt,
        at,
        next: if last { Next::Error } else { Next::Offer },
    }
}

fn undelivered(task: &Task, step: StepIndex, at: Time) -> Record {
    Record::Undelivered {
        step,
        attempt: task.step(step).attempts,
        at,
    }
}

/// Whether an attempt is open with the worker of this session.
pub fn is_open(
    state: &State,
    session: SessionId,
    task: &Task,
    step: StepIndex,
    attempt: u32,
) -> bool {
    let Some(instance) = state.workers().instance(session) else {
        return false;
    };
    let step = task.step(step);
    #[cfg(feature = "mutation")]
    if crate::mutation::Mutation::AttemptFenceDropped.is_active() {
        return step.state == StepState::InProgress;
    }
    step.state == StepState::InProgress
        && step.attempts == attempt
        && step
            .worker
            .as_ref()
            .is_some_and(|worker| worker.instance == instance)
}
