//! Why a worker could not do what it was asked for.

use std::io;
use std::time::Duration;

use uuid::Uuid;

/// Why a worker could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No engine is named.
    #[error("`urls` is empty: it names the engine, such as http://127.0.0.1:8080 (TASKER_URL)")]
    NoUrl,
    /// The engine's address cannot be used.
    #[error("the engine's address `{url}` cannot be used: {reason} (TASKER_URL)")]
    Url {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The token cannot be sent.
    #[error(
        "the token has characters that no HTTP header can carry; use printable ASCII (TASKER_TOKEN)"
    )]
    Token,
    /// The health port cannot be had.
    #[error(
        "cannot listen on {bind} for the health page: {source}; TASKER_BIND or --bind names another address"
    )]
    Bind {
        /// As it was given.
        bind: String,
        /// What the system says.
        source: io::Error,
    },
    /// The system has no thread for the session.
    #[error("cannot start the session's thread: {0}")]
    Thread(io::Error),
    /// A worker begins once.
    #[error("the worker has begun already")]
    Begun,
    /// The worker has left its session; outcomes have nowhere to go.
    #[error("the worker has left its session")]
    Stopped,
    /// The engine has not answered a fetch.
    #[error("the engine has not sent the results of {name} from {from} on within {timeout:?}")]
    Unanswered {
        /// The step whose results were asked for.
        name: String,
        /// The index of the first.
        from: u64,
        /// How long the answer was waited for.
        timeout: Duration,
    },
    /// An outcome says two things, or nothing.
    #[error("the outcome of attempt {attempt} of step {step_uuid}: {reason}")]
    Outcome {
        /// The step.
        step_uuid: Uuid,
        /// The attempt.
        attempt: u32,
        /// What is wrong with it.
        reason: &'static str,
    },
}
