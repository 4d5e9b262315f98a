//! The handle: opening, appending, reading.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock},
};

use tokio::sync::{mpsc, oneshot, watch};
use tokio_postgres::Config;
use uuid::Uuid;

use crate::{
    Append, AppendOutcome, Day, Error, FirstUse, Key, Listed, ListedTask, Mark, NewTemplate,
    OpenTasks, Outline, Registered, Round, StoredTask, StoredTemplate, TaskFilter, Text,
    appender::{Appender, Command},
    key,
    lease::Lease,
    list, migration, partition,
    reader::Reader,
    retention::{self, What},
    session::{self, Session},
    status::{Report, Status},
    takeover::{Claim, Owner},
    template, url,
};

/// How long what is stored about templates waits for a lock, before its caller is told.
const PATIENCE: &str = "SET lock_timeout = '1s'";

/// What a journal is opened with.
#[derive(Clone)]
pub struct Options {
    /// `postgres://USER:PASSWORD@HOST:PORT/DATABASE`
    pub url: String,
    /// The engine to be. A process that starts with an engine's id takes it over from the process that had it.
    pub engine_id: String,
    /// Where the engine can be reached; shown to operators.
    pub address: String,
}

/// The journal. Clones are the same journal; appends queue one behind the other, reads go beside them.
#[derive(Clone)]
pub struct Journal {
    shared: Arc<Shared>,
    reader: Arc<Reader>,
    /// Lists take longer than other reads, which do not wait for them.
    lister: Arc<Reader>,
    lease: Arc<Lease>,
    commands: mpsc::Sender<Command>,
    status: watch::Receiver<Status>,
}

/// What the handle and the appender both need.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) engine: String,
    /// The claim of the connection on which appends are sent, or were last.
    claim: RwLock<Claim>,
    /// The days whose partitions are known to exist.
    days: RwLock<BTreeSet<Day>>,
    /// The days that may have idempotency keys. Keys of all others need not be looked for.
    key_days: RwLock<BTreeSet<Day>>,
    /// The days whose tasks this process has dropped, or is dropping.
    dropped: RwLock<BTreeSet<Day>>,
}

impl Shared {
    pub(crate) fn set_claim(&self, claim: &Claim) {
        let mut known = self.claim.write().unwrap_or_else(PoisonError::into_inner);
        known.clone_from(claim);
    }

    fn claim(&self) -> Claim {
        let known = self.claim.read().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    pub(crate) async fn ensure_partitions(&self) -> Result<(), Error> {
        let (days, with_keys) = partition::ensure(&self.config).await?;
        // A set that is only ever replaced whole is good even if its last writer panicked.
        *self.days.write().unwrap_or_else(PoisonError::into_inner) = days;
        // A key may have been added since these were read.
        let mut key_days = self
            .key_days
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        key_days.extend(with_keys);
        Ok(())
    }

    /// To be called before a key is added.
    pub(crate) fn may_have_keys(&self, day: Day) {
        let known = self.key_days.read().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(&day) {
            drop(known);
            let mut key_days = self
                .key_days
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            key_days.insert(day);
        }
    }

    fn key_days(&self) -> BTreeSet<Day> {
        let known = self.key_days.read().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    /// Whether a task was dropped with its day.
    pub(crate) fn is_dropped(&self, task_uuid: Uuid) -> bool {
        let dropped = self.dropped.read().unwrap_or_else(PoisonError::into_inner);
        !dropped.is_empty() && dropped.contains(&Day::of_task(task_uuid))
    }

    /// The database is another: what it has of those days is there.
    pub(crate) fn forget_dropped(&self) {
        let mut dropped = self.dropped.write().unwrap_or_else(PoisonError::into_inner);
        dropped.clear();
    }

    fn begin_to_drop(&self, day: Day) {
        let mut days = self.days.write().unwrap_or_else(PoisonError::into_inner);
        days.remove(&day);
        let mut dropped = self.dropped.write().unwrap_or_else(PoisonError::into_inner);
        dropped.insert(day);
    }
}

impl Journal {
    /// Brings the schema to this release's version and returns the names of the migrations applied. Safe to run from
    /// several processes at once, and again.
    pub async fn migrate(url: &str) -> Result<Vec<String>, Error> {
        migration::migrate(url).await
    }

    /// Connects, refuses what cannot hold a journal, takes the engine and all shards over, with a lease, and makes the
    /// partitions of the next days. Does not wait for a database that is not there, nor for another engine's lease to run
    /// out: see [`Error::is_transient`].
    pub async fn open(options: Options) -> Result<Journal, Error> {
        let config = url::config(
            &options.url,
            &format!("tasker engine {}", options.engine_id),
        )?;
        session::check_not_pooled(&config).await?;
        let shared = Arc::new(Shared {
            config: config.clone(),
            engine: options.engine_id.clone(),
            claim: RwLock::default(),
            days: RwLock::default(),
            key_days: RwLock::default(),
            dropped: RwLock::default(),
        });
        let (commands, receiver) = mpsc::channel(1);
        let (sender, status) = watch::channel(Status::Connected);
        let owner = Owner::new(&options);
        let lease = Lease::new(config.clone(), owner.clone());
        let appender = Appender::open(shared.clone(), owner, receiver, Report::new(sender)).await?;
        let (reader, lister) = (Reader::new(config.clone()), Reader::new(config));
        // All connections that the journal has at once are there before anybody counts on them.
        tokio::try_join!(
            lease.connect(),
            reader.connect(),
            lister.connect(),
            shared.ensure_partitions(),
        )?;
        tokio::spawn(appender.run());
        Ok(Journal {
            shared,
            reader: Arc::new(reader),
            lister: Arc::new(lister),
            lease: Arc::new(lease),
            commands,
            status,
        })
    }

    /// The epoch in which this process owns the engine. Rises when a connection was lost.
    pub fn epoch(&self) -> i64 {
        self.shared.claim().epoch
    }

    /// Renews the lease, which then lasts [`LEASE`](crate::LEASE) from a moment after this call on, and returns PostgreSQL's
    /// clock, in microseconds since 1970-01-01 UTC. Waits neither for appends nor for other reads.
    ///
    /// # Errors
    /// [`Error::Fenced`]: another process has taken the engine over.
    pub async fn renew_lease(&self) -> Result<i64, Error> {
        self.lease.renew(self.epoch()).await
    }

    /// Gives the lease up, as the last thing that this process does: another engine need not wait for its end.
    pub async fn release_lease(&self) -> Result<(), Error> {
        self.lease.release().await
    }

    /// Whether the journal can commit; follows the connection also while nothing is appended.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Commits an append, in one statement up to 16 MiB, and returns when it is durable, after whatever failures of
    /// PostgreSQL's and exactly once.
    ///
    /// Goes on when its caller stops waiting.
    ///
    /// # Errors
    /// [`Error::Fenced`]: nothing more will ever be committed. [`Error::Diverged`]: forget, rejoin, recover. In both
    /// cases, what this append has added is unknown to the caller.
    pub async fn append(&self, append: Append) -> Result<AppendOutcome, Error> {
        self.ask(|answer| Command::Append(append, answer)).await
    }

    /// After [`Error::Diverged`]: takes the engine over in the database as it is now, and returns the epoch. What was
    /// known before has to be read again, by [`Journal::open_tasks`] and [`Journal::templates`].
    pub async fn rejoin(&self) -> Result<i64, Error> {
        self.ask(Command::Rejoin).await
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Command,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        self.commands
            .send(command(answer))
            .await
            .map_err(|_| Error::Closed)?;
        answered.await.map_err(|_| Error::Closed)?
    }

    /// Makes the partitions of the next days; to be called now and then, an hour apart or less.
    pub async fn ensure_partitions(&self) -> Result<(), Error> {
        self.shared.ensure_partitions().await
    }

    /// Drops idempotency keys that were first used on `last` or before, of some days at a time; to be called now and then,
    /// and soon again where it returns that there may be more.
    ///
    /// # Errors
    /// Also when somebody still reads a day's keys: they are dropped the next time.
    pub async fn drop_keys(&self, last: Day) -> Result<bool, Error> {
        retention::drop_days(&self.shared.config, What::Keys, last, |_| ()).await
    }

    /// Drops the tasks of the days up to `last`, with all that was added to them, of each day once all its tasks have
    /// ended; of some days at a time, as [`Journal::drop_keys`]. Afterwards those tasks are unknown, and what is still appended to one of them
    /// goes with it. Appends are not held up.
    ///
    /// # Errors
    /// Also when a transaction that has read one of the tables is still open: the rest is dropped the next time.
    pub async fn drop_tasks(&self, last: Day) -> Result<bool, Error> {
        let gone = |day| self.shared.begin_to_drop(day);
        retention::drop_days(&self.shared.config, What::Tasks, last, gone).await
    }

    /// What the first uses of idempotency keys created, in the order of `keys`. Uses before `since`, in microseconds
    /// since 1970-01-01 UTC, do not count.
    pub async fn first_uses(
        &self,
        keys: &[Key],
        since: i64,
    ) -> Result<Vec<Option<FirstUse>>, Error> {
        let days = &self.shared.key_days();
        self.reader
            .read(|session| async move { key::first_uses(&session, keys, since, days).await })
            .await
    }

    /// Whether tasks of a day can be created.
    pub fn has_partition(&self, day: Day) -> bool {
        self.shared
            .days
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&day)
    }

    /// All tasks of this engine that have not ended, page by page.
    pub fn open_tasks(&self) -> OpenTasks {
        OpenTasks::new(self.reader.clone(), self.shared.engine.clone())
    }

    /// The next newest tasks of which `filter` holds.
    pub async fn list(&self, filter: &TaskFilter, round: Round) -> Result<Listed, Error> {
        self.lister
            .read(|session| async move { list::round(&session.client, filter, round).await })
            .await
    }

    /// Some tasks as lists show them, in no order; one that is not there is left out.
    pub async fn listed(&self, tasks: &[Uuid]) -> Result<Vec<ListedTask>, Error> {
        self.lister
            .read(|session| async move { list::some(&session.client, tasks).await })
            .await
    }

    /// One task, open or ended.
    pub async fn task(&self, task_uuid: Uuid) -> Result<Option<StoredTask>, Error> {
        self.reader.task(task_uuid).await
    }

    /// One task, open or ended, without the texts of what was added to it.
    pub async fn outline(&self, task_uuid: Uuid) -> Result<Option<Outline>, Error> {
        self.reader.outline(task_uuid).await
    }

    /// The texts that some commits, by their numbers, added to a task, in the order of the commits.
    pub async fn payloads(&self, task_uuid: Uuid, commits: &[i64]) -> Result<Vec<String>, Error> {
        self.reader.payloads(task_uuid, commits).await
    }

    /// Texts of tasks, in the order of `places`: each names a task and one of its rows, counted from 1 in the order of
    /// the commits, or by 0 the task's context. None where there is no such row.
    pub async fn texts(&self, places: &[(Uuid, u32)]) -> Result<Vec<Option<String>>, Error> {
        self.reader.texts(places).await
    }

    /// What every version of every template means now, in the order of namespace, name and version (as texts).
    pub async fn templates(&self) -> Result<Vec<StoredTemplate>, Error> {
        self.reader
            .read(|session| async move { template::all(&session.client).await })
            .await
    }

    /// The text with a hash, also of content that no version means any more: tasks keep it.
    pub async fn template_body(&self, hash: &str) -> Result<Option<Text>, Error> {
        self.reader
            .read(|session| async move { template::body(&session.client, hash).await })
            .await
    }

    /// Says what versions of templates mean, all of them or none; each is named once. Other content under the same version
    /// replaces it only with `replace`.
    ///
    /// # Errors
    /// As of [`Journal::mark_template`].
    pub async fn register_templates(
        &self,
        templates: &[NewTemplate],
        replace: bool,
    ) -> Result<Registered, Error> {
        let (claim, session) = self.begin_to_store().await?;
        let owner = (self.shared.engine.as_str(), &claim);
        template::register(&session.client, owner, templates, replace)
            .await?
            .ok_or_else(|| self.fenced(&claim))
    }

    /// Marks a registered version: namespace, name, version.
    ///
    /// # Errors
    /// [`Error::Fenced`]: another process has taken the engine over, or the database was restored, or this process has raised
    /// its epoch meanwhile; nothing was stored. [`Error::NotRegistered`].
    pub async fn mark_template(&self, version: [&str; 3], mark: &Mark) -> Result<(), Error> {
        let (claim, session) = self.begin_to_store().await?;
        let owner = (self.shared.engine.as_str(), &claim);
        let held = template::mark(&session.client, owner, version, mark).await?;
        held.then_some(()).ok_or_else(|| self.fenced(&claim))
    }

    /// The claim for which something is stored beside the appends, and a connection for that alone: where it waits for
    /// whoever has locked a table, nothing else does.
    async fn begin_to_store(&self) -> Result<(Claim, Session), Error> {
        let claim = self.shared.claim();
        let session = Session::connect(&self.shared.config).await?;
        session.client.batch_execute(PATIENCE).await?;
        Ok((claim, session))
    }

    fn fenced(&self, claim: &Claim) -> Error {
        Error::Fenced {
            engine: self.shared.engine.clone(),
            epoch: claim.epoch,
        }
    }
}
