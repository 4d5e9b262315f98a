//! Steps with Python handlers that fail: what becomes of them, what is kept of each failure, when the next attempt starts.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tasker_e2e::check::assert_ended;
use tasker_e2e::events::{Change, changes_of, time_of};
use tasker_e2e::expected::{Scenario, expected_results};
use tasker_e2e::gate::Gate;
use tasker_e2e::{
    IntegrationTestManager, OrchestrationClient, Step, Task, WorkerType, create_task_request,
    create_task_request_of_json, get_task_completion_timeout, wait_for_task_completion,
};
use tasker_protocol::api::{StepState, TaskEvent};
use time::Duration;

const NAMESPACE: &str = "error_testing_py";

/// How often a test that must read a step while it waits tries to be in time.
const READINGS: usize = 10;

async fn client() -> Result<OrchestrationClient> {
    let manager = IntegrationTestManager::setup_with_worker(WorkerType::Python).await?;
    Ok(manager.orchestration_client)
}

async fn create(client: &OrchestrationClient, task: &str, scenario: &Scenario) -> Result<Task> {
    let name = format!("{task}_py");
    let request = create_task_request_of_json(NAMESPACE, &name, &scenario.context);
    Ok(client.create_task(request).await?)
}

/// The task's steps and events once nothing more happens to it, which is as expected.
async fn ended(
    client: &OrchestrationClient,
    task: &Task,
    scenario: &Scenario,
) -> Result<(Vec<Step>, Vec<TaskEvent>)> {
    let task = client
        .wait_for_task(task.task_uuid, get_task_completion_timeout())
        .await?;
    assert_eq!(task.status, scenario.status, "{scenario:?}");
    let steps = client.list_task_steps(task.task_uuid).await?;
    assert_ended(&steps, &scenario.steps)?;
    for step in &steps {
        assert_eq!(step.next_retry_at, None, "{}", step.step_name);
        assert_eq!(step.max_attempts, 3, "{}", step.step_name);
    }
    Ok((steps, client.list_task_events(task.task_uuid).await?))
}

/// Runs every scenario of this task; the steps and events of the last.
async fn run(task: &str) -> Result<(Vec<Step>, Vec<TaskEvent>)> {
    let client = client().await?;
    let all = expected_results()?;
    let mut last = None;
    for scenario in all.scenarios(task)? {
        let created = create(&client, task, scenario).await?;
        last = Some(ended(&client, &created, scenario).await?);
    }
    last.context("a scenario")
}

/// From each failure of the step to the time for which its next attempt was promised; none started before that.
fn waits(changes: &[Change]) -> Vec<Duration> {
    let mut waits = Vec::new();
    for at in 0..changes.len() {
        if let [failed, ready, started, ..] = &changes[at..]
            && failed.state == StepState::WaitingForRetry
        {
            assert_eq!(ready.state, StepState::Enqueued, "{changes:#?}");
            assert_eq!(started.state, StepState::InProgress, "{changes:#?}");
            assert_eq!(started.attempt, failed.attempt + 1, "{changes:#?}");
            assert!(started.at >= ready.at, "{changes:#?}");
            waits.push(ready.at - failed.at);
        }
    }
    waits
}

/// That the waits grow exponentially from 50 ms, each up to a tenth longer.
fn assert_back_off(waits: &[Duration]) {
    for (wait, base) in waits.iter().zip([50, 100]) {
        let base = Duration::milliseconds(base);
        assert!(
            *wait >= base && *wait <= base * 11 / 10,
            "{wait}, not {base} to a tenth more"
        );
    }
}

#[tokio::test]
async fn success_only_is_complete_after_one_attempt() -> Result<()> {
    run("success_only").await?;
    Ok(())
}

#[tokio::test]
async fn a_permanent_error_ends_the_step_at_once_and_keeps_its_code_and_metadata() -> Result<()> {
    let (steps, events) = run("permanent_error_only").await?;
    let error = steps[0].error.as_ref().context("the error")?;
    assert_eq!(error.error_type, "PermanentError");
    let backtrace = error.backtrace.as_ref().context("the backtrace")?;
    ensure!(
        backtrace.contains("permanent_error_step_handler.py"),
        "{backtrace}"
    );
    let waits = waits(&changes_of("permanent_error_step", &events)?);
    assert!(waits.is_empty(), "{waits:?}");
    Ok(())
}

#[tokio::test]
async fn a_retryable_error_ends_the_step_after_three_attempts_with_exponential_back_off()
-> Result<()> {
    let (steps, events) = run("retryable_error_only").await?;
    let error = steps[0].error.as_ref().context("the error")?;
    assert_eq!(error.error_type, "RetryableError");
    let waits = waits(&changes_of("retryable_error_step", &events)?);
    assert_eq!(waits.len(), 2);
    assert_back_off(&waits);
    Ok(())
}

#[tokio::test]
async fn a_flaky_step_is_complete_after_the_attempt_that_succeeds() -> Result<()> {
    let (_, events) = run("retry_then_succeed").await?;
    assert_back_off(&waits(&changes_of("flaky_step", &events)?));
    Ok(())
}

#[tokio::test]
async fn retry_after_wins_over_the_back_off_to_the_microsecond() -> Result<()> {
    let client = client().await?;
    let all = expected_results()?;
    let scenario = &all.scenarios("retry_after")?[0];
    for _ in 0..READINGS {
        let created = create(&client, "retry_after", scenario).await?;
        let mut events = client.follow(created.task_uuid).await?;
        while let Some(event) = events.next().await? {
            if matches!(
                event,
                TaskEvent::Step {
                    state: StepState::WaitingForRetry,
                    ..
                }
            ) {
                break;
            }
        }
        let waiting = client.list_task_steps(created.task_uuid).await?.remove(0);

        let (_, events) = ended(&client, &created, scenario).await?;
        let changes = changes_of("retry_after_step", &events)?;
        assert_eq!(waits(&changes), [Duration::SECOND]);
        let failed = changes
            .iter()
            .find(|change| change.state == StepState::WaitingForRetry);
        let failed = failed.context("the failure")?;
        assert_eq!(failed.error_message.as_deref(), Some("too many requests"));

        if let Some(promised) = &waiting.next_retry_at {
            assert_eq!(waiting.current_state, StepState::WaitingForRetry);
            assert_eq!(time_of(promised)?, failed.at + Duration::SECOND);
            let error = waiting.error.as_ref().context("the error")?;
            assert_eq!(error.error_code.as_deref(), Some("RATE_LIMITED"));
            assert_eq!(error.retry_after_ms, Some(1000));
            return Ok(());
        }
    }
    anyhow::bail!("the step was never read within the second for which it waits")
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_ends_as_timeout_and_another_follows() -> Result<()> {
    let (_, events) = run("timeout").await?;
    let changes = changes_of("timeout_step", &events)?;
    let states: Vec<_> = changes
        .iter()
        .map(|change| (change.state, change.attempt))
        .collect();
    assert_eq!(
        states,
        [
            (StepState::Enqueued, 0),
            (StepState::InProgress, 1),
            (StepState::WaitingForRetry, 1),
            (StepState::Enqueued, 1),
            (StepState::InProgress, 2),
            (StepState::Complete, 2),
        ]
    );
    let (started, ended) = (&changes[1], &changes[2]);
    assert!(ended.at - started.at >= Duration::SECOND, "{changes:#?}");
    assert_eq!(
        ended.error_message.as_deref(),
        Some(
            "the handler error_scenarios.step_handlers.TimeoutStepHandler did not end within its time limit"
        )
    );
    assert_back_off(&waits(&changes));
    Ok(())
}

#[tokio::test]
async fn what_a_timed_out_attempt_returns_later_changes_nothing() -> Result<()> {
    let client = client().await?;
    let gate = Gate::open().await?;
    let context = json!({"gate": gate.address()});
    let created = client
        .create_task(create_task_request("e2e_gates", "gated_timeout", context))
        .await?;
    let timeout = get_task_completion_timeout();

    // The first returns while the second runs, the second when the third has been started, and so on.
    let mut overdue = tokio::time::timeout(timeout, gate.started()).await??;
    for attempt in [2, 3] {
        let next = tokio::time::timeout(timeout, gate.started()).await??;
        assert_eq!((overdue.attempt, next.attempt), (attempt - 1, attempt));
        overdue.release_until_gone().await?;
        overdue = next;
    }
    overdue.release().await?;

    let task = gate
        .open_until(wait_for_task_completion(
            &client,
            created.task_uuid,
            timeout,
        ))
        .await??;
    let step = client.list_task_steps(task.task_uuid).await?.remove(0);
    assert_eq!(step.metadata, json!({"attempt": step.attempts}));
    ensure!(step.attempts >= 3, "{} attempts", step.attempts);
    let changes = changes_of(
        "success_step",
        &client.list_task_events(task.task_uuid).await?,
    )?;
    let completed: Vec<_> = changes
        .iter()
        .filter(|change| change.state == StepState::Complete)
        .collect();
    assert_eq!(completed.len(), 1, "{changes:#?}");
    assert_eq!(completed[0].attempt, step.attempts);
    Ok(())
}

#[tokio::test]
async fn success_and_failures_side_by_side_do_not_touch_each_other() -> Result<()> {
    let (steps, events) = run("error_testing").await?;
    assert!(steps.iter().all(|step| step.parents.is_empty()));
    let waits = waits(&changes_of("retryable_error_step", &events)?);
    assert_eq!(waits.len(), 2);
    assert_back_off(&waits);
    Ok(())
}

#[tokio::test]
async fn an_unexpected_exception_is_tried_again_and_keeps_its_class_and_traceback() -> Result<()> {
    let (steps, events) = run("unexpected_exception").await?;
    let error = steps[0].error.as_ref().context("the error")?;
    assert_eq!(error.error_type, "ZeroDivisionError");
    assert_eq!(error.message, "division by zero");
    let backtrace = error.backtrace.as_ref().context("the backtrace")?;
    ensure!(
        backtrace.starts_with("Traceback (most recent call last):\n"),
        "{backtrace}"
    );
    ensure!(
        backtrace.contains("unexpected_exception_step_handler.py"),
        "{backtrace}"
    );
    ensure!(
        backtrace.ends_with("ZeroDivisionError: division by zero\n"),
        "{backtrace}"
    );
    let waits = waits(&changes_of("unexpected_exception_step", &events)?);
    assert_eq!(waits.len(), 2);
    assert_back_off(&waits);
    Ok(())
}

#[tokio::test]
async fn a_result_that_json_cannot_hold_is_a_permanent_failure_that_says_which_value() -> Result<()>
{
    let (steps, _) = run("unserialisable_result").await?;
    let error = steps[0].error.as_ref().context("the error")?;
    assert_eq!(error.error_type, "unserialisable_result");
    assert_eq!(
        error.message,
        "results.order.labels is {'fragile'} of type set, which JSON cannot hold"
    );
    Ok(())
}
