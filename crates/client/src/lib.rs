//! HTTP client for the engine's REST API.
//!
//! Layout:
//! - [`Client`]: one method for each call, answers as the types of `tasker_protocol::api`.
//! - [`Error`]: what can go wrong, an answer of the API apart from a failure of the way to it.
//! - `retry`: which failures are tried again, and when.

mod client;
mod error;
mod retry;

pub use client::Client;
pub use error::Error;
