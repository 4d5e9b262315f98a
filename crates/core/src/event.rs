//! What can happen, and the changes that follow from it.

use std::sync::Arc;
use std::time::Duration;

use tasker_protocol::frame::{AttemptRef, Welcome};

use crate::caution::Caution;
use crate::operator::Action;
use crate::outcome::Success;
use crate::state::Idle;
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
    /// A task that is not in memory was read again, because something concerns it.
    Restored(Arc<Restored>),
    /// A client asks to cancel a task. Nothing follows when [`operator::cancel`](crate::operator::cancel) refuses it.
    Cancel {
        /// Which.
        task: TaskId,
    },
    /// An operator acts on a step. Nothing follows when [`operator::act`](crate::operator::act) refuses it.
    Act {
        /// Which task's.
        task: TaskId,
        /// Which step.
        step: StepIndex,
        /// What is to happen.
        action: Action,
    },
    /// A worker's session was opened; its templates are registered. Nothing follows when a later session of the process
    /// has overtaken it.
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
    /// A worker says what the handler of an attempt logged; its outcome follows. The lines are the event's text.
    Logged {
        /// Its session.
        session: SessionId,
        /// The attempt.
        attempt: AttemptRef,
    },
    /// A worker hands back an attempt that it never gave to a handler.
    Returned {
        /// Its session.
        session: SessionId,
        /// The attempt.
        attempt: AttemptRef,
    },
    /// The engine could not give an attempt to its worker, and never will.
    Ungiven {
        /// The worker's session.
        session: SessionId,
        /// The attempt.
        attempt: AttemptRef,
    },
    /// An attempt whose start is durable cannot be given to its worker yet: what it needs is being read.
    Delayed {
        /// The task.
        task: TaskId,
        /// The step.
        step: StepIndex,
        /// Counted from 1.
        attempt: u32,
    },
    /// An attempt that could not be given to its worker before is given to it now.
    Given {
        /// The task.
        task: TaskId,
        /// The step.
        step: StepIndex,
        /// Counted from 1.
        attempt: u32,
    },
    /// An outcome arrived for a task that is nowhere.
    Unknown {
        /// The worker's session.
        session: SessionId,
        /// The attempt.
        attempt: AttemptRef,
    },
    /// The engine itself did nothing for so long, beyond what is usual: it was frozen. Comes before [`Event::Tick`].
    Frozen {
        /// The time from one sign of its life to the next.
        gap: Duration,
    },
    /// The engine may not be the one that has the tasks any more: its workers go where one is that has them. Nobody is
    /// given up for it; [`Event::Recovered`] follows if it still has them.
    CutOff,
    /// The engine accepts sessions from now on: it has rebuilt its state, or is not cut off any more.
    Recovered,
    /// Time has passed: what is due happens.
    Tick,
    /// Ready steps go to free slots.
    Dispatch,
}

/// A task as the journal holds it.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The task's identifier.
    pub task: TaskId,
    /// What it runs.
    pub graph: Arc<Graph>,
    /// From -100 to 100; higher first.
    pub priority: i16,
    /// When it was created.
    pub at: Time,
    /// All its records, in order.
    pub records: Vec<Record>,
}

/// What the core needs to know of an outcome; the texts stay outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The handler succeeded.
    Success(Success),
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
    /// A task is in memory again.
    Restored(Arc<Restored>),
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
    /// A worker's session is over, and it cannot have another at present: its attempts are kept.
    Detached {
        /// The worker.
        instance: Instance,
    },
    /// A worker has handed attempts back, or is trusted again.
    Cautioned {
        /// The worker.
        instance: Instance,
        /// How far it is trusted from now on; none: as any.
        caution: Option<Caution>,
    },
    /// A worker that the engine knows only from its records, or from before it was cut off, is waited for.
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
    /// The engine ended an attempt itself: its worker is to stop it, and a slot is taken until the worker says more.
    Revoked {
        /// The worker.
        instance: Instance,
        /// The attempt.
        attempt: AttemptRef,
    },
    /// The time-out of a step's open attempt counts from another time. Follows from the shell, so it is not kept.
    Timed {
        /// The task.
        task: TaskId,
        /// The step.
        step: StepIndex,
        /// From when; none while its worker cannot be given it.
        from: Option<Time>,
    },
    /// The engine was frozen: what it holds against workers comes later by so much.
    Frozen {
        /// By how much.
        gap: Duration,
    },
    /// What a worker says concerns a task that is not in memory: the shell reads it and repeats the event after
    /// [`Event::Restored`]; if there is none, it says [`Event::Unknown`] of an outcome.
    Missing {
        /// The worker's session.
        session: SessionId,
        /// The attempt.
        attempt: AttemptRef,
    },
    /// An outcome is durable or changes nothing: the worker may forget it.
    Accepted {
        /// The worker's session.
        session: SessionId,
        /// The attempt.
        attempt: AttemptRef,
    },
    /// Slots were given out: a step that could have gone on, and found none, waits like others.
    GivenOut,
    /// A task that has been quiet for a while was looked at.
    Looked {
        /// The task.
        task: TaskId,
        /// Whether it is to leave memory, once all of it is committed.
        rests: bool,
    },
    /// A task that has nothing to do leaves memory but for this.
    Rested {
        /// The task.
        task: TaskId,
        /// What remains.
        idle: Idle,
    },
    /// A task that is not in memory has something to do: the shell reads it, and says [`Event::Restored`].
    Called {
        /// The task.
        task: TaskId,
    },
    /// An ended task leaves memory, once its end is committed.
    Evicted {
        /// The task.
        task: TaskId,
    },
}
