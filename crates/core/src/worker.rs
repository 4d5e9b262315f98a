//! The connected workers: what they can run and how many attempts they will hold.
//!
//! How many they do hold is never counted up and down: it follows from the open attempts.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use tasker_protocol::frame::AttemptRef;

use crate::caution::Caution;
use crate::{Instance, StepIndex, TaskId, Time};

/// Numbers the sessions of one engine process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u64);

/// Who a worker is, what it can run and what it holds, as its session opens.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The process.
    pub instance: Instance,
    /// Counts the process's sessions: a greater number is a later session.
    pub greeting: u64,
    /// The worker's name.
    pub worker_id: Arc<str>,
    /// What its handlers are written in.
    pub language: Arc<str>,
    /// Its library's version.
    pub version: Arc<str>,
    /// Namespaces whose steps it runs.
    pub namespaces: HashSet<String>,
    /// Callables that it can run.
    pub callables: HashSet<String>,
    /// Attempts that it will hold at once.
    pub slots: u32,
    /// Attempts that it holds: running, or finished and not yet accepted.
    pub running: Vec<AttemptRef>,
    /// Why it is not ready, a sentence each.
    pub not_ready: Vec<String>,
}

/// A worker that has a session, or had one and holds attempts.
#[derive(Clone, Debug, Default)]
pub struct Worker {
    /// What it offers; absent when the engine knows it only from its records.
    pub offer: Option<Arc<Offer>>,
    /// Its session, while it has one.
    pub session: Option<SessionId>,
    /// Attempts that it will hold at once.
    pub slots: u32,
    /// When its attempts are given up, while it has no session.
    pub until: Option<Time>,
    /// Attempts that are open with it.
    pub live: BTreeSet<(TaskId, StepIndex)>,
    /// Attempts that the engine has ended and that still take a slot: the session has sent neither their outcomes nor
    /// its slots since.
    pub revoked: BTreeSet<AttemptRef>,
    /// When it has handed attempts back. Only of one that has a session, or is waited for.
    pub caution: Option<Caution>,
}

impl Worker {
    /// Attempts that it would take now.
    pub fn free(&self) -> u32 {
        match self.session {
            Some(_) if self.not_ready().is_empty() => {
                self.slots.saturating_sub(self.taken()).min(self.allows())
            }
            _ => 0,
        }
    }

    /// Attempts that it may be given at once, whatever it has free.
    pub fn allows(&self) -> u32 {
        self.caution.map_or(u32::MAX, |caution| caution.allows())
    }

    /// Why it is not ready, a sentence each: whatever its slots, it takes nothing.
    pub fn not_ready(&self) -> &[String] {
        let offer = self.offer.as_ref();
        offer.map_or(&[], |offer| &offer.not_ready)
    }

    /// Slots that are taken.
    pub fn taken(&self) -> u32 {
        #[cfg(feature = "mutation")]
        if crate::mutation::Mutation::SlotCountedTwice.is_active() {
            return (2 * self.live.len() + self.revoked.len()) as u32;
        }
        (self.live.len() + self.revoked.len()) as u32
    }

    /// Whether it runs this callable for this namespace.
    pub fn can_run(&self, namespace: &str, callable: &str) -> bool {
        self.session.is_some()
            && self.offer.as_ref().is_some_and(|offer| {
                offer.namespaces.contains(namespace) && offer.callables.contains(callable)
            })
    }

    /// The worker's name, for people.
    pub fn name(&self) -> Arc<str> {
        self.offer.as_ref().map_or_else(
            || Arc::from("unknown"),
            |offer| Arc::clone(&offer.worker_id),
        )
    }
}

/// All workers, by process and by session.
#[derive(Clone, Debug, Default)]
pub struct Workers {
    /// In order, so that whoever goes through them decides the same every time.
    by_instance: BTreeMap<Instance, Worker>,
    sessions: HashMap<SessionId, Instance>,
}

impl Workers {
    /// A worker by its process.
    pub fn get(&self, instance: Instance) -> Option<&Worker> {
        self.by_instance.get(&instance)
    }

    /// The process behind a session; none when another session has replaced it.
    pub fn instance(&self, session: SessionId) -> Option<Instance> {
        self.sessions.get(&session).copied()
    }

    /// All workers.
    pub fn iter(&self) -> impl Iterator<Item = (Instance, &Worker)> {
        self.by_instance
            .iter()
            .map(|(instance, worker)| (*instance, worker))
    }

    pub(crate) fn get_mut(&mut self, instance: Instance) -> Option<&mut Worker> {
        self.by_instance.get_mut(&instance)
    }

    /// An attempt is not open any more. A worker that was only known by its attempts is forgotten with the last one.
    pub(crate) fn release(&mut self, instance: Instance, task: TaskId, step: StepIndex) {
        if let Some(worker) = self.by_instance.get_mut(&instance) {
            worker.live.remove(&(task, step));
            if worker.live.is_empty() && worker.session.is_none() && worker.until.is_none() {
                self.by_instance.remove(&instance);
            }
        }
    }

    pub(crate) fn entry(&mut self, instance: Instance) -> &mut Worker {
        self.by_instance.entry(instance).or_default()
    }

    /// Opens a session. `stale` are the attempts that the worker holds and that are not open: they take slots.
    pub(crate) fn open(&mut self, session: SessionId, offer: Arc<Offer>, stale: &[AttemptRef]) {
        let worker = self.by_instance.entry(offer.instance).or_default();
        let replaced = worker.session.replace(session);
        worker.slots = offer.slots;
        worker.revoked = stale.iter().copied().collect();
        worker.until = None;
        self.sessions.insert(session, offer.instance);
        worker.offer = Some(offer);
        if let Some(replaced) = replaced {
            self.sessions.remove(&replaced);
        }
    }

    /// Ends a session; the worker it belonged to, unless another session has replaced it.
    pub(crate) fn close(&mut self, session: SessionId, until: Time) -> Option<Instance> {
        let instance = self.sessions.remove(&session)?;
        let worker = self.entry(instance);
        worker.session = None;
        worker.until = Some(until);
        Some(instance)
    }

    /// Ends the session of a worker that is waited for as soon as sessions are accepted again, if it holds anything.
    pub(crate) fn detach(&mut self, instance: Instance) {
        let Some(worker) = self.by_instance.get_mut(&instance) else {
            return;
        };
        worker.until = None;
        worker.revoked.clear();
        if let Some(session) = worker.session.take() {
            self.sessions.remove(&session);
        }
        if worker.live.is_empty() {
            self.by_instance.remove(&instance);
        }
    }

    pub(crate) fn remove(&mut self, instance: Instance) {
        let session = self
            .by_instance
            .remove(&instance)
            .and_then(|worker| worker.session);
        if let Some(session) = session {
            self.sessions.remove(&session);
        }
    }
}
