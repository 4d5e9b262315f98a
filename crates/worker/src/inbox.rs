//! Messages on their way from the session to the handlers.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::session::Message;

/// What [`Worker::next`](crate::Worker::next) gives.
#[derive(Debug)]
pub enum Next {
    /// All that is to be done now; empty when the time was over first.
    Messages(Vec<Message>),
    /// The worker has left: there is nothing more to come.
    Stopped,
}

/// The driver puts messages in, a frame's worth at a time; any thread takes all there are.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    messages: Vec<Message>,
    closed: bool,
}

impl Inbox {
    /// Adds messages and wakes one waiting thread, which takes them all.
    pub(crate) fn put(&self, messages: &mut Vec<Message>) {
        if messages.is_empty() {
            return;
        }
        self.lock().messages.append(messages);
        self.changed.notify_one();
    }

    /// Wakes everybody for good. What was not taken is dropped: its session is over.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.messages.clear();
        drop(state);
        self.changed.notify_all();
    }

    pub(crate) fn take(&self, timeout: Duration) -> Next {
        let nothing_yet = |state: &mut State| state.messages.is_empty() && !state.closed;
        let (mut state, _) = self
            .changed
            .wait_timeout_while(self.lock(), timeout, nothing_yet)
            .unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            Next::Stopped
        } else {
            Next::Messages(std::mem::take(&mut state.messages))
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing between taking and releasing the lock can panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
