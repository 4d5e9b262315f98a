//! What concerns tasks that are not in memory: their tasks are read again, one reading at a time.
//!
//! A second reading of a task that began beside the first would not see what follows from the first, and the same late
//! outcome would be recorded twice.

use std::collections::BTreeMap;

use tasker_protocol::frame::AttemptRef;

use crate::gateway::Texts;
use crate::worker::SessionId;
use crate::{Event, TaskId};

/// An outcome for a task that is not in memory.
#[derive(Clone, Debug)]
pub struct Missed {
    /// What happened.
    pub event: Event,
    /// The outcome's texts.
    pub texts: Option<Texts>,
    /// The worker's session.
    pub session: SessionId,
    /// The attempt.
    pub attempt: AttemptRef,
}

/// The tasks that are being read, with what waits for them.
#[derive(Debug)]
pub struct Readings<W>(BTreeMap<TaskId, Vec<W>>);

impl<W> Default for Readings<W> {
    fn default() -> Readings<W> {
        Readings(BTreeMap::new())
    }
}

impl<W> Readings<W> {
    /// Adds something that waits for a task. Whether the task is to be read now; it may be being read already.
    pub fn add(&mut self, task: TaskId, waits: W) -> bool {
        let waiting = self.0.entry(task).or_default();
        waiting.push(waits);
        waiting.len() == 1
    }

    /// Whether no task is being read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a task is being read.
    pub fn has(&self, task: TaskId) -> bool {
        self.0.contains_key(&task)
    }

    /// A task was read, or there is none: what has waited for it, in the order in which it came.
    pub fn end(&mut self, task: TaskId) -> Vec<W> {
        self.0.remove(&task).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_task_is_read_once_for_all_that_comes_meanwhile() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut readings = Readings::default();
        assert!(readings.add(one, 11));
        assert!(readings.add(two, 21));
        assert!(!readings.add(one, 12));
        assert!(readings.has(one));
        assert_eq!(readings.end(one), [11, 12]);
        assert!(!readings.has(one) && !readings.is_empty());
        assert!(readings.add(one, 13), "it is read anew");
        assert_eq!(readings.end(two), [21]);
        assert!(readings.end(two).is_empty());
        assert_eq!(readings.end(one), [13]);
        assert!(readings.is_empty());
    }
}
