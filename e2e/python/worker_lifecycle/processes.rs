//! A worker of two processes: each has a session of its own, and their parent keeps both up.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use tasker_e2e::gate::Held;
use tasker_e2e::manager::health_once;
use tasker_e2e::stack::{Changes, Stack};

use super::{Scene, preferred};

const WORKER: &str = "python-worker-9";

/// Starts the worker, once the one of the test before has ended; its health page.
async fn start(stack: &Stack) -> Result<String> {
    let Changes {
        environment,
        mut arguments,
    } = preferred();
    arguments.extend(["--processes", "2"]);
    let changes = Changes {
        environment,
        arguments,
    };
    let url = stack.launch(WORKER, &changes).await?;
    wait_until_ready(&url).await?;
    Ok(url)
}

async fn wait_until_ready(url: &str) -> Result<()> {
    health_once(url, |health| health.status == "ok").await?;
    Ok(())
}

/// Two tasks on each of the two processes.
async fn two_on_each(scene: &Scene) -> Result<Vec<Held>> {
    for _ in 0..4 {
        scene.create("hold").await?;
    }
    let running = scene.started_together(4).await?;
    let mut counts = BTreeMap::new();
    for held in &running {
        *counts.entry(&held.process).or_insert(0) += 1;
    }
    assert_eq!(counts.into_values().collect::<Vec<_>>(), [2, 2]);
    Ok(running)
}

#[tokio::test]
async fn a_process_that_dies_is_replaced_and_the_other_goes_on() -> Result<()> {
    let scene = Scene::open().await?;
    let stack = scene.manager.stack().await?;
    let url = start(&stack).await?;
    let running = two_on_each(&scene).await?;
    let task = scene.create("die").await?;
    let dying = scene.started().await?;
    let died = dying.process.clone();

    dying.release().await?;
    // Its two other steps run again, and so does the one that killed it.
    let again = scene.started_together(3).await?;
    assert!(
        again
            .iter()
            .all(|held| held.attempt == 2 && held.process != died)
    );
    // The new process has most slots free, so it has been given one of them, or is given the next step.
    wait_until_ready(&url).await?;
    let next = scene.create("hold").await?;
    let new = scene.started().await?;
    assert_eq!(new.task_uuid, next);
    let before: BTreeSet<_> = running.iter().map(|held| held.process.clone()).collect();
    let after: BTreeSet<_> = again
        .iter()
        .chain([&new])
        .map(|held| held.process.clone())
        .collect();
    assert_eq!(after.difference(&before).count(), 1);

    stack.term(WORKER).await?;
    let mut tasks = BTreeSet::from([task, next]);
    for held in running.into_iter().chain(again).chain([new]) {
        tasks.insert(held.task_uuid);
        if held.process != died {
            held.release().await?;
        }
    }
    assert_eq!(stack.ended(WORKER).await?, 0);
    let mut attempts = Vec::new();
    for task in tasks {
        let step = scene.step_when_complete(task).await?;
        assert_eq!(step.results["attempt"], step.attempts);
        attempts.push(step.attempts);
    }
    attempts.sort_unstable();
    assert_eq!(attempts, [1, 1, 1, 2, 2, 2]);
    Ok(())
}

#[tokio::test]
async fn processes_whose_parent_is_killed_finish_what_they_run() -> Result<()> {
    let scene = Scene::open().await?;
    let stack = scene.manager.stack().await?;
    start(&stack).await?;
    let running = two_on_each(&scene).await?;
    stack.kill(WORKER).await?;
    for held in running {
        let (task, process) = (held.task_uuid, held.process.clone());
        held.release().await?;
        let step = scene.step_when_complete(task).await?;
        assert_eq!(step.results["process"], process);
        assert_eq!(step.attempts, 1);
    }
    Ok(())
}
