//! Clocks. The simulator knows the true time; an engine's clock is the journal's time, read once and carried on by the
//! monotonic clock; the journal's time may jump.

use std::time::Duration;

use tasker_core::Time;

/// When every simulation begins, in true time.
pub const START: Time = Time(1_795_000_000_000_000);

/// An engine's clock.
#[derive(Clone, Copy, Debug)]
pub struct EngineClock {
    base: Time,
    read_at: Time,
}

impl EngineClock {
    /// A clock that shows `base` at the true time `read_at`.
    pub fn new(base: Time, read_at: Time) -> EngineClock {
        EngineClock { base, read_at }
    }

    /// What it shows at a true time.
    pub fn at(&self, truth: Time) -> Time {
        self.base + truth.since(self.read_at)
    }

    /// The true time at which it shows `time`.
    pub fn truth(&self, time: Time) -> Time {
        self.read_at + time.since(self.base)
    }
}

/// The time before `time`.
pub fn before(time: Time, duration: Duration) -> Time {
    Time(
        time.0
            .saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)),
    )
}
