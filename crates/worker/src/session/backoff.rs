//! How long a worker waits before it connects again.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::SmallRng};

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_millis(500);
/// After a refusal: only a deploy mends it, and a refusing engine should not be busy with refusing.
const AFTER_REFUSAL: Duration = Duration::from_secs(5);

/// Waits that double, each shortened by a random part of at most half, so that the workers of an engine that
/// restarts do not come all at once.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    random: SmallRng,
}

impl Backoff {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            next: FIRST,
            random: SmallRng::seed_from_u64(seed),
        }
    }

    pub(super) fn after_loss(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(LONGEST);
        self.shortened(wait)
    }

    pub(super) fn after_refusal(&mut self) -> Duration {
        self.shortened(AFTER_REFUSAL)
    }

    /// The engine has been reached: the next loss starts anew.
    pub(super) fn reset(&mut self) {
        self.next = FIRST;
    }

    fn shortened(&mut self, wait: Duration) -> Duration {
        wait.mul_f64(self.random.random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_within(wait: Duration, longest_ms: u64) {
        let longest = Duration::from_millis(longest_ms);
        assert!(
            longest / 2 <= wait && wait <= longest,
            "{wait:?} for {longest:?}"
        );
    }

    #[test]
    fn waits_double_to_half_a_second_and_start_anew_after_a_welcome() {
        for seed in 0..100 {
            let mut backoff = Backoff::new(seed);
            for longest_ms in [50, 100, 200, 400, 500, 500] {
                assert_within(backoff.after_loss(), longest_ms);
            }
            assert_within(backoff.after_refusal(), 5_000);
            assert_within(backoff.after_loss(), 500);
            backoff.reset();
            assert_within(backoff.after_loss(), 50);
        }
    }

    #[test]
    fn workers_of_one_engine_wait_differently() {
        let mut waits: Vec<_> = (0..50)
            .map(|seed| Backoff::new(seed).after_loss())
            .collect();
        waits.sort();
        waits.dedup();
        assert!(waits.len() > 40, "{waits:?}");
    }
}
