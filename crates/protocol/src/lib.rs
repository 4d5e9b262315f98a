//! The messages of Tasker: what engine, workers and clients say to each other. Types only, no logic, but for the one rule of [`origin`].
//!
//! Layout:
//! - [`api`]: bodies of the REST API.
//! - [`action`]: what an operator asks to be done to a step.
//! - [`history`]: what happened to a step.
//! - [`frame`]: messages of a worker's session, and the frames that carry them.
//! - [`error`]: the error body and its codes.
//! - [`origin`]: which requests of web pages the engine's and a worker's port refuse.
//! - `whole`: whole numbers, however they are written.
//! - [`Json`]: JSON text that is carried and never read, so that every digit arrives.

pub mod action;
pub mod api;
pub mod error;
pub mod frame;
pub mod history;
pub mod origin;
mod whole;

use std::sync::Arc;

use serde_json::value::RawValue;

/// JSON text that passes through unread: contexts, results and metadata. Cloning shares it.
pub type Json = Arc<RawValue>;

/// `null` as [`Json`].
pub fn json_null() -> Json {
    Arc::from(RawValue::NULL.to_owned())
}
