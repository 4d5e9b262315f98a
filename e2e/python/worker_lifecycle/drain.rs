//! SIGTERM: a worker finishes what it runs, takes no more, and ends with status 0.

use std::collections::BTreeSet;

use anyhow::Result;
use tasker_e2e::manager::health_once;
use tasker_protocol::api::StepState;

use super::{Scene, WORKER, moves_of_attempts, preferred};

const TASKS: usize = 40;

#[tokio::test]
async fn a_worker_that_is_told_to_stop_under_load_loses_and_repeats_nothing() -> Result<()> {
    let scene = Scene::open().await?;
    let stack = scene.manager.stack().await?;
    let url = stack.launch("python-worker-2", &preferred()).await?;
    health_once(&url, |health| health.status == "ok").await?;
    let mut tasks = Vec::new();
    for _ in 0..TASKS {
        tasks.push(scene.create("hold_twice").await?);
    }

    // All first steps run on the worker when it is told to stop; once it has heard, it gets no second ones.
    let mut started = BTreeSet::new();
    let mut processes = BTreeSet::new();
    let first = scene.started_together(TASKS).await?;
    stack.term("python-worker-2").await?;
    let drains = format!("draining, {TASKS} attempts held");
    health_once(&url, |health| health.reasons.contains(&drains)).await?;
    for held in first {
        assert!(started.insert((held.task_uuid, held.step.clone())));
        processes.insert(held.process.clone());
        held.release().await?;
    }
    assert_eq!(processes.len(), 1);
    let mut others = BTreeSet::new();
    for held in scene.started_together(TASKS).await? {
        assert!(started.insert((held.task_uuid, held.step.clone())));
        others.insert(held.process.clone());
        held.release().await?;
    }
    assert_eq!(stack.ended("python-worker-2").await?, 0);

    assert_eq!(started.len(), 2 * TASKS);
    assert_eq!(others.len(), 1);
    assert!(processes.is_disjoint(&others));
    for task in tasks {
        let steps = scene.steps_when_complete(task).await?;
        assert_eq!(steps[0].worker_id.as_deref(), Some("python-worker-2"));
        assert_eq!(steps[1].worker_id.as_deref(), Some(WORKER));
        assert_eq!((steps[0].attempts, steps[1].attempts), (1, 1));
        for step in steps {
            let moves = scene.moves(task, &step.step_name).await?;
            let completed = moves
                .iter()
                .filter(|(state, ..)| *state == StepState::Complete);
            assert_eq!(completed.count(), 1, "{moves:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_idle_worker_leaves_when_it_is_told_to_stop() -> Result<()> {
    let scene = Scene::open().await?;
    let stack = scene.manager.stack().await?;
    stack.start("python-worker-3").await?;
    stack.term("python-worker-3").await?;
    assert_eq!(stack.ended("python-worker-3").await?, 0);
    let log = stack.log("python-worker-3").await?;
    assert!(log.contains("SIGTERM was received"), "{log}");
    Ok(())
}

#[tokio::test]
async fn what_runs_longer_than_the_drain_time_out_is_lost_and_runs_elsewhere() -> Result<()> {
    let scene = Scene::open().await?;
    let stack = scene.manager.stack().await?;
    let mut changes = preferred();
    changes.arguments.extend(["--drain-timeout", "0.2"]);
    stack.start_with("python-worker-4", &changes).await?;
    let task = scene.create("hold").await?;

    let lost = scene.started().await?;
    stack.term("python-worker-4").await?;
    let held = scene.started().await?;
    assert_eq!(stack.ended("python-worker-4").await?, 0);
    assert_eq!((lost.attempt, held.attempt), (1, 2));
    assert_ne!(lost.process, held.process);
    held.release().await?;

    let step = scene.step_when_complete(task).await?;
    assert_eq!((step.attempts, &step.results["attempt"]), (2, &2.into()));
    let expected = moves_of_attempts(&["python-worker-4", WORKER]);
    assert_eq!(scene.moves(task, "hold").await?, expected);
    Ok(())
}
