//! A worker killed, or frozen, in the middle of an attempt: when its step is complete, run by another worker that has
//! nothing else to do.

use std::time::Instant;

use anyhow::Result;

use crate::bench::Bench;
use crate::figure::{Figure, Target};
use crate::load;
use crate::process::Process;
use crate::system::{Language, System};

pub async fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let system = bench.system().await?;
    let (mut killed, mut frozen) = (Vec::new(), Vec::new());
    for _ in bench.rounds("worker-loss") {
        let mut lost = Lost::start(&system).await?;
        let begun = Instant::now();
        lost.worker.kill().await?;
        killed.push(lost.taken_over(&system, begun).await?);

        let mut lost = Lost::start(&system).await?;
        let begun = Instant::now();
        lost.worker.freeze().await?;
        frozen.push(lost.taken_over(&system, begun).await?);
        lost.worker.kill().await?;
    }
    Ok(vec![
        Figure::new("worker killed, step run by another", "s", killed).target(Target::AtMost(1.0)),
        Figure::new("worker frozen, step run by another", "s", frozen).target(Target::AtMost(6.0)),
    ])
}

/// A worker that holds an attempt, and another that is ready to take over.
struct Lost {
    worker: Process,
    other: Process,
    task: uuid::Uuid,
}

impl Lost {
    async fn start(system: &System<'_>) -> Result<Lost> {
        let creation = load::creation(Language::Rust, "single", "{}")?;
        let mut worker = system.rust_worker("lost", &["--hold"]).await?;
        let task = system.client.create_task(&creation, None).await?.task_uuid;
        // It has the attempt.
        worker.line().await?;
        let other = system.rust_worker("other", &[]).await?;
        Ok(Lost {
            worker,
            other,
            task,
        })
    }

    /// Seconds until the other worker has run the step.
    async fn taken_over(&mut self, system: &System<'_>, begun: Instant) -> Result<f64> {
        load::finish(&system.client, self.task).await?;
        let took = begun.elapsed().as_secs_f64();
        self.other.stop().await?;
        Ok(took)
    }
}
