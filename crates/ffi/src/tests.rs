//! The exports as a C program calls them.

mod batches;
mod templates;
mod workbench;
mod worker;

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
fn the_version_is_the_crates() {
    assert_eq!(owned(tasker_version()), env!("CARGO_PKG_VERSION"));
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
