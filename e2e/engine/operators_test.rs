//! What people do to tasks and steps over the wire: cancel, retry, resolve, complete.

mod wire;

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use wire::play::{answer, fail, play, status, template};
use wire::{Wire, attempt, success};

/// Acts on the step that a dispatch was of.
async fn act(wire: &Wire, dispatch: &Value, body: Value) -> Result<(u16, Value)> {
    let (task, step) = (&dispatch["task_uuid"], &dispatch["step_uuid"]);
    let path = format!("/v1/tasks/{task}/workflow_steps/{step}").replace('"', "");
    wire.send(Method::PATCH, &path, &body.to_string()).await
}

fn action(action: &str) -> Value {
    json!({"action": action, "by": "ada", "reason": "the bank is back"})
}

/// The code and the details of an error.
fn refusal(body: &Value) -> Value {
    json!([body["error"]["code"], body["error"]["details"]])
}

#[tokio::test]
async fn a_retry_runs_a_blocked_task_and_the_steps_after_to_the_end() -> Result<()> {
    let wire = Wire::new()?;
    let steps = [
        ("first", "standard", &[][..]),
        ("second", "standard", &["first"]),
        ("third", "standard", &["second"]),
    ];
    let mut worker = play(&wire, &template("mended", &steps)).await?;
    let task = wire.create("mended", "{}").await?;
    let first = worker.next("dispatch").await?;
    answer(&mut worker, &first, json!(1), json!({})).await?;
    worker.next("accepted").await?;
    let second = worker.next("dispatch").await?;
    fail(&mut worker, &second, json!({"retryable": false})).await?;
    worker.next("accepted").await?;
    assert_eq!(status(&wire, task).await?, "blocked_by_failures");

    let (code, step) = act(&wire, &second, action("retry")).await?;
    assert_eq!((code, &step["current_state"]), (200, &json!("enqueued")));
    assert_eq!(
        (&step["attempts"], &step["max_attempts"]),
        (&json!(1), &json!(4))
    );
    let again = worker.next("dispatch").await?;
    assert_eq!(again["step_uuid"], second["step_uuid"]);
    assert_eq!(
        (&again["attempt"], &again["max_attempts"]),
        (&json!(2), &json!(4))
    );
    answer(&mut worker, &again, json!(2), json!({})).await?;
    worker.next("accepted").await?;
    let third = worker.next("dispatch").await?;
    assert_eq!(third["results"], json!({"first": 1, "second": 2}));
    answer(&mut worker, &third, json!(3), json!({})).await?;
    worker.next("accepted").await?;
    assert_eq!(status(&wire, task).await?, "complete");

    let (code, error) = act(&wire, &second, action("retry")).await?;
    assert_eq!(code, 409);
    assert_eq!(
        refusal(&error),
        json!(["TASK_ENDED", {"status": "complete"}])
    );
    Ok(())
}

#[tokio::test]
async fn an_operator_gives_what_a_handler_would_have_given() -> Result<()> {
    let wire = Wire::new()?;
    let steps = [
        ("decide", "decision", &[][..]),
        ("left", "standard", &["decide"]),
        ("right", "standard", &["decide"]),
    ];
    let mut fork = template("given", &steps);
    fork["steps"][1]["result_schema"] = json!({"type": "object", "required": ["paid"]});
    let mut worker = play(&wire, &fork).await?;
    let task = wire.create("given", "{}").await?;
    let decide = worker.next("dispatch").await?;
    let (code, error) = act(&wire, &decide, action("resolve")).await?;
    assert_eq!(code, 409);
    assert_eq!(
        refusal(&error),
        json!(["STEP_STATE_CONFLICT", {"state": "in_progress"}])
    );
    fail(&mut worker, &decide, json!({"retryable": false})).await?;
    worker.next("accepted").await?;

    let mut complete = action("complete");
    let (code, error) = act(&wire, &decide, complete.clone()).await?;
    assert_eq!(code, 422);
    assert_eq!(
        refusal(&error),
        json!(["OUTCOME_INVALID", {"error_code": "MISSING_BRANCHES"}])
    );
    complete["create_steps"] = json!(["middle"]);
    let (code, error) = act(&wire, &decide, complete.clone()).await?;
    assert_eq!(code, 422);
    assert_eq!(
        refusal(&error),
        json!(["OUTCOME_INVALID", {"error_code": "INVALID_BRANCH"}])
    );
    complete["create_steps"] = json!(["left"]);
    complete["results"] = json!({"by": "hand"});
    let (code, step) = act(&wire, &decide, complete).await?;
    assert_eq!(
        (code, &step["current_state"]),
        (200, &json!("resolved_manually"))
    );
    assert_eq!(step["results"], json!({"by": "hand"}));

    let left = worker.next("dispatch").await?;
    assert_eq!(left["results"], json!({"decide": {"by": "hand"}}));
    fail(&mut worker, &left, json!({"retryable": false})).await?;
    worker.next("accepted").await?;
    let mut complete = action("complete");
    complete["results"] = json!({});
    let (code, error) = act(&wire, &left, complete.clone()).await?;
    assert_eq!(
        (code, &error["error"]["code"]),
        (422, &json!("OUTCOME_INVALID"))
    );
    assert_eq!(
        error["error"]["details"]["violations"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    complete["batches"] = json!([{"start": 3, "end": 1}]);
    let (code, error) = act(&wire, &left, complete.clone()).await?;
    assert_eq!(code, 422);
    assert_eq!(
        error["error"]["message"],
        "cursor 1 of `batches`: its start, 3, is after its end, 1"
    );
    complete["action"] = json!("retry");
    let (code, error) = act(&wire, &left, complete).await?;
    assert_eq!(
        (code, &error["error"]["code"]),
        (400, &json!("INVALID_REQUEST"))
    );
    let (code, step) = act(&wire, &left, action("resolve")).await?;
    assert_eq!((code, &step["results"]), (200, &Value::Null));
    assert_eq!(status(&wire, task).await?, "resolved_manually");
    Ok(())
}

#[tokio::test]
async fn a_cancelled_task_tells_its_worker_and_changes_no_more() -> Result<()> {
    let wire = Wire::new()?;
    let steps = [
        ("first", "standard", &[][..]),
        ("second", "standard", &["first"]),
    ];
    let mut worker = play(&wire, &template("stopped", &steps)).await?;
    let task = wire.create("stopped", "{}").await?;
    let first = worker.next("dispatch").await?;
    let path = format!("/v1/tasks/{task}");
    let (code, cancelled) = wire.send(Method::DELETE, &path, "").await?;
    assert_eq!((code, &cancelled["status"]), (200, &json!("cancelled")));
    assert_eq!(worker.next("cancel").await?, attempt(&first));
    worker.send_text(&success(&attempt(&first), "1")).await?;
    worker.next("accepted").await?;

    let (code, error) = wire.send(Method::DELETE, &path, "").await?;
    assert_eq!(code, 409);
    assert_eq!(
        refusal(&error),
        json!(["TASK_ENDED", {"status": "cancelled"}])
    );
    let (code, error) = act(&wire, &first, action("complete")).await?;
    assert_eq!(code, 409);
    assert_eq!(
        refusal(&error),
        json!(["TASK_ENDED", {"status": "cancelled"}])
    );
    let (_, page) = wire.get(&format!("{path}/workflow_steps")).await?;
    assert_eq!(page["steps"][0]["current_state"], "cancelled");
    assert_eq!(page["steps"][1]["current_state"], "cancelled");

    let unknown = format!("/v1/tasks/{}", Uuid::nil());
    let (code, error) = wire.send(Method::DELETE, &unknown, "").await?;
    assert_eq!(
        (code, &error["error"]["code"]),
        (404, &json!("TASK_NOT_FOUND"))
    );
    Ok(())
}
