//! One workflow at a time on an idle system, from the request to the answer that it is complete.
//!
//! Workflows alternate in small groups with their floor, the serial commits that each needs, so that both see the same
//! machine.

use anyhow::Result;
use hdrhistogram::Histogram;

use crate::bench::Bench;
use crate::figure::{Figure, Target};
use crate::load;
use crate::system::Language;

/// Workflows in a row before the floor has its turn.
const GROUP: usize = 20;

const WARM_UP: usize = 100;

/// A workflow and what of it must be durable: the rows of each commit, the creation's first.
struct Workflow {
    template: &'static str,
    language: Language,
    commits: &'static [usize],
    /// What the median is to reach.
    target: Option<Target>,
    /// What the 99th percentile is to reach, in medians of its own.
    tail: Option<Target>,
}

const WORKFLOWS: [Workflow; 4] = [
    Workflow {
        template: "linear",
        language: Language::Rust,
        commits: &[1, 1, 1, 1, 1],
        target: Some(Target::Floors(2.7)),
        tail: Some(Target::AtMost(5.0)),
    },
    Workflow {
        template: "linear",
        language: Language::Python,
        commits: &[1, 1, 1, 1, 1],
        target: Some(Target::Floors(3.6)),
        tail: Some(Target::AtMost(5.0)),
    },
    Workflow {
        template: "diamond",
        language: Language::Python,
        commits: &[1, 1, 2, 1],
        target: None,
        tail: None,
    },
    Workflow {
        template: "fan",
        language: Language::Python,
        commits: &[1, 1, 100, 1],
        target: Some(Target::AtMost(20.0)),
        tail: None,
    },
];

/// Times in microseconds.
type Times = Histogram<u64>;

pub async fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let system = bench.system().await?;
    let _rust = system.worker(Language::Rust, "rust").await?;
    let _python = system.worker(Language::Python, "python").await?;
    let mut measured: [Vec<(Times, Times)>; WORKFLOWS.len()] = Default::default();
    for workflow in &WORKFLOWS {
        measure(bench, &system.client, workflow, WARM_UP).await?;
    }
    for _ in bench.rounds("latency") {
        for (workflow, rounds) in WORKFLOWS.iter().zip(&mut measured) {
            rounds.push(measure(bench, &system.client, workflow, bench.options.samples).await?);
        }
    }
    let of_one = WORKFLOWS.iter().zip(&measured);
    Ok(of_one
        .flat_map(|(workflow, rounds)| figures(workflow, rounds))
        .collect())
}

/// The times of so many workflows, and of as many floors.
async fn measure(
    bench: &Bench,
    client: &tasker_client::Client,
    workflow: &Workflow,
    samples: usize,
) -> Result<(Times, Times)> {
    let creation = load::creation(workflow.language, workflow.template, "{}")?;
    let mut times = Times::new(3)?;
    let mut floors = Times::new(3)?;
    for group in (0..samples).step_by(GROUP) {
        let group = GROUP.min(samples - group);
        for _ in 0..group {
            let time = load::one(client, &creation).await?;
            times.record(time.as_micros() as u64)?;
        }
        for _ in 0..group {
            let floor = bench
                .floor
                .commits(workflow.commits.iter().copied())
                .await?;
            floors.record(floor.as_micros() as u64)?;
        }
    }
    Ok((times, floors))
}

fn figures(workflow: &Workflow, rounds: &[(Times, Times)]) -> Vec<Figure> {
    let name = format!("{}, {}", workflow.template, workflow.language.name());
    let at = |times: &Times, quantile| times.value_at_quantile(quantile) as f64 / 1000.0;
    let mut figures: Vec<Figure> = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)]
        .map(|(shown, quantile)| {
            let values = rounds
                .iter()
                .map(|(times, _)| at(times, quantile))
                .collect();
            let floors = rounds
                .iter()
                .map(|(_, floors)| at(floors, quantile))
                .collect();
            Figure::new(format!("{name}, {shown}"), "ms", values).floors(floors)
        })
        .into();
    figures[0].target = workflow.target;
    let tails = rounds
        .iter()
        .map(|(times, _)| at(times, 0.99) / at(times, 0.5));
    let mut tail = Figure::new(format!("{name}, p99 / p50, best"), "", tails.collect()).best();
    tail.target = workflow.tail;
    figures.push(tail);
    figures
}
