//! What is to happen at a time, and how such times move.

use std::time::Duration;

use super::{Entry, Place, State};
use crate::caution::Caution;
use crate::{Instance, StepIndex, Task, TaskId, Time};

/// What the engine allows an attempt beyond its time-out, which its worker enforces.
pub const TIMEOUT_GRACE: Duration = Duration::from_secs(1);

/// What is to happen at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// A step's back-off is over.
    Retry(TaskId, StepIndex),
    /// A step's open attempt has taken too long.
    Timeout(TaskId, StepIndex),
    /// A worker that has no session is given up.
    GiveUp(Instance),
    /// A task has taken too long.
    Expire(TaskId),
    /// A task has been quiet for a while.
    Rest(TaskId),
    /// A task that is not in memory has something to do.
    Wake(TaskId),
    /// A worker that has handed attempts back is trusted with more, or with as many as any.
    Caution(Instance),
}

impl State {
    /// When the next timer fires.
    pub fn next_timer(&self) -> Option<Time> {
        self.timers.first().map(|(time, _)| *time)
    }

    /// The timers that fire up to a time, earliest first.
    pub fn due(&self, now: Time) -> impl Iterator<Item = Timer> {
        self.timers
            .iter()
            .take_while(move |(time, _)| *time <= now)
            .map(|(_, timer)| *timer)
    }

    /// Waits for a worker that is known only from records; no attempt of its ends before it could have said anything.
    pub(super) fn wait_for(&mut self, instance: Instance, until: Time) {
        let worker = self.workers.entry(instance);
        worker.until = Some(until);
        let live: Vec<_> = worker.live.iter().copied().collect();
        self.timers.insert((until, Timer::GiveUp(instance)));
        for (task, step) in live {
            self.move_deadline(task, step, |deadline| deadline.max(until + TIMEOUT_GRACE));
        }
    }

    /// The engine itself did nothing for a while: nobody is given up for that.
    pub(super) fn postpone(&mut self, gap: Duration) {
        let over_workers: Vec<_> = self
            .timers
            .iter()
            .filter(|(_, timer)| matches!(timer, Timer::Timeout(..) | Timer::GiveUp(_)))
            .copied()
            .collect();
        for (time, timer) in over_workers {
            match timer {
                Timer::Timeout(task, step) => {
                    self.move_deadline(task, step, |deadline| deadline + gap);
                }
                Timer::GiveUp(instance) => {
                    self.timers.remove(&(time, timer));
                    self.timers.insert((time + gap, timer));
                    self.workers.entry(instance).until = Some(time + gap);
                }
                Timer::Retry(..)
                | Timer::Expire(_)
                | Timer::Rest(_)
                | Timer::Wake(_)
                | Timer::Caution(_) => {}
            }
        }
    }

    fn move_deadline(&mut self, id: TaskId, step: StepIndex, to: impl Fn(Time) -> Time) {
        let entry = self.tasks.get_mut(&id);
        let place = entry.and_then(|entry| entry.places.get_mut(step as usize));
        if let Some(Place::Live(_, Some(deadline))) = place {
            self.timers.remove(&(*deadline, Timer::Timeout(id, step)));
            *deadline = to(*deadline);
            self.timers.insert((*deadline, Timer::Timeout(id, step)));
        }
    }

    /// Lets the time-out of an open attempt count from a time, or not yet.
    pub(super) fn time(&mut self, id: TaskId, step: StepIndex, from: Option<Time>) {
        let Some(Entry { task, places, .. }) = self.tasks.get_mut(&id) else {
            return;
        };
        if let Some(Place::Live(_, place)) = places.get_mut(step as usize) {
            let timer = Timer::Timeout(id, step);
            let next = from.and_then(|from| deadline(task, step, from));
            if let Some(before) = std::mem::replace(place, next) {
                self.timers.remove(&(before, timer));
            }
            if let Some(next) = next {
                self.timers.insert((next, timer));
            }
        }
    }

    pub(super) fn cancel_expiry(&mut self, id: TaskId) {
        let task = self.task(id);
        let duration = task.and_then(|task| Some((task.created_at, task.graph.max_duration?)));
        if let Some((created_at, duration)) = duration {
            self.timers
                .remove(&(created_at + duration, Timer::Expire(id)));
        }
    }

    /// Takes caution with a worker, or no more.
    pub(super) fn be_cautious(&mut self, instance: Instance, caution: Option<Caution>) {
        let Some(worker) = self.workers.get_mut(instance) else {
            return;
        };
        let timer = Timer::Caution(instance);
        if let Some(before) = std::mem::replace(&mut worker.caution, caution) {
            self.timers.remove(&(before.until, timer));
        }
        if let Some(caution) = caution {
            self.timers.insert((caution.until, timer));
        }
    }

    pub(super) fn cancel_give_up(&mut self, instance: Instance) {
        let until = self.workers.get(instance).and_then(|worker| worker.until);
        if let Some(until) = until {
            self.timers.remove(&(until, Timer::GiveUp(instance)));
        }
    }
}

/// When a step's attempt has taken too long whose time-out counts from `from`.
pub(super) fn deadline(task: &Task, step: StepIndex, from: Time) -> Option<Time> {
    let timeout_ms = task.node(step).timeout_ms?;
    Some(from + Duration::from_millis(timeout_ms) + TIMEOUT_GRACE)
}
