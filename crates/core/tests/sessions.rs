//! The engine's side of a session under any sequence of frames, silences and ends: what the core hears of it is always
//! one opening, what happens in between, and one end.

use proptest::prelude::*;
use tasker_core::gateway::{HEARTBEAT, Output, SILENCE, Session};
use tasker_core::worker::SessionId;
use tasker_core::{Event, Time};
use tasker_protocol::error::ErrorCode;
use tasker_protocol::frame::{EngineMessage, Rejection};

const HELLO: &str = r#"{"hello": {"protocol": [1, 1], "worker_id": "w", "instance":
    "00000000-0000-0000-0000-000000000001", "language": "python", "version": "0.1.0", "namespaces": ["ns"],
    "callables": ["call.a"], "templates": [], "slots": 4, "running": []}}"#;

const FRAMES: &[&str] = &[
    HELLO,
    r#"{"ready": {"slots": 2}}"#,
    r#"{"outcome": {"task_uuid": "00000000-0000-0000-0000-000000000007", "step_uuid":
        "00000000-0000-0000-0000-000000000008", "attempt": 1, "success": true}}"#,
    r#"[{"returned": {"task_uuid": "00000000-0000-0000-0000-000000000007", "step_uuid":
        "00000000-0000-0000-0000-000000000008", "attempt": 1}}, {"ready": {"slots": 0}}]"#,
    r#"{"leaving": {"running": []}}"#,
    r#"{"unheard_of": {}}"#,
    "{",
];

#[derive(Clone, Debug)]
enum Happening {
    Frame(usize),
    Ping,
    /// The shell looks at the clock whenever the session wants it to, for so long.
    Wait {
        ms: i64,
    },
    /// The engine does nothing for so long.
    Freeze {
        ms: i64,
    },
    Registered {
        accepted: bool,
    },
    Closed,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        8 => (0..FRAMES.len()).prop_map(Happening::Frame),
        2 => Just(Happening::Ping),
        3 => (0i64..8_000).prop_map(|ms| Happening::Wait { ms }),
        1 => (1_001i64..60_000).prop_map(|ms| Happening::Freeze { ms }),
        6 => prop::bool::weighted(0.9).prop_map(|accepted| Happening::Registered { accepted }),
        1 => Just(Happening::Closed),
    ]
}

/// What the core has heard, and the time at which the worker was last heard as far as the engine was awake to hear it.
struct World {
    session: Session,
    now: Time,
    /// Time awake since the worker was last heard, in microseconds.
    silent: i64,
    asked_to_register: bool,
    opened: usize,
    ended: usize,
    close: bool,
}

impl World {
    fn take(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send(message) => assert!(
                    matches!(
                        message,
                        EngineMessage::Error(_) | EngineMessage::Rejected(_)
                    ),
                    "{message:?}"
                ),
                Output::Register(_) => {
                    assert!(!self.asked_to_register, "templates are registered once");
                    self.asked_to_register = true;
                }
                Output::Event(Event::Opened { .. }, _) => {
                    assert!(self.asked_to_register);
                    self.opened += 1;
                }
                Output::Event(Event::Closed { .. } | Event::Left { .. }, _) => {
                    assert_eq!(self.opened, 1, "only what was opened ends");
                    self.ended += 1;
                }
                Output::Event(_, _) => assert_eq!((self.opened, self.ended), (1, 0)),
                Output::Fetch(_) => assert_eq!((self.opened, self.ended), (1, 0)),
                Output::Close => self.close = true,
            }
        }
        assert!(self.opened <= 1 && self.ended <= 1);
    }

    fn happen(&mut self, happening: &Happening) {
        match *happening {
            Happening::Frame(frame) => {
                self.silent = 0;
                let outputs = self.session.frame(FRAMES[frame], self.now);
                self.take(outputs);
            }
            Happening::Ping => {
                self.silent = 0;
                self.session.heard(self.now);
            }
            Happening::Wait { ms } => self.wait(ms * 1000),
            Happening::Freeze { ms } => {
                self.now.0 += ms * 1000;
                let outputs = self.session.tick(self.now);
                assert!(outputs.is_empty(), "nobody is given up for a freeze");
            }
            Happening::Registered { accepted } => {
                let refusal = Rejection {
                    code: ErrorCode::TemplateInvalid,
                    message: "no".to_owned(),
                };
                let result = if accepted { Ok(()) } else { Err(refusal) };
                let outputs = self.session.registered(result, 1);
                self.take(outputs);
            }
            Happening::Closed => {
                let outputs = self.session.closed();
                self.take(outputs);
                self.close = true;
            }
        }
    }

    fn wait(&mut self, micros: i64) {
        let until = self.now.0 + micros;
        while !self.close && self.session.deadline().0 <= until {
            let next = self.session.deadline().max(self.now);
            self.silent += next.0 - self.now.0;
            self.now = next;
            let outputs = self.session.tick(self.now);
            let given_up = !outputs.is_empty();
            self.take(outputs);
            assert_eq!(given_up, self.close);
            let silence = SILENCE.as_micros() as i64;
            assert!(
                !given_up || self.silent >= silence,
                "given up after {} µs",
                self.silent
            );
        }
        if !self.close {
            self.silent += until - self.now.0;
            self.now.0 = until;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_session_opens_once_and_ends_once(
        happenings in prop::collection::vec(happening(), 1..60)
    ) {
        let mut world = World {
            session: Session::new(SessionId(1), Time(0)),
            now: Time(0),
            silent: 0,
            asked_to_register: false,
            opened: 0,
            ended: 0,
            close: false,
        };
        for happening in &happenings {
            if world.close {
                break;
            }
            world.happen(happening);
        }
        let outputs = world.session.closed();
        world.take(outputs);
        prop_assert_eq!(world.opened, world.ended);
    }

    #[test]
    fn a_worker_that_keeps_to_its_heartbeat_is_never_given_up(
        freezes in prop::collection::vec(0i64..30_000_000, 1..40)
    ) {
        let mut session = Session::new(SessionId(1), Time(0));
        let mut now = Time(0);
        session.frame(HELLO, now);
        session.registered(Ok(()), 1);
        for freeze in freezes {
            let heartbeat = now + HEARTBEAT;
            while session.deadline() < heartbeat {
                now = session.deadline().max(now);
                prop_assert!(session.tick(now).is_empty());
            }
            // The engine is frozen when the ping arrives, and looks at the clock before it.
            now = Time(heartbeat.0 + freeze);
            prop_assert!(session.tick(now).is_empty());
            session.heard(now);
        }
    }
}
