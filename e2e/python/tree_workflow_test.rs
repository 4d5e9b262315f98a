//! The tree with Python handlers: n squared, squared by branches, squared by leaves, their product squared.

use anyhow::Result;
use tasker_e2e::WorkerType;
use tasker_e2e::numeric::NumericWorkflow;

const TREE: NumericWorkflow = NumericWorkflow {
    worker: WorkerType::Python,
    namespace: "tree_workflow_py",
    name: "hierarchical_tree_py",
    expected: |all| all.tree_workflow,
};

#[tokio::test]
async fn six_gives_all_50_digits_of_its_64th_power() -> Result<()> {
    TREE.gives_the_expected_results_on("6").await
}

#[tokio::test]
async fn two_gives_18446744073709551616() -> Result<()> {
    TREE.gives_the_expected_results_on("2").await
}

#[tokio::test]
async fn a_context_without_an_even_number_fails_the_first_step_for_good() -> Result<()> {
    TREE.refuses_contexts_without_an_even_number().await
}

#[tokio::test]
async fn the_four_leaves_run_at_the_same_time() -> Result<()> {
    let together = ["tree_leaf_d", "tree_leaf_e", "tree_leaf_f", "tree_leaf_g"];
    TREE.runs_at_the_same_time("gated_tree", &together).await
}
