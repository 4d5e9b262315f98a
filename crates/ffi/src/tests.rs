//! The exports as a C program calls them.

use std::collections::BTreeSet;
use std::net::{TcpListener, TcpStream};
use std::ptr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message as Frame, WebSocket};

use super::*;

/// Longer than any wait that goes well.
const PATIENCE_MS: u32 = 20_000;

/// What a call answered, its bytes copied and given back.
fn answer(result: TaskerResult) -> (TaskerCode, String) {
    (result.code, owned(result.bytes))
}

fn owned(bytes: TaskerBytes) -> String {
    // SAFETY: a call has just made the bytes.
    let text = unsafe { text("answer", bytes.data, bytes.size) }
        .expect("UTF-8")
        .to_owned();
    // SAFETY: a call has made the bytes, and they are given back once.
    unsafe { tasker_bytes_free(bytes) };
    text
}

fn ok(result: TaskerResult) -> Value {
    let (code, text) = answer(result);
    assert_eq!(code, TaskerCode::Ok, "{text}");
    match text.as_str() {
        "" => Value::Null,
        text => serde_json::from_str(text).expect("JSON"),
    }
}

fn start_with(options: &str) -> (TaskerResult, *mut TaskerWorker) {
    let mut worker = ptr::null_mut();
    // SAFETY: the text and the place outlive the call.
    let result = unsafe { tasker_worker_start(options.as_ptr(), options.len(), &raw mut worker) };
    (result, worker)
}

fn options(engine: &str, bind: &str) -> Value {
    json!({
        "urls": [engine], "token": null, "bind": bind, "worker_id": "worker-1", "language": "python",
        "version": "0.1.0", "namespaces": ["math"], "callables": ["math.Square"], "template_paths": [], "slots": 4,
        "problems": []
    })
}

/// A listener in the engine's place, and a worker that connects to it.
fn start() -> (TcpListener, *mut TaskerWorker, Value) {
    let engine = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", engine.local_addr().expect("an address"));
    let (result, worker) = start_with(&options(&url, "127.0.0.1:0").to_string());
    let value = ok(result);
    assert!(!worker.is_null());
    (engine, worker, value)
}

fn complete(worker: *mut TaskerWorker, outcomes: &str) -> TaskerResult {
    // SAFETY: the text outlives the call.
    unsafe { tasker_worker_complete(worker, outcomes.as_ptr(), outcomes.len()) }
}

fn fetch(worker: *mut TaskerWorker, request: &str) -> (TaskerCode, String) {
    // SAFETY: the text outlives the call.
    answer(unsafe { tasker_worker_fetch(worker, request.as_ptr(), request.len(), PATIENCE_MS) })
}

fn check(text: &str, file: &str) -> TaskerResult {
    // SAFETY: the texts outlive the call.
    unsafe { tasker_template_check(text.as_ptr(), text.len(), file.as_ptr(), file.len()) }
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

#[test]
fn arguments_that_are_no_text_are_refused_by_name() {
    // SAFETY: NULL is refused and not followed.
    let missing = unsafe { tasker_worker_start(ptr::null(), 4, ptr::null_mut()) };
    assert_eq!(
        answer(missing),
        (TaskerCode::Invalid, "`worker` is NULL".to_owned())
    );
    let mut worker = ptr::null_mut();
    // SAFETY: as above.
    let missing = unsafe { tasker_worker_start(ptr::null(), 4, &raw mut worker) };
    assert_eq!(
        answer(missing),
        (TaskerCode::Invalid, "`options` is NULL".to_owned())
    );
    let broken = [b'a', 0xff];
    // SAFETY: the bytes outlive the call.
    let broken = unsafe { tasker_worker_start(broken.as_ptr(), 2, &raw mut worker) };
    assert_eq!(
        answer(broken),
        (
            TaskerCode::Invalid,
            "`options` is not UTF-8 from byte 1 on".to_owned()
        )
    );
}

#[test]
fn a_handle_that_is_none_is_an_answer() {
    let (code, message) = answer(tasker_worker_next(ptr::null_mut(), 0));
    assert_eq!(
        (code, message.as_str()),
        (TaskerCode::Invalid, "`worker` is NULL")
    );
    let invented = ptr::without_provenance_mut(usize::MAX);
    assert_eq!(
        answer(tasker_worker_status(invented)).0,
        TaskerCode::Invalid
    );
    tasker_worker_free(ptr::null_mut());
    tasker_worker_free(invented);

    let (_engine, worker, _) = start();
    tasker_worker_free(worker);
    assert_eq!(
        answer(tasker_worker_set_slots(worker, 1)).0,
        TaskerCode::Stopped
    );
    tasker_worker_free(worker);
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

#[test]
fn a_template_is_checked() {
    let text = "name: square\nnamespace_name: math\nversion: 1.0.0\nsteps:\n  - name: square\n    handler:\n      \
                callable: math.Square\n";
    assert_eq!(
        ok(check(text, "square.yaml")),
        json!({"namespace": "math", "name": "square", "version": "1.0.0", "callables": ["math.Square"],
            "handlers": [{"callable": "math.Square", "method": "call"}], "steps": ["square"]})
    );
    let summary = ok(check(
        &format!("{text}task_handler: {{callable: math.SquareTask}}\n"),
        "square.yaml",
    ));
    assert_eq!(summary["task_handler"], "math.SquareTask");
    let (code, problems) = answer(check("name: square\nsteps: 7\n", "square.yaml"));
    assert_eq!(code, TaskerCode::Invalid);
    assert!(problems.contains("square.yaml:2:"), "{problems}");
}

#[test]
fn templates_are_checked_together() {
    let text = "name: square\nnamespace_name: math\nversion: 1.0.0\nsteps:\n  - name: square\n    handler:\n      \
                callable: math.Square\n";
    let other = text.replace("math.Square", "math.Cube");
    let files = json!([
        {"file": "a.yaml", "text": text},
        {"file": "b.yaml", "text": other},
        {"file": "c.yaml", "text": "name: square"},
        {"file": "d.yaml", "text": text},
    ])
    .to_string();
    // SAFETY: the text outlives the call.
    let checked = ok(unsafe { tasker_templates_check(files.as_ptr(), files.len()) });
    for index in [0, 3] {
        assert_eq!(checked[index], ok(check(text, "a.yaml")), "{index}");
    }
    let problems = |index: usize| checked[index]["problems"].as_str().expect("problems");
    assert!(
        problems(1).starts_with("b.yaml:1:1: math/square 1.0.0 is in a.yaml, too"),
        "{checked}"
    );
    assert_eq!(answer(check("name: square", "c.yaml")).1, problems(2));
    let wrong = "[{}]";
    // SAFETY: as above.
    let answered = answer(unsafe { tasker_templates_check(wrong.as_ptr(), wrong.len()) });
    assert_eq!(answered.0, TaskerCode::Invalid);
    assert!(
        answered.1.starts_with("files: [0]: missing field `file`"),
        "{answered:?}"
    );
}

fn split(request: &Value) -> TaskerResult {
    let text = request.to_string();
    // SAFETY: the text outlives the call.
    unsafe { tasker_batches_split(text.as_ptr(), text.len()) }
}

#[test]
fn work_is_split_into_cursors() {
    let cursors = |request: Value| ok(split(&request));
    assert_eq!(
        cursors(json!({"total_items": 7, "batch_size": 3, "max_workers": 2})),
        json!([{"start": 0, "end": 4}, {"start": 4, "end": 7}])
    );
    assert_eq!(
        cursors(json!({"total_items": 2, "batch_size": 1, "max_workers": null})),
        json!([{"start": 0, "end": 1}, {"start": 1, "end": 2}])
    );
    assert_eq!(
        cursors(json!({"total_items": 0, "batch_size": 1})),
        json!([])
    );
    let all = cursors(json!({"total_items": 1_000_000, "batch_size": 1}));
    assert_eq!(all.as_array().map(Vec::len), Some(100_000));
}

#[test]
fn a_split_that_is_wrong_is_refused_with_the_fields_name() {
    for (request, expected) in [
        (
            json!({"total_items": 1, "batch_size": 0}),
            "request: batch_size: invalid value: integer `0`, expected a nonzero u64",
        ),
        (
            json!({"total_items": -1, "batch_size": 1}),
            "request: total_items: invalid value: integer `-1`, expected u64",
        ),
        (
            json!({"total_items": 1}),
            "request: missing field `batch_size`",
        ),
    ] {
        let (code, message) = answer(split(&request));
        assert_eq!(code, TaskerCode::Invalid);
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn the_version_is_the_crates() {
    assert_eq!(owned(tasker_version()), env!("CARGO_PKG_VERSION"));
}

const TEST: &str = r#"{"template": "{name: n, namespace_name: ns, version: 1.0.0, steps: [{name: a, handler: {callable: c.A}}]}",
    "file": "n.yaml", "environment": "test", "seed": 0, "now": 0}"#;

fn new_test(options: &str) -> (TaskerResult, *mut TaskerTest) {
    let mut test = ptr::null_mut();
    // SAFETY: the text and the place outlive the call.
    let result = unsafe { tasker_test_new(options.as_ptr(), options.len(), &raw mut test) };
    (result, test)
}

fn call_test(test: *mut TaskerTest, command: &str) -> TaskerResult {
    // SAFETY: the text outlives the call.
    unsafe { tasker_test_call(test, command.as_ptr(), command.len()) }
}

#[test]
fn a_workbench_is_made_asked_and_freed() {
    let (result, test) = new_test(TEST);
    assert_eq!(ok(result)["steps"][0]["callable"], json!("c.A"));
    let create = r#"{"create": {"namespace": "ns", "name": "n", "context": 1}}"#;
    let answers = ok(call_test(test, create));
    assert_eq!(answers[0]["dispatch"]["step_name"], json!("a"));
    assert_eq!(answers[2]["clock"]["now"], json!(0));
    let (code, message) = answer(call_test(test, "{}"));
    assert_eq!(code, TaskerCode::Invalid);
    assert!(message.starts_with("command: "), "{message}");
    tasker_test_free(test);
    tasker_test_free(test);
    tasker_test_free(ptr::null_mut());
    let over = (TaskerCode::Stopped, "the test is over".to_owned());
    assert_eq!(answer(call_test(test, create)), over);
    let null = (TaskerCode::Invalid, "`test` is NULL".to_owned());
    assert_eq!(answer(call_test(ptr::null_mut(), create)), null);
    let invented = ptr::without_provenance_mut(usize::MAX);
    assert_eq!(answer(call_test(invented, create)).0, TaskerCode::Invalid);
}

#[test]
fn a_template_that_is_not_valid_makes_no_workbench() {
    let (result, test) = new_test(&TEST.replace("steps", "stops"));
    let (code, message) = answer(result);
    assert_eq!(code, TaskerCode::Invalid);
    assert!(
        message.contains("n.yaml") && message.contains("stops"),
        "{message}"
    );
    assert!(test.is_null());
}

#[test]
fn header_and_exports_agree() {
    let header = include_str!("../tasker.h");
    let declared: BTreeSet<_> = header
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .filter_map(|line| {
            line.split_once('(')
                .and_then(|(before, _)| before.split(' ').next_back())
        })
        .filter(|name| name.starts_with("tasker_"))
        .collect();
    let source = include_str!("lib.rs");
    let exported: BTreeSet<_> = source
        .split("#[unsafe(no_mangle)]")
        .skip(1)
        .filter_map(|item| item.split_once("fn ")?.1.split_once('('))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(declared, exported);
    assert!(exported.len() <= 25, "{} functions", exported.len());
}

#[test]
fn the_header_names_every_option() {
    let (code, message) = answer(start_with(r#"{"speed": 1}"#).0);
    assert_eq!(code, TaskerCode::Invalid);
    let (_, known) = message.split_once("expected one of ").expect("the fields");
    let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    assert!(
        known.contains(&"urls") && known.contains(&"problems"),
        "{message}"
    );
    let header = include_str!("../tasker.h");
    let described = header
        .split_once("tasker_worker_start")
        .expect("described")
        .0;
    for option in known {
        assert!(described.contains(&format!("\"{option}\":")), "{option}");
    }
}
