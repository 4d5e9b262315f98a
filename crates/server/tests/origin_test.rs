//! Web pages that are not the engine's own are refused whatever they ask, and programs are not. The calls are those of
//! the OpenAPI document, so that none can be forgotten.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use tasker_protocol::error::ErrorBody;
use tasker_server::api::{self, openapi};
use tasker_server::health::Health;
use tower::ServiceExt;

const OWN: &str = "127.0.0.1:8080";
const REBOUND: &str = "rebound.example.test";
const TOKEN: &str = "secret";

/// Every way in: the calls, what is none, and what a browser asks before it sends more than a plain request.
fn ways() -> Vec<(Method, String)> {
    let document = openapi::document();
    let any = "0193e6f4-5a00-7000-8000-000000000000";
    let mut ways = Vec::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        let path = path.replace("{task_uuid}", any).replace("{step_uuid}", any);
        for method in operations.as_object().expect("operations").keys() {
            let method = method.to_uppercase().parse().expect("a method");
            ways.push((method, path.clone()));
        }
        ways.push((Method::OPTIONS, path));
    }
    ways.push((Method::GET, "/".to_owned()));
    ways.push((Method::GET, "/v1/anything".to_owned()));
    ways
}

/// Status and error code of the answer of an engine, which is starting.
async fn answer(
    token: Option<&str>,
    hosts: &str,
    (method, path): &(Method, String),
    headers: &[(header::HeaderName, &str)],
) -> (StatusCode, Option<ErrorBody>) {
    let hosts = hosts.parse().expect("names");
    let router = api::router(
        Arc::new(Health::starting()),
        token.map(str::to_owned),
        hosts,
    );
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    if path == "/v1/worker" {
        request = request
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .header(header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ==");
    }
    let request = request.body(Body::from(r#"{"namespace": "n", "name": "n"}"#));
    let response = router
        .oneshot(request.expect("a request"))
        .await
        .expect("an answer");
    let allowed = response
        .headers()
        .keys()
        .find(|name| name.as_str().starts_with("access-control"));
    assert_eq!(allowed, None, "{method} {path}");
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX)
        .await
        .expect("a body");
    (status, serde_json::from_slice(&body).ok())
}

fn code(body: Option<&ErrorBody>) -> Value {
    json!(body.map(|body| body.error.code))
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused_by_every_way_in() {
    let foreign = [
        (header::HOST, OWN),
        (header::ORIGIN, "http://example.test"),
        (header::CONTENT_TYPE, "text/plain"),
    ];
    for way in ways() {
        for token in [None, Some(TOKEN)] {
            let (status, body) = answer(token, "", &way, &foreign).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{way:?}");
            assert_eq!(code(body.as_ref()), "ORIGIN_REFUSED", "{way:?}");
        }
    }
}

#[tokio::test]
async fn a_rebound_name_is_refused_by_every_way_in_but_probes() {
    let own_page = format!("http://{REBOUND}");
    let bearer = format!("Bearer {TOKEN}");
    let rebound = [(header::HOST, REBOUND)];
    let with_origin = [(header::HOST, REBOUND), (header::ORIGIN, &own_page)];
    let with_bearer = [(header::HOST, REBOUND), (header::AUTHORIZATION, &bearer)];
    for way in ways() {
        let is_probe = way.1.starts_with("/health");
        for headers in [&rebound[..], &with_origin, &with_bearer] {
            let (status, body) = answer(None, "", &way, headers).await;
            assert_eq!(
                status == StatusCode::FORBIDDEN,
                !is_probe,
                "{way:?} {headers:?}"
            );
            assert_eq!(
                code(body.as_ref()) == "HOST_REFUSED",
                !is_probe,
                "{way:?} {headers:?}"
            );
        }
    }
}

#[tokio::test]
async fn programs_the_engines_own_pages_and_listed_names_are_served_by_every_way_in() {
    let bearer = format!("Bearer {TOKEN}");
    let curl = [(header::HOST, OWN)];
    let localhost = [(header::HOST, "localhost:8080")];
    let without_host = [];
    let own_page = [
        (header::HOST, OWN),
        (header::ORIGIN, "http://127.0.0.1:8080"),
    ];
    let listed = [
        (header::HOST, "tasker.test:8080"),
        (header::ORIGIN, "https://tasker.test"),
    ];
    let dashboard = [(header::HOST, OWN), (header::ORIGIN, "https://tasker.test")];
    let client = [
        (header::HOST, "engine.internal:8080"),
        (header::ORIGIN, "http://example.test"),
        (header::AUTHORIZATION, &bearer),
    ];
    for way in ways() {
        for (token, headers) in [
            (None, &curl[..]),
            (None, &localhost),
            (None, &without_host),
            (None, &own_page),
            (None, &listed),
            (None, &dashboard),
            (Some(TOKEN), &client),
        ] {
            let (status, body) = answer(token, "tasker.test", &way, headers).await;
            assert_ne!(
                status,
                StatusCode::FORBIDDEN,
                "{way:?} {headers:?} {body:?}"
            );
            assert_ne!(
                status,
                StatusCode::UNAUTHORIZED,
                "{way:?} {headers:?} {body:?}"
            );
        }
    }
}
