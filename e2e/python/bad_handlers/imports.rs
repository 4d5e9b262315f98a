//! Handlers that cannot be imported or called: their worker says all that is wrong, is not ready, and takes nothing.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use tasker_e2e::manager::health_once;

use super::Scene;
use super::deployments::{NOT_FOUND, WORKER, code_of_creation, folder, has_session, on};

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
    let folder = folder("broken")?;
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

    // Other workers do not suffer for it, and its templates are not registered.
    assert!(!scene.process().await?.is_null());
    for Broken { module, .. } in &all {
        assert_eq!(code_of_creation(&scene, module, "broken").await?, NOT_FOUND);
    }
    stack.term(WORKER).await?;
    assert_eq!(stack.ended(WORKER).await?, 0);
    Ok(())
}
