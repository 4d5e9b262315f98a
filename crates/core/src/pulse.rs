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

    /// Whether a commit that began at `since`, and has not ended, stands still for as long as a freeze. Then no sign of
    /// life is given and no time passes: what is started meanwhile is given to nobody, so it must not time out.
    pub fn is_stuck(since: Option<Time>, now: Time) -> bool {
        since.is_some_and(|since| now.since(since) > LONGEST_GAP)
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
    fn a_commit_that_stands_still_is_a_freeze_until_it_ends() {
        let mut pulse = Pulse::new(Time(0));
        let began = Some(Time(200_000));
        assert!(!Pulse::is_stuck(None, Time(60_000_000)));
        assert!(!Pulse::is_stuck(began, Time(1_200_000)));
        assert_eq!(pulse.beat(Time(1_000_000)), None);
        assert!(Pulse::is_stuck(began, Time(1_200_001)));
        assert_eq!(pulse.beat(Time(61_000_000)), Some(Duration::from_secs(60)));
    }

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
