//! Every answer of the API that is not a success: `{"error": {"code", "message", "details"}}`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tasker_protocol::error::{ErrorBody, ErrorCode, ErrorDetail};

/// An answer that is not a success.
#[derive(Debug)]
pub struct ApiError(ErrorDetail);

impl ApiError {
    /// An error without details.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> ApiError {
        ApiError::with_details(code, message, Value::Null)
    }

    /// An error with values for programs.
    pub fn with_details(code: ErrorCode, message: impl Into<String>, details: Value) -> ApiError {
        ApiError(ErrorDetail {
            code,
            message: message.into(),
            details,
        })
    }

    /// What kind of error.
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        status(self.0.code)
    }

    /// The engine has more to do than it takes at once.
    pub fn overloaded(what: &str) -> ApiError {
        ApiError::new(
            ErrorCode::Overloaded,
            format!("the engine has {what}; the request had no effect: send it again later"),
        )
    }

    /// The engine has ended, or dropped its memory, before it said what became of something that it was to do.
    pub fn untold() -> ApiError {
        ApiError::new(
            ErrorCode::CommitTimeout,
            "the engine is stopping or recovering, and could not commit before; whether the request takes effect is not known \
             yet: look, or send a creation again with its idempotency key",
        )
    }

    /// The engine cannot commit at present.
    pub fn unavailable(reason: &str) -> ApiError {
        ApiError::new(
            ErrorCode::Unavailable,
            format!("{reason}; the request had no effect: send it again"),
        )
    }
}

impl From<ApiError> for ErrorDetail {
    fn from(error: ApiError) -> ErrorDetail {
        error.0
    }
}

impl From<ErrorDetail> for ApiError {
    fn from(error: ErrorDetail) -> ApiError {
        ApiError(error)
    }
}

/// The HTTP status of a code.
pub fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::MalformedJson | ErrorCode::InvalidRequest | ErrorCode::UnexpectedMessage => {
            StatusCode::BAD_REQUEST
        }
        ErrorCode::Unauthorized => StatusCode::UNAUTHORIZED,
        ErrorCode::OriginRefused | ErrorCode::HostRefused => StatusCode::FORBIDDEN,
        ErrorCode::NotFound
        | ErrorCode::TemplateNotFound
        | ErrorCode::TaskNotFound
        | ErrorCode::StepNotFound
        | ErrorCode::ResultNotFound => StatusCode::NOT_FOUND,
        ErrorCode::TemplateConflict
        | ErrorCode::TaskEnded
        | ErrorCode::StepStateConflict
        | ErrorCode::TemplateRetired
        | ErrorCode::TemplateStateConflict
        | ErrorCode::AttemptNotOpen
        | ErrorCode::IdempotencyConflict => StatusCode::CONFLICT,
        ErrorCode::BodyTooLarge | ErrorCode::ContextTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::TemplateInvalid
        | ErrorCode::ContextInvalid
        | ErrorCode::OutcomeInvalid
        | ErrorCode::IdempotencyKeyInvalid
        | ErrorCode::RecordRefused => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::Unavailable | ErrorCode::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::CommitTimeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorCode::ProtocolVersion => StatusCode::UPGRADE_REQUIRED,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = (status, Json(ErrorBody { error: self.0 })).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
