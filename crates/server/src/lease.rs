//! This process's lease on its engine: kept by renewing it, and lost when its time has run out here, by the monotonic
//! clock, whatever PostgreSQL and those who wait for it make of that.
//!
//! What an engine without a lease has in memory may be out of date, because another may have taken over meanwhile. So it
//! tells nobody, until PostgreSQL has renewed the lease. What it commits is fenced by the epoch and needs no lease.
//! Soon after the lease's end it is cut off: it lets its workers go, to the engine that may have taken over.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tasker_core::Time;
use tasker_journal::{self as journal, Journal, LEASE};
use tokio::time::{Instant, sleep_until, timeout};

use crate::clock::Clock;

/// How often it is renewed.
const RENEWAL: Duration = Duration::from_secs(2);

/// How often that is tried while it fails.
const RETRY: Duration = Duration::from_millis(250);

/// How long workers stay with an engine whose lease has run out. PostgreSQL may be back before another has taken over.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a clock showed longer ago says nothing about what it shows.
const STALE: Duration = Duration::from_secs(1);

/// How long a process that stops tries to give it up.
const RELEASE: Duration = Duration::from_secs(1);

/// A lease; all copies are one.
#[derive(Clone, Debug)]
pub struct Lease(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    ends: Instant,
    /// Why it was not renewed when that was last tried.
    failure: Option<String>,
}

impl Lease {
    /// A lease that PostgreSQL was asked for at `asked`, and has given.
    pub fn new(asked: Instant) -> Lease {
        Lease(Arc::new(Mutex::new(State {
            ends: asked + LEASE,
            failure: None,
        })))
    }

    /// Whether it lasts.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self) -> Result<(), String> {
        self.check_at(Instant::now())
    }

    /// Whether it ran out so long ago that workers should go elsewhere.
    pub fn is_cut_off(&self) -> bool {
        self.with(|state| Instant::now() >= state.ends + PATIENCE)
    }

    /// Completes when [`Lease::is_cut_off`].
    pub async fn cut_off(&self) {
        while !self.is_cut_off() {
            sleep_until(self.with(|state| state.ends) + PATIENCE).await;
        }
    }

    fn check_at(&self, now: Instant) -> Result<(), String> {
        self.with(|state| {
            if now < state.ends {
                return Ok(());
            }
            let failure = state.failure.as_deref().unwrap_or("no answer yet");
            Err(format!(
                "the engine's lease has run out, so another may have its tasks by now; renewing it: {failure}"
            ))
        })
    }

    fn renewed(&self, asked: Instant) {
        self.with(|state| {
            if let Some(failure) = state.failure.take() {
                tracing::info!("the lease is renewed again, after: {failure}");
            }
            state.ends = asked + LEASE;
        });
    }

    fn failed(&self, failure: String) {
        self.with(|state| {
            if state.failure.is_none() {
                tracing::warn!("the lease is not renewed, trying again: {failure}");
            }
            state.failure = Some(failure);
        });
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Renews the lease, and keeps the engine's clock to PostgreSQL's, until another process has the engine.
pub async fn keep(journal: Journal, lease: Lease, clock: Clock) -> journal::Error {
    loop {
        let asked = Instant::now();
        let pause = match journal.renew_lease().await {
            Ok(shown) => {
                // Not from the answer on: PostgreSQL may have renewed it at once.
                lease.renewed(asked);
                if asked.elapsed() < STALE
                    && let Err(jump) = clock.read(Time(shown))
                {
                    tracing::warn!("{jump}");
                }
                RENEWAL
            }
            Err(fenced @ journal::Error::Fenced { .. }) => return fenced,
            Err(error) => {
                lease.failed(error.to_string());
                RETRY
            }
        };
        sleep_until(asked + pause).await;
    }
}

/// Gives the lease up: an engine that waits for it takes over at once, and not only when it has run out.
pub async fn release(journal: &Journal) {
    match timeout(RELEASE, journal.release_lease()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!("the lease is left to run out: {error}"),
        Err(_) => tracing::warn!("the lease is left to run out: PostgreSQL does not answer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    #[test]
    fn it_lasts_from_when_it_was_asked_for_and_not_from_the_answer_on() {
        let asked = Instant::now();
        let lease = Lease::new(asked);
        assert_eq!(lease.check_at(asked + LEASE - MOMENT), Ok(()));
        assert!(lease.check_at(asked + LEASE).is_err());
        // PostgreSQL was asked in time, and the answer comes when that lease has run out, too.
        let asked_again = asked + LEASE - MOMENT;
        lease.renewed(asked_again);
        assert_eq!(lease.check_at(asked + LEASE), Ok(()));
        assert!(lease.check_at(asked_again + LEASE).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_engine_is_cut_off_when_its_lease_was_not_renewed_for_a_while_after_its_end() {
        let asked = Instant::now();
        let lease = Lease::new(asked);
        let cut_off = lease.cut_off();
        tokio::pin!(cut_off);
        tokio::time::sleep(LEASE + PATIENCE - MOMENT).await;
        assert!(lease.check().is_err() && !lease.is_cut_off());
        lease.renewed(asked + LEASE);
        let since = tokio::time::timeout(LEASE, &mut cut_off).await;
        assert!(since.is_err(), "it is renewed");
        cut_off.await;
        assert_eq!(asked.elapsed(), 2 * LEASE + PATIENCE);
        assert!(lease.is_cut_off());
        lease.renewed(Instant::now());
        assert!(!lease.is_cut_off());
    }

    #[test]
    fn one_that_has_run_out_says_why_it_is_not_renewed() {
        let asked = Instant::now();
        let lease = Lease::new(asked);
        lease.failed("PostgreSQL is away".to_owned());
        assert_eq!(lease.check_at(asked), Ok(()));
        let reason = lease.check_at(asked + LEASE).unwrap_err();
        assert!(
            reason.ends_with("renewing it: PostgreSQL is away"),
            "{reason}"
        );
        lease.renewed(asked + LEASE);
        assert_eq!(lease.check_at(asked + LEASE), Ok(()));
    }
}
