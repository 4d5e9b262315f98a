//! The mixed DAG with Python handlers: steps with one, two and three parents.

use anyhow::Result;
use tasker_e2e::WorkerType;
use tasker_e2e::numeric::NumericWorkflow;

const MIXED_DAG: NumericWorkflow = NumericWorkflow {
    worker: WorkerType::Python,
    namespace: "mixed_dag_workflow_py",
    name: "complex_dag_py",
    expected: |all| all.mixed_dag_workflow,
};

#[tokio::test]
async fn six_gives_all_50_digits_of_its_64th_power() -> Result<()> {
    MIXED_DAG.gives_the_expected_results_on("6").await
}

#[tokio::test]
async fn two_gives_18446744073709551616() -> Result<()> {
    MIXED_DAG.gives_the_expected_results_on("2").await
}

#[tokio::test]
async fn a_context_without_an_even_number_fails_the_first_step_for_good() -> Result<()> {
    MIXED_DAG.refuses_contexts_without_an_even_number().await
}

#[tokio::test]
async fn the_three_steps_in_the_middle_run_at_the_same_time() -> Result<()> {
    let together = ["dag_validate", "dag_transform", "dag_analyze"];
    MIXED_DAG
        .runs_at_the_same_time("gated_mixed_dag", &together)
        .await
}
