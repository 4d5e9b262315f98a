//! Handlers that raise what ends other programs: a failed attempt like any other.

use anyhow::{Context, Result};
use serde_json::json;

use super::{KINDS, NAMESPACE, Scene};

#[tokio::test]
async fn whatever_is_raised_is_a_failure_that_may_be_retried() -> Result<()> {
    let scene = Scene::open().await?;
    let _stack = scene.manager.stack().await?;
    let process = scene.process().await?;
    for (deed, error_type, message) in [
        ("exit", "SystemExit", "3"),
        ("interrupt", "KeyboardInterrupt", "KeyboardInterrupt"),
        ("unheard", "Unheard", "of"),
        ("speechless", "SpeechlessError", "SpeechlessError()"),
        ("surrogate", "ValueError", "half a \\ud83d, and \0"),
        (
            "recursion",
            "RecursionError",
            "maximum recursion depth exceeded",
        ),
    ] {
        for kind in KINDS {
            let error = scene.failure_of(kind, deed).await?;
            assert_eq!(error.error_type, error_type);
            assert!(error.message.contains(message), "{deed}: {}", error.message);
            assert!(error.retryable, "{deed}");
            let backtrace = error.backtrace.context("a traceback")?;
            assert!(backtrace.contains("bad_handler.py"), "{backtrace}");
            assert!(backtrace.len() < 66_000, "{}", backtrace.len());
        }
    }
    let error = scene.failure_of("bad_async", "cancel").await?;
    assert_eq!(error.error_type, "CancelledError");
    assert_eq!(scene.process().await?, process);
    Ok(())
}

#[tokio::test]
async fn a_context_without_what_the_handler_wants_is_its_own_error() -> Result<()> {
    let scene = Scene::open().await?;
    let _stack = scene.manager.stack().await?;
    let request = tasker_e2e::create_task_request(NAMESPACE, "bad", json!([]));
    let task_uuid = scene.client.create_task(request).await?.task_uuid;
    let (step, error) = scene.failed(task_uuid).await?;
    assert_eq!(step.attempts, 2);
    assert_eq!(error.error_type, "TypeError");
    Ok(())
}
