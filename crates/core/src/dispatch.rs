//! Which ready step goes to which worker.
//!
//! The lanes that have both a ready step and a free slot compete by the places of their first tasks; see
//! [`ready`](crate::ready) for what a place is. A step goes to the worker that has most slots free, so that load spreads.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::iter::Peekable;

use rustc_hash::FxHashMap;

use crate::event::Change;
use crate::ready::{Lane, LaneId, Place, Turn};
use crate::record::Record;
use crate::worker::Worker;
use crate::{Instance, State, StepIndex, TaskId, Time};

/// The starts that are possible now.
pub fn dispatch(state: &State, now: Time) -> Vec<Change> {
    let mut round = Round::new(state, now);
    let mut starts = Vec::new();
    while let Some((task, step, instance)) = round.next() {
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
    starts
}

/// What is given out in one go, without the state being changed in between.
struct Round<'a> {
    state: &'a State,
    now: Time,
    free: FxHashMap<Instance, u32>,
    lanes: Vec<Line<'a>>,
    /// The first task of each lane that may have a free slot.
    first: BinaryHeap<Reverse<(Place, usize)>>,
    /// The tasks that were served in this round, with their last turns.
    served: FxHashMap<TaskId, (Turn, u64)>,
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

    /// The next step to start, and where.
    fn next(&mut self) -> Option<(TaskId, StepIndex, Instance)> {
        while let Some(Reverse((place, number))) = self.first.pop() {
            if self.head(number) != Some(place) {
                // Its first task was served from another lane meanwhile.
                self.enter(number);
                continue;
            }
            let line = &self.lanes[number];
            let best = line
                .lane
                .servers
                .iter()
                .min_by_key(|server| Reverse(self.free[*server]));
            let Some(instance) = best.copied().filter(|server| self.free[server] > 0) else {
                continue;
            };
            let task = self.lanes[number].take(place);
            let step = task.and_then(|task| Some((task, self.step_of(number, task)?)));
            self.enter(number);
            if let Some((task, step)) = step {
                self.free.entry(instance).and_modify(|slots| *slots -= 1);
                return Some((task, step, instance));
            }
        }
        None
    }

    /// The oldest step of a task that is left in a lane; the task goes behind its equals.
    fn step_of(&mut self, number: usize, id: TaskId) -> Option<StepIndex> {
        let Round { state, now, .. } = *self;
        let priority = state.task(id)?.priority;
        let line = &mut self.lanes[number];
        let lane = line.id;
        let steps = line.rest.entry(id).or_insert_with(|| {
            let steps: Box<dyn Iterator<Item = _>> = Box::new(state.ready_steps(id, lane));
            steps.peekable()
        });
        let (_, step) = steps.next()?;
        let turn = Turn {
            task: id,
            priority,
            served_at: now,
        };
        let ticket = self.ticket;
        self.ticket += 1;
        self.served.insert(id, (turn, ticket));
        if let Some(oldest) = steps.peek() {
            let place = Place::new(turn, ticket, *oldest);
            line.again.push(Reverse((place, id)));
        }
        Some(step)
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
            let (turn, ticket) = *served.get(task)?;
            (ticket > place.ticket()).then(|| place.after(turn, ticket))
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
