//! A day's partitions, made ahead of time and without stopping anybody.

use std::collections::BTreeSet;

use tokio_postgres::{Client, Config};

use crate::{Day, Error, migration, session::Session};

/// The partitioned tables, both with the same days, and how full their pages are made.
///
/// A task's row is written again once, when the task ends. Where that finds room on the same page, PostgreSQL logs what
/// has changed; elsewhere it logs the whole row and a lock. The space is taken either way.
const TABLES: [(&str, &str); 2] = [("tasks", "50"), ("records", "100")];

/// How many days after today have their partitions already.
const DAYS_AHEAD: i32 = 2;

/// A wait for a lock on a partitioned table holds up appends behind it, so it is short.
const PATIENCE: &str = "SET LOCAL lock_timeout = '1s'";

/// Makes the partitions of today, by PostgreSQL's clock, and of the next days, and returns all days that have theirs.
pub(crate) async fn ensure(config: &Config) -> Result<BTreeSet<Day>, Error> {
    let mut session = Session::connect(config).await?;
    let today = Day::of_time(crate::reader::now(&session.client).await?);
    let mut days = existing(&session.client).await?;
    for day in (0..=DAYS_AHEAD).map(|later| today.plus(later)) {
        if !days.contains(&day) {
            create(&mut session, day).await?;
            days.insert(day);
        }
    }
    Ok(days)
}

async fn existing(client: &Client) -> Result<BTreeSet<Day>, Error> {
    let rows = client
        .query(include_str!("../sql/partitions.sql"), &[])
        .await?;
    Ok(rows.iter().map(|row| Day(row.get(0))).collect())
}

async fn create(session: &mut Session, day: Day) -> Result<(), Error> {
    let transaction = session.client.transaction().await?;
    transaction.batch_execute(PATIENCE).await?;
    transaction.batch_execute(migration::LOCK).await?;
    // Another process may have made them while this one waited.
    if existing(transaction.client()).await?.contains(&day) {
        return Ok(());
    }
    let suffix: String = transaction
        .query_one(
            "SELECT to_char(date '1970-01-01' + $1::integer, 'YYYYMMDD')",
            &[&day.0],
        )
        .await?
        .get(0);
    for (table, fillfactor) in TABLES {
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
