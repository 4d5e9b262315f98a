//! What tasks take of the engine's memory: while they are open and nobody takes them, after many have run through it,
//! and of an engine that is started again when they are blocked.

use anyhow::Result;
use tasker_protocol::api::{CreateTask, MAX_BATCH};
use uuid::Uuid;

use crate::bench::Bench;
use crate::figure::{Figure, Target};
use crate::load;
use crate::memory::resident;
use crate::system::{Language, System};

/// A JSON text of 100 bytes, as contexts are.
const CONTEXT_BYTES: usize = 100;

/// Through one engine run so many times the tasks that are open at once.
const TENTHS: usize = 10;

pub async fn run(bench: &Bench) -> Result<Vec<Figure>> {
    eprintln!("memory: one round");
    let padding = CONTEXT_BYTES - r#"{"":""}"#.len();
    let context = format!(r#"{{"":"{}"}}"#, "x".repeat(padding));
    let creation = load::creation(Language::Rust, "linear", &context)?;
    let mut figures = through(bench, &creation).await?;
    figures.extend(open(bench, &creation).await?);
    bench.postgres.forget_tasks().await?;
    figures.extend(blocked(bench, &creation).await?);
    bench.postgres.forget_tasks().await?;
    Ok(figures)
}

async fn through(bench: &Bench, creation: &CreateTask) -> Result<Vec<Figure>> {
    let mut system = bench.system().await?;
    let mut worker = system.rust_worker("through", &[]).await?;
    let empty = resident(system.engine.pid()?)?;
    let tenth = bench.options.memory_tasks;
    let mut after = Vec::new();
    for _ in 0..TENTHS {
        load::through(
            &system.client,
            &bench.postgres,
            creation,
            bench.options.in_flight,
            tenth,
        )
        .await?;
        after.push(resident(system.engine.pid()?)?);
    }
    worker.stop().await?;
    system.engine.stop().await?;
    // The first ones still touch memory for the first time.
    let growth = after[TENTHS - 1] / after[1];
    Ok(vec![
        Figure::new("an engine without tasks, resident", "MiB", vec![empty]),
        Figure::new(
            format!("after each of {TENTHS} times {tenth} tasks, resident"),
            "MiB",
            after,
        ),
        Figure::new("the last of these divided by the second", "", vec![growth])
            .target(Target::AtMost(1.1)),
    ])
}

async fn open(bench: &Bench, creation: &CreateTask) -> Result<Vec<Figure>> {
    let mut system = bench.system().await?;
    // It brings the templates.
    let mut worker = system.rust_worker("idle", &["--slots=0"]).await?;
    worker.stop().await?;
    let tasks = create(bench, &system, creation).await?;
    let open = resident(system.engine.pid()?)?;
    system.engine.kill().await?;
    let name = format!("{} open tasks, resident", tasks.len());
    Ok(vec![
        Figure::new(name, "MiB", vec![open]).target(Target::AtMost(1024.0)),
    ])
}

async fn blocked(bench: &Bench, creation: &CreateTask) -> Result<Vec<Figure>> {
    let mut system = bench.system().await?;
    let mut worker = system.rust_worker("failing", &["--fail"]).await?;
    let tasks = create(bench, &system, creation).await?;
    bench.postgres.blocked(&tasks).await?;
    worker.stop().await?;
    system.engine.kill().await?;
    system.start_again()?;
    system.ready().await?;
    let again = resident(system.engine.pid()?)?;
    system.engine.kill().await?;
    let name = format!("started again with {} blocked tasks, resident", tasks.len());
    Ok(vec![Figure::new(name, "MiB", vec![again])])
}

async fn create(bench: &Bench, system: &System<'_>, creation: &CreateTask) -> Result<Vec<Uuid>> {
    let mut tasks = Vec::new();
    while tasks.len() < bench.options.memory_tasks {
        let count = MAX_BATCH.min(bench.options.memory_tasks - tasks.len());
        tasks.extend(load::create(&system.client, creation, count).await?);
    }
    Ok(tasks)
}
