//! Thousands of four-step workflows at a time, and what a step costs then: commits, WAL, CPU; and the memory taken.
//!
//! The floor makes as many commits as were made, and writes as many rows in them as there were steps.

use std::time::Duration;

use anyhow::Result;
use tasker_protocol::api::CreateTask;

use crate::bench::Bench;
use crate::cpu;
use crate::figure::{Figure, Target};
use crate::load;
use crate::memory;
use crate::postgres::STATISTICS_DELAY;
use crate::process::Process;
use crate::system::{Language, System};

const STEPS: usize = 4;

const WARM_UP: Duration = Duration::from_secs(1);

/// What one round has measured; what is counted is for one step.
#[derive(Default)]
struct Measured {
    rates: Vec<f64>,
    floors: Vec<f64>,
    commits: Vec<f64>,
    wal: Vec<f64>,
    full_pages: Vec<f64>,
    cpu: [Vec<f64>; 4],
    memory: [Vec<f64>; 2],
}

/// The processes whose CPU is told apart; the memory of the first two.
const PROCESSES: [&str; 4] = ["engine", "worker", "PostgreSQL", "client"];

pub async fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let system = bench.system().await?;
    let mut languages = [
        (Language::Rust, 25_000.0, Measured::default()),
        (Language::Python, 10_000.0, Measured::default()),
    ];
    for _ in bench.rounds("throughput") {
        for (language, _, measured) in &mut languages {
            // The other language's worker would take CPU for its start and its pings.
            let mut worker = system.worker(*language, language.name()).await?;
            let creation = load::creation(*language, "linear", "{}")?;
            load(bench, &system, &creation, WARM_UP).await?;
            measure(bench, &system, &worker, &creation, measured).await?;
            worker.stop().await?;
        }
    }
    let figures = languages.map(|(language, target, measured)| figures(language, target, measured));
    Ok(figures.into_iter().flatten().collect())
}

async fn load(
    bench: &Bench,
    system: &System<'_>,
    creation: &CreateTask,
    time: Duration,
) -> Result<load::Done> {
    let in_flight = bench.options.in_flight;
    load::run(&system.client, &bench.postgres, creation, in_flight, time).await
}

async fn measure(
    bench: &Bench,
    system: &System<'_>,
    worker: &Process,
    creation: &CreateTask,
    measured: &mut Measured,
) -> Result<()> {
    let seconds = Duration::from_secs_f64(bench.options.seconds);
    settle(system, creation).await?;
    let (before, cpu_before) = (
        bench.postgres.counters().await?,
        cpu(bench, system, worker)?,
    );
    let done = load(bench, system, creation, seconds).await?;
    let cpu_after = cpu(bench, system, worker)?;
    for (values, process) in measured.memory.iter_mut().zip([&system.engine, worker]) {
        values.push(memory::resident(process.pid()?)?);
    }
    settle(system, creation).await?;
    let after = bench.postgres.counters().await?;
    // Those of the one workflow that made the statistics complete count, too.
    let steps = (done.tasks * STEPS + STEPS) as f64;
    let commits = after.commits - before.commits;
    measured
        .rates
        .push((done.tasks * STEPS) as f64 / done.took.as_secs_f64());
    measured.commits.push(commits as f64 / steps);
    measured
        .wal
        .push((after.wal_bytes - before.wal_bytes) as f64 / steps);
    measured
        .full_pages
        .push((after.full_pages - before.full_pages) as f64 * 1000.0 / steps);
    for (values, (before, after)) in measured
        .cpu
        .iter_mut()
        .zip(cpu_before.iter().zip(cpu_after))
    {
        values.push((after - before) * 1000.0 / steps);
    }
    let floor = bench.floor.spread(steps as usize, commits as usize).await?;
    measured.floors.push(steps / floor.as_secs_f64());
    Ok(())
}

/// Has the engine's backends tell what they have counted: with their next transaction, once it is time.
async fn settle(system: &System<'_>, creation: &CreateTask) -> Result<()> {
    tokio::time::sleep(STATISTICS_DELAY).await;
    load::one(&system.client, creation).await?;
    Ok(())
}

fn cpu(bench: &Bench, system: &System<'_>, worker: &Process) -> Result<[f64; 4]> {
    Ok([
        cpu::of_process(system.engine.pid()?)?,
        cpu::of_process(worker.pid()?)?,
        cpu::of_family(bench.postgres.pid)?,
        cpu::of_process(std::process::id())?,
    ])
}

fn figures(language: Language, target: f64, measured: Measured) -> Vec<Figure> {
    let name = language.name();
    let mut figures = vec![
        Figure::new(format!("{name}, steps"), "steps/s", measured.rates)
            .higher()
            .floors(measured.floors)
            .target(Target::AtLeast(target)),
        Figure::new(format!("{name}, commits per step"), "", measured.commits)
            .target(Target::AtMost(0.05)),
        Figure::new(format!("{name}, WAL per step"), "bytes", measured.wal)
            .target(Target::AtMost(600.0)),
        Figure::new(
            format!("{name}, full pages in the WAL per 1,000 steps"),
            "",
            measured.full_pages,
        ),
    ];
    let cpu = PROCESSES.iter().zip(measured.cpu);
    figures.extend(cpu.map(|(process, seconds)| {
        Figure::new(
            format!("{name}, CPU per 1,000 steps, {process}"),
            "s",
            seconds,
        )
    }));
    let memory = PROCESSES.iter().zip(measured.memory);
    figures.extend(memory.map(|(process, resident)| {
        Figure::new(
            format!("{name}, resident memory, {process}"),
            "MiB",
            resident,
        )
    }));
    figures
}
