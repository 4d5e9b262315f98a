//! Points in time, handed in by whoever has a clock.

use std::ops::Add;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Microseconds since 1970-01-01 00:00 UTC.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct Time(pub i64);

impl Time {
    /// The time from `earlier` to this one; zero when it is not earlier.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Add<Duration> for Time {
    type Output = Time;

    fn add(self, duration: Duration) -> Time {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Time(self.0.saturating_add(micros))
    }
}
