//! Outcomes for tasks that are not in memory: their tasks are read again, one reading at a time.
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

impl Missed {
    /// The task that is to be read.
    pub fn task(&self) -> TaskId {
        self.attempt.task_uuid
    }
}

/// The tasks that are being read, with the outcomes that wait for them.
#[derive(Debug, Default)]
pub struct Readings(BTreeMap<TaskId, Vec<Missed>>);

impl Readings {
    /// Adds an outcome. The task that is to be read now; none when it is being read already.
    pub fn add(&mut self, missed: Missed) -> Option<TaskId> {
        let task = missed.task();
        let waiting = self.0.entry(task).or_default();
        waiting.push(missed);
        (waiting.len() == 1).then_some(task)
    }

    /// A task was read, or there is none: the outcomes that have waited for it, in the order in which they came.
    pub fn end(&mut self, task: TaskId) -> Vec<Missed> {
        self.0.remove(&task).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn missed(task: u128, attempt: u32) -> Missed {
        Missed {
            event: Event::Tick,
            texts: None,
            session: SessionId(1),
            attempt: AttemptRef {
                task_uuid: Uuid::from_u128(task),
                step_uuid: Uuid::nil(),
                attempt,
            },
        }
    }

    #[test]
    fn a_task_is_read_once_for_all_the_outcomes_that_come_meanwhile() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut readings = Readings::default();
        assert_eq!(readings.add(missed(1, 1)), Some(one));
        assert_eq!(readings.add(missed(2, 1)), Some(two));
        assert_eq!(readings.add(missed(1, 2)), None);
        let attempts = |missed: Vec<Missed>| -> Vec<u32> {
            missed.iter().map(|missed| missed.attempt.attempt).collect()
        };
        assert_eq!(attempts(readings.end(one)), [1, 2]);
        assert_eq!(readings.add(missed(1, 3)), Some(one), "it is read anew");
        assert_eq!(attempts(readings.end(two)), [1]);
        assert!(readings.end(two).is_empty());
    }
}
