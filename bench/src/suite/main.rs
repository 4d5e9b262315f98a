//! The engine's benchmark suite: `tools/bazel run //bench`, or with the names of scenarios behind `--`.
//!
//! Layout:
//! - [`scenario`]: what is measured, a file each, all of one shape: figures out of a [`bench::Bench`].
//! - [`system`]: engine and workers, and what is done to them; [`process`]: one child process.
//! - [`load`]: tasks, one at a time and thousands at a time.
//! - [`floor`]: what the same commits cost a bare client.
//! - [`cpu`], [`memory`], [`postgres`], [`proxy`]: measuring processes, the server, and statements on their way to it.
//! - [`figure`], [`report`]: what comes out.
//! - [`options`]: the command line.

mod bench;
mod cpu;
mod figure;
mod floor;
mod load;
mod memory;
mod options;
mod postgres;
mod process;
mod proxy;
mod report;
mod scenario;
mod system;

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use bench::Bench;
use options::{Name, Options};

#[tokio::main]
async fn main() -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = run() => result,
        // What runs is dropped, and every process with it.
        _ = interrupt.recv() => bail!("interrupted"),
        _ = terminate.recv() => bail!("terminated"),
    }
}

/// Measures what the command line says, and prints it.
async fn run() -> Result<()> {
    let bench = Bench::new(Options::parse()).await?;
    let chosen = match bench.options.scenarios.as_slice() {
        [] => Name::value_variants(),
        some => some,
    };
    let mut all = Vec::new();
    for name in chosen {
        let figures = match name {
            Name::Latency => scenario::latency::run(&bench).await,
            Name::Throughput => scenario::throughput::run(&bench).await,
            Name::Batch => scenario::batch::run(&bench).await,
            Name::Idle => scenario::idle::run(&bench).await,
            Name::Recovery => scenario::recovery::run(&bench).await,
            Name::WorkerLoss => scenario::worker_loss::run(&bench).await,
            Name::Snapshot => scenario::snapshot::run(&bench).await,
            Name::Memory => scenario::memory::run(&bench).await,
            Name::Days => scenario::days::run(&bench).await,
        };
        let named = name.to_possible_value().context("a name")?;
        let name = named.get_name().to_owned();
        all.push((name.clone(), figures.context(name)?));
    }
    print!("{}", report::HEAD);
    for (name, figures) in &all {
        print!("{}", report::rows(name, figures));
    }
    if let Some(file) = &bench.options.json {
        std::fs::write(file, report::json(&all)?)
            .with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(())
}
