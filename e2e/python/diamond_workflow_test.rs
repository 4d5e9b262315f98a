//! The diamond with Python handlers: n squared, squared again by two branches, their product squared.

use anyhow::Result;
use tasker_e2e::WorkerType;
use tasker_e2e::numeric::NumericWorkflow;

const DIAMOND: NumericWorkflow = NumericWorkflow {
    worker: WorkerType::Python,
    namespace: "diamond_workflow_py",
    name: "parallel_computation_py",
    expected: |all| all.diamond_workflow,
};

#[tokio::test]
async fn six_gives_2821109907456() -> Result<()> {
    DIAMOND.gives_the_expected_results_on("6").await
}

#[tokio::test]
async fn four_gives_4294967296() -> Result<()> {
    DIAMOND.gives_the_expected_results_on("4").await
}

#[tokio::test]
async fn zero_and_minus_six_give_0_and_2821109907456() -> Result<()> {
    for even_number in ["0", "-6"] {
        DIAMOND.gives_the_expected_results_on(even_number).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_context_without_an_even_number_fails_the_first_step_for_good() -> Result<()> {
    DIAMOND.refuses_contexts_without_an_even_number().await
}

#[tokio::test]
async fn both_branches_run_at_the_same_time() -> Result<()> {
    let together = ["diamond_branch_b", "diamond_branch_c"];
    DIAMOND
        .runs_at_the_same_time("gated_diamond", &together)
        .await
}
