//! How days of idempotency keys go from PostgreSQL.

use tasker_journal::{Day, Error};

use crate::support::{creating, day, migrated, new_task, open};

/// 1970-01-01 is day 0.
const SECOND_OF_JANUARY: Day = Day(1);

#[tokio::test]
async fn days_whose_keys_mean_nothing_any_more_are_dropped() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    day::make_table(&server, "idempotency", Day(0), true).await;
    // Detached by a process that ended before it could drop the table.
    day::make_table(&server, "idempotency", Day(1), false).await;
    day::make_table(&server, "idempotency", Day(2), true).await;
    journal.drop_keys(SECOND_OF_JANUARY).await.unwrap();
    assert_eq!(day::tables(&server).await, ["idempotency_19700103"]);
    // What is in use stays and goes on.
    journal.append(creating(&new_task("{}"))).await.unwrap();
}

#[tokio::test]
async fn a_day_that_somebody_reads_is_dropped_the_next_time() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    day::make_table(&server, "idempotency", Day(0), true).await;
    let reader = server.connect().await;
    reader
        .batch_execute("BEGIN; SELECT count(*) FROM tasker.idempotency")
        .await
        .unwrap();
    let error = journal.drop_keys(SECOND_OF_JANUARY).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error}");
    // Appends do not wait for it meanwhile.
    journal.append(creating(&new_task("{}"))).await.unwrap();
    reader.batch_execute("COMMIT").await.unwrap();
    journal.drop_keys(SECOND_OF_JANUARY).await.unwrap();
    assert_eq!(day::tables(&server).await, [""; 0]);
}
