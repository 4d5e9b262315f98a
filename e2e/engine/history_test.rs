//! A step's history and log over the wire: every field of what its handlers said, what the engine and operators did.

mod wire;

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use wire::play::{answer, fail, play, status, template};
use wire::{Wire, attempt};

fn path(dispatch: &Value) -> String {
    let (task, step) = (&dispatch["task_uuid"], &dispatch["step_uuid"]);
    format!("/v1/tasks/{task}/workflow_steps/{step}").replace('"', "")
}

async fn step(wire: &Wire, dispatch: &Value) -> Result<Value> {
    let (code, step) = wire.get(&path(dispatch)).await?;
    assert_eq!(code, 200, "{step}");
    Ok(step)
}

/// Of each entry of a step's history: attempt, outcome, error type.
fn entries(step: &Value) -> Value {
    let entries = step["history"].as_array().cloned().unwrap_or_default();
    let shown = |entry: &Value| {
        json!([
            entry["attempt"],
            entry["outcome"],
            entry["error"]["error_type"]
        ])
    };
    entries.iter().map(shown).collect()
}

#[tokio::test]
async fn every_field_of_a_failure_and_its_metadata_arrives_unchanged() -> Result<()> {
    let wire = Wire::new()?;
    let mut worker = play(&wire, &template("said", &[("only", "standard", &[])])).await?;
    let task = wire.create("said", "{}").await?;
    let dispatch = worker.next("dispatch").await?;
    let odd = "\u{0} \u{1f} \"\\/ \u{7f} \u{85} \u{2028} \u{fffe} e\u{301} \u{202e}abc \u{feff} \u{1f469}\u{200d}\u{1f680} \u{10ffff}";
    let error = json!({
        "message": odd, "error_type": format!("Type{odd}"), "error_code": format!("CODE {odd}"),
        "retryable": false, "retry_after_ms": 9_007_199_254_740_993_u64,
        "backtrace": format!("Traceback\r\n\t{odd}\n"),
    });
    let metadata = r#"{"z": 1e400, "a": -0.0, "long": 63340286662973277706162286946811886609896461828096, "t": "\ud83d\ude00\u0000", "z": 2}"#;
    let mut outcome = attempt(&dispatch);
    outcome["success"] = json!(false);
    outcome["error"] = error.clone();
    outcome["metadata"] = json!("METADATA");
    let outcome = json!({"outcome": outcome}).to_string();
    worker
        .send_text(&outcome.replace("\"METADATA\"", metadata))
        .await?;
    worker.next("accepted").await?;
    assert_eq!(status(&wire, task).await?, "blocked_by_failures");
    let text = wire.get_text(&path(&dispatch)).await?;
    assert!(
        text.contains(&format!("\"metadata\":{metadata},")),
        "{text}"
    );
    // The metadata has numbers that this test's own parser does not take.
    let shown: Value = serde_json::from_str(&text.replace(metadata, "null"))?;
    assert_eq!(shown["error"], error);
    assert_eq!(shown["history"][0]["error"], error);
    Ok(())
}

#[tokio::test]
async fn a_history_has_every_attempt_and_what_operators_did() -> Result<()> {
    let wire = Wire::new()?;
    let mut steps = template("past", &[("only", "standard", &[])]);
    steps["steps"][0]["retry"] = json!({"backoff": "none", "max_attempts": 2});
    let mut worker = play(&wire, &steps).await?;
    let task = wire.create("past", "{}").await?;
    let first = worker.next("dispatch").await?;
    let running = step(&wire, &first).await?;
    assert_eq!(entries(&running), json!([[1, null, null]]));
    assert_eq!(running["history"][0]["worker_id"], "past");
    assert_eq!(running["history"][0]["ended_at"], Value::Null);
    fail(&mut worker, &first, json!({"retryable": true})).await?;
    worker.next("accepted").await?;
    let second = worker.next("dispatch").await?;
    worker
        .send(&json!({"leaving": {"running": [attempt(&second)]}}))
        .await?;
    assert_eq!(status(&wire, task).await?, "blocked_by_failures");

    let retry = json!({"action": "retry", "by": "ada 🛠", "reason": "the bank\nis back"});
    let (code, _) = wire
        .send(Method::PATCH, &path(&first), &retry.to_string())
        .await?;
    assert_eq!(code, 200);
    let mut worker = play(&wire, &steps).await?;
    let third = worker.next("dispatch").await?;
    answer(&mut worker, &third, json!(7), json!({})).await?;
    worker.next("accepted").await?;
    assert_eq!(status(&wire, task).await?, "complete");

    let ended = step(&wire, &first).await?;
    assert_eq!(
        entries(&ended),
        json!([
            [1, "failed", "E"],
            [2, "worker_lost", "worker_lost"],
            [2, "retried", null],
            [3, "succeeded", null]
        ])
    );
    assert_eq!(
        (&ended["results"], &ended["attempts"]),
        (&json!(7), &json!(3))
    );
    let retried = &ended["history"][2];
    assert_eq!(
        (&retried["by"], &retried["reason"], &retried["worker_id"]),
        (&retry["by"], &retry["reason"], &Value::Null)
    );
    let times: Vec<&str> = ended["history"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|entry| [entry["started_at"].as_str(), entry["ended_at"].as_str()])
        .map(|time| time.expect("a time"))
        .collect();
    assert!(times.is_sorted() && times.len() == 8, "{times:?}");
    assert_eq!(ended["started_at"], times[0]);
    assert_eq!(ended["completed_at"], times[7]);
    Ok(())
}

#[tokio::test]
async fn what_comes_late_or_is_cancelled_is_told() -> Result<()> {
    let wire = Wire::new()?;
    let mut steps = template("late", &[("only", "standard", &[])]);
    steps["steps"][0]["timeout_seconds"] = json!(0.1);
    steps["steps"][0]["retry"] = json!({"backoff": "none"});
    let mut worker = play(&wire, &steps).await?;
    let task = wire.create("late", "{}").await?;
    let first = worker.next("dispatch").await?;
    worker.next("cancel").await?;
    let second = worker.next("dispatch").await?;
    let lines =
        json!([{"at": "2026-11-24T17:04:05.000001Z", "level": "info", "message": "at last"}]);
    answer(&mut worker, &first, json!(1), json!({"logs": lines})).await?;
    worker.next("accepted").await?;
    let cancelled = wire
        .send(Method::DELETE, &format!("/v1/tasks/{task}"), "")
        .await?;
    assert_eq!(cancelled.0, 200);
    assert_eq!(worker.next("cancel").await?, attempt(&second));
    let told = [
        json!([1, "timeout", "timeout"]),
        json!([2, "cancelled", null]),
        json!([1, "late", null]),
    ];
    let (_, ended) = wire.get(&format!("{}?logs=true", path(&first))).await?;
    assert_eq!(entries(&ended), json!([told[0], told[1], told[2]]));
    let logs: Vec<&Value> = (0..3)
        .map(|entry| &ended["history"][entry]["logs"])
        .collect();
    assert_eq!(logs, [&json!([]), &json!([]), &lines]);

    // After the task's end, from a task that is read again for it.
    fail(&mut worker, &second, json!({"retryable": true})).await?;
    worker.next("accepted").await?;
    let ended = step(&wire, &first).await?;
    assert_eq!(
        entries(&ended),
        json!([told[0], told[1], told[2], [2, "late", "E"]])
    );
    assert_eq!(
        ended["history"][3]["started_at"],
        ended["history"][1]["started_at"]
    );
    Ok(())
}

#[tokio::test]
async fn the_last_lines_of_each_attempt_are_shown_when_they_are_asked_for() -> Result<()> {
    let wire = Wire::new()?;
    let mut steps = template("logged", &[("only", "standard", &[])]);
    steps["steps"][0]["retry"] = json!({"backoff": "none"});
    let mut worker = play(&wire, &steps).await?;
    let task = wire.create("logged", "{}").await?;
    let line = |number: u32| json!({"at": "2026-11-24T17:04:05.000001Z", "level": "warning", "logger": "bank 🏦", "message": format!("line {number}\u{0}")});
    let first = worker.next("dispatch").await?;
    let mut outcome = attempt(&first);
    outcome["success"] = json!(false);
    outcome["error"] = json!({"message": "no", "error_type": "E", "retryable": true});
    outcome["logs"] = (0..250).map(line).collect();
    worker.send(&json!({"outcome": outcome})).await?;
    worker.next("accepted").await?;
    let second = worker.next("dispatch").await?;
    answer(
        &mut worker,
        &second,
        json!(1),
        json!({"logs": [{"level": 7}]}),
    )
    .await?;
    let error = worker.next("error").await?;
    assert_eq!(error["code"], "INVALID_REQUEST");
    worker.next("accepted").await?;
    assert_eq!(status(&wire, task).await?, "complete");

    let (_, shown) = wire.get(&format!("{}?logs=true", path(&first))).await?;
    let lines = shown["history"][0]["logs"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    assert_eq!(lines, (50..250).map(line).collect::<Vec<_>>());
    assert_eq!(shown["history"][1]["logs"], json!([]));
    let plain = step(&wire, &first).await?;
    assert_eq!(plain["history"][0].get("logs"), None);
    Ok(())
}

#[tokio::test]
async fn a_step_that_is_not_there_is_said() -> Result<()> {
    let wire = Wire::new()?;
    let mut worker = play(&wire, &template("absent", &[("only", "standard", &[])])).await?;
    let task = wire.create("absent", "{}").await?;
    worker.next("dispatch").await?;
    let code = |(status, body): (u16, Value)| (status, body["error"]["code"].clone());
    let no_step = wire
        .get(&format!("/v1/tasks/{task}/workflow_steps/{}", Uuid::nil()))
        .await?;
    assert_eq!(code(no_step), (404, json!("STEP_NOT_FOUND")));
    let no_task = wire
        .get(&format!("/v1/tasks/{0}/workflow_steps/{0}", Uuid::nil()))
        .await?;
    assert_eq!(code(no_task), (404, json!("TASK_NOT_FOUND")));
    let no_uuid = wire
        .get(&format!("/v1/tasks/{task}/workflow_steps/seven"))
        .await?;
    assert_eq!(code(no_uuid), (400, json!("INVALID_REQUEST")));
    Ok(())
}
