//! All that is random, drawn from one seed.

use std::time::Duration;

use rand::{Rng, RngExt, SeedableRng, rngs::SmallRng};

/// A stream of random choices.
#[derive(Debug)]
pub struct Chance(SmallRng);

impl Chance {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Chance {
        Chance(SmallRng::seed_from_u64(seed))
    }

    /// Any number.
    pub fn draw(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        self.0.random_range(low..=high)
    }

    /// Whether something happens that happens so many times in a thousand.
    pub fn permille(&mut self, permille: u64) -> bool {
        self.0.random_range(0..1000) < permille
    }

    /// A duration from `low` to `high` whose logarithm is uniform: short ones are as likely as long ones.
    pub fn duration(&mut self, low: Duration, high: Duration) -> Duration {
        let (low, high) = (
            low.as_micros().max(1) as f64,
            high.as_micros().max(1) as f64,
        );
        let micros = (self.0.random_range(low.ln()..=high.ln())).exp();
        Duration::from_micros(micros as u64)
    }

    /// The wait for the next of events that come independently, on the average `mean` apart.
    pub fn wait(&mut self, mean: Duration) -> Duration {
        let uniform: f64 = self.0.random_range(f64::EPSILON..1.0);
        mean.mul_f64(-uniform.ln())
    }

    /// One of some; `from` is not empty.
    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// Random bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    /// Puts the items into any order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end + 1));
        }
    }
}
