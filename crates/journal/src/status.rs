//! Whether the journal can commit, for whoever watches it.

use std::time::SystemTime;

use tokio::sync::watch;

use crate::Text;

/// Whether the journal can commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// As far as is known.
    Connected,
    /// Not now; it goes on trying by itself.
    Disconnected {
        /// The first failure since the last success, by this machine's clock.
        since: SystemTime,
        /// The last failure.
        reason: Text,
    },
    /// See [`Error::Diverged`](crate::Error::Diverged): it waits for [`Journal::rejoin`](crate::Journal::rejoin).
    Diverged {
        /// What differs.
        reason: Text,
    },
    /// See [`Error::Fenced`](crate::Error::Fenced): never again.
    Fenced,
}

/// What the watchers are told by.
pub(crate) struct Report(watch::Sender<Status>);

impl Report {
    pub(crate) fn new(watched: watch::Sender<Status>) -> Self {
        Self(watched)
    }

    /// Says so, unless it is so already.
    pub(crate) fn set(&self, status: Status) {
        self.0.send_if_modified(|present| {
            let changes = *present != status;
            *present = status;
            changes
        });
    }

    /// Says that it cannot commit, since the first failure in a row.
    pub(crate) fn failed(&self, reason: &str) {
        let since = match &*self.0.borrow() {
            Status::Disconnected { since, .. } => *since,
            _ => SystemTime::now(),
        };
        tracing::warn!(reason, "the journal cannot commit; trying again");
        self.set(Status::Disconnected {
            since,
            reason: reason.into(),
        });
    }
}
