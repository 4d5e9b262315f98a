//! Steps held against what is expected of them.

use anyhow::{Context, Result};
use serde_json::Value;
use tasker_protocol::api::StepState;

use crate::exact::exact;
use crate::expected::{Completed, Refused};
use crate::orchestration::Step;

/// That these are the steps, in this order, each complete after one attempt with exactly these results and metadata.
///
/// # Errors
/// When results cannot be compared.
///
/// # Panics
/// When anything differs.
pub fn assert_completed(steps: &[Step], expected: &[Completed]) -> Result<()> {
    let names = |step: &Step| (step.step_name.clone(), step.parents.clone());
    let graph: Vec<_> = steps.iter().map(names).collect();
    let expected_graph: Vec<_> = expected
        .iter()
        .map(|step| (step.step.clone(), step.parents.clone()))
        .collect();
    assert_eq!(graph, expected_graph);
    for (step, expected) in steps.iter().zip(expected) {
        let name = &step.step_name;
        assert_eq!(step.current_state, StepState::Complete, "{name}");
        assert_eq!(step.attempts, 1, "{name}");
        assert!(step.error.is_none(), "{name}: {:?}", step.error);
        assert_eq!(
            exact(&step.results_json)?,
            exact(&expected.results)?,
            "{name}"
        );
        assert_eq!(
            exact(&step.metadata_json)?,
            exact(&expected.metadata)?,
            "{name}"
        );
    }
    Ok(())
}

/// That the step failed for good at its first attempt, with the code, the field and the value that are expected.
///
/// # Errors
/// When the step has no error.
///
/// # Panics
/// When anything differs.
pub fn assert_refused(step: &Step, refused: &Refused) -> Result<()> {
    assert_eq!(step.current_state, StepState::Error, "{refused:?}");
    assert_eq!(step.attempts, 1, "{refused:?}");
    assert_eq!(step.results, Value::Null, "{refused:?}");
    let error = step.error.as_ref().context("the step has an error")?;
    assert_eq!(
        error.error_code.as_ref(),
        Some(&refused.error_code),
        "{refused:?}"
    );
    assert_eq!(error.error_type, "PermanentError", "{refused:?}");
    assert!(!error.retryable, "{refused:?}");
    let message = &error.message;
    assert!(message.contains(&refused.field), "{refused:?}: {message}");
    assert!(
        message.to_lowercase().contains(&refused.value),
        "{refused:?}: {message}"
    );
    Ok(())
}
