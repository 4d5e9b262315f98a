//! `/v1/templates`: the templates that tasks can be created from, with their graphs, and which of their versions new tasks
//! take.

use axum::Json;
use axum::extract::State;
use serde_json::json;
use tasker_protocol::action::{ActOnTemplate, MAX_NOTE_CHARS};
use tasker_protocol::api::{Template, TemplateList};
use tasker_protocol::error::ErrorCode;
use tokio::sync::oneshot;

use super::App;
use super::body::{Body, Segments};
use super::error::ApiError;
use super::tasks::stopping;
use crate::catalog::Place;
use crate::template_actions::Asked;

/// `GET /v1/templates`.
pub async fn list(State(app): State<App>) -> Result<Json<TemplateList>, ApiError> {
    let templates = app.engine()?.catalog.all();
    Ok(Json(TemplateList { templates }))
}

/// `GET /v1/templates/{namespace}/{name}`: the version that a task runs whose creation names none.
pub async fn latest(
    State(app): State<App>,
    Segments((namespace, name)): Segments<(String, String)>,
) -> Result<Json<Template>, ApiError> {
    let engine = app.engine()?;
    Ok(Json(engine.catalog.shown(&namespace, &name, None)?))
}

/// `GET /v1/templates/{namespace}/{name}/{version}`.
pub async fn version(
    State(app): State<App>,
    Segments((namespace, name, version)): Segments<(String, String, String)>,
) -> Result<Json<Template>, ApiError> {
    let engine = app.engine()?;
    let shown = engine.catalog.shown(&namespace, &name, Some(&version))?;
    Ok(Json(shown))
}

/// `PATCH /v1/templates/{namespace}/{name}/{version}`: retires or restores a version, or names the default.
pub async fn act(
    State(app): State<App>,
    Segments((namespace, name, version)): Segments<(String, String, String)>,
    Body(asked, _share): Body<ActOnTemplate>,
) -> Result<Json<Template>, ApiError> {
    let engine = app.engine()?;
    for (path, text) in [("by", &asked.by), ("reason", &asked.reason)] {
        let count = text.chars().count();
        let problem = if !(1..=MAX_NOTE_CHARS).contains(&count) {
            format!("`{path}` has {count} characters: it takes 1 to {MAX_NOTE_CHARS}")
        } else if text.contains('\0') {
            format!("`{path}` has a NUL character, which cannot be stored: leave it out")
        } else {
            continue;
        };
        let details = json!({"path": path});
        return Err(ApiError::with_details(
            ErrorCode::InvalidRequest,
            problem,
            details,
        ));
    }
    let place = Place {
        namespace,
        name,
        version,
    };
    let (reply, answer) = oneshot::channel();
    let asked = Asked {
        place,
        asked,
        reply,
    };
    engine
        .template_actions
        .send(asked)
        .await
        .map_err(|_| stopping())?;
    Ok(Json(answer.await.map_err(|_| ApiError::untold())??))
}
