//! Days that are over: their partitions are detached and dropped, without stopping anybody.
//!
//! `DETACH ... CONCURRENTLY` first marks the partition, from where on no new statement uses it, and then waits for those
//! that may still do. It waits for them, not for their locks, so nothing queues behind it. Where somebody keeps it waiting
//! the mark stays, and the next time the detaching is ended, before anything else: PostgreSQL allows one mark a table, and
//! an older day may have become free to go meanwhile.

use std::collections::BTreeMap;

use tokio_postgres::Config;

use crate::{Day, Error, migration::LOCK_SESSION, session::Session};

/// So many days go at once. With each, every session has to look at all days' partitions again before it goes on.
const DAYS_AT_ONCE: usize = 4;

/// Longer waits are for an open transaction, which may take for ever: until the next time.
const PATIENCE: &str = "SET lock_timeout = '1s'";

/// What is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Tasks with all that was added to them, once all of the day have ended.
    Tasks,
    /// Idempotency keys.
    Keys,
}

impl What {
    /// In the order of dropping: with its row a task is gone, so records never lack while their task is there.
    fn tables(self) -> &'static [&'static str] {
        match self {
            What::Tasks => &["tasks", "records"],
            What::Keys => &["idempotency"],
        }
    }
}

/// One day's partition of one table.
struct Table {
    parent: String,
    name: String,
    attached: bool,
}

/// Drops what is of `last` and of the days before it, a day at a time, of some days. `gone` is told of a day before it is
/// dropped. Returns whether there may be more.
pub(crate) async fn drop_days(
    config: &Config,
    what: What,
    last: Day,
    mut gone: impl FnMut(Day),
) -> Result<bool, Error> {
    let session = Session::connect(config).await?;
    // Detaching concurrently is no part of a transaction, so it is the session that has the lock.
    session
        .client
        .batch_execute(&format!("{PATIENCE}; {LOCK_SESSION}"))
        .await?;
    end_pending_detaches(&session, what).await?;
    let mut dropped = 0;
    for (day, tables) in days(&session, what, last).await? {
        if dropped == DAYS_AT_ONCE {
            return Ok(true);
        }
        if is_open(&session, &tables).await? {
            continue;
        }
        dropped += 1;
        gone(day);
        for table in &tables {
            drop_table(&session, table).await?;
        }
    }
    Ok(false)
}

/// Ends what an earlier dropping has begun, whichever day it was about. The tables are dropped in their days' turn.
async fn end_pending_detaches(session: &Session, what: What) -> Result<(), Error> {
    let pending = include_str!("../sql/pending_detaches.sql");
    for row in session.client.query(pending, &[&what.tables()]).await? {
        detach(session, row.get("parent"), row.get("table"), "FINALIZE").await?;
    }
    Ok(())
}

async fn detach(session: &Session, parent: &str, table: &str, how: &str) -> Result<(), Error> {
    let detach = format!("ALTER TABLE tasker.{parent} DETACH PARTITION tasker.{table} {how}");
    Ok(session.client.batch_execute(&detach).await?)
}

async fn days(
    session: &Session,
    what: What,
    last: Day,
) -> Result<BTreeMap<Day, Vec<Table>>, Error> {
    let mut days: BTreeMap<Day, Vec<Table>> = BTreeMap::new();
    let rows = session
        .client
        .query(
            include_str!("../sql/day_tables.sql"),
            &[&what.tables(), &last.0],
        )
        .await?;
    for row in rows {
        days.entry(Day(row.get("day"))).or_default().push(Table {
            parent: row.get("parent"),
            name: row.get("table"),
            attached: row.get("attached"),
        });
    }
    Ok(days)
}

/// Whether one of a day's tasks has not ended. A day whose table is detached had none then, and has no new one since.
async fn is_open(session: &Session, tables: &[Table]) -> Result<bool, Error> {
    let in_use = |table: &&Table| table.parent == "tasks" && table.attached;
    let Some(tasks) = tables.iter().find(in_use) else {
        return Ok(false);
    };
    let query = include_str!("../sql/day_is_open.sql").replace("{table}", &tasks.name);
    Ok(session.client.query_one(&query, &[]).await?.get(0))
}

async fn drop_table(session: &Session, table: &Table) -> Result<(), Error> {
    let Table { parent, name, .. } = table;
    if table.attached {
        detach(session, parent, name, "CONCURRENTLY").await?;
    }
    session
        .client
        .batch_execute(&format!("DROP TABLE tasker.{name}"))
        .await?;
    tracing::info!(table = name, "dropped");
    Ok(())
}
