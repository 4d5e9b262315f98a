//! One call of the API: its route and all that the OpenAPI document says of it, in one place, so that neither can be
//! there without the other.

use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::routing::{MethodFilter, MethodRouter, on};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use tasker_protocol::error::ErrorCode;

use super::App;

/// The schema of a type, with what it refers to left in the generator.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// A call of the API.
pub struct Operation {
    /// The HTTP method.
    pub method: Method,
    /// The path; `{braces}` name its parameters.
    pub path: &'static str,
    /// Who answers it.
    pub route: MethodRouter<App>,
    /// A name for programs, unlike every other's.
    pub id: &'static str,
    /// What it does, a sentence.
    pub summary: &'static str,
    /// Whether it wants the token.
    pub guarded: bool,
    /// An object whose fields are the query's parameters.
    pub query: Option<SchemaOf>,
    /// Headers of its own, with what each means.
    pub headers: Vec<(&'static str, &'static str)>,
    /// The request's body.
    pub body: Option<SchemaOf>,
    /// The answers that are not errors.
    pub answers: Vec<Answer>,
    /// Codes of the errors that are its own; those that every guarded call can answer are added.
    pub errors: Vec<ErrorCode>,
}

/// An answer that is not one of the API's errors.
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// When it is given.
    pub description: &'static str,
    /// Its content type and what it holds; none when it has no body.
    pub content: Option<(&'static str, SchemaOf)>,
}

impl Operation {
    /// A call that reads.
    pub fn get<H: Handler<T, App>, T: 'static>(path: &'static str, handler: H) -> Operation {
        Operation::new(Method::GET, path, on(MethodFilter::GET, handler))
    }

    /// A call that adds something.
    pub fn post<H: Handler<T, App>, T: 'static>(path: &'static str, handler: H) -> Operation {
        Operation::new(Method::POST, path, on(MethodFilter::POST, handler))
    }

    /// A call that ends something.
    pub fn delete<H: Handler<T, App>, T: 'static>(path: &'static str, handler: H) -> Operation {
        Operation::new(Method::DELETE, path, on(MethodFilter::DELETE, handler))
    }

    /// A call that changes something.
    pub fn patch<H: Handler<T, App>, T: 'static>(path: &'static str, handler: H) -> Operation {
        Operation::new(Method::PATCH, path, on(MethodFilter::PATCH, handler))
    }

    fn new(method: Method, path: &'static str, route: MethodRouter<App>) -> Operation {
        Operation {
            method,
            path,
            route,
            id: "",
            summary: "",
            guarded: true,
            query: None,
            headers: Vec::new(),
            body: None,
            answers: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// Names it, for programs and for people.
    pub fn named(self, id: &'static str, summary: &'static str) -> Operation {
        Operation {
            id,
            summary,
            ..self
        }
    }

    /// Wants no token.
    pub fn open(self) -> Operation {
        Operation {
            guarded: false,
            ..self
        }
    }

    /// Takes the fields of `T` as the query's parameters.
    pub fn query<T: JsonSchema>(self) -> Operation {
        Operation {
            query: Some(T::json_schema),
            ..self
        }
    }

    /// Takes a header.
    pub fn header(mut self, name: &'static str, description: &'static str) -> Operation {
        self.headers.push((name, description));
        self
    }

    /// Takes a body.
    pub fn body<T: JsonSchema>(self) -> Operation {
        Operation {
            body: Some(SchemaGenerator::subschema_for::<T>),
            ..self
        }
    }

    /// Answers with a JSON body.
    pub fn answers<T: JsonSchema>(
        self,
        status: StatusCode,
        description: &'static str,
    ) -> Operation {
        self.answers_as::<T>("application/json", status, description)
    }

    /// Answers with a body of another content type.
    pub fn answers_as<T: JsonSchema>(
        mut self,
        content_type: &'static str,
        status: StatusCode,
        description: &'static str,
    ) -> Operation {
        self.answers.push(Answer {
            status,
            description,
            content: Some((content_type, SchemaGenerator::subschema_for::<T>)),
        });
        self
    }

    /// Answers without a body.
    pub fn answers_nothing(mut self, status: StatusCode, description: &'static str) -> Operation {
        self.answers.push(Answer {
            status,
            description,
            content: None,
        });
        self
    }

    /// Refuses with one of these codes.
    pub fn refuses(mut self, codes: &[ErrorCode]) -> Operation {
        self.errors.extend(codes);
        self
    }
}
