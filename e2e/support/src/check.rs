//! Steps held against what is expected of them.

use anyhow::{Context, Result};
use serde_json::Value;
use tasker_protocol::api::StepState;

use crate::exact::exact;
use crate::expected::{Completed, Ended, Refused};
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

/// That these are the steps, in this order, each in the state, after the attempts and with the results, metadata and
/// error that are expected.
///
/// # Errors
/// When results cannot be compared.
///
/// # Panics
/// When anything differs.
pub fn assert_ended(steps: &[Step], expected: &[Ended]) -> Result<()> {
    let names: Vec<_> = steps.iter().map(|step| &step.step_name).collect();
    let expected_names: Vec<_> = expected.iter().map(|step| &step.step).collect();
    assert_eq!(names, expected_names);
    for (step, expected) in steps.iter().zip(expected) {
        let name = &step.step_name;
        let error = step.error.as_ref();
        assert_eq!(step.current_state, expected.state, "{name}: {error:?}");
        assert_eq!(step.attempts, expected.attempts, "{name}: {error:?}");
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
        assert_eq!(
            error.is_some(),
            expected.error.is_some(),
            "{name}: {error:?}"
        );
        if let (Some(error), Some(expected)) = (error, &expected.error) {
            assert_eq!(error.error_code, expected.error_code, "{name}");
            assert_eq!(error.retryable, expected.retryable, "{name}");
            if let Some(message) = &expected.message {
                assert_eq!(&error.message, message, "{name}");
            }
        }
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
