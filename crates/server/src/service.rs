//! The process: opens the port, waits for PostgreSQL, recovers, runs the engine, and stops in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use tasker_core::store::Wanted;
use tasker_core::{TaskId, Time, order};
use tasker_journal::{
    self as journal, Day, Journal, Key, Listed, ListedTask, Round, Status, StoredTask, TaskFilter,
};
use tasker_protocol::error::ErrorCode;
use tasker_protocol::frame::Rejection;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use crate::admission::Admission;
use crate::api::{self, error::ApiError};
use crate::catalog::{self, Catalog};
use crate::clock::Clock;
use crate::command::{Command, Loaded};
use crate::connection;
use crate::engine::{self, Engine};
use crate::health::Health;
use crate::idempotency::{self, Keys};
use crate::options::Serve;
use crate::past::{self, Found, Past};
use crate::recovery::{self, Decoded};
use crate::traces::Traces;

/// Between attempts to reach PostgreSQL at the start: at first, and at the most.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// How long calls that are under way may take when the process stops.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// How often PostgreSQL's clock is read.
const CLOCK: Duration = Duration::from_secs(10);

/// How often the partitions are looked after: of the days to come, and of those that are over.
const PARTITIONS: Duration = Duration::from_secs(3600);

/// The same while something could not be dropped, because somebody was reading it.
const PARTITIONS_IN_USE: Duration = Duration::from_secs(60);

/// An engine that has recovered, as the API and the sessions see it.
pub struct Running {
    /// Where commands go, and how many go there.
    pub admission: Admission,
    /// The engine's clock.
    pub clock: Clock,
    /// The templates.
    pub catalog: Arc<Catalog>,
    /// Whether the journal can commit.
    pub connection: watch::Receiver<Status>,
    /// Idempotency keys.
    pub keys: Keys,
    journal: Journal,
    environment: String,
}

impl Running {
    /// Hands the engine a command.
    ///
    /// # Errors
    /// Too many wait for it already.
    pub async fn send(&self, command: Command) -> Result<(), ApiError> {
        self.admission.call(command)
    }

    /// Registers the templates that a worker brings.
    pub async fn register(&self, templates: &[String]) -> Result<(), Rejection> {
        let replaceable = matches!(&*self.environment, "test" | "development");
        self.catalog
            .register(&self.journal, &self.environment, replaceable, templates)
            .await
    }

    /// A task as the journal holds it.
    pub async fn stored(&self, task: TaskId) -> Result<(StoredTask, Decoded), ApiError> {
        let stored = self.journal.task(task).await;
        let stored = stored.map_err(|error| unreadable(error.into()))?;
        let stored = stored.ok_or_else(|| no_task(task))?;
        match recovery::decode(&self.journal, &stored, &self.catalog).await {
            Ok(decoded) => Ok((stored, decoded)),
            Err(error) => Err(unreadable(error)),
        }
    }

    /// The past of one step, from the journal.
    pub async fn past(&self, task: TaskId, step_uuid: Uuid) -> Result<Past, ApiError> {
        match past::read(&self.journal, &self.catalog, task, step_uuid).await {
            Ok(Found::Past(past)) => Ok(*past),
            Ok(Found::NoTask) => Err(no_task(task)),
            Ok(Found::NoStep) => Err(order::no_step(task, step_uuid).into()),
            Err(error) => Err(unreadable(error)),
        }
    }

    /// The next newest tasks of which `filter` holds.
    pub async fn list(&self, filter: &TaskFilter, round: Round) -> Result<Listed, ApiError> {
        let listed = self.journal.list(filter, round).await;
        listed.map_err(|error| ApiError::unavailable(&error.to_string()))
    }

    /// Tasks as lists show them.
    pub async fn listed(&self, tasks: &[TaskId]) -> Result<Vec<ListedTask>, ApiError> {
        let listed = self.journal.listed(tasks).await;
        listed.map_err(|error| ApiError::unavailable(&error.to_string()))
    }

    /// Reads a task that is not in memory, once PostgreSQL is there.
    async fn find(&self, task: TaskId) -> Command {
        let loaded = loop {
            match self.stored(task).await {
                Ok((stored, decoded)) => {
                    let restored = Arc::new(recovery::restored(&stored, &decoded));
                    break Some(Box::new(Loaded {
                        restored,
                        texts: decoded.texts,
                        rows: stored.rows.len() as u32,
                    }));
                }
                Err(error) if error.code() == ErrorCode::Unavailable => {
                    tokio::time::sleep(RETRY.1).await;
                }
                Err(_) => break None,
            }
        };
        Command::Found { task, loaded }
    }

    /// The fencing epoch.
    pub fn epoch(&self) -> i64 {
        self.journal.epoch()
    }

    /// A UUIDv7 of now, in the shard of the idempotency key or a random one.
    ///
    /// # Errors
    /// The partition of its day is missing: such a task could not be stored.
    pub fn new_task_id(&self, key: Option<&Key>) -> Result<TaskId, ApiError> {
        let mut random = [0; 10];
        rand::rng().fill_bytes(&mut random);
        let Time(micros) = self.clock.now();
        let millis = u64::try_from(micros / 1000).unwrap_or(0);
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        let id = key.map_or(id, |key| {
            journal::in_shard(id, journal::shard_of_key(&key.namespace, &key.key))
        });
        if self.journal.has_partition(Day::of_task(id)) {
            Ok(id)
        } else {
            Err(ApiError::unavailable("today's partition is missing"))
        }
    }
}

fn no_task(task: TaskId) -> ApiError {
    ApiError::new(ErrorCode::TaskNotFound, format!("there is no task {task}"))
}

/// Something that is stored cannot be read, now or at all.
fn unreadable(error: recovery::Error) -> ApiError {
    match error {
        recovery::Error::Journal(error) => ApiError::unavailable(&error.to_string()),
        error => {
            tracing::error!("{error}");
            ApiError::new(ErrorCode::Internal, error.to_string())
        }
    }
}

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

/// Serves until `stop` completes or the engine cannot go on.
pub async fn serve(options: Serve, stop: impl Future<Output = ()> + Send) -> Result<(), Error> {
    let address = options.bind;
    if options.token.is_none() && !address.ip().is_loopback() {
        return Err(Error::Unprotected(address));
    }
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| Error::Bind { address, error })?;
    let address = listener.local_addr().unwrap_or(address);
    tracing::info!("listening on http://{address}");

    let health = Arc::new(Health::starting());
    let router = api::router(Arc::clone(&health), options.token.clone());
    let (close, closing) = watch::channel(false);
    let server = tokio::spawn(connection::serve(listener, router, closing));

    let (stop_engine, engine_stops) = watch::channel(false);
    let traces = Traces::from_env();
    let engine = run(options, Arc::clone(&health), traces.clone(), engine_stops);
    let engine = tokio::spawn(engine);
    let result = tokio::select! {
        () = stop => {
            tracing::info!("stopping");
            Ok(())
        }
        result = engine => return result.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())),
    };
    // The calls first, then the engine that answers them.
    close.send_replace(true);
    stop_engine.send_replace(true);
    // What takes longer ends with the process.
    let _ = tokio::time::timeout(SHUTDOWN, server).await;
    traces.shut_down().await;
    result
}

async fn run(
    options: Serve,
    health: Arc<Health>,
    traces: Traces,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Error> {
    let journal = tokio::select! {
        journal = open(&options, &health) => journal?,
        _ = stop.wait_for(|stop| *stop) => return Ok(()),
    };
    let catalog = Arc::new(Catalog::default());
    catalog.load(&journal.templates().await?)?;
    let recovered = recovery::recover(&journal, &catalog, options.payload_budget).await?;
    let clock = Clock::new(Time(journal.now().await?));
    tracing::info!(
        epoch = journal.epoch(),
        open_tasks = recovered.state.tasks().count(),
        blocked_tasks = recovered.state.idle_tasks().count(),
        "recovered"
    );
    let (admission, intake) = Admission::new(options.max_open_steps);
    let (keys, lookups) = Keys::new();
    let running = Arc::new(Running {
        admission,
        clock: clock.clone(),
        catalog,
        connection: journal.status(),
        keys,
        journal: journal.clone(),
        environment: options.environment,
    });
    health.recovered(Arc::clone(&running));
    let (tasks, mut readings) = mpsc::unbounded_channel();
    let (texts, wanted) = mpsc::unbounded_channel();
    let readers = engine::Readers { tasks, texts };
    let engine =
        Engine::new(recovered, clock.clone(), readers, traces).run(journal.clone(), intake);
    let texts = read_texts(&journal, &running.admission, wanted);
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
        &journal,
        &clock,
        options.idempotency_days,
        options.retention_days,
    );
    let lookups = idempotency::look_up(&journal, &clock, options.idempotency_days, lookups);
    let time = follow_clock(&journal, &clock);
    let mut connection = journal.status();
    let ended =
        connection.wait_for(|status| matches!(status, Status::Fenced | Status::Diverged { .. }));
    tokio::select! {
        result = engine => Ok(result?),
        () = partitions => Ok(()),
        () = lookups => Ok(()),
        () = reader => Ok(()),
        () = texts => Ok(()),
        () = time => Ok(()),
        // Found out while nothing is appended; otherwise the append says it.
        Ok(status) = ended => Err(match &*status {
            Status::Diverged { reason } => journal::Error::Diverged(reason.to_string()),
            _ => journal::Error::Fenced {
                engine: options.engine_id,
                epoch: journal.epoch(),
            },
        }
        .into()),
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
        let Time(now) = clock.now();
        // A key that was first used at the end of a day counts for so many days more; a task is kept for as long.
        let last = |days: u16| Day::of_time(now).plus(-i32::from(days) - 1);
        let keys = journal.drop_keys(last(idempotency_days)).await;
        // A key that counts has its task.
        let days = retention_days.max(idempotency_days);
        let tasks = journal.drop_tasks(last(days)).await;
        let mut wait = PARTITIONS;
        for (what, dropped) in [("idempotency keys", keys), ("tasks", tasks)] {
            if let Err(error) = dropped {
                tracing::warn!("old {what} are dropped later: {error}");
                wait = PARTITIONS_IN_USE;
            }
        }
        tokio::time::sleep(wait).await;
        if let Err(error) = journal.ensure_partitions().await {
            tracing::error!("the partitions of the coming days: {error}");
        }
    }
}

/// Keeps the engine's clock to PostgreSQL's.
async fn follow_clock(journal: &Journal, clock: &Clock) {
    loop {
        tokio::time::sleep(CLOCK).await;
        // While PostgreSQL is away the clock goes on by itself.
        if let Ok(shown) = journal.now().await
            && let Err(jump) = clock.read(Time(shown))
        {
            tracing::warn!("{jump}");
        }
    }
}

/// Waits until PostgreSQL is there. What does not mend itself is an error.
async fn open(options: &Serve, health: &Health) -> Result<Journal, Error> {
    let mut wait = RETRY.0;
    loop {
        let opened = Journal::open(journal::Options {
            url: options.database_url.clone(),
            engine_id: options.engine_id.clone(),
            address: options.bind.to_string(),
        });
        match opened.await {
            Ok(journal) => return Ok(journal),
            Err(error) if error.is_transient() => {
                tracing::warn!("{error}; trying again in {wait:?}");
                health.not_yet(error.to_string());
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(RETRY.1);
            }
            Err(error) => return Err(error.into()),
        }
    }
}
