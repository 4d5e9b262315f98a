//! Idempotency keys: looking up their first uses.

use std::collections::BTreeSet;

use crate::{
    Day, Error, FirstUse, Key,
    place::{first_uuid_at, of_days, shard_of_key},
    session::Session,
};

/// What the first uses of keys created, in the order of `keys`; uses before `since` do not count. `days` are those on which
/// there may have been any.
pub(crate) async fn first_uses(
    session: &Session,
    keys: &[Key],
    since: i64,
    days: &BTreeSet<Day>,
) -> Result<Vec<Option<FirstUse>>, Error> {
    let shards: Vec<i16> = keys
        .iter()
        .map(|key| shard_of_key(&key.namespace, &key.key))
        .collect();
    let namespaces: Vec<&str> = keys.iter().map(|key| key.namespace.as_str()).collect();
    let names: Vec<&str> = keys.iter().map(|key| key.key.as_str()).collect();
    let mut uses = vec![None; keys.len()];
    let days = of_days("i.task_uuid", days.range(Day::of_time(since)..));
    let query = include_str!("../sql/first_uses.sql").replace("{days}", &days);
    let statement = session.prepared(&query).await?;
    let least = first_uuid_at(since);
    for row in session
        .client
        .query(&statement, &[&shards, &namespaces, &names, &least])
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
