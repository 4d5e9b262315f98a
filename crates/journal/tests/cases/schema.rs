//! The tables are made once, and only a fitting database is opened.

use tasker_journal::{Error, Journal, migration};

use crate::support::{Server, migrated, open, try_open};

#[tokio::test]
async fn migrations_apply_once_and_from_many_at_once() {
    let server = Server::start();
    let url = server.url();
    let migrations = tokio::join!(
        Journal::migrate(&url),
        Journal::migrate(&url),
        Journal::migrate(&url)
    );
    let mut applied = [
        migrations.0.unwrap(),
        migrations.1.unwrap(),
        migrations.2.unwrap(),
    ]
    .concat();
    applied.sort();
    assert_eq!(
        applied,
        [
            "V1__journal",
            "V2__idempotency",
            "V3__task_lists",
            "V4__leases",
            "V5__template_standing"
        ]
    );
    assert_eq!(applied.len(), migration::latest() as usize);
    assert_eq!(Journal::migrate(&url).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn the_role_needs_no_privilege_but_its_database() {
    let server = migrated().await;
    let client = server.connect().await;
    let privileges = "SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication FROM pg_roles \
                      WHERE rolname = current_user";
    assert!(
        !client
            .query_one(privileges, &[])
            .await
            .unwrap()
            .get::<_, bool>(0)
    );
    open(&server.url()).await;
}

#[tokio::test]
async fn an_older_schema_says_what_to_run() {
    let server = Server::start();
    let error = try_open(&server.url(), "engine-1")
        .await
        .err()
        .expect("there are no tables");
    assert_eq!(
        error.to_string(),
        "the database's schema is at version 0, this engine needs 5: run `tasker-server migrate`"
    );
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_newer_schema_names_both_versions() {
    let server = migrated().await;
    let client = server.connect().await;
    client
        .batch_execute("INSERT INTO tasker.migrations (version, name) VALUES (7, 'V7__later')")
        .await
        .unwrap();
    for error in [
        try_open(&server.url(), "engine-1")
            .await
            .err()
            .expect("the schema is newer"),
        Journal::migrate(&server.url())
            .await
            .expect_err("the schema is newer"),
    ] {
        assert!(
            matches!(error, Error::SchemaNewer { found: 7, known: 5 }),
            "{error}"
        );
        assert_eq!(
            error.to_string(),
            "the database's schema is at version 7, this engine knows 5: run an engine of a later release"
        );
    }
}

#[tokio::test]
async fn an_encoding_that_cannot_hold_all_text_is_refused() {
    let server = Server::start_with_encoding("SQL_ASCII");
    let error = Journal::migrate(&server.url()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the database's encoding is SQL_ASCII; create the database with ENCODING 'UTF8'"
    );
}

#[tokio::test]
async fn a_url_that_cannot_be_read_is_not_shown() {
    let error = try_open("postgres://tasker:secret@[broken", "engine-1")
        .await
        .err()
        .expect("it is broken");
    assert!(!error.to_string().contains("secret"), "{error}");
    assert!(matches!(error, Error::Url(_)), "{error}");
}
