//! What will happen and when: a queue ordered by time, and by order of entry among equals.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;

use tasker_core::store::Wanted;
use tasker_core::{TaskId, Time};

use crate::client::ClientInput;
use crate::engine::EngineInput;
use crate::fault::Fault;
use crate::journal::{Append, Ticket};
use crate::network::{LinkId, Side};
use crate::worker::WorkerInput;

/// An engine's process; a restarted one has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EngineId(pub u32);

/// A worker's process; a restarted one has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerId(pub u32);

/// A process of either kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Process {
    /// An engine.
    Engine(EngineId),
    /// A worker.
    Worker(WorkerId),
}

/// Something that happens.
#[derive(Debug)]
pub enum Happening {
    /// The next item of a link arrives at one side.
    Arrival(LinkId, Side),
    /// An engine has something to handle.
    Engine(EngineId, EngineInput),
    /// A worker has something to handle.
    Worker(WorkerId, WorkerInput),
    /// A request reaches the journal.
    Journal(EngineId, Ticket, JournalRequest),
    /// The clients have something to do.
    Client(ClientInput),
    /// Something goes wrong.
    Fault(Fault),
    /// A frozen process goes on.
    Thaw(Process),
    /// An engine is started.
    StartEngine,
    /// An engine that has been superseded is killed for good.
    KillEngine(EngineId),
    /// A worker is started in a seat.
    StartWorker(usize),
    /// Faults are over: everything is mended and nothing breaks from now on.
    Heal,
    /// Whether all is done is looked at.
    Inspect,
}

/// What an engine asks of the journal.
#[derive(Clone, Debug)]
pub enum JournalRequest {
    /// Take the engine over.
    TakeOver,
    /// Read the open tasks.
    Read,
    /// Read the task of an outcome.
    Find(TaskId),
    /// Read texts.
    Texts {
        /// Which.
        wanted: Vec<Wanted>,
        /// Whether it fails.
        fails: bool,
    },
    /// Commit.
    Append {
        /// The engine's epoch.
        epoch: i64,
        /// The commit's number within the epoch.
        number: u64,
        /// What to add.
        append: Rc<Append>,
        /// Whether the answer gets lost.
        answer_lost: bool,
    },
    /// Raise the engine's own epoch, and tell what became of a commit.
    Rejoin {
        /// The last epoch that the engine knows to be its own.
        epoch: i64,
        /// The commit in doubt: its epoch and number.
        doubt: (i64, u64),
        /// Whether the answer gets lost.
        answer_lost: bool,
    },
}

impl JournalRequest {
    /// The same request, whose answer gets lost.
    pub fn with_answer_lost(mut self) -> JournalRequest {
        if let JournalRequest::Append { answer_lost, .. }
        | JournalRequest::Rejoin { answer_lost, .. } = &mut self
        {
            *answer_lost = true;
        }
        self
    }
}

/// The queue.
#[derive(Debug, Default)]
pub struct Schedule {
    queue: BinaryHeap<Reverse<Entry>>,
    entries: u64,
}

#[derive(Debug)]
struct Entry {
    at: Time,
    number: u64,
    happening: Happening,
}

impl Schedule {
    /// Adds something.
    pub fn add(&mut self, at: Time, happening: Happening) {
        self.entries += 1;
        self.queue.push(Reverse(Entry {
            at,
            number: self.entries,
            happening,
        }));
    }

    /// What happens next.
    pub fn take(&mut self) -> Option<(Time, Happening)> {
        let Reverse(entry) = self.queue.pop()?;
        Some((entry.at, entry.happening))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}
