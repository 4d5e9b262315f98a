//! What a connection must be like, and how many there must be.

use std::time::{Duration, Instant};

use tasker_journal::{Error, Journal, Round, TaskFilter};
use uuid::Uuid;

use crate::support::{
    Balancer, Pooler, Server, SessionPool, creating, migrated, new_task, open, try_open,
};

async fn refusal(url: &str) -> Error {
    try_open(url, "engine-1")
        .await
        .err()
        .expect("it is refused")
}

#[tokio::test]
async fn a_proxy_that_pools_transactions_or_statements_is_refused() {
    let server = migrated().await;
    for pooler in [
        Pooler::to(server.port()).await,
        Pooler::of_statements(server.port()).await,
    ] {
        let error = refusal(&server.url_at(pooler.port())).await;
        assert!(matches!(error, Error::Pooled), "{error}");
        assert!(!error.is_transient());
    }
}

#[tokio::test]
async fn a_proxy_that_sends_reads_to_another_server_is_refused() {
    let server = migrated().await;
    let balancer = Balancer::to(server.port()).await;
    let url = server.url_at(balancer.port());
    let migrated = Journal::migrate(&url).await.unwrap_err();
    for error in [refusal(&url).await, migrated] {
        assert!(matches!(error, Error::Balanced), "{error}");
        assert!(!error.is_transient());
    }
}

#[tokio::test]
async fn a_server_that_wants_tls_is_not_tried_again() {
    let mut server = migrated().await;
    server.let_in("host all postgres 127.0.0.1/32 trust");
    let error = refusal(&server.url()).await;
    assert_eq!(
        error.to_string(),
        "PostgreSQL refused: no pg_hba.conf entry for host \"127.0.0.1\", user \"tasker\", database \"tasker\", no \
         encryption [28000]; the engine speaks no TLS to PostgreSQL yet, so a line of pg_hba.conf of the kind `host` or \
         `hostnossl` has to let it in"
    );
    assert!(!error.is_transient());
}

/// Waits until the role has no connection, and then allows it so many.
async fn limit(server: &Server, connections: u32) {
    server
        .wait_until("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'tasker')")
        .await;
    let limit = format!("ALTER ROLE tasker CONNECTION LIMIT {connections}");
    let superuser = server.connect_as_superuser().await;
    superuser.batch_execute(&limit).await.unwrap();
}

#[tokio::test]
async fn an_engine_with_fewer_than_five_connections_says_so_at_the_start() {
    let server = migrated().await;
    for connections in 1..5 {
        limit(&server, connections).await;
        let error = refusal(&server.url()).await;
        assert_eq!(
            error.to_string(),
            "PostgreSQL takes no more connections: too many connections for role \"tasker\" [53300]; an engine needs five \
             at once, and one more at times"
        );
        assert!(error.is_transient());
    }
    limit(&server, 5).await;
    let journal = loop {
        match try_open(&server.url(), "engine-1").await {
            // Connections that were made to look at the server count until it has noticed that they are gone.
            Err(Error::Crowded(_)) => {}
            opened => break opened.unwrap(),
        }
    };
    journal.append(creating(&new_task("{}"))).await.unwrap();
    journal.renew_lease().await.unwrap();
    list(&journal).await.unwrap();
}

async fn list(journal: &Journal) -> Result<(), Error> {
    let round = Round {
        before: Uuid::max(),
        limit: 1,
        depth: 2,
    };
    let listed = journal.list(&TaskFilter::default(), round).await?;
    assert_eq!(listed.tasks.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_call_whose_connection_was_lost_and_is_not_to_be_had_says_so() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    journal.append(creating(&new_task("{}"))).await.unwrap();
    list(&journal).await.unwrap();
    let take = "ALTER ROLE tasker CONNECTION LIMIT 1; SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE query LIKE '-- The newest tasks of which something holds%' AND pid <> pg_backend_pid()";
    let superuser = server.connect_as_superuser().await;
    superuser.batch_execute(take).await.unwrap();
    let error = list(&journal).await.unwrap_err();
    assert!(matches!(error, Error::Crowded(_)), "{error}");
    let give = "ALTER ROLE tasker CONNECTION LIMIT 10";
    superuser.batch_execute(give).await.unwrap();
    list(&journal).await.unwrap();
}

/// The pool takes every connection, and lets the first statement of the fourth wait.
#[tokio::test]
async fn a_pool_of_sessions_that_is_used_up_is_noticed_within_seconds() {
    let server = migrated().await;
    let pool = SessionPool::to(server.port(), 3).await;
    let begun = Instant::now();
    let error = refusal(&server.url_at(pool.port())).await;
    assert!(matches!(error, Error::Waiting), "{error}");
    assert!(error.is_transient());
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );

    let pool = SessionPool::to(server.port(), 6).await;
    let journal = open(&server.url_at(pool.port())).await;
    journal.append(creating(&new_task("{}"))).await.unwrap();
    list(&journal).await.unwrap();
}
