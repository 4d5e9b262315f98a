//! Idempotency keys: looking up their first uses.

use tokio_postgres::Client;

use crate::{
    Error, FirstUse, Key,
    place::{first_uuid_at, shard_of_key},
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
