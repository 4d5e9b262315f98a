//! Drains, stops, and drops.

use super::*;

#[test]
fn a_drained_worker_leaves_after_its_last_outcome_was_accepted() {
    let engine = FakeEngine::start();
    let worker = Worker::start(options(&engine)).expect("starts");
    let (mut session, _) = engine.welcome();
    session.send(&[dispatch(attempt(1), "1")]);
    dispatched(&worker);

    worker.drain(PATIENCE);
    assert!(matches!(
        session.frame().as_deref(),
        Some([WorkerMessage::Ready { slots: 0 }])
    ));
    let (status, page) = health(&worker);
    assert_eq!(status, 503);
    assert_eq!(page.reasons, ["draining, 1 attempts held"]);
    worker
        .complete(vec![success(attempt(1), "1")])
        .expect("sound");
    assert_eq!(session.outcomes().len(), 1);
    session.accepted(&[attempt(1)]);

    let last = session.rest();
    assert!(
        matches!(last.as_slice(), [WorkerMessage::Leaving { .. }]),
        "{last:?}"
    );
    drop(session);
    assert!(matches!(worker.next(PATIENCE), Next::Stopped));
    assert_eq!(worker.status().session, SessionState::Stopped);
}

#[test]
fn a_worker_that_was_told_to_drain_while_it_was_open_leaves_once_it_begins() {
    let engine = FakeEngine::start();
    let worker = Worker::open(options(&engine)).expect("opens");
    worker.drain(Duration::ZERO);
    assert!(matches!(worker.next(Duration::ZERO), Next::Messages(_)));
    assert_eq!(worker.status().session, SessionState::Connecting);

    worker.begin(nothing_imported()).expect("begins");
    assert!(matches!(worker.next(PATIENCE), Next::Stopped));
}

#[test]
fn a_dropped_worker_leaves_at_once() {
    let engine = FakeEngine::start();
    let worker = Worker::start(options(&engine)).expect("starts");
    let (mut session, _) = engine.welcome();
    session.send(&[dispatch(attempt(1), "1")]);
    dispatched(&worker);
    let leaving = std::thread::spawn(move || session.rest());
    drop(worker);
    let last = leaving.join().expect("the session ends");
    assert!(
        matches!(
            last.as_slice(),
            [
                WorkerMessage::Ready { slots: 0 },
                WorkerMessage::Leaving { .. }
            ]
        ),
        "{last:?}"
    );
}

#[test]
fn a_stopped_worker_wakes_every_thread_that_waits() {
    let engine = FakeEngine::start();
    let worker = Worker::start(options(&engine)).expect("starts");
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| worker.next(Duration::MAX)))
            .collect();
        worker.stop();
        for thread in waiting {
            assert!(matches!(thread.join(), Ok(Next::Stopped)));
        }
    });
}
