//! Idempotency keys: the first use is found for a time, wherever the engine was started since.

use tasker_journal::{Append, Day, FirstUse, Key, NewKey, NewTask, in_shard, shard_of_key};
use uuid::Uuid;

use crate::{
    host::{Host, Journal},
    sample::{new_task, task_of},
};

fn key(namespace: &str, key: &str) -> Key {
    Key {
        namespace: namespace.to_owned(),
        key: key.to_owned(),
    }
}

/// A task and the first use of its key.
fn keyed(key: &Key, body_hash: u8) -> (NewTask, NewKey) {
    let mut task = new_task("{}");
    task.task_uuid = in_shard(task.task_uuid, shard_of_key(&key.namespace, &key.key));
    let new = NewKey {
        task_uuid: task.task_uuid,
        key: key.clone(),
        body_hash: [body_hash; 32],
    };
    (task, new)
}

async fn add(journal: &Journal, key: &Key, body_hash: u8) -> Uuid {
    let (task, new) = keyed(key, body_hash);
    let task_uuid = task.task_uuid;
    let append = Append {
        created: vec![task, new_task("{}")],
        keys: vec![new],
        ..Append::default()
    };
    assert_eq!(journal.append(append).await.unwrap().refused, []);
    task_uuid
}

#[tokio::test]
async fn the_first_use_of_a_key_is_found_by_the_next_process_too() {
    let host = Host::start().await;
    let journal = host.open().await;
    let (ours, theirs) = (key("ns", "k"), key("other", "k"));
    let first = add(&journal, &ours, 1).await;
    let second = add(&journal, &theirs, 2).await;
    let found = |task_uuid, body_hash| {
        Some(FirstUse {
            task_uuid,
            body_hash: vec![body_hash; 32],
        })
    };
    let keys = [theirs, key("ns", "unused"), ours.clone(), ours];
    let expected = [found(second, 2), None, found(first, 1), found(first, 1)];
    assert_eq!(journal.first_uses(&keys, 0).await.unwrap(), expected);
    let next = host.open().await;
    assert_eq!(next.first_uses(&keys, 0).await.unwrap(), expected);
    assert_eq!(next.first_uses(&[], 0).await.unwrap(), []);
}

#[tokio::test]
async fn a_use_before_a_time_does_not_count() {
    let host = Host::start().await;
    let journal = host.open().await;
    let used = key("ns", "k");
    let task = add(&journal, &used, 1).await;
    let at = |millis: i64| {
        let (journal, used) = (journal.clone(), used.clone());
        async move {
            let uses = journal.first_uses(&[used], millis * 1000).await.unwrap();
            uses[0].as_ref().map(|used| used.task_uuid)
        }
    };
    let millis = (task.as_u128() >> 80) as i64;
    assert_eq!(at(millis).await, Some(task));
    assert_eq!(at(millis + 1).await, None);
}

#[tokio::test]
async fn a_nul_byte_in_a_key_is_refused_with_its_task() {
    let host = Host::start().await;
    let journal = host.open().await;
    let (task, new) = keyed(&key("ns", "a\0b"), 1);
    let append = Append {
        created: vec![task.clone()],
        keys: vec![new],
        ..Append::default()
    };
    let refused = journal.append(append).await.unwrap().refused;
    assert_eq!(
        refused[0].message,
        "the idempotency key has a NUL byte, which PostgreSQL cannot store in a text"
    );
    assert_eq!(journal.task(task.task_uuid).await.unwrap(), None);
}

#[tokio::test]
async fn keys_of_days_that_are_dropped_were_never_used() {
    let host = Host::start().await;
    let journal = host.open().await;
    let used = [key("ns", "early"), key("ns", "late"), key("ns", "today")];
    for (day, key) in [Day(1), Day(2)].into_iter().zip(&used) {
        host.make_day(day).await;
        let (mut task, mut new) = keyed(key, 1);
        let shard = shard_of_key(&key.namespace, &key.key);
        task.task_uuid = in_shard(task_of(day, 1).task_uuid, shard);
        new.task_uuid = task.task_uuid;
        let append = Append {
            created: vec![task],
            keys: vec![new],
            ..Append::default()
        };
        assert_eq!(journal.append(append).await.unwrap().refused, []);
    }
    add(&journal, &used[2], 1).await;
    let are_known = async |journal: &Journal| {
        let uses = journal.first_uses(&used, 0).await.unwrap();
        uses.iter().map(Option::is_some).collect::<Vec<_>>()
    };
    assert_eq!(are_known(&journal).await, [true, true, true]);
    journal.drop_keys(Day(1)).await.unwrap();
    assert_eq!(are_known(&journal).await, [false, true, true]);
}
