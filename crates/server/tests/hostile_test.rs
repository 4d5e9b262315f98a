//! Whatever a client or a worker sends: an error of the documented shape to the sender, nothing to anybody else, never a
//! crash. The inputs are those of tests/corpus, mutated; `PROPTEST_CASES` says how many.

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use proptest::prelude::*;
use proptest::sample::Index;
use tasker_core::event::Verdict;
use tasker_core::fetch;
use tasker_core::gateway::{Output, Session};
use tasker_core::outcome::Success;
use tasker_core::worker::{Offer, SessionId};
use tasker_core::{Engine, Event, Graph, State, TaskId, Time};
use tasker_protocol::api::TaskStatus;
use tasker_protocol::error::ErrorBody;
use tasker_protocol::frame::{AttemptRef, EngineMessage, Welcome};
use tasker_protocol::origin::Hosts;
use tasker_server::{api, health::Health};
use tower::ServiceExt;
use uuid::Uuid;

/// The inputs in a folder of the corpus, by name.
fn corpus(folder: &str) -> Vec<String> {
    let root = std::env::var("CORPUS").unwrap_or_else(|_| "tests/corpus".to_owned());
    let folder = PathBuf::from(root).join(folder);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let read = |path| std::fs::read_to_string(path).expect("text");
    paths.iter().map(read).collect()
}

/// One change of a text.
#[derive(Clone, Debug)]
enum Mutation {
    /// A byte becomes another.
    Byte(Index, u8),
    /// A part is left out.
    Cut(Index, Index),
    /// A part comes twice.
    Repeat(Index, Index),
    /// A part of another input comes in.
    Splice(Index, usize, Index, Index),
    /// A number, text or word becomes another value.
    Value(Index, usize),
}

/// Values that are often mistaken for others.
const VALUES: &[&str] = &[
    "null",
    "true",
    "-1",
    "0",
    "1e400",
    "18446744073709551616",
    "0.1",
    "\"\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"😀\"",
    "{}",
    "[]",
    "[[[[[[[[]]]]]]]]",
    "{\"a\":{\"a\":{\"a\":1}}}",
];

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Mutation::Byte(at, byte)),
        (at(), at()).prop_map(|(from, to)| Mutation::Cut(from, to)),
        (at(), at()).prop_map(|(from, to)| Mutation::Repeat(from, to)),
        (at(), any::<usize>(), at(), at())
            .prop_map(|(at, other, from, to)| Mutation::Splice(at, other, from, to)),
        (at(), 0..VALUES.len()).prop_map(|(at, value)| Mutation::Value(at, value)),
    ]
}

/// An input of the corpus after some changes: in half of the cases none.
fn input(corpus: Vec<String>) -> impl Strategy<Value = String> {
    let changes = prop_oneof![Just(Vec::new()), prop::collection::vec(mutation(), 1..5)];
    (any::<Index>(), changes).prop_map(move |(chosen, mutations)| {
        let mut text = chosen.get(&corpus).clone().into_bytes();
        for mutation in &mutations {
            mutate(&mut text, mutation, &corpus);
        }
        String::from_utf8_lossy(&text).into_owned()
    })
}

fn range(text: &[u8], from: &Index, to: &Index) -> std::ops::Range<usize> {
    let (from, to) = (from.index(text.len() + 1), to.index(text.len() + 1));
    from.min(to)..from.max(to)
}

fn mutate(text: &mut Vec<u8>, mutation: &Mutation, corpus: &[String]) {
    match mutation {
        Mutation::Byte(at, byte) => {
            if !text.is_empty() {
                let at = at.index(text.len());
                text[at] = *byte;
            }
        }
        Mutation::Cut(from, to) => {
            let range = range(text, from, to);
            text.drain(range);
        }
        Mutation::Repeat(from, to) => {
            let range = range(text, from, to);
            let part = text[range.clone()].to_vec();
            text.splice(range.end..range.end, part);
        }
        Mutation::Splice(at, other, from, to) => {
            let other = corpus[other % corpus.len()].as_bytes();
            let part = other[range(other, from, to)].to_vec();
            let at = at.index(text.len() + 1);
            text.splice(at..at, part);
        }
        Mutation::Value(at, value) => {
            let starts: Vec<usize> = (1..text.len())
                .filter(|at| matches!(text[at - 1], b' ' | b'[') && text[*at] != b'{')
                .collect();
            if !starts.is_empty() {
                let start = *at.get(&starts);
                let rest = &text[start..];
                let length = rest.iter().position(|byte| b",]}\n".contains(byte));
                let end = start + length.unwrap_or(rest.len());
                text.splice(start..end, VALUES[*value].bytes());
            }
        }
    }
}

const INNOCENT: SessionId = SessionId(1);
const HOSTILE: SessionId = SessionId(2);

/// An engine with a worker that does nothing wrong, and the session of one that does.
struct World {
    engine: Engine<()>,
    session: Session,
    now: Time,
    tasks: [TaskId; 2],
}

impl World {
    fn new() -> World {
        let yaml = "{name: n, namespace_name: ns, version: 1.0.0, steps: [\
                    {name: a, type: decision, handler: {callable: call.a}}, \
                    {name: b, dependencies: [a], handler: {callable: call.a}}, \
                    {name: c, dependencies: [a], handler: {callable: call.a}}]}";
        let document = tasker_template::parse(yaml, "test.yaml").expect("a valid template");
        let template = document.merged("test").expect("merges");
        let graph = Arc::new(Graph::new(&template, template.content_hash()));
        let mut world = World {
            engine: Engine::new(State::default()),
            session: Session::new(HOSTILE, Time(0)),
            now: Time(0),
            tasks: [Uuid::from_u128(7), Uuid::from_u128(8)],
        };
        world.open(INNOCENT, 9);
        world.create(world.tasks[0], &graph);
        // The other task's step goes to the hostile worker, as soon as it has a session.
        world.slots(INNOCENT, 1);
        world.create(world.tasks[1], &graph);
        world
    }

    fn open(&mut self, session: SessionId, instance: u128) {
        self.happen(&Event::Opened {
            session,
            offer: Arc::new(Offer {
                instance: Uuid::from_u128(instance),
                greeting: 1,
                worker_id: "innocent".into(),
                language: "rust".into(),
                version: "1.0.0".into(),
                namespaces: ["ns".to_owned()].into(),
                callables: ["call.a".to_owned()].into(),
                slots: 1,
                running: Vec::new(),
                not_ready: Vec::new(),
            }),
            welcome: Welcome {
                protocol: 1,
                epoch: 1,
                heartbeat_ms: 1000,
            },
        });
    }

    fn create(&mut self, task: TaskId, graph: &Arc<Graph>) {
        self.happen(&Event::Create {
            task,
            graph: Arc::clone(graph),
            priority: 0,
        });
    }

    fn slots(&mut self, session: SessionId, slots: u32) {
        self.happen(&Event::Slots { session, slots });
    }

    fn happen(&mut self, event: &Event) {
        for event in [event, &Event::Tick, &Event::Dispatch] {
            self.engine.happen(event, None, self.now, 7);
        }
        self.engine.seal();
        self.engine.committed();
    }

    fn attempt(&self, task: TaskId) -> AttemptRef {
        let task = self.engine.state().task(task).expect("an open task");
        AttemptRef {
            task_uuid: task.id,
            step_uuid: task.step(0).uuid,
            attempt: 1,
        }
    }

    /// A frame of the hostile worker arrives; TASK and STEP in it become identifiers that exist.
    fn receive(&mut self, frame: &str, of: usize) {
        self.now.0 += 1000;
        let task = self.tasks[of];
        let step = tasker_core::graph::step_uuid(task, "a");
        let frame = frame
            .replace("TASK", &task.to_string())
            .replace("STEP", &step.to_string());
        let outputs = self.session.frame(&frame, self.now);
        self.carry_out(outputs);
    }

    fn carry_out(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send(message) => match message {
                    EngineMessage::Error(rejection) | EngineMessage::Rejected(rejection) => {
                        assert!(!rejection.message.is_empty());
                    }
                    other => panic!("a hostile worker is answered {other:?}"),
                },
                Output::Register(_) => {
                    let outputs = self.session.registered(Ok(()), 1);
                    self.carry_out(outputs);
                }
                Output::Event(event, _) => self.happen(&event),
                Output::Fetch(asked) => {
                    let fetched = fetch::answer(self.engine.state(), None, HOSTILE, &asked);
                    let fetched = fetched.expect("nothing is missing");
                    let error = fetched.error.expect("nothing is to be fetched");
                    assert!(fetched.results.is_empty() && !error.message.is_empty());
                }
                Output::Close => {}
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_worker_sends_costs_nobody_else_anything(
        frames in prop::collection::vec((input(corpus("frames")), 0..2usize), 1..12)
    ) {
        let mut world = World::new();
        for (frame, of) in &frames {
            world.receive(frame, *of);
            let attempt = world.attempt(world.tasks[0]);
            let task = world.engine.state().task(world.tasks[0]).expect("open");
            prop_assert_eq!(task.status(), TaskStatus::StepsInProcess);
            prop_assert_eq!(task.step(0).attempts, attempt.attempt);
        }
        let closed = world.session.closed();
        world.carry_out(closed);
        let attempt = world.attempt(world.tasks[0]);
        world.happen(&Event::Outcome {
            session: INNOCENT,
            attempt,
            verdict: Verdict::Success(Success { create_steps: Some(Vec::new()), batches: None }),
        });
        prop_assert!(world.engine.state().task(world.tasks[0]).is_none(), "it ended and left");
    }

    #[test]
    fn whatever_a_client_sends_is_answered_in_the_documented_shape(body in input(corpus("bodies"))) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let (status, answer) = runtime.block_on(async {
            let router = api::router(Arc::new(Health::starting()), None, Hosts::default());
            let request = Request::post("/v1/tasks")
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.clone()))
                .expect("a request");
            let response = router.oneshot(request).await.expect("an answer");
            let status = response.status();
            (status, to_bytes(response.into_body(), usize::MAX).await.expect("a body"))
        });
        let error: ErrorBody = serde_json::from_slice(&answer).expect("the documented shape");
        prop_assert!(!error.error.message.is_empty());
        // What can be read gets as far as the engine, which is not there.
        let readable = serde_json::from_str::<tasker_protocol::api::CreateTask>(&body).is_ok();
        let expected = if readable { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::BAD_REQUEST };
        prop_assert_eq!(status, expected, "{}", error.error.message);
    }

    #[test]
    fn whatever_is_looked_for_is_answered_in_the_documented_shape(
        fields in prop::collection::vec((field(), value()), 0..4)
    ) {
        let query: Vec<String> = fields
            .iter()
            .map(|(field, value)| format!("{field}={value}"))
            .collect();
        let path = format!("/v1/tasks?{}", query.join("&"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let (status, answer) = runtime.block_on(async {
            let router = api::router(Arc::new(Health::starting()), None, Hosts::default());
            let request = Request::get(&path).body(Body::empty()).expect("a request");
            let response = router.oneshot(request).await.expect("an answer");
            let status = response.status();
            (status, to_bytes(response.into_body(), usize::MAX).await.expect("a body"))
        });
        let error: ErrorBody = serde_json::from_slice(&answer).expect("the documented shape");
        prop_assert!(!error.error.message.is_empty());
        // What can be looked for gets as far as the engine, which is not there.
        if status != StatusCode::SERVICE_UNAVAILABLE {
            prop_assert_eq!(status, StatusCode::BAD_REQUEST, "{}", path);
            prop_assert!(error.error.details["path"].is_string(), "{}: {:?}", path, error);
        }
    }
}

/// A field of a query, known or not.
fn field() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "namespace",
        "name",
        "status",
        "tag",
        "initiator",
        "created_after",
        "created_before",
        "limit",
        "cursor",
        "offset",
        "",
        "%00",
    ])
}

/// A value of a field, right for some.
fn value() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        "0",
        "1",
        "100",
        "101",
        "-1",
        "1e9",
        "pending",
        "complete",
        "PENDING",
        "%00",
        "%ff",
        "a%20b",
        "2026-11-24T18:00:00Z",
        "2026-11-24T18:00:00%2B01:00",
        "9999-12-31T23:59:59.999999Z",
        "0000-01-01T00:00:00Z",
        "-9999-01-01T00:00:00Z",
        "0193e6f45a0070008000000000000000",
        "ffffffffffffffffffffffffffffffff",
        "nonsense",
    ])
}
