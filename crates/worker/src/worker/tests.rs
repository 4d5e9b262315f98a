//! The worker against an engine on a real socket.

mod engines;

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
fn what_was_measured_is_on_the_metrics_page() {
    let engine = FakeEngine::start();
    let worker = Worker::start(options(&engine)).expect("starts");
    let (mut session, _) = engine.welcome();
    session.send(&[dispatch(attempt(1), "1"), dispatch(attempt(2), "2")]);
    dispatched(&worker);
    drop(session);
    let (mut session, _) = engine.welcome();
    session.send(&[dispatch(attempt(3), "3")]);
    dispatched(&worker);
    worker.set_slots(7);
    let told = session.frame();
    assert!(
        matches!(told.as_deref(), Some([WorkerMessage::Ready { slots: 7 }])),
        "{told:?}"
    );

    let (status, page) = get(&worker, "/metrics");
    assert_eq!(status, 200);
    for line in [
        r#"tasker_worker_session{state="open"} 1"#,
        r#"tasker_worker_session{state="connecting"} 0"#,
        "tasker_worker_slots 7",
        "tasker_worker_attempts_held 3",
        "tasker_worker_reconnects_total 1",
    ] {
        assert!(page.lines().any(|found| found == line), "{line}: {page}");
    }

    let mut failed = success(attempt(2), "2");
    failed.success = false;
    failed.results = None;
    failed.error = Some(Failure {
        message: "no".to_owned(),
        error_type: "ValueError".to_owned(),
        error_code: None,
        retryable: true,
        retry_after_ms: None,
        backtrace: None,
    });
    let timings = |ran_us| {
        Some(Timings {
            callable: "math.Square".to_owned(),
            queued_us: Some(300),
            ran_us,
        })
    };
    worker
        .complete_timed(
            vec![success(attempt(1), "1"), failed],
            &[timings(Some(40_000)), timings(None)],
        )
        .expect("sound");
    worker.observe(&Observation::EventLoopDelayUs(2_000_000));
    let (_, page) = get(&worker, "/metrics");
    for line in [
        r#"tasker_worker_attempts_total{callable="math.Square",outcome="success"} 1"#,
        r#"tasker_worker_attempts_total{callable="math.Square",outcome="retryable_failure"} 1"#,
        r#"tasker_worker_handler_duration_seconds_bucket{le="0.025",callable="math.Square"} 0"#,
        r#"tasker_worker_handler_duration_seconds_bucket{le="0.05",callable="math.Square"} 1"#,
        r#"tasker_worker_handler_duration_seconds_count{callable="math.Square"} 1"#,
        r#"tasker_worker_queue_wait_seconds_bucket{le="0.0005"} 2"#,
        r#"tasker_worker_event_loop_delay_seconds_sum 2.0"#,
    ] {
        assert!(page.lines().any(|found| found == line), "{line}: {page}");
    }
    assert!(page.ends_with("# EOF\n"), "{page}");
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
fn a_drained_worker_leaves_after_its_last_outcome_was_accepted() {
    let engine = FakeEngine::start();
    let worker = Worker::start(options(&engine)).expect("starts");
    let (mut session, _) = engine.welcome();
    session.send(&[dispatch(attempt(1), "1")]);
    dispatched(&worker);

    worker.drain(PATIENCE);
    assert!(matches!(
        session.frame().as_deref(),
        Some([WorkerMessage::Ready { slots: 0 }])
    ));
    let (status, page) = health(&worker);
    assert_eq!(status, 503);
    assert_eq!(page.reasons, ["draining, 1 attempts held"]);
    worker
        .complete(vec![success(attempt(1), "1")])
        .expect("sound");
    assert_eq!(session.outcomes().len(), 1);
    session.accepted(&[attempt(1)]);

    let last = session.rest();
    assert!(
        matches!(last.as_slice(), [WorkerMessage::Leaving { .. }]),
        "{last:?}"
    );
    drop(session);
    assert!(matches!(worker.next(PATIENCE), Next::Stopped));
    assert_eq!(worker.status().session, SessionState::Stopped);
}

#[test]
fn a_worker_that_was_told_to_drain_while_it_was_open_leaves_once_it_begins() {
    let engine = FakeEngine::start();
    let worker = Worker::open(options(&engine)).expect("opens");
    worker.drain(Duration::ZERO);
    assert!(matches!(worker.next(Duration::ZERO), Next::Messages(_)));
    assert_eq!(worker.status().session, SessionState::Connecting);

    worker.begin(nothing_imported()).expect("begins");
    assert!(matches!(worker.next(PATIENCE), Next::Stopped));
}

#[test]
fn a_dropped_worker_leaves_at_once() {
    let engine = FakeEngine::start();
    let worker = Worker::start(options(&engine)).expect("starts");
    let (mut session, _) = engine.welcome();
    session.send(&[dispatch(attempt(1), "1")]);
    dispatched(&worker);
    let leaving = std::thread::spawn(move || session.rest());
    drop(worker);
    let last = leaving.join().expect("the session ends");
    assert!(
        matches!(
            last.as_slice(),
            [
                WorkerMessage::Ready { slots: 0 },
                WorkerMessage::Leaving { .. }
            ]
        ),
        "{last:?}"
    );
}

#[test]
fn a_stopped_worker_wakes_every_thread_that_waits() {
    let engine = FakeEngine::start();
    let worker = Worker::start(options(&engine)).expect("starts");
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| worker.next(Duration::MAX)))
            .collect();
        worker.stop();
        for thread in waiting {
            assert!(matches!(thread.join(), Ok(Next::Stopped)));
        }
    });
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
fn a_refusal_is_on_the_health_page() {
    let engine = FakeEngine::start();
    let worker = Worker::start(options(&engine)).expect("starts");
    let mut session = engine.accept();
    session.hello();
    session.send(&[EngineMessage::Rejected(Rejection {
        code: ErrorCode::TemplateConflict,
        message: "math/square 1.0.0 has other content".to_owned(),
    })]);
    assert!(session.rest().is_empty());
    let (status, page) = health(&worker);
    assert_eq!(status, 503);
    let reason = format!(
        "no session with {}: the engine refused the session: TEMPLATE_CONFLICT: math/square 1.0.0 has other content",
        engine.url()
    );
    assert_eq!(
        (page.status.as_str(), page.reasons),
        ("not_ready", vec![reason.clone()])
    );
    assert_eq!(page.problems, [reason]);
}

#[test]
fn a_wrong_token_is_on_the_health_page() {
    let engine = FakeEngine::start();
    let worker = Worker::start(options(&engine)).expect("starts");
    let mut stream = engine.accept_tcp();
    let answer = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n";
    stream.write_all(answer.as_bytes()).expect("answered");
    stream.read_to_end(&mut Vec::new()).expect("hung up");
    let (status, page) = health(&worker);
    assert_eq!(status, 503);
    let reason = format!(
        "no session with {}: the engine answered 401 Unauthorized: TASKER_TOKEN differs from the engine's",
        engine.url()
    );
    assert_eq!(page.reasons, [reason.as_str()]);
    assert_eq!(page.problems, [reason]);
}

#[test]
fn templates_are_registered_all_together_or_none_and_what_is_wrong_is_on_the_health_page() {
    let engine = FakeEngine::start();
    let folder = tempfile::tempdir().expect("a folder");
    let good = "name: square\nnamespace_name: math\nversion: 1.0.0\nsteps:\n  - name: square\n    handler:\n      \
                callable: math.Square\n";
    fs::write(folder.path().join("good.yaml"), good).expect("a file");
    let bad: PathBuf = folder.path().join("bad.yaml");
    fs::write(&bad, "name: [unfinished\n").expect("a file");
    let mut options = options(&engine);
    options.template_paths = vec![folder.path().to_owned()];
    let worker = Worker::start(options.clone()).expect("starts");

    let (_session, hello) = engine.welcome();
    assert_eq!(hello.namespaces, ["extra", "math"]);
    assert_eq!(hello.callables, ["extra.Handler", "math.Square"]);
    assert_eq!(worker.templates().len(), 1);
    // One that is wrong speaks for all: what is registered counts for everybody.
    assert_eq!((hello.templates, hello.slots), (Vec::<String>::new(), 0));

    let (status, page) = health(&worker);
    assert_eq!(status, 503);
    assert_eq!(page.reasons.len(), 1, "{:?}", page.reasons);
    let place = format!("{}:", bad.display());
    assert!(page.reasons[0].starts_with(&place), "{:?}", page.reasons);
    assert_eq!(hello.not_ready, page.reasons);
    assert_eq!(page.problems, page.reasons);
    let metrics = get(&worker, "/metrics").1;
    assert!(metrics.contains("tasker_worker_slots 0\n"), "{metrics}");
    assert_eq!(get(&worker, "/health/live").0, 200);
    assert_eq!(get(&worker, "/elsewhere").0, 404);

    fs::remove_file(&bad).expect("the file");
    let worker = Worker::start(options).expect("starts");
    let (_session, hello) = engine.welcome();
    assert_eq!((hello.templates, hello.slots), (vec![good.to_owned()], 8));
    assert_eq!(hello.not_ready, Vec::<String>::new());
    drop(worker);
}

#[test]
fn whatever_keeps_a_worker_from_getting_ready_it_takes_nothing() {
    let engine = FakeEngine::start();
    let missing = PathBuf::from("/nowhere/templates");
    let unreadable = Options {
        template_paths: vec![missing],
        ..options(&engine)
    };
    let unimportable = Options {
        problems: vec!["math.Square cannot be imported".to_owned()],
        ..options(&engine)
    };
    for options in [unreadable, unimportable] {
        let worker = Worker::start(options).expect("starts");
        let (mut session, hello) = engine.welcome();
        assert_eq!((hello.slots, hello.not_ready.len()), (0, 1));
        session.send(&[dispatch(attempt(1), "1")]);
        let messages = session.frame().expect("a frame");
        let [WorkerMessage::Returned(returned)] = &messages[..] else {
            panic!("{messages:?}");
        };
        assert_eq!(*returned, attempt(1));
        drop(worker);
    }
}

#[test]
fn a_problem_that_is_found_later_ends_the_offer_and_the_next_greeting_says_so() {
    let engine = FakeEngine::start();
    let worker = Worker::start(options(&engine)).expect("starts");
    let (mut session, hello) = engine.welcome();
    assert_eq!((hello.slots, hello.not_ready.len()), (8, 0));
    worker.add_problem("the disk is full".to_owned());
    let messages = session.frame().expect("a frame");
    assert!(
        matches!(messages[..], [WorkerMessage::Ready { slots: 0 }]),
        "{messages:?}"
    );
    assert_eq!(health(&worker).1.reasons, ["the disk is full"]);
    drop(session);
    let (_session, hello) = engine.welcome();
    assert_eq!(
        (hello.slots, hello.not_ready),
        (0, vec!["the disk is full".to_owned()])
    );
}

#[test]
fn before_the_session_is_open_the_health_page_says_so() {
    let engine = FakeEngine::start();
    let worker = Worker::start(options(&engine)).expect("starts");
    let (status, page) = health(&worker);
    assert_eq!(status, 503);
    assert_eq!(page.reasons, [format!("connecting to {}", engine.url())]);
    assert_eq!(page.problems, Vec::<String>::new());
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

fn fetch(attempt: AttemptRef) -> Fetch {
    Fetch {
        task_uuid: attempt.task_uuid,
        step_uuid: attempt.step_uuid,
        attempt: attempt.attempt,
        name: "sum".to_owned(),
        from: 3,
    }
}

#[test]
fn a_fetch_waits_over_a_lost_connection_until_it_is_answered() {
    let engine = FakeEngine::start();
    let worker = Worker::start(options(&engine)).expect("starts");
    let (mut session, _) = engine.welcome();
    session.send(&[dispatch(attempt(1), "1")]);
    dispatched(&worker);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| worker.fetch(fetch(attempt(1)), PATIENCE));
        let asked = |frame: Option<Vec<WorkerMessage>>| match frame.as_deref() {
            Some([WorkerMessage::Fetch(asked)]) => assert_eq!(*asked, fetch(attempt(1))),
            other => panic!("not a fetch: {other:?}"),
        };
        asked(session.frame());
        drop(session);
        let (mut session, _) = engine.welcome();
        asked(session.frame());
        session.send(&[EngineMessage::Fetched(Fetched {
            task_uuid: attempt(1).task_uuid,
            step_uuid: attempt(1).step_uuid,
            attempt: 1,
            name: "sum".to_owned(),
            from: 3,
            results: vec![json("1e400")],
            next: Some(4),
            error: None,
        })]);
        let fetched = waiting.join().expect("no panic").expect("answered");
        assert_eq!((fetched.results[0].get(), fetched.next), ("1e400", Some(4)));
    });
}

#[test]
fn a_fetch_that_is_not_answered_ends_with_its_time_or_with_the_worker() {
    let engine = FakeEngine::start();
    let worker = Worker::start(options(&engine)).expect("starts");
    let (mut session, _) = engine.welcome();
    session.send(&[dispatch(attempt(1), "1")]);
    dispatched(&worker);
    let unanswered = worker.fetch(fetch(attempt(1)), Duration::ZERO);
    assert_eq!(
        unanswered.expect_err("no answer").to_string(),
        "the engine has not sent the results of sum from 3 on within 0ns"
    );
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| worker.fetch(fetch(attempt(1)), PATIENCE));
        // Whether it waits already or not, the answer is the same.
        worker.stop();
        let stopped = waiting.join().expect("no panic");
        assert!(matches!(stopped, Err(Error::Stopped)), "{stopped:?}");
    });
    let late = worker.fetch(fetch(attempt(1)), PATIENCE);
    assert!(matches!(late, Err(Error::Stopped)), "{late:?}");
}

#[test]
fn web_pages_are_refused_whatever_they_ask_and_probes_and_scrapers_are_not() {
    let engine = FakeEngine::start();
    let mut options = options(&engine);
    options.hosts = "worker.test".parse().expect("a name");
    let worker = Worker::start(options).expect("it starts");
    let code = |path: &str, headers: &str| {
        let (status, body) = get_with(&worker, path, headers);
        match status {
            403 => serde_json::from_str::<ErrorBody>(&body)
                .ok()
                .map(|body| body.error.code),
            _ => None,
        }
    };
    for path in ["/health", "/health/ready", "/health/live", "/metrics", "/"] {
        let probe = path.starts_with("/health");
        let foreign = "Host: 127.0.0.1:8081\r\nOrigin: http://example.test\r\n";
        assert_eq!(
            code(path, foreign),
            Some(ErrorCode::OriginRefused),
            "{path}"
        );
        let rebound = "Host: rebound.example.test\r\n";
        let refused = (!probe).then_some(ErrorCode::HostRefused);
        assert_eq!(code(path, rebound), refused, "{path}");
        assert_eq!(code(path, "Host: worker.test:8081\r\n"), None, "{path}");
        assert_eq!(code(path, "Host: localhost:8081\r\n"), None, "{path}");
    }
}
