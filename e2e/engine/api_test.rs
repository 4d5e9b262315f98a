//! What the engine answers to clients and workers that do something wrong, and to some that do it right: over HTTP and
//! WebSocket, with no worker but those that the tests play.

mod wire;

use anyhow::Result;
use serde_json::{Value, json};
use uuid::Uuid;
use wire::{Wire, Worker};

#[tokio::test]
async fn a_call_without_the_token_is_refused_and_health_is_not() -> Result<()> {
    let wire = Wire::new()?;
    let response = wire.http.get(wire.url("/v1/tasks/x")).send().await?;
    assert_eq!(response.status(), 401);
    let body: Value = response.json().await?;
    assert_eq!(body["error"]["code"], "UNAUTHORIZED");
    let wrong = wire.http.get(wire.url("/v1/tasks/x")).bearer_auth("no");
    assert_eq!(wrong.send().await?.status(), 401);
    for path in ["/health", "/health/ready", "/health/live"] {
        let response = wire.http.get(wire.url(path)).send().await?;
        assert_eq!(response.status(), 200, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn a_body_that_is_wrong_is_refused_with_the_path_of_what_is_wrong() -> Result<()> {
    let wire = Wire::new()?;
    let (status, error) = wire.refused("/v1/tasks", "{\"name\": ").await?;
    assert_eq!(
        (status, error["code"].as_str()),
        (400, Some("MALFORMED_JSON"))
    );

    let (status, error) = wire
        .refused("/v1/tasks", r#"{"name": "n", "context": {}}"#)
        .await?;
    assert_eq!(
        (status, error["code"].as_str()),
        (400, Some("INVALID_REQUEST"))
    );
    let message = error["message"].as_str().unwrap_or_default();
    assert!(message.contains("missing field `namespace`"), "{message}");

    let body = r#"{"name": "n", "namespace": "ns", "context": {}, "tags": ["a", 7]}"#;
    let (status, error) = wire.refused("/v1/tasks", body).await?;
    assert_eq!(
        (status, &error["details"]["path"]),
        (400, &json!("tags[1]"))
    );

    let body = r#"{"name": "n", "namespace": "ns", "context": {}, "priority": 101}"#;
    let (status, error) = wire.refused("/v1/tasks", body).await?;
    assert_eq!(
        (status, &error["details"]["path"]),
        (400, &json!("priority"))
    );

    let (status, error) = wire.refused("/v1/tasks?wait=301", body).await?;
    assert_eq!(status, 400);
    assert!(
        error["message"].to_string().contains("`wait` is 301"),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn what_is_too_large_is_refused() -> Result<()> {
    let wire = Wire::new()?;
    let body = |bytes: usize| {
        let context = "x".repeat(bytes);
        format!(r#"{{"name": "n", "namespace": "ns", "context": "{context}"}}"#)
    };
    let (status, error) = wire.refused("/v1/tasks", &body(8 << 20)).await?;
    assert_eq!(
        (status, error["code"].as_str()),
        (413, Some("CONTEXT_TOO_LARGE"))
    );
    let (status, error) = wire.refused("/v1/tasks", &body(10 << 20)).await?;
    assert_eq!(
        (status, error["code"].as_str()),
        (413, Some("BODY_TOO_LARGE"))
    );
    // The largest context that is taken gets as far as the search for its template.
    let (status, error) = wire.refused("/v1/tasks", &body((8 << 20) - 2)).await?;
    assert_eq!(
        (status, error["code"].as_str()),
        (404, Some("TEMPLATE_NOT_FOUND"))
    );
    Ok(())
}

#[tokio::test]
async fn what_is_not_there_is_named() -> Result<()> {
    let wire = Wire::new()?;
    let mut worker = Worker::connect(&wire).await?;
    worker.welcome("near_name", &["near.Call"], 0).await?;
    let body = r#"{"name": "near_nam", "namespace": "near_name", "context": {}}"#;
    let (status, error) = wire.refused("/v1/tasks", body).await?;
    assert_eq!(
        (status, error["code"].as_str()),
        (404, Some("TEMPLATE_NOT_FOUND"))
    );
    assert_eq!(error["details"]["nearest"][0], "near_name/near_name");

    let (status, error) = wire.get(&format!("/v1/tasks/{}", Uuid::nil())).await?;
    assert_eq!(
        (status, &error["error"]["code"]),
        (404, &json!("TASK_NOT_FOUND"))
    );
    let (status, error) = wire.get("/v1/tasks/seven").await?;
    assert_eq!(
        (status, &error["error"]["code"]),
        (400, &json!("INVALID_REQUEST"))
    );
    let (status, error) = wire.get("/v2").await?;
    assert_eq!(
        (status, &error["error"]["code"]),
        (404, &json!("NOT_FOUND"))
    );
    Ok(())
}

#[tokio::test]
async fn a_worker_of_another_protocol_version_is_refused_with_both_versions() -> Result<()> {
    let wire = Wire::new()?;
    let mut worker = Worker::connect(&wire).await?;
    let mut hello = worker.hello("versions", &["versions.Call"], 1);
    hello["hello"]["protocol"] = json!([7, 9]);
    worker.send(&hello).await?;
    let rejected = worker.next("rejected").await?;
    assert_eq!(rejected["code"], "PROTOCOL_VERSION");
    let message = rejected["message"].as_str().unwrap_or_default();
    assert!(
        message.contains("7 to 9") && message.contains("1 to 1"),
        "{message}"
    );
    assert!(worker.is_closed().await);
    Ok(())
}

#[tokio::test]
async fn a_worker_whose_template_is_not_valid_is_refused_with_line_and_reason() -> Result<()> {
    let wire = Wire::new()?;
    let mut worker = Worker::connect(&wire).await?;
    let mut hello = worker.hello("invalid", &["invalid.Call"], 1);
    hello["hello"]["templates"] =
        json!(["name: n\nnamespace_name: ns\nversion: 1.0.0\nsteps: 7\n"]);
    worker.send(&hello).await?;
    let rejected = worker.next("rejected").await?;
    assert_eq!(rejected["code"], "TEMPLATE_INVALID");
    let message = rejected["message"].as_str().unwrap_or_default();
    assert!(message.contains(":4:8:"), "{message}");
    Ok(())
}

#[tokio::test]
async fn a_frame_that_cannot_be_read_is_answered_and_closes_nothing() -> Result<()> {
    let wire = Wire::new()?;
    let mut worker = Worker::connect(&wire).await?;
    worker.send_text("{").await?;
    assert_eq!(worker.next("error").await?["code"], "MALFORMED_JSON");
    worker.send(&json!({"ready": {"slots": 1}})).await?;
    assert_eq!(worker.next("error").await?["code"], "UNEXPECTED_MESSAGE");
    worker.send(&json!({"unheard_of": {}})).await?;
    assert_eq!(worker.next("error").await?["code"], "INVALID_REQUEST");
    worker.welcome("frames", &["frames.Call"], 1).await?;
    let unknown = json!({"task_uuid": Uuid::nil(), "step_uuid": Uuid::nil(), "attempt": 1});
    let mut outcome = unknown.clone();
    outcome["success"] = json!(true);
    worker
        .send(&json!([{"nonsense": 1}, {"outcome": outcome}]))
        .await?;
    assert_eq!(worker.next("error").await?["code"], "INVALID_REQUEST");
    assert_eq!(worker.next("accepted").await?, json!([unknown]));
    Ok(())
}

#[tokio::test]
async fn an_outcome_is_kept_digit_for_digit_and_a_repeated_one_changes_nothing() -> Result<()> {
    let wire = Wire::new()?;
    let mut worker = Worker::connect(&wire).await?;
    worker.welcome("digits", &["digits.Call"], 1).await?;
    let task = wire
        .create(
            "digits",
            r#"{"deep": [[1e400, -0.0, 0.1]], "text": "\u0000 ü 🦀"}"#,
        )
        .await?;
    let dispatch = worker.next_text("dispatch").await?;
    assert!(
        dispatch.contains(r#""context":{"deep": [[1e400, -0.0, 0.1]], "text": "\u0000 ü 🦀"}"#),
        "{dispatch}"
    );
    let dispatch: Value = serde_json::from_str(&dispatch.replace("1e400", "0"))?;
    let attempt = wire::attempt(&dispatch["dispatch"]);
    let results = r#"{"n": 63340286662973277706162286946811886609896461828096, "x": 1e400}"#;
    for _ in 0..2 {
        worker.send_text(&wire::success(&attempt, results)).await?;
        assert_eq!(worker.next("accepted").await?, json!([attempt]));
    }
    let steps = wire
        .get_text(&format!("/v1/tasks/{task}/workflow_steps"))
        .await?;
    assert!(steps.contains(&format!("\"results\":{results}")), "{steps}");
    let shown = wire.get_text(&format!("/v1/tasks/{task}")).await?;
    assert!(shown.contains(r#""status":"complete""#), "{shown}");

    worker
        .send_text(&wire::success(&attempt, r#"{"n": 1}"#))
        .await?;
    assert_eq!(worker.next("accepted").await?, json!([attempt]));
    let again = wire
        .get_text(&format!("/v1/tasks/{task}/workflow_steps"))
        .await?;
    assert_eq!(again, steps);
    Ok(())
}

#[tokio::test]
async fn a_second_session_of_the_same_process_replaces_the_first_and_keeps_what_it_names()
-> Result<()> {
    let wire = Wire::new()?;
    let mut first = Worker::connect(&wire).await?;
    first.welcome("replaced", &["replaced.Call"], 1).await?;
    let task = wire.create("replaced", "{}").await?;
    let attempt = wire::attempt(&first.next("dispatch").await?);

    let mut second = Worker::connect(&wire).await?;
    second.instance = first.instance;
    let mut hello = second.hello("replaced", &["replaced.Call"], 1);
    let stale = json!({"task_uuid": task, "step_uuid": Uuid::nil(), "attempt": 4});
    hello["hello"]["running"] = json!([attempt, stale]);
    second.send(&hello).await?;
    second.next("welcome").await?;
    assert_eq!(second.next("cancel").await?, stale);
    assert!(first.is_closed().await);
    second.send_text(&wire::success(&attempt, "1")).await?;
    assert_eq!(second.next("accepted").await?, json!([attempt]));
    let (_, shown) = wire.get(&format!("/v1/tasks/{task}?wait=10")).await?;
    assert_eq!(shown["status"], "complete");
    Ok(())
}

#[tokio::test]
async fn events_are_resumed_after_the_last_that_was_read() -> Result<()> {
    let wire = Wire::new()?;
    let mut worker = Worker::connect(&wire).await?;
    worker.welcome("events", &["events.Call"], 1).await?;
    let task = wire.create("events", "{}").await?;
    let attempt = wire::attempt(&worker.next("dispatch").await?);
    worker.send_text(&wire::success(&attempt, "1")).await?;
    worker.next("accepted").await?;
    let path = format!("/v1/tasks/{task}/events");
    let all = wire.events(&path, None).await?;
    let kinds: Vec<String> = all
        .iter()
        .map(|(id, event)| {
            format!(
                "{id} {}",
                event["state"]
                    .as_str()
                    .or(event["status"].as_str())
                    .unwrap_or("")
            )
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "0-0 pending",
            "0-1 enqueued",
            "1-0 in_progress",
            "1-1 steps_in_process",
            "2-0 complete",
            "2-1 complete"
        ]
    );
    let resumed = wire.events(&path, Some("1-0")).await?;
    assert_eq!(resumed, all[3..]);
    // Nothing comes any more: whoever goes by the standard does not come again.
    let after = |id| {
        let request = wire.http.get(wire.url(&path)).bearer_auth(wire.token());
        request.header("last-event-id", id).send()
    };
    let over = after("2-1").await?;
    assert_eq!(over.status(), 204);
    assert_eq!(over.text().await?, "");
    assert_eq!(after("2-0").await?.status(), 200);
    // A proxy is not to hold them back.
    let events = wire.follow(task).await?;
    assert_eq!(events.headers()["x-accel-buffering"], "no");
    assert_eq!(events.headers()["cache-control"], "no-cache, no-transform");
    let (status, _) = wire.get_with(&path, ("last-event-id", "nonsense")).await?;
    assert_eq!(status, 400);
    Ok(())
}
