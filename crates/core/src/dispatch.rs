//! Which ready step goes to which worker.
//!
//! The lanes that have both a ready step and a free slot compete by the places of their first tasks; see
//! [`ready`](crate::ready) for what a place is. Steps that go on within their task's [`turn`](crate::turn) come first. A
//! step goes to the worker that has most slots free, so that load spreads.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::iter::Peekable;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::event::Change;
use crate::ready::{Claim, Lane, LaneId, Place};
use crate::record::Record;
use crate::worker::Worker;
use crate::{Instance, State, StepIndex, TaskId, Time};

/// The starts that are possible now.
pub fn dispatch(state: &State, now: Time) -> Vec<Change> {
    let mut round = Round::new(state, now);
    let mut starts = Vec::new();
    let going_on = round.go_on();
    let rest = std::iter::from_fn(|| round.next());
    for (task, step, instance) in going_on.into_iter().chain(rest) {
        if let (Some(task), Some(worker)) = (state.task(task), state.workers().get(instance)) {
            starts.push(Change::Recorded {
                task: task.id,
                record: Record::Started {
                    step,
                    attempt: task.step(step).attempts + 1,
                    at: now,
                    instance,
                    worker_id: worker.name(),
                },
            });
        }
    }
    if !state.nothing_goes_on() {
        starts.push(Change::GivenOut);
    }
    starts
}

/// A step's start at a worker.
type Start = (TaskId, StepIndex, Instance);

/// What is given out in one go, without the state being changed in between.
struct Round<'a> {
    state: &'a State,
    now: Time,
    free: FxHashMap<Instance, u32>,
    lanes: Vec<Line<'a>>,
    /// The first task of each lane that may have a free slot.
    first: BinaryHeap<Reverse<(Place, usize)>>,
    /// The tasks that were served in this round, with their last turns.
    served: FxHashMap<TaskId, (Claim, u64)>,
    /// The steps that went on: they still stand in their lanes.
    gone_on: FxHashSet<(TaskId, StepIndex)>,
    ticket: u64,
}

type Steps<'a> = Peekable<Box<dyn Iterator<Item = (Time, StepIndex)> + 'a>>;

/// A lane while it is being served.
struct Line<'a> {
    lane: &'a Lane,
    id: LaneId,
    tasks: Peekable<Box<dyn Iterator<Item = (Place, TaskId)> + 'a>>,
    /// Tasks that were served in this round and have more to run.
    again: BinaryHeap<Reverse<(Place, TaskId)>>,
    /// What is left of the ready steps of the tasks that were served from this lane.
    rest: FxHashMap<TaskId, Steps<'a>>,
}

impl<'a> Round<'a> {
    fn new(state: &'a State, now: Time) -> Round<'a> {
        let mut round = Round {
            state,
            now,
            free: FxHashMap::default(),
            lanes: Vec::new(),
            first: BinaryHeap::new(),
            served: FxHashMap::default(),
            gone_on: FxHashSet::default(),
            ticket: state.ready().next_ticket(),
        };
        for (id, lane) in state.ready().waiting() {
            for &server in &lane.servers {
                let slots = || state.workers().get(server).map_or(0, Worker::free);
                round.free.entry(server).or_insert_with(slots);
            }
            if lane.servers.iter().any(|server| round.free[server] > 0) {
                let tasks: Box<dyn Iterator<Item = _>> = Box::new(lane.tasks());
                round.lanes.push(Line {
                    lane,
                    id,
                    tasks: tasks.peekable(),
                    again: BinaryHeap::new(),
                    rest: FxHashMap::default(),
                });
                round.enter(round.lanes.len() - 1);
            }
        }
        round
    }

    /// Starts the steps that go on within their tasks' turns.
    fn go_on(&mut self) -> Vec<Start> {
        let Some(Reverse((first, _))) = self.first.peek() else {
            return Vec::new();
        };
        let first = first.mark();
        let numbers = self.lanes.iter().enumerate();
        let numbers: FxHashMap<LaneId, usize> =
            numbers.map(|(number, line)| (line.id, number)).collect();
        let mut starts = Vec::new();
        for (id, step, lane, turn) in self.state.going_on() {
            let Some(&number) = numbers.get(&lane) else {
                continue;
            };
            if turn.lasts(self.now)
                && turn.precedes(first, self.now)
                && let Some(instance) = self.freest(number)
            {
                self.take_slot(instance);
                self.serve(id);
                self.gone_on.insert((id, step));
                starts.push((id, step, instance));
            }
        }
        starts
    }

    /// The next step to start, and where.
    fn next(&mut self) -> Option<Start> {
        while let Some(Reverse((place, number))) = self.first.pop() {
            if self.head(number) != Some(place) {
                // Its first task was served from another lane meanwhile.
                self.enter(number);
                continue;
            }
            let Some(instance) = self.freest(number) else {
                continue;
            };
            let task = self.lanes[number].take(place);
            let step = task.and_then(|task| Some((task, self.step_of(number, task)?)));
            self.enter(number);
            if let Some((task, step)) = step {
                self.take_slot(instance);
                return Some((task, step, instance));
            }
        }
        None
    }

    /// The oldest step of a task that is left in a lane; the task goes behind its equals.
    fn step_of(&mut self, number: usize, id: TaskId) -> Option<StepIndex> {
        let state = self.state;
        let Line { id: lane, rest, .. } = &mut self.lanes[number];
        let steps = rest.entry(id).or_insert_with(|| {
            let steps: Box<dyn Iterator<Item = _>> = Box::new(state.ready_steps(id, *lane));
            steps.peekable()
        });
        let gone_on = &self.gone_on;
        let (_, step) = steps.find(|(_, step)| !gone_on.contains(&(id, *step)))?;
        let oldest = steps.peek().copied();
        let (claim, ticket) = self.serve(id)?;
        if let Some(oldest) = oldest {
            let place = Place::new(claim, ticket, oldest);
            self.lanes[number].again.push(Reverse((place, id)));
        }
        Some(step)
    }

    /// Notes that a task is served.
    fn serve(&mut self, task: TaskId) -> Option<(Claim, u64)> {
        let claim = Claim {
            task,
            priority: self.state.task(task)?.priority,
            served_at: self.now,
        };
        let ticket = self.ticket;
        self.ticket += 1;
        self.served.insert(task, (claim, ticket));
        Some((claim, ticket))
    }

    /// Of the workers that serve a lane, the one with most slots free, if it has any.
    fn freest(&self, number: usize) -> Option<Instance> {
        let servers = self.lanes[number].lane.servers.iter();
        let best = servers.min_by_key(|server| Reverse(self.free[*server]))?;
        (self.free[best] > 0).then_some(*best)
    }

    fn take_slot(&mut self, instance: Instance) {
        self.free.entry(instance).and_modify(|slots| *slots -= 1);
    }

    /// Lets a lane compete with its first task.
    fn enter(&mut self, number: usize) {
        if let Some(place) = self.head(number) {
            self.first.push(Reverse((place, number)));
        }
    }

    /// The place of a lane's first task. A task that was served from another lane has a later place by now.
    fn head(&mut self, number: usize) -> Option<Place> {
        let Round { lanes, served, .. } = self;
        let line = &mut lanes[number];
        let later = |place: Place, task: &TaskId| {
            let (claim, ticket) = *served.get(task)?;
            (ticket > place.ticket()).then(|| place.after(claim, ticket))
        };
        while let Some((place, task)) = line.tasks.peek().copied()
            && let Some(served) = later(place, &task)
        {
            line.tasks.next();
            line.again.push(Reverse((served, task)));
        }
        while let Some(Reverse((place, task))) = line.again.peek().copied()
            && let Some(served) = later(place, &task)
        {
            line.again.pop();
            line.again.push(Reverse((served, task)));
        }
        let fresh = line.tasks.peek().map(|(place, _)| *place);
        let again = line.again.peek().map(|Reverse((place, _))| *place);
        fresh.into_iter().chain(again).min()
    }
}

impl Line<'_> {
    /// Takes the task that has this place.
    fn take(&mut self, place: Place) -> Option<TaskId> {
        match self.tasks.next_if(|(first, _)| *first == place) {
            Some((_, task)) => Some(task),
            None => self.again.pop().map(|Reverse((_, task))| task),
        }
    }
}
