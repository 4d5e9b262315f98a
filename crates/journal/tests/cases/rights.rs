//! The role that docs/production.md makes has all the rights that it needs, in a database that gives nobody any.

use std::{env, fs, path::Path};

use tasker_journal::{Day, Journal};
use tokio_postgres::NoTls;

use crate::sample::{ending, listed, task_of};
use crate::support::{Server, creating, new_task, open};

/// The page's first block of SQL.
fn statements() -> String {
    let page = env::var_os("PRODUCTION_PAGE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/production.md"),
        Into::into,
    );
    let page = fs::read_to_string(page).expect("the page can be read");
    let (_, rest) = page.split_once("```sql\n").expect("the page has SQL");
    rest.split_once("```").expect("it ends").0.to_owned()
}

async fn execute(server: &Server, user: &str, database: &str, sql: &str) {
    let url = format!("postgres://{user}@127.0.0.1:{}/{database}", server.port());
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(sql).await.unwrap();
}

#[tokio::test]
async fn the_role_of_the_page_migrates_and_does_all_that_an_engine_does() {
    let server = Server::start();
    let superuser = server.connect_as_superuser().await;
    // The role that tests have otherwise owns a database.
    for sql in [
        "ALTER ROLE tasker RENAME TO another",
        "CREATE DATABASE shop",
    ] {
        superuser.batch_execute(sql).await.unwrap();
    }
    let nobody = "REVOKE ALL ON DATABASE shop FROM PUBLIC; REVOKE ALL ON SCHEMA public FROM PUBLIC";
    execute(&server, "postgres", "shop", nobody).await;
    execute(&server, "postgres", "shop", &statements()).await;

    let url = format!("postgres://tasker@127.0.0.1:{}/shop", server.port());
    Journal::migrate(&url).await.unwrap();
    let journal = open(&url).await;
    let (old, new) = (task_of(Day(1), 1), new_task("{}"));
    let day = "CREATE TABLE tasker.{}_19700102 (LIKE tasker.{} INCLUDING ALL);
        ALTER TABLE tasker.{} ATTACH PARTITION tasker.{}_19700102
            FOR VALUES FROM ('00000526-5c00-0000-0000-000000000000') TO ('00000a4c-b800-0000-0000-000000000000')";
    for table in ["tasks", "records", "idempotency"] {
        execute(&server, "tasker", "shop", &day.replace("{}", table)).await;
    }
    for task in [&old, &new] {
        journal.append(creating(task)).await.unwrap();
        journal.append(ending(task)).await.unwrap();
    }
    journal.renew_lease().await.unwrap();
    journal.drop_tasks(Day(1)).await.unwrap();
    journal.drop_keys(Day(1)).await.unwrap();
    assert_eq!(listed(&journal).await, [new.task_uuid]);

    // A process that hangs is ended by the next.
    let (hangs, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let lock = "BEGIN; SELECT FROM tasker.shards FOR UPDATE";
    hangs.batch_execute(lock).await.unwrap();
    open(&url).await;
    assert!(hangs.batch_execute("COMMIT").await.is_err());
}
