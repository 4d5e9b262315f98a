//! PostgreSQL is gone, restarted, slow, silent, full or read-only, or fails in the middle of commits, each under load: who
//! cannot be served is told so, and what was acknowledged is there afterwards and has run, once.

mod wire;

use std::time::Duration;

use anyhow::Result;
use tasker_e2e::settings::Settings;
use tasker_e2e::stack::{Changes, Stack};
use tokio_postgres::{Client, NoTls};
use wire::load::Load;
use wire::network::Network;
use wire::{Wire, stack};

async fn superuser() -> Result<Client> {
    let url = format!("postgres://postgres@{}/tasker", Settings::read()?.postgres);
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Starts the engine again with a network between it and PostgreSQL that can fail.
async fn behind_network(stack: &Stack) -> Result<Network> {
    let network = Network::to_postgres().await?;
    let mut changes = Changes::default();
    changes.environment.insert("DATABASE_URL", network.url());
    stack.kill("orchestration").await?;
    stack.start_with("orchestration", &changes).await?;
    Ok(network)
}

async fn without_network(stack: &Stack) -> Result<()> {
    stack.kill("orchestration").await?;
    stack.start("orchestration").await
}

#[tokio::test]
async fn gone() -> Result<()> {
    let (wire, stack) = (Wire::new()?, stack().await?);
    let load = Load::start("gone").await?;
    stack.kill("postgres").await?;
    wire.until_health_is(503, "PostgreSQL is not reachable")
        .await?;
    load.assert_refused().await?;
    stack.start("postgres").await?;
    load.end().await?;
    Ok(())
}

#[tokio::test]
async fn restarted() -> Result<()> {
    let stack = stack().await?;
    let load = Load::start("restarted").await?;
    stack.term("postgres").await?;
    assert_eq!(stack.ended("postgres").await?, 0);
    stack.start("postgres").await?;
    load.end().await?;
    Ok(())
}

#[tokio::test]
async fn slow() -> Result<()> {
    let stack = stack().await?;
    let network = behind_network(&stack).await?;
    let mut load = Load::start("slow").await?;
    network.delay(Duration::from_millis(200));
    load.more(10).await?;
    network.pass();
    // Answers come late, that is all.
    assert_eq!(load.end().await?, 0);
    without_network(&stack).await
}

#[tokio::test]
async fn silent() -> Result<()> {
    let (wire, stack) = (Wire::new()?, stack().await?);
    let network = behind_network(&stack).await?;
    let load = Load::start("silent").await?;
    network.hold();
    wire.until_health_is(503, "PostgreSQL has not answered an append")
        .await?;
    load.assert_refused().await?;
    network.pass();
    load.end().await?;
    without_network(&stack).await
}

#[tokio::test]
async fn cut_off_again_and_again() -> Result<()> {
    let stack = stack().await?;
    let network = behind_network(&stack).await?;
    let mut load = Load::start("cut").await?;
    for _ in 0..10 {
        network.cut();
        load.more(5).await?;
    }
    load.end().await?;
    without_network(&stack).await
}

#[tokio::test]
async fn full() -> Result<()> {
    let (wire, _stack) = (Wire::new()?, stack().await?);
    let load = Load::start("full").await?;
    let refuse = "
        CREATE FUNCTION tasker.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = 'disk_full'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON tasker.records
        FOR EACH ROW EXECUTE FUNCTION tasker.refuse()";
    let superuser = superuser().await?;
    superuser.batch_execute(refuse).await?;
    wire.until_health_is(503, "no room [53100]").await?;
    load.assert_refused().await?;
    superuser
        .batch_execute("DROP FUNCTION tasker.refuse CASCADE")
        .await?;
    load.end().await?;
    Ok(())
}

#[tokio::test]
async fn read_only() -> Result<()> {
    let (wire, _stack) = (Wire::new()?, stack().await?);
    let load = Load::start("read_only").await?;
    let superuser = superuser().await?;
    for (setting, status, says) in [("= on", 503, "[25006]"), ("= off", 200, "ok")] {
        let set = format!("ALTER SYSTEM SET default_transaction_read_only {setting}");
        superuser.batch_execute(&set).await?;
        superuser.query("SELECT pg_reload_conf()", &[]).await?;
        wire.until_health_is(status, says).await?;
        if status == 503 {
            load.assert_refused().await?;
        }
    }
    load.end().await?;
    Ok(())
}

/// Has this done at the end of three commits, when all their rows are in.
async fn at_the_end_of_three_commits(name: &'static str, what: &str) -> Result<()> {
    let _stack = stack().await?;
    let mut load = Load::start(name).await?;
    let superuser = superuser().await?;
    let table = "SELECT 'tasker.records_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')";
    let table: String = superuser.query_one(table, &[]).await?.get(0);
    let fail = format!(
        "
        CREATE SEQUENCE tasker.commits;
        CREATE FUNCTION tasker.fail() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
            IF nextval('tasker.commits') <= 3 THEN {what}; END IF;
            RETURN NULL;
        END $$;
        CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION tasker.fail()"
    );
    superuser.batch_execute(&fail).await?;
    load.more(10).await?;
    let commits = "SELECT last_value FROM tasker.commits";
    let commits: i64 = superuser.query_one(commits, &[]).await?.get(0);
    assert!(commits > 3, "only {commits} commits");
    superuser
        .batch_execute("DROP FUNCTION tasker.fail CASCADE; DROP SEQUENCE tasker.commits")
        .await?;
    load.end().await?;
    Ok(())
}

#[tokio::test]
async fn answering_with_an_error_in_the_middle_of_commits() -> Result<()> {
    let error = "RAISE EXCEPTION 'not now' USING ERRCODE = 'serialization_failure'";
    at_the_end_of_three_commits("error", error).await
}

#[tokio::test]
async fn ending_the_session_in_the_middle_of_commits() -> Result<()> {
    let end = "PERFORM pg_terminate_backend(pg_backend_pid())";
    at_the_end_of_three_commits("ended", end).await
}
