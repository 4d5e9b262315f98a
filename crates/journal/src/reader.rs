//! Tasks and templates, read beside the appends on a connection of its own.

use std::{
    collections::{BTreeSet, HashMap},
    ptr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{sync::Mutex, time::timeout};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Row as SqlRow};
use uuid::Uuid;

use crate::{
    Day, Error, NewTask, Outline, Row, StoredTask,
    place::{of_days, on_day},
    session::{self, Session},
    shard_of,
};

/// A page of open tasks grows and shrinks so that its texts take about this many bytes.
const PAGE_BYTES: usize = 8 << 20;

/// The most tasks in a page.
const PAGE_TASKS: i64 = 512;

/// Open tasks and lists are read of so many days at a time: each costs locks, of which PostgreSQL has not many.
pub(crate) const DAYS_AT_ONCE: usize = 32;

/// Where reading open tasks begins.
const BEFORE_ALL: (i16, Uuid) = (-1, Uuid::nil());

/// How long recovery waits at most before it asks again.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// The reading half. Its connection is made when first needed, and again when it was lost.
pub(crate) struct Reader {
    config: Config,
    session: Mutex<Option<Arc<Session>>>,
}

impl Reader {
    pub(crate) fn new(config: Config) -> Reader {
        Reader {
            config,
            session: Mutex::new(None),
        }
    }

    pub(crate) async fn connect(&self) -> Result<(), Error> {
        self.session(None).await.map(drop)
    }

    /// The connection, which is not the `lost` one; whether it was made just now.
    async fn session(&self, lost: Option<Arc<Session>>) -> Result<(Arc<Session>, bool), Error> {
        // Somebody may be making it, in vain: who comes meanwhile waits no longer than that one.
        let kept = timeout(session::PATIENCE, self.session.lock()).await;
        let mut kept = kept.map_err(|_| Error::Silent)?;
        let is_lost = |session: &Session| {
            session.is_closed() || lost.as_deref().is_some_and(|lost| ptr::eq(lost, session))
        };
        if let Some(session) = kept.as_ref().filter(|session| !is_lost(session)) {
            return Ok((session.clone(), false));
        }
        let session = Arc::new(Session::connect(&self.config).await?);
        *kept = Some(session.clone());
        Ok((session, true))
    }

    /// Reads; where a connection made earlier turns out to be lost, once more on a new one.
    ///
    /// The query owns the session, so that its future can go from thread to thread.
    pub(crate) async fn read<T, F>(&self, query: impl Fn(Arc<Session>) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let (session, fresh) = self.session(None).await?;
        match query(session.clone()).await {
            Err(Error::Unavailable(_)) if !fresh => {
                let (session, _) = self.session(Some(session)).await?;
                query(session).await
            }
            result => result,
        }
    }

    pub(crate) async fn task(&self, task_uuid: Uuid) -> Result<Option<StoredTask>, Error> {
        let shard = shard_of(task_uuid);
        let query = &on_day(include_str!("../sql/task.sql"), task_uuid);
        self.read(|session| async move {
            let client = &session.client;
            // Both are sent before either is answered: one round trip.
            let (task, rows) = tokio::try_join!(
                async { Ok(client.query_opt(query, &[&shard, &task_uuid]).await?) },
                records(client, vec![shard], vec![task_uuid]),
            )?;
            Ok(task.map(|task| StoredTask {
                rows: rows.into_values().next().unwrap_or_default(),
                ..stored_task(&task)
            }))
        })
        .await
    }
}

impl Reader {
    pub(crate) async fn outline(&self, task_uuid: Uuid) -> Result<Option<Outline>, Error> {
        let shard = shard_of(task_uuid);
        let task = &on_day(include_str!("../sql/task.sql"), task_uuid);
        let outline = &on_day(include_str!("../sql/outline.sql"), task_uuid);
        self.read(|session| async move {
            let client = &session.client;
            let place: [&(dyn ToSql + Sync); 2] = [&shard, &task_uuid];
            let (task, rows) = tokio::try_join!(
                client.query_opt(task, &place),
                client.query(outline, &place),
            )?;
            Ok(task.map(|task| Outline {
                task: stored_task(&task).task,
                rows: rows.iter().map(|row| (row.get(0), row.get(1))).collect(),
            }))
        })
        .await
    }

    pub(crate) async fn payloads(
        &self,
        task_uuid: Uuid,
        commits: &[i64],
    ) -> Result<Vec<String>, Error> {
        let shard = shard_of(task_uuid);
        let query = &on_day(include_str!("../sql/payloads.sql"), task_uuid);
        self.read(|session| async move {
            let client = &session.client;
            let rows = client.query(query, &[&shard, &task_uuid, &commits]).await?;
            Ok(rows.iter().map(|row| row.get(0)).collect())
        })
        .await
    }
}

impl Reader {
    pub(crate) async fn texts(&self, places: &[(Uuid, u32)]) -> Result<Vec<Option<String>>, Error> {
        let tasks: &Vec<Uuid> = &places.iter().map(|(task, _)| *task).collect();
        let shards: &Vec<i16> = &tasks.iter().map(|task| shard_of(*task)).collect();
        // A task has far fewer rows than an i32 counts.
        let numbers: &Vec<i32> = &places.iter().map(|(_, number)| *number as i32).collect();
        let days = days_of(tasks);
        let query = &include_str!("../sql/texts.sql")
            .replace("{days_of_tasks}", &of_days("t.task_uuid", &days))
            .replace("{days_of_records}", &of_days("n.task_uuid", &days));
        self.read(|session| async move {
            let client = &session.client;
            let parameters: [&(dyn ToSql + Sync); 3] = [shards, tasks, numbers];
            let mut texts = vec![None; places.len()];
            for row in client.query(query, &parameters).await? {
                let position = usize::try_from(row.get::<_, i64>(0)).unwrap_or_default();
                if let Some(text) = texts.get_mut(position.wrapping_sub(1)) {
                    *text = Some(row.get(1));
                }
            }
            Ok(texts)
        })
        .await
    }
}

/// PostgreSQL's clock, in microseconds since 1970-01-01 UTC.
pub(crate) async fn now(client: &Client) -> Result<i64, Error> {
    Ok(micros(
        client
            .query_one(include_str!("../sql/now.sql"), &[])
            .await?
            .get(0),
    ))
}

/// The days whose partitions of a table have had a row, the last one first.
pub(crate) async fn filled_days(client: &Client, table: &str) -> Result<Vec<Day>, Error> {
    let query = include_str!("../sql/filled_days.sql");
    let rows = client.query(query, &[&table]).await?;
    Ok(rows.iter().map(|row| Day(row.get(0))).collect())
}

/// The open tasks of an engine's shards, page by page, some days after the other. A lost connection is made again and the reading goes on where
/// it was, so each task is given once.
pub struct OpenTasks {
    reader: Arc<Reader>,
    engine: String,
    /// The days that are still to be read, the last one first; `None` before they are known.
    days: Option<Vec<Day>>,
    /// The last task that was read of the days in turn.
    after: (i16, Uuid),
    limit: i64,
    without_rows: Option<i16>,
}

impl OpenTasks {
    pub(crate) fn new(reader: Arc<Reader>, engine: String) -> OpenTasks {
        OpenTasks {
            reader,
            engine,
            days: None,
            after: BEFORE_ALL,
            limit: 16,
            without_rows: None,
        }
    }

    /// Leaves out the contexts and rows of tasks with this status: their own rows say enough.
    pub fn without_rows_of(self, status: i16) -> OpenTasks {
        OpenTasks {
            without_rows: Some(status),
            ..self
        }
    }

    /// The next tasks, with all that was added to them; `None` after the last. Waits while PostgreSQL is not there.
    pub async fn next(&mut self) -> Result<Option<Vec<StoredTask>>, Error> {
        let mut pause = Duration::from_millis(50);
        loop {
            match self.try_next().await {
                Err(error) if error.is_transient() => {
                    tracing::warn!(%error, "open tasks cannot be read; trying again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(MAX_PAUSE);
                }
                result => return result,
            }
        }
    }

    async fn try_next(&mut self) -> Result<Option<Vec<StoredTask>>, Error> {
        if self.days.is_none() {
            let days = |session: Arc<Session>| async move {
                filled_days(&session.client, "tasker.tasks").await
            };
            self.days = Some(self.reader.read(days).await?);
        }
        loop {
            let days = self.days.as_deref().unwrap_or_default();
            // From the end: the oldest days first.
            let later = days.len().saturating_sub(DAYS_AT_ONCE);
            if days.is_empty() {
                return Ok(None);
            }
            let (found, rows) = self.read(&days[later..]).await?;
            let limit = self.limit;
            self.after = found.last().map_or(BEFORE_ALL, place);
            if (found.len() as i64) < limit {
                self.after = BEFORE_ALL;
                self.days.iter_mut().for_each(|days| days.truncate(later));
            }
            if !found.is_empty() {
                return Ok(Some(self.page(&found, rows)));
            }
        }
    }

    /// The next tasks of some days, at most as many as the limit, and what was added to them.
    async fn read(&self, days: &[Day]) -> Result<(Vec<SqlRow>, HashMap<Uuid, Vec<Row>>), Error> {
        let (engine, (shard, task), limit) = (&self.engine, self.after, self.limit);
        let without_rows = self.without_rows;
        // They are given the last one first.
        let days = of_days("task_uuid", days.iter().rev());
        let query = &include_str!("../sql/open_tasks.sql").replace("{days}", &days);
        self.reader
            .read(|session| async move {
                let client = &session.client;
                let parameters: [&(dyn ToSql + Sync); 5] =
                    [engine, &shard, &task, &limit, &without_rows];
                let found = client.query(query, &parameters).await?;
                let with_rows = found
                    .iter()
                    .filter(|task| Some(task.get("status")) != without_rows);
                let (shards, tasks) = with_rows.map(place).unzip();
                let rows = records(client, shards, tasks).await?;
                Ok((found, rows))
            })
            .await
    }

    fn page(&mut self, found: &[SqlRow], mut rows: HashMap<Uuid, Vec<Row>>) -> Vec<StoredTask> {
        let limit = self.limit;
        let mut bytes = 0;
        let mut page = Vec::with_capacity(found.len());
        for row in found {
            let mut stored = stored_task(row);
            stored.rows = rows.remove(&stored.task.task_uuid).unwrap_or_default();
            bytes += stored.task.context.len();
            bytes += stored
                .rows
                .iter()
                .map(|row| row.records.len() + row.payload.len())
                .sum::<usize>();
            page.push(stored);
        }
        self.limit = if bytes > PAGE_BYTES {
            (limit / 2).max(1)
        } else {
            (limit * 2).min(PAGE_TASKS)
        };
        page
    }
}

async fn records(
    client: &Client,
    shards: Vec<i16>,
    tasks: Vec<Uuid>,
) -> Result<HashMap<Uuid, Vec<Row>>, Error> {
    let mut rows: HashMap<Uuid, Vec<Row>> = HashMap::new();
    let days = of_days("r.task_uuid", &days_of(&tasks));
    let query = include_str!("../sql/records.sql").replace("{days}", &days);
    for row in client.query(&query, &[&shards, &tasks]).await? {
        let row = Row {
            task_uuid: row.get(0),
            records: row.get(1),
            payload: row.get(2),
        };
        rows.entry(row.task_uuid).or_default().push(row);
    }
    Ok(rows)
}

/// The days of some tasks.
pub(crate) fn days_of(tasks: &[Uuid]) -> BTreeSet<Day> {
    tasks.iter().map(|task| Day::of_task(*task)).collect()
}

fn place(task: &SqlRow) -> (i16, Uuid) {
    (task.get("shard"), task.get("task_uuid"))
}

/// A task without its rows.
fn stored_task(row: &SqlRow) -> StoredTask {
    StoredTask {
        task: NewTask {
            task_uuid: row.get("task_uuid"),
            namespace: row.get("namespace"),
            name: row.get("name"),
            version: row.get("version"),
            template_hash: row.get("template_hash"),
            status: row.get("status"),
            created_at: micros(row.get("created_at")),
            priority: row.get("priority"),
            context: row.get::<_, &str>("context").into(),
            request: row.get::<_, &str>("request").into(),
        },
        ended_at: row.get::<_, Option<SystemTime>>("ended_at").map(micros),
        rows: Vec::new(),
    }
}

/// A timestamp as PostgreSQL has it, in microseconds since 1970-01-01 UTC.
pub(crate) fn micros(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => {
            i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros)
        }
    }
}

/// The reverse of [`micros`].
pub(crate) fn timestamp(micros: i64) -> SystemTime {
    let distance = Duration::from_micros(micros.unsigned_abs());
    if micros < 0 {
        UNIX_EPOCH - distance
    } else {
        UNIX_EPOCH + distance
    }
}
