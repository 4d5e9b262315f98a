//! Results that a handler asks for.

use super::*;

fn fetch(attempt: AttemptRef) -> Fetch {
    Fetch {
        task_uuid: attempt.task_uuid,
        step_uuid: attempt.step_uuid,
        attempt: attempt.attempt,
        name: "sum".to_owned(),
        from: 3,
    }
}

#[test]
fn a_fetch_waits_over_a_lost_connection_until_it_is_answered() {
    let engine = FakeEngine::start();
    let worker = Worker::start(options(&engine)).expect("starts");
    let (mut session, _) = engine.welcome();
    session.send(&[dispatch(attempt(1), "1")]);
    dispatched(&worker);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| worker.fetch(fetch(attempt(1)), PATIENCE));
        let asked = |frame: Option<Vec<WorkerMessage>>| match frame.as_deref() {
            Some([WorkerMessage::Fetch(asked)]) => assert_eq!(*asked, fetch(attempt(1))),
            other => panic!("not a fetch: {other:?}"),
        };
        asked(session.frame());
        drop(session);
        let (mut session, _) = engine.welcome();
        asked(session.frame());
        session.send(&[EngineMessage::Fetched(Fetched {
            task_uuid: attempt(1).task_uuid,
            step_uuid: attempt(1).step_uuid,
            attempt: 1,
            name: "sum".to_owned(),
            from: 3,
            results: vec![json("1e400")],
            next: Some(4),
            error: None,
        })]);
        let fetched = waiting.join().expect("no panic").expect("answered");
        assert_eq!((fetched.results[0].get(), fetched.next), ("1e400", Some(4)));
    });
}

#[test]
fn a_fetch_that_is_not_answered_ends_with_its_time_or_with_the_worker() {
    let engine = FakeEngine::start();
    let worker = Worker::start(options(&engine)).expect("starts");
    let (mut session, _) = engine.welcome();
    session.send(&[dispatch(attempt(1), "1")]);
    dispatched(&worker);
    let unanswered = worker.fetch(fetch(attempt(1)), Duration::ZERO);
    assert_eq!(
        unanswered.expect_err("no answer").to_string(),
        "the engine has not sent the results of sum from 3 on within 0ns"
    );
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| worker.fetch(fetch(attempt(1)), PATIENCE));
        // Whether it waits already or not, the answer is the same.
        worker.stop();
        let stopped = waiting.join().expect("no panic");
        assert!(matches!(stopped, Err(Error::Stopped)), "{stopped:?}");
    });
    let late = worker.fetch(fetch(attempt(1)), PATIENCE);
    assert!(matches!(late, Err(Error::Stopped)), "{late:?}");
}
