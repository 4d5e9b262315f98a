//! The journal without PostgreSQL: the same calls with the same answers, in the memory of one process.
//!
//! For tests, and for whatever else needs no durability. What several processes would share is the [`Database`]; each
//! [`Journal`] is one of them, and only the one that was opened last writes. The suite in `tests/conformance` holds
//! this journal and the one in PostgreSQL to the same.

mod filter;
mod tables;

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicI64, Ordering},
};

use uuid::Uuid;

use crate::{
    Append, AppendOutcome, CommitNumber, Day, Error, FirstUse, Key, Listed, ListedTask, Mark,
    NewTemplate, Outline, Refused, Registered, Round, StoredTask, StoredTemplate, TaskFilter, Text,
    batch, place::first_uuid_at,
};
use tables::Tables;

/// What processes share. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Database(Arc<Mutex<Tables>>);

impl Database {
    /// Takes tasks of a day from now on.
    pub fn make_day(&self, day: Day) {
        self.tables().days.insert(day);
    }

    /// Takes an engine and all shards over. There are no leases: nobody is waited for.
    pub fn open(&self, engine: &str) -> Journal {
        let epoch = self.tables().take_over(engine);
        Journal {
            database: self.clone(),
            engine: engine.to_owned(),
            epoch,
            number: Arc::new(AtomicI64::new(CommitNumber::before_first(epoch).get())),
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // Nothing that is done with the tables can stop in the middle.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The journal of one process; see [`crate::Journal`], which says what the calls do. Clones are the same journal.
#[derive(Clone, Debug)]
pub struct Journal {
    database: Database,
    engine: String,
    epoch: i64,
    /// The number of the last commit.
    number: Arc<AtomicI64>,
}

impl Journal {
    /// The epoch in which this process owns the engine.
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Commits an append.
    pub async fn append(&self, append: Append) -> Result<AppendOutcome, Error> {
        let mut tables = self.database.tables();
        if !tables.is_owned(&self.engine, self.epoch) {
            return Err(self.fenced());
        }
        let mut refused = Vec::new();
        let mut parts = batch::parts(append);
        parts.retain(|part| !tables.is_dropped(part.task_uuid));
        parts.retain(|part| {
            let refusal = part.refusal().or_else(|| tables.refusal(part));
            let takes = refusal.is_none();
            refused.extend(refusal.map(|message| Refused {
                task_uuid: part.task_uuid,
                message,
            }));
            takes
        });
        for statement in batch::statements(&parts) {
            let number = self.number.fetch_add(1, Ordering::Relaxed) + 1;
            for part in statement {
                tables.add(part, number);
            }
        }
        let commit = CommitNumber::from(self.number.load(Ordering::Relaxed));
        Ok(AppendOutcome { commit, refused })
    }

    /// Whether tasks of a day can be created.
    pub fn has_partition(&self, day: Day) -> bool {
        self.database.tables().days.contains(&day)
    }

    /// Drops idempotency keys that were first used on `last` or before, all at once.
    pub async fn drop_keys(&self, last: Day) -> Result<bool, Error> {
        self.database.tables().drop_keys(last);
        Ok(false)
    }

    /// Drops the tasks of the days up to `last`, of each day once all its tasks have ended, all at once.
    pub async fn drop_tasks(&self, last: Day) -> Result<bool, Error> {
        self.database.tables().drop_tasks(last);
        Ok(false)
    }

    /// What the first uses of idempotency keys created, in the order of `keys`.
    pub async fn first_uses(
        &self,
        keys: &[Key],
        since: i64,
    ) -> Result<Vec<Option<FirstUse>>, Error> {
        let tables = self.database.tables();
        let least = first_uuid_at(since);
        Ok(keys
            .iter()
            .map(|key| tables.first_use(key, least))
            .collect())
    }

    /// All tasks that have not ended, in the order of shard and task.
    pub async fn open_tasks(&self) -> Result<Vec<StoredTask>, Error> {
        Ok(self.database.tables().open_tasks())
    }

    /// The next newest tasks of which `filter` holds. Looks at as many tasks as it takes, whatever the round's depth.
    pub async fn list(&self, filter: &TaskFilter, round: Round) -> Result<Listed, Error> {
        Ok(self.database.tables().list(filter, round))
    }

    /// Some tasks as lists show them, in no order; one that is not there is left out.
    pub async fn listed(&self, tasks: &[Uuid]) -> Result<Vec<ListedTask>, Error> {
        let tables = self.database.tables();
        Ok(tasks
            .iter()
            .filter_map(|task| tables.listed(*task))
            .collect())
    }

    /// One task, open or ended.
    pub async fn task(&self, task_uuid: Uuid) -> Result<Option<StoredTask>, Error> {
        Ok(self.database.tables().task(task_uuid))
    }

    /// One task, open or ended, without the texts of what was added to it.
    pub async fn outline(&self, task_uuid: Uuid) -> Result<Option<Outline>, Error> {
        Ok(self.database.tables().outline(task_uuid))
    }

    /// The texts that some commits, by their numbers, added to a task, in the order of the commits.
    pub async fn payloads(&self, task_uuid: Uuid, commits: &[i64]) -> Result<Vec<String>, Error> {
        Ok(self.database.tables().payloads(task_uuid, commits))
    }

    /// What every version of every template means now.
    pub async fn templates(&self) -> Result<Vec<StoredTemplate>, Error> {
        Ok(self.database.tables().templates())
    }

    /// The text with a hash.
    pub async fn template_body(&self, hash: &str) -> Result<Option<Text>, Error> {
        Ok(self.database.tables().bodies.get(hash).cloned())
    }

    /// Says what versions of templates mean, all of them or none.
    pub async fn register_templates(
        &self,
        templates: &[NewTemplate],
        replace: bool,
    ) -> Result<Registered, Error> {
        let mut tables = self.database.tables();
        let owned = tables.is_owned(&self.engine, self.epoch);
        tables
            .register(templates, replace, owned)
            .ok_or_else(|| self.fenced())
    }

    /// Marks a registered version.
    pub async fn mark_template(&self, version: [&str; 3], mark: &Mark) -> Result<(), Error> {
        let mut tables = self.database.tables();
        if !tables.is_owned(&self.engine, self.epoch) {
            return Err(self.fenced());
        }
        tables.mark(version, mark)
    }

    fn fenced(&self) -> Error {
        Error::Fenced {
            engine: self.engine.clone(),
            epoch: self.epoch,
        }
    }
}
