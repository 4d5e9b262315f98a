//! Runs seeds and says how fast, or shows one that fails.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use tasker_simulation::run;

/// Simulates the engine, its workers and its clients through faults of all kinds.
#[derive(Parser)]
struct Arguments {
    /// Run this seed alone.
    #[arg(long, conflicts_with_all = ["runs", "minutes"])]
    seed: Option<u64>,
    /// How many seeds to run.
    #[arg(long, default_value_t = 1000)]
    runs: u64,
    /// Run seeds for so long instead.
    #[arg(long)]
    minutes: Option<f64>,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Print all that happens.
    #[arg(long)]
    trace: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let start = Instant::now();
    let enough = arguments
        .minutes
        .map(|minutes| Duration::from_secs_f64(minutes * 60.0));
    let seeds = match (arguments.seed, enough) {
        (Some(seed), _) => seed..=seed,
        (None, Some(_)) => arguments.from..=u64::MAX,
        (None, None) => arguments.from..=arguments.from + arguments.runs.max(1) - 1,
    };
    let (mut runs, mut workflows, mut events) = (0u64, 0, 0);
    let mut counts = BTreeMap::new();
    for seed in seeds {
        let report = run(seed, arguments.trace);
        runs += 1;
        workflows += report.workflows;
        events += report.events;
        for (what, count) in &report.counts {
            *counts.entry(*what).or_insert(0) += count;
        }
        if let Some(failure) = report.failure() {
            eprintln!("{failure}");
            return ExitCode::FAILURE;
        }
        if arguments.seed.is_some() {
            println!("trace {:016x}", report.trace);
        }
        if enough.is_some_and(|enough| start.elapsed() >= enough) {
            break;
        }
    }
    for (what, count) in counts {
        println!("{count:>12} {what}");
    }
    let minutes = start.elapsed().as_secs_f64() / 60.0;
    println!(
        "{runs} runs, {workflows} workflows, {events} events, {:.0} events a minute",
        events as f64 / minutes
    );
    ExitCode::SUCCESS
}
