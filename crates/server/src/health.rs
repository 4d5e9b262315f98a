//! Whether the engine can commit and may answer, and the engine itself while it has recovered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tasker_journal::Status;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::running::Running;

/// Shared by the service, which knows, and the API, which asks.
pub struct Health {
    /// The engine, or why there is none.
    engine: watch::Sender<Result<Arc<Running>, String>>,
    stopping: AtomicBool,
}

impl Health {
    /// Of an engine that is starting.
    pub fn starting() -> Health {
        let starting = Err("the engine is starting".to_owned());
        Health {
            engine: watch::Sender::new(starting),
            stopping: AtomicBool::new(false),
        }
    }

    /// Says why the engine has not started yet, or not again.
    pub fn not_yet(&self, reason: String) {
        drop(self.engine.send_replace(Err(reason)));
    }

    /// The engine has recovered.
    pub fn recovered(&self, running: Arc<Running>) {
        drop(self.engine.send_replace(Ok(running)));
    }

    /// The process stops: no call begins any more.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether what the engine knows may be told.
    ///
    /// # Errors
    /// Why not.
    pub fn lease(&self) -> Result<(), String> {
        match &*self.engine.borrow() {
            Ok(running) => running.lease.check(),
            Err(_) => Ok(()),
        }
    }

    /// Completes when the engine has not been able to commit for so long.
    pub async fn stuck(&self, patience: Duration) {
        let running = self.engine.borrow().clone();
        let Ok(running) = running else {
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

    /// The engine, or why it cannot commit or must not answer.
    pub fn engine(&self) -> Result<Arc<Running>, Vec<String>> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(vec!["the engine is stopping".to_owned()]);
        }
        let running = self.engine.borrow().clone();
        let running = running.map_err(|reason| vec![reason])?;
        let status = running.connection.borrow().clone();
        match status {
            Status::Connected => match running.lease.check() {
                Ok(()) => Ok(running),
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
