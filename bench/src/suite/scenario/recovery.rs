//! The engine killed with thousands of open tasks and started again at once: when it is ready, and when a worker that
//! has tried to connect meanwhile is given the first step. All tasks end then.

use std::time::Instant;

use anyhow::Result;
use tasker_protocol::api::MAX_BATCH;

use crate::bench::Bench;
use crate::figure::{Figure, Target};
use crate::load;
use crate::system::Language;

pub async fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let mut system = bench.system().await?;
    let open = bench.options.open_tasks;
    let creation = load::creation(Language::Rust, "linear", "{}")?;
    let (mut ready, mut dispatched) = (Vec::new(), Vec::new());
    for _ in bench.rounds("recovery") {
        // About two of the four steps of each task are done when this worker leaves.
        let attempts = format!("--attempts={}", 2 * open);
        let mut before = system.rust_worker("before", &[&attempts]).await?;
        let mut tasks = Vec::new();
        while tasks.len() < open {
            let count = MAX_BATCH.min(open - tasks.len());
            tasks.extend(load::create(&system.client, &creation, count).await?);
        }
        before.ended().await?;
        let killed = Instant::now();
        system.engine.kill().await?;
        let mut after = system.new_rust_worker("after", &[])?;
        system.start_again()?;
        system.ready().await?;
        ready.push(killed.elapsed().as_secs_f64());
        after.line().await?;
        dispatched.push(killed.elapsed().as_secs_f64());
        bench.postgres.complete(&tasks).await?;
        after.stop().await?;
    }
    let name = format!("engine killed with {open} open tasks");
    Ok(vec![
        Figure::new(format!("{name}, ready again"), "s", ready),
        Figure::new(format!("{name}, dispatches again"), "s", dispatched)
            .target(Target::AtMost(3.0)),
    ])
}
