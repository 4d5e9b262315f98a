//! Decisions, batches and schemas over the wire, with workers that the tests play.

mod wire;

use anyhow::Result;
use serde_json::{Value, json};
use tasker_e2e::settings::Settings;
use uuid::Uuid;
use wire::play::{answer, fail, play, status, template};
use wire::{Wire, attempt, success};

/// A task's steps: name, state, parents, results.
async fn steps(wire: &Wire, task: Uuid) -> Result<Value> {
    let (_, page) = wire
        .get(&format!("/v1/tasks/{task}/workflow_steps"))
        .await?;
    let steps = page["steps"].as_array().cloned().unwrap_or_default();
    let shown = |step: &Value| {
        json!([
            step["step_name"],
            step["current_state"],
            step["parents"],
            step["results"]
        ])
    };
    Ok(steps.iter().map(shown).collect())
}

#[tokio::test]
async fn a_decision_names_its_branches_and_the_convergence_gets_their_results() -> Result<()> {
    let wire = Wire::new()?;
    let approval = template(
        "approval",
        &[
            ("decide", "decision", &[]),
            ("auto", "standard", &["decide"]),
            ("manager", "standard", &["decide"]),
            ("finance", "standard", &["decide"]),
            (
                "finish",
                "deferred_convergence",
                &["auto", "manager", "finance"],
            ),
        ],
    );
    let mut worker = play(&wire, &approval).await?;
    let task = wire.create("approval", "{}").await?;
    let decide = worker.next("dispatch").await?;
    assert_eq!(
        steps(&wire, task).await?,
        json!([["decide", "in_progress", [], null]])
    );
    let named = json!({"create_steps": ["manager", "finance"]});
    answer(&mut worker, &decide, json!({"path": "dual"}), named).await?;
    worker.next("accepted").await?;
    let branches = [
        ("manager", worker.next("dispatch").await?),
        ("finance", worker.next("dispatch").await?),
    ];
    for (name, dispatch) in branches {
        assert_eq!(dispatch["step_name"], name);
        assert_eq!(dispatch["results"], json!({"decide": {"path": "dual"}}));
        answer(&mut worker, &dispatch, json!({"by": name}), json!({})).await?;
        worker.next("accepted").await?;
    }
    let finish = worker.next("dispatch").await?;
    assert_eq!(
        finish["results"],
        json!({"decide": {"path": "dual"}, "manager": {"by": "manager"}, "finance": {"by": "finance"}})
    );
    answer(&mut worker, &finish, json!("approved"), json!({})).await?;
    worker.next("accepted").await?;
    assert_eq!(status(&wire, task).await?, "complete");
    assert_eq!(
        steps(&wire, task).await?,
        json!([
            ["decide", "complete", [], {"path": "dual"}],
            ["manager", "complete", ["decide"], {"by": "manager"}],
            ["finance", "complete", ["decide"], {"by": "finance"}],
            ["finish", "complete", ["manager", "finance"], "approved"],
        ])
    );
    Ok(())
}

#[tokio::test]
async fn a_name_that_is_no_branch_fails_the_decision_with_the_name() -> Result<()> {
    let wire = Wire::new()?;
    let fork = template(
        "fork",
        &[
            ("decide", "decision", &[]),
            ("left", "standard", &["decide"]),
        ],
    );
    let mut worker = play(&wire, &fork).await?;
    let task = wire.create("fork", "{}").await?;
    let decide = worker.next("dispatch").await?;
    answer(
        &mut worker,
        &decide,
        json!(1),
        json!({"create_steps": ["lft"]}),
    )
    .await?;
    assert_eq!(status(&wire, task).await?, "blocked_by_failures");
    let (_, page) = wire
        .get(&format!("/v1/tasks/{task}/workflow_steps"))
        .await?;
    let error = &page["steps"][0]["error"];
    assert_eq!(
        (
            &error["error_type"],
            &error["error_code"],
            &error["retryable"]
        ),
        (
            &json!("invalid_outcome"),
            &json!("INVALID_BRANCH"),
            &json!(false)
        )
    );
    assert_eq!(
        error["message"],
        "`create_steps` names \"lft\", which the template does not have"
    );
    Ok(())
}

#[tokio::test]
async fn batches_get_their_cursors_and_the_convergence_their_results_in_order() -> Result<()> {
    let wire = Wire::new()?;
    let mut csv = template(
        "csv",
        &[
            ("analyze", "batchable", &[]),
            ("process", "batch_worker", &["analyze"]),
            ("sum", "deferred_convergence", &["process"]),
        ],
    );
    csv["steps"][1]["batch_config"] = json!({"batch_size": 200, "max_workers": 5});
    let mut worker = play(&wire, &csv).await?;
    let task = wire.create("csv", "{}").await?;
    let analyze = worker.next("dispatch").await?;
    assert_eq!(
        analyze["batch_config"],
        json!({"batch_size": 200, "max_workers": 5})
    );
    let cursors = json!([
        {"start": 0, "end": 4}, {"start": 4, "end": 8, "data": {"sheet": 2}}, {"start": 8, "end": 12},
    ]);
    let batches = json!({"batches": cursors});
    answer(&mut worker, &analyze, json!({"total": 12}), batches).await?;
    worker.next("accepted").await?;
    let mut dispatches = Vec::new();
    for number in 0..3 {
        let dispatch = worker.next("dispatch").await?;
        assert_eq!(dispatch["step_name"], format!("process_00{}", number + 1));
        assert_eq!(dispatch["cursor"], cursors[number]);
        dispatches.push(dispatch);
    }
    for dispatch in dispatches.iter().rev() {
        let start = dispatch["cursor"]["start"].clone();
        answer(&mut worker, dispatch, start, json!({})).await?;
        worker.next("accepted").await?;
    }
    let sum = worker.next("dispatch").await?;
    assert_eq!(
        sum["results"],
        json!({"analyze": {"total": 12}, "process": [0, 4, 8]})
    );
    answer(&mut worker, &sum, json!(12), json!({})).await?;
    assert_eq!(status(&wire, task).await?, "complete");
    let names = steps(&wire, task).await?;
    assert_eq!(names[4], json!(["sum", "complete", ["process"], 12]));
    assert_eq!(names[2], json!(["process_002", "complete", ["analyze"], 4]));
    Ok(())
}

#[tokio::test]
async fn a_context_that_breaks_its_schema_is_refused_and_a_result_fails_its_step() -> Result<()> {
    let wire = Wire::new()?;
    let mut checked = template("checked", &[("only", "standard", &[])]);
    checked["input_schema"] = json!({
        "type": "object", "required": ["amount"], "properties": {"amount": {"type": "integer", "minimum": 1}},
    });
    checked["steps"][0]["result_schema"] = json!({"type": "integer"});
    let mut worker = play(&wire, &checked).await?;
    let body = r#"{"name": "checked", "namespace": "checked", "context": {"amount": 0}}"#;
    let (status_code, error) = wire.refused("/v1/tasks", body).await?;
    assert_eq!(
        (status_code, error["code"].as_str()),
        (422, Some("CONTEXT_INVALID"))
    );
    assert_eq!(error["details"]["violations"][0]["path"], "/amount");

    let task = wire.create("checked", r#"{"amount": 7}"#).await?;
    let dispatch = worker.next("dispatch").await?;
    worker
        .send_text(&success(&attempt(&dispatch), "\"seven\""))
        .await?;
    assert_eq!(status(&wire, task).await?, "blocked_by_failures");
    let (_, page) = wire
        .get(&format!("/v1/tasks/{task}/workflow_steps"))
        .await?;
    let step = &page["steps"][0];
    assert_eq!(step["attempts"], 1);
    assert_eq!(step["error"]["error_code"], "RESULT_INVALID");
    Ok(())
}

#[tokio::test]
async fn an_outcome_for_a_task_that_has_ended_is_read_again_and_accepted() -> Result<()> {
    let wire = Wire::new()?;
    let mut worker = play(&wire, &template("ended", &[("only", "standard", &[])])).await?;
    let task = wire.create("ended", "{}").await?;
    let dispatch = worker.next("dispatch").await?;
    let outcome = success(&attempt(&dispatch), "1");
    worker.send_text(&outcome).await?;
    worker.next("accepted").await?;
    assert_eq!(status(&wire, task).await?, "complete");
    worker.send_text(&outcome).await?;
    assert_eq!(worker.next("accepted").await?, json!([attempt(&dispatch)]));
    let unknown = json!({"task_uuid": Uuid::nil(), "step_uuid": Uuid::nil(), "attempt": 1});
    worker.send_text(&success(&unknown, "1")).await?;
    assert_eq!(worker.next("accepted").await?, json!([unknown]));
    // A system that was up before has its log elsewhere.
    if Settings::read()?.stack_url.is_some() {
        let log = wire::stack().await?.log("orchestration").await?;
        let passed_over = |task: Uuid| {
            let mut lines = log.lines();
            lines.any(|line| line.contains(&task.to_string()) && line.contains("passed_over"))
        };
        assert!(passed_over(task) && passed_over(Uuid::nil()), "{log}");
    }
    assert_eq!(
        steps(&wire, task).await?,
        json!([["only", "complete", [], 1]])
    );
    Ok(())
}

#[tokio::test]
async fn a_task_that_takes_too_long_ends_and_its_worker_is_told() -> Result<()> {
    let wire = Wire::new()?;
    let mut bounded = template(
        "bounded",
        &[
            ("first", "standard", &[]),
            ("second", "standard", &["first"]),
        ],
    );
    bounded["lifecycle"] = json!({"max_duration_seconds": 0.2});
    let mut worker = play(&wire, &bounded).await?;
    let task = wire.create("bounded", "{}").await?;
    let dispatch = worker.next("dispatch").await?;
    assert_eq!(worker.next("cancel").await?, attempt(&dispatch));
    assert_eq!(status(&wire, task).await?, "error");
    // It has left memory: the late outcome is added to what the journal has.
    worker.send_text(&success(&attempt(&dispatch), "1")).await?;
    assert_eq!(worker.next("accepted").await?, json!([attempt(&dispatch)]));
    assert_eq!(
        steps(&wire, task).await?,
        json!([
            ["first", "cancelled", [], null],
            ["second", "cancelled", ["first"], null],
        ])
    );
    Ok(())
}

#[tokio::test]
async fn a_task_that_fails_with_its_first_error_tells_the_workers_of_its_other_steps() -> Result<()>
{
    let wire = Wire::new()?;
    let mut strict = template(
        "strict",
        &[("left", "standard", &[]), ("right", "standard", &[])],
    );
    strict["on_failure"] = json!("fail");
    let mut worker = play(&wire, &strict).await?;
    let task = wire.create("strict", "{}").await?;
    let (left, right) = (
        worker.next("dispatch").await?,
        worker.next("dispatch").await?,
    );
    fail(&mut worker, &left, json!({"retryable": false})).await?;
    worker.next("accepted").await?;
    assert_eq!(worker.next("cancel").await?, attempt(&right));
    assert_eq!(status(&wire, task).await?, "error");
    assert_eq!(
        steps(&wire, task).await?,
        json!([
            ["left", "error", [], null],
            ["right", "cancelled", [], null]
        ])
    );
    Ok(())
}

#[tokio::test]
async fn an_attempt_that_a_worker_does_not_end_in_time_is_ended_by_the_engine() -> Result<()> {
    let wire = Wire::new()?;
    let mut timed = template("timed", &[("only", "standard", &[])]);
    timed["steps"][0]["timeout_seconds"] = json!(0.1);
    timed["steps"][0]["retry"] = json!({"backoff": "none"});
    let mut worker = play(&wire, &timed).await?;
    let task = wire.create("timed", "{}").await?;
    let first = worker.next("dispatch").await?;
    assert_eq!(worker.next("cancel").await?, attempt(&first));
    let second = worker.next("dispatch").await?;
    assert_eq!(second["attempt"], 2);
    worker.send_text(&success(&attempt(&second), "2")).await?;
    worker.next("accepted").await?;
    assert_eq!(status(&wire, task).await?, "complete");
    let (_, page) = wire
        .get(&format!("/v1/tasks/{task}/workflow_steps"))
        .await?;
    assert_eq!(page["steps"][0]["attempts"], 2);
    Ok(())
}
