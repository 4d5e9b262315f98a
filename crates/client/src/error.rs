//! What can go wrong when the API is called.

use tasker_protocol::error::ErrorDetail;

/// A call that did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The base URL is none of an engine.
    #[error("{url:?} is not the URL of an engine: {reason}; it looks like http://localhost:8080")]
    BaseUrl {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The HTTP client could not be made.
    #[error("the HTTP client cannot be set up")]
    Setup(#[source] reqwest::Error),
    /// There was no whole answer: the engine is not reachable, or the connection broke. A creation
    /// that ends so may or may not have happened.
    #[error("{call}: no answer")]
    Transport {
        /// Method and URL.
        call: String,
        /// What the connection said.
        #[source]
        source: reqwest::Error,
    },
    /// The engine refused the call, and said why.
    #[error("{call}: {status} {:?}: {}", .detail.code, .detail.message)]
    Api {
        /// Method and URL.
        call: String,
        /// The HTTP status.
        status: u16,
        /// Code, message and details.
        detail: Box<ErrorDetail>,
    },
    /// The answer is not one of the API: something else listens at this address, or it is of another version.
    #[error("{call}: {status} and an answer that is not the API's ({reason}): {body:.200}")]
    Unexpected {
        /// Method and URL.
        call: String,
        /// The HTTP status.
        status: u16,
        /// Why it cannot be read.
        reason: String,
        /// The body as text.
        body: String,
    },
}

impl Error {
    /// The engine's own words, when it answered with an error.
    pub fn api(&self) -> Option<(u16, &ErrorDetail)> {
        match self {
            Self::Api { status, detail, .. } => Some((*status, detail)),
            _ => None,
        }
    }
}
