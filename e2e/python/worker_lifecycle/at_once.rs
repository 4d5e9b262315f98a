//! One worker process runs many handlers at the same time: none goes on before all have started.

use std::collections::BTreeSet;

use anyhow::Result;

use super::Scene;

#[tokio::test]
async fn ten_sync_and_a_hundred_async_handlers_run_at_once_in_one_process() -> Result<()> {
    let scene = Scene::open().await?;
    // Nobody may start another worker meanwhile.
    let _stack = scene.manager.stack().await?;
    let mut tasks = Vec::new();
    for number in 0..110 {
        let template = if number < 10 { "hold" } else { "hold_async" };
        tasks.push(scene.create(template).await?);
    }
    let running = scene.started_together(110).await?;
    let processes: BTreeSet<_> = running.iter().map(|held| &held.process).collect();
    assert_eq!(processes.len(), 1);
    for held in running {
        held.release().await?;
    }
    for task in tasks {
        assert_eq!(scene.step_when_complete(task).await?.attempts, 1);
    }
    Ok(())
}
