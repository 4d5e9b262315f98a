//! The control of the stack that runs the system: tests kill, freeze and start its services.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};

use crate::settings::Settings;

/// How a service is started otherwise than the compose file says, this time.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Changes<'a> {
    /// Variables of its environment.
    pub environment: BTreeMap<&'a str, &'a str>,
    /// Arguments for its program.
    pub arguments: Vec<&'a str>,
}

/// The tests of one program share one stack: who acts on it has it alone.
static ALONE: Mutex<()> = Mutex::const_new(());

/// The stack, and the right to act on it until this is dropped.
///
/// Services have the compose file's names. `python-worker-2` to `-9` are further processes of `python-worker`, and so of
/// `orchestration`, which run from their first start on.
#[derive(Debug)]
pub struct Stack {
    http: reqwest::Client,
    url: String,
    _alone: MutexGuard<'static, ()>,
}

impl Stack {
    /// The stack that runs the system, once no other test of this program acts on it.
    ///
    /// # Errors
    /// When no stack does.
    pub async fn alone(settings: &Settings) -> Result<Self> {
        let url = settings.stack_url.clone().context(
            "this test kills and starts services, so it needs the control of a stack: TASKER_TEST_STACK_URL is not \
             set. Run it by its Bazel target, which starts a stack of its own",
        )?;
        Ok(Self {
            http: reqwest::Client::new(),
            url,
            _alone: ALONE.lock().await,
        })
    }

    /// Kills the service (SIGKILL); it is gone on return.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn kill(&self, service: &str) -> Result<()> {
        self.act(service, "kill", &Changes::default()).await
    }

    /// Asks the service to end, and does not wait until it has.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn term(&self, service: &str) -> Result<()> {
        self.act(service, "term", &Changes::default()).await
    }

    /// Waits until a service that is to end, asked to or by itself, has ended; its exit status, negative when a signal ended it.
    ///
    /// # Errors
    /// When it was never started, or takes longer than 10 s.
    pub async fn ended(&self, service: &str) -> Result<i64> {
        let answer = self.call(service, "wait", &Changes::default()).await?;
        answer["status"].as_i64().context("an exit status")
    }

    /// Freezes the service (SIGSTOP).
    ///
    /// # Errors
    /// When it does not run.
    pub async fn stop(&self, service: &str) -> Result<()> {
        self.act(service, "stop", &Changes::default()).await
    }

    /// Lets a frozen service go on (SIGCONT).
    ///
    /// # Errors
    /// When it does not run.
    pub async fn cont(&self, service: &str) -> Result<()> {
        self.act(service, "cont", &Changes::default()).await
    }

    /// Starts a service that does not run; it is healthy on return.
    ///
    /// # Errors
    /// When it runs, or does not become healthy; then with the end of its log.
    pub async fn start(&self, service: &str) -> Result<()> {
        self.start_with(service, &Changes::default()).await
    }

    /// Starts a service that does not run, with these changes; it is healthy on return.
    ///
    /// # Errors
    /// When it runs, or does not become healthy; then with the end of its log.
    pub async fn start_with(&self, service: &str, changes: &Changes<'_>) -> Result<()> {
        self.act(service, "start", changes).await
    }

    /// Starts a service that does not run, with these changes, whether or not it becomes healthy; the URL at which it
    /// is reached.
    ///
    /// # Errors
    /// When it runs, or publishes no port.
    pub async fn launch(&self, service: &str, changes: &Changes<'_>) -> Result<String> {
        let answer = self.call(service, "launch", changes).await?;
        let port = answer["port"].as_u64().context("a published port")?;
        Ok(format!("http://127.0.0.1:{port}"))
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

    async fn act(&self, service: &str, action: &str, changes: &Changes<'_>) -> Result<()> {
        self.call(service, action, changes).await.map(|_| ())
    }

    async fn call(&self, service: &str, action: &str, changes: &Changes<'_>) -> Result<Value> {
        let url = format!("{}/services/{service}/{action}", self.url);
        let response = self
            .http
            .post(&url)
            .body(serde_json::to_string(changes)?)
            .send()
            .await
            .with_context(|| format!("the stack's control does not answer at {url}"))?;
        let status = response.status();
        let text = response.text().await?;
        ensure!(status.is_success(), "{url}: {status}: {text}");
        Ok(serde_json::from_str(&text)?)
    }
}
