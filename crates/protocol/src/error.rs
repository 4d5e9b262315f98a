//! The error body of the REST API and the codes that it, and `rejected` and `error` messages, carry.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `{"error": {...}}`: the body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorDetail,
}

/// What went wrong, for programs (`code`, `details`) and for people (`message`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorDetail {
    /// What kind of error; `docs/errors.md` has a line for each.
    pub code: ErrorCode,
    /// A sentence that names what, where and the remedy.
    pub message: String,
    /// Values that belong to the error, such as the nearest names; `null` when there are none.
    #[serde(default)]
    pub details: serde_json::Value,
}

/// Every code that an answer or a message can carry. `docs/errors.md` has a line for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// The body or a frame is not JSON.
    MalformedJson,
    /// The body or a frame is JSON of the wrong shape: a field is missing, unknown or of another type.
    InvalidRequest,
    /// The body is larger than the API takes.
    BodyTooLarge,
    /// The context is larger than a task may carry.
    ContextTooLarge,
    /// The context breaks the template's `input_schema`.
    ContextInvalid,
    /// No such path, or not with this method.
    NotFound,
    /// No template of this namespace, name and version is registered.
    TemplateNotFound,
    /// A template with other content is registered under the same namespace, name and version.
    TemplateConflict,
    /// A template is not valid.
    TemplateInvalid,
    /// New tasks do not take this version of the template, or any: an operator has retired it.
    TemplateRetired,
    /// What operators have said of the template's versions does not allow the action.
    TemplateStateConflict,
    /// No task has this identifier.
    TaskNotFound,
    /// The task has no step with this identifier.
    StepNotFound,
    /// The task has ended: nothing changes it any more.
    TaskEnded,
    /// The step's state does not allow the action.
    StepStateConflict,
    /// What an operator completes a step with is nothing that the step's handler could have returned.
    OutcomeInvalid,
    /// Results are asked for an attempt that is not open with the worker that asks.
    AttemptNotOpen,
    /// There are no results of this name before the step, or none from this index on.
    ResultNotFound,
    /// The idempotency key was used with another body.
    IdempotencyConflict,
    /// The idempotency key is empty, too long or given twice.
    IdempotencyKeyInvalid,
    /// PostgreSQL refuses what the request would have stored, and will refuse it again; the request had no effect.
    RecordRefused,
    /// The token is missing or wrong.
    Unauthorized,
    /// A web page of another origin asks.
    OriginRefused,
    /// The server is asked as something that is none of its names.
    HostRefused,
    /// The engine cannot commit at present; the request had no effect and can be sent again.
    Unavailable,
    /// The engine could not commit for so long that the call is not kept waiting; whether the request takes effect is not
    /// known yet.
    CommitTimeout,
    /// The engine has more to do than it takes at once; the request had no effect and can be sent again.
    Overloaded,
    /// Engine and worker have no protocol version in common.
    ProtocolVersion,
    /// A message that the receiver does not know, or not at this point of the session.
    UnexpectedMessage,
    /// A fault of the engine itself.
    Internal,
}
