//! The process: opens the port, waits for PostgreSQL, recovers, runs the engine, and stops in order.
//!
//! When the database is found to have another history, a failover or a restored copy having lost commits, the engine's
//! memory is dropped with its sessions and calls, and the process recovers as it does at the start.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tasker_core::Time;
use tasker_core::store::{self, Wanted};
use tasker_journal::{self as journal, Day, Journal};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use crate::admission::Admission;
use crate::api;
use crate::catalog::{self, Catalog};
use crate::clock::Clock;
use crate::command::Command;
use crate::connection;
use crate::engine::{self, Engine, Recovered};
use crate::health::Health;
use crate::idempotency::{self, Keys};
use crate::lease;
use crate::opening::{self, Opened};
use crate::options::Serve;
use crate::recovery;
use crate::running::Running;
use crate::template_actions;
use crate::traces::Traces;

/// Between attempts to read from PostgreSQL: at first, and at the most.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// How long it may take when the process stops until what was begun is committed and told.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// What is left for telling it at the least, however long the committing took.
const TELLING: Duration = Duration::from_secs(1);

/// How often the partitions are looked after: of the days to come, and of those that are over.
const PARTITIONS: Duration = Duration::from_secs(3600);

/// The same while something could not be made, or not be dropped because somebody was reading it.
const PARTITIONS_LEFT: Duration = Duration::from_secs(60);

/// The same while there are more old days to drop: commits go on between some and the next.
const PARTITIONS_MORE: Duration = Duration::from_secs(2);

/// The process cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}. --bind or TASKER_BIND chooses another address")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
    /// Anyone who reaches the port could create tasks.
    #[error(
        "refusing to listen on {0} without a token: anyone who reaches this address could create tasks and take \
         results. Set TASKER_TOKEN, or bind to a loopback address such as 127.0.0.1:8080"
    )]
    Unprotected(SocketAddr),
    /// The journal refused.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// A stored template cannot be read.
    #[error(transparent)]
    Template(#[from] catalog::Unusable),
    /// A stored task cannot be read.
    #[error(transparent)]
    Recovery(#[from] recovery::Error),
    /// The engine stopped.
    #[error(transparent)]
    Engine(#[from] engine::Error),
}

impl Error {
    /// Whether memory is ahead of the journal, which has lost commits.
    fn is_ahead(&self) -> bool {
        use engine::Error::Texts;
        matches!(self.journal(), Some(journal::Error::Diverged(_)))
            // An older copy was read from before it was noticed as one.
            || matches!(self, Error::Engine(Texts(store::Error::Gone { .. })))
    }

    /// Whether PostgreSQL is away while it is read.
    fn is_transient(&self) -> bool {
        self.journal().is_some_and(journal::Error::is_transient)
    }

    fn journal(&self) -> Option<&journal::Error> {
        match self {
            Error::Journal(error)
            | Error::Engine(engine::Error::Journal(error))
            | Error::Recovery(recovery::Error::Journal(error)) => Some(error),
            _ => None,
        }
    }
}

/// Serves until `stop` completes or the engine cannot go on.
pub async fn serve(options: Serve, stop: impl Future<Output = ()> + Send) -> Result<(), Error> {
    let address = options.bind;
    // A variable that is set to nothing sets nothing: as a token it would let everybody in.
    let token = options.token.clone().filter(|token| !token.is_empty());
    if token.is_none() && !address.ip().is_loopback() {
        return Err(Error::Unprotected(address));
    }
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| Error::Bind { address, error })?;
    let address = listener.local_addr().unwrap_or(address);
    tracing::info!("listening on http://{address}");

    let health = Arc::new(Health::starting());
    let router = api::router(Arc::clone(&health), token, options.hosts.clone());
    let (close, closing) = watch::channel(false);
    let server = tokio::spawn(connection::serve(listener, router, closing));

    let (stop_engine, engine_stops) = watch::channel(false);
    let traces = Traces::from_env();
    let engine = run(options, Arc::clone(&health), traces.clone(), engine_stops);
    let mut engine = tokio::spawn(engine);
    let result = tokio::select! {
        () = stop => {
            tracing::info!("stopping");
            Ok(())
        }
        result = &mut engine => return unwound(result),
    };
    let ends = Instant::now() + SHUTDOWN;
    health.stop();
    close.send_replace(true);
    stop_engine.send_replace(true);
    // It commits what was begun and gives the lease up; what else it could say comes too late.
    let _ = unwound(engine.await);
    // Who reads its answer slowly, or sends slowly, keeps nobody from the tasks. What takes longer ends with the process.
    let ends = ends.max(Instant::now() + TELLING);
    let _ = tokio::time::timeout_at(ends, server).await;
    traces.shut_down().await;
    result
}

/// What a task came to; a panic of its goes on here.
fn unwound<T>(result: Result<T, JoinError>) -> T {
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

async fn run(
    options: Serve,
    health: Arc<Health>,
    traces: Traces,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Error> {
    let opened = tokio::select! {
        opened = opening::open(&options, &health) => opened?,
        _ = stop.wait_for(|stop| *stop) => return Ok(()),
    };
    let journal = opened.journal.clone();
    // On its own: whatever the engine is at, the lease is renewed.
    let mut keeping = JoinSet::new();
    keeping.spawn(lease::keep(
        journal.clone(),
        opened.lease.clone(),
        opened.clock.clone(),
    ));
    tokio::select! {
        result = work(&options, &health, &traces, &opened, stop.clone()) => result?,
        Some(lost) = keeping.join_next() => return Err(unwound(lost).into()),
        () = overdue(stop) => {}
    }
    keeping.shutdown().await;
    lease::release(&journal).await;
    Ok(())
}

/// Completes when what was begun is not committed in time after `stop` has said that the process is to stop.
async fn overdue(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
    tokio::time::sleep(SHUTDOWN).await;
    tracing::warn!("what is under way could not be committed in {SHUTDOWN:?}");
}

/// Recovers and runs the engine until it is to stop or cannot go on; where only its memory is of no use any more, it
/// recovers again.
async fn work(
    options: &Serve,
    health: &Health,
    traces: &Traces,
    opened: &Opened,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Error> {
    let mut wait = RETRY.0;
    loop {
        let recovered = tokio::select! {
            recovered = recover(options, &opened.journal) => recovered,
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        };
        let ended = match recovered {
            Ok((catalog, recovered)) => {
                wait = RETRY.0;
                let stop = stop.clone();
                go_on(options, health, traces, opened, catalog, recovered, stop).await
            }
            Err(error) => Err(error),
        };
        let mut error = match ended {
            Err(error) => error,
            ended => return ended,
        };
        if error.is_ahead() {
            tracing::error!("{error}; the engine drops its memory and recovers");
            health.not_yet(error.to_string());
            match opened.journal.rejoin().await {
                Ok(_) => continue,
                Err(refused) => error = refused.into(),
            }
        }
        if !error.is_transient() {
            return Err(error);
        }
        tracing::warn!("{error}; trying again in {wait:?}");
        health.not_yet(error.to_string());
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        }
        wait = (wait * 2).min(RETRY.1);
    }
}

/// Reads what the journal has.
async fn recover(options: &Serve, journal: &Journal) -> Result<(Catalog, Recovered), Error> {
    let catalog = Catalog::default();
    catalog.load(&journal.templates().await?)?;
    let recovered = recovery::recover(journal, &catalog, options.payload_budget).await?;
    tracing::info!(
        epoch = journal.epoch(),
        open_tasks = recovered.state.tasks().count(),
        blocked_tasks = recovered.state.idle_tasks().count(),
        "recovered"
    );
    Ok((catalog, recovered))
}

/// Runs the engine from there.
async fn go_on(
    options: &Serve,
    health: &Health,
    traces: &Traces,
    opened: &Opened,
    catalog: Catalog,
    recovered: Recovered,
    stop: watch::Receiver<bool>,
) -> Result<(), Error> {
    let Opened {
        journal,
        lease,
        clock,
    } = opened;
    let (admission, intake) = Admission::new(options.max_open_steps);
    let (keys, lookups) = Keys::new();
    let (template_actions, acts) = template_actions::queue();
    let running = Arc::new(Running {
        admission,
        clock: clock.clone(),
        catalog: Arc::new(catalog),
        connection: journal.status(),
        lease: lease.clone(),
        keys,
        template_actions,
        journal: journal.clone(),
        environment: options.environment.clone(),
    });
    health.recovered(Arc::clone(&running));
    let (tasks, mut readings) = mpsc::unbounded_channel();
    let (texts, wanted) = mpsc::unbounded_channel();
    let readers = engine::Readers { tasks, texts };
    let engine = Engine::new(
        recovered,
        clock.clone(),
        lease.clone(),
        readers,
        traces.clone(),
    );
    let engine = engine.run(journal.clone(), intake, stop);
    let texts = read_texts(journal, &running.admission, wanted);
    let reader = async {
        while let Some(task) = readings.recv().await {
            let command = running.find(task).await;
            if !running.admission.wait(command).await {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let partitions = look_after_partitions(
        journal,
        clock,
        options.idempotency_days,
        options.retention_days,
    );
    let lookups = idempotency::look_up(journal, clock, options.idempotency_days, lookups);
    let acts = template_actions::carry_out(journal, &running.catalog, clock, acts);
    tokio::select! {
        result = engine => Ok(result?),
        () = partitions => Ok(()),
        () = lookups => Ok(()),
        () = acts => Ok(()),
        () = reader => Ok(()),
        () = texts => Ok(()),
    }
}

/// Reads the texts that the engine wants, one reading after the other, each once PostgreSQL is there.
async fn read_texts(
    journal: &Journal,
    admission: &Admission,
    mut wanted: mpsc::UnboundedReceiver<Vec<Wanted>>,
) {
    while let Some(wanted) = wanted.recv().await {
        let places: Vec<_> = wanted.iter().map(|text| (text.task, text.row)).collect();
        let mut wait = RETRY.0;
        let texts = loop {
            match journal.texts(&places).await {
                Ok(texts) => break texts,
                Err(error) => {
                    tracing::warn!(
                        "texts that dispatches wait for: {error}; trying again in {wait:?}"
                    );
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(RETRY.1);
                }
            }
        };
        if !admission.wait(Command::Texts(texts)).await {
            break;
        }
    }
    std::future::pending::<()>().await;
}

/// Makes the partitions of the coming days, and drops those of keys that mean nothing any more and of tasks that need
/// not be kept.
async fn look_after_partitions(
    journal: &Journal,
    clock: &Clock,
    idempotency_days: u16,
    retention_days: u16,
) {
    loop {
        let made = journal.ensure_partitions().await;
        let Time(now) = clock.now();
        // A key that was first used at the end of a day counts for so many days more; a task is kept for as long.
        let last = |days: u16| Day::of_time(now).plus(-i32::from(days) - 1);
        let keys = journal.drop_keys(last(idempotency_days)).await;
        // A key that counts has its task.
        let days = retention_days.max(idempotency_days);
        let tasks = journal.drop_tasks(last(days)).await;
        let mut wait = PARTITIONS;
        if let Err(error) = made {
            tracing::error!("the partitions of the coming days are made later: {error}");
            wait = PARTITIONS_LEFT;
        }
        for (what, dropped) in [("idempotency keys", keys), ("tasks", tasks)] {
            match dropped {
                Ok(false) => {}
                Ok(true) => wait = wait.min(PARTITIONS_MORE),
                Err(error) => {
                    tracing::warn!("old {what} are dropped later: {error}");
                    wait = wait.min(PARTITIONS_LEFT);
                }
            }
        }
        tokio::time::sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::options::{Command, Options};

    #[tokio::test]
    async fn others_than_loopback_are_served_with_a_token_only_and_nothing_is_none() {
        for token in [&["--token="][..], &[]] {
            let arguments = [
                "tasker-server",
                "serve",
                "--bind=0.0.0.0:0",
                "--database-url=postgres://db",
            ];
            let options = Options::try_parse_from(arguments.iter().chain(token)).expect("options");
            let Command::Serve(options) = options.command else {
                unreachable!("{arguments:?} serves");
            };
            let refused = serve(options, std::future::pending()).await;
            assert!(matches!(refused, Err(Error::Unprotected(address)) if address.port() == 0));
        }
    }
}
