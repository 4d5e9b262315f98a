//! Nothing is released before the commit that it rests on, and all of it after.

use uuid::Uuid;

use crate::event::{Restored, Verdict};
use crate::graph::step_uuid;
use crate::outcome::Success;
use crate::task::tests::graph_of;
use crate::worker::Offer;

use super::*;

mod idle;
mod refused;

const TASK: TaskId = Uuid::from_u128(7);
const SESSION: SessionId = SessionId(1);

fn happen(engine: &mut Engine<&'static str>, event: &Event) {
    let texts = matches!(event, Event::Outcome { .. }).then(|| Texts {
        body: tasker_protocol::json_null(),
        metadata: None,
        cursors: None,
    });
    engine.happen(event, texts.as_ref(), Time(1), 0);
    engine.happen(&Event::Dispatch, None, Time(1), 0);
}

fn opened(session: SessionId, running: Vec<AttemptRef>) -> Event {
    Event::Opened {
        session,
        offer: Arc::new(Offer {
            instance: Uuid::from_u128(1),
            greeting: session.0,
            worker_id: "w".into(),
            language: "rust".into(),
            version: "1.0.0".into(),
            namespaces: ["ns".to_owned()].into(),
            callables: ["call.a", "call.b"].map(str::to_owned).into(),
            slots: 2,
            running,
            not_ready: Vec::new(),
        }),
        welcome: welcome(),
    }
}

fn welcome() -> Welcome {
    Welcome {
        protocol: 1,
        epoch: 1,
        heartbeat_ms: 1000,
    }
}

fn create() -> Event {
    Event::Create {
        task: TASK,
        graph: graph_of(&[("a", &[]), ("b", &["a"])]),
        priority: 0,
    }
}

fn attempt(step: &str, attempt: u32) -> AttemptRef {
    AttemptRef {
        task_uuid: TASK,
        step_uuid: step_uuid(TASK, step),
        attempt,
    }
}

fn succeeded(step: &str) -> Event {
    Event::Outcome {
        session: SESSION,
        attempt: attempt(step, 1),
        verdict: Verdict::Success(Success::default()),
    }
}

fn dispatch(step: StepIndex) -> Release<&'static str> {
    Release::Dispatch {
        session: SESSION,
        task: TASK,
        step,
        attempt: 1,
    }
}

/// An engine with a worker, and a task whose first step is with it, all committed.
fn running() -> Engine<&'static str> {
    let mut engine = Engine::new(State::default());
    happen(&mut engine, &opened(SESSION, Vec::new()));
    assert_eq!(engine.free(), [Release::Welcome(SESSION, welcome())]);
    happen(&mut engine, &create());
    engine.seal().expect("a creation is to be committed");
    assert_eq!(engine.committed(), [dispatch(0)]);
    engine
}

#[test]
fn what_needs_no_commit_is_free_at_once() {
    let mut engine = running();
    engine.hold("read");
    assert!(engine.seal().is_none());
    assert_eq!(engine.free(), [Release::Reply("read")]);
    assert_eq!(engine.free(), []);
}

#[test]
fn a_commit_has_all_that_happened_to_a_task_in_one_part() {
    let mut engine = running();
    happen(&mut engine, &succeeded("a"));
    let commit = engine.seal().expect("an outcome is to be committed");
    let [part] = &commit.tasks[..] else {
        panic!("{commit:?}");
    };
    assert_eq!((part.task, part.created, part.first), (TASK, false, 2));
    assert!(
        matches!(
            part.records[..],
            [
                Record::Succeeded { step: 0, .. },
                Record::Started { step: 1, .. }
            ]
        ),
        "{part:?}"
    );
    assert_eq!(*part.texts, ["null".into(), Arc::from("")]);
}

#[test]
fn an_outcome_and_what_it_made_ready_are_released_by_its_own_commit_and_in_order() {
    let mut engine = running();
    happen(&mut engine, &succeeded("a"));
    engine.hold("read");
    assert_eq!(engine.free(), []);
    engine.seal().expect("an outcome is to be committed");
    assert_eq!(engine.free(), []);
    assert_eq!(
        engine.committed(),
        [
            Release::Accepted(SESSION, vec![attempt("a", 1)]),
            dispatch(1),
            Release::Reply("read"),
        ]
    );
}

#[test]
fn what_happens_during_a_commit_waits_for_the_next_one() {
    let mut engine = running();
    happen(&mut engine, &succeeded("a"));
    engine.seal().expect("an outcome is to be committed");
    engine.hold("before");
    happen(&mut engine, &succeeded("b"));
    engine.hold("after");
    assert!(engine.seal().is_none(), "one commit at a time");
    let released = engine.committed();
    assert_eq!(released.last(), Some(&Release::Reply("before")));
    assert!(!released.contains(&Release::Reply("after")));
    assert_eq!(engine.free(), []);
    engine.seal().expect("the second outcome");
    assert_eq!(
        engine.committed(),
        [
            Release::Accepted(SESSION, vec![attempt("b", 1)]),
            Release::Evict(TASK, Leaves::Ended),
            Release::Reply("after"),
        ]
    );
}

#[test]
fn the_repeat_of_an_outcome_waits_for_the_commit_of_the_first() {
    let mut engine = running();
    happen(&mut engine, &succeeded("a"));
    engine.seal().expect("an outcome is to be committed");
    engine.happen(&succeeded("a"), None, Time(2), 0);
    assert_eq!(engine.free(), []);
    assert_eq!(
        engine.committed()[0],
        Release::Accepted(SESSION, vec![attempt("a", 1), attempt("a", 1)])
    );
}

#[test]
fn an_ended_task_is_there_until_its_end_is_durable() {
    let mut engine = running();
    happen(&mut engine, &succeeded("a"));
    happen(&mut engine, &succeeded("b"));
    engine.seal().expect("the end is to be committed");
    assert!(engine.state().task(TASK).is_some_and(Task::has_ended));
    engine.committed();
    assert!(engine.state().task(TASK).is_none());
}

#[test]
fn a_welcome_waits_for_what_the_session_changed_and_comes_before_the_cancels() {
    let mut engine = running();
    let unknown = attempt("b", 9);
    let again = SessionId(2);
    engine.happen(&opened(again, vec![unknown]), None, Time(2), 0);
    assert_eq!(engine.free(), [], "an attempt was not named");
    engine.seal().expect("it is undelivered");
    assert_eq!(
        engine.committed(),
        [
            Release::Welcome(again, welcome()),
            Release::Cancel(again, unknown),
        ]
    );
}

#[test]
fn an_ended_task_stays_for_an_outcome_that_comes_during_its_last_commit() {
    let mut engine = running();
    happen(&mut engine, &Event::Cancel { task: TASK });
    engine.seal().expect("the end is to be committed");
    happen(&mut engine, &succeeded("a"));
    assert!(
        !engine
            .committed()
            .contains(&Release::Evict(TASK, Leaves::Ended))
    );
    engine.seal().expect("a late outcome is to be committed");
    assert!(engine.state().task(TASK).is_some());
    assert!(
        engine
            .committed()
            .contains(&Release::Evict(TASK, Leaves::Ended))
    );
    assert!(engine.state().task(TASK).is_none());
}

#[test]
fn an_ended_task_that_was_read_again_stays_for_its_late_outcome() {
    let mut engine = running();
    happen(&mut engine, &Event::Cancel { task: TASK });
    engine.seal().expect("the end is to be committed");
    engine.committed();
    let other = Event::Create {
        task: Uuid::from_u128(8),
        graph: graph_of(&[("a", &[])]),
        priority: 0,
    };
    happen(&mut engine, &other);
    engine.seal().expect("a creation is to be committed");
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
            Record::Cancelled { at: Time(1) },
        ],
    };
    happen(&mut engine, &Event::Restored(Arc::new(restored)));
    happen(&mut engine, &succeeded("a"));
    engine.committed();
    let commit = engine.seal().expect("a late outcome is to be committed");
    assert!(matches!(commit.tasks[0].records[..], [Record::Late { .. }]));
    assert!(engine.state().task(TASK).is_some());
    assert!(
        engine
            .committed()
            .contains(&Release::Evict(TASK, Leaves::Ended))
    );
    assert!(engine.state().task(TASK).is_none());
}

#[test]
fn a_greeting_that_a_later_one_has_overtaken_changes_nothing() {
    let mut engine = running();
    let (early, late) = (SessionId(2), SessionId(3));
    happen(&mut engine, &opened(late, vec![attempt("a", 1)]));
    assert_eq!(engine.free(), [Release::Welcome(late, welcome())]);
    happen(&mut engine, &opened(early, Vec::new()));
    assert!(engine.seal().is_none());
    assert_eq!(engine.free(), []);
    let worker = engine.state().workers().get(Uuid::from_u128(1));
    assert_eq!(worker.and_then(|worker| worker.session), Some(late));
}
