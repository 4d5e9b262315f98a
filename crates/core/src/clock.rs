//! The engine's clock: PostgreSQL's time, carried on by a monotonic clock, so that a jump of any machine's clock fires
//! nothing early.
//!
//! Later readings of PostgreSQL's time only make it run up to one part in a hundred faster or slower until it agrees. A
//! difference that is too large for that is no drift but a jump: it is reported, and taken over at the next start.

use std::time::Duration;

use crate::Time;

/// The clock runs faster or slower by at most one part in this many.
const SLEW: u32 = 100;

/// A larger difference is a jump.
const LARGEST_DRIFT: Duration = Duration::from_secs(1);

/// A clock that never goes back. Readings of the monotonic clock are counted from any one moment.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// What it showed at the last reading.
    base: Time,
    /// The monotonic clock at that reading.
    read_at: Duration,
    drift: Drift,
}

/// What is still to be made up for since the last reading.
#[derive(Clone, Copy, Debug)]
enum Drift {
    /// The clock is behind.
    Behind(Duration),
    /// The clock is ahead.
    Ahead(Duration),
}

/// PostgreSQL's clock and this one differ by more than drift: the one or the other has jumped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "PostgreSQL's clock shows {shown} µs since 1970, the engine's {own} µs: one of the machines' clocks was set; the engine \
     keeps its own time until its next start"
)]
pub struct Jump {
    /// What PostgreSQL's clock shows, in microseconds since 1970.
    pub shown: i64,
    /// What this clock shows.
    pub own: i64,
}

impl Clock {
    /// A clock that shows `base` at `monotonic`.
    pub fn new(base: Time, monotonic: Duration) -> Clock {
        Clock {
            base,
            read_at: monotonic,
            drift: Drift::Behind(Duration::ZERO),
        }
    }

    /// What it shows at `monotonic`.
    pub fn at(&self, monotonic: Duration) -> Time {
        let passed = monotonic.saturating_sub(self.read_at);
        let most = passed / SLEW;
        self.base
            + match self.drift {
                Drift::Behind(drift) => passed + drift.min(most),
                Drift::Ahead(drift) => passed - drift.min(most),
            }
    }

    /// PostgreSQL's clock showed `shown` at `monotonic`.
    ///
    /// # Errors
    /// The difference is too large to be drift. Nothing changes.
    pub fn read(&mut self, shown: Time, monotonic: Duration) -> Result<(), Jump> {
        let own = self.at(monotonic);
        let (behind, ahead) = (shown.since(own), own.since(shown));
        if behind.max(ahead) > LARGEST_DRIFT {
            return Err(Jump {
                shown: shown.0,
                own: own.0,
            });
        }
        *self = Clock {
            base: own,
            read_at: monotonic,
            drift: if ahead.is_zero() {
                Drift::Behind(behind)
            } else {
                Drift::Ahead(ahead)
            },
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_clock_that_is_behind_catches_up_by_a_hundredth() {
        let mut clock = Clock::new(Time(0), SECOND);
        assert_eq!(clock.at(11 * SECOND), Time(10_000_000));
        clock.read(Time(10_050_000), 11 * SECOND).expect("drift");
        assert_eq!(clock.at(11 * SECOND), Time(10_000_000));
        assert_eq!(clock.at(12 * SECOND), Time(11_010_000));
        assert_eq!(clock.at(21 * SECOND), Time(20_050_000));
    }

    #[test]
    fn a_clock_that_is_ahead_waits_and_never_goes_back() {
        let mut clock = Clock::new(Time(10_000_000), Duration::ZERO);
        clock.read(Time(9_900_000), Duration::ZERO).expect("drift");
        assert_eq!(clock.at(Duration::ZERO), Time(10_000_000));
        assert_eq!(clock.at(SECOND), Time(10_990_000));
        assert_eq!(clock.at(20 * SECOND), Time(29_900_000));
    }

    #[test]
    fn a_jump_is_reported_and_changes_nothing() {
        let mut clock = Clock::new(Time(0), Duration::ZERO);
        let jump = clock.read(Time(3_600_000_000), SECOND);
        let (shown, own) = (3_600_000_000, 1_000_000);
        assert_eq!(jump, Err(Jump { shown, own }));
        assert_eq!(clock.at(2 * SECOND), Time(2_000_000));
        assert!(clock.read(Time(-2_000_000), 2 * SECOND).is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_read_the_clock_keeps_to_its_pace(
            readings in prop::collection::vec((0u64..5_000_000, -2_000_000i64..2_000_000), 1..50)
        ) {
            let mut clock = Clock::new(Time(0), Duration::ZERO);
            let mut now = Duration::ZERO;
            for (passed, off) in readings {
                let passed = Duration::from_micros(passed);
                let before = clock.at(now);
                now += passed;
                let shown = clock.at(now);
                let moved = shown.since(before);
                let slack = passed / SLEW + Duration::from_micros(1);
                prop_assert!(moved + slack >= passed && moved <= passed + slack);
                let jumped = clock.read(Time(shown.0 + off), now).is_err();
                prop_assert_eq!(jumped, off.unsigned_abs() > 1_000_000);
                prop_assert_eq!(clock.at(now), shown);
            }
        }
    }
}
