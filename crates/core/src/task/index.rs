//! Finding a task's step by its identifier.

use rustc_hash::FxHashMap;
use uuid::Uuid;

use crate::StepIndex;
use crate::task::Step;

/// Up to this many steps, looking at each is faster than a table.
const FEW: usize = 16;

/// A table of the steps by identifier, made once a task has more than a few.
#[derive(Clone, Debug, Default)]
pub struct Index(Option<FxHashMap<Uuid, StepIndex>>);

impl Index {
    /// Adds a step that is about to be the next one after `steps`.
    pub fn add(&mut self, uuid: Uuid, index: StepIndex, steps: &[Step]) {
        if steps.len() >= FEW {
            let table = self.0.get_or_insert_with(|| {
                let known = (0..).zip(steps).map(|(index, step)| (step.uuid, index));
                known.collect()
            });
            table.insert(uuid, index);
        }
    }

    /// The step with this identifier.
    pub fn find(&self, uuid: Uuid, steps: &[Step]) -> Option<StepIndex> {
        match &self.0 {
            Some(table) => table.get(&uuid).copied(),
            None => (0..)
                .zip(steps)
                .find(|(_, step)| step.uuid == uuid)
                .map(|(index, _)| index),
        }
    }
}
