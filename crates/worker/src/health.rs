//! The health port: `/health` and `/health/ready` say whether the worker takes work, `/health/live` that it lives.

use std::sync::Arc;

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use tasker_protocol::{
    api::Health,
    error::{ErrorBody, ErrorCode, ErrorDetail},
};

use crate::status::Board;

pub(crate) fn router(board: Arc<Board>) -> Router {
    Router::new()
        .route("/health", get(ready))
        .route("/health/ready", get(ready))
        .route("/health/live", get(live))
        .fallback(not_found)
        .with_state(board)
}

async fn ready(State(board): State<Arc<Board>>) -> (StatusCode, Json<Health>) {
    let status = board.status();
    let code = if status.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (code, Json(status.health()))
}

async fn live() -> Json<Health> {
    Json(Health {
        status: "ok".to_owned(),
        reasons: Vec::new(),
    })
}

async fn not_found() -> (StatusCode, Json<ErrorBody>) {
    let error = ErrorDetail {
        code: ErrorCode::NotFound,
        message: "a worker serves /health, /health/ready and /health/live".to_owned(),
        details: serde_json::Value::Null,
    };
    (StatusCode::NOT_FOUND, Json(ErrorBody { error }))
}
