//! The results that each workflow must have, in every language: `fixtures/data/expected_results.json`.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use tasker_protocol::api::{StepState, TaskStatus};

use crate::exact::exact;

const FILE: &str = include_str!("../../../fixtures/data/expected_results.json");

/// All workflows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Contexts that the first step of every numeric workflow refuses.
    pub refused_even_numbers: Vec<Refused>,
    /// n, n squared, + 10, x 3, / 2.
    pub linear_workflow: Numeric,
    /// Two branches.
    pub diamond_workflow: Numeric,
    /// Two branches with two leaves each.
    pub tree_workflow: Numeric,
    /// Steps with one, two and three parents.
    pub mixed_dag_workflow: Numeric,
    /// Each way in which a step may fail: tasks by the base name of their template.
    pub error_testing: BTreeMap<String, Vec<Scenario>>,
    /// Who approves a request.
    pub conditional_approval: Workflow,
    /// A file of products in batches.
    pub csv_processing: Workflow,
    /// Numbers in batches.
    pub batch_processing: Workflow,
    /// An order from its check to its shipment.
    pub order_fulfillment: Orders,
}

/// A workflow on `{"even_number": n}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Numeric {
    /// The steps in the template's order.
    pub graph: Vec<Node>,
    /// Contexts, and what comes of them.
    pub runs: Vec<NumericRun>,
}

/// A step of a graph.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// The step's name.
    pub step: String,
    /// The names of the steps that it depends on.
    pub parents: Vec<String>,
}

/// One task of a numeric workflow.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumericRun {
    /// What the task is created with.
    pub context: Box<RawValue>,
    /// What each step gives.
    pub steps: BTreeMap<String, Computed>,
}

/// What a numeric step gives.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Computed {
    /// The number.
    pub result: Box<RawValue>,
    /// How it was computed.
    pub operation: String,
    /// From what.
    pub inputs: Box<RawValue>,
}

/// A context that a step refuses for good.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// What the task is created with.
    pub context: Box<RawValue>,
    /// The failure's code.
    pub error_code: String,
    /// The field that the message names.
    pub field: String,
    /// The value that the message shows, in any case: languages differ in `true`.
    #[serde(default)]
    pub value: String,
}

/// A step that was complete after its first attempt.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Completed {
    /// The step's name.
    pub step: String,
    /// The names of the steps that it depends on.
    pub parents: Vec<String>,
    /// What the handler returned.
    pub results: Box<RawValue>,
    /// What the handler added.
    #[serde(default = "null")]
    pub metadata: Box<RawValue>,
}

/// A workflow whose steps give any results.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workflow {
    /// Tasks that complete, each by its own word.
    pub runs: BTreeMap<String, Run>,
    /// Contexts that a step refuses.
    pub refused: Vec<Refused>,
}

/// One task that completes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// What the task is created with.
    pub context: Box<RawValue>,
    /// Its steps in the template's order.
    pub steps: Vec<Completed>,
}

/// The fulfilment of orders. Where results have `{step_uuid}`, they have the step's idempotency key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orders {
    /// Orders that are fulfilled, each by its own word.
    pub runs: BTreeMap<String, Run>,
    /// Orders that are not.
    pub failures: BTreeMap<String, Scenario>,
}

/// A task whose steps may have failed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What the task is created with.
    pub context: Box<RawValue>,
    /// Where it stands when nothing more happens.
    pub status: TaskStatus,
    /// Its steps in the template's order.
    pub steps: Vec<Ended>,
}

/// A step that nothing more happens to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// The step's name.
    pub step: String,
    /// Where it stands.
    pub state: StepState,
    /// How many attempts were made.
    pub attempts: u32,
    /// What the handler returned.
    #[serde(default = "null")]
    pub results: Box<RawValue>,
    /// What the handler of the last attempt added.
    #[serde(default = "null")]
    pub metadata: Box<RawValue>,
    /// Why the last attempt failed.
    pub error: Option<Failure>,
}

/// Why an attempt failed, as far as all languages say the same.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The message, where it is the handler's own.
    pub message: Option<String>,
    /// The handler's code.
    pub error_code: Option<String>,
    /// Whether another attempt could have succeeded.
    pub retryable: bool,
}

fn null() -> Box<RawValue> {
    RawValue::NULL.to_owned()
}

/// Reads the file.
///
/// # Errors
/// When it does not have the shape of [`Expected`].
pub fn expected_results() -> Result<Expected> {
    Ok(serde_json::from_str(FILE)?)
}

impl Expected {
    /// The scenarios of the template of this base name.
    ///
    /// # Errors
    /// When the file has none.
    pub fn scenarios(&self, task: &str) -> Result<&[Scenario]> {
        let scenarios = self.error_testing.get(task);
        let scenarios = scenarios.map(Vec::as_slice);
        scenarios.with_context(|| format!("expected_results.json has no scenario of {task}"))
    }
}

impl Workflow {
    /// The run of this word.
    ///
    /// # Errors
    /// When the file has none.
    pub fn run(&self, word: &str) -> Result<&Run> {
        let run = self.runs.get(word);
        run.with_context(|| format!("expected_results.json has no run on {word}"))
    }
}

impl Numeric {
    /// The context on this number, and the steps of its task.
    ///
    /// # Errors
    /// When the file has no run on it.
    pub fn run(&self, even_number: &str) -> Result<(Box<RawValue>, Vec<Completed>)> {
        let context = format!(r#"{{"even_number":{even_number}}}"#);
        let mut of_number = None;
        for run in &self.runs {
            if exact(&run.context)? == context {
                of_number = Some(run);
            }
        }
        let run = of_number
            .with_context(|| format!("expected_results.json has no run on {even_number}"))?;
        ensure!(
            run.steps.len() == self.graph.len(),
            "the run on {even_number} has other steps than the graph"
        );
        let steps: Result<_> = self.graph.iter().map(|node| completed(node, run)).collect();
        Ok((run.context.clone(), steps?))
    }
}

fn completed(node: &Node, run: &NumericRun) -> Result<Completed> {
    let name = &node.step;
    let computed = run
        .steps
        .get(name)
        .with_context(|| format!("{} has no {name}", run.context))?;
    let Computed {
        result,
        operation,
        inputs,
    } = computed;
    Ok(Completed {
        step: name.clone(),
        parents: node.parents.clone(),
        results: to_raw_value(&BTreeMap::from([("result", result)]))?,
        metadata: RawValue::from_string(format!(
            r#"{{"operation": "{operation}", "inputs": {inputs}, "output": {result}}}"#
        ))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_results_and_metadata_for_each_step_of_the_graph() -> Result<()> {
        let (context, steps) = expected_results()?.linear_workflow.run("6")?;
        assert_eq!(exact(&context)?, r#"{"even_number":6}"#);
        let last = &steps[3];
        assert_eq!(
            (last.step.as_str(), &last.parents[..]),
            ("linear_step_4", &["linear_step_3".to_owned()][..])
        );
        assert_eq!(exact(&last.results)?, r#"{"result":69}"#);
        assert_eq!(
            exact(&last.metadata)?,
            r#"{"inputs":{"linear_step_3":138},"operation":"divide","output":69}"#
        );
        Ok(())
    }

    #[test]
    fn a_number_without_a_run_is_named() -> Result<()> {
        let error = expected_results()?.linear_workflow.run("12").unwrap_err();
        assert_eq!(error.to_string(), "expected_results.json has no run on 12");
        Ok(())
    }
}
