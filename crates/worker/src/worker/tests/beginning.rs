//! The opening of a worker, and its beginning.

use super::*;

#[test]
fn an_open_worker_answers_and_takes_nothing_until_it_begins() {
    let engine = FakeEngine::start();
    let worker = Worker::open(options(&engine)).expect("opens");
    let health: Health = serde_json::from_str(&get(&worker, "/health").1).expect("JSON");
    assert_eq!(get(&worker, "/health").0, 503);
    assert_eq!(health.reasons, ["handlers are being imported"]);
    assert_eq!(get(&worker, "/health/live").0, 200);
    let (status, metrics) = get(&worker, "/metrics");
    assert_eq!(status, 200);
    assert!(metrics.contains("tasker_worker_slots 0\n"), "{metrics}");

    let imported = Imported {
        callables: vec!["imported.Handler".to_owned()],
        problems: Vec::new(),
    };
    worker.begin(imported.clone()).expect("begins");
    let (_session, hello) = engine.welcome();
    assert_eq!(hello.callables, ["extra.Handler", "imported.Handler"]);
    assert_eq!(hello.slots, 8);
    assert!(matches!(worker.begin(imported), Err(Error::Begun)));
}

#[test]
fn a_worker_begins_once_and_not_after_it_was_stopped() {
    let engine = FakeEngine::start();
    let worker = Worker::open(options(&engine)).expect("opens");
    worker.begin(nothing_imported()).expect("begins");
    let again = worker.begin(nothing_imported());
    assert!(matches!(again, Err(Error::Begun)), "{again:?}");
    worker.stop();
    let again = worker.begin(nothing_imported());
    assert!(matches!(again, Err(Error::Stopped)), "{again:?}");
}

#[test]
fn slots_that_are_changed_before_the_beginning_count_and_are_on_the_metrics_page() {
    let engine = FakeEngine::start();
    let worker = Worker::open(options(&engine)).expect("opens");
    worker.set_slots(3);
    worker.begin(nothing_imported()).expect("begins");
    let (mut session, hello) = engine.welcome();
    assert_eq!(hello.slots, 3);
    session.send(&[dispatch(attempt(1), "1")]);
    assert_eq!(dispatched(&worker), [attempt(1)]);
    let metrics = get(&worker, "/metrics").1;
    assert!(metrics.contains("tasker_worker_slots 3\n"), "{metrics}");
}

#[test]
fn a_taken_port_is_named_with_the_setting_that_changes_it() {
    let engine = FakeEngine::start();
    let first = Worker::start(options(&engine)).expect("starts");
    let mut second = options(&engine);
    second.bind = first.address().to_string();
    let error = Worker::start(second).expect_err("the port is taken");
    assert_eq!(
        error.to_string(),
        format!(
            "cannot listen on {} for the health page: Address already in use (os error 98); TASKER_BIND or --bind \
             names another address",
            first.address()
        )
    );
}
