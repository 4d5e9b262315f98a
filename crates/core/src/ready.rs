//! Steps that wait for a worker: one queue, called a lane, for each callable of a namespace.
//!
//! A step's effective priority is its task's, plus one for each full ten seconds since the later of two moments: the
//! step became ready, its task last had a step dispatched. Higher goes first; among equals tasks take turns, each with
//! its oldest ready step.
//!
//! A lane therefore orders tasks by that later moment made earlier by ten seconds for each point of priority, here
//! called the task's mark. As priorities are whole numbers, the effective priority is the number of full ten seconds
//! since the mark, at any time: so the order by marks is the order by effective priority, and never changes by waiting.
//! A task that is served gets the mark of its priority's end of the line, so tasks of equal priority take turns. A turn
//! lasts a while: see [`turn`](crate::turn).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::turn::mark;
use crate::worker::Workers;
use crate::{Graph, Instance, StepIndex, TaskId, Time};

/// A lane's number.
pub type LaneId = usize;

/// A task's place in a lane; lower goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    mark: i64,
    /// Whose turn it is among equals: drawn when the task comes and whenever it is served.
    ticket: u64,
    /// The task's oldest step in this lane: among the lanes of one task, the oldest goes first.
    oldest: (Time, StepIndex),
}

impl Place {
    /// The place of a task's steps in a lane.
    pub fn new(claim: Claim, ticket: u64, oldest: (Time, StepIndex)) -> Place {
        Place {
            mark: mark(claim.priority, oldest.0.max(claim.served_at)),
            ticket,
            oldest,
        }
    }

    /// The same step's place after its task was served.
    pub fn after(self, claim: Claim, ticket: u64) -> Place {
        Place::new(claim, ticket, self.oldest)
    }

    /// The moment by which it is ordered.
    pub fn mark(&self) -> i64 {
        self.mark
    }

    /// The turn that the place was given for.
    pub fn ticket(&self) -> u64 {
        self.ticket
    }
}

/// The ready steps of one callable in one namespace.
#[derive(Clone, Debug)]
pub struct Lane {
    /// The namespace.
    pub namespace: Arc<str>,
    /// The callable.
    pub callable: Arc<str>,
    /// Connected workers that can run it.
    pub servers: Vec<Instance>,
    tasks: BTreeMap<Place, TaskId>,
}

impl Lane {
    /// The tasks in the order in which they go.
    pub fn tasks(&self) -> impl Iterator<Item = (Place, TaskId)> {
        self.tasks.iter().map(|(place, task)| (*place, *task))
    }
}

/// The ready steps of one task in one lane, oldest first.
#[derive(Clone, Debug)]
pub struct Queue {
    lane: LaneId,
    place: Place,
    steps: BTreeSet<(Time, StepIndex)>,
}

/// The ready steps of one task: a queue for each lane that it has steps in, few.
#[derive(Clone, Debug, Default)]
pub struct Queues {
    list: Vec<Queue>,
    ticket: u64,
}

impl Queues {
    /// The steps in a lane with the time at which they became ready, oldest first.
    pub fn steps(&self, lane: LaneId) -> impl Iterator<Item = (Time, StepIndex)> {
        let queue = self.list.iter().find(|queue| queue.lane == lane);
        queue
            .into_iter()
            .flat_map(|queue| queue.steps.iter().copied())
    }
}

/// Whose ready steps a queue holds.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// The task.
    pub task: TaskId,
    /// Its priority.
    pub priority: i16,
    /// When it was last served.
    pub served_at: Time,
}

/// All ready steps.
#[derive(Clone, Debug, Default)]
pub struct Ready {
    lanes: Vec<Lane>,
    numbers: HashMap<(Arc<str>, Arc<str>), LaneId>,
    waiting: BTreeSet<LaneId>,
    tickets: u64,
}

impl Ready {
    /// The lanes of a graph's nodes, in their order; made when they are new.
    pub fn lanes_of(&mut self, graph: &Graph, workers: &Workers) -> Vec<LaneId> {
        graph
            .nodes
            .iter()
            .map(|node| {
                let key = (Arc::clone(&graph.namespace), Arc::clone(&node.callable));
                *self.numbers.entry(key).or_insert_with_key(|key| {
                    let mut lane = Lane {
                        namespace: Arc::clone(&key.0),
                        callable: Arc::clone(&key.1),
                        servers: Vec::new(),
                        tasks: BTreeMap::new(),
                    };
                    for (instance, worker) in workers.iter() {
                        if worker.can_run(&lane.namespace, &lane.callable) {
                            lane.servers.push(instance);
                        }
                    }
                    self.lanes.push(lane);
                    self.lanes.len() - 1
                })
            })
            .collect()
    }

    /// Lanes that have ready steps.
    pub fn waiting(&self) -> impl Iterator<Item = (LaneId, &Lane)> {
        self.waiting.iter().map(|lane| (*lane, &self.lanes[*lane]))
    }

    /// The ticket of whoever comes next.
    pub fn next_ticket(&self) -> u64 {
        self.tickets + 1
    }

    /// Puts a step into a lane.
    pub fn push(
        &mut self,
        queues: &mut Queues,
        claim: Claim,
        lane: LaneId,
        ready_at: Time,
        step: StepIndex,
    ) {
        let entry = (ready_at, step);
        if queues.list.is_empty() {
            queues.ticket = self.draw();
        }
        let ticket = queues.ticket;
        match queues.list.iter_mut().find(|queue| queue.lane == lane) {
            Some(queue) => {
                queue.steps.insert(entry);
                if entry < queue.place.oldest {
                    self.place(queue, claim, ticket);
                }
            }
            None => {
                let mut queue = Queue {
                    lane,
                    place: Place::new(claim, ticket, entry),
                    steps: BTreeSet::from([entry]),
                };
                self.place(&mut queue, claim, ticket);
                queues.list.push(queue);
            }
        }
    }

    /// Takes a step out of a lane.
    pub fn remove(
        &mut self,
        queues: &mut Queues,
        claim: Claim,
        lane: LaneId,
        ready_at: Time,
        step: StepIndex,
    ) {
        let Some(index) = queues.list.iter().position(|queue| queue.lane == lane) else {
            return;
        };
        let queue = &mut queues.list[index];
        queue.steps.remove(&(ready_at, step));
        if queue.steps.is_empty() {
            self.leave(queue);
            queues.list.swap_remove(index);
        } else if queue.place.oldest == (ready_at, step) {
            self.place(queue, claim, queues.ticket);
        }
    }

    /// The task was served: it goes behind its equals in every lane.
    pub fn served(&mut self, queues: &mut Queues, claim: Claim) {
        if !queues.list.is_empty() {
            queues.ticket = self.draw();
        }
        for queue in &mut queues.list {
            self.place(queue, claim, queues.ticket);
        }
    }

    /// Takes a task out of all lanes.
    pub fn forget(&mut self, queues: &Queues) {
        for queue in &queues.list {
            self.leave(queue);
        }
    }

    fn draw(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    fn place(&mut self, queue: &mut Queue, claim: Claim, ticket: u64) {
        let Some(oldest) = queue.steps.first() else {
            return;
        };
        let tasks = &mut self.lanes[queue.lane].tasks;
        tasks.remove(&queue.place);
        queue.place = Place::new(claim, ticket, *oldest);
        tasks.insert(queue.place, claim.task);
        self.waiting.insert(queue.lane);
    }

    fn leave(&mut self, queue: &Queue) {
        let lane = &mut self.lanes[queue.lane];
        lane.tasks.remove(&queue.place);
        if lane.tasks.is_empty() {
            self.waiting.remove(&queue.lane);
        }
    }

    /// A worker's session was opened or closed: which lanes it serves may differ now.
    pub fn worker_changed(&mut self, instance: Instance, workers: &Workers) {
        let worker = workers.get(instance);
        for lane in &mut self.lanes {
            lane.servers.retain(|server| *server != instance);
            if worker.is_some_and(|worker| worker.can_run(&lane.namespace, &lane.callable)) {
                lane.servers.push(instance);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: i64) -> Time {
        Time(seconds * 1_000_000)
    }

    fn place(priority: i16, ready: i64, served: i64) -> Place {
        let claim = Claim {
            task: TaskId::nil(),
            priority,
            served_at: seconds(served),
        };
        Place::new(claim, 0, (seconds(ready), 0))
    }

    /// The example of docs/states.md, "Which step goes first".
    #[test]
    fn whoever_waited_longest_goes_first_and_a_point_of_priority_counts_as_ten_seconds() {
        let (first, urgent, late) = (place(0, 0, 0), place(1, 5, 0), place(0, 20, 0));
        assert!(urgent < first && first < late);
        let served = place(0, 0, 120);
        assert!(late < served);
    }
}
