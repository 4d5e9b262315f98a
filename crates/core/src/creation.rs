//! What a task may not be created with: the refusals that follow from the request and the template alone.

use serde_json::{Value, json};
use tasker_protocol::Json;
use tasker_protocol::api::{CreateTask, MAX_PAYLOAD_BYTES};
use tasker_protocol::error::{ErrorCode, ErrorDetail};
use tasker_template::Violation;

use crate::Graph;

/// Refuses a context that is too large and a priority out of its range.
pub fn check_body(create: &CreateTask) -> Result<(), ErrorDetail> {
    let size = create.context.get().len();
    if size > MAX_PAYLOAD_BYTES {
        return Err(refusal(
            ErrorCode::ContextTooLarge,
            format!(
                "the context has {size} bytes, at most {MAX_PAYLOAD_BYTES} are taken: store the data elsewhere and \
                 send a reference"
            ),
            Value::Null,
        ));
    }
    if !(-100..=100).contains(&create.priority) {
        return Err(refusal(
            ErrorCode::InvalidRequest,
            format!("`priority` is {}: it takes -100 to 100", create.priority),
            json!({"path": "priority"}),
        ));
    }
    Ok(())
}

/// Refuses a context that breaks the template's `input_schema`, with every violation.
pub fn check_context(graph: &Graph, context: &Json) -> Result<(), ErrorDetail> {
    match &graph.input_schema {
        Some(schema) => schema.check(context.get()).map_err(|violations| {
            let what = "the context breaks the template's `input_schema`";
            breaks_schema(ErrorCode::ContextInvalid, what, &violations)
        }),
        None => Ok(()),
    }
}

/// The refusal of a text that breaks a schema: `what` says which.
pub(crate) fn breaks_schema(code: ErrorCode, what: &str, violations: &[Violation]) -> ErrorDetail {
    let listed: Vec<String> = violations.iter().map(Violation::to_string).collect();
    let violations: Vec<_> = violations
        .iter()
        .map(|Violation { path, message }| json!({"path": path, "message": message}))
        .collect();
    refusal(
        code,
        format!("{what}: {}", listed.join("; ")),
        json!({"violations": violations}),
    )
}

pub(crate) fn refusal(code: ErrorCode, message: String, details: Value) -> ErrorDetail {
    ErrorDetail {
        code,
        message,
        details,
    }
}
