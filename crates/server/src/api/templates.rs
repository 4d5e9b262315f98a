//! `/v1/templates`: the templates that tasks can be created from, with their graphs.

use axum::Json;
use axum::extract::State;
use tasker_protocol::api::{Template, TemplateList};

use super::App;
use super::body::Segments;
use super::error::ApiError;

/// `GET /v1/templates`.
pub async fn list(State(app): State<App>) -> Result<Json<TemplateList>, ApiError> {
    let templates = app.engine()?.catalog.all();
    let templates = templates.iter().map(|template| Template::clone(template));
    Ok(Json(TemplateList {
        templates: templates.collect(),
    }))
}

/// `GET /v1/templates/{namespace}/{name}`: the version that a task runs whose creation names none.
pub async fn latest(
    State(app): State<App>,
    Segments((namespace, name)): Segments<(String, String)>,
) -> Result<Json<Template>, ApiError> {
    shown(&app, &namespace, &name, None)
}

/// `GET /v1/templates/{namespace}/{name}/{version}`.
pub async fn version(
    State(app): State<App>,
    Segments((namespace, name, version)): Segments<(String, String, String)>,
) -> Result<Json<Template>, ApiError> {
    shown(&app, &namespace, &name, Some(&version))
}

fn shown(
    app: &App,
    namespace: &str,
    name: &str,
    version: Option<&str>,
) -> Result<Json<Template>, ApiError> {
    let engine = app.engine()?;
    let template = engine.catalog.shown(namespace, name, version)?;
    Ok(Json(Template::clone(&template)))
}
