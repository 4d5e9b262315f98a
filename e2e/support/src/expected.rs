//! The results that each workflow must have, in every language: `fixtures/data/expected_results.json`.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Deserialize;
use serde_json::{Map, Value};

const FILE: &str = include_str!("../../../fixtures/data/expected_results.json");

/// All workflows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// n, n squared, + 10, x 3, / 2.
    pub linear_workflow: Numeric,
}

/// A workflow on `{"even_number": n}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Numeric {
    /// Each step's parents.
    pub parents: BTreeMap<String, Vec<String>>,
    /// Contexts, and what comes of them.
    pub runs: Vec<Run>,
    /// Contexts that the first step refuses.
    pub refused: Vec<Refused>,
}

/// One task.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// What the task is created with.
    pub context: Value,
    /// What each step gives.
    pub steps: BTreeMap<String, Computed>,
}

/// What a numeric step gives.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Computed {
    /// The number.
    pub result: Value,
    /// How it was computed.
    pub operation: String,
    /// From what.
    pub inputs: Map<String, Value>,
}

/// A context that the first step refuses for good.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// What the task is created with.
    pub context: Value,
    /// The failure's code.
    pub error_code: String,
    /// The field that the message names.
    pub field: String,
    /// The value that the message shows, in any case: languages differ in `true`.
    #[serde(default)]
    pub value: String,
}

/// Reads the file.
///
/// # Errors
/// When it does not have the shape of [`Expected`].
pub fn expected_results() -> Result<Expected> {
    Ok(serde_json::from_str(FILE)?)
}

impl Numeric {
    /// The run on this number.
    ///
    /// # Panics
    /// When the file has none.
    pub fn run(&self, even_number: i64) -> &Run {
        let found = self
            .runs
            .iter()
            .find(|run| run.context["even_number"] == even_number);
        found.unwrap_or_else(|| panic!("no run on {even_number} in expected_results.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runs_of_the_linear_workflow_have_a_result_for_each_step() -> Result<()> {
        let linear = expected_results()?.linear_workflow;
        assert_eq!(linear.run(6).steps["linear_step_4"].result, 69);
        for run in &linear.runs {
            assert!(run.steps.keys().eq(linear.parents.keys()), "{run:?}");
        }
        Ok(())
    }
}
