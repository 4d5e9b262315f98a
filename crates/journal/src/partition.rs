//! A day's partitions, made ahead of time and without stopping anybody.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::{Client, Config};

use crate::{Day, Error, migration, session::Session};

/// The partitioned tables, all with the same days, and how full their pages are made.
///
/// A task's row is written again once, when the task ends. Where that finds room on the same page, PostgreSQL logs what
/// has changed; elsewhere it logs the whole row and a lock. The space is taken either way.
const TABLES: [(&str, &str); 3] = [("tasks", "50"), ("records", "100"), ("idempotency", "100")];

/// How many days after today have their partitions already.
const DAYS_AHEAD: i32 = 2;

/// A wait for a lock on a partitioned table holds up appends behind it, so it is short.
const PATIENCE: &str = "SET LOCAL lock_timeout = '1s'";

/// Makes the partitions of today, by PostgreSQL's clock, and of the next days, and returns all days that have theirs, and
/// those that have had idempotency keys.
pub(crate) async fn ensure(config: &Config) -> Result<(BTreeSet<Day>, Vec<Day>), Error> {
    let mut session = Session::connect(config).await?;
    let today = Day::of_time(crate::reader::now(&session.client).await?);
    let made = existing(&session.client).await?;
    for day in (0..=DAYS_AHEAD).map(|later| today.plus(later)) {
        if !made.get(&day).is_some_and(is_whole) {
            create(&mut session, day).await?;
        }
    }
    let coming = (0..=DAYS_AHEAD).map(|later| today.plus(later));
    let in_use = made
        .into_iter()
        .filter(|(_, tables)| takes_tasks(tables))
        .map(|(day, _)| day);
    let with_keys = crate::reader::filled_days(&session.client, "tasker.idempotency").await?;
    Ok((in_use.chain(coming).collect(), with_keys))
}

/// Each day's tables.
type Made = BTreeMap<Day, BTreeSet<String>>;

fn is_whole(tables: &BTreeSet<String>) -> bool {
    TABLES.iter().all(|(table, _)| tables.contains(*table))
}

/// A day's keys are dropped before its tasks.
fn takes_tasks(tables: &BTreeSet<String>) -> bool {
    ["tasks", "records"]
        .into_iter()
        .all(|table| tables.contains(table))
}

async fn existing(client: &Client) -> Result<Made, Error> {
    let rows = client
        .query(include_str!("../sql/partitions.sql"), &[])
        .await?;
    let mut made = Made::new();
    for row in rows {
        made.entry(Day(row.get("day")))
            .or_default()
            .insert(row.get("table"));
    }
    Ok(made)
}

async fn create(session: &mut Session, day: Day) -> Result<(), Error> {
    let transaction = session.client.transaction().await?;
    transaction.batch_execute(PATIENCE).await?;
    transaction.batch_execute(migration::LOCK).await?;
    // Another process may have made them while this one waited; the release before this one makes fewer tables.
    let made = existing(transaction.client()).await?;
    let made = made.get(&day).cloned().unwrap_or_default();
    if is_whole(&made) {
        return Ok(());
    }
    let suffix: String = transaction
        .query_one(
            "SELECT to_char(date '1970-01-01' + $1::integer, 'YYYYMMDD')",
            &[&day.0],
        )
        .await?
        .get(0);
    for (table, fillfactor) in TABLES
        .into_iter()
        .filter(|(table, _)| !made.contains(*table))
    {
        let sql = include_str!("../sql/create_partition.sql")
            .replace("{table}", table)
            .replace("{suffix}", &suffix)
            .replace("{fillfactor}", fillfactor)
            .replace("{from}", &day.first_uuid().to_string())
            .replace("{to}", &day.plus(1).first_uuid().to_string());
        transaction.batch_execute(&sql).await?;
    }
    transaction.commit().await?;
    tracing::info!(day = suffix, "partitions made");
    Ok(())
}
