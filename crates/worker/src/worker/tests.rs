//! The worker against an engine on a real socket.

mod beginning;
mod engines;
mod fetches;
mod health;
mod leaving;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::value::RawValue;
use tasker_protocol::error::{ErrorBody, ErrorCode};
use tasker_protocol::frame::{
    AttemptRef, Dispatch, EngineMessage, Failure, Rejection, WorkerMessage,
};
use tasker_protocol::{Json, json_null};
use uuid::Uuid;

use super::*;
use crate::fake_engine::FakeEngine;
use crate::metrics::{Observation, Timings};
use crate::status::Health;
use crate::{Message, SessionState};

const PATIENCE: Duration = Duration::from_secs(20);

fn options(engine: &FakeEngine) -> Options {
    Options {
        urls: vec![engine.url()],
        token: Some("secret".to_owned()),
        bind: "127.0.0.1:0".to_owned(),
        hosts: Default::default(),
        worker_id: "worker-1".to_owned(),
        language: "rust".to_owned(),
        version: "0.1.0".to_owned(),
        namespaces: vec!["extra".to_owned()],
        callables: vec!["extra.Handler".to_owned()],
        template_paths: Vec::new(),
        slots: 8,
        problems: Vec::new(),
    }
}

fn nothing_imported() -> Imported {
    Imported {
        callables: Vec::new(),
        problems: Vec::new(),
    }
}

fn attempt(step: u128) -> AttemptRef {
    AttemptRef {
        task_uuid: Uuid::from_u128(1),
        step_uuid: Uuid::from_u128(step),
        attempt: 1,
    }
}

fn json(text: &str) -> Json {
    RawValue::from_string(text.to_owned()).expect("JSON").into()
}

fn dispatch(attempt: AttemptRef, context: &str) -> EngineMessage {
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
        context: json(context),
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

fn success(attempt: AttemptRef, results: &str) -> Outcome {
    Outcome {
        task_uuid: attempt.task_uuid,
        step_uuid: attempt.step_uuid,
        attempt: attempt.attempt,
        success: true,
        results: Some(json(results)),
        error: None,
        metadata: None,
        create_steps: None,
        batches: None,
        logs: None,
    }
}

/// Waits for messages; every test expects some.
fn messages(worker: &Worker) -> Vec<Message> {
    match worker.next(PATIENCE) {
        Next::Messages(messages) if !messages.is_empty() => messages,
        other => panic!("no messages: {other:?}"),
    }
}

/// The attempts that were dispatched.
fn dispatched(worker: &Worker) -> Vec<AttemptRef> {
    let attempt = |message| match message {
        Message::Dispatch(dispatch) => dispatch.attempt_ref(),
        Message::Cancel(attempt) => panic!("a cancel of {attempt:?}"),
    };
    messages(worker).into_iter().map(attempt).collect()
}

fn get(worker: &Worker, path: &str) -> (u16, String) {
    get_with(worker, path, "")
}

/// `headers` are whole lines.
fn get_with(worker: &Worker, path: &str, headers: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(worker.address()).expect("the health port");
    write!(stream, "GET {path} HTTP/1.0\r\n{headers}\r\n").expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
    let status = head.split(' ').nth(1).expect("a status");
    (status.parse().expect("a number"), body.to_owned())
}

fn health(worker: &Worker) -> (u16, Health) {
    let (status, body) = get(worker, "/health");
    assert_eq!(get(worker, "/health/ready"), (status, body.clone()));
    (status, serde_json::from_str(&body).expect("a Health"))
}

#[test]
fn a_frame_of_dispatches_is_one_wake_up_and_its_outcomes_are_one_frame() {
    let engine = FakeEngine::start();
    let worker = Worker::start(options(&engine)).expect("starts");
    let (mut session, _) = engine.welcome();
    assert_eq!(
        session.asked,
        ("/v1/worker".to_owned(), Some("Bearer secret".to_owned()))
    );
    let digits = r#"{"n": 63340286662973277706162286946811886609896461828096, "tiny": 1e400}"#;
    session.send(&[
        dispatch(attempt(1), digits),
        dispatch(attempt(2), "2"),
        dispatch(attempt(3), "3"),
    ]);

    let mut given = messages(&worker);
    assert_eq!(given.len(), 3);
    let Message::Dispatch(first) = given.remove(0) else {
        panic!("not a dispatch");
    };
    assert_eq!(first.context.get(), digits);
    assert_eq!(health(&worker).0, 200);
    assert_eq!(worker.status().held, 3);

    let outcomes = (1..=3).map(|step| success(attempt(step), digits)).collect();
    worker.complete(outcomes).expect("sound");
    let sent = session.outcomes();
    assert_eq!(sent.len(), 3);
    assert_eq!(
        sent[2].results.as_ref().map(|json| json.get()),
        Some(digits)
    );
}

#[test]
fn a_lost_connection_is_made_again_and_what_was_not_accepted_is_sent_again() {
    let engine = FakeEngine::start();
    let worker = Worker::start(options(&engine)).expect("starts");
    let (mut session, hello) = engine.welcome();
    assert_eq!(hello.running, []);
    session.send(&[
        dispatch(attempt(1), "1"),
        dispatch(attempt(2), "2"),
        dispatch(attempt(3), "3"),
    ]);
    dispatched(&worker);
    let outcomes = vec![success(attempt(1), "1"), success(attempt(2), "4")];
    worker.complete(outcomes).expect("sound");
    assert_eq!(session.outcomes().len(), 2);
    session.accepted(&[attempt(1)]);
    session.send(&[dispatch(attempt(4), "4")]);
    assert_eq!(dispatched(&worker), [attempt(4)]);
    drop(session);

    let (mut session, again) = engine.welcome();
    assert_eq!(again.instance, hello.instance);
    let mut running = again.running;
    running.sort();
    assert_eq!(running, [attempt(2), attempt(3), attempt(4)]);
    let sent = session.outcomes();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].attempt_ref(), attempt(2));
    assert_eq!(sent[0].results.as_ref().map(|json| json.get()), Some("4"));
}

#[test]
fn an_engine_that_says_nothing_any_more_is_left_after_five_seconds() {
    let engine = FakeEngine::start();
    let worker = Worker::start(options(&engine)).expect("starts");
    let (mut silent, _) = engine.welcome();
    silent.send(&[dispatch(attempt(1), "1")]);
    dispatched(&worker);
    let since = Instant::now();

    let (_session, hello) = engine.welcome();

    assert_eq!(hello.running, [attempt(1)]);
    let waited = since.elapsed();
    assert!(waited >= Duration::from_millis(4_900), "{waited:?}");
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    // Held until here, so that nothing but the silence ended it.
    drop(silent);
}

#[test]
fn a_time_out_gives_no_messages() {
    let engine = FakeEngine::start();
    let worker = Worker::start(options(&engine)).expect("starts");
    let Next::Messages(messages) = worker.next(Duration::from_millis(1)) else {
        panic!("stopped");
    };
    assert!(messages.is_empty());
}

#[test]
fn an_outcome_that_says_two_things_is_refused_with_its_attempt() {
    let engine = FakeEngine::start();
    let worker = Worker::start(options(&engine)).expect("starts");
    let mut both = success(attempt(1), "1");
    both.error = Some(Failure {
        message: "failed".to_owned(),
        error_type: "ValueError".to_owned(),
        error_code: None,
        retryable: true,
        retry_after_ms: None,
        backtrace: None,
    });
    let error = worker.complete(vec![both]).expect_err("both");
    let step = Uuid::from_u128(1);
    assert_eq!(
        error.to_string(),
        format!("the outcome of attempt 1 of step {step}: it succeeded and has an `error`")
    );
    let mut neither = success(attempt(1), "1");
    neither.results = None;
    assert!(worker.complete(vec![neither]).is_err());
}
