//! An engine and fifty workers with nothing to do: the SQL statements that reach PostgreSQL, counted on the wire.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::bench::Bench;
use crate::cpu;
use crate::figure::{Figure, Target};
use crate::proxy::Proxy;
use crate::system::System;

const WORKERS: u32 = 50;

/// What follows from the workers' coming is over then.
const SETTLED: Duration = Duration::from_secs(2);

pub async fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let programs = &bench.options.programs;
    let proxy = Proxy::start(&programs.database_url).await?;
    let system = System::start_on(programs, &proxy.url).await?;
    let sessions = format!("--sessions={WORKERS}");
    let _workers = system.rust_worker("idle", &[&sessions]).await?;
    for number in 1..=WORKERS {
        system.connected(&format!("idle-{number}")).await?;
    }
    let seconds = bench.options.idle_seconds / f64::from(bench.options.rounds);
    let engine = system.engine.pid()?;
    let (mut statements, mut cpu) = (Vec::new(), Vec::new());
    tokio::time::sleep(SETTLED).await;
    ensure!(
        proxy.statements() > 0,
        "the engine's start has passed the proxy by"
    );
    for _ in bench.rounds("idle") {
        let (before, cpu_before) = (proxy.statements(), cpu::of_process(engine)?);
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        statements.push((proxy.statements() - before) as f64 / seconds);
        cpu.push((cpu::of_process(engine)? - cpu_before) / seconds);
    }
    let name = format!("engine and {WORKERS} workers");
    Ok(vec![
        Figure::new(format!("{name}, SQL statements"), "/s", statements)
            .target(Target::AtMost(2.0)),
        Figure::new(format!("{name}, CPU, engine"), "s/s", cpu),
    ])
}
