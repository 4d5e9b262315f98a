//! Steps that wait for a worker: one queue, called a lane, for each callable of a namespace.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::worker::Workers;
use crate::{Graph, Instance, StepIndex, TaskId, Time};

/// A point of priority is worth this much waiting, in microseconds.
const MICROS_PER_PRIORITY: i64 = 10_000_000;

/// A lane's number.
pub type LaneId = usize;

/// A step's place in its lane; lower goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The time at which the step became ready, earlier by ten seconds for each point of priority: so a step that
    /// has waited ten seconds longer is level with one that has a point more.
    order: i64,
    /// Among equals, first come first served.
    ticket: u64,
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
    steps: BTreeMap<Place, (TaskId, StepIndex)>,
}

impl Lane {
    /// The steps in the order in which they go.
    pub fn steps(&self) -> impl Iterator<Item = (Place, TaskId, StepIndex)> {
        self.steps
            .iter()
            .map(|(place, (task, step))| (*place, *task, *step))
    }
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
    /// The lanes of a graph's steps, in their order; made when they are new.
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
                        steps: BTreeMap::new(),
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

    /// Puts a step into a lane.
    pub fn push(
        &mut self,
        lane: LaneId,
        task: TaskId,
        step: StepIndex,
        ready_at: Time,
        priority: i16,
    ) -> Place {
        self.tickets += 1;
        let place = Place {
            order: ready_at
                .0
                .saturating_sub(i64::from(priority) * MICROS_PER_PRIORITY),
            ticket: self.tickets,
        };
        self.lanes[lane].steps.insert(place, (task, step));
        self.waiting.insert(lane);
        place
    }

    /// Takes a step out of a lane.
    pub fn remove(&mut self, lane: LaneId, place: Place) {
        self.lanes[lane].steps.remove(&place);
        if self.lanes[lane].steps.is_empty() {
            self.waiting.remove(&lane);
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
