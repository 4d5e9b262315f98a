//! Where an end-to-end test begins: clients of the system, once it is healthy.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tasker_protocol::api::Health;
use tokio::time::{self, MissedTickBehavior};

use crate::orchestration::OrchestrationClient;
use crate::settings::Settings;
use crate::stack::Stack;

const BETWEEN_CHECKS: Duration = Duration::from_millis(50);

/// Which language's worker a test is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerType {
    /// The Rust worker, published at 8081.
    Rust,
    /// The Ruby worker, published at 8082.
    Ruby,
    /// The Python worker, published at 8083.
    Python,
}

impl WorkerType {
    fn default_url(self) -> &'static str {
        match self {
            Self::Rust => "http://localhost:8081",
            Self::Ruby => "http://localhost:8082",
            Self::Python => "http://localhost:8083",
        }
    }
}

/// The system under test.
#[derive(Debug)]
pub struct IntegrationTestManager {
    /// The engine's API.
    pub orchestration_client: OrchestrationClient,
    /// The worker's health page.
    pub worker_url: String,
    settings: Settings,
}

impl IntegrationTestManager {
    /// Finds the system by the `TASKER_TEST_` variables and waits until engine and worker are healthy.
    ///
    /// # Errors
    /// When one of them is not healthy in time.
    pub async fn setup_with_worker(worker: WorkerType) -> Result<Self> {
        let settings = Settings::read()?;
        let orchestration_client =
            OrchestrationClient::new(&settings.orchestration_url, settings.token.clone())?;
        let worker_url = settings
            .worker_url
            .clone()
            .unwrap_or_else(|| worker.default_url().to_owned());
        if !settings.skip_health_check {
            for url in [&settings.orchestration_url, &worker_url] {
                wait_until_healthy(url, settings.health_timeout).await?;
            }
        }
        Ok(Self {
            orchestration_client,
            worker_url,
            settings,
        })
    }

    /// The control of the system's services, which no other test of this program has at the same time.
    ///
    /// # Errors
    /// When the system is not run by a stack.
    pub async fn stack(&self) -> Result<Stack> {
        Stack::alone(&self.settings).await
    }
}

/// The health page at this URL, with its HTTP status, once it says what the test waits for.
///
/// # Errors
/// When it does not within a minute, or something else answers.
pub async fn health_once(url: &str, said: impl Fn(&Health) -> bool) -> Result<(u16, Health)> {
    let http = reqwest::Client::new();
    let url = format!("{}/health", url.trim_end_matches('/'));
    let answered = async {
        let mut ticks = time::interval(BETWEEN_CHECKS);
        loop {
            ticks.tick().await;
            if let Ok(response) = http.get(&url).send().await {
                let status = response.status().as_u16();
                let health = response.json().await?;
                if said(&health) {
                    return Ok((status, health));
                }
            }
        }
    };
    let in_time = time::timeout(Duration::from_secs(60), answered).await;
    in_time.with_context(|| format!("{url} does not say what the test waits for"))?
}

async fn wait_until_healthy(url: &str, timeout: Duration) -> Result<()> {
    let http = reqwest::Client::new();
    let url = format!("{}/health", url.trim_end_matches('/'));
    let mut last = None;
    let healthy = async {
        let mut ticks = time::interval(BETWEEN_CHECKS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match check(&http, &url).await {
                Ok(()) => return,
                Err(error) => last = Some(error),
            }
        }
    };
    if time::timeout(timeout, healthy).await.is_ok() {
        return Ok(());
    }
    let reason = last.map_or_else(|| "no answer".to_owned(), |error| format!("{error:#}"));
    anyhow::bail!("{url} is not healthy after {timeout:?}: {reason}")
}

async fn check(http: &reqwest::Client, url: &str) -> Result<()> {
    let response = http.get(url).send().await?;
    let status = response.status();
    ensure!(status.is_success(), "{status}: {}", response.text().await?);
    Ok(())
}
