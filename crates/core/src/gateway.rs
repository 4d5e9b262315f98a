//! The engine's side of a worker's session: a pure machine. Frames and time go in; messages, events and a request to
//! register templates come out. The shell around it owns the socket and the clock.
//!
//! A session greets (`hello`), waits until its templates are registered, is open, and closes. Silence closes it.

use std::sync::Arc;
use std::time::Duration;

use tasker_protocol::error::ErrorCode;
use tasker_protocol::frame::{
    EngineMessage, Fetch, Hello, PROTOCOL_VERSIONS, Rejection, Unreadable, Welcome, WorkerMessage,
    decode,
};

use crate::pulse::Pulse;
use crate::worker::{Offer, SessionId};
use crate::{Event, Time};

mod logs;
mod results;
mod texts;

pub use results::check_results;
pub use texts::{Cursors, Texts, completion, refused};

/// How often a worker sends something, a WebSocket ping at least.
pub const HEARTBEAT: Duration = Duration::from_secs(1);

/// A session that was silent for this long is over.
pub const SILENCE: Duration = Duration::from_secs(5);

/// What the shell is to do.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send this to the worker.
    Send(EngineMessage),
    /// Register these templates, then call [`Session::registered`].
    Register(Vec<String>),
    /// Hand this to the core; an outcome comes with its texts.
    Event(Event, Option<Texts>),
    /// Answer this with [`fetch::answer`](crate::fetch::answer).
    Fetch(Fetch),
    /// Close the socket once everything is sent.
    Close,
}

/// One session.
#[derive(Debug)]
pub struct Session {
    id: SessionId,
    phase: Phase,
    heard: Time,
    pulse: Pulse,
    worker_id: Option<String>,
}

#[derive(Debug)]
enum Phase {
    Greeting,
    Registering { hello: Box<Hello>, protocol: u32 },
    Open,
    Closed,
}

impl Session {
    /// A session whose socket was just accepted.
    pub fn new(id: SessionId, now: Time) -> Session {
        Session {
            id,
            phase: Phase::Greeting,
            heard: now,
            pulse: Pulse::new(now),
            worker_id: None,
        }
    }

    /// The worker's name, once it has said it.
    pub fn worker_id(&self) -> Option<&str> {
        self.worker_id.as_deref()
    }

    /// When [`Session::tick`] is to be called next.
    pub fn deadline(&self) -> Time {
        self.silent_at().min(self.pulse.next())
    }

    /// When the session is over unless something is heard until then.
    fn silent_at(&self) -> Time {
        self.heard + SILENCE
    }

    /// Something arrived, a ping at least.
    pub fn heard(&mut self, now: Time) {
        self.heard = now;
    }

    /// A frame arrived.
    pub fn frame(&mut self, frame: &str, now: Time) -> Vec<Output> {
        self.heard(now);
        decode::<WorkerMessage>(frame)
            .into_iter()
            .flat_map(|message| match message {
                Ok(message) => self.message(message),
                Err(error) => unreadable(&error),
            })
            .collect()
    }

    /// The templates of the session's `hello` are registered, or the worker is refused.
    pub fn registered(&mut self, result: Result<(), Rejection>, epoch: i64) -> Vec<Output> {
        let phase = std::mem::replace(&mut self.phase, Phase::Closed);
        let Phase::Registering { hello, protocol } = phase else {
            self.phase = phase;
            return Vec::new();
        };
        if let Err(rejection) = result {
            return reject(rejection);
        }
        self.phase = Phase::Open;
        let offer = Arc::new(Offer {
            instance: hello.instance,
            greeting: hello.greeting,
            worker_id: hello.worker_id.into(),
            language: hello.language.into(),
            version: hello.version.into(),
            namespaces: hello.namespaces.into_iter().collect(),
            callables: hello.callables.into_iter().collect(),
            slots: hello.slots,
            running: hello.running,
            not_ready: hello.not_ready,
        });
        let welcome = Welcome {
            protocol,
            epoch,
            heartbeat_ms: HEARTBEAT.as_millis() as u64,
        };
        let session = self.id;
        vec![Output::Event(
            Event::Opened {
                session,
                offer,
                welcome,
            },
            None,
        )]
    }

    /// Time has passed. What has arrived is to be handled before.
    pub fn tick(&mut self, now: Time) -> Vec<Output> {
        if let Some(gap) = self.pulse.beat(now) {
            // It was not the worker that was silent.
            self.heard = now.min(self.heard + gap);
        }
        if now < self.silent_at() || matches!(self.phase, Phase::Closed) {
            return Vec::new();
        }
        let mut outputs = self.end(false);
        outputs.push(Output::Close);
        outputs
    }

    /// The socket was closed, by either side.
    pub fn closed(&mut self) -> Vec<Output> {
        self.end(true)
    }

    fn message(&mut self, message: WorkerMessage) -> Vec<Output> {
        let session = self.id;
        match (&self.phase, message) {
            (Phase::Greeting, WorkerMessage::Hello(hello)) => self.greet(hello),
            (Phase::Open, WorkerMessage::Outcome(outcome)) => {
                let attempt = outcome.attempt_ref();
                let (lines, wrong) = logs::read(outcome.logs.as_ref());
                let wrong = wrong.map(|message| error(ErrorCode::InvalidRequest, message));
                let logged = lines
                    .map(|lines| Output::Event(Event::Logged { session, attempt }, Some(lines)));
                let mut outputs: Vec<Output> = wrong.into_iter().chain(logged).collect();
                let (verdict, texts) = texts::read(outcome);
                let event = Event::Outcome {
                    session,
                    attempt,
                    verdict,
                };
                outputs.push(Output::Event(event, Some(texts)));
                outputs
            }
            (Phase::Open, WorkerMessage::Ready { slots }) => {
                vec![Output::Event(Event::Slots { session, slots }, None)]
            }
            (Phase::Open, WorkerMessage::Fetch(fetch)) => vec![Output::Fetch(fetch)],
            (Phase::Open, WorkerMessage::Returned(attempt)) => {
                vec![Output::Event(Event::Returned { session, attempt }, None)]
            }
            (Phase::Open, WorkerMessage::Leaving { running }) => {
                self.phase = Phase::Closed;
                let left = Event::Left { session, running };
                vec![Output::Event(left, None), Output::Close]
            }
            (Phase::Closed, _) => Vec::new(),
            (phase, message) => {
                let expected = match phase {
                    Phase::Greeting => "a session begins with `hello`",
                    Phase::Registering { .. } => "`hello` is not answered yet",
                    _ => "a session has one `hello`",
                };
                let kind = kind(&message);
                let message = format!("`{kind}` is not expected here: {expected}");
                vec![error(ErrorCode::UnexpectedMessage, message)]
            }
        }
    }

    fn greet(&mut self, hello: Hello) -> Vec<Output> {
        self.worker_id = Some(hello.worker_id.clone());
        let [oldest, newest] = PROTOCOL_VERSIONS;
        let protocol = newest.min(hello.protocol[1]);
        if protocol < oldest.max(hello.protocol[0]) {
            self.phase = Phase::Closed;
            return reject(Rejection {
                code: ErrorCode::ProtocolVersion,
                message: format!(
                    "worker {} speaks versions {} to {} of the session protocol, this engine {oldest} to {newest}: \
                     run releases of worker and engine that are at most one apart",
                    hello.worker_id, hello.protocol[0], hello.protocol[1]
                ),
            });
        }
        // Whether a worker that is not ready could run them is not known.
        let templates = match hello.not_ready.is_empty() {
            true => hello.templates.clone(),
            false => Vec::new(),
        };
        let hello = Box::new(hello);
        self.phase = Phase::Registering { hello, protocol };
        vec![Output::Register(templates)]
    }

    fn end(&mut self, grace: bool) -> Vec<Output> {
        let session = self.id;
        match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Open => vec![Output::Event(Event::Closed { session, grace }, None)],
            _ => Vec::new(),
        }
    }
}

fn reject(rejection: Rejection) -> Vec<Output> {
    vec![
        Output::Send(EngineMessage::Rejected(rejection)),
        Output::Close,
    ]
}

fn error(code: ErrorCode, message: String) -> Output {
    Output::Send(EngineMessage::Error(Rejection { code, message }))
}

fn unreadable(unreadable: &Unreadable) -> Vec<Output> {
    let code = match unreadable {
        Unreadable::Malformed(_) => ErrorCode::MalformedJson,
        Unreadable::Shape { .. } | Unreadable::Crowded(_) => ErrorCode::InvalidRequest,
    };
    let answer = error(code, unreadable.to_string());
    match unreadable {
        // There may have been outcomes in it: the worker sends those again in its next session.
        Unreadable::Crowded(_) => vec![answer, Output::Close],
        _ => vec![answer],
    }
}

fn kind(message: &WorkerMessage) -> &'static str {
    match message {
        WorkerMessage::Hello(_) => "hello",
        WorkerMessage::Outcome(_) => "outcome",
        WorkerMessage::Ready { .. } => "ready",
        WorkerMessage::Returned(_) => "returned",
        WorkerMessage::Fetch(_) => "fetch",
        WorkerMessage::Leaving { .. } => "leaving",
    }
}

#[cfg(test)]
mod tests {
    use tasker_protocol::frame::MAX_FRAME_MESSAGES;

    use super::*;

    const HELLO: &str = r#"{"hello": {"protocol": [1, 1], "worker_id": "w", "instance":
        "00000000-0000-0000-0000-000000000001", "language": "python", "version": "0.1.0", "namespaces": ["ns"],
        "callables": ["call.a"], "templates": ["t1"], "slots": 4, "running": []}}"#;

    fn open() -> Session {
        let mut session = Session::new(SessionId(1), Time(0));
        let outputs = session.frame(HELLO, Time(1));
        assert!(matches!(&outputs[..], [Output::Register(templates)] if templates == &["t1"]));
        let outputs = session.registered(Ok(()), 7);
        let [Output::Event(Event::Opened { offer, welcome, .. }, None)] = &outputs[..] else {
            panic!("{outputs:?}");
        };
        assert_eq!((offer.slots, welcome.epoch, welcome.protocol), (4, 7, 1));
        session
    }

    fn message(outputs: &[Output]) -> &Rejection {
        match outputs {
            [
                Output::Send(EngineMessage::Error(rejection) | EngineMessage::Rejected(rejection)),
                ..,
            ] => rejection,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_worker_of_another_protocol_is_refused_with_both_versions() {
        let mut session = Session::new(SessionId(1), Time(0));
        let outputs = session.frame(&HELLO.replace("[1, 1]", "[7, 9]"), Time(1));
        let rejection = message(&outputs);
        assert_eq!(rejection.code, ErrorCode::ProtocolVersion);
        assert!(
            rejection.message.contains("7 to 9") && rejection.message.contains("1 to 1"),
            "{rejection:?}"
        );
        assert!(matches!(outputs[1], Output::Close));
        assert!(session.frame(HELLO, Time(2)).is_empty());
    }

    #[test]
    fn of_a_worker_that_is_not_ready_nothing_is_registered_and_its_slots_do_not_count() {
        let mut session = Session::new(SessionId(1), Time(0));
        let hello = HELLO.replace(
            r#""running": []"#,
            r#""running": [], "not_ready": ["call.a cannot be imported"]"#,
        );
        let outputs = session.frame(&hello, Time(1));
        assert!(matches!(&outputs[..], [Output::Register(templates)] if templates.is_empty()));
        let outputs = session.registered(Ok(()), 7);
        let [Output::Event(Event::Opened { offer, .. }, None)] = &outputs[..] else {
            panic!("{outputs:?}");
        };
        assert_eq!(offer.not_ready, ["call.a cannot be imported"]);
    }

    #[test]
    fn silence_ends_a_session_without_grace_and_a_closed_socket_with_it() {
        let mut session = open();
        session.heard(Time(1_000_000));
        for at in [
            1_000_000, 2_000_000, 3_000_000, 4_000_000, 5_000_000, 5_999_999,
        ] {
            assert!(session.tick(Time(at)).is_empty());
        }
        let outputs = session.tick(Time(6_000_000));
        assert!(matches!(
            outputs[..],
            [
                Output::Event(Event::Closed { grace: false, .. }, None),
                Output::Close
            ]
        ));
        assert!(session.closed().is_empty());
        assert!(matches!(
            open().closed()[..],
            [Output::Event(Event::Closed { grace: true, .. }, None)]
        ));
    }

    #[test]
    fn a_message_out_of_place_is_answered_and_closes_nothing() {
        let mut session = Session::new(SessionId(1), Time(0));
        let outputs = session.frame(r#"{"ready": {"slots": 1}}"#, Time(1));
        assert_eq!(message(&outputs).code, ErrorCode::UnexpectedMessage);
        assert_eq!(
            message(&session.frame("{", Time(1))).code,
            ErrorCode::MalformedJson
        );
        assert_eq!(
            message(&session.frame(r#"{"hello": {}}"#, Time(1))).code,
            ErrorCode::InvalidRequest
        );
        assert!(matches!(
            session.frame(HELLO, Time(2))[..],
            [Output::Register(_)]
        ));
    }

    #[test]
    fn a_frame_of_too_many_messages_is_answered_once_and_ends_the_session() {
        let frame = |messages: usize| format!("[{}]", vec!["0"; messages].join(","));
        let outputs = open().frame(&frame(MAX_FRAME_MESSAGES), Time(2));
        assert_eq!(outputs.len(), MAX_FRAME_MESSAGES);
        assert!(
            outputs
                .iter()
                .all(|output| matches!(output, Output::Send(_)))
        );
        let mut session = open();
        let outputs = session.frame(&frame(MAX_FRAME_MESSAGES + 1), Time(2));
        assert_eq!(
            message(&outputs).message,
            "the frame has 16385 messages, at most 16384 are taken"
        );
        assert!(matches!(outputs[1..], [Output::Close]));
        assert!(matches!(
            session.closed()[..],
            [Output::Event(Event::Closed { grace: true, .. }, None)]
        ));
    }

    #[test]
    fn a_frozen_engine_does_not_take_its_own_silence_for_the_workers() {
        let mut session = open();
        assert_eq!(session.deadline(), Time(500_000));
        assert!(session.tick(Time(1_000_000)).is_empty());
        assert!(session.tick(Time(60_000_000)).is_empty());
        assert_eq!(session.deadline(), Time(60_500_000));
        for at in [61_000_000, 62_000_000, 63_000_000, 64_000_000] {
            assert!(session.tick(Time(at)).is_empty(), "{at}");
        }
        let outputs = session.tick(Time(64_000_002));
        assert!(matches!(outputs[..], [Output::Event(..), Output::Close]));
    }
}
