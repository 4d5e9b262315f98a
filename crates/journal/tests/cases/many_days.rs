//! Years of days cost nothing as long as nobody touches them: what the journal does locks the partitions of the days that
//! it is about.

use tasker_journal::{
    Append, Day, Journal, Key, NewKey, Round, TaskFilter, in_shard, shard_of_key,
};
use uuid::Uuid;

use crate::sample::{ending, task_of};
use crate::support::{Server, creating, day, migrated, new_task, open, recover, row};

/// How many empty days there are, from the second of January 1970 on, which has tasks.
const EMPTY: i32 = 400;

/// Locks are for so many tables and indexes, about, of all sessions together; the days have far more.
const FEW_LOCKS: &str = "max_locks_per_transaction=10";

/// A server with many days and room for few locks, and an open task of the first day.
async fn with_many_days() -> Server {
    let mut server = migrated().await;
    let journal = open(&server.url()).await;
    day::make(&server, Day(1)).await;
    let old = task_of(Day(1), 1);
    journal.append(creating(&old)).await.unwrap();
    let client = server.connect().await;
    for first in (2..2 + EMPTY).step_by(20) {
        let sql = (first..first + 20)
            .map(day::making_by_number)
            .collect::<String>();
        client.batch_execute(&sql).await.unwrap();
    }
    drop(journal);
    let superuser = server.connect_as_superuser().await;
    superuser
        .batch_execute("ALTER SYSTEM SET max_connections = 20")
        .await
        .unwrap();
    server.restart_with(FEW_LOCKS);
    server
}

/// Reads all that can be read of a journal, and returns the tasks that lists show.
async fn read_all(journal: &Journal, task: Uuid) -> Vec<Uuid> {
    assert_eq!(
        journal.task(task).await.unwrap().unwrap().task.task_uuid,
        task
    );
    assert_eq!(
        journal.outline(task).await.unwrap().unwrap().task.task_uuid,
        task
    );
    assert_eq!(journal.payloads(task, &[]).await.unwrap(), [""; 0]);
    assert_eq!(
        journal.texts(&[(task, 0)]).await.unwrap(),
        [Some("1.1".to_owned())]
    );
    assert_eq!(journal.listed(&[task]).await.unwrap().len(), 1);
    let round = Round {
        before: Uuid::max(),
        limit: 50,
        depth: 51,
    };
    let listed = journal.list(&TaskFilter::default(), round).await.unwrap();
    assert_eq!(listed.next, None);
    listed.tasks.iter().map(|task| task.task_uuid).collect()
}

#[tokio::test]
async fn more_days_than_there_are_locks_stop_nothing() {
    let server = with_many_days().await;
    let client = server.connect().await;
    let all = client.query("SELECT count(*) FROM tasker.tasks", &[]).await;
    let code = all
        .unwrap_err()
        .code()
        .expect("a refusal")
        .code()
        .to_owned();
    assert_eq!(code, "53200", "what locks all days fails");

    // It says so before it gives the locks back.
    client.batch_execute("SELECT 1").await.unwrap();

    let old = task_of(Day(1), 1);
    let journal = open(&server.url()).await;
    let open_tasks = recover(&journal).await;
    assert_eq!(open_tasks.len(), 1);
    assert_eq!(open_tasks[0].task.task_uuid, old.task_uuid);
    let mut new = new_task("{}");
    new.task_uuid = in_shard(new.task_uuid, shard_of_key("n", "k"));
    let key = NewKey {
        task_uuid: new.task_uuid,
        key: Key {
            namespace: "n".to_owned(),
            key: "k".to_owned(),
        },
        body_hash: [7; 32],
    };
    let append = Append {
        keys: vec![key.clone()],
        ..creating(&new)
    };
    assert_eq!(journal.append(append).await.unwrap().refused, []);
    let uses = journal.first_uses(&[key.key], 0).await.unwrap();
    assert_eq!(
        uses[0].as_ref().map(|found| found.task_uuid),
        Some(new.task_uuid)
    );
    assert_eq!(
        read_all(&journal, old.task_uuid).await,
        [new.task_uuid, old.task_uuid]
    );

    // One commit that changes tasks of the first day and of the last.
    let (first, last) = (ending(&old), ending(&new));
    let append = Append {
        rows: vec![
            row(old.task_uuid, b"r", "old"),
            row(new.task_uuid, b"r", "new"),
        ],
        changed: [first.changed, last.changed].concat(),
        ..Append::default()
    };
    assert_eq!(journal.append(append).await.unwrap().refused, []);
    assert_eq!(recover(&journal).await, []);
    for task in [&old, &new] {
        let stored = journal.task(task.task_uuid).await.unwrap().unwrap();
        assert!(stored.ended_at.is_some(), "{stored:?}");
    }
}

/// Each dropping makes all sessions look at all days again.
#[tokio::test]
async fn old_days_are_dropped_some_at_a_time() {
    let server = with_many_days().await;
    let journal = open(&server.url()).await;
    journal.append(ending(&task_of(Day(1), 1))).await.unwrap();
    let last = Day(10);
    assert!(journal.drop_tasks(last).await.unwrap());
    assert_eq!(
        journal.task(task_of(Day(1), 1).task_uuid).await.unwrap(),
        None
    );
    assert!(journal.drop_tasks(last).await.unwrap());
    // The tenth and the eleventh of January are left of the ten days.
    assert!(!journal.drop_tasks(last).await.unwrap());
    let left = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'tasker.tasks'::regclass";
    let left: i64 = server
        .connect()
        .await
        .query_one(left, &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(left, i64::from(EMPTY) + 1 - 10 + 3);
}
