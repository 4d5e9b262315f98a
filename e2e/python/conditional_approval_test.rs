//! The approval of requests with Python handlers: a decision makes the steps that the amount calls for, and no others.

use anyhow::Result;
use tasker_e2e::check::{assert_completed, assert_refused};
use tasker_e2e::exact::exact;
use tasker_e2e::expected::expected_results;
use tasker_e2e::{
    IntegrationTestManager, WorkerType, create_task_request_of_json, get_task_completion_timeout,
    wait_for_task_completion, wait_for_task_failure,
};
use tasker_protocol::api::{StepState, TaskStatus};

const NAMESPACE: &str = "conditional_approval_py";
const NAME: &str = "approval_routing_py";

/// Runs a task on the amount; it has these steps at its end, with what is expected of each.
async fn approve(amount: &str, names: &[&str]) -> Result<()> {
    let manager = IntegrationTestManager::setup_with_worker(WorkerType::Python).await?;
    let client = &manager.orchestration_client;
    let workflow = expected_results()?.conditional_approval;
    let run = workflow.run(amount)?;

    let request = create_task_request_of_json(NAMESPACE, NAME, &run.context);
    let created = client.create_task(request).await?;
    assert_eq!(created.total_steps, 2);

    let timeout = get_task_completion_timeout();
    let task = wait_for_task_completion(client, created.task_uuid, timeout).await?;
    assert_eq!(task.status, TaskStatus::Complete);
    assert_eq!(task.total_steps as usize, names.len());
    assert_eq!(task.completed_steps as usize, names.len());
    assert_eq!(exact(&task.context)?, exact(&run.context)?);

    let steps = client.list_task_steps(task.task_uuid).await?;
    let found: Vec<_> = steps.iter().map(|step| step.step_name.as_str()).collect();
    assert_eq!(found, names);
    assert_completed(&steps, &run.steps)
}

const AUTO: [&str; 4] = [
    "validate_request",
    "routing_decision",
    "auto_approve",
    "finalize_approval",
];
const MANAGER: [&str; 4] = [
    "validate_request",
    "routing_decision",
    "manager_approval",
    "finalize_approval",
];
const DUAL: [&str; 5] = [
    "validate_request",
    "routing_decision",
    "manager_approval",
    "finance_review",
    "finalize_approval",
];

#[tokio::test]
async fn an_amount_of_0_01_is_approved_automatically() -> Result<()> {
    approve("0.01", &AUTO).await
}

#[tokio::test]
async fn an_amount_of_500_is_approved_automatically() -> Result<()> {
    approve("500", &AUTO).await
}

#[tokio::test]
async fn an_amount_of_999_99_is_approved_automatically() -> Result<()> {
    approve("999.99", &AUTO).await
}

#[tokio::test]
async fn an_amount_of_1000_is_approved_by_the_manager() -> Result<()> {
    approve("1000", &MANAGER).await
}

#[tokio::test]
async fn an_amount_of_2500_is_approved_by_the_manager() -> Result<()> {
    approve("2500", &MANAGER).await
}

#[tokio::test]
async fn an_amount_of_4999_99_is_approved_by_the_manager() -> Result<()> {
    approve("4999.99", &MANAGER).await
}

#[tokio::test]
async fn an_amount_of_5000_is_approved_by_manager_and_finance() -> Result<()> {
    approve("5000", &DUAL).await
}

#[tokio::test]
async fn an_amount_of_10000_is_approved_by_manager_and_finance() -> Result<()> {
    approve("10000", &DUAL).await
}

#[tokio::test]
async fn a_bad_request_fails_the_first_step_for_good_and_nothing_is_decided() -> Result<()> {
    let manager = IntegrationTestManager::setup_with_worker(WorkerType::Python).await?;
    let client = &manager.orchestration_client;
    let workflow = expected_results()?.conditional_approval;
    assert_eq!(workflow.refused.len(), 13);
    for refused in &workflow.refused {
        let request = create_task_request_of_json(NAMESPACE, NAME, &refused.context);
        let created = client.create_task(request).await?;
        let timeout = get_task_completion_timeout();
        let task = wait_for_task_failure(client, created.task_uuid, timeout).await?;
        assert_eq!(task.status, TaskStatus::BlockedByFailures, "{refused:?}");
        assert_eq!(
            (task.total_steps, task.failed_steps, task.pending_steps),
            (2, 1, 1)
        );

        let steps = client.list_task_steps(task.task_uuid).await?;
        assert_eq!(steps[0].step_name, "validate_request");
        assert_refused(&steps[0], refused)?;
        assert_eq!(steps[1].step_name, "routing_decision");
        assert_eq!(steps[1].current_state, StepState::Pending, "{refused:?}");
        assert_eq!(steps[1].attempts, 0, "{refused:?}");
    }
    Ok(())
}
