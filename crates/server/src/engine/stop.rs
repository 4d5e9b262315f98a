//! The end of an engine whose process stops: what was begun becomes durable, who waits is told how things stand, and
//! nothing else begins. So it takes no longer than a commit, whoever follows or waits.

use std::mem::take;

use tokio::sync::watch;

use super::Engine;

/// Completes when the process is to stop.
pub(super) async fn said(mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        // Whoever could say so is gone: its end is that of the engine's future.
        std::future::pending().await
    }
}

impl Engine {
    /// Begins the end. What workers say from now on is for the next engine: they keep what is not accepted.
    pub(super) fn stop(&mut self) {
        self.stopping = true;
        // Their streams end, and go on elsewhere.
        self.followers.clear();
        for (task, replies) in take(&mut self.waiters) {
            for reply in replies {
                self.show(task, false, reply);
            }
        }
    }

    /// Whether all that was begun is durable, and everybody is told.
    pub(super) fn is_done(&self) -> bool {
        self.core.is_durable() && self.readings.is_empty() && !self.texts.is_awaited()
    }
}
