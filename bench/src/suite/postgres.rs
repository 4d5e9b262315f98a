//! What PostgreSQL says of itself: commits and WAL, and what of the tasks is durable.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::time::{Instant, sleep};
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

/// How long tasks that are about to end may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A backend adds to the statistics at the end of a transaction, at most once a second.
pub const STATISTICS_DELAY: Duration = Duration::from_millis(1100);

/// What has been counted since the database was made.
#[derive(Clone, Copy, Debug)]
pub struct Counters {
    pub commits: i64,
    pub wal_bytes: i64,
    /// Pages that the WAL has as a whole, because they changed for the first time after a checkpoint.
    pub full_pages: i64,
}

/// A connection to the engine's database that is none of the engine's.
pub struct Postgres {
    pub client: Client,
    /// The server's first process, the parent of all others.
    pub pid: u32,
}

impl Postgres {
    pub async fn connect(url: &str, pid: u32) -> Result<Postgres> {
        let (client, connection) = tokio_postgres::connect(url, NoTls)
            .await
            .context("the engine's database")?;
        tokio::spawn(connection);
        Ok(Postgres { client, pid })
    }

    pub async fn counters(&self) -> Result<Counters> {
        let row = self
            .client
            .query_one(
                "SELECT xact_commit, (pg_current_wal_insert_lsn() - '0/0')::bigint, wal_fpi \
                 FROM pg_stat_database, pg_stat_wal WHERE datname = current_database()",
                &[],
            )
            .await?;
        Ok(Counters {
            commits: row.get(0),
            wal_bytes: row.get(1),
            full_pages: row.get(2),
        })
    }

    /// Waits until all of these tasks are complete in the journal.
    pub async fn complete(&self, tasks: &[Uuid]) -> Result<()> {
        self.all_have(2, "complete", tasks).await
    }

    /// Waits until all of these tasks are blocked in the journal.
    pub async fn blocked(&self, tasks: &[Uuid]) -> Result<()> {
        self.all_have(1, "blocked", tasks).await
    }

    /// Removes all tasks. No engine may run.
    pub async fn forget_tasks(&self) -> Result<()> {
        let truncate = "TRUNCATE tasker.tasks, tasker.records";
        Ok(self.client.batch_execute(truncate).await?)
    }

    /// Gives the days from so many before today to so many before today tables for tasks, as if they had been when the
    /// days were.
    pub async fn make_empty_days(&self, from: u32, to: u32) -> Result<()> {
        for before in from..=to {
            self.client
                .batch_execute(
                    &include_str!("empty_day.sql").replace("{before}", &before.to_string()),
                )
                .await?;
        }
        Ok(())
    }

    /// How many days have tables for tasks.
    pub async fn days(&self) -> Result<i64> {
        let count = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'tasker.tasks'::regclass";
        Ok(self.client.query_one(count, &[]).await?.get(0))
    }

    /// Waits until these tasks have a status, by its number in their rows.
    async fn all_have(&self, status: i16, name: &str, tasks: &[Uuid]) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let row = self
                .client
                .query_one(
                    "SELECT count(*) FROM tasker.tasks WHERE status = $1 AND task_uuid = ANY($2)",
                    &[&status, &tasks],
                )
                .await?;
            let count: i64 = row.get(0);
            if count == tasks.len() as i64 {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "{count} of {} tasks are {name} after {PATIENCE:?}",
                tasks.len()
            );
            sleep(Duration::from_millis(10)).await;
        }
    }
}
