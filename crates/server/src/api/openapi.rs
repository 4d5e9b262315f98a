//! `GET /openapi.json`: the API as an OpenAPI 3.1 document, made from the routes and from the types that are read and
//! written, so that it cannot say anything else than they do.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::Json;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};
use tasker_protocol::error::{ErrorBody, ErrorCode};

use super::error::status;
use super::operation::{Operation, SchemaOf};
use super::routes;

/// Where the document has the types.
const SCHEMAS: &str = "/components/schemas";

/// What every call can answer besides.
const TO_PAGES: [ErrorCode; 1] = [ErrorCode::OriginRefused];

/// What every call that wants the token can answer besides.
const ALWAYS: [ErrorCode; 6] = [
    ErrorCode::HostRefused,
    ErrorCode::Unauthorized,
    ErrorCode::Internal,
    ErrorCode::Overloaded,
    ErrorCode::Unavailable,
    ErrorCode::CommitTimeout,
];

/// `GET /openapi.json`.
pub async fn show() -> Json<&'static Value> {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(document);
    Json(&DOCUMENT)
}

/// The document.
pub fn document() -> Value {
    let mut schemas = Schemas::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for operation in routes::all() {
        let method = operation.method.as_str().to_lowercase();
        let described = describe(&operation, &mut schemas);
        paths
            .entry(operation.path)
            .or_default()
            .insert(method, described);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tasker",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Durable workflows. Every answer that is not a success has the shape of ErrorBody. Times \
                            are RFC 3339 in UTC with microseconds.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas.definitions(),
            "securitySchemes": {"token": {
                "type": "http",
                "scheme": "bearer",
                "description": "The engine's TASKER_TOKEN. An engine without one asks for none.",
            }},
        },
    })
}

/// The types of the document. A type that is only read may leave out what has a default; one that is written has it.
struct Schemas {
    read: SchemaGenerator,
    written: SchemaGenerator,
}

impl Schemas {
    fn new() -> Schemas {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = SCHEMAS.into();
            settings.meta_schema = None;
        });
        Schemas {
            read: settings.clone().for_deserialize().into_generator(),
            written: settings.for_serialize().into_generator(),
        }
    }

    fn read(&mut self, schema: SchemaOf) -> Value {
        schema(&mut self.read).into()
    }

    fn written(&mut self, schema: SchemaOf) -> Value {
        schema(&mut self.written).into()
    }

    /// All types that were referred to. Where one is both read and written, what is written holds.
    fn definitions(mut self) -> Map<String, Value> {
        let mut definitions = self.read.take_definitions(true);
        definitions.extend(self.written.take_definitions(true));
        definitions
    }
}

fn describe(operation: &Operation, schemas: &mut Schemas) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": parameters(operation, schemas),
        "responses": responses(operation, schemas),
    });
    if operation.guarded {
        described["security"] = json!([{"token": []}]);
    }
    if let Some(body) = operation.body {
        described["requestBody"] = json!({
            "required": true,
            "content": {"application/json": {"schema": schemas.read(body)}},
        });
    }
    described
}

fn parameters(operation: &Operation, schemas: &mut Schemas) -> Vec<Value> {
    let in_path = operation.path.split(['{', '}']).skip(1).step_by(2);
    let mut parameters: Vec<Value> = in_path
        .map(|name| {
            let schema = match name.ends_with("_uuid") {
                true => json!({"type": "string", "format": "uuid"}),
                false => json!({"type": "string"}),
            };
            json!({"name": name, "in": "path", "required": true, "schema": schema})
        })
        .collect();
    if let Some(query) = operation.query {
        let query = schemas.read(query);
        let fields = query["properties"].as_object().into_iter().flatten();
        parameters.extend(fields.map(|(name, schema)| {
            let mut schema = schema.clone();
            let description = schema
                .as_object_mut()
                .and_then(|fields| fields.remove("description"));
            json!({"name": name, "in": "query", "description": description, "schema": schema})
        }));
    }
    for (name, description) in &operation.headers {
        parameters.push(json!({
            "name": name, "in": "header", "description": description, "schema": {"type": "string"},
        }));
    }
    parameters
}

fn responses(operation: &Operation, schemas: &mut Schemas) -> BTreeMap<String, Value> {
    let mut responses = BTreeMap::new();
    let mut errors: BTreeMap<String, Vec<ErrorCode>> = BTreeMap::new();
    let always = operation.guarded.then_some(ALWAYS).into_iter().flatten();
    for code in operation
        .errors
        .iter()
        .copied()
        .chain(TO_PAGES)
        .chain(always)
    {
        errors
            .entry(status(code).as_str().to_owned())
            .or_default()
            .push(code);
    }
    for (status, codes) in errors {
        let names: Vec<String> = codes
            .iter()
            .map(|code| format!("`{}`", name(*code)))
            .collect();
        let schema = schemas.written(SchemaGenerator::subschema_for::<ErrorBody>);
        let mut response = json!({
            "description": names.join(", "),
            "content": {"application/json": {"schema": schema}},
        });
        if codes.contains(&ErrorCode::Unavailable) {
            response["headers"] = json!({"Retry-After": {
                "description": "Seconds after which to send the request again.",
                "schema": {"type": "integer"},
            }});
        }
        responses.insert(status, response);
    }
    for answer in &operation.answers {
        let mut response = json!({"description": answer.description});
        if let Some((content_type, schema)) = answer.content {
            response["content"] = json!({content_type: {"schema": schemas.written(schema)}});
        }
        responses.insert(answer.status.as_str().to_owned(), response);
    }
    responses
}

/// A code as the API writes it.
fn name(code: ErrorCode) -> String {
    match serde_json::to_value(code) {
        Ok(Value::String(name)) => name,
        other => unreachable!("a code is written as a string: {other:?}"),
    }
}
