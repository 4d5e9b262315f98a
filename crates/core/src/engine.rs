//! What waits for which commit: a pure machine around the state.
//!
//! [`Engine::happen`] decides and evolves at once, and gathers what the next commit adds. Whatever follows for the
//! outside - a dispatch, an acknowledgement, an answer, a read too - is held back until all that it rests on is durable.
//! One commit is in flight at a time; what happens meanwhile gathers for the next one:
//!
//! ```text
//! happen, hold ──▶ open ──seal──▶ in flight ──committed──▶ released
//!                    └────────────free: nothing to commit────────▲
//! ```
//!
//! Of what the journal refuses nothing is released: see [`Engine::refused`].
//!
//! The shell around it owns the journal, the sockets and the callers. Dropping the engine drops what it holds back:
//! nobody has been told of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use tasker_protocol::frame::{AttemptRef, Welcome};

use crate::batches;
use crate::gateway::Texts;
use crate::worker::SessionId;
use crate::{Change, Event, Record, State, StepIndex, Task, TaskId, Time, decide};

mod refused;

pub use refused::Dropped;

/// The core's state, and what is held back until it is durable. `R` is what the shell holds back itself.
#[derive(Debug)]
pub struct Engine<R> {
    state: State,
    open: Batch<R>,
    /// What waits for the commit that the journal has.
    in_flight: Option<Held<R>>,
}

/// What happens outside once all that it rests on is durable.
#[derive(Clone, Debug, PartialEq)]
pub enum Release<R> {
    /// A worker is welcomed.
    Welcome(SessionId, Welcome),
    /// A worker is told that an attempt is not open.
    Cancel(SessionId, AttemptRef),
    /// A worker is given an attempt.
    Dispatch {
        /// The worker's session.
        session: SessionId,
        /// The task.
        task: TaskId,
        /// The step.
        step: StepIndex,
        /// Counted from 1.
        attempt: u32,
    },
    /// A worker may forget these outcomes.
    Accepted(SessionId, Vec<AttemptRef>),
    /// A task has left the state: it has ended, or nothing happens to it for a while.
    Evict(TaskId, Leaves),
    /// What the shell holds back.
    Reply(R),
}

/// Why a task leaves the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaves {
    /// It has ended.
    Ended,
    /// It has nothing to do for a while.
    Idle,
}

/// What one commit adds: a part for each task, in the order in which something first happened to them.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// The parts.
    pub tasks: Vec<Part>,
}

/// What one commit adds to one task.
#[derive(Clone, Debug)]
pub struct Part {
    /// The task.
    pub task: TaskId,
    /// Whether the commit creates it.
    pub created: bool,
    /// The number of its first record here, counted from 1 over the task's life.
    pub first: u64,
    /// The records, in order.
    pub records: Vec<Record>,
    /// Their texts, as many as each says.
    pub texts: Vec<Arc<str>>,
}

#[derive(Debug)]
struct Batch<R> {
    commit: Commit,
    /// Where each task's part is.
    places: FxHashMap<TaskId, usize>,
    held: Held<R>,
}

#[derive(Debug)]
struct Held<R> {
    /// Each session hears of all its outcomes in one message.
    accepted: BTreeMap<SessionId, Vec<AttemptRef>>,
    releases: Vec<Release<R>>,
}

impl<R> Engine<R> {
    /// An engine that goes on from a state of which all is durable.
    pub fn new(state: State) -> Engine<R> {
        Engine {
            state,
            open: Batch::default(),
            in_flight: None,
        }
    }

    /// The state as it is now: what is not durable yet shows too, so tell nobody but by [`Engine::hold`].
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Whether the journal has a commit whose end is awaited.
    pub fn is_committing(&self) -> bool {
        self.in_flight.is_some()
    }

    /// Whether all that was decided is durable.
    pub fn is_durable(&self) -> bool {
        !self.is_committing() && self.open.commit.tasks.is_empty()
    }

    /// Carries out what follows from an event and returns it, for whatever the shell keeps beside the state.
    ///
    /// `texts` are those of an outcome, `random` is drawn anew for each event.
    pub fn happen(
        &mut self,
        event: &Event,
        texts: Option<&Texts>,
        now: Time,
        random: u64,
    ) -> Vec<Change> {
        let changes = decide(&self.state, event, now, random);
        for change in &changes {
            let had_ended = match change {
                Change::Recorded { task, .. } => {
                    self.state.task(*task).is_some_and(Task::has_ended)
                }
                _ => false,
            };
            self.state.evolve(change);
            self.gather(change, texts, had_ended);
        }
        changes
    }

    /// Holds something back until all that was decided so far is durable.
    pub fn hold(&mut self, reply: R) {
        self.latest().releases.push(Release::Reply(reply));
    }

    /// Closes the open commit for the journal. None while another is in flight, or when there is nothing to commit.
    pub fn seal(&mut self) -> Option<Commit> {
        if self.is_committing() || self.open.commit.tasks.is_empty() {
            return None;
        }
        let batch = std::mem::take(&mut self.open);
        self.in_flight = Some(batch.held);
        Some(batch.commit)
    }

    /// The commit in flight is durable: what is released, in order.
    pub fn committed(&mut self) -> Vec<Release<R>> {
        let held = self.in_flight.take().unwrap_or_default();
        self.release(held)
    }

    /// What needs no commit, because all is durable, in order. Nothing while there is something to commit.
    pub fn free(&mut self) -> Vec<Release<R>> {
        #[cfg(feature = "mutation")]
        let may_release = crate::mutation::Mutation::ReleasedBeforeCommit.is_active();
        #[cfg(not(feature = "mutation"))]
        let may_release = false;
        if !self.is_durable() && !may_release {
            return Vec::new();
        }
        let held = std::mem::take(&mut self.open.held);
        self.release(held)
    }

    fn release(&mut self, held: Held<R>) -> Vec<Release<R>> {
        let accepted = held.accepted.into_iter();
        let mut releases: Vec<Release<R>> = accepted
            .map(|(session, attempts)| Release::Accepted(session, attempts))
            .chain(held.releases)
            .collect();
        let Engine { state, open, .. } = self;
        releases.retain(|release| match release {
            // A late outcome came after the end: the task stays until that is durable too.
            Release::Evict(task, Leaves::Ended) if open.places.contains_key(task) => {
                let release = Release::Evict(*task, Leaves::Ended);
                open.held.releases.push(release);
                false
            }
            Release::Evict(task, Leaves::Ended) => {
                state.evolve(&Change::Evicted { task: *task });
                true
            }
            // Something has happened to it meanwhile.
            Release::Evict(task, Leaves::Idle) if open.places.contains_key(task) => false,
            Release::Evict(task, Leaves::Idle) => match state.idle_of(*task) {
                Some(idle) => {
                    state.evolve(&Change::Rested { task: *task, idle });
                    true
                }
                None => false,
            },
            _ => true,
        });
        releases
    }

    /// What is released once all that was decided so far is durable.
    fn latest(&mut self) -> &mut Held<R> {
        match &mut self.in_flight {
            Some(in_flight) if self.open.commit.tasks.is_empty() => in_flight,
            _ => &mut self.open.held,
        }
    }

    fn gather(&mut self, change: &Change, texts: Option<&Texts>, had_ended: bool) {
        match change {
            Change::Created { task, .. } => {
                if let Some(task) = self.state.task(*task) {
                    self.open.part(task).created = true;
                }
            }
            Change::Recorded { task, record } => self.recorded(*task, record, texts, had_ended),
            // An outcome that changed nothing may repeat one whose commit is still in flight.
            Change::Accepted { session, attempt } => {
                let accepted = &mut self.latest().accepted;
                accepted.entry(*session).or_default().push(*attempt);
            }
            Change::Opened {
                session,
                welcome,
                stale,
                ..
            } => {
                let releases = &mut self.latest().releases;
                releases.push(Release::Welcome(*session, welcome.clone()));
                let cancels = stale.iter().copied();
                releases.extend(cancels.map(|attempt| Release::Cancel(*session, attempt)));
            }
            Change::Restored(restored) => {
                let ended = self.state.task(restored.task).map(Task::has_ended);
                if ended == Some(true) {
                    let releases = &mut self.latest().releases;
                    releases.push(Release::Evict(restored.task, Leaves::Ended));
                }
            }
            Change::Revoked { instance, attempt } => {
                let worker = self.state.workers().get(*instance);
                if let Some(session) = worker.and_then(|worker| worker.session) {
                    let releases = &mut self.latest().releases;
                    releases.push(Release::Cancel(session, *attempt));
                }
            }
            Change::Looked { task, rests: true } => {
                let releases = &mut self.latest().releases;
                releases.push(Release::Evict(*task, Leaves::Idle));
            }
            Change::Due { .. }
            | Change::GivenOut
            | Change::Looked { .. }
            | Change::Rested { .. }
            | Change::Called { .. }
            | Change::Slots { .. }
            | Change::Closed { .. }
            | Change::Awaited { .. }
            | Change::Detached { .. }
            | Change::Cautioned { .. }
            | Change::Gone { .. }
            | Change::Timed { .. }
            | Change::Frozen { .. }
            | Change::Missing { .. }
            | Change::Evicted { .. } => {}
        }
    }

    fn recorded(&mut self, id: TaskId, record: &Record, texts: Option<&Texts>, had_ended: bool) {
        let Some(task) = self.state.task(id) else {
            return;
        };
        self.open.part(task).add(record, texts);
        let releases = &mut self.open.held.releases;
        if let Record::Started {
            step,
            attempt,
            instance,
            ..
        } = record
        {
            let worker = self.state.workers().get(*instance);
            if let Some(session) = worker.and_then(|worker| worker.session) {
                releases.push(Release::Dispatch {
                    session,
                    task: id,
                    step: *step,
                    attempt: *attempt,
                });
            }
        } else if task.has_ended() && !had_ended {
            releases.push(Release::Evict(id, Leaves::Ended));
        }
    }
}

impl<R> Batch<R> {
    fn part(&mut self, task: &Task) -> &mut Part {
        let place = *self.places.entry(task.id).or_insert_with(|| {
            self.commit.tasks.push(Part {
                task: task.id,
                created: false,
                // The record was applied already; a creation has none.
                first: task.records.max(1),
                records: Vec::new(),
                texts: Vec::new(),
            });
            self.commit.tasks.len() - 1
        });
        &mut self.commit.tasks[place]
    }
}

impl Part {
    fn add(&mut self, record: &Record, texts: Option<&Texts>) {
        let count = record.texts();
        if count > 0 {
            let body = texts.map_or("null", |texts| texts.body.get());
            self.texts.push(body.into());
        }
        if count > 1 {
            let metadata = texts.and_then(|texts| texts.metadata.as_ref());
            self.texts
                .push(metadata.map_or("", |metadata| metadata.get()).into());
        }
        if count > 2 {
            let cursors = texts.and_then(|texts| texts.cursors.as_deref());
            self.texts
                .push(batches::text(cursors.unwrap_or_default()).into());
        }
        self.records.push(record.clone());
    }
}

impl<R> Default for Batch<R> {
    fn default() -> Batch<R> {
        Batch {
            commit: Commit::default(),
            places: FxHashMap::default(),
            held: Held::default(),
        }
    }
}

impl<R> Default for Held<R> {
    fn default() -> Held<R> {
        Held {
            accepted: BTreeMap::new(),
            releases: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
