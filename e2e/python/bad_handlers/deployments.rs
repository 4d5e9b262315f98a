//! Deployments that never get ready: nothing of what they bring has an effect.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, bail};
use serde_json::json;
use tasker_client::Error;
use tasker_e2e::manager::health_once;
use tasker_e2e::stack::Changes;
use tasker_e2e::{create_task_request, get_task_completion_timeout, wait_for_task_completion};
use tasker_protocol::api::{Health, StepState};
use tasker_protocol::error::ErrorCode;

use super::Scene;

/// The worker that is deployed.
pub const WORKER: &str = "python-worker-2";

/// A new folder.
pub fn folder(name: &str) -> Result<PathBuf> {
    let parent = env::var_os("TEST_TMPDIR").map_or_else(env::temp_dir, PathBuf::from);
    let folder = parent.join(format!("{name}-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// What has the worker find its templates and handlers in a folder.
pub fn on(folder: &Path) -> Result<Changes<'_>> {
    let path = folder.to_str().context("a path in Unicode")?;
    let variables = ["TASKER_TEMPLATE_PATH", "TASKER_HANDLER_PATH"];
    Ok(Changes {
        environment: BTreeMap::from(variables.map(|variable| (variable, path))),
        arguments: Vec::new(),
    })
}

/// Whether the worker is ready but for its problems.
pub fn has_session(health: &Health) -> bool {
    let lacks = |reason: &String| {
        let passing = [
            "handlers are being imported",
            "connecting to",
            "no session with",
        ];
        passing.iter().any(|words| reason.starts_with(words))
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

const ORDERS: &str = "from tasker_core.step_handler import step_handler\n@step_handler('orders.price')\n\
     def price(task, sequence, step):\n    return {'price': 1}\n";

/// A template of one step.
fn template(name: &str, version: &str, callable: &str, rest: &str) -> String {
    format!(
        "name: {name}\nnamespace_name: e2e_unready\nversion: {version}\nsteps:\n  - name: price\n    handler: \
         {{callable: {callable}}}\n{rest}"
    )
}

/// Whatever is wrong with what a worker brings, new tasks go on as before; the next worker may bring it anew.
#[tokio::test]
async fn a_deployment_that_never_gets_ready_changes_nothing_for_callers() -> Result<()> {
    let scene = Scene::open().await?;
    let stack = scene.manager.stack().await?;
    let folder = folder("deployment")?;
    fs::write(folder.join("orders.py"), ORDERS)?;
    let refund = folder.join("refund.yaml");
    fs::write(&refund, template("refund", "1.0.0", "orders.price", ""))?;
    stack.start_with(WORKER, &on(&folder)?).await?;
    assert_eq!(price_of(&scene, "1.0.0").await?, json!({"price": 1}));

    let beside = folder.join("beside.yaml");
    let missing = template("refund", "1.1.0", "orders.lost", "");
    let unknown = template(
        "beside",
        "1.0.0",
        "orders.price",
        "    dependencies: [prize]\n",
    );
    for (of_refund, of_beside, says) in [
        (
            missing.as_str(),
            "",
            "no handler for the callable 'orders.lost'",
        ),
        (
            &template("refund", "1.1.0", "orders.price", ""),
            &unknown,
            "beside.yaml:7:20: no step has the name \"prize\"",
        ),
    ] {
        stack.term(WORKER).await?;
        assert_eq!(stack.ended(WORKER).await?, 0);
        fs::write(&refund, of_refund)?;
        if !of_beside.is_empty() {
            fs::write(&beside, of_beside)?;
        }
        let url = stack.launch(WORKER, &on(&folder)?).await?;
        let (status, health) = health_once(&url, has_session).await?;
        assert_eq!(status, 503);
        assert!(health.reasons.join("\n").contains(says), "{health:?}");
        let request = create_task_request("e2e_unready", "refund", json!({}));
        let task = scene.client.create_task(request).await?;
        assert_eq!(task.version, "1.0.0");
        let reason = format!(
            "no worker that is ready has callable orders.price in namespace e2e_unready ({WORKER} is not ready)"
        );
        assert_eq!(waits_for(&scene, task.task_uuid).await?, reason);
    }
    assert_eq!(
        code_of_creation(&scene, "e2e_unready", "beside").await?,
        NOT_FOUND
    );

    stack.term(WORKER).await?;
    assert_eq!(stack.ended(WORKER).await?, 0);
    fs::remove_file(&beside)?;
    stack.start_with(WORKER, &on(&folder)?).await?;
    assert_eq!(price_of(&scene, "1.1.0").await?, json!({"price": 1}));
    stack.term(WORKER).await?;
    assert_eq!(stack.ended(WORKER).await?, 0);
    Ok(())
}

/// The result of a task that takes this version, though it names none.
async fn price_of(scene: &Scene, version: &str) -> Result<serde_json::Value> {
    let request = create_task_request("e2e_unready", "refund", json!({}));
    let task = scene.client.create_task(request).await?;
    assert_eq!(task.version, version);
    let timeout = get_task_completion_timeout();
    wait_for_task_completion(&scene.client, task.task_uuid, timeout).await?;
    let step = scene
        .client
        .list_task_steps(task.task_uuid)
        .await?
        .remove(0);
    Ok(step.results)
}

pub const NOT_FOUND: ErrorCode = ErrorCode::TemplateNotFound;

/// Why a task is not created.
pub async fn code_of_creation(scene: &Scene, namespace: &str, name: &str) -> Result<ErrorCode> {
    let request = create_task_request(namespace, name, json!({}));
    match scene.client.create_task(request).await {
        Err(Error::Api { detail, .. }) => Ok(detail.code),
        other => bail!("not refused by the API: {other:?}"),
    }
}
