//! A retention of years: what there is of days that are over, all empty, costs whoever does something today; and what
//! dropping such days costs.
//!
//! It leaves days behind, so it comes last.

use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;
use tasker_client::Client;
use tasker_protocol::api::{CreateTask, TaskQuery};

use crate::bench::Bench;
use crate::figure::{Figure, Target};
use crate::load;
use crate::system::{Language, System};

/// So many days before today have tables.
const DAYS: [u32; 3] = [0, 365, 3_640];

/// None of these days is dropped.
const KEEP_ALL: &str = "--retention-days=3650";

/// All of them but the last month are.
const KEEP_A_MONTH: &str = "--retention-days=30";

const WARM_UP: usize = 100;

const LISTS: usize = 20;

/// Days are dropped every two seconds: some of that is in each round.
const DROPPING: Duration = Duration::from_secs(6);

pub async fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let creation = load::creation(Language::Rust, "linear", "{}")?;
    let mut figures = Vec::new();
    let mut made = 0;
    for days in DAYS {
        bench.postgres.make_empty_days(made + 1, days).await?;
        made = days;
        let started = Instant::now();
        let system = System::start_with(&bench.options.programs, &[KEEP_ALL]).await?;
        let ready = started.elapsed();
        let _worker = system.worker(Language::Rust, "rust").await?;
        for _ in 0..WARM_UP {
            load::one(&system.client, &creation).await?;
        }
        let (mut workflows, mut floors, mut lists) = (Vec::new(), Vec::new(), Vec::new());
        for _ in bench.rounds("days") {
            let (times, floor) = alternating(bench, &system.client, &creation).await?;
            workflows.push(millis(&times, 0.5));
            floors.push(millis(&floor, 0.5));
            lists.push(millis(&listing(&system.client).await?, 0.5));
        }
        let name = format!("{days} days");
        figures.extend([
            Figure::new(
                format!("{name}, engine ready"),
                "ms",
                vec![ready.as_secs_f64() * 1e3],
            ),
            Figure::new(format!("{name}, linear, Rust, p50"), "ms", workflows)
                .floors(floors)
                .target(Target::Floors(2.7)),
            Figure::new(
                format!("{name}, a list that finds nothing, p50"),
                "ms",
                lists,
            ),
        ]);
    }
    figures.extend(dropping(bench, &creation).await?);
    Ok(figures)
}

/// Workflows one at a time while an engine drops days.
async fn dropping(bench: &Bench, creation: &CreateTask) -> Result<[Figure; 3]> {
    let before = bench.postgres.days().await?;
    let system = System::start_with(&bench.options.programs, &[KEEP_A_MONTH]).await?;
    let _worker = system.worker(Language::Rust, "rust").await?;
    let mut rounds = Vec::new();
    for _ in bench.rounds("days, dropped") {
        let started = Instant::now();
        let mut times = Histogram::new(3)?;
        while started.elapsed() < DROPPING {
            times.record(load::one(&system.client, creation).await?.as_micros() as u64)?;
        }
        rounds.push(times);
    }
    let dropped = before - bench.postgres.days().await?;
    anyhow::ensure!(dropped > 0, "no day was dropped");
    Ok(
        [("p50", 0.5), ("p99", 0.99), ("longest", 1.0)].map(|(shown, quantile)| {
            let values = rounds.iter().map(|times| millis(times, quantile)).collect();
            let what =
                format!("{dropped} of {before} days dropped meanwhile, linear, Rust, {shown}");
            Figure::new(what, "ms", values)
        }),
    )
}

/// The times of workflows, and of as many of their floors.
async fn alternating(
    bench: &Bench,
    client: &Client,
    creation: &CreateTask,
) -> Result<(Histogram<u64>, Histogram<u64>)> {
    let (mut times, mut floors) = (Histogram::new(3)?, Histogram::new(3)?);
    for _ in 0..bench.options.samples {
        times.record(load::one(client, creation).await?.as_micros() as u64)?;
        let floor = bench.floor.commits([1; 5].into_iter()).await?;
        floors.record(floor.as_micros() as u64)?;
    }
    Ok((times, floors))
}

async fn listing(client: &Client) -> Result<Histogram<u64>> {
    let nothing = TaskQuery {
        namespace: Some("nowhere".to_owned()),
        ..TaskQuery::default()
    };
    let mut times = Histogram::new(3)?;
    for _ in 0..LISTS {
        let started = Instant::now();
        let page = client.list_tasks(&nothing).await?;
        anyhow::ensure!(page.tasks.is_empty(), "{:?}", page.tasks);
        times.record(started.elapsed().as_micros() as u64)?;
    }
    Ok(times)
}

fn millis(times: &Histogram<u64>, quantile: f64) -> f64 {
    times.value_at_quantile(quantile) as f64 / 1e3
}
