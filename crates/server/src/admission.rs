//! What the engine takes at once: calls that wait for it, and bytes of creations that are not durable yet. Beyond that a
//! call is refused before memory grows.

use std::sync::Arc;

use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::api::error::ApiError;
use crate::command::Command;

/// Commands that wait for the engine at the most: a call that comes then is refused, a worker's message waits.
const QUEUE: usize = 65_536;

/// Bytes of contexts that may wait for the journal at the most.
const UNDURABLE: usize = 256 << 20;

/// What a creation takes of them at the least: its fields and what the engine keeps of it.
const LEAST: usize = 4096;

/// The way to the engine.
#[derive(Clone)]
pub struct Admission {
    commands: mpsc::Sender<Command>,
    undurable: Arc<Semaphore>,
}

impl Admission {
    /// The way to an engine that takes its commands from the receiver.
    pub fn new() -> (Admission, mpsc::Receiver<Command>) {
        Admission::limited(QUEUE, UNDURABLE)
    }

    fn limited(queue: usize, undurable: usize) -> (Admission, mpsc::Receiver<Command>) {
        let (commands, receiver) = mpsc::channel(queue);
        let undurable = Arc::new(Semaphore::new(undurable));
        let admission = Admission {
            commands,
            undurable,
        };
        (admission, receiver)
    }

    /// Hands the engine a call's command.
    ///
    /// # Errors
    /// Too many wait for it already.
    pub fn call(&self, command: Command) -> Result<(), ApiError> {
        self.commands
            .try_send(command)
            .map_err(|error| match error {
                TrySendError::Full(_) => ApiError::overloaded("too many calls to answer"),
                TrySendError::Closed(_) => {
                    ApiError::unavailable("the engine is stopping or recovering")
                }
            })
    }

    /// Hands the engine a command that may wait until it takes it. Whether it ever will: not when it has ended.
    pub async fn wait(&self, command: Command) -> bool {
        self.commands.send(command).await.is_ok()
    }

    /// A creation's share of the memory that creations may take until they are durable.
    ///
    /// # Errors
    /// Others have it all.
    pub fn admit(&self, bytes: usize) -> Result<OwnedSemaphorePermit, ApiError> {
        // A body is far below what a u32 holds.
        let bytes = u32::try_from(bytes.max(LEAST)).unwrap_or(u32::MAX);
        Arc::clone(&self.undurable)
            .try_acquire_many_owned(bytes)
            .map_err(|_| ApiError::overloaded("too many tasks that are not durable yet"))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{StatusCode, header};
    use axum::response::IntoResponse;
    use tokio::sync::oneshot;

    use super::*;

    fn call() -> Command {
        let (reply, _) = oneshot::channel();
        Command::Workers { reply }
    }

    fn assert_overloaded(error: ApiError) {
        let response = error.into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }

    #[tokio::test]
    async fn a_call_beyond_what_the_engine_takes_is_refused_and_one_after_that_is_not() {
        let (admission, mut commands) = Admission::limited(1, 0);
        assert!(admission.call(call()).is_ok());
        assert_overloaded(admission.call(call()).expect_err("the queue is full"));
        assert!(commands.recv().await.is_some());
        assert!(admission.call(call()).is_ok());
    }

    #[test]
    fn creations_have_their_share_of_memory_until_they_are_durable() {
        let (admission, _commands) = Admission::limited(1, 3 * LEAST);
        let large = admission.admit(2 * LEAST).expect("it fits");
        let small = admission.admit(1).expect("it fits");
        assert_overloaded(admission.admit(1).expect_err("nothing is left"));
        drop(small);
        assert!(admission.admit(1).is_ok());
        drop(large);
        assert!(admission.admit(3 * LEAST).is_ok());
    }
}
