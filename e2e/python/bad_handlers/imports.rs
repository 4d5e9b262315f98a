//! Handlers that are not there, or cannot be imported: the worker says so, is not ready, and takes nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{env, fs};

use anyhow::{Context, Result};
use serde_json::json;
use tasker_e2e::create_task_request;
use tasker_e2e::manager::health_of;
use tasker_e2e::stack::Changes;
use tasker_protocol::api::StepState;

use super::Scene;

/// A new folder with one handler, and one template that names it.
fn folder_with(module: &str, source: &str, callable: &str) -> Result<PathBuf> {
    let parent = env::var_os("TEST_TMPDIR").map_or_else(env::temp_dir, PathBuf::from);
    let folder = parent.join(format!("{module}-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(format!("{module}.py")), source)?;
    let template = format!(
        "name: broken\nnamespace_name: {module}\nversion: 1.0.0\nsteps:\n  - name: broken\n    handler: {{callable: \
         {callable}}}\n"
    );
    fs::write(folder.join("broken.yaml"), template)?;
    Ok(folder)
}

/// Starts a worker on the folder: why it is not ready, and its log.
async fn start(scene: &Scene, worker: &str, folder: &PathBuf) -> Result<(Vec<String>, String)> {
    let stack = scene.manager.stack().await?;
    let path = folder.to_str().context("a path in Unicode")?;
    let changes = Changes {
        environment: BTreeMap::from([
            ("TASKER_TEMPLATE_PATH", path),
            ("TASKER_HANDLER_PATH", path),
        ]),
        arguments: Vec::new(),
    };
    let url = stack.launch(worker, &changes).await?;
    let (status, health) = health_of(&url).await?;
    assert_eq!((status, health.status.as_str()), (503, "not_ready"));
    Ok((health.reasons, stack.log(worker).await?))
}

/// A task whose handler nobody has waits, and says why: while its worker is there, and when it has left.
async fn assert_waits(scene: &Scene, worker: &str, namespace: &str, callable: &str) -> Result<()> {
    let stack = scene.manager.stack().await?;
    let request = create_task_request(namespace, "broken", json!({}));
    let task = scene.client.create_task(request).await?;
    let waits_for = async || -> Result<String> {
        let mut steps = scene.client.list_task_steps(task.task_uuid).await?;
        let step = steps.remove(0);
        assert_eq!(
            (step.current_state, step.attempts),
            (StepState::Enqueued, 0)
        );
        step.waiting_on.clone().context("a reason")
    };
    let reason = format!("no free slot (0 in use by {worker})");
    assert_eq!(waits_for().await?, reason);
    stack.term(worker).await?;
    assert_eq!(stack.ended(worker).await?, 0);
    let reason = format!("no connected worker has callable {callable} in namespace {namespace}");
    assert_eq!(waits_for().await?, reason);
    Ok(())
}

#[tokio::test]
async fn a_module_that_raises_when_it_is_imported_makes_its_worker_not_ready() -> Result<()> {
    let scene = Scene::open().await?;
    let source = "def connect():\n    raise OSError('no route')\n\nconnect()\n";
    let callable = "exploding_handler.Handler";
    let folder = folder_with("exploding_handler", source, callable)?;
    let (reasons, log) = start(&scene, "python-worker-2", &folder).await?;
    let place = format!("({}/exploding_handler.py, line 2)", folder.display());
    let all = reasons.join("\n");
    assert!(all.contains("OSError: no route"), "{all}");
    assert!(all.contains(&place), "{all}");
    assert!(log.contains("Traceback (most recent call last)"), "{log}");
    assert!(log.contains("    raise OSError('no route')"), "{log}");
    assert!(!scene.process().await?.is_null());
    Ok(())
}

#[tokio::test]
async fn a_module_that_exits_when_it_is_imported_makes_its_worker_not_ready() -> Result<()> {
    let scene = Scene::open().await?;
    let callable = "leaving_handler.Handler";
    let folder = folder_with("leaving_handler", "raise SystemExit(3)\n", callable)?;
    let (reasons, _) = start(&scene, "python-worker-3", &folder).await?;
    let all = reasons.join("\n");
    assert!(all.contains("SystemExit: 3"), "{all}");
    assert!(!scene.process().await?.is_null());
    Ok(())
}

#[tokio::test]
async fn a_handler_that_is_not_found_makes_its_worker_not_ready_and_its_steps_wait() -> Result<()> {
    let scene = Scene::open().await?;
    let callable = "wanting_handler.Absent";
    let folder = folder_with("wanting_handler", "class Present: ...\n", callable)?;
    let (reasons, _) = start(&scene, "python-worker-4", &folder).await?;
    let all = reasons.join("\n");
    assert!(
        all.contains("no handler for the callable 'wanting_handler.Absent'"),
        "{all}"
    );
    assert_waits(&scene, "python-worker-4", "wanting_handler", callable).await
}
