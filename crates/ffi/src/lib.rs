//! The C ABI of Tasker's worker: `tasker.h` says what each function does. All `unsafe` of the project is here.
//!
//! Layout:
//! - this file: the exports, a few lines each. Bytes are read, a call is made, its value is handed out.
//! - `bytes`: what passes the border, with the `unsafe` that it takes.
//! - `benches`: workbenches for tests by number.
//! - `files`: templates that are checked together, and compared.
//! - `handles`: workers by number, so that a stale handle is an answer and not a crash; a forked process is told so.
//! - `call`: what every call has in common: it answers with a code, and a panic becomes a value.
//! - `batches`: how a batchable step's work is split.
//! - `logging`: the log's form and level.

// A C caller hands in pointers and takes exported symbols; both need `unsafe`. Each use says why it is sound.
#![allow(unsafe_code)]

mod batches;
mod benches;
mod bytes;
mod call;
mod files;
mod handles;
mod logging;
#[cfg(test)]
mod tests;

use std::os::fd::{FromRawFd, OwnedFd};
use std::time::Duration;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use tasker_testing::Bench;
use tasker_worker::{Next, Options, Worker, metrics::Timings, private, templates};

pub use benches::TaskerTest;
pub use bytes::{TaskerBytes, TaskerResult};
pub use call::TaskerCode;
pub use handles::TaskerWorker;

use batches::Split;
use bytes::text;
use call::{Fault, call};
use files::{Deployment, File};

/// Starts a worker.
///
/// # Safety
/// `options` points to `size` bytes, and `worker` to a place for a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_worker_start(
    options: *const u8,
    size: usize,
    worker: *mut *mut TaskerWorker,
) -> TaskerResult {
    // SAFETY: the caller's contract, as above.
    call(|| unsafe { make_worker(options, size, worker, Worker::start) })
}

/// Opens the health port of a worker.
///
/// # Safety
/// `options` points to `size` bytes, and `worker` to a place for a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_worker_open(
    options: *const u8,
    size: usize,
    worker: *mut *mut TaskerWorker,
) -> TaskerResult {
    // SAFETY: the caller's contract, as above.
    call(|| unsafe { make_worker(options, size, worker, Worker::open) })
}

/// Makes a worker of its options, and gives it a handle.
///
/// # Safety
/// `options` points to `size` bytes, and `worker` to a place for a handle.
unsafe fn make_worker(
    options: *const u8,
    size: usize,
    worker: *mut *mut TaskerWorker,
    make: impl FnOnce(Options) -> Result<Worker, tasker_worker::Error>,
) -> Result<String, Fault> {
    // SAFETY: the caller's contract, as above.
    let place = unsafe { worker.as_mut() };
    let place = place.ok_or_else(|| Fault::invalid("`worker` is NULL"))?;
    *place = std::ptr::null_mut();
    handles::refuse_in_a_fork()?;
    // SAFETY: the caller's contract, as above.
    let options: Options = parse("options", unsafe { text("options", options, size) }?)?;
    logging::install();
    let _making = handles::Making::begin();
    let made = make(options)?;
    let value = json!({
        "address": made.address().to_string(),
        "templates": made.templates(),
    });
    *place = handles::insert(made);
    Ok(value.to_string())
}

/// Says what is imported.
///
/// # Safety
/// `module` points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_worker_importing(
    worker: *mut TaskerWorker,
    module: *const u8,
    size: usize,
) -> TaskerResult {
    call(|| {
        let held = handles::get(worker)?;
        // SAFETY: the caller's contract, as above.
        held.importing(unsafe { text("module", module, size) }?.to_owned());
        Ok(String::new())
    })
}

/// Lets an open worker begin.
///
/// # Safety
/// `imported` points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_worker_begin(
    worker: *mut TaskerWorker,
    imported: *const u8,
    size: usize,
) -> TaskerResult {
    call(|| {
        let held = handles::get(worker)?;
        // SAFETY: the caller's contract, as above.
        let imported = parse("imported", unsafe { text("imported", imported, size) }?)?;
        held.begin(imported)?;
        Ok(String::new())
    })
}

/// Waits for messages.
#[unsafe(no_mangle)]
pub extern "C" fn tasker_worker_next(worker: *mut TaskerWorker, timeout_ms: u32) -> TaskerResult {
    call(|| {
        let held = handles::get(worker)?;
        match held.next(Duration::from_millis(timeout_ms.into())) {
            Next::Messages(messages) => to_json(&messages),
            Next::Stopped => Err(Fault::stopped()),
        }
    })
}

/// Hands over outcomes.
///
/// # Safety
/// `outcomes` points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_worker_complete(
    worker: *mut TaskerWorker,
    outcomes: *const u8,
    size: usize,
) -> TaskerResult {
    call(|| {
        let held = handles::get(worker)?;
        // SAFETY: the caller's contract, as above.
        let outcomes = unsafe { text("outcomes", outcomes, size) }?;
        let timed: Vec<Timed> = parse("outcomes", outcomes)?;
        let timings: Vec<_> = timed.into_iter().map(|timed| timed.timings).collect();
        held.complete_timed(parse("outcomes", outcomes)?, &timings)?;
        Ok(String::new())
    })
}

/// What an outcome message has here besides the outcome. It is read apart: what is flattened into one structure cannot
/// hold raw JSON.
#[derive(Deserialize)]
struct Timed {
    #[serde(default)]
    timings: Option<Timings>,
}

/// Fetches results.
///
/// # Safety
/// `request` points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_worker_fetch(
    worker: *mut TaskerWorker,
    request: *const u8,
    size: usize,
    timeout_ms: u32,
) -> TaskerResult {
    call(|| {
        let held = handles::get(worker)?;
        // SAFETY: the caller's contract, as above.
        let request = parse("request", unsafe { text("request", request, size) }?)?;
        to_json(&*held.fetch(request, Duration::from_millis(timeout_ms.into()))?)
    })
}

/// Takes a measurement.
///
/// # Safety
/// `observation` points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_worker_observe(
    worker: *mut TaskerWorker,
    observation: *const u8,
    size: usize,
) -> TaskerResult {
    call(|| {
        let held = handles::get(worker)?;
        // SAFETY: the caller's contract, as above.
        let observation = unsafe { text("observation", observation, size) }?;
        held.observe(&parse("observation", observation)?);
        Ok(String::new())
    })
}

/// Changes the slots.
#[unsafe(no_mangle)]
pub extern "C" fn tasker_worker_set_slots(worker: *mut TaskerWorker, slots: u32) -> TaskerResult {
    call(|| {
        handles::get(worker)?.set_slots(slots);
        Ok(String::new())
    })
}

/// Adds a reason why the worker is not ready.
///
/// # Safety
/// `problem` points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_worker_add_problem(
    worker: *mut TaskerWorker,
    problem: *const u8,
    size: usize,
) -> TaskerResult {
    call(|| {
        let held = handles::get(worker)?;
        // SAFETY: the caller's contract, as above.
        let problem = unsafe { text("problem", problem, size) }?;
        held.add_problem(problem.to_owned());
        Ok(String::new())
    })
}

/// Starts to drain.
#[unsafe(no_mangle)]
pub extern "C" fn tasker_worker_drain(worker: *mut TaskerWorker, timeout_ms: u32) -> TaskerResult {
    call(|| {
        handles::get(worker)?.drain(Duration::from_millis(timeout_ms.into()));
        Ok(String::new())
    })
}

/// Tells where the worker stands.
#[unsafe(no_mangle)]
pub extern "C" fn tasker_worker_status(worker: *mut TaskerWorker) -> TaskerResult {
    call(|| to_json(&handles::get(worker)?.status()))
}

/// Stops the worker and forgets its handle.
#[unsafe(no_mangle)]
pub extern "C" fn tasker_worker_free(worker: *mut TaskerWorker) {
    // There is nobody to tell of what goes wrong, and the caller's handle is gone in any case.
    let outcome = call(|| handles::remove(worker).map(|()| String::new()));
    // SAFETY: the bytes were made by `call` just now and nobody else has them.
    unsafe { outcome.bytes.free() };
}

/// Closes, in a forked process, its copies of the workers' sockets.
#[unsafe(no_mangle)]
pub extern "C" fn tasker_forked() {
    if handles::refuse_in_a_fork().is_err() {
        for descriptor in private::take_descriptors() {
            // SAFETY: the socket is open as long as its number is there to be taken, and whatever would use it here is
            // a copy that no thread runs.
            drop(unsafe { OwnedFd::from_raw_fd(descriptor) });
        }
    }
}

/// Checks a template.
///
/// # Safety
/// `text` points to `size` bytes and `file` to `file_size`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_template_check(
    text: *const u8,
    size: usize,
    file: *const u8,
    file_size: usize,
) -> TaskerResult {
    call(|| {
        // SAFETY: the caller's contract, as above.
        let text = unsafe { bytes::text("text", text, size) }?;
        // SAFETY: the caller's contract, as above.
        let file = unsafe { bytes::text("file", file, file_size) }?;
        to_json(&templates::check(text, file).map_err(Fault::invalid)?)
    })
}

/// Checks templates that are brought together.
///
/// # Safety
/// `files` points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_templates_check(files: *const u8, size: usize) -> TaskerResult {
    call(|| {
        // SAFETY: the caller's contract, as above.
        let files: Vec<File> = parse("files", unsafe { text("files", files, size) }?)?;
        to_json(&files::check(&files))
    })
}

/// Compares templates with those that take their place.
///
/// # Safety
/// `templates` points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_templates_compare(
    templates: *const u8,
    size: usize,
) -> TaskerResult {
    call(|| {
        // SAFETY: the caller's contract, as above.
        let templates = unsafe { text("templates", templates, size) }?;
        let deployment: Deployment = parse("templates", templates)?;
        to_json(&deployment.compare().map_err(Fault::invalid)?)
    })
}

/// Makes a workbench for tests of workflows.
///
/// # Safety
/// `options` points to `size` bytes, and `test` to a place for a handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_test_new(
    options: *const u8,
    size: usize,
    test: *mut *mut TaskerTest,
) -> TaskerResult {
    call(|| {
        // SAFETY: the caller's contract, as above.
        let place = unsafe { test.as_mut() };
        let place = place.ok_or_else(|| Fault::invalid("`test` is NULL"))?;
        *place = std::ptr::null_mut();
        // SAFETY: the caller's contract, as above.
        let options = unsafe { text("options", options, size) }?;
        let bench = Bench::new(options).map_err(Fault::invalid)?;
        let template = bench.template();
        *place = benches::insert(bench);
        Ok(template)
    })
}

/// Lets a workbench carry out a command.
///
/// # Safety
/// `command` points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_test_call(
    test: *mut TaskerTest,
    command: *const u8,
    size: usize,
) -> TaskerResult {
    call(|| {
        // SAFETY: the caller's contract, as above.
        benches::call(test, unsafe { text("command", command, size) }?)
    })
}

/// Frees a workbench.
#[unsafe(no_mangle)]
pub extern "C" fn tasker_test_free(test: *mut TaskerTest) {
    let outcome = call(|| {
        benches::remove(test);
        Ok(String::new())
    });
    // SAFETY: the bytes were made by `call` just now and nobody else has them.
    unsafe { outcome.bytes.free() };
}

/// Splits a batchable step's work.
///
/// # Safety
/// `request` points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_batches_split(request: *const u8, size: usize) -> TaskerResult {
    call(|| {
        // SAFETY: the caller's contract, as above.
        let request: Split = parse("request", unsafe { text("request", request, size) }?)?;
        to_json(&request.cursors())
    })
}

/// The version of this library.
#[unsafe(no_mangle)]
pub extern "C" fn tasker_version() -> TaskerBytes {
    TaskerBytes::new(env!("CARGO_PKG_VERSION").to_owned())
}

/// Gives back bytes that a call passed out.
///
/// # Safety
/// `bytes` came from a call and was not given back before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tasker_bytes_free(bytes: TaskerBytes) {
    // SAFETY: the caller's contract, as above.
    unsafe { bytes.free() };
}

fn to_json(value: &impl serde::Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(Fault::failed)
}

/// Reads JSON; the message of what is wrong names `what` and the field.
fn parse<T: DeserializeOwned>(what: &str, json: &str) -> Result<T, Fault> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        // What is no JSON at all has a line and a column, and a field only by chance.
        if error.is_data() && path != "." {
            Fault::invalid(format!("{what}: {path}: {error}"))
        } else {
            Fault::invalid(format!("{what}: {error}"))
        }
    })?;
    reader
        .end()
        .map_err(|error| Fault::invalid(format!("{what}: {error}")))?;
    Ok(value)
}
