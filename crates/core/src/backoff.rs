//! How long a failed step waits for its next attempt.

use std::time::Duration;

use tasker_template::{Backoff, Retry};

/// The wait after `failed` counted attempts, from 1.
///
/// none: 0; linear: base x k; exponential: base x 2^(k-1); fibonacci: base x F(k) with F = 1, 1, 2, 3, ...; capped by
/// `max_backoff_ms`; then times a factor from 1 to 1.1, which `random` chooses evenly, so that steps that failed
/// together do not come back together.
pub fn wait(retry: &Retry, failed: u32, random: u64) -> Duration {
    let factor = match retry.backoff {
        Backoff::None => return Duration::ZERO,
        Backoff::Linear => u64::from(failed),
        Backoff::Exponential => 1u64
            .checked_shl(failed.saturating_sub(1))
            .unwrap_or(u64::MAX),
        Backoff::Fibonacci => fibonacci(failed),
    };
    let capped = retry
        .backoff_base_ms
        .saturating_mul(factor)
        .min(retry.max_backoff_ms);
    let micros = u128::from(capped) * 1000;
    let jitter = micros / 10 * u128::from(random >> 32) / u128::from(u32::MAX);
    Duration::from_micros(u64::try_from(micros + jitter).unwrap_or(u64::MAX))
}

fn fibonacci(n: u32) -> u64 {
    let (mut current, mut next) = (0u64, 1u64);
    for _ in 0..n {
        (current, next) = (next, current.saturating_add(next));
    }
    current
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(backoff: Backoff, random: u64) -> Vec<u128> {
        let retry = Retry {
            retryable: true,
            max_attempts: 10,
            backoff,
            backoff_base_ms: 100,
            max_backoff_ms: 1000,
        };
        (1..=6)
            .map(|failed| wait(&retry, failed, random).as_millis())
            .collect()
    }

    #[test]
    fn each_kind_grows_as_it_says_and_is_capped() {
        assert_eq!(waits(Backoff::None, 0), [0; 6]);
        assert_eq!(waits(Backoff::Linear, 0), [100, 200, 300, 400, 500, 600]);
        assert_eq!(
            waits(Backoff::Exponential, 0),
            [100, 200, 400, 800, 1000, 1000]
        );
        assert_eq!(waits(Backoff::Fibonacci, 0), [100, 100, 200, 300, 500, 800]);
    }

    #[test]
    fn the_random_part_is_at_most_a_tenth_and_comes_after_the_cap() {
        assert_eq!(
            waits(Backoff::Exponential, u64::MAX),
            [110, 220, 440, 880, 1100, 1100]
        );
        assert_eq!(waits(Backoff::Linear, u64::MAX / 2)[0], 104);
    }

    #[test]
    fn a_hundredth_failure_waits_the_maximum() {
        let retry = Retry {
            retryable: true,
            max_attempts: 100,
            backoff: Backoff::Exponential,
            backoff_base_ms: u64::MAX / 4,
            max_backoff_ms: u64::MAX,
        };
        assert_eq!(wait(&retry, 100, u64::MAX), Duration::from_micros(u64::MAX));
    }
}
