//! The control of the stack that runs the system: tests kill, freeze and start its services.

use anyhow::{Context, Result, ensure};
use tokio::sync::{Mutex, MutexGuard};

/// The tests of one program share one stack: who acts on it has it alone.
static ALONE: Mutex<()> = Mutex::const_new(());

/// The stack, and the right to act on it until this is dropped.
#[derive(Debug)]
pub struct Stack {
    http: reqwest::Client,
    url: String,
    _alone: MutexGuard<'static, ()>,
}

impl Stack {
    /// The stack whose control is at `url`, once no other test of this program acts on it.
    pub async fn alone(url: String) -> Self {
        Self {
            http: reqwest::Client::new(),
            url,
            _alone: ALONE.lock().await,
        }
    }

    /// Kills the service (SIGKILL); it is gone on return.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn kill(&self, service: &str) -> Result<()> {
        self.act(service, "kill").await
    }

    /// Asks the service to end, and does not wait until it has.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn term(&self, service: &str) -> Result<()> {
        self.act(service, "term").await
    }

    /// Freezes the service (SIGSTOP).
    ///
    /// # Errors
    /// When it does not run.
    pub async fn stop(&self, service: &str) -> Result<()> {
        self.act(service, "stop").await
    }

    /// Lets a frozen service go on (SIGCONT).
    ///
    /// # Errors
    /// When it does not run.
    pub async fn cont(&self, service: &str) -> Result<()> {
        self.act(service, "cont").await
    }

    /// Starts a service that was killed or asked to end; it is healthy on return.
    ///
    /// # Errors
    /// When it runs, or does not become healthy; then with the end of its log.
    pub async fn start(&self, service: &str) -> Result<()> {
        self.act(service, "start").await
    }

    /// All that the service has logged.
    ///
    /// # Errors
    /// When there is no such service.
    pub async fn log(&self, service: &str) -> Result<String> {
        let url = format!("{}/services/{service}/log", self.url);
        let response = self.http.get(&url).send().await?;
        let status = response.status();
        let text = response.text().await?;
        ensure!(status.is_success(), "{url}: {status}: {text}");
        Ok(text)
    }

    async fn act(&self, service: &str, action: &str) -> Result<()> {
        let url = format!("{}/services/{service}/{action}", self.url);
        let response = self
            .http
            .post(&url)
            .send()
            .await
            .with_context(|| format!("the stack's control does not answer at {url}"))?;
        let status = response.status();
        ensure!(
            status.is_success(),
            "{url}: {status}: {}",
            response.text().await?
        );
        Ok(())
    }
}
