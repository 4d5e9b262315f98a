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
    last: usize,
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

/// The process that has workers; 0 before the first.
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

/// Makes this the process that has workers, before the first opens a socket.
pub(crate) fn own() {
    PROCESS.store(std::process::id(), Ordering::Relaxed);
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
    use super::*;

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
}
