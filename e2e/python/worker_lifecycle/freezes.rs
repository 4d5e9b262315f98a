//! A worker that was frozen, for less and for more than the time after which it is given up: it runs nothing that others
//! have run meanwhile.

use std::time::Duration;

use anyhow::{Result, ensure};
use tasker_e2e::stack::Stack;
use tasker_protocol::history::HistoryOutcome::{Succeeded, WorkerLost};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::{Scene, WORKER, preferred};

const FROZEN: &str = "python-worker-5";

/// As many as a worker takes from its socket in one go, and more.
const TASKS: usize = 40;

/// A frozen worker to which tasks were given, which it has not read.
struct Frozen {
    stack: Stack,
    process: String,
    since: Instant,
    tasks: Vec<Uuid>,
}

impl Frozen {
    async fn start(scene: &Scene) -> Result<Frozen> {
        let stack = scene.manager.stack().await?;
        stack.start_with(FROZEN, &preferred()).await?;
        let first = scene.create("hold").await?;
        let held = scene.started().await?;
        let process = held.process.clone();
        held.release().await?;
        // Frozen with it, the worker would give the others one more to run.
        scene.step_when_complete(first).await?;
        stack.stop(FROZEN).await?;
        let since = Instant::now();
        let mut tasks = Vec::new();
        for _ in 0..TASKS {
            tasks.push(scene.create("hold").await?);
        }
        Ok(Frozen {
            stack,
            process,
            since,
            tasks,
        })
    }

    /// How long it is frozen is what the test is about.
    async fn wake_after(&self, freeze: Duration) -> Result<()> {
        sleep_until(self.since + freeze).await;
        self.stack.cont(FROZEN).await
    }
}

async fn others_run_it_meanwhile(freeze: Duration) -> Result<()> {
    let scene = Scene::open().await?;
    let frozen = Frozen::start(&scene).await?;
    for held in scene.started_together(TASKS).await? {
        assert_eq!(held.attempt, 2);
        assert_ne!(held.process, frozen.process);
        held.release().await?;
    }
    for task in &frozen.tasks {
        scene.step_when_complete(*task).await?;
    }
    ensure!(frozen.since.elapsed() < freeze, "it took too long");

    frozen.wake_after(freeze).await?;
    // New tasks go there again once it has a new session. What it ran of the old ones would come before.
    loop {
        let task = scene.create("hold").await?;
        let held = scene.started().await?;
        assert_eq!(held.task_uuid, task, "a step runs that others have run");
        let process = held.process.clone();
        held.release().await?;
        scene.step_when_complete(task).await?;
        if process == frozen.process {
            break;
        }
    }
    let outcomes = [
        (1, FROZEN.to_owned(), WorkerLost),
        (2, WORKER.to_owned(), Succeeded),
    ];
    for task in &frozen.tasks {
        let step = scene.step_when_complete(*task).await?;
        assert_eq!(scene.outcomes(&step).await?, outcomes);
    }
    frozen.stack.kill(FROZEN).await
}

#[tokio::test]
async fn a_worker_that_was_frozen_for_eight_seconds_runs_nothing_that_others_have_run() -> Result<()>
{
    others_run_it_meanwhile(Duration::from_secs(8)).await
}

#[tokio::test]
async fn a_worker_that_was_frozen_for_twelve_seconds_runs_nothing_that_others_have_run()
-> Result<()> {
    others_run_it_meanwhile(Duration::from_secs(12)).await
}

#[tokio::test]
async fn a_worker_that_was_frozen_for_a_moment_runs_what_it_was_given_meanwhile() -> Result<()> {
    let scene = Scene::open().await?;
    let frozen = Frozen::start(&scene).await?;
    frozen.wake_after(Duration::from_secs(2)).await?;
    for held in scene.started_together(TASKS).await? {
        assert_eq!((held.attempt, &held.process), (1, &frozen.process));
        held.release().await?;
    }
    for task in &frozen.tasks {
        let step = scene.step_when_complete(*task).await?;
        let outcomes = [(1, FROZEN.to_owned(), Succeeded)];
        assert_eq!(scene.outcomes(&step).await?, outcomes);
    }
    frozen.stack.kill(FROZEN).await
}
