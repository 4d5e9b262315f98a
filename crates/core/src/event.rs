//! What can happen, and the changes that follow from it.

use std::sync::Arc;

use tasker_protocol::frame::{AttemptRef, Welcome};

use crate::worker::{Offer, SessionId};
use crate::{Graph, Instance, Record, StepIndex, TaskId, Time};

/// Something that happened, as it is handed to [`decide`](crate::decide()).
#[derive(Clone, Debug)]
pub enum Event {
    /// A client asks for a task.
    Create {
        /// The new task's identifier.
        task: TaskId,
        /// What it runs.
        graph: Arc<Graph>,
        /// From -100 to 100; higher first.
        priority: i16,
    },
    /// A worker's session was opened; its templates are registered.
    Opened {
        /// The session.
        session: SessionId,
        /// Who the worker is and what it can run.
        offer: Arc<Offer>,
        /// What to welcome it with.
        welcome: Welcome,
    },
    /// A worker says how many attempts it will hold now.
    Slots {
        /// Its session.
        session: SessionId,
        /// An absolute number.
        slots: u32,
    },
    /// A worker's session is over.
    Closed {
        /// The session.
        session: SessionId,
        /// Whether the worker may still come back and name what it runs.
        grace: bool,
    },
    /// A worker stops.
    Left {
        /// Its session.
        session: SessionId,
        /// Attempts that it gives up while they run; any other of its attempts was never given to a handler.
        running: Vec<AttemptRef>,
    },
    /// A worker says what an attempt produced.
    Outcome {
        /// Its session.
        session: SessionId,
        /// The attempt.
        attempt: AttemptRef,
        /// What the core needs to know of it.
        verdict: Verdict,
    },
    /// A worker hands back an attempt that it never gave to a handler.
    Returned {
        /// Its session.
        session: SessionId,
        /// The attempt.
        attempt: AttemptRef,
    },
    /// The engine has rebuilt its state and accepts sessions from now on.
    Recovered,
    /// Time has passed: what is due happens.
    Tick,
    /// Ready steps go to free slots.
    Dispatch,
}

/// What the core needs to know of an outcome; the texts stay outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The handler succeeded.
    Success,
    /// The handler failed.
    Failure {
        /// Whether another attempt may succeed.
        retryable: bool,
        /// Wait this long before the next attempt, in milliseconds, instead of the template's back-off.
        retry_after_ms: Option<u64>,
    },
}

/// What changes. [`State::evolve`](crate::State::evolve) carries it out; effects follow from it after the commit.
#[derive(Clone, Debug)]
pub enum Change {
    /// A task exists. Durable.
    Created {
        /// The task's identifier.
        task: TaskId,
        /// What it runs.
        graph: Arc<Graph>,
        /// From -100 to 100; higher first.
        priority: i16,
        /// When.
        at: Time,
    },
    /// Something happened to a task. Durable.
    Recorded {
        /// The task.
        task: TaskId,
        /// What happened.
        record: Record,
    },
    /// A step's back-off is over. Follows from the time, so it is not kept.
    Due {
        /// The task.
        task: TaskId,
        /// The step.
        step: StepIndex,
    },
    /// A worker's session is open.
    Opened {
        /// The session.
        session: SessionId,
        /// Who the worker is and what it can run.
        offer: Arc<Offer>,
        /// What to welcome it with.
        welcome: Welcome,
        /// Attempts that the worker holds and that are not open: to be cancelled.
        stale: Vec<AttemptRef>,
    },
    /// A worker offers another number of slots.
    Slots {
        /// Its session.
        session: SessionId,
        /// An absolute number.
        slots: u32,
    },
    /// A worker's session is over; its attempts are kept until `until`.
    Closed {
        /// The session.
        session: SessionId,
        /// When the attempts are given up.
        until: Time,
    },
    /// A worker that the engine knows only from its records is waited for.
    Awaited {
        /// The worker.
        instance: Instance,
        /// When its attempts are given up.
        until: Time,
    },
    /// A worker is gone for good.
    Gone {
        /// The worker.
        instance: Instance,
    },
    /// An outcome is durable or changes nothing: the worker may forget it. No change of state.
    Accepted {
        /// The worker's session.
        session: SessionId,
        /// The attempt.
        attempt: AttemptRef,
    },
    /// An ended task leaves memory, once its end is committed.
    Evicted {
        /// The task.
        task: TaskId,
    },
}
