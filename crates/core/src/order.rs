//! What people ask to be done to a task or a step: what it is to the core, and why it is refused, in the API's words.

use serde_json::{Value, json};
use tasker_protocol::action::{ActOnStep, StepAction};
use tasker_protocol::error::{ErrorCode, ErrorDetail};
use tasker_protocol::{Json, json_null};
use uuid::Uuid;

use crate::creation::{breaks_schema, refusal};
use crate::gateway::{Texts, completion};
use crate::operator::{self, Action, Refusal};
use crate::{StepIndex, Task, TaskId, Time};

/// The action that is asked for, with its texts.
///
/// # Errors
/// Results, names or cursors that no handler could have given, or that the action does not take.
pub fn read(asked: ActOnStep) -> Result<(Action, Texts), ErrorDetail> {
    let note = json!({"by": asked.by, "reason": asked.reason});
    let note = serde_json::value::to_raw_value(&note)
        .unwrap_or_else(|error| unreachable!("strings serialise: {error}"))
        .into();
    match asked.action {
        StepAction::Retry => Ok((Action::Retry, without_results(&asked, note)?)),
        StepAction::Resolve => Ok((Action::Resolve, without_results(&asked, note)?)),
        StepAction::Complete => {
            let (names, batches) = (asked.create_steps.as_ref(), asked.batches.as_ref());
            let completed = completion(asked.results, names, batches, note);
            let (success, texts) = completed.map_err(|failure| {
                let details = json!({"error_code": failure.error_code});
                refusal(ErrorCode::OutcomeInvalid, failure.message, details)
            })?;
            Ok((Action::Complete(success), texts))
        }
    }
}

fn without_results(asked: &ActOnStep, note: Json) -> Result<Texts, ErrorDetail> {
    let given = [&asked.results, &asked.create_steps, &asked.batches];
    if given.into_iter().any(Option::is_some) {
        let message = "only `complete` takes `results`, `create_steps` and `batches`: leave them out, or complete the step";
        let code = ErrorCode::InvalidRequest;
        return Err(refusal(code, message.to_owned(), Value::Null));
    }
    Ok(Texts {
        body: json_null(),
        metadata: Some(note),
        cursors: None,
    })
}

/// The step that an action is for, if it can be done at this time.
///
/// # Errors
/// The task or the step is in no state for it, or the step cannot have what is given.
pub fn check(
    task: &Task,
    step_uuid: Uuid,
    action: &Action,
    texts: &Texts,
    at: Time,
) -> Result<StepIndex, ErrorDetail> {
    let Some(step) = task.find(step_uuid) else {
        return Err(no_step(task.id, step_uuid));
    };
    operator::act(task, step, action, at).map_err(|refused| refused_by(task, &refused))?;
    if let (Action::Complete(_), Some(schema)) = (action, &task.node(step).result_schema) {
        schema.check(texts.body.get()).map_err(|violations| {
            let what = "the results break the step's `result_schema`";
            breaks_schema(ErrorCode::OutcomeInvalid, what, &violations)
        })?;
    }
    Ok(step)
}

/// Refuses to cancel a task that has ended.
///
/// # Errors
/// It has.
pub fn check_cancel(task: &Task, at: Time) -> Result<(), ErrorDetail> {
    let cancelled = operator::cancel(task, at).map(drop);
    cancelled.map_err(|refused| refused_by(task, &refused))
}

/// A task does not have a step.
pub fn no_step(task: TaskId, step_uuid: Uuid) -> ErrorDetail {
    let message = format!("task {task} has no step {step_uuid}");
    refusal(ErrorCode::StepNotFound, message, Value::Null)
}

fn refused_by(task: &Task, refused: &Refusal) -> ErrorDetail {
    let (code, details) = match refused {
        Refusal::Ended(status) => (ErrorCode::TaskEnded, json!({"status": status})),
        Refusal::State(state) => (ErrorCode::StepStateConflict, json!({"state": state})),
        Refusal::Invalid(invalid) => {
            let details = json!({"error_code": invalid.code()});
            (ErrorCode::OutcomeInvalid, details)
        }
    };
    refusal(code, format!("task {}: {refused}", task.id), details)
}
