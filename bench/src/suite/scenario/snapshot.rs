//! Throughput while another session holds a transaction open that has read the tables, and without it, in turns.

use std::time::Duration;

use anyhow::Result;
use tokio_postgres::Client;

use crate::bench::Bench;
use crate::figure::{Figure, Target};
use crate::load;
use crate::postgres::Postgres;
use crate::system::Language;

const STEPS: f64 = 4.0;

const WARM_UP: Duration = Duration::from_secs(1);

pub async fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let system = bench.system().await?;
    let _worker = system.worker(Language::Rust, "rust").await?;
    let creation = load::creation(Language::Rust, "linear", "{}")?;
    let programs = &bench.options.programs;
    let holder = Postgres::connect(&programs.database_url, programs.postgres_pid).await?;
    let rate = async |time: Duration| {
        let in_flight = bench.options.in_flight;
        let done = load::run(&system.client, &bench.postgres, &creation, in_flight, time).await?;
        anyhow::Ok(done.tasks as f64 * STEPS / done.took.as_secs_f64())
    };
    rate(WARM_UP).await?;
    let time = Duration::from_secs_f64(bench.options.snapshot_seconds);
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for round in bench.rounds("snapshot") {
        // Whatever slows by and by then falls on both alike.
        let held_first = round % 2 == 1;
        for held in [held_first, !held_first] {
            if held {
                hold(&holder.client).await?;
                with.push(rate(time).await?);
                holder.client.batch_execute("ROLLBACK").await?;
            } else {
                without.push(rate(time).await?);
            }
        }
    }
    let relative = with
        .iter()
        .zip(&without)
        .map(|(with, without)| 100.0 * with / without);
    let relative: Vec<f64> = relative.collect();
    Ok(vec![
        Figure::new("without an open transaction", "steps/s", without).higher(),
        Figure::new("with one that has read the tables", "steps/s", with).higher(),
        Figure::new("with / without", "%", relative)
            .higher()
            .target(Target::AtLeast(90.0)),
    ])
}

async fn hold(client: &Client) -> Result<()> {
    client
        .batch_execute(
            "BEGIN ISOLATION LEVEL REPEATABLE READ; \
             SELECT count(*) FROM tasker.tasks; SELECT count(*) FROM tasker.records",
        )
        .await?;
    Ok(())
}
