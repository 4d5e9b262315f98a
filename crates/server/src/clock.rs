//! The engine's clock: PostgreSQL's time, read once and carried on by the monotonic clock, so that a jump of the
//! machine's clock fires nothing early.

use std::time::Duration;

use tasker_core::Time;
use tokio::time::Instant;

/// A clock that never goes back.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    base: Time,
    read_at: Instant,
}

impl Clock {
    /// A clock that shows `base` now.
    pub fn new(base: Time) -> Clock {
        Clock {
            base,
            read_at: Instant::now(),
        }
    }

    /// The time now.
    pub fn now(&self) -> Time {
        self.base + self.read_at.elapsed()
    }

    /// When the clock will show `time`.
    pub fn instant(&self, time: Time) -> Instant {
        self.read_at + time.since(self.base) + Duration::from_micros(1)
    }
}
