//! Tasks that have nothing to do for a while: all but what is needed to find them again leaves memory.

use std::time::Duration;

use tasker_protocol::api::{StepState, TaskStatus};

use super::{State, Timer};
use crate::{Graph, Task, TaskId, Time};

/// How long a task has had nothing to do when it leaves memory, and how far its next timer is away then.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What memory keeps of a task that has nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idle {
    /// Where it stands.
    pub status: TaskStatus,
    /// When it is to be read again, if nothing touches it before. None once that is under way.
    pub next: Option<Time>,
}

impl Idle {
    /// That of a task.
    pub fn of(task: &Task) -> Idle {
        let retries = task
            .steps
            .iter()
            .filter(|step| step.state == StepState::WaitingForRetry)
            .map(|step| step.ready_at);
        Idle {
            status: task.status(),
            next: retries.chain(expiry(&task.graph, task.created_at)).min(),
        }
    }

    /// That of a task which is blocked.
    pub fn blocked(graph: &Graph, created_at: Time) -> Idle {
        Idle {
            status: TaskStatus::BlockedByFailures,
            next: expiry(graph, created_at),
        }
    }

    /// That of a task which is read again because the journal has refused something of it.
    pub fn refused(again: Time) -> Idle {
        Idle {
            status: TaskStatus::WaitingForRetry,
            next: Some(again),
        }
    }

    /// Whether something will happen to the task by itself: it is not only people that it waits for.
    pub fn goes_on(&self) -> bool {
        self.status == TaskStatus::WaitingForRetry
    }
}

fn expiry(graph: &Graph, created_at: Time) -> Option<Time> {
    Some(created_at + graph.max_duration?)
}

/// Whether a task waits for nothing but time and people.
fn is_quiet(task: &Task) -> bool {
    let busy = task.count(StepState::Enqueued) + task.count(StepState::InProgress);
    busy == 0 && !task.has_ended()
}

impl State {
    /// A state whose tasks leave memory when they have had nothing to do for so long. Otherwise they stay.
    pub fn with_patience(patience: Duration) -> State {
        State {
            patience: Some(patience),
            ..State::default()
        }
    }

    /// A task that has left memory because it has nothing to do.
    pub fn idle(&self, task: TaskId) -> Option<&Idle> {
        self.idle.get(&task)
    }

    /// All such tasks, in no order.
    pub fn idle_tasks(&self) -> impl Iterator<Item = (TaskId, &Idle)> {
        self.idle.iter().map(|(task, idle)| (*task, idle))
    }

    /// Whether nothing will happen to a task of its own accord for a while; it has been quiet for long.
    pub fn is_idle(&self, task: &Task, now: Time) -> bool {
        let far = |patience| Idle::of(task).next.is_none_or(|next| next > now + patience);
        is_quiet(task) && self.patience.is_some_and(far)
    }

    /// What remains of a task if nothing has happened to it since it was found to be idle.
    pub(crate) fn idle_of(&self, task: TaskId) -> Option<Idle> {
        let entry = self.tasks.get(&task)?;
        (is_quiet(&entry.task) && entry.rests_at.is_none()).then(|| Idle::of(&entry.task))
    }

    /// Has a task looked at when it has been quiet for a while.
    pub(super) fn watch(&mut self, id: TaskId, since: Time) {
        let Some(patience) = self.patience else {
            return;
        };
        let Some(entry) = self.tasks.get_mut(&id) else {
            return;
        };
        let at = is_quiet(&entry.task).then(|| since + patience);
        let before = std::mem::replace(&mut entry.rests_at, at);
        if before != at {
            if let Some(before) = before {
                self.timers.remove(&(before, Timer::Rest(id)));
            }
            if let Some(at) = at {
                self.timers.insert((at, Timer::Rest(id)));
            }
        }
    }

    /// A task need not be looked at any more, until something happens to it.
    pub(super) fn unwatch(&mut self, id: TaskId) {
        let entry = self.tasks.get_mut(&id);
        if let Some(at) = entry.and_then(|entry| entry.rests_at.take()) {
            self.timers.remove(&(at, Timer::Rest(id)));
        }
    }

    /// A task leaves memory but for this.
    pub(super) fn lay_down(&mut self, id: TaskId, idle: Idle) {
        self.evict(id);
        self.take_up(id);
        if let Some(next) = idle.next {
            self.timers.insert((next, Timer::Wake(id)));
        }
        self.idle.insert(id, idle);
    }

    /// A task is being read because its time has come.
    pub(super) fn call(&mut self, id: TaskId) {
        let idle = self.idle.get_mut(&id);
        if let Some(next) = idle.and_then(|idle| idle.next.take()) {
            self.timers.remove(&(next, Timer::Wake(id)));
        }
    }

    /// A task is in memory again, or gone.
    pub(super) fn take_up(&mut self, id: TaskId) {
        if let Some(next) = self.idle.remove(&id).and_then(|idle| idle.next) {
            self.timers.remove(&(next, Timer::Wake(id)));
        }
    }
}
