//! What the health port says.

use super::*;

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
