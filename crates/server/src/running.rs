//! An engine that has recovered, as the API and the sessions see it, until its memory is dropped.

use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use tasker_core::payload::Look;
use tasker_core::{Task, TaskId, Time, order};
use tasker_journal::{
    self as journal, Day, Journal, Key, Listed, ListedTask, Round, Status, StoredTask, TaskFilter,
};
use tasker_protocol::error::ErrorCode;
use tasker_protocol::frame::Rejection;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::admission::Admission;
use crate::api::error::ApiError;
use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::command::{Command, Loaded};
use crate::idempotency::Keys;
use crate::lease::Lease;
use crate::outline;
use crate::past::{self, Found, Past};
use crate::recovery::{self, Decoded};
use crate::template_actions::Asked;

/// Between attempts to read a task.
const RETRY: Duration = Duration::from_secs(2);

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
    /// Until when what the engine knows may be told.
    pub lease: Lease,
    /// Idempotency keys.
    pub keys: Keys,
    /// Where operators' actions on templates go.
    pub template_actions: mpsc::Sender<Asked>,
    /// What all of it is in.
    pub journal: Journal,
    /// `TASKER_ENV`.
    pub environment: String,
}

impl Running {
    /// Hands the engine a command.
    ///
    /// # Errors
    /// Too many wait for it already.
    pub async fn send(&self, command: Command) -> Result<(), ApiError> {
        self.admission.call(command)
    }

    /// Registers the templates that a worker brings. Whoever stops waiting does not undo it: what is stored is known here
    /// all the same. Reading many large texts keeps no thread of the runtime from its work.
    pub async fn register(self: &Arc<Running>, templates: Vec<String>) -> Result<(), Rejection> {
        let engine = Arc::clone(self);
        let registration = spawn_blocking(move || {
            let replaceable = matches!(&*engine.environment, "test" | "development");
            let Running {
                catalog, journal, ..
            } = &*engine;
            Handle::current().block_on(catalog.register(
                journal,
                &engine.environment,
                replaceable,
                &templates,
            ))
        });
        registration.await.unwrap_or_else(|error| {
            Err(Rejection {
                code: ErrorCode::Unavailable,
                message: format!("the templates could not be registered: {error}"),
            })
        })
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

    /// What `show` makes of a task that is only in the journal.
    pub async fn show<T>(
        &self,
        task: TaskId,
        show: impl Fn(&Task, &Look<'_>) -> T,
    ) -> Result<T, ApiError> {
        let shown = outline::show(&self.journal, &self.catalog, task, show).await;
        shown.map_err(unreadable)?.ok_or_else(|| no_task(task))
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
    pub async fn find(&self, task: TaskId) -> Command {
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
                    tokio::time::sleep(RETRY).await;
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
        match self.takes_tasks_of(Day::of_task(id)) {
            Ok(()) => Ok(id),
            Err(reason) => Err(ApiError::unavailable(&reason)),
        }
    }

    /// Whether a task that is created now can be stored.
    ///
    /// # Errors
    /// Why not.
    pub fn takes_tasks(&self) -> Result<(), String> {
        let Time(micros) = self.clock.now();
        self.takes_tasks_of(Day::of_time(micros))
    }

    fn takes_tasks_of(&self, day: Day) -> Result<(), String> {
        if self.journal.has_partition(day) {
            Ok(())
        } else {
            Err(
                "today's partitions are missing; the log says why they could not be made"
                    .to_owned(),
            )
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
