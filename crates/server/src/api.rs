//! The REST API and the worker's WebSocket: routes, and what stands before all of them.

mod batch;
pub mod body;
mod creation;
pub mod error;
mod events;
mod health;
mod list;
pub mod openapi;
mod operation;
mod operators;
mod routes;
mod steps;
mod tasks;
mod templates;
mod workers;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;
use tasker_protocol::error::ErrorCode;
use tasker_protocol::frame::MAX_FRAME_BYTES;
use tasker_protocol::origin::{Access, Asked, Hosts, only};

use crate::admission::Bytes;
use crate::health::Health;
use crate::running::Running;
use error::ApiError;
use operation::Operation;

/// How long a call waits at the most while the engine cannot commit.
const PATIENCE: Duration = Duration::from_secs(30);

/// What every handler gets.
#[derive(Clone)]
pub struct App {
    health: Arc<Health>,
    token: Option<Arc<str>>,
    access: Arc<Access>,
    /// Of calls, until what they do is durable.
    bodies: Bytes,
}

impl App {
    /// The engine, once it has recovered and while it can commit and may answer.
    fn engine(&self) -> Result<Arc<Running>, ApiError> {
        self.health
            .engine()
            .map_err(|reasons| ApiError::unavailable(&reasons.join("; ")))
    }
}

/// All routes. `hosts` are further names that it is asked by.
pub fn router(health: Arc<Health>, token: Option<String>, hosts: Hosts) -> Router {
    let any_host = token.is_some();
    let app = App {
        health,
        token: token.map(Arc::from),
        access: Arc::new(Access { hosts, any_host }),
        bodies: Bytes::undurable(),
    };
    let (guarded, open): (Vec<_>, Vec<_>) = routes::all()
        .into_iter()
        .partition(|operation| operation.guarded);
    routed(guarded)
        .fallback(unknown_path)
        .layer(middleware::from_fn_with_state(app.clone(), hold_lease))
        // Outside: what it says is true without a lease, too.
        .layer(middleware::from_fn_with_state(app.clone(), give_up))
        .layer(middleware::from_fn_with_state(app.clone(), authorize))
        .merge(routed(open))
        // Last, so that it is before whatever is routed.
        .layer(middleware::from_fn_with_state(app.clone(), refuse_pages))
        .with_state(app)
}

/// Refuses web pages that are not this engine's own.
async fn refuse_pages(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let headers = request.headers();
    let given = |name| only(headers.get_all(name).iter().map(HeaderValue::as_bytes));
    let target = request.uri().authority().map(|target| target.as_str());
    let asked = Asked {
        path: request.uri().path(),
        host: target.or_else(|| given(header::HOST)),
        origin: given(header::ORIGIN),
        has_bearer: bearer(headers).is_some(),
    };
    app.access.check(&asked)?;
    Ok(next.run(request).await)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let given = headers.get(header::AUTHORIZATION)?;
    given.to_str().ok()?.strip_prefix("Bearer ")
}

fn routed(operations: Vec<Operation>) -> Router<App> {
    let router = Router::new();
    operations
        .into_iter()
        .fold(router, |router, operation| {
            router.route(operation.path, operation.route)
        })
        .method_not_allowed_fallback(unknown_method)
}

async fn authorize(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if let Some(token) = &app.token {
        let given = bearer(request.headers()).unwrap_or_default();
        if !bool::from(given.as_bytes().ct_eq(token.as_bytes())) {
            return Err(ApiError::new(
                ErrorCode::Unauthorized,
                "this engine wants the header `Authorization: Bearer TOKEN` with the token that TASKER_TOKEN gave it",
            ));
        }
    }
    Ok(next.run(request).await)
}

/// Answers a call that waits for a commit which does not come.
async fn give_up(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    tokio::select! {
        response = next.run(request) => Ok(response),
        () = app.health.stuck(PATIENCE) => Err(ApiError::new(
            ErrorCode::CommitTimeout,
            format!(
                "the engine could not commit for {PATIENCE:?}; whether the request takes effect is not known yet: look, or \
                 send a creation again with its idempotency key"
            ),
        )),
    }
}

/// What the engine knows is told only while its lease lasts: looked at when the answer is there, because it may have
/// taken long. A change is told in any case: the journal has let it pass, so it is made, or there was nothing to change.
async fn hold_lease(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_static = !request.uri().path().starts_with("/v1/");
    let reads = request.method().is_safe();
    let response = next.run(request).await;
    match app.health.lease() {
        Err(reason) if !is_static && (reads || !response.status().is_success()) => {
            ApiError::unavailable(&reason).into_response()
        }
        _ => response,
    }
}

async fn worker(State(app): State<App>, upgrade: WebSocketUpgrade) -> Result<Response, ApiError> {
    let engine = app.engine()?;
    Ok(upgrade
        .max_message_size(MAX_FRAME_BYTES)
        .max_frame_size(MAX_FRAME_BYTES)
        .on_upgrade(|socket| crate::session::serve(socket, engine)))
}

async fn unknown_path(method: Method, uri: Uri) -> ApiError {
    ApiError::new(
        ErrorCode::NotFound,
        format!("there is no {method} {}", uri.path()),
    )
}

async fn unknown_method(method: Method, uri: Uri) -> ApiError {
    ApiError::new(
        ErrorCode::NotFound,
        format!("{} is there, but not with {method}", uri.path()),
    )
}
