//! Idempotency keys: looking up their first uses, and dropping days of which no key has a meaning any more.

use tokio_postgres::{Client, Config};

use crate::{
    Day, Error, FirstUse, Key,
    migration::LOCK_SESSION,
    place::{first_uuid_at, shard_of_key},
    session::Session,
};

/// What the first uses of keys created, in the order of `keys`; uses before `since` do not count.
pub(crate) async fn first_uses(
    client: &Client,
    keys: &[Key],
    since: i64,
) -> Result<Vec<Option<FirstUse>>, Error> {
    let shards: Vec<i16> = keys
        .iter()
        .map(|key| shard_of_key(&key.namespace, &key.key))
        .collect();
    let namespaces: Vec<&str> = keys.iter().map(|key| key.namespace.as_str()).collect();
    let names: Vec<&str> = keys.iter().map(|key| key.key.as_str()).collect();
    let mut uses = vec![None; keys.len()];
    for row in client
        .query(
            include_str!("../sql/first_uses.sql"),
            &[&shards, &namespaces, &names, &first_uuid_at(since)],
        )
        .await?
    {
        // WITH ORDINALITY counts from 1.
        let position: i64 = row.get("position");
        if let Some(found) = uses.get_mut(position as usize - 1) {
            *found = Some(FirstUse {
                task_uuid: row.get("task_uuid"),
                body_hash: row.get("body_hash"),
            });
        }
    }
    Ok(uses)
}

/// Drops the keys of `last` and of the days before it, a day's at a time and without stopping anybody: a day that
/// somebody still reads is left for the next time.
pub(crate) async fn drop_days(config: &Config, last: Day) -> Result<(), Error> {
    let session = Session::connect(config).await?;
    let client = &session.client;
    // Detaching concurrently is no part of a transaction, so it is the session that has the lock.
    client
        .batch_execute(&format!("SET lock_timeout = '1s'; {LOCK_SESSION}"))
        .await?;
    for row in client
        .query(include_str!("../sql/key_partitions.sql"), &[&last.0])
        .await?
    {
        let table: String = row.get("table");
        let (attached, pending): (bool, bool) = (row.get("attached"), row.get("pending"));
        if attached {
            let how = if pending { "FINALIZE" } else { "CONCURRENTLY" };
            let detach =
                format!("ALTER TABLE tasker.idempotency DETACH PARTITION tasker.{table} {how}");
            client.batch_execute(&detach).await?;
        }
        client
            .batch_execute(&format!("DROP TABLE tasker.{table}"))
            .await?;
        tracing::info!(table, "idempotency keys dropped");
    }
    Ok(())
}
