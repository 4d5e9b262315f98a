//! The linear workflow with Python handlers: n, n squared, + 10, x 3, / 2.

use anyhow::{Context, Result};
use serde_json::json;
use tasker_e2e::numeric::NumericWorkflow;
use tasker_e2e::{IntegrationTestManager, WorkerType, create_task_request};
use tasker_protocol::error::ErrorCode;

const LINEAR: NumericWorkflow = NumericWorkflow {
    worker: WorkerType::Python,
    namespace: "linear_workflow_py",
    name: "mathematical_sequence_py",
    expected: |all| all.linear_workflow,
};

#[tokio::test]
async fn six_gives_36_46_138_69() -> Result<()> {
    LINEAR.gives_the_expected_results_on("6").await
}

#[tokio::test]
async fn ten_gives_165() -> Result<()> {
    LINEAR.gives_the_expected_results_on("10").await
}

#[tokio::test]
async fn four_eight_zero_and_minus_six_give_39_111_15_69() -> Result<()> {
    for even_number in ["4", "8", "0", "-6"] {
        LINEAR.gives_the_expected_results_on(even_number).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_number_beyond_64_bits_keeps_every_digit() -> Result<()> {
    LINEAR
        .gives_the_expected_results_on("36893488147419103234")
        .await
}

#[tokio::test]
async fn a_context_without_an_even_number_fails_the_first_step_for_good() -> Result<()> {
    LINEAR.refuses_contexts_without_an_even_number().await
}

#[tokio::test]
async fn an_unknown_template_is_answered_with_the_nearest_names() -> Result<()> {
    let manager = IntegrationTestManager::setup_with_worker(WorkerType::Python).await?;
    let request = create_task_request(LINEAR.namespace, "mathematical_sequence", json!({}));
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
