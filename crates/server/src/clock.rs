//! The engine's clock, around the core's: PostgreSQL's time, carried on by this process's monotonic clock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tasker_core::Time;
use tasker_core::clock::{self, Jump};
use tokio::time::Instant;

/// A clock that never goes back; all copies are one.
#[derive(Clone, Debug)]
pub struct Clock {
    started: Instant,
    clock: Arc<Mutex<clock::Clock>>,
}

impl Clock {
    /// A clock that shows `base` now.
    pub fn new(base: Time) -> Clock {
        Clock {
            started: Instant::now(),
            clock: Arc::new(Mutex::new(clock::Clock::new(base, Duration::ZERO))),
        }
    }

    /// The time now.
    pub fn now(&self) -> Time {
        self.with(|clock, monotonic| clock.at(monotonic))
    }

    /// PostgreSQL's clock shows `shown` now.
    ///
    /// # Errors
    /// The difference is too large to be drift: the clock goes on as it was.
    pub fn read(&self, shown: Time) -> Result<(), Jump> {
        self.with(|clock, monotonic| clock.read(shown, monotonic))
    }

    /// When the clock will show `time`, or shortly before.
    pub fn instant(&self, time: Time) -> Instant {
        Instant::now() + time.since(self.now()) + Duration::from_micros(1)
    }

    fn with<T>(&self, look: impl FnOnce(&mut clock::Clock, Duration) -> T) -> T {
        let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        look(&mut clock, self.started.elapsed())
    }
}
