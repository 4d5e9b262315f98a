//! Defaults of the role change nothing about the journal's sessions.

use tasker_journal::Error;
use tokio_postgres::Client;

use crate::support::{
    Server, append_in_background, creating, migrate, migrated, new_task, open, recover, today,
};

/// Gives the role defaults; those that this release of PostgreSQL does not have are left out.
async fn set_defaults(server: &Server, settings: &[(&str, &str)]) -> Client {
    let superuser = server.connect_as_superuser().await;
    for (name, value) in settings {
        let there = "SELECT current_setting($1, true) IS NOT NULL";
        let there = superuser.query_one(there, &[name]).await.unwrap();
        if there.get(0) {
            let set = format!("ALTER ROLE tasker SET {name} = '{value}'");
            superuser.batch_execute(&set).await.unwrap();
        }
    }
    superuser
}

/// What the session of an append has: those settings `s` that are like this, beside the server's own `p`.
async fn settings_of_an_append(server: &Server, superuser: &Client, which: &str) -> Vec<String> {
    let journal = open(&server.url()).await;
    let watch = format!(
        "CREATE TABLE tasker.seen AS SELECT name, setting FROM pg_settings WITH NO DATA;
        GRANT ALL ON tasker.seen TO tasker;
        CREATE FUNCTION tasker.look() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO tasker.seen SELECT name, setting FROM pg_settings;
            RETURN NULL;
        END $$;
        CREATE TRIGGER look AFTER INSERT ON tasker.{} FOR EACH ROW EXECUTE FUNCTION tasker.look()",
        today(superuser, "tasks").await
    );
    superuser.batch_execute(&watch).await.unwrap();
    journal.append(creating(&new_task("{}"))).await.unwrap();
    let settings = format!(
        "SELECT s.name || ' ' || s.setting FROM tasker.seen AS s JOIN pg_settings AS p ON p.name = s.name WHERE {which} ORDER BY 1"
    );
    let settings = superuser.query(&settings, &[]).await.unwrap();
    settings.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn isolation_and_durability_are_the_journals_own() {
    let server = migrated().await;
    let settings = [
        ("default_transaction_isolation", "serializable"),
        ("synchronous_commit", "off"),
    ];
    set_defaults(&server, &settings).await;
    let journal = open(&server.url()).await;
    journal.append(creating(&new_task("{}"))).await.unwrap();
    // Under SERIALIZABLE the second take-over would fail with what it waited for; asynchronously, a crash would lose.
    let second = open(&server.url()).await;
    second.append(creating(&new_task("{}"))).await.unwrap();
    assert!(matches!(
        journal.append(creating(&new_task("{}"))).await,
        Err(Error::Fenced { .. })
    ));
}

#[tokio::test]
async fn plans_are_chosen_as_with_postgresqls_own_defaults() {
    let server = migrated().await;
    let off = [
        "enable_nestloop",
        "enable_indexscan",
        "enable_indexonlyscan",
        "enable_bitmapscan",
        "enable_partition_pruning",
        "enable_sort",
    ];
    let settings = off.map(|name| (name, "off"));
    let superuser = set_defaults(&server, &settings).await;
    let changed = "s.name LIKE 'enable\\_%' AND s.setting <> p.boot_val";
    let changed = settings_of_an_append(&server, &superuser, changed).await;
    let wanted = [
        "enable_bitmapscan off",
        "enable_hashjoin off",
        "enable_mergejoin off",
        "enable_seqscan off",
    ];
    assert_eq!(changed, wanted);
}

/// With its defaults it would keep a connection that a cut network has left behind for two hours.
#[tokio::test]
async fn postgresql_asks_a_silent_peer_as_soon_as_the_journal_does() {
    let server = migrated().await;
    let settings = [("tcp_keepalives_idle", "7200")];
    let superuser = set_defaults(&server, &settings).await;
    let keepalives = "s.name LIKE 'tcp\\_keepalives\\_%'";
    let keepalives = settings_of_an_append(&server, &superuser, keepalives).await;
    let wanted = [
        "tcp_keepalives_count 3",
        "tcp_keepalives_idle 10",
        "tcp_keepalives_interval 2",
    ];
    assert_eq!(keepalives, wanted);
}

#[tokio::test]
async fn tables_are_made_where_the_database_has_its_own() {
    let server = Server::start();
    let settings = [("default_tablespace", "pg_default")];
    set_defaults(&server, &settings).await;
    let server = migrate(server).await;
    open(&server.url()).await;
}

/// From PostgreSQL 17 on; before, only the waiting is shown.
#[tokio::test]
async fn no_time_limit_of_a_transaction_ends_an_engine_that_waits_for_a_lock() {
    let server = migrated().await;
    let limits = [
        ("transaction_timeout", "100ms"),
        ("statement_timeout", "100ms"),
    ];
    let lock = set_defaults(&server, &limits).await;
    let journal = open(&server.url()).await;
    let tables = "BEGIN; LOCK TABLE tasker.tasks IN SHARE MODE";
    lock.batch_execute(tables).await.unwrap();
    let append = append_in_background(&journal, creating(&new_task("{}")));
    let waited = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '-- Adds what one commit adds%' \
         AND clock_timestamp() - query_start > interval '300 ms') OR (SELECT epoch > 1 FROM tasker.engines)";
    server.wait_until(waited).await;
    lock.batch_execute("COMMIT").await.unwrap();
    append.await.unwrap().unwrap();
    assert_eq!((journal.epoch(), recover(&journal).await.len()), (1, 1));
}

#[tokio::test]
async fn an_append_waits_for_a_lock_for_as_long_as_it_takes() {
    let server = migrated().await;
    let superuser = set_defaults(&server, &[("lock_timeout", "1s")]).await;
    let limit = settings_of_an_append(&server, &superuser, "s.name = 'lock_timeout'").await;
    assert_eq!(limit, ["lock_timeout 0"]);
}
