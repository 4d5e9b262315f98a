//! Orders that are refused.

use anyhow::Result;
use serde_json::json;
use tasker_e2e::{
    IntegrationTestManager, WorkerType, create_task_request, get_task_completion_timeout,
    wait_for_task_failure,
};

#[tokio::test]
async fn what_nobody_sells_is_refused_once() -> Result<()> {
    let system = IntegrationTestManager::setup_with_worker(WorkerType::Python).await?;
    let client = system.orchestration_client;
    let request = create_task_request("shop", words::ORDER, json!({"item": "sofa", "count": 1}));
    let created = client.create_task(request).await?;
    let timeout = get_task_completion_timeout();
    wait_for_task_failure(&client, created.task_uuid, timeout).await?;

    let steps = client.list_task_steps(created.task_uuid).await?;
    let error = steps[0].error.as_ref().expect("the price is unknown");
    assert_eq!(error.error_type, "PermanentError");
    assert_eq!(steps[0].attempts, 1);
    Ok(())
}
