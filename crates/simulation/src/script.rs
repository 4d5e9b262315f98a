//! What handlers do: for each attempt the same, whenever and wherever it runs.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use tasker_protocol::frame::AttemptRef;

use crate::chance::Chance;

/// How often handlers do what, in a thousand.
#[derive(Clone, Debug)]
pub struct Temper {
    /// They fail, and may be tried again.
    pub fail: u64,
    /// They fail for good.
    pub give_up: u64,
    /// They say when to try again.
    pub retry_after: u64,
    /// They take long.
    pub slow: u64,
    /// They end their worker's process.
    pub crash: u64,
}

/// What one handler does.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    /// How long it takes.
    pub takes: Duration,
    /// What comes of it.
    pub end: End,
}

/// What comes of a handler.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// Results.
    Success,
    /// A failure.
    Failure {
        /// Whether another attempt may succeed.
        retryable: bool,
        /// Milliseconds to wait, if the handler says so.
        retry_after_ms: Option<u64>,
    },
    /// The end of the worker's process.
    Crash,
}

/// What the handler of an attempt does.
pub fn act(seed: u64, temper: &Temper, attempt: &AttemptRef) -> Act {
    let mut hasher = DefaultHasher::new();
    (seed, attempt).hash(&mut hasher);
    let mut chance = Chance::new(hasher.finish());
    let takes = if chance.permille(temper.slow) {
        chance.duration(Duration::from_millis(200), Duration::from_secs(12))
    } else {
        chance.duration(Duration::from_micros(100), Duration::from_millis(200))
    };
    let end = if chance.permille(temper.crash) {
        End::Crash
    } else if chance.permille(temper.give_up) {
        End::Failure {
            retryable: false,
            retry_after_ms: None,
        }
    } else if chance.permille(temper.fail) {
        End::Failure {
            retryable: true,
            retry_after_ms: chance
                .permille(temper.retry_after)
                .then(|| *chance.pick(&[0, 1, 70, 2500])),
        }
    } else {
        End::Success
    };
    Act { takes, end }
}

/// The results of an attempt, which no other attempt has.
pub fn results(attempt: &AttemptRef) -> String {
    format!(
        r#"{{"step":"{}","attempt":{}}}"#,
        attempt.step_uuid, attempt.attempt
    )
}
