//! Which failures are tried again, and when: never one after which the call may have had an effect.

use std::time::Duration;

use tasker_protocol::error::ErrorCode;

use crate::Error;

/// A restart of the engine takes less; a caller who wants to wait longer calls again.
const LIMIT: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// What a call does when it is made twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// It reads, or does what is done already: every failure of the way may be tried again.
    Safe,
    /// It changes something: only a failure that certainly had no effect may.
    Unsafe,
}

/// The pauses of one call.
pub struct Pauses {
    next: Duration,
    spent: Duration,
}

impl Pauses {
    pub fn new() -> Self {
        Self {
            next: FIRST_PAUSE,
            spent: Duration::ZERO,
        }
    }

    /// How long to wait before the call is made again; none when the failure is final or time is up.
    pub fn after(&mut self, error: &Error, repeat: Repeat) -> Option<Duration> {
        let pause = self.next;
        if !may_repeat(error, repeat) || self.spent + pause > LIMIT {
            return None;
        }
        self.spent += pause;
        self.next = (pause * 2).min(LONGEST_PAUSE);
        Some(pause)
    }
}

fn may_repeat(error: &Error, repeat: Repeat) -> bool {
    match error {
        Error::Transport { source, .. } => {
            repeat == Repeat::Safe && !source.is_timeout() || source.is_connect()
        }
        // The code's own promise: the request had no effect.
        Error::Api { detail, .. } => {
            matches!(detail.code, ErrorCode::Unavailable | ErrorCode::Overloaded)
        }
        // A proxy in between that lost the engine.
        Error::Unexpected { status, .. } => repeat == Repeat::Safe && matches!(status, 502..=504),
        Error::BaseUrl { .. } | Error::Setup(_) => false,
    }
}
