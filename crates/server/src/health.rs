//! Whether the engine can commit, and the engine itself once it has recovered.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tasker_journal::Status;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::service::Running;

/// Shared by the service, which knows, and the API, which asks.
pub struct Health {
    running: OnceLock<Arc<Running>>,
    starting: watch::Sender<String>,
}

impl Health {
    /// Of an engine that is starting.
    pub fn starting() -> Health {
        Health {
            running: OnceLock::new(),
            starting: watch::Sender::new("the engine is starting".to_owned()),
        }
    }

    /// Says why the engine has not started yet.
    pub fn not_yet(&self, reason: String) {
        self.starting.send_replace(reason);
    }

    /// The engine has recovered.
    pub fn recovered(&self, running: Arc<Running>) {
        // It recovers once.
        let _ = self.running.set(running);
    }

    /// Completes when the engine has not been able to commit for so long.
    pub async fn stuck(&self, patience: Duration) {
        let Some(running) = self.running.get() else {
            // It refuses whatever it is asked.
            return std::future::pending().await;
        };
        let mut status = running.connection.clone();
        loop {
            // An error means that the journal is closed: then the process ends.
            let _ = status.wait_for(|status| *status != Status::Connected).await;
            let mends = status.wait_for(|status| *status == Status::Connected);
            if timeout(patience, mends).await.is_err() {
                return;
            }
        }
    }

    /// The engine, or why it cannot commit.
    pub fn engine(&self) -> Result<Arc<Running>, Vec<String>> {
        let Some(running) = self.running.get() else {
            return Err(vec![self.starting.borrow().clone()]);
        };
        match &*running.connection.borrow() {
            Status::Connected => Ok(Arc::clone(running)),
            Status::Disconnected { reason, .. } => {
                Err(vec![format!("PostgreSQL is not reachable: {reason}")])
            }
            Status::Diverged { reason } => Err(vec![format!(
                "the database has another history than was written to it: {reason}"
            )]),
            Status::Fenced => Err(vec![
                "another process has taken this engine over".to_owned(),
            ]),
        }
    }
}
