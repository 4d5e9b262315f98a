//! Whether the engine can commit and may answer, and the engine itself once it has recovered.

use std::sync::{Arc, OnceLock};

use tasker_journal::Status;
use tokio::sync::watch;

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

    /// Whether what the engine knows may be told.
    ///
    /// # Errors
    /// Why not.
    pub fn lease(&self) -> Result<(), String> {
        match self.running.get() {
            Some(running) => running.lease.check(),
            None => Ok(()),
        }
    }

    /// The engine, or why it cannot commit or must not answer.
    pub fn engine(&self) -> Result<Arc<Running>, Vec<String>> {
        let Some(running) = self.running.get() else {
            return Err(vec![self.starting.borrow().clone()]);
        };
        match &*running.connection.borrow() {
            Status::Connected => match running.lease.check() {
                Ok(()) => Ok(Arc::clone(running)),
                Err(reason) => Err(vec![reason]),
            },
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
