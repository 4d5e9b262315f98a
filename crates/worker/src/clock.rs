//! The session's clock.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// A clock that goes on while the machine is suspended, which the monotonic clock of [`std::time::Instant`] does not: the
/// engine's goes on too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Duration,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { started: now() }
    }

    /// The time since its start.
    pub(crate) fn elapsed(&self) -> Duration {
        now().saturating_sub(self.started)
    }
}

fn now() -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::Boottime);
    // The kernel gives neither a negative time nor a second's worth of nanoseconds.
    Duration::new(
        u64::try_from(tv_sec).unwrap_or_default(),
        u32::try_from(tv_nsec).unwrap_or_default(),
    )
}
