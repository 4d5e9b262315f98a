//! Workers by number. A handle is never looked into, so one that is stale or invented is an answer and not a crash.

use std::collections::HashMap;
use std::ops::Deref;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};

use tasker_worker::Worker;

use crate::call::Fault;

/// Stands for a worker outside; a number in the form of a pointer, never followed.
#[repr(C)]
#[derive(Debug)]
pub struct TaskerWorker {
    _opaque: [u8; 0],
}

#[derive(Default)]
struct Handles {
    /// The last handle that was given; 0 before the first.
    last: usize,
    /// Workers that are being made.
    making: usize,
    workers: HashMap<usize, Entry>,
}

struct Entry {
    worker: Arc<Worker>,
    calls: Arc<Calls>,
}

/// Calls that use a worker at this moment.
#[derive(Default)]
struct Calls {
    count: Mutex<u32>,
    fewer: Condvar,
}

/// A worker for the time of one call. The fields are dropped in this order, so that whoever waits for the calls to
/// end has the worker for itself then.
pub(crate) struct Held {
    worker: Arc<Worker>,
    _call: Call,
}

struct Call(Arc<Calls>);

static HANDLES: LazyLock<Mutex<Handles>> = LazyLock::new(Mutex::default);

/// The process that has workers, or had; 0 before the first.
static PROCESS: AtomicU32 = AtomicU32::new(0);

/// Refuses the call in a process that was forked from one with workers. It has the memory of its parent and none of
/// its threads: what it waits for, be it a lock, never comes.
pub(crate) fn refuse_in_a_fork() -> Result<(), Fault> {
    let (owner, process) = (PROCESS.load(Ordering::Relaxed), std::process::id());
    if owner == 0 || owner == process {
        Ok(())
    } else {
        Err(forked(owner, process))
    }
}

/// Makes this the process that has workers, for as long as one is made and for good once there was one. Taken before a
/// worker opens its first socket.
pub(crate) struct Making(());

impl Making {
    pub(crate) fn begin() -> Self {
        let mut handles = lock(&HANDLES);
        handles.making += 1;
        PROCESS.store(std::process::id(), Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        let mut handles = lock(&HANDLES);
        handles.making -= 1;
        if handles.making == 0 && handles.last == 0 {
            PROCESS.store(0, Ordering::Relaxed);
        }
    }
}

fn forked(owner: u32, process: u32) -> Fault {
    Fault::failed(format!(
        "process {process} was forked from process {owner}, which has a Tasker worker, and a fork copies no threads. \
         Fork before the worker is started, or start a new process instead (in Python: \
         multiprocessing.set_start_method(\"spawn\"))"
    ))
}

/// Gives a worker a handle that no other ever had.
pub(crate) fn insert(worker: Worker) -> *mut TaskerWorker {
    let entry = Entry {
        worker: Arc::new(worker),
        calls: Arc::default(),
    };
    let mut handles = lock(&HANDLES);
    handles.last += 1;
    let handle = handles.last;
    handles.workers.insert(handle, entry);
    ptr::without_provenance_mut(handle)
}

/// The worker of a handle.
pub(crate) fn get(handle: *mut TaskerWorker) -> Result<Held, Fault> {
    refuse_in_a_fork()?;
    let handles = lock(&HANDLES);
    match handles.workers.get(&handle.addr()) {
        Some(entry) => {
            *lock(&entry.calls.count) += 1;
            Ok(Held {
                worker: Arc::clone(&entry.worker),
                _call: Call(Arc::clone(&entry.calls)),
            })
        }
        None if handle.is_null() => Err(Fault::invalid("`worker` is NULL")),
        None if handle.addr() <= handles.last => Err(Fault::stopped()),
        None => Err(Fault::invalid("`worker` is no handle of a worker")),
    }
}

/// Forgets a handle, stops its worker, waits until no call uses it and frees it.
pub(crate) fn remove(handle: *mut TaskerWorker) -> Result<(), Fault> {
    refuse_in_a_fork()?;
    let Some(Entry { worker, calls }) = lock(&HANDLES).workers.remove(&handle.addr()) else {
        return Ok(());
    };
    worker.stop();
    let waited = calls
        .fewer
        .wait_while(lock(&calls.count), |count| *count > 0);
    drop(waited.unwrap_or_else(PoisonError::into_inner));
    drop(worker);
    Ok(())
}

impl Deref for Held {
    type Target = Worker;

    fn deref(&self) -> &Worker {
        &self.worker
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        *lock(&self.0.count) -= 1;
        self.0.fewer.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing here panics with the lock held and its content half-changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::process::Command;

    use serde_json::{Value, json};

    use super::*;
    use crate::call::TaskerCode;
    use crate::{tasker_bytes_free, tasker_worker_free, tasker_worker_open};

    #[test]
    fn a_forked_process_is_told_what_to_do() {
        assert!(refuse_in_a_fork().is_ok());
        assert_eq!(
            forked(7, 8).message,
            "process 8 was forked from process 7, which has a Tasker worker, and a fork copies no threads. Fork \
             before the worker is started, or start a new process instead (in Python: \
             multiprocessing.set_start_method(\"spawn\"))"
        );
    }

    fn open(url: &str, bind: &str) -> (TaskerCode, *mut TaskerWorker) {
        let options: Value = json!({
            "urls": [url], "bind": bind, "worker_id": "worker-1", "language": "python", "version": "0.1.0", "slots": 4
        });
        let options = options.to_string();
        let mut worker = ptr::null_mut();
        // SAFETY: the text and the place outlive the call.
        let opened =
            unsafe { tasker_worker_open(options.as_ptr(), options.len(), &raw mut worker) };
        // SAFETY: the call has made the bytes, and they are given back once.
        unsafe { tasker_bytes_free(opened.bytes) };
        (opened.code, worker)
    }

    #[test]
    fn a_process_whose_worker_could_not_be_opened_is_none_with_workers() {
        // By itself, because other tests have workers.
        const ALONE: &str = "TASKER_TEST_ALONE";
        if std::env::var_os(ALONE).is_none() {
            let name =
                "handles::tests::a_process_whose_worker_could_not_be_opened_is_none_with_workers";
            let program = std::env::current_exe().expect("this program");
            let mut alone = Command::new(program);
            let alone = alone.args(["--exact", name]).env(ALONE, "yes").output();
            let output = alone.expect("it runs");
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(
                output.status.success() && said.contains("1 passed"),
                "{said}"
            );
            return;
        }
        let process = || PROCESS.load(Ordering::Relaxed);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let taken = listener.local_addr().expect("an address").to_string();
        let (good, free) = ("http://127.0.0.1:1", "127.0.0.1:0");
        assert_eq!(open("https://engine", free).0, TaskerCode::Invalid);
        assert_eq!(process(), 0);
        assert_eq!(open(good, &taken).0, TaskerCode::Failed);
        assert_eq!(process(), 0);

        let (code, worker) = open(good, free);
        assert_eq!((code, process()), (TaskerCode::Ok, std::process::id()));
        assert_eq!(open(good, &taken).0, TaskerCode::Failed);
        assert_eq!(process(), std::process::id());
        tasker_worker_free(worker);
    }
}
