//! Several engines: one has the tasks, and the session finds it.

use super::*;

/// Loses the connection, or the try to make one, because the engine does not want this worker.
fn refuse(bench: &mut Bench) -> Vec<String> {
    bench.give(Input::Lost {
        reason: "no".to_owned(),
        refused: true,
    })
}

fn open_among(engines: usize, slots: u32) -> Bench {
    let mut bench = Bench::among(engines, slots);
    assert_eq!(bench.give(Input::Tick), ["connect"]);
    bench.greet();
    bench
}

#[test]
fn the_next_engine_is_asked_when_one_is_not_there_or_stands_by() {
    let mut bench = Bench::among(3, 1);
    assert_eq!(bench.give(Input::Tick), ["connect"]);
    for expected in ["connect 1", "connect 2", "connect", "connect 1"] {
        bench.lose();
        assert_eq!(bench.sleep(), [expected]);
    }
    bench.greet();
    assert_eq!(bench.session.state(), SessionState::Open);
}

#[test]
fn each_of_several_engines_is_asked_twice_a_second_however_many_there_are() {
    for engines in [1, 2, 5] {
        let mut bench = Bench::among(engines, 1);
        bench.give(Input::Tick);
        for _ in 0..20 {
            bench.lose();
            bench.sleep();
        }
        let since = bench.now;
        for _ in 0..engines {
            bench.lose();
            bench.sleep();
        }
        let round = bench.now - since;
        assert!(round <= 500 * MS && round >= 250 * MS, "{round:?}");
    }
}

#[test]
fn a_session_that_breaks_is_sought_where_it_was_and_then_elsewhere() {
    let mut bench = open_among(2, 1);
    bench.receive(dispatch(attempt(1)));
    bench.lose();
    assert_eq!(bench.sleep(), ["connect"]);
    assert!(bench.now <= 50 * MS, "{:?}", bench.now);
    bench.lose();
    assert_eq!(bench.sleep(), ["connect 1"]);
    let (greeting, _) = bench.greet();
    assert_eq!(greeting, "hello slots=1 running=1");
}

#[test]
fn a_silent_engine_is_left_for_another() {
    let mut bench = open_among(2, 1);
    while bench.sleep() == ["ping"] {}
    assert_eq!(bench.now, SILENCE);
    assert_eq!(bench.sleep(), ["connect 1"]);
    // The other stands by until the silent one's lease has run out; that one still does not answer.
    bench.lose();
    assert_eq!(bench.sleep(), ["connect"]);
    let warning = "warn: no session with http://0: no connection within 1 s";
    assert_eq!(bench.sleep(), ["disconnect", warning]);
    let since = bench.now;
    while bench.now < since + 1_500 * MS {
        assert_eq!(bench.sleep(), ["connect 1"]);
        bench.lose();
    }
}

#[test]
fn silent_engines_keep_no_engine_that_stands_by_waiting_for_them_all() {
    for engines in [3, 5] {
        let mut bench = Bench::among(engines, 1);
        let stands_by = format!("connect {}", engines - 1);
        let mut asked = Vec::new();
        while bench.now < Duration::from_secs(60) {
            for effect in bench.sleep() {
                if effect == stands_by {
                    bench.lose();
                }
                asked.push((effect, bench.now));
            }
        }
        let longest = |engine: &str| {
            let asked = asked.iter().filter(|(effect, _)| effect == engine);
            let at: Vec<Duration> = asked.map(|(_, at)| *at).collect();
            let between = at.windows(2).map(|pair| pair[1] - pair[0]);
            between.max().expect("asked twice")
        };
        let between = longest(&stands_by);
        assert!(between <= 1_500 * MS, "{engines}: {between:?}");
        for silent in &["connect", "connect 1", "connect 2", "connect 3"][..engines - 1] {
            let between = longest(silent);
            assert!(between <= 5_000 * MS, "{silent}: {between:?}");
        }
    }
}

#[test]
fn an_engine_that_refuses_the_worker_is_asked_slowly_and_the_others_meanwhile() {
    let mut bench = Bench::among(2, 1);
    bench.give(Input::Tick);
    refuse(&mut bench);
    while bench.now < 2_500 * MS {
        assert_eq!(bench.sleep(), ["connect 1"]);
        bench.lose();
    }
    let mut asked = Vec::new();
    while bench.now < 6_000 * MS {
        asked.extend(bench.sleep());
        bench.lose();
    }
    assert!(asked.contains(&"connect".to_owned()), "{asked:?}");
    assert_eq!(
        bench.troubles(),
        [
            "no session with http://0: reset",
            "no session with http://1: reset"
        ]
    );
}

#[test]
fn a_superseded_engine_is_left_for_its_successor() {
    let of_epoch = |epoch| {
        EngineMessage::Welcome(Welcome {
            protocol: 1,
            epoch,
            heartbeat_ms: 1_000,
        })
    };
    let mut bench = Bench::among(2, 1);
    bench.give(Input::Tick);
    bench.lose();
    bench.sleep();
    bench.give(Input::Connected);
    bench.receive(of_epoch(8));
    bench.receive(dispatch(attempt(1)));
    bench.lose();
    bench.sleep();
    bench.lose();
    assert_eq!(bench.sleep(), ["connect"]);
    bench.give(Input::Connected);
    assert_eq!(bench.receive(of_epoch(7))[0], "disconnect");
    assert_eq!(bench.sleep(), ["connect 1"]);
}
