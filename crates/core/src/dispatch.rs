//! Which ready step goes to which worker.
//!
//! The lanes that have both a ready step and a free slot compete by their first steps' places. A step goes to the worker
//! that has most slots free, so that load spreads.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use crate::event::Change;
use crate::record::Record;
use crate::{Instance, State, Time};

/// The starts that are possible now.
pub fn dispatch(state: &State, now: Time) -> Vec<Change> {
    let mut free: HashMap<Instance, u32> = HashMap::new();
    let mut lanes = Vec::new();
    let mut first = BinaryHeap::new();
    for (_, lane) in state.ready().waiting() {
        let mut steps = lane.steps();
        if let (false, Some(head)) = (lane.servers.is_empty(), steps.next()) {
            for &server in &lane.servers {
                free.entry(server).or_insert_with(|| slots(state, server));
            }
            first.push(Reverse((head, lanes.len())));
            lanes.push((lane, steps));
        }
    }
    let mut starts = Vec::new();
    while let Some(Reverse(((_, id, step), number))) = first.pop() {
        let (lane, steps) = &mut lanes[number];
        let best = lane
            .servers
            .iter()
            .min_by_key(|server| Reverse(free[*server]));
        let Some(instance) = best.copied().filter(|server| free[server] > 0) else {
            continue;
        };
        if let (Some(task), Some(worker)) = (state.task(id), state.workers().get(instance)) {
            free.entry(instance).and_modify(|slots| *slots -= 1);
            starts.push(Change::Recorded {
                task: id,
                record: Record::Started {
                    step,
                    attempt: task.step(step).attempts + 1,
                    at: now,
                    instance,
                    worker_id: worker.name().to_owned(),
                },
            });
        }
        if let Some(head) = steps.next() {
            first.push(Reverse((head, number)));
        }
    }
    starts
}

fn slots(state: &State, instance: Instance) -> u32 {
    state
        .workers()
        .get(instance)
        .map_or(0, crate::worker::Worker::free)
}
