//! How long a four-step linear workflow takes on an idle system, beside the physical floor in the same run: the five
//! serial commits that it needs, made by a bare client.
//!
//! Rounds of both alternate, so that both see the same machine. Prints a Markdown table; times are in milliseconds.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Parser;
use hdrhistogram::Histogram;
use tasker_client::Client;
use tasker_protocol::api::{CreateTask, TaskStatus};
use tokio_postgres::{NoTls, Statement};

/// Commits that a chain of four steps needs: one for the creation, one for each outcome.
const COMMITS: usize = 5;

/// About what one commit of such a chain writes, in bytes.
const ROW_BYTES: usize = 200;

#[derive(Parser)]
struct Options {
    /// The engine.
    #[arg(long, env = "TASKER_URL")]
    url: String,
    /// The engine's database, for the floor.
    #[arg(long, env = "DATABASE_URL")]
    database_url: String,
    /// What the engine wants to be shown.
    #[arg(long, env = "TASKER_TOKEN")]
    token: Option<String>,
    /// Workflows measured, over all rounds.
    #[arg(long, default_value_t = 1000)]
    samples: usize,
    /// Workflows before the first that is measured.
    #[arg(long, default_value_t = 200)]
    warm_up: usize,
    /// Rounds.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let client = Client::new(&options.url, options.token.clone())?;
    let floor = Floor::connect(&options.database_url).await?;
    for _ in 0..options.warm_up {
        workflow(&client).await?;
        floor.commits().await?;
    }
    let mut workflows = Histogram::<u64>::new(3)?;
    let mut commits = Histogram::<u64>::new(3)?;
    for _ in 0..options.rounds {
        for _ in 0..options.samples / options.rounds {
            workflows.record(micros(workflow(&client).await?))?;
        }
        for _ in 0..options.samples / options.rounds {
            commits.record(micros(floor.commits().await?))?;
        }
    }
    floor.clean_up().await?;
    println!("| what | samples | p50 | p95 | p99 | max |\n|---|---|---|---|---|---|");
    print_row(
        "linear workflow, 4 Python steps, request to completion",
        &workflows,
    );
    print_row("floor: 5 serial commits by a bare client", &commits);
    let ratio = |quantile| {
        workflows.value_at_quantile(quantile) as f64 / commits.value_at_quantile(quantile) as f64
    };
    println!(
        "| ratio | | {:.2} | {:.2} | {:.2} | |",
        ratio(0.5),
        ratio(0.95),
        ratio(0.99)
    );
    Ok(())
}

fn print_row(name: &str, times: &Histogram<u64>) {
    let millis = |quantile| times.value_at_quantile(quantile) as f64 / 1000.0;
    println!(
        "| {name} | {} | {:.2} | {:.2} | {:.2} | {:.2} |",
        times.len(),
        millis(0.5),
        millis(0.95),
        millis(0.99),
        times.max() as f64 / 1000.0
    );
}

fn micros(duration: Duration) -> u64 {
    duration.as_micros() as u64
}

/// Runs one workflow; the time from the request to the answer that it has ended.
async fn workflow(client: &Client) -> anyhow::Result<Duration> {
    let create = CreateTask {
        name: "mathematical_sequence_py".to_owned(),
        namespace: "linear_workflow_py".to_owned(),
        version: None,
        context: serde_json::value::to_raw_value(&serde_json::json!({"even_number": 6}))?.into(),
        initiator: None,
        source_system: None,
        reason: None,
        tags: Vec::new(),
        priority: 0,
        correlation_id: None,
        parent_correlation_id: None,
        idempotency_key: None,
    };
    let started = Instant::now();
    let task = client
        .create_task(&create, Some(Duration::from_secs(30)))
        .await?;
    let took = started.elapsed();
    ensure!(
        task.status == TaskStatus::Complete,
        "{:?}: {:?}",
        task.status,
        task.waiting_on
    );
    Ok(took)
}

/// A bare client that commits as often as a workflow does.
struct Floor {
    client: tokio_postgres::Client,
    insert: Statement,
    row: String,
}

impl Floor {
    async fn connect(url: &str) -> anyhow::Result<Floor> {
        let (client, connection) = tokio_postgres::connect(url, NoTls)
            .await
            .context("the engine's database")?;
        tokio::spawn(connection);
        client
            .batch_execute(
                "DROP TABLE IF EXISTS latency_floor; \
                 CREATE TABLE latency_floor (number bigserial PRIMARY KEY, row text NOT NULL)",
            )
            .await?;
        let insert = client
            .prepare("INSERT INTO latency_floor (row) VALUES ($1)")
            .await?;
        let row = "x".repeat(ROW_BYTES);
        Ok(Floor {
            client,
            insert,
            row,
        })
    }

    async fn commits(&self) -> anyhow::Result<Duration> {
        let started = Instant::now();
        for _ in 0..COMMITS {
            self.client.execute(&self.insert, &[&self.row]).await?;
        }
        Ok(started.elapsed())
    }

    async fn clean_up(&self) -> anyhow::Result<()> {
        Ok(self
            .client
            .batch_execute("DROP TABLE latency_floor")
            .await?)
    }
}
