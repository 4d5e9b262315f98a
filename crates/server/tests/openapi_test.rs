//! The OpenAPI document and the router say the same; `docs/openapi.json` is the document.
//!
//! `UPDATE_EXPECTED=1 cargo test -p tasker_server --test openapi_test` writes the page anew.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use serde_json::Value;
use tasker_protocol::origin::Hosts;
use tasker_server::api::{self, openapi};
use tasker_server::health::Health;
use tower::ServiceExt;

/// The page, in the source tree unless the build system says otherwise.
fn page() -> PathBuf {
    std::env::var_os("OPENAPI_PAGE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json"),
        PathBuf::from,
    )
}

async fn answer(method: Method, path: &str) -> (StatusCode, Value) {
    let router = api::router(Arc::new(Health::starting()), None, Hosts::default());
    let request = Request::builder().method(method).uri(path);
    let request = request.body(Body::empty()).expect("a request");
    let response = router.oneshot(request).await.expect("an answer");
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await;
    let body = serde_json::from_slice(&body.expect("a body")).unwrap_or_default();
    (status, body)
}

#[test]
fn the_checked_in_document_is_the_one_that_is_served() {
    let mut document = serde_json::to_string_pretty(&openapi::document()).expect("it serialises");
    document.push('\n');
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(page(), &document).expect("the page can be written");
    }
    let page = std::fs::read_to_string(page()).expect("the page can be read");
    assert!(
        page == document,
        "docs/openapi.json is out of date: UPDATE_EXPECTED=1 cargo test -p tasker_server --test openapi_test"
    );
}

#[tokio::test]
async fn every_path_answers_the_methods_that_the_document_has_and_no_others() {
    let document = openapi::document();
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    for (path, operations) in document["paths"].as_object().expect("paths") {
        let any = "0193e6f4-5a00-7000-8000-000000000000";
        let filled = path.replace("{task_uuid}", any).replace("{step_uuid}", any);
        for method in methods {
            let known = operations.get(method.to_lowercase()).is_some();
            let (status, body) = answer(method.parse().expect("a method"), &filled).await;
            let unknown = body["error"]["code"] == "NOT_FOUND";
            assert_eq!(!unknown, known, "{method} {path}: {status} {body}");
        }
    }
}

#[test]
fn every_reference_leads_to_a_type_and_every_type_and_field_is_described() {
    let document = openapi::document();
    let schemas = document["components"]["schemas"]
        .as_object()
        .expect("types");
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"").skip(1) {
        let (target, _) = reference.split_once('"').expect("a reference ends");
        let name = target
            .strip_prefix("#/components/schemas/")
            .expect("a type");
        assert!(schemas.contains_key(name), "{target}");
    }
    for (name, schema) in schemas {
        assert!(schema["description"].is_string(), "{name}");
        for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
            assert!(schema["description"].is_string(), "{name}.{field}");
        }
    }
}

/// The schemas right within a schema, each with where it stands. A boolean is none to several generators of clients.
fn within(schema: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for keyword in ["properties", "patternProperties", "$defs"] {
        let fields = schema[keyword].as_object().into_iter().flatten();
        found.extend(fields.map(|(name, schema)| (format!("{keyword}.{name}"), schema)));
    }
    for keyword in ["allOf", "anyOf", "oneOf", "prefixItems"] {
        let schemas = schema[keyword].as_array().into_iter().flatten();
        found.extend(schemas.map(|schema| (keyword.to_owned(), schema)));
    }
    for keyword in ["items", "not", "propertyNames", "additionalProperties"] {
        // Here every reader takes a boolean.
        let is_usual = keyword == "additionalProperties" && schema[keyword].is_boolean();
        let schema = schema.get(keyword).filter(|_| !is_usual);
        found.extend(schema.map(|schema| (keyword.to_owned(), schema)));
    }
    found
}

#[test]
fn generators_of_clients_take_every_schema() {
    let document = openapi::document();
    let mut open: Vec<(String, &Value)> = Vec::new();
    for (name, schema) in document["components"]["schemas"]
        .as_object()
        .expect("types")
    {
        open.push((name.clone(), schema));
    }
    for operation in document["paths"].as_object().expect("paths").values() {
        for operation in operation.as_object().expect("operations").values() {
            let id = operation["operationId"].as_str().expect("a name");
            let parameters = operation["parameters"].as_array().expect("parameters");
            for schema in parameters.iter().map(|parameter| &parameter["schema"]) {
                open.push((format!("a parameter of {id}"), schema));
            }
            let answers = operation["responses"]
                .as_object()
                .expect("answers")
                .values();
            for answer in answers.chain(operation.get("requestBody")) {
                for content in answer["content"].as_object().into_iter().flatten() {
                    open.push((format!("a body of {id}"), &content.1["schema"]));
                }
            }
        }
    }
    let mut checked = 0;
    while let Some((place, schema)) = open.pop() {
        assert!(schema.is_object(), "{place} is {schema}: write an object");
        let inner = within(schema).into_iter();
        open.extend(inner.map(|(keyword, schema)| (format!("{place}.{keyword}"), schema)));
        checked += 1;
    }
    assert!(checked > 200, "{checked}");
}

#[test]
fn what_is_refused_in_another_shape_has_its_shape_in_the_document() {
    let document = openapi::document();
    let act = &document["components"]["schemas"]["ActOnStep"]["properties"];
    assert_eq!(
        act["create_steps"]["type"],
        serde_json::json!(["array", "null"])
    );
    assert_eq!(act["create_steps"]["items"]["type"], "string");
    assert_eq!(act["batches"]["type"], serde_json::json!(["array", "null"]));
    assert_eq!(act["batches"]["items"]["type"], "object");
}

#[test]
fn every_call_has_a_name_of_its_own_and_describes_its_answers() {
    let document = openapi::document();
    let mut names = std::collections::BTreeSet::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let id = operation["operationId"].as_str().expect("a name");
            assert!(!id.is_empty() && names.insert(id.to_owned()), "{path} {id}");
            assert!(
                operation["summary"]
                    .as_str()
                    .is_some_and(|it| it.ends_with('.')),
                "{id}"
            );
            for parameter in operation["parameters"].as_array().expect("parameters") {
                let described = parameter["in"] == "path" || parameter["description"].is_string();
                assert!(described, "{method} {path}: {parameter}");
            }
            let answers = operation["responses"].as_object().expect("answers");
            assert!(
                answers.keys().any(|status| status < &"400".to_owned()),
                "{id}"
            );
        }
    }
}
