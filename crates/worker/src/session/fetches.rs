//! What handlers have asked the engine for and not yet got: asked once in each session.

use tasker_protocol::frame::{AttemptRef, Fetch};

/// In the order in which they came. A handler waits for each, so there are few.
#[derive(Debug, Default)]
pub(super) struct Fetches(Vec<Fetch>);

impl Fetches {
    /// Adds one; false when the same is waited for already.
    pub(super) fn add(&mut self, fetch: &Fetch) -> bool {
        let new = !self.0.contains(fetch);
        if new {
            self.0.push(fetch.clone());
        }
        new
    }

    /// Forgets one that is answered; false when nobody waits for it.
    pub(super) fn answered(&mut self, fetch: &Fetch) -> bool {
        let before = self.0.len();
        self.0.retain(|waiting| waiting != fetch);
        self.0.len() < before
    }

    /// Takes out those of an attempt that has ended.
    pub(super) fn end(&mut self, attempt: &AttemptRef) -> Vec<Fetch> {
        let ended = self
            .0
            .extract_if(.., |fetch| fetch.attempt_ref() == *attempt);
        ended.collect()
    }

    /// All of them, to be asked again.
    pub(super) fn all(&self) -> Vec<Fetch> {
        self.0.clone()
    }
}
