//! `/health*`: whether the process lives, and whether it can commit.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use tasker_protocol::api::Health;

use super::App;

/// 200 when tasks can be created and run, else 503 with the reasons.
pub async fn ready(State(app): State<App>) -> (StatusCode, Json<Health>) {
    let ready = app
        .health
        .engine()
        .and_then(|engine| engine.takes_tasks().map_err(|reason| vec![reason]));
    match ready {
        Ok(()) => (StatusCode::OK, Json(health("ok", Vec::new()))),
        Err(reasons) => (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(health("not_ready", reasons)),
        ),
    }
}

/// 200 as long as the process answers.
pub async fn live() -> Json<Health> {
    Json(health("ok", Vec::new()))
}

fn health(status: &str, reasons: Vec<String>) -> Health {
    Health {
        status: status.to_owned(),
        reasons,
    }
}
