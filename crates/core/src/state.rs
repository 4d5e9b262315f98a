//! Everything the core knows, and `evolve`, which alone changes it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use tasker_protocol::api::StepState;
use tasker_protocol::frame::AttemptRef;

use crate::event::{Change, Restored};
use crate::ready::{Claim, LaneId, Queues, Ready};
use crate::record::Record;
use crate::task::{Move, Step};
use crate::turn::{Turn, mark};
use crate::worker::Workers;
use crate::{Instance, StepIndex, Task, TaskId, Time};

mod idle;
mod timers;

use timers::deadline;

pub use idle::{Idle, PATIENCE};
pub use timers::{TIMEOUT_GRACE, Timer};

/// Tasks, ready steps, timers and workers.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Their identifiers are drawn by the engine, so nobody can make them collide.
    tasks: FxHashMap<TaskId, Entry>,
    /// The steps of all of them.
    steps: usize,
    ready: Ready,
    workers: Workers,
    timers: BTreeSet<(Time, Timer)>,
    /// Tasks that have left memory because they have nothing to do.
    idle: FxHashMap<TaskId, Idle>,
    /// How long a task has nothing to do before it leaves memory; none: it stays.
    patience: Option<Duration>,
    /// Steps that successes made ready since slots were given out last, of tasks whose turn lasts.
    going_on: Vec<(TaskId, StepIndex)>,
    /// Kept to spare an allocation a record.
    moves: Vec<Move>,
}

#[derive(Clone, Debug)]
struct Entry {
    task: Task,
    /// The lane of each node.
    lanes: Arc<[LaneId]>,
    queues: Queues,
    /// None before it was served for the first time.
    turn: Option<Turn>,
    /// Where each step is known besides in its task.
    places: Vec<Place>,
    /// When the task is looked at, if nothing happens to it until then: it is quiet.
    rests_at: Option<Time>,
}

/// Where a step is known besides in its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Nowhere,
    /// In its lane, ready since.
    Ready(Time),
    /// Among the timers: its back-off ends.
    Retry(Time),
    /// With a worker, and among the timers if it has a deadline.
    Live(Instance, Option<Time>),
}

impl State {
    /// A task that is in memory.
    pub fn task(&self, task: TaskId) -> Option<&Task> {
        self.tasks.get(&task).map(|entry| &entry.task)
    }

    /// All tasks that are in memory, in no order.
    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.values().map(|entry| &entry.task)
    }

    /// How many steps the tasks have that are in memory.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The ready steps.
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// The ready steps of a task in a lane, oldest first.
    pub fn ready_steps(
        &self,
        task: TaskId,
        lane: LaneId,
    ) -> impl Iterator<Item = (Time, StepIndex)> {
        let entry = self.tasks.get(&task);
        entry
            .into_iter()
            .flat_map(move |entry| entry.queues.steps(lane))
    }

    /// The steps that may go on in slots that were freed for them, each with its lane and its task's turn.
    pub fn going_on(&self) -> impl Iterator<Item = (TaskId, StepIndex, LaneId, Turn)> {
        self.going_on.iter().filter_map(|&(id, step)| {
            let entry = self.tasks.get(&id)?;
            let is_ready = matches!(entry.places[step as usize], Place::Ready(_));
            let lane = entry.lanes[entry.task.step(step).node as usize];
            is_ready.then_some((id, step, lane, entry.turn?))
        })
    }

    /// Whether no step may.
    pub fn nothing_goes_on(&self) -> bool {
        self.going_on.is_empty()
    }

    /// The workers.
    pub fn workers(&self) -> &Workers {
        &self.workers
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
            Change::Restored(restored) => self.restore(restored),
            Change::Recorded { task, record } => self.apply(*task, record),
            Change::Due { task, step } => self.end_backoff(*task, *step),
            Change::Opened {
                session,
                offer,
                stale,
                ..
            } => {
                self.cancel_give_up(offer.instance);
                self.workers.open(*session, Arc::clone(offer), stale);
                self.ready.worker_changed(offer.instance, &self.workers);
            }
            Change::Slots { session, slots } => {
                if let Some(instance) = self.workers.instance(*session) {
                    let worker = self.workers.entry(instance);
                    worker.slots = *slots;
                    worker.revoked.clear();
                }
            }
            Change::Closed { session, until } => {
                if let Some(instance) = self.workers.close(*session, *until) {
                    self.timers.insert((*until, Timer::GiveUp(instance)));
                    self.ready.worker_changed(instance, &self.workers);
                }
            }
            Change::Awaited { instance, until } => self.wait_for(*instance, *until),
            Change::Detached { instance } => {
                self.cancel_give_up(*instance);
                self.be_cautious(*instance, None);
                self.workers.detach(*instance);
                self.ready.worker_changed(*instance, &self.workers);
            }
            Change::Cautioned { instance, caution } => self.be_cautious(*instance, *caution),
            Change::Gone { instance } => {
                self.cancel_give_up(*instance);
                self.be_cautious(*instance, None);
                self.workers.remove(*instance);
                self.ready.worker_changed(*instance, &self.workers);
            }
            Change::Revoked { instance, attempt } => {
                let worker = self.workers.get_mut(*instance);
                if let Some(worker) = worker.filter(|worker| worker.session.is_some()) {
                    worker.revoked.insert(*attempt);
                }
            }
            Change::Accepted { session, attempt } => {
                if let Some(instance) = self.workers.instance(*session) {
                    self.workers.entry(instance).revoked.remove(attempt);
                }
            }
            Change::Timed { task, step, from } => self.time(*task, *step, *from),
            Change::Frozen { gap } => self.postpone(*gap),
            Change::Missing { .. } => {}
            Change::GivenOut => self.going_on.clear(),
            Change::Looked { task, .. } => self.unwatch(*task),
            Change::Rested { task, idle } => self.lay_down(*task, *idle),
            Change::Called { task } => self.call(*task),
            Change::Evicted { task } => self.evict(*task),
        }
    }

    fn insert(&mut self, task: Task) {
        let id = task.id;
        if let Some(duration) = task.graph.max_duration {
            let deadline = task.created_at + duration;
            self.timers.insert((deadline, Timer::Expire(id)));
        }
        let steps = task.steps.len() as StepIndex;
        let entry = Entry {
            lanes: self.ready.lanes_of(&task.graph, &self.workers).into(),
            queues: Queues::default(),
            turn: None,
            places: vec![Place::Nowhere; steps as usize],
            rests_at: None,
            task,
        };
        self.steps += steps as usize;
        self.tasks.insert(id, entry);
        for step in 0..steps {
            self.settle(id, step);
        }
    }

    fn restore(&mut self, restored: &Restored) {
        if self.tasks.contains_key(&restored.task) {
            return;
        }
        self.take_up(restored.task);
        let graph = Arc::clone(&restored.graph);
        self.insert(Task::new(
            restored.task,
            graph,
            restored.priority,
            restored.at,
        ));
        let going_on = self.going_on.len();
        for record in &restored.records {
            self.apply(restored.task, record);
        }
        self.going_on.truncate(going_on);
    }

    fn apply(&mut self, id: TaskId, record: &Record) {
        let Some(entry) = self.tasks.get_mut(&id) else {
            return;
        };
        let served = match record {
            Record::Started { step, at, .. } => {
                entry.serve(*step, *at);
                true
            }
            _ => false,
        };
        let mut moves = std::mem::take(&mut self.moves);
        let before = entry.task.steps.len();
        entry.task.apply(record, &mut moves);
        // Steps come into being, and stay.
        self.steps += entry.task.steps.len() - before;
        if record.is_success() && entry.turn.is_some_and(|turn| turn.lasts(record.at())) {
            let ready = moves.iter().find(|moved| moved.to == StepState::Enqueued);
            self.going_on.extend(ready.map(|moved| (id, moved.step)));
        }
        let ended = entry.task.has_ended();
        for moved in moves.drain(..) {
            self.settle(id, moved.step);
        }
        self.moves = moves;
        if served {
            let entry = self.tasks.get_mut(&id);
            if let Some(Entry { task, queues, .. }) = entry {
                self.ready.served(queues, claim_of(task));
            }
        } else {
            if ended {
                self.cancel_expiry(id);
            }
            self.watch(id, record.at());
        }
    }

    fn end_backoff(&mut self, id: TaskId, step: StepIndex) {
        let Some(entry) = self.tasks.get_mut(&id) else {
            return;
        };
        if entry.task.step(step).state == StepState::WaitingForRetry {
            entry.task.retry_is_due(step);
            self.settle(id, step);
            self.unwatch(id);
        }
    }

    /// Makes what is known of a step besides its task agree with its state.
    fn settle(&mut self, id: TaskId, index: StepIndex) {
        let State {
            tasks,
            ready,
            workers,
            timers,
            ..
        } = self;
        let Some(entry) = tasks.get_mut(&id) else {
            return;
        };
        let (task, queues) = (&entry.task, &mut entry.queues);
        let step = task.step(index);
        let lane = entry.lanes[step.node as usize];
        if entry.places.len() <= index as usize {
            entry.places.resize(task.steps.len(), Place::Nowhere);
        }
        let place = &mut entry.places[index as usize];
        match *place {
            Place::Nowhere => {}
            Place::Ready(since) => ready.remove(queues, claim_of(task), lane, since, index),
            Place::Retry(at) => {
                timers.remove(&(at, Timer::Retry(id, index)));
            }
            Place::Live(instance, deadline) => {
                workers.release(instance, id, index);
                if let Some(deadline) = deadline {
                    timers.remove(&(deadline, Timer::Timeout(id, index)));
                }
            }
        }
        *place = match step.state {
            StepState::Enqueued => {
                ready.push(queues, claim_of(task), lane, step.ready_at, index);
                Place::Ready(step.ready_at)
            }
            StepState::WaitingForRetry => {
                timers.insert((step.ready_at, Timer::Retry(id, index)));
                Place::Retry(step.ready_at)
            }
            StepState::InProgress => match (&step.worker, step.attempt_at) {
                (Some(worker), Some(started_at)) => {
                    let holder = workers.entry(worker.instance);
                    holder.live.insert((id, index));
                    if let Some(caution) = &mut holder.caution {
                        caution.given();
                    }
                    let deadline = deadline(task, index, started_at);
                    if let Some(deadline) = deadline {
                        timers.insert((deadline, Timer::Timeout(id, index)));
                    }
                    Place::Live(worker.instance, deadline)
                }
                _ => Place::Nowhere,
            },
            StepState::Pending
            | StepState::Complete
            | StepState::Error
            | StepState::Cancelled
            | StepState::ResolvedManually => Place::Nowhere,
        };
    }

    fn evict(&mut self, id: TaskId) {
        self.cancel_expiry(id);
        self.unwatch(id);
        if let Some(entry) = self.tasks.remove(&id) {
            self.steps -= entry.task.steps.len();
            self.ready.forget(&entry.queues);
            for (step, place) in (0..).zip(entry.places) {
                match place {
                    Place::Nowhere | Place::Ready(_) => {}
                    Place::Retry(at) => {
                        self.timers.remove(&(at, Timer::Retry(id, step)));
                    }
                    Place::Live(instance, deadline) => {
                        self.workers.release(instance, id, step);
                        if let Some(deadline) = deadline {
                            self.timers.remove(&(deadline, Timer::Timeout(id, step)));
                        }
                    }
                }
            }
        }
    }
}

impl Entry {
    /// The task's turn goes on, or begins with this step.
    fn serve(&mut self, step: StepIndex, now: Time) {
        if self.turn.is_some_and(|turn| turn.lasts(now)) {
            return;
        }
        if let Some(step) = self.task.steps.get(step as usize) {
            let waits_since = step.ready_at.max(self.task.dispatched_at);
            self.turn = Some(Turn::new(now, mark(self.task.priority, waits_since)));
        }
    }
}

fn claim_of(task: &Task) -> Claim {
    Claim {
        task: task.id,
        priority: task.priority,
        served_at: task.dispatched_at,
    }
}

/// An attempt as messages name it.
pub(crate) fn attempt_ref(task: &Task, step: StepIndex) -> AttemptRef {
    let Step { uuid, attempts, .. } = task.step(step);
    AttemptRef {
        task_uuid: task.id,
        step_uuid: *uuid,
        attempt: *attempts,
    }
}
