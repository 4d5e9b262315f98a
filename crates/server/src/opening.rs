//! Opening the journal at the start: waits until PostgreSQL is there and no other engine has the tasks.

use std::time::Duration;

use tasker_core::Time;
use tasker_journal::{self as journal, Journal};
use tokio::time::{Instant, sleep};

use crate::clock::Clock;
use crate::health::Health;
use crate::lease::Lease;
use crate::options::Serve;

/// Between attempts to reach PostgreSQL: at first, and at the most.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// How often an engine that waits for another looks whether that one has stopped.
const LOOK: Duration = Duration::from_secs(1);

/// What an engine has once it owns its shards.
pub struct Opened {
    /// The journal.
    pub journal: Journal,
    /// The lease, which is to be kept.
    pub lease: Lease,
    /// PostgreSQL's time.
    pub clock: Clock,
}

/// Waits until the journal is open. What does not mend itself is an error.
pub async fn open(options: &Serve, health: &Health) -> Result<Opened, journal::Error> {
    let mut wait = RETRY.0;
    let mut waits_for = None;
    loop {
        let error = match try_open(options).await {
            Err(error) if error.is_transient() => error,
            result => return result,
        };
        health.not_yet(error.to_string());
        if let journal::Error::Held { engine, .. } = &error {
            // Once for each other engine: it may live for long.
            if waits_for.as_ref() != Some(engine) {
                tracing::warn!("{error}");
                waits_for = Some(engine.clone());
            }
            sleep(LOOK).await;
            continue;
        }
        tracing::warn!("{error}; trying again in {wait:?}");
        sleep(wait).await;
        wait = (wait * 2).min(RETRY.1);
    }
}

async fn try_open(options: &Serve) -> Result<Opened, journal::Error> {
    let journal = Journal::open(journal::Options {
        url: options.database_url.clone(),
        engine_id: options.engine_id.clone(),
        address: options.bind.to_string(),
    })
    .await?;
    let asked = Instant::now();
    let shown = journal.renew_lease().await?;
    Ok(Opened {
        journal,
        lease: Lease::new(asked),
        clock: Clock::new(Time(shown)),
    })
}
