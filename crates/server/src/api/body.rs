//! Request bodies, queries and path segments, refused in the API's own error shape with the path of what is wrong.

use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::json;
use tasker_protocol::api::MAX_BODY_BYTES;
use tasker_protocol::error::ErrorCode;
use tokio::time::timeout;
use uuid::Uuid;

use super::App;
use super::error::ApiError;
use crate::admission::{Bytes, Share};

/// Of a body that is too large, no more than this is read.
const MAX_READ_BYTES: usize = 64 << 20;

/// Of a body that does not come on for so long, the rest is not awaited.
const PATIENCE: Duration = Duration::from_secs(30);

/// A JSON body, whatever its content type says, and its share of the bytes that are not durable yet.
pub struct Body<T>(pub T, pub Share);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Body<T>, ApiError> {
        let (body, share) = read(request.into_body(), &app.bodies).await?;
        Ok(Body(parse(&body)?, share))
    }
}

/// Reads a body. One that is too large, or comes while too many others are in memory, is read to its end, though not
/// kept: a client that still writes when the connection is closed does not see the answer.
async fn read(body: axum::body::Body, limit: &Bytes) -> Result<(Vec<u8>, Share), ApiError> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    let mut share = limit.share();
    let mut size = 0;
    while let Some(chunk) = timeout(PATIENCE, chunks.next()).await.map_err(|_| {
        ApiError::new(
            ErrorCode::InvalidRequest,
            format!("nothing more of the body has come for {PATIENCE:?}"),
        )
    })? {
        let chunk = chunk.map_err(|error| {
            ApiError::new(
                ErrorCode::InvalidRequest,
                format!("the body could not be read: {error}"),
            )
        })?;
        size += chunk.len();
        if size > MAX_READ_BYTES {
            break;
        }
        if let Ok(had) = &mut share
            && size <= MAX_BODY_BYTES
        {
            match limit.cover(had, size) {
                Ok(()) => bytes.extend_from_slice(&chunk),
                Err(refused) => {
                    bytes = Vec::new();
                    share = Err(refused);
                }
            }
        }
    }
    if size > MAX_BODY_BYTES {
        return Err(ApiError::new(
            ErrorCode::BodyTooLarge,
            format!("the body is larger than {MAX_BODY_BYTES} bytes"),
        ));
    }
    Ok((bytes, share?))
}

/// Reads a JSON text, which may be a part of a body.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value: T = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        refusal(error.into_inner(), &path)
    })?;
    reader.end().map_err(|error| refusal(error, "."))?;
    Ok(value)
}

fn refusal(error: serde_json::Error, path: &str) -> ApiError {
    if error.is_data() {
        ApiError::with_details(
            ErrorCode::InvalidRequest,
            format!("the body is not what this call takes, at `{path}`: {error}"),
            json!({"path": path}),
        )
    } else {
        ApiError::new(
            ErrorCode::MalformedJson,
            format!("the body is not JSON: {error}"),
        )
    }
}

/// A query string.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Params<T>, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        let fields = form_urlencoded::parse(query.as_bytes());
        let reader = serde_urlencoded::Deserializer::new(fields);
        let value = serde_path_to_error::deserialize(reader).map_err(|error| {
            let path = error.path().to_string();
            ApiError::with_details(
                ErrorCode::InvalidRequest,
                format!(
                    "the query is not what this call takes, at `{path}`: {}",
                    error.into_inner()
                ),
                json!({"path": path}),
            )
        })?;
        Ok(Params(value))
    }
}

/// What a path names, as texts.
pub struct Segments<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segments<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Segments<T>, ApiError> {
        let Path(segments) = Path::from_request_parts(parts, state)
            .await
            .map_err(|rejection| ApiError::new(ErrorCode::InvalidRequest, rejection.body_text()))?;
        Ok(Segments(segments))
    }
}

/// The task that a path names.
pub struct TaskUuid(pub Uuid);

impl<S: Send + Sync> FromRequestParts<S> for TaskUuid {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<TaskUuid, ApiError> {
        let task: String = segments(parts, state).await?;
        uuid(&task, "task").map(TaskUuid)
    }
}

/// The step that a path names, and its task.
pub struct StepUuid {
    /// The task.
    pub task: Uuid,
    /// The step.
    pub step: Uuid,
}

impl<S: Send + Sync> FromRequestParts<S> for StepUuid {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<StepUuid, ApiError> {
        let (task, step): (String, String) = segments(parts, state).await?;
        Ok(StepUuid {
            task: uuid(&task, "task")?,
            step: uuid(&step, "step")?,
        })
    }
}

async fn segments<T: DeserializeOwned + Send, S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
) -> Result<T, ApiError> {
    let read = Path::<T>::from_request_parts(parts, state).await;
    let Path(segments) =
        read.map_err(|rejection| ApiError::new(ErrorCode::InvalidRequest, rejection.body_text()))?;
    Ok(segments)
}

fn uuid(text: &str, of: &str) -> Result<Uuid, ApiError> {
    text.parse().map_err(|error| {
        ApiError::new(
            ErrorCode::InvalidRequest,
            format!("`{text}` in the path is not a {of}'s UUID: {error}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use tasker_protocol::api::CreateTask;

    use super::*;

    fn error(body: &str) -> (u16, String) {
        let Err(error) = parse::<CreateTask>(body.as_bytes()) else {
            panic!("{body} is taken");
        };
        let text = format!("{error:?}");
        (error.into_response().status().as_u16(), text)
    }

    #[test]
    fn what_is_wrong_with_a_body_is_named() {
        let (status, text) = error("{\"name\": ");
        assert_eq!(status, 400);
        assert!(text.contains("MalformedJson"), "{text}");
        let (status, text) = error(r#"{"name": "n", "namespace": "ns", "context": {}} trailing"#);
        assert_eq!(status, 400);
        assert!(text.contains("MalformedJson"), "{text}");
        let (_, text) = error(r#"{"name": "n", "context": {}}"#);
        assert!(text.contains("missing field `namespace`"), "{text}");
        let (_, text) = error(r#"{"name": "n", "namespace": "ns", "context": {}, "tags": [1]}"#);
        assert!(text.contains("at `tags[0]`"), "{text}");
        let (_, text) = error(r#"{"name": "n", "namespace": "ns", "context": {}, "tag": []}"#);
        assert!(text.contains("unknown field `tag`"), "{text}");
    }

    #[test]
    fn a_context_is_kept_digit_for_digit() {
        let body = r#"{"name": "n", "namespace": "ns", "context": {"a": 1e400, "b":  1.10}}"#;
        let create = parse::<CreateTask>(body.as_bytes()).map_err(|error| format!("{error:?}"));
        assert_eq!(
            create.expect("valid").context.get(),
            r#"{"a": 1e400, "b":  1.10}"#
        );
    }
}
