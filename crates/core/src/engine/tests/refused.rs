//! What the journal refuses has not happened: nothing of it is released, its task is read again and goes on from there.

use crate::refusals::{PAUSE, Refusals, Resumed};
use crate::state::Idle;
use crate::task::Ending;

use super::*;

const OTHER: TaskId = Uuid::from_u128(8);
const WORKER: Uuid = Uuid::from_u128(1);
const AGAIN: Time = Time(5);

fn saw(reply: &&'static str) -> bool {
    reply.starts_with("saw")
}

/// The task as the journal has it: its first step is with the worker.
fn restored() -> Event {
    Event::Restored(Arc::new(Restored {
        task: TASK,
        graph: graph_of(&[("a", &[]), ("b", &["a"])]),
        priority: 0,
        at: Time(1),
        records: vec![Record::Started {
            step: 0,
            attempt: 1,
            at: Time(1),
            instance: WORKER,
            worker_id: "w".into(),
        }],
    }))
}

/// An engine whose task's first outcome is with the journal.
fn appending() -> Engine<&'static str> {
    let mut engine = running();
    happen(&mut engine, &succeeded("a"));
    engine.seal().expect("an outcome is to be committed");
    engine
}

/// The journal refuses what it has, as often as it likes.
fn refuse(engine: &mut Engine<&'static str>, refusals: &mut Refusals, now: Time) -> Time {
    let again = refusals.add(TASK, "no room", engine.state(), now);
    let dropped = engine.refused(TASK, Some(again), saw);
    refusals.lost(TASK, dropped.outcomes);
    refusals.committed();
    engine.committed();
    again
}

/// The task is read again.
fn resume(engine: &mut Engine<&'static str>, refusals: &Refusals) -> Resumed {
    engine.happen(&restored(), None, Time(9), 0);
    let task = engine.state().task(TASK).expect("it is there again");
    let resumed = refusals.resume(task, engine.state());
    for (event, texts) in &resumed.events {
        engine.happen(event, texts.as_ref(), Time(9), 0);
    }
    resumed
}

#[test]
fn nothing_that_rests_on_it_is_released_but_all_else_is() {
    let mut engine = running();
    happen(&mut engine, &succeeded("a"));
    engine.hold("saw it");
    engine.hold("did not");
    let other = Event::Create {
        task: OTHER,
        graph: graph_of(&[("a", &[])]),
        priority: 0,
    };
    happen(&mut engine, &other);
    let commit = engine.seal().expect("two tasks are to be committed");
    assert_eq!(commit.tasks.len(), 2);
    // What follows while the commit is in flight.
    happen(&mut engine, &Event::Cancel { task: TASK });
    engine.hold("saw its end");
    engine.hold("did not, later");

    let dropped = engine.refused(TASK, Some(AGAIN), saw);
    assert_eq!(dropped.outcomes, [(SESSION, attempt("a", 1))]);
    assert_eq!(dropped.replies, ["saw it", "saw its end"]);
    let dispatched = Release::Dispatch {
        session: SESSION,
        task: OTHER,
        step: 0,
        attempt: 1,
    };
    assert_eq!(engine.committed(), [Release::Reply("did not"), dispatched]);
    assert!(engine.seal().is_none(), "its end is not decided on a hole");
    assert_eq!(engine.free(), [Release::Reply("did not, later")]);
    let state = engine.state();
    assert!(state.task(TASK).is_none());
    assert_eq!(state.idle(TASK), Some(&Idle::refused(AGAIN)));
    assert_eq!(state.next_timer(), Some(AGAIN));
    let worker = state.workers().get(WORKER).expect("the worker");
    assert_eq!(worker.live, [(OTHER, 0)].into());
}

#[test]
fn a_later_commit_still_has_the_parts_of_other_tasks() {
    let mut engine = appending();
    happen(&mut engine, &Event::Cancel { task: TASK });
    let other = Event::Create {
        task: OTHER,
        graph: graph_of(&[("a", &[])]),
        priority: 0,
    };
    happen(&mut engine, &other);
    engine.refused(TASK, Some(AGAIN), saw);
    engine.committed();
    let named = Event::Cancel { task: OTHER };
    happen(&mut engine, &named);
    let commit = engine.seal().expect("a task is to be committed");
    let [part] = &commit.tasks[..] else {
        panic!("{commit:?}");
    };
    assert_eq!((part.task, part.created), (OTHER, true));
    assert!(matches!(
        part.records.last(),
        Some(Record::Cancelled { .. })
    ));
}

#[test]
fn a_task_whose_creation_is_refused_never_was() {
    let mut engine = Engine::new(State::default());
    happen(&mut engine, &opened(SESSION, Vec::new()));
    engine.free();
    happen(&mut engine, &create());
    engine.hold("saw it");
    engine.seal().expect("a creation is to be committed");
    let dropped = engine.refused(TASK, None, saw);
    assert_eq!(dropped.replies, ["saw it"]);
    assert_eq!(engine.committed(), []);
    let state = engine.state();
    assert!(state.task(TASK).is_none() && state.idle(TASK).is_none());
    let worker = state.workers().get(WORKER).expect("the worker");
    assert_eq!(worker.free(), 2);
}

#[test]
fn a_refused_outcome_is_a_permanent_failure_of_its_step_and_acknowledged_with_that() {
    let (mut engine, mut refusals) = (appending(), Refusals::default());
    assert_eq!(refuse(&mut engine, &mut refusals, Time(3)), Time(3));
    assert!(resume(&mut engine, &refusals).close.is_empty());
    let commit = engine.seal().expect("a failure is to be committed");
    let [part] = &commit.tasks[..] else {
        panic!("{commit:?}");
    };
    assert_eq!(part.first, 2);
    assert!(part.texts[0].contains("\"RECORD_REFUSED\""), "{part:?}");
    assert!(part.texts[0].contains("no room"), "{part:?}");
    let task = engine.state().task(TASK).expect("the task");
    assert_eq!(task.step(0).last, Some(Ending::Failed));
    assert!(task.is_settled());
    refusals.sealed(&commit);
    refusals.committed();
    assert!(!refusals.contains(TASK));
    assert_eq!(
        engine.committed(),
        [Release::Accepted(SESSION, vec![attempt("a", 1)])]
    );
}

#[test]
fn what_is_refused_again_waits_and_is_not_acknowledged_meanwhile() {
    let (mut engine, mut refusals) = (appending(), Refusals::default());
    refuse(&mut engine, &mut refusals, Time(3));
    resume(&mut engine, &refusals);
    let commit = engine.seal().expect("a failure is to be committed");
    refusals.sealed(&commit);
    let again = refuse(&mut engine, &mut refusals, Time(10));
    assert_eq!(again, Time(10) + PAUSE);
    assert_eq!(engine.free(), []);
    resume(&mut engine, &refusals);
    let commit = engine.seal().expect("a failure is to be committed");
    let text = &commit.tasks[0].texts[0];
    assert!(!text.contains("no room"), "it may be the words: {text}");
    let released = engine.committed();
    assert_eq!(
        released[0],
        Release::Accepted(SESSION, vec![attempt("a", 1)])
    );
}

#[test]
fn an_attempt_that_its_worker_was_not_given_is_offered_again() {
    let (mut engine, mut refusals) = (running(), Refusals::default());
    happen(&mut engine, &Event::Cancel { task: TASK });
    engine.seal().expect("the end is to be committed");
    refuse(&mut engine, &mut refusals, Time(3));
    refusals.ungiven(TASK, SESSION, 0, 1);
    resume(&mut engine, &refusals);
    engine.happen(&Event::Dispatch, None, Time(9), 0);
    let commit = engine.seal().expect("a new attempt is to be committed");
    assert!(matches!(
        commit.tasks[0].records[..],
        [
            Record::Undelivered { attempt: 1, .. },
            Record::Started { attempt: 2, .. }
        ]
    ));
}

#[test]
fn a_session_that_opened_meanwhile_is_closed_and_a_worker_that_went_away_is_waited_for() {
    let (mut engine, mut refusals) = (appending(), Refusals::default());
    refuse(&mut engine, &mut refusals, Time(3));
    let next = SessionId(2);
    happen(&mut engine, &opened(next, vec![attempt("a", 1)]));
    assert_eq!(resume(&mut engine, &refusals).close, [next]);

    let (mut engine, mut refusals) = (appending(), Refusals::default());
    refuse(&mut engine, &mut refusals, Time(3));
    let closed = Event::Closed {
        session: SESSION,
        grace: false,
    };
    happen(&mut engine, &closed);
    assert!(resume(&mut engine, &refusals).close.is_empty());
    let worker = engine.state().workers().get(WORKER);
    let until = worker.and_then(|worker| worker.until);
    assert_eq!(until, Some(Time(9) + crate::decide::RECOVERY_GRACE));
}
