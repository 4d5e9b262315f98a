//! A task that has nothing to do for a while leaves memory, once all of it is durable, and is called back in time.

use std::time::Duration;

use tasker_protocol::api::{StepState, TaskStatus};

use crate::operator::Action;
use crate::record::Next;
use crate::state::{Idle, PATIENCE};

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn failed(retry_after: Option<Duration>) -> Event {
    Event::Outcome {
        session: SESSION,
        attempt: attempt("a", 1),
        verdict: Verdict::Failure {
            retryable: retry_after.is_some(),
            retry_after_ms: retry_after.map(|after| after.as_millis() as u64),
        },
    }
}

/// An engine whose only task's first step has failed, all committed but that.
fn engine(retry_after: Option<Duration>) -> Engine<&'static str> {
    let mut engine = Engine::new(State::with_patience(PATIENCE));
    happen(&mut engine, &opened(SESSION, Vec::new()));
    engine.free();
    happen(&mut engine, &create());
    engine.seal().expect("a creation is to be committed");
    engine.committed();
    happen(&mut engine, &failed(retry_after));
    engine.seal().expect("an outcome is to be committed");
    engine
}

fn tick(engine: &mut Engine<&'static str>, now: Time) -> Vec<Change> {
    engine.happen(&Event::Tick, None, now, 0)
}

const BLOCKED: Idle = Idle {
    status: TaskStatus::BlockedByFailures,
    next: None,
};

const EVICTED: Release<&str> = Release::Evict(TASK, Leaves::Idle);

#[test]
fn a_blocked_task_leaves_memory_after_a_minute_once_all_of_it_is_durable() {
    let mut engine = engine(None);
    let due = Time(1) + PATIENCE;
    assert_eq!(engine.state().next_timer(), Some(due));
    assert!(tick(&mut engine, Time(due.0 - 1)).is_empty());
    tick(&mut engine, due);
    assert_eq!(engine.free(), []);
    assert!(engine.state().task(TASK).is_some());
    assert!(engine.committed().contains(&EVICTED));
    let state = engine.state();
    assert!(state.task(TASK).is_none());
    assert_eq!(
        (state.idle(TASK), state.next_timer()),
        (Some(&BLOCKED), None)
    );
}

#[test]
fn a_task_that_is_touched_meanwhile_stays() {
    let mut engine = engine(None);
    let due = Time(1) + PATIENCE;
    tick(&mut engine, due);
    let retry = Event::Act {
        task: TASK,
        step: 0,
        action: Action::Retry,
    };
    engine.happen(&retry, None, due, 0);
    assert!(!engine.committed().contains(&EVICTED));
    let step = engine.state().task(TASK).map(|task| task.step(0).state);
    assert_eq!(step, Some(StepState::Enqueued));
}

#[test]
fn a_task_whose_retry_is_far_away_is_called_back_for_it() {
    let mut engine = engine(Some(HOUR));
    engine.committed();
    tick(&mut engine, Time(1) + PATIENCE);
    assert_eq!(engine.free(), [EVICTED]);
    let retry = Time(1) + HOUR;
    let idle = Idle {
        status: TaskStatus::WaitingForRetry,
        next: Some(retry),
    };
    assert_eq!(engine.state().idle(TASK), Some(&idle));
    assert_eq!(engine.state().next_timer(), Some(retry));
    let called = tick(&mut engine, retry);
    assert!(matches!(called[..], [Change::Called { task: TASK }]));
    assert!(tick(&mut engine, retry).is_empty(), "it is being read");
    let restored = Restored {
        task: TASK,
        graph: graph_of(&[("a", &[]), ("b", &["a"])]),
        priority: 0,
        at: Time(1),
        records: vec![
            Record::Started {
                step: 0,
                attempt: 1,
                at: Time(1),
                instance: Uuid::from_u128(1),
                worker_id: "w".into(),
            },
            Record::Failed {
                step: 0,
                attempt: 1,
                at: Time(1),
                next: Next::RetryAt(retry),
            },
        ],
    };
    engine.happen(&Event::Restored(Arc::new(restored)), None, retry, 0);
    assert_eq!(engine.state().idle(TASK), None);
    tick(&mut engine, retry);
    engine.happen(&Event::Dispatch, None, retry, 0);
    engine.seal().expect("the next attempt is to be committed");
    let second = Release::Dispatch {
        session: SESSION,
        task: TASK,
        step: 0,
        attempt: 2,
    };
    assert_eq!(engine.committed(), [second]);
}

#[test]
fn a_task_whose_retry_is_near_stays() {
    let mut engine = engine(Some(PATIENCE + Duration::from_secs(30)));
    engine.committed();
    tick(&mut engine, Time(1) + PATIENCE);
    assert_eq!(engine.free(), []);
    assert!(engine.state().task(TASK).is_some());
}
