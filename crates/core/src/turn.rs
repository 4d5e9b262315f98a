//! A task's turn: while it lasts, each step that a success of the task makes ready goes on in the slot that the success
//! freed, unless a step of higher effective priority waits.
//!
//! So a chain of short steps runs through, its steps' outcomes and starts share a commit and a row of the journal, and
//! tasks end one after the other instead of all at last. A turn begins when the task is served after its last one is
//! over. Only one step goes on for each success: the others of a fan-out, and batches, wait as usual.

use std::time::Duration;

use crate::Time;

/// How long a turn lasts.
const LENGTH: Duration = Duration::from_secs(1);

/// A point of priority is worth this much waiting, in microseconds.
const MICROS_PER_PRIORITY: i64 = 10_000_000;

/// When a task of this priority that waits since `since` would have begun to wait, if its priority were 0.
pub fn mark(priority: i16, since: Time) -> i64 {
    since
        .0
        .saturating_sub(i64::from(priority) * MICROS_PER_PRIORITY)
}

/// The effective priority of what has this mark.
fn effective_priority(mark: i64, now: Time) -> i64 {
    now.0.saturating_sub(mark).div_euclid(MICROS_PER_PRIORITY)
}

/// A task's last turn.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    began: Time,
    /// The mark with which the task was served then.
    mark: i64,
}

impl Turn {
    /// A turn that begins now.
    pub fn new(now: Time, mark: i64) -> Turn {
        Turn { began: now, mark }
    }

    /// Whether it still lasts.
    pub fn lasts(&self, now: Time) -> bool {
        now <= self.began + LENGTH
    }

    /// Whether it comes before what waits with another mark.
    pub fn precedes(&self, waiting: i64, now: Time) -> bool {
        effective_priority(self.mark, now) >= effective_priority(waiting, now)
    }
}
