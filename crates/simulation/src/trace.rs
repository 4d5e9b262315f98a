//! What happened: a hash of all of it, and the last of it to show.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use tasker_core::{Record, TaskId, Time, record};
use tasker_protocol::frame::AttemptRef;

use crate::clock::START;
use crate::journal::Appended;
use crate::network::{LinkId, Side};
use crate::schedule::{EngineId, Process, WorkerId};

/// Events that are kept to be shown.
const KEPT: usize = 60;

/// Something worth knowing.
#[derive(Clone, Debug)]
pub enum Note {
    /// A process began.
    Started(Process),
    /// A process ended.
    Ended(Process, &'static str),
    /// A process was frozen.
    Frozen(Process),
    /// A process went on.
    Thawed(Process),
    /// A link was made.
    Linked(LinkId, WorkerId, EngineId),
    /// A frame arrived.
    Frame(LinkId, Side, String),
    /// A link's end was noticed.
    Closed(LinkId, Side),
    /// A fault of the network, the journal or a clock.
    Fault(&'static str, u64),
    /// An engine owns the tasks.
    TookOver(EngineId, i64),
    /// An engine goes on from the journal.
    Recovered(EngineId, usize),
    /// A commit reached the journal.
    Appended(EngineId, Appended, usize),
    /// An engine wants texts that have left its memory.
    Wanted(EngineId, usize),
    /// A task that has nothing to do has left an engine's memory.
    Rested(TaskId),
    /// A commit added this.
    Recorded(TaskId, Record),
    /// A task was created.
    Created(TaskId),
    /// A handler began.
    Began(WorkerId, AttemptRef),
    /// A handler ended.
    Finished(WorkerId, AttemptRef),
    /// A worker forgot an outcome.
    Accepted(WorkerId, AttemptRef),
    /// A client heard of a task.
    Answered(TaskId, &'static str),
    /// Faults are over.
    Healed,
}

impl Note {
    /// What kind of thing happened.
    fn kind(&self) -> &'static str {
        match self {
            Note::Started(Process::Engine(_)) => "engine started",
            Note::Started(Process::Worker(_)) => "worker started",
            Note::Ended(_, why) => why,
            Note::Frozen(Process::Engine(_)) => "engine frozen",
            Note::Frozen(Process::Worker(_)) => "worker frozen",
            Note::Thawed(_) => "thawed",
            Note::Linked(..) => "linked",
            Note::Frame(..) => "frame",
            Note::Closed(..) => "closed",
            Note::Fault(what, _) => what,
            Note::TookOver(..) => "took over",
            Note::Recovered(..) => "recovered",
            Note::Appended(_, Appended::Durable, _) => "appended",
            Note::Appended(_, Appended::Fenced, _) => "append fenced",
            Note::Wanted(..) => "texts wanted",
            Note::Rested(_) => "rested",
            Note::Recorded(_, record) => kind(record),
            Note::Created(_) => "created",
            Note::Began(..) => "handler began",
            Note::Finished(..) => "handler finished",
            Note::Accepted(..) => "accepted",
            Note::Answered(..) => "answered",
            Note::Healed => "healed",
        }
    }
}

fn kind(record: &Record) -> &'static str {
    match record {
        Record::Started { .. } => "Started",
        Record::Succeeded { .. } => "Succeeded",
        Record::Failed { .. } => "Failed",
        Record::Lost { .. } => "Lost",
        Record::Undelivered { .. } => "Undelivered",
        Record::Decided { .. } => "Decided",
        Record::Batched { .. } => "Batched",
        Record::Rejected { .. } => "Rejected",
        Record::TimedOut { .. } => "TimedOut",
        Record::Late { .. } => "Late",
        Record::Retried { .. } => "Retried",
        Record::Resolved { .. } => "Resolved",
        Record::Completed { .. } => "Completed",
        Record::Cancelled { .. } => "Cancelled",
        Record::Expired { .. } => "Expired",
        Record::Logged { .. } => "Logged",
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Frame(link, side, text) => {
                let excerpt: String = text.chars().take(300).collect();
                write!(f, "link {} to {side:?}: {excerpt}", link.0)
            }
            Note::Began(worker, attempt) | Note::Finished(worker, attempt) => {
                let verb = if matches!(self, Note::Began(..)) {
                    "begins"
                } else {
                    "finished"
                };
                write!(
                    f,
                    "worker {} {verb} {} of step {} of {}",
                    worker.0, attempt.attempt, attempt.step_uuid, attempt.task_uuid
                )
            }
            other => write!(f, "{other:?}"),
        }
    }
}

/// All notes of a run.
#[derive(Debug)]
pub struct Trace {
    hasher: DefaultHasher,
    last: VecDeque<(Time, Note)>,
    counts: BTreeMap<&'static str, u64>,
    print: bool,
}

impl Trace {
    /// An empty trace, whose notes are printed as they come if so wished.
    pub fn new(print: bool) -> Trace {
        Trace {
            hasher: DefaultHasher::new(),
            last: VecDeque::with_capacity(KEPT),
            counts: BTreeMap::new(),
            print,
        }
    }

    /// Adds a note.
    pub fn note(&mut self, at: Time, note: Note) {
        self.hash(at, &note);
        *self.counts.entry(note.kind()).or_default() += 1;
        if self.print {
            println!("{}", line(at, &note));
        }
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back((at, note));
    }

    /// The hash of all notes.
    pub fn finish(&self) -> u64 {
        self.hasher.finish()
    }

    /// How often what has happened.
    pub fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// The last notes, a line each.
    pub fn tail(&self) -> Vec<String> {
        self.last.iter().map(|(at, note)| line(*at, note)).collect()
    }

    fn hash(&mut self, at: Time, note: &Note) {
        let hasher = &mut self.hasher;
        at.hash(hasher);
        std::mem::discriminant(note).hash(hasher);
        match note {
            Note::Started(process) | Note::Frozen(process) | Note::Thawed(process) => {
                process.hash(hasher);
            }
            Note::Ended(process, why) => (process, why).hash(hasher),
            Note::Linked(link, worker, engine) => (link, worker, engine).hash(hasher),
            Note::Frame(link, side, text) => (link, side, text).hash(hasher),
            Note::Closed(link, side) => (link, side).hash(hasher),
            Note::Fault(name, number) => (name, number).hash(hasher),
            Note::TookOver(engine, epoch) => (engine, epoch).hash(hasher),
            Note::Recovered(engine, tasks) => (engine, tasks).hash(hasher),
            Note::Appended(engine, appended, rows) => (engine, appended, rows).hash(hasher),
            Note::Wanted(engine, texts) => (engine, texts).hash(hasher),
            Note::Recorded(task, record) => {
                let (bytes, _) = record::encode(std::slice::from_ref(record), []);
                (task, bytes).hash(hasher);
            }
            Note::Created(task) | Note::Rested(task) => task.hash(hasher),
            Note::Began(worker, attempt)
            | Note::Finished(worker, attempt)
            | Note::Accepted(worker, attempt) => (worker, attempt).hash(hasher),
            Note::Answered(task, how) => (task, how).hash(hasher),
            Note::Healed => {}
        }
    }
}

fn line(at: Time, note: &Note) -> String {
    format!("{:>12.6}  {note}", at.since(START).as_secs_f64())
}
