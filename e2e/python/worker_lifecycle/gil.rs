//! A handler that lets no other thread of Python run does not cost its worker the session.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::json;
use tasker_e2e::create_task_request;
use tasker_e2e::stack::Changes;

use super::Scene;

/// Twice the silence after which the engine gives a worker up.
const SECONDS: u32 = 10;

/// A worker of this test alone: it has the templates of one namespace, and takes their steps first.
const WORKER: &str = "python-worker-8";

#[tokio::test]
async fn a_worker_whose_interpreter_is_locked_for_ten_seconds_keeps_its_attempts() -> Result<()> {
    let scene = Scene::open().await?;
    let changes = Changes {
        environment: BTreeMap::from([("TASKER_TEMPLATE_PATH", "e2e/python/handlers/gil")]),
        arguments: vec!["--slots", "512"],
    };
    // The other tests go on meanwhile.
    let stack = scene.manager.stack().await?;
    stack.start_with(WORKER, &changes).await?;
    drop(stack);
    let context = json!({"gate": scene.gate.address(), "seconds": SECONDS});
    let request = create_task_request("e2e_gil", "hold_gil", context);
    let task = scene.client.create_task(request).await?.task_uuid;

    let mut running = scene.started_together(2).await?;
    running.sort_by(|one, other| one.step.cmp(&other.step));
    assert_eq!(running[0].process, running[1].process);
    let process = running[0].process.clone();
    let locking = running.pop();
    for held in locking.into_iter().chain(running) {
        held.release().await?;
    }

    for step in scene.steps_when_complete(task).await? {
        assert_eq!(step.results, json!({"attempt": 1, "process": process}));
        assert_eq!(
            (step.attempts, step.worker_id.as_deref()),
            (1, Some(WORKER))
        );
    }
    Ok(())
}
