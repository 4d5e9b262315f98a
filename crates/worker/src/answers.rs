//! Answers to fetches on their way to the handlers' threads that wait for them.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tasker_protocol::frame::{Fetch, Fetched};

/// Who waits for which answer. Dropping a sender tells its receiver that the worker has left.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    waiting: HashMap<Fetch, Vec<Sender<Arc<Fetched>>>>,
    closed: bool,
}

impl Answers {
    /// Where the answer to a fetch will come.
    pub(crate) fn await_one(&self, fetch: &Fetch) -> Receiver<Arc<Fetched>> {
        let (sender, receiver) = channel();
        let mut state = self.lock();
        if !state.closed {
            state.waiting.entry(fetch.clone()).or_default().push(sender);
        }
        receiver
    }

    /// Gives an answer to all who wait for it.
    pub(crate) fn put(&self, fetched: Fetched) {
        let waiting = self.lock().waiting.remove(&fetched.fetch());
        let fetched = Arc::new(fetched);
        for sender in waiting.unwrap_or_default() {
            // Who waited may have given up.
            let _ = sender.send(Arc::clone(&fetched));
        }
    }

    /// Wakes everybody for good.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.waiting.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing between taking and releasing the lock can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
