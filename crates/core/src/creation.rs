//! What a task may not be created with: the refusals that follow from the request and the template alone.

use serde_json::{Value, json};
use tasker_protocol::Json;
use tasker_protocol::api::{CreateTask, MAX_PAYLOAD_BYTES};
use tasker_protocol::error::{ErrorCode, ErrorDetail};
use tasker_template::Violation;

use crate::Graph;

/// Refuses a context that is too large, a priority out of its range, and a NUL in a text.
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
    let nul = texts(create).find(|(_, text)| text.contains('\0'));
    nul.map_or(Ok(()), |(path, _)| {
        Err(refusal(
            ErrorCode::InvalidRequest,
            format!("`{path}` has the character U+0000, which cannot be stored: leave it out"),
            json!({"path": path}),
        ))
    })
}

/// The texts of a creation, each with its path.
fn texts(create: &CreateTask) -> impl Iterator<Item = (String, &str)> {
    let fields = [
        ("namespace", Some(&create.namespace)),
        ("name", Some(&create.name)),
        ("version", create.version.as_ref()),
        ("initiator", create.initiator.as_ref()),
        ("source_system", create.source_system.as_ref()),
        ("reason", create.reason.as_ref()),
        ("correlation_id", create.correlation_id.as_ref()),
        (
            "parent_correlation_id",
            create.parent_correlation_id.as_ref(),
        ),
    ];
    let tags = create.tags.iter().enumerate();
    fields
        .into_iter()
        .filter_map(|(path, text)| Some((path.to_owned(), text?.as_str())))
        .chain(tags.map(|(index, tag)| (format!("tags[{index}]"), tag.as_str())))
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
