//! Clocks. The simulator knows the true time; an engine's clock is the core's, which follows the journal's; the journal's
//! may jump.

use std::time::Duration;

use tasker_core::Time;
use tasker_core::clock::Clock;

/// When every simulation begins, in true time.
pub const START: Time = Time(1_795_000_000_000_000);

/// How often an engine reads the journal's clock.
const READING: Duration = Duration::from_secs(5);

/// An engine's clock.
#[derive(Clone, Copy, Debug)]
pub struct EngineClock {
    clock: Clock,
    started: Time,
    next_reading: Time,
}

impl EngineClock {
    /// A clock that shows `base` at the true time `started`.
    pub fn new(base: Time, started: Time) -> EngineClock {
        EngineClock {
            clock: Clock::new(base, Duration::ZERO),
            started,
            next_reading: started + READING,
        }
    }

    /// What it shows at a true time.
    pub fn at(&self, truth: Time) -> Time {
        self.clock.at(truth.since(self.started))
    }

    /// When it will show `time`, or shortly before, seen from the true time `now`.
    pub fn truth(&self, time: Time, now: Time) -> Time {
        now + time.since(self.at(now))
    }

    /// Reads the journal's clock now and then; a jump leaves it as it was.
    pub fn follow(&mut self, journal: Time, truth: Time) {
        if truth >= self.next_reading {
            self.next_reading = truth + READING;
            let monotonic = truth.since(self.started);
            // Whoever runs an engine is told of a jump; nothing follows from it.
            let _ = self.clock.read(journal, monotonic);
        }
    }
}
