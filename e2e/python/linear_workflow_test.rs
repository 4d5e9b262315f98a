//! The linear workflow with Python handlers: n, n squared, + 10, x 3, / 2.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tasker_e2e::expected::{Computed, expected_results};
use tasker_e2e::{
    IntegrationTestManager, Step, WorkerType, create_task_request, get_task_completion_timeout,
    wait_for_task_completion, wait_for_task_failure,
};
use tasker_protocol::api::{StepState, TaskStatus};
use tasker_protocol::error::ErrorCode;

const NAMESPACE: &str = "linear_workflow_py";
const NAME: &str = "mathematical_sequence_py";

async fn run(even_number: i64) -> Result<()> {
    let manager = IntegrationTestManager::setup_with_worker(WorkerType::Python).await?;
    let client = &manager.orchestration_client;
    let linear = expected_results()?.linear_workflow;
    let expected = linear.run(even_number);

    let request = create_task_request(NAMESPACE, NAME, expected.context.clone());
    let created = client.create_task(request).await?;
    let timeout = get_task_completion_timeout();
    let task = wait_for_task_completion(client, created.task_uuid, timeout).await?;

    assert!(task.is_execution_complete());
    assert_eq!(task.status, TaskStatus::Complete);
    assert_eq!((task.total_steps, task.completed_steps), (4, 4));
    assert_eq!(task.completion_percentage, 100.0);
    assert_eq!(task.waiting_on, [""; 0]);
    assert_eq!(
        serde_json::from_str::<Value>(task.context.get())?,
        expected.context
    );

    let steps = client.list_task_steps(task.task_uuid).await?;
    let names: Vec<_> = steps.iter().map(|step| &step.step_name).collect();
    assert_eq!(names, linear.parents.keys().collect::<Vec<_>>());
    for step in &steps {
        let computed = &expected.steps[&step.step_name];
        assert_computed(step, computed);
        assert_eq!(step.parents, linear.parents[&step.step_name]);
    }
    Ok(())
}

fn assert_computed(step: &Step, computed: &Computed) {
    let name = &step.step_name;
    assert_eq!(step.current_state, StepState::Complete, "{name}");
    assert_eq!(step.attempts, 1, "{name}");
    assert!(step.error.is_none(), "{name}: {:?}", step.error);
    assert_eq!(step.results, json!({"result": computed.result}), "{name}");
    let text = format!(r#"{{"result":{}}}"#, computed.result);
    assert_eq!(step.results_json.get().replace(' ', ""), text, "{name}");
    let metadata = json!({
        "operation": computed.operation,
        "inputs": computed.inputs,
        "output": computed.result,
    });
    assert_eq!(step.metadata, metadata, "{name}");
}

#[tokio::test]
async fn six_gives_36_46_138_69() -> Result<()> {
    run(6).await
}

#[tokio::test]
async fn ten_gives_165() -> Result<()> {
    run(10).await
}

#[tokio::test]
async fn four_eight_zero_and_minus_six_give_39_111_15_69() -> Result<()> {
    for even_number in [4, 8, 0, -6] {
        run(even_number).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_context_without_an_even_number_fails_the_first_step_for_good() -> Result<()> {
    let manager = IntegrationTestManager::setup_with_worker(WorkerType::Python).await?;
    let client = &manager.orchestration_client;
    for refused in expected_results()?.linear_workflow.refused {
        let request = create_task_request(NAMESPACE, NAME, refused.context.clone());
        let created = client.create_task(request).await?;
        let timeout = get_task_completion_timeout();
        let task = wait_for_task_failure(client, created.task_uuid, timeout).await?;
        assert_eq!(task.status, TaskStatus::BlockedByFailures, "{refused:?}");
        assert!(!task.is_execution_complete());
        assert_eq!((task.failed_steps, task.pending_steps), (1, 3));

        let steps = client.list_task_steps(task.task_uuid).await?;
        let first = &steps[0];
        assert_eq!(first.current_state, StepState::Error, "{refused:?}");
        assert_eq!(first.attempts, 1, "{refused:?}");
        assert_eq!(first.results, Value::Null);
        let error = first
            .error
            .as_ref()
            .context("the first step has an error")?;
        assert_eq!(error.error_code.as_ref(), Some(&refused.error_code));
        assert_eq!(error.error_type, "PermanentError");
        assert!(!error.retryable);
        let message = &error.message;
        assert!(message.contains(&refused.field), "{refused:?}: {message}");
        let shown = message.to_lowercase();
        assert!(shown.contains(&refused.value), "{refused:?}: {message}");
        for step in &steps[1..] {
            assert_eq!(step.current_state, StepState::Pending, "{}", step.step_name);
            assert_eq!(step.attempts, 0, "{}", step.step_name);
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_unknown_template_is_answered_with_the_nearest_names() -> Result<()> {
    let manager = IntegrationTestManager::setup_with_worker(WorkerType::Python).await?;
    let request = create_task_request(NAMESPACE, "mathematical_sequence", json!({}));
    let error = manager
        .orchestration_client
        .create_task(request)
        .await
        .unwrap_err();
    let (status, detail) = error.api().context("the engine refuses it")?;
    assert_eq!((status, detail.code), (404, ErrorCode::TemplateNotFound));
    assert_eq!(
        detail.details["nearest"],
        json!(["linear_workflow_py/mathematical_sequence_py"])
    );
    Ok(())
}
