//! The engine goes and comes back while handlers run: it adopts their attempts.

use anyhow::Result;

use super::{ENGINE, Scene, WORKER, moves_of_attempts};

const TASKS: usize = 5;

#[tokio::test]
async fn a_restarted_engine_adopts_the_attempts_that_run() -> Result<()> {
    let scene = Scene::open().await?;
    let stack = scene.manager.stack().await?;
    for _ in 0..TASKS {
        scene.create("hold").await?;
    }
    let running = scene.started_together(TASKS).await?;
    stack.kill(ENGINE).await?;
    stack.start(ENGINE).await?;
    let tasks: Vec<_> = running.iter().map(|held| held.task_uuid).collect();
    for held in running {
        held.release().await?;
    }
    assert_adopted(&scene, &tasks).await
}

#[tokio::test]
async fn outcomes_that_find_the_engine_frozen_are_taken_when_it_goes_on() -> Result<()> {
    let scene = Scene::open().await?;
    let stack = scene.manager.stack().await?;
    for _ in 0..TASKS {
        scene.create("hold").await?;
    }
    let running = scene.started_together(TASKS).await?;
    stack.stop(ENGINE).await?;
    let tasks: Vec<_> = running.iter().map(|held| held.task_uuid).collect();
    for held in running {
        held.release().await?;
    }
    stack.cont(ENGINE).await?;
    assert_adopted(&scene, &tasks).await
}

async fn assert_adopted(scene: &Scene, tasks: &[uuid::Uuid]) -> Result<()> {
    assert_eq!(tasks.len(), TASKS);
    for task in tasks {
        let step = scene.step_when_complete(*task).await?;
        assert_eq!((step.attempts, &step.results["attempt"]), (1, &1.into()));
        let expected = moves_of_attempts(&[WORKER]);
        assert_eq!(scene.moves(*task, "hold").await?, expected);
    }
    Ok(())
}
