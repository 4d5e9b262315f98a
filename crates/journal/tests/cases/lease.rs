//! The lease: an engine of another name waits for its end, and who was taken over learns it without an append.

use std::time::{Duration, Instant};

use tasker_journal::{Error, Journal, LEASE};

use crate::support::{
    ENGINE, Server, append_in_background, creating, migrated, new_task, open, try_open,
};

async fn open_as_stranger(server: &Server) -> Result<Journal, Error> {
    try_open(&server.url(), "stranger").await
}

/// Opens the journal as an engine of another name as soon as it may.
async fn stranger(server: &Server) -> Journal {
    loop {
        match open_as_stranger(server).await {
            Ok(journal) => return journal,
            Err(error) => assert!(matches!(error, Error::Held { .. }), "{error}"),
        }
    }
}

async fn execute(server: &Server, sql: &str) {
    server.connect().await.batch_execute(sql).await.unwrap();
}

#[tokio::test]
async fn a_stranger_is_told_whom_it_waits_for_and_until_when() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let until = "UPDATE tasker.leases SET expires_at = '2100-01-02 03:04:05.6+00'";
    execute(&server, until).await;
    let error = open_as_stranger(&server).await.err().expect("it waits");
    assert_eq!(
        error.to_string(),
        "engine engine-1 at 127.0.0.1:8080 has the tasks; this engine takes them over once that one stops or its lease \
         has run out, which unless it is renewed is at 2100-01-02T03:04:05.600Z"
    );
    assert!(error.is_transient());
    journal.append(creating(&new_task("{}"))).await.unwrap();
}

#[tokio::test]
async fn a_stranger_takes_over_when_the_lease_has_run_out_and_not_before() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let renewed = Instant::now();
    journal.renew_lease().await.unwrap();
    let stranger = stranger(&server).await;
    assert!(renewed.elapsed() >= LEASE, "{:?}", renewed.elapsed());
    // By what opening takes on a busy machine.
    assert!(
        renewed.elapsed() < LEASE + Duration::from_secs(3),
        "{:?}",
        renewed.elapsed()
    );
    stranger.append(creating(&new_task("{}"))).await.unwrap();
    for _ in 0..2 {
        let error = journal.renew_lease().await.unwrap_err();
        assert!(matches!(error, Error::Fenced { .. }), "{error}");
    }
    let error = journal.append(creating(&new_task("{}"))).await.unwrap_err();
    assert!(matches!(error, Error::Fenced { .. }), "{error}");
    stranger.renew_lease().await.unwrap();
}

#[tokio::test]
async fn a_lease_that_is_given_up_or_unknown_is_not_waited_for() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    journal.release_lease().await.unwrap();
    let second = open_as_stranger(&server).await.unwrap();
    // As an engine of an earlier release leaves it.
    execute(&server, "DELETE FROM tasker.leases").await;
    let third = open(&server.url()).await;
    assert!(third.epoch() > second.epoch() && second.epoch() > journal.epoch());
    let error = second.renew_lease().await.unwrap_err();
    assert!(matches!(error, Error::Fenced { .. }), "{error}");
}

#[tokio::test]
async fn the_next_process_of_the_same_name_has_the_lease_at_once() {
    let server = migrated().await;
    let first = open(&server.url()).await;
    let second = open(&server.url()).await;
    let error = first.renew_lease().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "another process has taken over engine engine-1 (this one had epoch 1); nothing more is written"
    );
    // What the first gives up is not the second's.
    first.release_lease().await.unwrap();
    assert!(matches!(
        open_as_stranger(&server).await,
        Err(Error::Held { .. })
    ));
    second.renew_lease().await.unwrap();
}

#[tokio::test]
async fn neither_an_append_nor_its_fence_waits_for_a_renewal_nor_a_renewal_for_them() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let frozen = server.connect().await;
    let append =
        "BEGIN; SELECT FROM tasker.engines FOR SHARE; LOCK TABLE tasker.tasks IN SHARE MODE";
    frozen.batch_execute(append).await.unwrap();
    let appending = append_in_background(&journal, creating(&new_task("{}")));
    server
        .wait_until("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        .await;
    journal.renew_lease().await.unwrap();
    frozen.batch_execute("ROLLBACK").await.unwrap();
    appending.await.unwrap().unwrap();

    let renewal = "BEGIN; SELECT FROM tasker.leases FOR UPDATE";
    frozen.batch_execute(renewal).await.unwrap();
    journal.append(creating(&new_task("{}"))).await.unwrap();
}

/// The lease had run out, and is renewed while the stranger looks: either the one or the other has it.
#[tokio::test]
async fn a_renewal_that_has_begun_is_waited_for_and_keeps_the_stranger_out() {
    let server = migrated().await;
    let _journal = open(&server.url()).await;
    execute(&server, "UPDATE tasker.leases SET expires_at = now()").await;
    let renewal = server.connect().await;
    let renew = "BEGIN; UPDATE tasker.leases SET expires_at = now() + interval '1 minute'";
    renewal.batch_execute(renew).await.unwrap();
    let url = server.url();
    let opening = tokio::spawn(async move { try_open(&url, "stranger").await });
    server
        .wait_until(
            "SELECT EXISTS (SELECT FROM pg_stat_activity \
             WHERE wait_event_type = 'Lock' AND query LIKE '-- Drops the leases%')",
        )
        .await;
    renewal.batch_execute("COMMIT").await.unwrap();
    let opened = opening.await.unwrap();
    assert!(matches!(opened, Err(Error::Held { engine, .. }) if engine == ENGINE));
}

#[tokio::test]
async fn a_renewal_frozen_in_the_middle_is_ended_by_the_next_process() {
    let server = migrated().await;
    let _journal = open(&server.url()).await;
    let frozen = server.connect().await;
    frozen
        .batch_execute("BEGIN; SELECT FROM tasker.leases FOR UPDATE")
        .await
        .unwrap();
    let second = open(&server.url()).await;
    second.renew_lease().await.unwrap();
    assert!(frozen.batch_execute("COMMIT").await.is_err());
}

#[tokio::test]
async fn a_renewal_shows_the_servers_clock() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let client = server.connect().await;
    let clock = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
    let before: i64 = client.query_one(clock, &[]).await.unwrap().get(0);
    let shown = journal.renew_lease().await.unwrap();
    let after: i64 = client.query_one(clock, &[]).await.unwrap().get(0);
    assert!(
        (before..=after).contains(&shown),
        "{before} {shown} {after}"
    );
}
