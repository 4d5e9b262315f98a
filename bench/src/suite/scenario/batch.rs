//! One task of many batches: created, run by a worker in Rust, and joined.

use anyhow::Result;

use crate::bench::Bench;
use crate::cpu;
use crate::figure::{Figure, Target};
use crate::load;
use crate::postgres::STATISTICS_DELAY;
use crate::system::Language;

const WARM_UP: usize = 1000;

pub async fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let system = bench.system().await?;
    let worker = system.worker(Language::Rust, "rust").await?;
    let task = |batches: usize| {
        let context = format!(r#"{{"batches": {batches}}}"#);
        load::creation(Language::Rust, "batch", &context)
    };
    load::one(&system.client, &task(WARM_UP)?).await?;
    let batches = bench.options.batches;
    let (mut times, mut floors, mut commits) = (Vec::new(), Vec::new(), Vec::new());
    let (mut engine, mut workers) = (Vec::new(), Vec::new());
    let pids = (system.engine.pid()?, worker.pid()?);
    for _ in bench.rounds("batch") {
        let cpu = (cpu::of_process(pids.0)?, cpu::of_process(pids.1)?);
        let before = bench.postgres.counters().await?;
        let time = load::one(&system.client, &task(batches)?).await?;
        engine.push(cpu::of_process(pids.0)? - cpu.0);
        workers.push(cpu::of_process(pids.1)? - cpu.1);
        // The engine's backends tell what they have counted with their next transaction, once it is time.
        tokio::time::sleep(STATISTICS_DELAY).await;
        load::one(&system.client, &task(1)?).await?;
        let made = bench.postgres.counters().await?.commits - before.commits;
        let floor = bench.floor.spread(batches, made as usize).await?;
        times.push(time.as_secs_f64());
        floors.push(floor.as_secs_f64());
        commits.push(made as f64);
    }
    let name = format!("{batches} batches, Rust");
    Ok(vec![
        Figure::new(&name, "s", times)
            .floors(floors)
            .target(Target::AtMost(6.0)),
        Figure::new(format!("{name}, commits"), "", commits),
        Figure::new(format!("{name}, CPU, engine"), "s", engine),
        Figure::new(format!("{name}, CPU, worker"), "s", workers),
    ])
}
