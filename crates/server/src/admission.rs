//! What the engine takes at once: calls that wait for it, steps of open tasks, and bytes that are not durable yet. Beyond
//! that a call is refused, and a worker is not read from, before memory grows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::api::error::ApiError;
use crate::command::Command;

/// Commands that wait for the engine at the most: a call that comes then is refused, a worker's message waits.
const QUEUE: usize = 65_536;

/// Bytes of calls' bodies, and as many of workers' frames, that may be in memory before what they say is durable.
const UNDURABLE: usize = 128 << 20;

/// What a creation, or a frame, takes of them at the least: its fields and what the engine keeps of it.
const LEAST: usize = 4096;

/// A part of a limit, had until it is dropped.
pub type Share = OwnedSemaphorePermit;

/// Bytes that may be in memory at once.
#[derive(Clone)]
pub struct Bytes(Arc<Semaphore>);

impl Bytes {
    /// The bytes of calls, or of frames.
    pub fn undurable() -> Bytes {
        Bytes::limited(UNDURABLE)
    }

    fn limited(bytes: usize) -> Bytes {
        Bytes(Arc::new(Semaphore::new(bytes)))
    }

    /// A share for one call or frame; [`Bytes::cover`] makes it as large as that turns out to be.
    ///
    /// # Errors
    /// Others have it all.
    pub fn share(&self) -> Result<Share, ApiError> {
        self.take(LEAST)
    }

    /// Adds what a body is longer than its share.
    ///
    /// # Errors
    /// Others have it all.
    pub fn cover(&self, share: &mut Share, bytes: usize) -> Result<(), ApiError> {
        let missing = bytes.saturating_sub(share.num_permits());
        if missing > 0 {
            share.merge(self.take(missing.max(LEAST))?);
        }
        Ok(())
    }

    /// Makes a call's share one for so many creations.
    ///
    /// # Errors
    /// Others have it all.
    pub fn cover_tasks(&self, share: &mut Share, tasks: usize) -> Result<(), ApiError> {
        self.cover(share, tasks * LEAST)
    }

    fn take(&self, bytes: usize) -> Result<Share, ApiError> {
        Arc::clone(&self.0)
            .try_acquire_many_owned(permits(bytes))
            .map_err(|_| ApiError::overloaded("too many requests whose effect is not durable yet"))
    }

    /// A share for a frame of so many bytes, once others have given back enough.
    pub async fn wait(&self, bytes: usize) -> Option<Arc<Share>> {
        let share = Arc::clone(&self.0).acquire_many_owned(permits(bytes.max(LEAST)));
        // It is never closed.
        share.await.ok().map(Arc::new)
    }
}

/// Bodies and frames are far below what a u32 holds.
fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// The way to the engine.
#[derive(Clone)]
pub struct Admission {
    commands: mpsc::Sender<Command>,
    frames: Bytes,
    open_steps: Arc<AtomicUsize>,
    max_open_steps: usize,
}

/// The engine's end of the way to it.
pub struct Intake {
    /// What it is asked.
    pub commands: mpsc::Receiver<Command>,
    /// The steps of the tasks in its memory, as it says itself.
    pub open_steps: Arc<AtomicUsize>,
}

impl Admission {
    /// The way to an engine that is to have no more than so many steps in memory.
    pub fn new(max_open_steps: usize) -> (Admission, Intake) {
        Admission::limited(QUEUE, max_open_steps)
    }

    fn limited(queue: usize, max_open_steps: usize) -> (Admission, Intake) {
        let (sender, commands) = mpsc::channel(queue);
        let open_steps = Arc::default();
        let admission = Admission {
            commands: sender,
            frames: Bytes::undurable(),
            open_steps: Arc::clone(&open_steps),
            max_open_steps,
        };
        let intake = Intake {
            commands,
            open_steps,
        };
        (admission, intake)
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

    /// Hands the engine a call's command that creates tasks.
    ///
    /// # Errors
    /// Too many calls wait for it already, or the tasks that it has have too many steps. Those that are on the way to it
    /// are not counted: their bytes are limited.
    pub fn create(&self, command: Command) -> Result<(), ApiError> {
        if self.open_steps.load(Ordering::Relaxed) >= self.max_open_steps {
            return Err(ApiError::overloaded(&format!(
                "{} steps of open tasks or more, its limit (TASKER_MAX_OPEN_STEPS)",
                self.max_open_steps
            )));
        }
        self.call(command)
    }

    /// Hands the engine a command that may wait until it takes it. Whether it ever will: not when it has ended.
    pub async fn wait(&self, command: Command) -> bool {
        self.commands.send(command).await.is_ok()
    }

    /// The bytes of workers' frames.
    pub fn frames(&self) -> &Bytes {
        &self.frames
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{StatusCode, header};
    use axum::response::IntoResponse;
    use futures_util::FutureExt;
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
        let (admission, mut intake) = Admission::limited(1, 1);
        assert!(admission.call(call()).is_ok());
        assert_overloaded(admission.call(call()).expect_err("the queue is full"));
        assert!(intake.commands.recv().await.is_some());
        assert!(admission.call(call()).is_ok());
    }

    #[test]
    fn creations_are_refused_while_open_tasks_have_too_many_steps_and_other_calls_are_not() {
        let (admission, intake) = Admission::limited(9, 3);
        intake.open_steps.store(2, Ordering::Relaxed);
        assert!(admission.create(call()).is_ok());
        intake.open_steps.store(3, Ordering::Relaxed);
        assert_overloaded(admission.create(call()).expect_err("as many as it takes"));
        assert!(admission.call(call()).is_ok());
        intake.open_steps.store(2, Ordering::Relaxed);
        assert!(admission.create(call()).is_ok());
    }

    #[test]
    fn calls_have_their_share_of_memory_until_they_are_durable() {
        let bytes = Bytes::limited(4 * LEAST);
        let mut share = bytes.share().expect("it fits");
        assert!(bytes.cover(&mut share, LEAST).is_ok());
        assert!(bytes.cover_tasks(&mut share, 3).is_ok());
        assert_eq!(share.num_permits(), 3 * LEAST);
        let small = bytes.share().expect("it fits");
        assert_overloaded(bytes.share().expect_err("nothing is left"));
        assert_overloaded(bytes.cover_tasks(&mut share, 4).expect_err("nor for it"));
        drop(small);
        assert!(bytes.cover_tasks(&mut share, 4).is_ok());
    }

    #[test]
    fn a_frame_waits_for_its_share() {
        let bytes = Bytes::limited(2 * LEAST);
        let first = bytes.wait(LEAST + 1).now_or_never().flatten();
        assert!(first.is_some());
        assert!(bytes.wait(1).now_or_never().is_none());
        drop(first);
        assert!(bytes.wait(2 * LEAST).now_or_never().is_some());
    }
}
