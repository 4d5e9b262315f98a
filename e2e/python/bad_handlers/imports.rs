//! Handlers that cannot be imported or called: their worker says all that is wrong, is not ready, and takes nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result};
use serde_json::json;
use tasker_e2e::create_task_request;
use tasker_e2e::manager::health_once;
use tasker_e2e::stack::Changes;
use tasker_protocol::api::{Health, StepState};

use super::Scene;

const WORKER: &str = "python-worker-2";

const OF_HANDLER: &str =
    "from tasker_core.step_handler import StepHandlerBase\nclass Handler(StepHandlerBase):\n";

/// A module of one broken handler, and what the worker says of it.
struct Broken {
    module: &'static str,
    source: String,
    method: &'static str,
    says: &'static [&'static str],
}

fn all_broken() -> Vec<Broken> {
    let broken = |module, source: &str, says| Broken {
        module,
        source: source.to_owned(),
        method: "call",
        says,
    };
    let class = |body: &str| format!("{OF_HANDLER}    {body}\n");
    vec![
        broken(
            "exploding_handler",
            "def connect():\n    raise OSError('no route')\n\nconnect()\n",
            &["OSError: no route", "/exploding_handler.py, line 2)"],
        ),
        broken(
            "leaving_handler",
            "raise SystemExit(3)\n",
            &["SystemExit: 3", "/leaving_handler.py, line 1)"],
        ),
        broken(
            "absent_handler",
            "",
            &["no handler for the callable 'absent_handler.Handler': "],
        ),
        broken(
            "narrow_handler",
            &class("def call(self, task): ..."),
            &[
                "narrow_handler.Handler.call (",
                "/narrow_handler.py:3) takes (self, task): too many positional arguments; ",
                "wanted: call(self, task, sequence, step)",
            ],
        ),
        broken(
            "yielding_handler",
            &class("def call(self, task, sequence, step): yield {}"),
            &["/yielding_handler.py:3) is a generator"],
        ),
        Broken {
            method: "charge",
            ..broken(
                "other_handler",
                &class("def call(self, task, sequence, step): return {}"),
                &["has no method 'charge'; wanted: charge(self, task, sequence, step)"],
            )
        },
    ]
}

/// A new folder with all modules, and a template for each.
fn folder_with(broken: &[Broken]) -> Result<PathBuf> {
    let parent = env::var_os("TEST_TMPDIR").map_or_else(env::temp_dir, PathBuf::from);
    let folder = parent.join(format!("broken-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    for Broken {
        module,
        source,
        method,
        ..
    } in broken
    {
        fs::write(folder.join(format!("{module}.py")), source)?;
        let template = format!(
            "name: broken\nnamespace_name: {module}\nversion: 1.0.0\nsteps:\n  - name: broken\n    handler: \
             {{callable: {module}.Handler, method: {method}}}\n"
        );
        fs::write(folder.join(format!("{module}.yaml")), template)?;
    }
    Ok(folder)
}

fn on(folder: &Path) -> Result<Changes<'_>> {
    let path = folder.to_str().context("a path in Unicode")?;
    let variables = ["TASKER_TEMPLATE_PATH", "TASKER_HANDLER_PATH"];
    Ok(Changes {
        environment: BTreeMap::from(variables.map(|variable| (variable, path))),
        arguments: Vec::new(),
    })
}

fn has_session(health: &Health) -> bool {
    let lacks = |reason: &String| {
        reason.starts_with("connecting to") || reason.starts_with("no session with")
    };
    !health.reasons.iter().any(lacks)
}

/// Why the one step of the task has not started.
async fn waits_for(scene: &Scene, task_uuid: uuid::Uuid) -> Result<String> {
    let step = scene.client.list_task_steps(task_uuid).await?.remove(0);
    assert_eq!(step.current_state, StepState::Enqueued);
    assert_eq!(step.attempts, 0);
    step.waiting_on.clone().context("a reason")
}

#[tokio::test]
async fn a_worker_whose_handlers_are_broken_says_so_and_takes_nothing() -> Result<()> {
    let scene = Scene::open().await?;
    let stack = scene.manager.stack().await?;
    let all = all_broken();
    let folder = folder_with(&all)?;

    let url = stack.launch(WORKER, &on(&folder)?).await?;
    let (status, health) = health_once(&url, has_session).await?;
    assert_eq!((status, health.status.as_str()), (503, "not_ready"));
    let reasons = health.reasons.join("\n");
    for words in all.iter().flat_map(|broken| broken.says) {
        assert!(reasons.contains(words), "{words}\nis not in\n{reasons}");
    }
    let log = stack.log(WORKER).await?;
    assert!(log.contains("Traceback (most recent call last)"), "{log}");
    assert!(log.contains("    raise OSError('no route')"), "{log}");

    // Other workers do not suffer for it; the steps of its templates wait, and say why.
    assert!(!scene.process().await?.is_null());
    let mut tasks = Vec::new();
    for Broken { module, .. } in &all {
        let request = create_task_request(module, "broken", json!({}));
        let task_uuid = scene.client.create_task(request).await?.task_uuid;
        let reason = format!("no free slot (0 in use by {WORKER})");
        assert_eq!(waits_for(&scene, task_uuid).await?, reason);
        tasks.push((task_uuid, module));
    }
    stack.term(WORKER).await?;
    assert_eq!(stack.ended(WORKER).await?, 0);
    for (task_uuid, module) in tasks {
        let reason =
            format!("no connected worker has callable {module}.Handler in namespace {module}");
        assert_eq!(waits_for(&scene, task_uuid).await?, reason);
    }
    Ok(())
}
