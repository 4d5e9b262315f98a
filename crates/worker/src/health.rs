//! The health port: `/health` and `/health/ready` say whether the worker takes work, `/health/live` that it lives,
//! `/metrics` what it has measured.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_TYPE, HOST, ORIGIN},
    },
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use tasker_protocol::{
    error::{ErrorBody, ErrorCode, ErrorDetail},
    origin::{Access, Asked, only},
};

use crate::metrics::Metrics;
use crate::status::{Board, Health};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(crate) fn router(board: Arc<Board>, metrics: Arc<Metrics>, access: Access) -> Router {
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
        // Last, so that it is before whatever is routed.
        .layer(middleware::from_fn_with_state(
            Arc::new(access),
            refuse_pages,
        ))
}

/// Refuses web pages: none is this port's own.
async fn refuse_pages(
    State(access): State<Arc<Access>>,
    request: Request,
    next: Next,
) -> Result<Response, (StatusCode, Json<ErrorBody>)> {
    let headers = request.headers();
    let given = |name| only(headers.get_all(name).iter().map(HeaderValue::as_bytes));
    let target = request.uri().authority().map(|target| target.as_str());
    let asked = Asked {
        path: request.uri().path(),
        host: target.or_else(|| given(HOST)),
        origin: given(ORIGIN),
        // Nobody looks at a token here.
        has_bearer: false,
    };
    match access.check(&asked) {
        Ok(()) => Ok(next.run(request).await),
        Err(error) => Err((StatusCode::FORBIDDEN, Json(ErrorBody { error }))),
    }
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
