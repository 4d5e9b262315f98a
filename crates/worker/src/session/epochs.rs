//! Which engines a worker that holds attempts may return to: not to one that was superseded and does not know it yet.
//!
//! Frozen for a while, such an engine would accept outcomes that only its successor can record.

use std::time::Duration;

/// How long a worker turns away from engines of a lower epoch than it has seen. A superseded engine finds out sooner; if
/// it lasts longer, the database was set back, and this engine is the only one.
pub const SUPERSEDED: Duration = Duration::from_secs(30);

/// The epochs of the engines that have welcomed this worker.
#[derive(Debug, Default)]
pub struct Epochs {
    highest: i64,
    /// When it first turned away, since it was last welcomed.
    turned_away: Option<Duration>,
}

impl Epochs {
    /// Takes the welcome of an engine of this epoch. False when the worker is to turn away from it; `holds` says whether
    /// it has anything to lose.
    pub fn welcome(&mut self, now: Duration, epoch: i64, holds: bool) -> bool {
        if holds && epoch < self.highest && now < *self.turned_away.get_or_insert(now) + SUPERSEDED
        {
            return false;
        }
        self.highest = epoch;
        self.turned_away = None;
        true
    }

    /// The epoch of the engine that last welcomed this worker.
    pub fn highest(&self) -> i64 {
        self.highest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_lower_epoch_is_turned_away_from_for_a_while_by_who_has_something_to_lose() {
        let mut epochs = Epochs::default();
        assert!(epochs.welcome(SECOND, 8, true));
        assert!(!epochs.welcome(2 * SECOND, 7, true));
        assert!(!epochs.welcome(31 * SECOND, 7, true));
        assert!(
            epochs.welcome(32 * SECOND, 7, true),
            "the database was set back"
        );
        assert!(epochs.welcome(33 * SECOND, 7, true));
        assert!(epochs.welcome(34 * SECOND, 3, false));
        assert_eq!(epochs.highest(), 3);
    }

    #[test]
    fn the_time_is_counted_from_the_first_such_welcome_after_a_good_one() {
        let mut epochs = Epochs::default();
        assert!(epochs.welcome(SECOND, 8, true));
        assert!(!epochs.welcome(2 * SECOND, 7, true));
        assert!(epochs.welcome(20 * SECOND, 8, true));
        assert!(!epochs.welcome(40 * SECOND, 7, true));
        assert!(!epochs.welcome(69 * SECOND, 7, true));
        assert!(epochs.welcome(70 * SECOND, 7, true));
    }
}
