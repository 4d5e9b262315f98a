//! Drains and stops.

use super::*;

#[test]
fn draining_finishes_what_is_held_and_leaves_last() {
    let mut bench = Bench::open(2);
    bench.receive(dispatch(attempt(1)));
    assert_eq!(
        bench.give(Input::Drain(Duration::from_secs(8))),
        ["ready 0"]
    );
    assert_eq!(bench.session.state(), SessionState::Draining);
    assert_eq!(bench.receive(dispatch(attempt(2))), ["returned 2"]);
    assert_eq!(bench.complete(1), ["outcome 1"]);
    assert_eq!(
        bench.receive(EngineMessage::Accepted(vec![attempt(1)])),
        ["leaving"]
    );
    assert!(bench.session.is_stopped());
    assert_eq!(bench.session.deadline(), None);
}

#[test]
fn draining_with_nothing_held_leaves_at_once() {
    let mut bench = Bench::open(2);
    assert_eq!(
        bench.give(Input::Drain(Duration::from_secs(8))),
        ["ready 0", "leaving"]
    );
    let mut bench = Bench::new(2);
    bench.give(Input::Tick);
    assert_eq!(
        bench.give(Input::Drain(Duration::from_secs(8))),
        ["disconnect"]
    );
    assert!(bench.session.is_stopped());
}

#[test]
fn a_drain_that_takes_too_long_leaves_with_what_still_runs() {
    let mut bench = Bench::open(2);
    bench.receive(dispatch(attempt(1)));
    bench.give(Input::Drain(2_500 * MS));
    assert_eq!(bench.sleep(), ["ping"]);
    assert_eq!(bench.sleep(), ["ping"]);
    assert_eq!(
        bench.sleep(),
        ["warn: leaving with 1 attempts held", "leaving 1"]
    );
    assert_eq!(bench.now, 2_500 * MS);
}

#[test]
fn an_outcome_that_was_lost_on_the_way_is_handed_over_before_a_drained_worker_leaves() {
    let mut bench = Bench::open(2);
    bench.receive(dispatch(attempt(1)));
    bench.complete(1);
    bench.give(Input::Drain(Duration::from_secs(8)));
    bench.lose();
    bench.sleep();
    let (greeting, after) = bench.greet();
    assert_eq!(greeting, "hello slots=0 running=1");
    assert_eq!(after, ["outcome 1"]);
    assert_eq!(
        bench.receive(EngineMessage::Accepted(vec![attempt(1)])),
        ["leaving"]
    );
}

#[test]
fn the_engine_may_ask_to_drain_and_a_later_time_limit_counts() {
    let mut bench = Bench::open(2);
    bench.receive(dispatch(attempt(1)));
    assert_eq!(
        bench.receive(EngineMessage::Drain {}),
        ["inform", "ready 0"]
    );
    bench.now += 60 * MS;
    bench.give(Input::Drain(500 * MS));
    let warning = "warn: leaving with 1 attempts held";
    assert_eq!(bench.sleep(), [warning, "leaving 1"]);
    assert_eq!(bench.now, 560 * MS);
}

#[test]
fn stopping_leaves_at_once_whatever_is_held() {
    let mut bench = Bench::open(2);
    bench.receive(dispatch(attempt(1)));
    assert_eq!(
        bench.give(Input::Stop),
        ["ready 0", "warn: leaving with 1 attempts held", "leaving 1"]
    );
    let none: [&str; 0] = [];
    assert_eq!(bench.complete(1), none);
}
