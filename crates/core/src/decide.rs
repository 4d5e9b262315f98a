//! Event to changes: looks at the state, changes nothing.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tasker_protocol::api::StepState;
use tasker_protocol::frame::{AttemptRef, Welcome};

use crate::event::{Change, Event, Verdict};
use crate::record::{Next, Record};
use crate::state::Timer;
use crate::worker::{Offer, SessionId};
use crate::{Instance, State, StepIndex, Task, Time, backoff, dispatch};

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
        } => outcome(state, *session, attempt, *verdict, now, random),
        Event::Returned { session, attempt } => open_attempt(state, *session, attempt)
            .map(|(task, step)| undelivered(task, step, now))
            .into_iter()
            .collect(),
        Event::Recovered => recovered(state, now),
        Event::Tick => state
            .due(now)
            .flat_map(|timer| match timer {
                Timer::Retry(task, step) => vec![Change::Due { task, step }],
                Timer::GiveUp(instance) => give_up(state, instance, now),
            })
            .collect(),
        Event::Dispatch => dispatch::dispatch(state, now),
    }
}

fn opened(
    state: &State,
    session: SessionId,
    offer: &Arc<Offer>,
    welcome: &Welcome,
    now: Time,
) -> Vec<Change> {
    let named: HashSet<AttemptRef> = offer.running.iter().copied().collect();
    let mut open = HashSet::new();
    let mut changes = Vec::new();
    for (task, step) in live(state, offer.instance) {
        let attempt = attempt_ref(task, step);
        if named.contains(&attempt) {
            open.insert(attempt);
        } else {
            changes.push(undelivered(task, step, now));
        }
    }
    let stale = offer.running.iter().copied();
    changes.push(Change::Opened {
        session,
        offer: Arc::clone(offer),
        welcome: welcome.clone(),
        stale: stale.filter(|attempt| !open.contains(attempt)).collect(),
    });
    changes
}

fn closed(state: &State, session: SessionId, grace: bool, now: Time) -> Vec<Change> {
    let Some(instance) = state.workers().instance(session) else {
        return Vec::new();
    };
    if grace {
        let until = now + GRACE;
        vec![Change::Closed { session, until }]
    } else {
        give_up(state, instance, now)
    }
}

fn outcome(
    state: &State,
    session: SessionId,
    attempt: &AttemptRef,
    verdict: Verdict,
    now: Time,
    random: u64,
) -> Vec<Change> {
    let mut changes = Vec::with_capacity(2);
    if let Some((task, step)) = open_attempt(state, session, attempt) {
        changes.push(Change::Recorded {
            task: task.id,
            record: record_of(task, step, verdict, now, random),
        });
    }
    changes.push(Change::Accepted {
        session,
        attempt: *attempt,
    });
    changes
}

fn record_of(task: &Task, step: StepIndex, verdict: Verdict, now: Time, random: u64) -> Record {
    let attempt = task.step(step).attempts;
    match verdict {
        Verdict::Success => Record::Succeeded {
            step,
            attempt,
            at: now,
        },
        Verdict::Failure {
            retryable,
            retry_after_ms,
        } => {
            let counted = task.counted_attempts(step);
            let next = if !retryable || attempt >= task.max_attempts(step) {
                Next::Error
            } else {
                let wait = match retry_after_ms {
                    Some(millis) => Duration::from_millis(millis),
                    None => backoff::wait(&task.graph.node(step).retry, counted, random),
                };
                if wait.is_zero() {
                    Next::Offer
                } else {
                    Next::RetryAt(now + wait)
                }
            };
            Record::Failed {
                step,
                attempt,
                at: now,
                next,
            }
        }
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

fn left(state: &State, session: SessionId, running: &[AttemptRef], now: Time) -> Vec<Change> {
    let Some(instance) = state.workers().instance(session) else {
        return Vec::new();
    };
    let running: HashSet<AttemptRef> = running.iter().copied().collect();
    let end = |(task, step)| {
        if running.contains(&attempt_ref(task, step)) {
            lost(task, step, now)
        } else {
            undelivered(task, step, now)
        }
    };
    let gone = Change::Gone { instance };
    live(state, instance).map(end).chain([gone]).collect()
}

fn give_up(state: &State, instance: Instance, now: Time) -> Vec<Change> {
    let gone = Change::Gone { instance };
    live(state, instance)
        .map(|(task, step)| lost(task, step, now))
        .chain([gone])
        .collect()
}

/// The steps whose attempts are open with a worker.
fn live(state: &State, instance: Instance) -> impl Iterator<Item = (&Task, StepIndex)> {
    let worker = state.workers().get(instance);
    worker
        .into_iter()
        .flat_map(|worker| &worker.live)
        .filter_map(|&(task, step)| Some((state.task(task)?, step)))
}

fn lost(task: &Task, step: StepIndex, now: Time) -> Change {
    let attempt = task.step(step).attempts;
    let last = attempt >= task.max_attempts(step);
    Change::Recorded {
        task: task.id,
        record: Record::Lost {
            step,
            attempt,
            at: now,
            next: if last { Next::Error } else { Next::Offer },
        },
    }
}

fn undelivered(task: &Task, step: StepIndex, now: Time) -> Change {
    Change::Recorded {
        task: task.id,
        record: Record::Undelivered {
            step,
            attempt: task.step(step).attempts,
            at: now,
        },
    }
}

/// The step that an attempt is of, if it is open with the worker of this session.
fn open_attempt<'a>(
    state: &'a State,
    session: SessionId,
    attempt: &AttemptRef,
) -> Option<(&'a Task, StepIndex)> {
    let instance = state.workers().instance(session)?;
    let task = state.task(attempt.task_uuid)?;
    let index = task.graph.step(task.id, attempt.step_uuid)?;
    let step = task.step(index);
    let open = step.state == StepState::InProgress
        && step.attempts == attempt.attempt
        && step
            .worker
            .as_ref()
            .is_some_and(|worker| worker.instance == instance);
    open.then_some((task, index))
}

fn attempt_ref(task: &Task, step: StepIndex) -> AttemptRef {
    AttemptRef {
        task_uuid: task.id,
        step_uuid: task.step_uuid(step),
        attempt: task.step(step).attempts,
    }
}
