//! A process that stands still for a while, and what it finds when it goes on.

use super::*;

const GIVEN_UP: &str = "warn: no session with http://0: this process stood still for 8.0s, so the engine may have given \
                        it up, and what it sent since is unread";

#[test]
fn nothing_is_run_that_lay_unread_while_the_process_stood_still() {
    let mut bench = Bench::open(3);
    bench.receive(dispatch(attempt(1)));
    bench.receive(dispatch(attempt(2)));
    bench.complete(1);
    bench.now += Duration::from_secs(8);
    // One frame: it is a sign of life of the engine, and has two dispatches.
    assert_eq!(bench.give(Input::Heard), ["disconnect", GIVEN_UP]);
    let none: [&str; 0] = [];
    assert_eq!(bench.receive(dispatch(attempt(3))), none);
    assert_eq!(bench.receive(dispatch(attempt(4))), none);
    assert_eq!(bench.session.held(), 2);

    assert_eq!(bench.sleep(), ["connect"]);
    let (greeting, after) = bench.greet();
    assert_eq!(greeting, "hello slots=3 running=2,1");
    assert_eq!(after, ["outcome 1"]);
    assert_eq!(bench.receive(dispatch(attempt(3))), ["run 3"]);
}

#[test]
fn a_freeze_that_the_engine_did_not_notice_costs_nothing() {
    let mut bench = Bench::open(1);
    assert_eq!(bench.sleep(), ["ping"]);
    bench.now += SILENCE - MS;
    assert_eq!(bench.receive(dispatch(attempt(1))), ["run 1", "ping"]);
}

#[test]
fn the_engine_counts_from_the_last_ping_and_not_from_what_the_worker_heard() {
    let mut bench = Bench::open(1);
    bench.now += 900 * MS;
    bench.give(Input::Heard);
    bench.now += SILENCE - 900 * MS;
    assert_eq!(bench.receive(dispatch(attempt(1)))[0], "disconnect");
}

#[test]
fn a_welcome_that_lay_unread_is_dropped_too() {
    let mut bench = Bench::new(1);
    bench.give(Input::Tick);
    bench.give(Input::Connected);
    bench.now += Duration::from_secs(8);
    assert_eq!(bench.receive(welcome()), ["disconnect", GIVEN_UP]);
    assert_eq!(bench.receive(dispatch(attempt(1))), [""; 0]);
}

#[test]
fn an_outcome_of_a_handler_that_ends_first_is_kept_for_the_next_session() {
    let mut bench = Bench::open(1);
    bench.receive(dispatch(attempt(1)));
    bench.now += Duration::from_secs(8);
    assert_eq!(bench.complete(1), ["disconnect", GIVEN_UP]);
    bench.sleep();
    assert_eq!(bench.greet().1, ["outcome 1"]);
}

#[test]
fn a_heartbeat_that_would_be_too_slow_is_not_kept() {
    let mut bench = Bench::new(1);
    bench.give(Input::Tick);
    bench.give(Input::Connected);
    bench.receive(EngineMessage::Welcome(Welcome {
        protocol: 1,
        epoch: 1,
        heartbeat_ms: 60_000,
    }));
    let opened = bench.now;
    assert_eq!(bench.sleep(), ["ping"]);
    assert_eq!(bench.now - opened, LONGEST_HEARTBEAT);
}
