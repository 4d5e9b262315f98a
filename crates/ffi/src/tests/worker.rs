//! A worker from its start to its end.

use super::*;

#[test]
fn options_that_are_wrong_are_refused_with_the_fields_name() {
    let good = options("http://127.0.0.1:1", "127.0.0.1:0");
    let changed = |field: &str, value: Value| {
        let mut options = good.clone();
        options[field] = value;
        options.to_string()
    };
    for (options, expected) in [
        ("{".to_owned(), "options: EOF while parsing an object"),
        (
            changed("slots", json!("many")),
            "options: slots: invalid type: string \"many\", expected u32",
        ),
        (
            changed("urls", json!(["http://a", 7])),
            "options: urls[1]: invalid type: integer `7`, expected a string",
        ),
        (
            changed("speed", json!(1)),
            "options: speed: unknown field `speed`, expected one of `urls`",
        ),
        ("{}".to_owned(), "options: missing field `urls`"),
        (changed("urls", json!([])), "`urls` is empty"),
        (
            changed("urls", json!(["https://engine"])),
            "the engine's address `https://engine` cannot be used",
        ),
    ] {
        let (result, worker) = start_with(&options);
        let (code, message) = answer(result);
        assert_eq!(code, TaskerCode::Invalid);
        assert!(message.starts_with(expected), "{message}");
        assert!(worker.is_null());
    }
}

#[test]
fn a_worker_that_is_open_connects_when_it_begins() {
    let engine = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", engine.local_addr().expect("an address"));
    let options = options(&url, "127.0.0.1:0").to_string();
    let mut worker = ptr::null_mut();
    // SAFETY: the text and the place outlive the call.
    let opened = unsafe { tasker_worker_open(options.as_ptr(), options.len(), &raw mut worker) };
    assert_eq!(ok(opened)["templates"], json!([]));
    let module = "models";
    // SAFETY: the text outlives the call.
    ok(unsafe { tasker_worker_importing(worker, module.as_ptr(), module.len()) });
    let status = ok(tasker_worker_status(worker));
    assert_eq!(status["reasons"], json!(["handlers are being imported"]));
    // It is no forked process.
    tasker_forked();

    let begin = |imported: &str| {
        // SAFETY: the text outlives the call.
        answer(unsafe { tasker_worker_begin(worker, imported.as_ptr(), imported.len()) })
    };
    let (code, message) = begin(r#"{"callables": []}"#);
    assert_eq!(code, TaskerCode::Invalid);
    assert!(message.starts_with("imported: missing field `problems`"));
    let imported = r#"{"callables": ["math.Cube"], "problems": []}"#;
    assert_eq!(begin(imported), (TaskerCode::Ok, String::new()));
    let (stream, _) = engine.accept().expect("connects");
    let mut session = tungstenite::accept(stream).expect("a session");
    let hello = &receive(&mut session)["hello"];
    assert_eq!(hello["callables"], json!(["math.Cube", "math.Square"]));
    assert_eq!(hello["slots"], 4);
    assert_eq!(begin(imported).0, TaskerCode::Failed);
    tasker_worker_free(worker);
}

fn complete(worker: *mut TaskerWorker, outcomes: &str) -> TaskerResult {
    // SAFETY: the text outlives the call.
    unsafe { tasker_worker_complete(worker, outcomes.as_ptr(), outcomes.len()) }
}

fn fetch(worker: *mut TaskerWorker, request: &str) -> (TaskerCode, String) {
    // SAFETY: the text outlives the call.
    answer(unsafe { tasker_worker_fetch(worker, request.as_ptr(), request.len(), PATIENCE_MS) })
}

fn receive(session: &mut WebSocket<TcpStream>) -> Value {
    loop {
        match session.read().expect("a frame") {
            Frame::Text(text) => return serde_json::from_str(&text).expect("JSON"),
            Frame::Ping(_) => {}
            other => panic!("unexpected: {other:?}"),
        }
    }
}

fn send(session: &mut WebSocket<TcpStream>, message: &Value) {
    let frame = Frame::text(message.to_string());
    session.send(frame).expect("sent");
}

#[test]
fn a_worker_runs_an_attempt_and_drains() {
    let (engine, worker, value) = start();
    assert!(
        value["address"]
            .as_str()
            .is_some_and(|address| address.starts_with("127.0.0.1:")),
        "{value}"
    );
    assert_eq!(value["templates"], json!([]));
    let (stream, _) = engine.accept().expect("a connection");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a time limit");
    let mut session = tungstenite::accept(stream).expect("a handshake");
    let hello = &receive(&mut session)["hello"];
    assert_eq!(hello["callables"], json!(["math.Square"]));
    let uuid = "018f0000-0000-7000-8000-000000000001";
    let attempt = json!({"task_uuid": uuid, "step_uuid": uuid, "attempt": 1});
    let dispatch = json!({
        "task_uuid": uuid, "step_uuid": uuid, "attempt": 1, "max_attempts": 3, "namespace": "math", "name": "square",
        "version": "1.0.0", "step_name": "square", "callable": "math.Square", "method": "call", "configuration": {},
        "idempotency_key": "key", "context": {"n": 6}, "results": {"before": 1}, "timeout_ms": 30_000, "tags": [],
        "correlation_id": null
    });
    let welcome = json!({"welcome": {"protocol": 1, "epoch": 1, "heartbeat_ms": 1_000}});
    send(&mut session, &json!([welcome, {"dispatch": dispatch}]));

    let given = ok(tasker_worker_next(worker, PATIENCE_MS));
    assert_eq!(given, json!([{"dispatch": dispatch}]));
    assert_eq!(
        ok(tasker_worker_status(worker)),
        json!({"session": "open", "ready": true, "reasons": [], "problems": [], "held": 1})
    );
    let handle = worker.addr();
    let fetching = std::thread::spawn(move || {
        let request =
            format!(r#"{{"task_uuid":"{uuid}","step_uuid":"{uuid}","attempt":1,"name":"sum"}}"#);
        fetch(ptr::without_provenance_mut(handle), &request)
    });
    let asked =
        json!({"task_uuid": uuid, "step_uuid": uuid, "attempt": 1, "name": "sum", "from": 0});
    assert_eq!(receive(&mut session), json!({"fetch": asked}));
    let mut fetched = asked;
    fetched["results"] = json!([1, {"two": 2}]);
    fetched["next"] = json!(2);
    send(&mut session, &json!({"fetched": fetched}));
    let (code, value) = fetching.join().expect("no panic");
    let value: Value = serde_json::from_str(&value).expect("JSON");
    assert_eq!((code, value), (TaskerCode::Ok, fetched));

    send(&mut session, &json!({"cancel": attempt}));
    let given = ok(tasker_worker_next(worker, PATIENCE_MS));
    assert_eq!(given, json!([{"cancel": attempt}]));
    assert_eq!(receive(&mut session), json!({"ready": {"slots": 3}}));

    let outcome = json!({
        "task_uuid": uuid, "step_uuid": uuid, "attempt": 1, "success": true, "results": {"result": 36}
    });
    let mut timed = outcome.clone();
    timed["timings"] = json!({"callable": "math.Square", "queued_us": 5, "ran_us": 7});
    ok(complete(worker, &json!([timed]).to_string()));
    assert_eq!(
        receive(&mut session),
        json!([{"outcome": outcome}, {"ready": {"slots": 4}}])
    );
    ok(tasker_worker_drain(worker, PATIENCE_MS));
    assert_eq!(receive(&mut session), json!({"ready": {"slots": 0}}));
    send(&mut session, &json!({"accepted": [attempt]}));
    assert_eq!(receive(&mut session), json!({"leaving": {"running": []}}));
    drop(session);
    assert_eq!(
        answer(tasker_worker_next(worker, PATIENCE_MS)).0,
        TaskerCode::Stopped
    );
    assert_eq!(
        answer(complete(worker, &json!([outcome]).to_string())).0,
        TaskerCode::Stopped
    );
    tasker_worker_free(worker);
}

#[test]
fn outcomes_that_are_wrong_are_refused_with_their_place() {
    let (_engine, worker, _) = start();
    let (code, message) = answer(complete(worker, r#"[{"attempt": "one"}]"#));
    assert_eq!(code, TaskerCode::Invalid);
    assert!(
        message.starts_with("outcomes: [0].attempt: invalid type: string \"one\", expected u32"),
        "{message}"
    );
    let uuid = "018f0000-0000-7000-8000-000000000001";
    let empty = json!([{"task_uuid": uuid, "step_uuid": uuid, "attempt": 1, "success": false}]);
    let (code, message) = answer(complete(worker, &empty.to_string()));
    let expected = format!("the outcome of attempt 1 of step {uuid}: it failed and has no `error`");
    assert_eq!((code, message), (TaskerCode::Invalid, expected));
    tasker_worker_free(worker);
}

#[test]
fn a_time_out_gives_an_empty_array() {
    let (_engine, worker, _) = start();
    assert_eq!(ok(tasker_worker_next(worker, 1)), json!([]));
    tasker_worker_free(worker);
}

#[test]
fn an_observation_is_taken_and_one_of_another_kind_refused() {
    let (_engine, worker, _) = start();
    let observe = |text: &str| {
        // SAFETY: the text outlives the call.
        answer(unsafe { tasker_worker_observe(worker, text.as_ptr(), text.len()) })
    };
    let taken = observe(r#"{"event_loop_delay_us": 1500}"#);
    assert_eq!(taken, (TaskerCode::Ok, String::new()));
    let (code, message) = observe(r#"{"weather": 1}"#);
    assert_eq!(code, TaskerCode::Invalid);
    assert!(
        message.starts_with("observation: unknown variant `weather`"),
        "{message}"
    );
    tasker_worker_free(worker);
}

#[test]
fn a_problem_is_a_reason() {
    let (_engine, worker, _) = start();
    let problem = "math.Square cannot be imported";
    // SAFETY: the text outlives the call.
    let added = unsafe { tasker_worker_add_problem(worker, problem.as_ptr(), problem.len()) };
    ok(added);
    let status = ok(tasker_worker_status(worker));
    assert_eq!(
        (&status["ready"], &status["reasons"][0], &status["problems"]),
        (&json!(false), &json!(problem), &json!([problem]))
    );
    tasker_worker_free(worker);
}

#[test]
fn a_worker_that_is_freed_answers_the_threads_that_wait_for_it() {
    let (_engine, worker, _) = start();
    let handle = worker.addr();
    let (waiting, waits) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let worker = ptr::without_provenance_mut(handle);
        waiting.send(()).expect("the test waits");
        answer(tasker_worker_next(worker, u32::MAX)).0
    });
    waits.recv().expect("the thread has started");
    tasker_worker_free(worker);
    assert_eq!(thread.join().expect("no panic"), TaskerCode::Stopped);
}

#[test]
fn a_taken_port_is_a_failure_that_names_it() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let (result, worker) = start_with(&options("http://127.0.0.1:1", &address).to_string());
    let (code, message) = answer(result);
    assert_eq!(code, TaskerCode::Failed);
    assert!(
        message.starts_with(&format!("cannot listen on {address} for the health page")),
        "{message}"
    );
    assert!(worker.is_null());
}
