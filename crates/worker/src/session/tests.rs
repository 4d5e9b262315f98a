//! The session, one behaviour at a time.

mod connecting;
mod engines;
mod freezes;
mod leaving;

use serde_json::value::RawValue;
use tasker_protocol::frame::Welcome;
use tasker_protocol::json_null;

use super::*;

const MS: Duration = Duration::from_millis(1);

pub(super) fn profile() -> Profile {
    Profile {
        worker_id: "worker-1".to_owned(),
        instance: Uuid::from_u128(7),
        language: "python".to_owned(),
        version: "0.1.0".to_owned(),
        namespaces: vec!["math".to_owned()],
        callables: vec!["math.Square".to_owned()],
        templates: vec!["name: square".to_owned()],
        problems: Vec::new(),
    }
}

pub(super) fn attempt(step: u128) -> AttemptRef {
    AttemptRef {
        task_uuid: Uuid::from_u128(1),
        step_uuid: Uuid::from_u128(step),
        attempt: 1,
    }
}

pub(super) fn dispatch(attempt: AttemptRef) -> EngineMessage {
    EngineMessage::Dispatch(Box::new(Dispatch {
        task_uuid: attempt.task_uuid,
        step_uuid: attempt.step_uuid,
        attempt: attempt.attempt,
        max_attempts: 3,
        namespace: "math".to_owned(),
        name: "square".to_owned(),
        version: "1.0.0".to_owned(),
        step_name: "square".to_owned(),
        callable: "math.Square".to_owned(),
        method: "call".to_owned(),
        configuration: json_null(),
        idempotency_key: "key".to_owned(),
        context: json_null(),
        results: Default::default(),
        omitted: Vec::new(),
        cursor: None,
        batch_config: None,
        batches: Default::default(),
        timeout_ms: None,
        tags: Vec::new(),
        correlation_id: None,
        traceparent: None,
    }))
}

pub(super) fn outcome(attempt: AttemptRef) -> Outcome {
    let results = RawValue::from_string(attempt.step_uuid.as_u128().to_string()).expect("JSON");
    Outcome {
        task_uuid: attempt.task_uuid,
        step_uuid: attempt.step_uuid,
        attempt: attempt.attempt,
        success: true,
        results: Some(results.into()),
        error: None,
        metadata: None,
        create_steps: None,
        batches: None,
        logs: None,
    }
}

pub(super) fn welcome() -> EngineMessage {
    EngineMessage::Welcome(Welcome {
        protocol: 1,
        epoch: 1,
        heartbeat_ms: 1_000,
    })
}

/// The addresses of so many engines.
pub(super) fn urls(count: usize) -> Vec<String> {
    (0..count)
        .map(|engine| format!("http://{engine}"))
        .collect()
}

/// What an effect is, in a word or two, for assertions.
fn word(effect: Effect) -> String {
    match effect {
        Effect::Connect(0) => "connect".to_owned(),
        Effect::Connect(engine) => format!("connect {engine}"),
        Effect::Disconnect => "disconnect".to_owned(),
        Effect::Ping => "ping".to_owned(),
        Effect::Send(WorkerMessage::Hello(hello)) => {
            format!(
                "hello slots={} running={}",
                hello.slots,
                steps(&hello.running)
            )
        }
        Effect::Send(WorkerMessage::Outcome(outcome)) => {
            format!("outcome {}", outcome.step_uuid.as_u128())
        }
        Effect::Send(WorkerMessage::Ready { slots }) => format!("ready {slots}"),
        Effect::Send(WorkerMessage::Returned(attempt)) => {
            format!("returned {}", steps(&[attempt]))
        }
        Effect::Send(WorkerMessage::Fetch(fetch)) => format!("fetch {} {}", fetch.name, fetch.from),
        Effect::Send(WorkerMessage::Leaving { running }) => match running.len() {
            0 => "leaving".to_owned(),
            held => format!("leaving {held}"),
        },
        Effect::Deliver(Message::Dispatch(dispatch)) => {
            format!("run {}", dispatch.step_uuid.as_u128())
        }
        Effect::Deliver(Message::Cancel(attempt)) => format!("stop {}", steps(&[attempt])),
        Effect::Fetched(fetched) => match fetched.error {
            None => format!("fetched {} {}", fetched.name, fetched.from),
            Some(error) => format!("{:?} {}", error.code, fetched.name),
        },
        Effect::Inform(_) => "inform".to_owned(),
        Effect::Warn(text) => format!("warn: {text}"),
    }
}

fn steps(attempts: &[AttemptRef]) -> String {
    let steps = attempts
        .iter()
        .map(|attempt| attempt.step_uuid.as_u128().to_string());
    steps.collect::<Vec<_>>().join(",")
}

/// A session with its clock.
struct Bench {
    session: Session,
    now: Duration,
}

impl Bench {
    fn new(slots: u32) -> Self {
        Self::among(1, slots)
    }

    /// A session that may have any of so many engines.
    fn among(engines: usize, slots: u32) -> Self {
        Self {
            session: Session::new(profile(), urls(engines), slots, 42),
            now: Duration::ZERO,
        }
    }

    /// A session that has been welcomed.
    fn open(slots: u32) -> Self {
        let mut bench = Self::new(slots);
        assert_eq!(bench.give(Input::Tick), ["connect"]);
        bench.greet();
        bench
    }

    /// Goes through connecting, greeting and welcome, and gives what follows the greeting.
    fn greet(&mut self) -> (String, Vec<String>) {
        let mut greeting = self.give(Input::Connected);
        assert_eq!(greeting.len(), 1, "{greeting:?}");
        let mut after = self.receive(welcome());
        assert_eq!(after.remove(0), "inform");
        (greeting.remove(0), after)
    }

    fn give(&mut self, input: Input) -> Vec<String> {
        let mut effects = Vec::new();
        self.session.handle(self.now, input, &mut effects);
        effects.into_iter().map(word).collect()
    }

    fn receive(&mut self, message: EngineMessage) -> Vec<String> {
        self.give(Input::Received(message))
    }

    fn complete(&mut self, step: u128) -> Vec<String> {
        self.give(Input::Completed(vec![outcome(attempt(step))]))
    }

    fn lose(&mut self) -> Vec<String> {
        self.give(Input::Lost {
            reason: "reset".to_owned(),
            refused: false,
        })
    }

    fn troubles(&self) -> Vec<&str> {
        let texts = self.session.troubles();
        texts.map(|trouble| trouble.text.as_str()).collect()
    }

    /// Sleeps until the deadline.
    fn sleep(&mut self) -> Vec<String> {
        self.now = self.session.deadline().expect("not stopped");
        self.give(Input::Tick)
    }
}

#[test]
fn an_attempt_is_run_and_its_outcome_sent_and_forgotten_once_accepted() {
    let mut bench = Bench::open(2);
    assert_eq!(bench.session.state(), SessionState::Open);
    assert_eq!(bench.receive(dispatch(attempt(1))), ["run 1"]);
    assert_eq!(bench.complete(1), ["outcome 1"]);
    assert_eq!(bench.session.held(), 1);
    let none: [&str; 0] = [];
    assert_eq!(
        bench.receive(EngineMessage::Accepted(vec![attempt(1)])),
        none
    );
    assert_eq!(bench.session.held(), 0);
}

pub(super) fn fetch(attempt: AttemptRef, from: u64) -> Fetch {
    Fetch {
        task_uuid: attempt.task_uuid,
        step_uuid: attempt.step_uuid,
        attempt: attempt.attempt,
        name: "sum".to_owned(),
        from,
    }
}

fn fetched(attempt: AttemptRef, from: u64) -> EngineMessage {
    EngineMessage::Fetched(Fetched {
        task_uuid: attempt.task_uuid,
        step_uuid: attempt.step_uuid,
        attempt: attempt.attempt,
        name: "sum".to_owned(),
        from,
        results: vec![json_null()],
        next: None,
        error: None,
    })
}

#[test]
fn a_fetch_is_asked_again_in_each_session_until_it_is_answered() {
    let mut bench = Bench::open(2);
    bench.receive(dispatch(attempt(1)));
    let none: [&str; 0] = [];
    let ask = |from| Input::Fetch(fetch(attempt(1), from));
    assert_eq!(bench.give(ask(0)), ["fetch sum 0"]);
    assert_eq!(bench.give(ask(0)), none, "it is asked already");
    assert_eq!(bench.give(ask(5)), ["fetch sum 5"]);
    assert_eq!(bench.receive(fetched(attempt(1), 5)), ["fetched sum 5"]);
    bench.lose();
    assert_eq!(bench.give(ask(7)), none, "nobody is there");
    assert_eq!(bench.sleep(), ["connect"]);
    assert_eq!(bench.greet().1, ["fetch sum 0", "fetch sum 7"]);
    assert_eq!(bench.receive(fetched(attempt(1), 0)), ["fetched sum 0"]);
    assert_eq!(bench.receive(fetched(attempt(1), 0)), none, "nobody waits");
}

#[test]
fn a_fetch_ends_with_its_attempt() {
    let mut bench = Bench::open(2);
    bench.receive(dispatch(attempt(1)));
    bench.receive(dispatch(attempt(2)));
    bench.give(Input::Fetch(fetch(attempt(1), 0)));
    bench.give(Input::Fetch(fetch(attempt(2), 0)));
    let ended = "AttemptNotOpen sum";
    assert_eq!(bench.complete(1), [ended, "outcome 1"]);
    assert_eq!(bench.give(Input::Fetch(fetch(attempt(1), 0))), [ended]);
    bench.lose();
    bench.sleep();
    assert_eq!(bench.greet().1, ["outcome 1", "fetch sum 0"]);
}

#[test]
fn a_greeting_names_what_is_held_and_a_welcome_is_followed_by_what_is_not_accepted() {
    let mut bench = Bench::open(4);
    for step in 1..=4 {
        bench.receive(dispatch(attempt(step)));
    }
    bench.complete(1);
    bench.complete(2);
    bench.receive(EngineMessage::Accepted(vec![attempt(1)]));
    bench.receive(EngineMessage::Cancel(attempt(3)));
    assert_eq!(bench.lose(), ["warn: no session with http://0: reset"]);
    assert_eq!(bench.session.state(), SessionState::Connecting);

    assert_eq!(bench.sleep(), ["connect"]);
    let (greeting, after) = bench.greet();
    assert_eq!(greeting, "hello slots=3 running=4,3,2");
    assert_eq!(after, ["outcome 2"]);
    assert!(bench.troubles().is_empty());
}

#[test]
fn an_outcome_that_comes_while_there_is_no_session_waits_for_the_welcome() {
    let mut bench = Bench::open(2);
    bench.receive(dispatch(attempt(1)));
    bench.receive(dispatch(attempt(2)));
    bench.lose();
    let none: [&str; 0] = [];
    assert_eq!(bench.complete(1), none);
    bench.sleep();
    assert_eq!(bench.give(Input::Connected), ["hello slots=2 running=2,1"]);
    assert_eq!(bench.complete(2), none);
    assert_eq!(
        bench.receive(welcome()),
        ["inform", "outcome 1", "outcome 2"]
    );
}

#[test]
fn a_dispatch_of_an_attempt_that_is_held_is_ignored() {
    let mut bench = Bench::open(2);
    let none: [&str; 0] = [];
    bench.receive(dispatch(attempt(1)));
    assert_eq!(bench.receive(dispatch(attempt(1))), none);
    bench.complete(1);
    assert_eq!(bench.receive(dispatch(attempt(1))), none);
}

#[test]
fn a_dispatch_that_crossed_a_smaller_ready_is_handed_back() {
    let mut bench = Bench::open(2);
    bench.receive(dispatch(attempt(1)));
    assert_eq!(bench.give(Input::Slots(1)), ["ready 1"]);
    assert_eq!(bench.receive(dispatch(attempt(2))), ["returned 2"]);
    bench.complete(1);
    assert_eq!(bench.receive(dispatch(attempt(3))), ["run 3"]);
}

#[test]
fn a_cancelled_attempt_holds_its_slot_until_its_handler_ends() {
    let mut bench = Bench::open(2);
    bench.receive(dispatch(attempt(1)));
    let cancel = || EngineMessage::Cancel(attempt(1));
    assert_eq!(bench.receive(cancel()), ["stop 1", "ready 1"]);
    assert_eq!(bench.receive(dispatch(attempt(2))), ["run 2"]);
    assert_eq!(bench.receive(dispatch(attempt(3))), ["returned 3"]);
    assert_eq!(bench.complete(1), ["outcome 1", "ready 2"]);
    assert_eq!(bench.session.held(), 2);
    bench.receive(EngineMessage::Accepted(vec![attempt(1)]));
    assert_eq!(bench.session.held(), 1);
}

#[test]
fn a_cancel_is_passed_on_once_and_only_while_the_handler_runs() {
    let mut bench = Bench::open(2);
    bench.receive(dispatch(attempt(1)));
    bench.receive(EngineMessage::Cancel(attempt(1)));
    assert_eq!(
        bench.receive(EngineMessage::Cancel(attempt(1))),
        ["ready 1"]
    );
    bench.complete(1);
    assert_eq!(
        bench.receive(EngineMessage::Cancel(attempt(1))),
        ["ready 2"]
    );
}

#[test]
fn an_outcome_of_an_attempt_that_does_not_run_is_dropped() {
    let mut bench = Bench::open(2);
    bench.receive(dispatch(attempt(1)));
    bench.complete(1);
    let expected = format!(
        "warn: attempt 1 of step {} has no handler that runs: its outcome is dropped",
        Uuid::from_u128(1)
    );
    assert_eq!(bench.complete(1), [expected]);
}

#[test]
fn an_error_message_is_told_and_changes_nothing() {
    let mut bench = Bench::open(2);
    bench.receive(dispatch(attempt(1)));
    let error = EngineMessage::Error(Rejection {
        code: ErrorCode::UnexpectedMessage,
        message: "no such message".to_owned(),
    });
    assert_eq!(
        bench.receive(error),
        ["warn: the engine could not handle a message: UNEXPECTED_MESSAGE: no such message"]
    );
    assert_eq!(bench.session.held(), 1);
    assert_eq!(bench.session.state(), SessionState::Open);
}
