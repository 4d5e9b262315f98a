//! Workbenches for tests by number, as workers are: a stale handle is an answer and not a crash.

use std::collections::HashMap;
use std::ptr;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use tasker_testing::Bench;

use crate::call::Fault;

/// Stands for a bench outside; a number in the form of a pointer, never followed.
#[repr(C)]
#[derive(Debug)]
pub struct TaskerTest {
    _opaque: [u8; 0],
}

#[derive(Default)]
struct Benches {
    last: usize,
    /// None: a call has panicked, and what it left behind is not to be trusted.
    open: HashMap<usize, Arc<Mutex<Option<Bench>>>>,
}

static BENCHES: LazyLock<Mutex<Benches>> = LazyLock::new(Mutex::default);

/// Gives a bench a handle that no other ever had.
pub(crate) fn insert(bench: Bench) -> *mut TaskerTest {
    let mut benches = lock(&BENCHES);
    benches.last += 1;
    let handle = benches.last;
    benches
        .open
        .insert(handle, Arc::new(Mutex::new(Some(bench))));
    ptr::without_provenance_mut(handle)
}

/// Lets the bench of a handle carry out a command. One at a time: another thread's call waits.
pub(crate) fn call(handle: *mut TaskerTest, command: &str) -> Result<String, Fault> {
    let found = {
        let benches = lock(&BENCHES);
        match benches.open.get(&handle.addr()) {
            Some(bench) => Arc::clone(bench),
            None if handle.is_null() => return Err(Fault::invalid("`test` is NULL")),
            None if handle.addr() <= benches.last => return Err(gone()),
            None => return Err(Fault::invalid("`test` is no handle of a test")),
        }
    };
    let mut place = lock(&found);
    let mut bench = place.take().ok_or_else(gone)?;
    let answer = bench.call(command).map_err(Fault::invalid);
    *place = Some(bench);
    answer
}

/// Forgets a handle and frees its bench, after the call that uses it.
pub(crate) fn remove(handle: *mut TaskerTest) {
    let removed = lock(&BENCHES).open.remove(&handle.addr());
    drop(removed);
}

fn gone() -> Fault {
    Fault::over("the test is over")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic leaves the map whole and the place of its bench empty.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
