//! Noticing that one was frozen: by the gap between one's own signs of life.

use std::time::Duration;

use crate::Time;

/// How often whoever keeps deadlines over others gives a sign of its own life.
pub const BEAT: Duration = Duration::from_millis(500);

/// A longer time between two signs of life was a freeze.
const LONGEST_GAP: Duration = Duration::from_secs(1);

/// The last sign of life.
#[derive(Clone, Copy, Debug)]
pub struct Pulse(Time);

impl Pulse {
    /// Alive from now on.
    pub fn new(now: Time) -> Pulse {
        Pulse(now)
    }

    /// Gives a sign of life. The time since the last one, if that was a freeze.
    pub fn beat(&mut self, now: Time) -> Option<Duration> {
        let gap = now.since(self.0);
        self.0 = self.0.max(now);
        (gap > LONGEST_GAP).then_some(gap)
    }

    /// When the next sign is due.
    pub fn next(&self) -> Time {
        self.0 + BEAT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_gap_of_more_than_a_second_was_a_freeze() {
        let mut pulse = Pulse::new(Time(0));
        assert_eq!(pulse.next(), Time(500_000));
        assert_eq!(pulse.beat(Time(1_000_000)), None);
        assert_eq!(
            pulse.beat(Time(2_000_001)),
            Some(Duration::from_micros(1_000_001))
        );
        assert_eq!(pulse.beat(Time(2_000_000)), None);
        assert_eq!(pulse.next(), Time(2_500_001));
    }
}
