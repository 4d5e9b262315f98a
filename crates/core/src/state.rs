//! Everything the core knows, and `evolve`, which alone changes it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tasker_protocol::api::StepState;

use crate::event::Change;
use crate::ready::{LaneId, Place, Ready};
use crate::record::{Next, Record};
use crate::worker::Workers;
use crate::{Instance, StepIndex, Task, TaskId, Time};

/// Tasks, ready steps, timers and workers.
#[derive(Clone, Debug, Default)]
pub struct State {
    tasks: HashMap<TaskId, Entry>,
    ready: Ready,
    workers: Workers,
    timers: BTreeSet<(Time, Timer)>,
    /// Kept to spare an allocation a record.
    newly_ready: Vec<StepIndex>,
}

#[derive(Clone, Debug)]
struct Entry {
    task: Task,
    lanes: Arc<[LaneId]>,
    /// Where each enqueued step stands in its lane.
    places: Vec<Option<Place>>,
}

/// What is to happen at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// A step's back-off is over.
    Retry(TaskId, StepIndex),
    /// A worker that has no session is given up.
    GiveUp(Instance),
}

impl State {
    /// A task that is in memory.
    pub fn task(&self, task: TaskId) -> Option<&Task> {
        self.tasks.get(&task).map(|entry| &entry.task)
    }

    /// All tasks that are in memory.
    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.values().map(|entry| &entry.task)
    }

    /// The ready steps.
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// The workers.
    pub fn workers(&self) -> &Workers {
        &self.workers
    }

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

    /// Carries out a change. Total: a change that names what is not there changes nothing.
    pub fn evolve(&mut self, change: &Change) {
        match change {
            Change::Created {
                task,
                graph,
                priority,
                at,
            } => self.insert(Task::new(*task, Arc::clone(graph), *priority, *at)),
            Change::Recorded { task, record } => self.apply(*task, record),
            Change::Due { task, step } => self.end_backoff(*task, *step),
            Change::Opened { session, offer, .. } => {
                self.cancel_give_up(offer.instance);
                self.workers.open(*session, Arc::clone(offer));
                self.ready.worker_changed(offer.instance, &self.workers);
            }
            Change::Slots { session, slots } => {
                if let Some(instance) = self.workers.instance(*session) {
                    self.workers.entry(instance).slots = *slots;
                }
            }
            Change::Closed { session, until } => {
                if let Some(instance) = self.workers.close(*session, *until) {
                    self.timers.insert((*until, Timer::GiveUp(instance)));
                    self.ready.worker_changed(instance, &self.workers);
                }
            }
            Change::Awaited { instance, until } => {
                self.workers.entry(*instance).until = Some(*until);
                self.timers.insert((*until, Timer::GiveUp(*instance)));
            }
            Change::Gone { instance } => {
                self.cancel_give_up(*instance);
                self.workers.remove(*instance);
                self.ready.worker_changed(*instance, &self.workers);
            }
            Change::Accepted { .. } => {}
            Change::Evicted { task } => {
                self.tasks.remove(task);
            }
        }
    }

    fn insert(&mut self, task: Task) {
        let id = task.id;
        let lanes = self.ready.lanes_of(&task.graph, &self.workers).into();
        let steps = task.steps.len();
        let entry = Entry {
            task,
            lanes,
            places: vec![None; steps],
        };
        self.tasks.insert(id, entry);
        for step in 0..steps as StepIndex {
            self.enqueue(id, step);
        }
    }

    fn apply(&mut self, id: TaskId, record: &Record) {
        let Some(entry) = self.tasks.get_mut(&id) else {
            return;
        };
        let step = record.step();
        if let Record::Started { instance, .. } = record {
            if let Some(place) = entry.places[step as usize].take() {
                self.ready.remove(entry.lanes[step as usize], place);
            }
            // In recovery the end of a back-off shows only in the start that followed it.
            let ready_at = entry.task.step(step).ready_at;
            self.timers.remove(&(ready_at, Timer::Retry(id, step)));
            self.workers.entry(*instance).live.insert((id, step));
        } else if let Some(worker) = &entry.task.step(step).worker {
            self.workers.entry(worker.instance).live.remove(&(id, step));
        }
        let mut newly_ready = std::mem::take(&mut self.newly_ready);
        entry.task.apply(record, &mut newly_ready);
        if let Record::Failed {
            next: Next::RetryAt(at),
            ..
        } = record
        {
            self.timers.insert((*at, Timer::Retry(id, step)));
        }
        for step in newly_ready.drain(..) {
            self.enqueue(id, step);
        }
        self.newly_ready = newly_ready;
    }

    fn end_backoff(&mut self, id: TaskId, step: StepIndex) {
        let Some(entry) = self.tasks.get_mut(&id) else {
            return;
        };
        if entry.task.step(step).state == StepState::WaitingForRetry {
            let ready_at = entry.task.step(step).ready_at;
            self.timers.remove(&(ready_at, Timer::Retry(id, step)));
            entry.task.retry_is_due(step);
            self.enqueue(id, step);
        }
    }

    fn enqueue(&mut self, id: TaskId, step: StepIndex) {
        let Some(entry) = self.tasks.get_mut(&id) else {
            return;
        };
        let (task, index) = (&entry.task, step as usize);
        if task.steps[index].state == StepState::Enqueued && entry.places[index].is_none() {
            entry.places[index] = Some(self.ready.push(
                entry.lanes[index],
                id,
                step,
                task.steps[index].ready_at,
                task.priority,
            ));
        }
    }

    fn cancel_give_up(&mut self, instance: Instance) {
        let until = self.workers.get(instance).and_then(|worker| worker.until);
        if let Some(until) = until {
            self.timers.remove(&(until, Timer::GiveUp(instance)));
        }
    }
}
