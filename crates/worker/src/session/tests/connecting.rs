//! Connections that are not made, are of no use, or end.

use super::*;

#[test]
fn a_silent_engine_is_given_up_after_five_seconds_of_pings() {
    let mut bench = Bench::open(1);
    for second in 1..=4 {
        assert_eq!(bench.sleep(), ["ping"]);
        assert_eq!(bench.now, Duration::from_secs(second));
    }
    let warning = "warn: no session with http://0: nothing was heard from the engine for 5 s";
    assert_eq!(bench.sleep(), ["disconnect", warning]);
    assert_eq!(bench.now, SILENCE);
}

#[test]
fn whatever_is_heard_keeps_the_session() {
    let mut bench = Bench::open(1);
    for _ in 0..20 {
        assert_eq!(bench.sleep(), ["ping"]);
        bench.now += 10 * MS;
        let none: [&str; 0] = [];
        assert_eq!(bench.give(Input::Heard), none);
    }
    assert_eq!(bench.session.state(), SessionState::Open);
}

#[test]
fn what_has_arrived_counts_before_the_engines_silence() {
    let mut bench = Bench::open(1);
    for _ in 1..=4 {
        assert_eq!(bench.sleep(), ["ping"]);
    }
    bench.now += 4_999 * MS;
    assert_eq!(bench.receive(dispatch(attempt(1))), ["run 1", "ping"]);
    assert_eq!(bench.session.state(), SessionState::Open);
}

#[test]
fn a_connection_that_is_not_made_in_time_is_given_up() {
    let mut bench = Bench::new(1);
    bench.give(Input::Tick);
    let warning = "warn: no session with http://0: no connection within 5 s";
    assert_eq!(bench.sleep(), ["disconnect", warning]);
    assert_eq!(bench.now, CONNECT_TIMEOUT);
    assert_eq!(bench.sleep(), ["connect"]);
    let trouble = "no session with http://0: no connection within 5 s";
    assert_eq!(bench.troubles(), [trouble]);
}

#[test]
fn an_engine_that_stays_away_is_one_line_in_the_log() {
    let mut bench = Bench::new(1);
    bench.give(Input::Tick);
    let none: [&str; 0] = [];
    assert_eq!(bench.lose(), ["warn: no session with http://0: reset"]);
    for _ in 0..10 {
        assert_eq!(bench.sleep(), ["connect"]);
        assert_eq!(bench.lose(), none);
    }
    bench.sleep();
    bench.greet();
    assert_eq!(bench.lose(), ["warn: no session with http://0: reset"]);
}

#[test]
fn a_refused_worker_says_why_and_asks_again_slowly() {
    let mut bench = Bench::new(1);
    bench.give(Input::Tick);
    bench.give(Input::Connected);
    let refusal = EngineMessage::Rejected(Rejection {
        code: ErrorCode::TemplateConflict,
        message: "math/square 1.0.0 has other content".to_owned(),
    });
    let reason =
        "the engine refused the session: TEMPLATE_CONFLICT: math/square 1.0.0 has other content";
    let trouble = format!("no session with http://0: {reason}");
    assert_eq!(
        bench.receive(refusal),
        ["disconnect", &format!("warn: {trouble}")]
    );
    assert_eq!(bench.troubles(), [trouble]);
    assert_eq!(bench.sleep(), ["connect"]);
    assert!(bench.now >= 2_500 * MS, "{:?}", bench.now);
    bench.greet();
    assert_eq!(bench.session.state(), SessionState::Open);
}

#[test]
fn an_engine_that_cannot_store_templates_at_present_is_asked_again_at_once() {
    let mut bench = Bench::new(1);
    bench.give(Input::Tick);
    bench.give(Input::Connected);
    let away = EngineMessage::Rejected(Rejection {
        code: ErrorCode::Unavailable,
        message: "the templates could not be stored".to_owned(),
    });
    bench.receive(away);
    let text = "no session with http://0: the engine refused the session: UNAVAILABLE: the templates could not be stored";
    let trouble = Trouble {
        text: text.to_owned(),
        refused: false,
    };
    assert_eq!(bench.session.troubles().collect::<Vec<_>>(), [&trouble]);
    assert_eq!(bench.sleep(), ["connect"]);
    assert!(bench.now <= 50 * MS, "{:?}", bench.now);
}

#[test]
fn an_engine_of_another_protocol_is_refused_with_both_versions() {
    let mut bench = Bench::new(1);
    bench.give(Input::Tick);
    bench.give(Input::Connected);
    bench.receive(EngineMessage::Welcome(Welcome {
        protocol: 9,
        epoch: 1,
        heartbeat_ms: 1_000,
    }));
    assert_eq!(
        bench.troubles(),
        [
            "no session with http://0: the engine speaks version 9 of the session protocol, this worker 1 to 1"
        ]
    );
}

#[test]
fn a_dispatch_before_the_welcome_ends_the_connection_so_that_nobody_waits_for_it() {
    let mut bench = Bench::new(1);
    bench.give(Input::Tick);
    bench.give(Input::Connected);
    let effects = bench.receive(dispatch(attempt(1)));
    assert_eq!(effects[0], "disconnect");
    bench.sleep();
    let (greeting, _) = bench.greet();
    assert_eq!(greeting, "hello slots=1 running=");
}

#[test]
fn a_worker_that_holds_attempts_does_not_return_to_a_superseded_engine() {
    let of_epoch = |epoch| {
        EngineMessage::Welcome(Welcome {
            protocol: 1,
            epoch,
            heartbeat_ms: 1_000,
        })
    };
    let mut bench = Bench::new(1);
    bench.give(Input::Tick);
    bench.give(Input::Connected);
    bench.receive(of_epoch(8));
    bench.receive(dispatch(attempt(1)));
    bench.complete(1);
    bench.lose();
    bench.sleep();
    bench.give(Input::Connected);
    // It would accept the outcome without having it.
    assert_eq!(bench.receive(of_epoch(7))[0], "disconnect");
    bench.sleep();
    bench.give(Input::Connected);
    assert_eq!(bench.receive(of_epoch(8)), ["inform", "outcome 1"]);
    bench.receive(EngineMessage::Accepted(vec![attempt(1)]));
    bench.lose();
    bench.sleep();
    bench.give(Input::Connected);
    // Whoever holds nothing has nothing to lose: the database may have been restored.
    assert_eq!(bench.receive(of_epoch(3)), ["inform"]);
}
