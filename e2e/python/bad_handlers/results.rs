//! Handlers that return what is no result, or what JSON cannot hold: for good, with what it was and where.

use anyhow::Result;

use super::{KINDS, Scene};

#[tokio::test]
async fn what_is_no_result_fails_the_step_for_good() -> Result<()> {
    let scene = Scene::open().await?;
    let _stack = scene.manager.stack().await?;
    let process = scene.process().await?;
    for (deed, shown) in [
        ("nothing", "None of type NoneType"),
        ("text", "'done' of type str"),
        ("number", "7 of type int"),
        ("list", "[{'a': 1}] of type list"),
        ("class", "<class 'dict'> of type type"),
    ] {
        for kind in KINDS {
            let error = scene.failure_of(kind, deed).await?;
            let message = format!(
                "the handler returned {shown}; it must return a StepHandlerCallResult, a mapping or a pydantic model"
            );
            assert_eq!(error.message, message);
            assert_eq!(error.error_type, "invalid_result");
            assert!(!error.retryable);
        }
    }
    let error = scene.failure_of("bad", "generator").await?;
    assert_eq!(error.error_type, "invalid_result");
    assert!(error.message.contains(" of type generator; "), "{error:?}");
    assert_eq!(scene.process().await?, process);
    Ok(())
}

#[tokio::test]
async fn what_json_cannot_hold_fails_the_step_for_good_with_its_place() -> Result<()> {
    let scene = Scene::open().await?;
    let _stack = scene.manager.stack().await?;
    let process = scene.process().await?;
    for (deed, message) in [
        (
            "set",
            "results.seen[0].ids is {7} of type set, which JSON cannot hold",
        ),
        (
            "bytes",
            r"results.body is b'\x00' of type bytes, which JSON cannot hold",
        ),
        ("nan", "results.rate[1] is nan, which JSON cannot hold"),
        ("infinity", "results.rate is -inf, which JSON cannot hold"),
        (
            "number_as_key",
            "results.by_id is a mapping with the key 7 of type int; keys must be strings",
        ),
        (
            "object",
            "results.lock is <class 'threading.Event'> of type type, which JSON cannot hold",
        ),
        ("circle", "results is nested too deeply, or contains itself"),
        (
            "metadata",
            "metadata.at is {1} of type set, which JSON cannot hold",
        ),
    ] {
        let error = scene.failure_of("bad", deed).await?;
        assert_eq!(error.message, message);
        assert_eq!(error.error_type, "unserialisable_result");
        assert!(!error.retryable);
    }
    assert_eq!(scene.process().await?, process);
    Ok(())
}
