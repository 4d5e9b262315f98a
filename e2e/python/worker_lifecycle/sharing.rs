//! Two workers share the load.

use std::collections::BTreeMap;

use anyhow::Result;

use super::Scene;

#[tokio::test]
async fn two_workers_share_the_steps_and_each_runs_once() -> Result<()> {
    let scene = Scene::open().await?;
    let stack = scene.manager.stack().await?;
    stack.start("python-worker-7").await?;
    for _ in 0..10 {
        scene.create("hold").await?;
    }
    let running = scene.started_together(10).await?;
    let mut by_process = BTreeMap::new();
    let mut tasks = Vec::new();
    for held in running {
        *by_process.entry(held.process.clone()).or_insert(0) += 1;
        tasks.push((held.task_uuid, held.process.clone()));
        held.release().await?;
    }
    assert_eq!(by_process.into_values().collect::<Vec<_>>(), [5, 5]);
    for (task, process) in tasks {
        let step = scene.step_when_complete(task).await?;
        assert_eq!(
            (step.attempts, &step.results["process"]),
            (1, &process.into())
        );
    }
    stack.term("python-worker-7").await?;
    assert_eq!(stack.ended("python-worker-7").await?, 0);
    Ok(())
}
