//! The health port: `/health` and `/health/ready` say whether the worker takes work, `/health/live` that it lives,
//! `/metrics` what it has measured.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use tasker_protocol::error::{ErrorBody, ErrorCode, ErrorDetail};

use crate::metrics::Metrics;
use crate::status::{Board, Health};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(crate) fn router(board: Arc<Board>, metrics: Arc<Metrics>) -> Router {
    let scrape = Router::new()
        .route("/metrics", get(scrape))
        .with_state(metrics);
    Router::new()
        .route("/health", get(ready))
        .route("/health/ready", get(ready))
        .route("/health/live", get(live))
        .fallback(not_found)
        .with_state(board)
        .merge(scrape)
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
    Json(Health::live())
}

async fn scrape(State(metrics): State<Arc<Metrics>>) -> Response {
    match metrics.text() {
        Ok(text) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        // A `String` takes everything; the signature is that of any writer.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn not_found() -> (StatusCode, Json<ErrorBody>) {
    let error = ErrorDetail {
        code: ErrorCode::NotFound,
        message: "a worker serves /health, /health/ready, /health/live and /metrics".to_owned(),
        details: serde_json::Value::Null,
    };
    (StatusCode::NOT_FOUND, Json(ErrorBody { error }))
}
