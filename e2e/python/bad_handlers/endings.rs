//! Handlers that fork, end their thread, or say more than anybody reads.

use anyhow::{Context, Result};

use super::{Scene, WORKER};

#[tokio::test]
async fn a_process_that_a_handler_forked_does_not_act_as_the_worker() -> Result<()> {
    let scene = Scene::open().await?;
    let stack = scene.manager.stack().await?;
    let process = scene.process().await?;
    for kind in super::KINDS {
        let step = scene.success_of(kind, "fork").await?;
        assert_eq!(step.results["process"], process);
        // EX_SOFTWARE of sysexits.h.
        assert_eq!(step.results["status_of_child"], 70);
    }
    let log = stack.log(WORKER).await?;
    let said = "was forked from the worker's process";
    assert_eq!(log.matches(said).count(), 2);
    assert_eq!(scene.process().await?, process);
    Ok(())
}

#[tokio::test]
async fn a_handler_that_ends_its_thread_has_failed() -> Result<()> {
    let scene = Scene::open().await?;
    let _stack = scene.manager.stack().await?;
    let process = scene.process().await?;
    for kind in super::KINDS {
        let error = scene.failure_of(kind, "end_thread").await?;
        assert_eq!(error.error_type, "SystemExit");
        assert!(error.retryable);
    }
    // The end of a thread that the handler made is the handler's own business.
    let step = scene.success_of("bad", "thread").await?;
    assert_eq!(step.results["process"], process);
    assert_eq!(scene.process().await?, process);
    Ok(())
}

#[tokio::test]
async fn a_handler_that_prints_megabytes_succeeds() -> Result<()> {
    let scene = Scene::open().await?;
    let stack = scene.manager.stack().await?;
    let process = scene.process().await?;
    let step = scene.success_of("bad", "print").await?;
    assert_eq!(step.results["process"], process);
    let log = stack.log(WORKER).await?;
    assert_eq!(log.matches(&format!("{:99}", 19_999)).count(), 2);

    // The API shows the last of it.
    let history = scene.client.history(&step).await?;
    let lines = history[0].logs.clone().context("log lines")?;
    assert_eq!(lines.len(), 200);
    assert_eq!(lines[198].message, format!("{:99}", 19_999));
    let cut = format!(
        "{}... ({} more characters)",
        "x".repeat(8 << 10),
        (1 << 20) - (8 << 10)
    );
    assert_eq!(lines[199].message, cut);
    let bytes: usize = lines.iter().map(|line| line.message.len()).sum();
    assert!(bytes <= 64 << 10, "{bytes}");
    assert_eq!(scene.process().await?, process);
    Ok(())
}
