//! The attempts that a worker holds, from their dispatch until the engine has accepted their outcome.

use std::collections::{BTreeMap, BTreeSet};

use tasker_protocol::frame::{AttemptRef, Outcome};

/// Each attempt is in exactly one of the three; how many there are is derived from them, never counted along.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    running: BTreeSet<AttemptRef>,
    /// Given out and since cancelled by the engine: the handler may still run.
    cancelled: BTreeSet<AttemptRef>,
    /// Finished; the engine has not yet said that it has the outcome.
    finished: BTreeMap<AttemptRef, Outcome>,
}

/// What to do with a dispatch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// Give it to a handler.
    Taken,
    /// It is held already.
    Duplicate,
    /// No slot is free.
    Full,
}

impl Attempts {
    pub(super) fn admit(&mut self, attempt: AttemptRef, slots: u32) -> Admission {
        if self.contains(&attempt) {
            Admission::Duplicate
        } else if self.running.len() + self.cancelled.len() >= slots as usize {
            Admission::Full
        } else {
            self.running.insert(attempt);
            Admission::Taken
        }
    }

    /// Marks a running attempt as cancelled; false when it is not running, or cancelled already.
    pub(super) fn cancel(&mut self, attempt: AttemptRef) -> bool {
        self.running.remove(&attempt) && self.cancelled.insert(attempt)
    }

    /// Keeps the outcome of an attempt whose handler has ended; false when there is no such attempt.
    pub(super) fn finish(&mut self, outcome: Outcome) -> bool {
        let attempt = outcome.attempt_ref();
        let was_held = self.running.remove(&attempt) || self.cancelled.remove(&attempt);
        if was_held {
            self.finished.insert(attempt, outcome);
        }
        was_held
    }

    /// Forgets a finished attempt; one whose handler still runs stays.
    pub(super) fn accepted(&mut self, attempt: &AttemptRef) {
        self.finished.remove(attempt);
    }

    pub(super) fn contains(&self, attempt: &AttemptRef) -> bool {
        self.running.contains(attempt)
            || self.cancelled.contains(attempt)
            || self.finished.contains_key(attempt)
    }

    /// Whether the attempt's handler may still run.
    pub(super) fn is_running(&self, attempt: &AttemptRef) -> bool {
        self.running.contains(attempt) || self.cancelled.contains(attempt)
    }

    /// Every attempt held, for the greeting.
    pub(super) fn all(&self) -> Vec<AttemptRef> {
        self.running
            .iter()
            .chain(&self.cancelled)
            .chain(self.finished.keys())
            .copied()
            .collect()
    }

    /// Outcomes that the engine has not yet accepted.
    pub(super) fn unaccepted(&self) -> impl Iterator<Item = &Outcome> {
        self.finished.values()
    }

    /// Cancelled attempts whose handlers still hold a slot.
    pub(super) fn cancelled(&self) -> u32 {
        u32::try_from(self.cancelled.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn len(&self) -> usize {
        self.running.len() + self.cancelled.len() + self.finished.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
