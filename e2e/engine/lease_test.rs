//! Two engines and one database: the second waits for the first's lease, takes over, and the first tells nobody any more
//! what it believes. And one engine that cannot renew its lease.

mod wire;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tasker_e2e::stack::{Changes, Stack};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use uuid::Uuid;
use wire::network::Network;
use wire::{Wire, Worker};

/// How long a lease lasts.
const LEASE: Duration = Duration::from_secs(6);

/// How often it is renewed, and with that an engine learns that another has taken over.
const RENEWAL: Duration = Duration::from_secs(2);

/// How long what follows by itself may take.
const PATIENCE: Duration = Duration::from_secs(30);

const FIRST: &str = "orchestration";
const SECOND: &str = "orchestration-2";

/// A task that waits for a slot, so that the engine has it in memory.
async fn waiting_task(wire: &Wire, name: &str) -> Result<(Uuid, Worker)> {
    let mut worker = Worker::connect(wire).await?;
    worker.welcome(name, &["lease.Call"], 0).await?;
    Ok((wire.create(name, "{}").await?, worker))
}

/// Asks the first engine until its process has ended, of itself and with an error; what it said meanwhile.
async fn until_it_ends(wire: &Wire, stack: &Stack, path: &str) -> Result<Vec<u16>> {
    let asked = async {
        let mut statuses = Vec::new();
        while let Ok((status, _)) = wire.get(path).await {
            statuses.push(status);
        }
        statuses
    };
    let asked = tokio::time::timeout(2 * LEASE, asked).await;
    let statuses = asked.context("the engine goes on")?;
    assert_eq!(stack.ended(FIRST).await?, 1);
    let log = stack.log(FIRST).await?;
    let says = "another process has taken over engine orchestration";
    ensure!(log.contains(says), "{log}");
    Ok(statuses)
}

/// Waits until an engine that waits for another has seen so many renewals of its lease.
async fn until_it_renews(waiting: &Wire, times: usize) -> Result<()> {
    let mut seen = BTreeSet::new();
    while seen.len() <= times {
        let (status, health) = waiting.get("/health").await?;
        assert_eq!(status, 503, "{health}");
        // It names the lease's end.
        seen.insert(health.to_string());
    }
    Ok(())
}

#[tokio::test]
async fn a_stranger_takes_over_from_a_frozen_engine_which_then_says_nothing_stale() -> Result<()> {
    let wire = Wire::new()?;
    let stack = wire::stack().await?;
    let (task, _worker) = waiting_task(&wire, "frozen").await?;
    let path = format!("/v1/tasks/{task}");

    let second = Wire::at(stack.launch(SECOND, &Changes::default()).await?)?;
    second
        .until_health_is(503, "engine orchestration at 127.0.0.1:8080 has the tasks")
        .await?;
    let (status, error) = second.get(&path).await?;
    assert_eq!(
        (status, &error["error"]["code"]),
        (503, &json!("UNAVAILABLE"))
    );
    // The first renews its lease, beyond the end that it had at first: nobody takes its tasks.
    let renewed = until_it_renews(&second, LEASE.div_duration_f64(RENEWAL) as usize + 1);
    let renewed = tokio::time::timeout(3 * LEASE, renewed).await;
    renewed.context("the lease is renewed")??;
    assert_eq!(wire.get(&path).await?.0, 200);

    stack.stop(FIRST).await?;
    let frozen = Instant::now();
    second.until_health_is(200, "ok").await?;
    let waited = frozen.elapsed();
    ensure!(
        waited > LEASE - RENEWAL - Duration::from_secs(1),
        "{waited:?}"
    );
    ensure!(waited < LEASE + Duration::from_secs(4), "{waited:?}");
    let (status, _) = second.send(reqwest::Method::DELETE, &path, "").await?;
    assert_eq!(status, 200);

    stack.cont(FIRST).await?;
    let statuses = until_it_ends(&wire, &stack, &path).await?;
    ensure!(statuses.iter().all(|status| *status == 503), "{statuses:?}");

    // Now the first is the stranger. An engine that stops gives its lease up.
    stack.launch(FIRST, &Changes::default()).await?;
    wire.until_health_is(
        503,
        "engine orchestration-2 at 127.0.0.1:8180 has the tasks",
    )
    .await?;
    let asked = Instant::now();
    stack.term(SECOND).await?;
    wire.until_health_is(200, "ok").await?;
    ensure!(
        asked.elapsed() < Duration::from_secs(3),
        "{:?}",
        asked.elapsed()
    );
    assert_eq!(stack.ended(SECOND).await?, 0);
    let (_, shown) = wire.get(&path).await?;
    assert_eq!(shown["status"], "cancelled");
    Ok(())
}

#[tokio::test]
async fn an_engine_that_stops_keeps_nobody_waiting_whoever_follows_or_waits_or_is_slow()
-> Result<()> {
    let wire = Wire::new()?;
    let stack = wire::stack().await?;
    let (task, _worker) = waiting_task(&wire, "stopped").await?;
    let path = format!("/v1/tasks/{task}");
    let second = Wire::at(stack.launch(SECOND, &Changes::default()).await?)?;
    second.until_health_is(503, "has the tasks").await?;

    let mut followers = Vec::new();
    for _ in 0..20 {
        let mut events = wire.follow(task).await?;
        events.chunk().await?.context("the events so far")?;
        followers.push(events);
    }
    let wait = format!("{path}?wait=60");
    let creation = r#"{"namespace": "stopped", "name": "stopped", "context": {}}"#;
    // Its body never comes.
    let mut slow = TcpStream::connect(wire.url("").replacen("http://", "", 1)).await?;
    let head =
        "POST /v1/tasks HTTP/1.1\r\nHost: engine\r\nContent-Length: 9\r\nAuthorization: Bearer";
    slow.write_all(format!("{head} {}\r\n\r\n{{", wire.token()).as_bytes())
        .await?;
    let shown = wire.get(&wait);
    let created = wire.post("/v1/tasks?wait=60", &[], creation);
    let stopped = async {
        let waits = async {
            while wire.get("/v1/tasks?namespace=stopped").await?.1["tasks"][1].is_null() {}
            anyhow::Ok(())
        };
        let waits = tokio::time::timeout(PATIENCE, waits).await;
        waits.context("the creation is not there")??;
        let asked = Instant::now();
        stack.term(FIRST).await?;
        second.until_health_is(200, "ok").await?;
        anyhow::Ok(asked.elapsed())
    };
    let (shown, created, took) = tokio::join!(shown, created, stopped);
    let took = took?;
    ensure!(took < Duration::from_secs(3), "{took:?}");
    let (status, shown) = shown?;
    assert_eq!((status, &shown["status"]), (200, &json!("pending")));
    let (status, created) = created?;
    assert_eq!((status, &created["status"]), (201, &json!("pending")));
    for mut events in followers {
        while events.chunk().await?.is_some() {}
    }

    // The slow one is still there, and whoever comes is told where it stands.
    wire.until_health_is(503, "the engine is stopping").await?;
    assert_eq!(wire.get("/health/live").await?.0, 200);
    let (status, error) = wire.get(&path).await?;
    assert_eq!(
        (status, &error["error"]["code"]),
        (503, &json!("UNAVAILABLE"))
    );
    drop(slow);
    assert_eq!(stack.ended(FIRST).await?, 0);

    let (status, there) = second
        .get(&format!(
            "/v1/tasks/{}",
            created["task_uuid"].as_str().context("an id")?
        ))
        .await?;
    assert_eq!((status, &there["status"]), (200, &json!("pending")));
    stack.term(SECOND).await?;
    assert_eq!(stack.ended(SECOND).await?, 0);
    stack.start(FIRST).await
}

#[tokio::test]
async fn after_a_kill_another_name_waits_for_the_lease_and_the_same_name_does_not() -> Result<()> {
    let wire = Wire::new()?;
    let stack = wire::stack().await?;
    stack.kill(FIRST).await?;
    let killed = Instant::now();
    stack.start(FIRST).await?;
    ensure!(
        killed.elapsed() < Duration::from_secs(3),
        "{:?}",
        killed.elapsed()
    );

    stack.kill(FIRST).await?;
    let killed = Instant::now();
    let mut stranger = Changes::default();
    stranger.environment.insert("TASKER_ENGINE_ID", "stranger");
    stack.start_with(FIRST, &stranger).await?;
    let waited = killed.elapsed();
    ensure!(
        waited > LEASE - RENEWAL - Duration::from_secs(1),
        "{waited:?}"
    );
    ensure!(waited < LEASE + Duration::from_secs(4), "{waited:?}");

    // Its own name again, which is now a stranger's.
    stack.term(FIRST).await?;
    assert_eq!(stack.ended(FIRST).await?, 0);
    stack.start(FIRST).await?;
    wire.until_health_is(200, "ok").await
}

#[tokio::test]
async fn an_idle_engine_that_was_superseded_under_its_own_name_ends_with_the_next_renewal()
-> Result<()> {
    let wire = Wire::new()?;
    let stack = wire::stack().await?;
    let (task, _worker) = waiting_task(&wire, "superseded").await?;
    let mut same = Changes::default();
    same.environment.insert("TASKER_ENGINE_ID", FIRST);
    stack.start_with(SECOND, &same).await?;
    let taken = Instant::now();
    until_it_ends(&wire, &stack, &format!("/v1/tasks/{task}")).await?;
    let took = taken.elapsed();
    ensure!(took < RENEWAL + Duration::from_secs(1), "{took:?}");
    stack.term(SECOND).await?;
    assert_eq!(stack.ended(SECOND).await?, 0);
    stack.start(FIRST).await
}

#[tokio::test]
async fn without_a_lease_nothing_is_read_until_postgresql_renews_it() -> Result<()> {
    let wire = Wire::new()?;
    let stack = wire::stack().await?;
    let network = Network::to_postgres().await?;
    stack.kill(FIRST).await?;
    let mut behind = Changes::default();
    behind.environment.insert("DATABASE_URL", network.url());
    stack.start_with(FIRST, &behind).await?;
    let (task, worker) = waiting_task(&wire, "silent").await?;
    let path = format!("/v1/tasks/{task}");

    network.hold();
    let held = Instant::now();
    // A call that waits for longer than the lease lasts is told nothing either.
    let wait = format!("{path}?wait=9");
    let waiting = wire.get_response(&wait);
    let reading = async {
        loop {
            let response = wire.get_response(&path).await?;
            if response.status() != 200 {
                return anyhow::Ok((held.elapsed(), response));
            }
        }
    };
    let (waited, read) = tokio::join!(waiting, reading);
    let (after, read) = read?;
    ensure!(
        after > LEASE - RENEWAL - Duration::from_secs(1),
        "{after:?}"
    );
    ensure!(after <= LEASE + Duration::from_secs(1), "{after:?}");
    for response in [waited?, read] {
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "1");
        let error: serde_json::Value = response.json().await?;
        assert_eq!(error["error"]["code"], "UNAVAILABLE");
        let message = error["error"]["message"].as_str().unwrap_or_default();
        ensure!(
            message.starts_with("the engine's lease has run out"),
            "{message}"
        );
    }
    wire.until_health_is(503, "the engine's lease has run out")
        .await?;

    network.pass();
    wire.until_health_is(200, "ok").await?;
    let (status, shown) = wire.get(&path).await?;
    assert_eq!((status, &shown["status"]), (200, &json!("pending")));
    drop(worker);
    stack.kill(FIRST).await?;
    stack.start(FIRST).await
}
