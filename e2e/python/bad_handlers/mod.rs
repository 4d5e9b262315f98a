//! What these tests share: a worker that must go on as the same process, and the failures of its steps.

mod deployments;
mod endings;
mod errors;
mod imports;
mod results;
mod time_limits;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tasker_e2e::{
    IntegrationTestManager, OrchestrationClient, Step, WorkerType, create_task_request,
    get_task_completion_timeout, wait_for_task_completion, wait_for_task_failure,
};
use tasker_protocol::api::StepState;
use tasker_protocol::frame::Failure;
use uuid::Uuid;

pub const NAMESPACE: &str = "e2e_bad";
pub const WORKER: &str = "python-worker";

/// Both kinds of handlers do all deeds alike.
pub const KINDS: [&str; 2] = ["bad", "bad_async"];

pub struct Scene {
    pub manager: IntegrationTestManager,
    pub client: OrchestrationClient,
}

impl Scene {
    pub async fn open() -> Result<Self> {
        let manager = IntegrationTestManager::setup_with_worker(WorkerType::Python).await?;
        Ok(Self {
            client: manager.orchestration_client.clone(),
            manager,
        })
    }

    pub async fn create(&self, template: &str, context: Value) -> Result<Uuid> {
        let request = create_task_request(NAMESPACE, template, context);
        Ok(self.client.create_task(request).await?.task_uuid)
    }

    /// The one step of a task once it has failed, and why.
    pub async fn failed(&self, task_uuid: Uuid) -> Result<(Step, Failure)> {
        let timeout = get_task_completion_timeout();
        wait_for_task_failure(&self.client, task_uuid, timeout).await?;
        let step = self.client.list_task_steps(task_uuid).await?.remove(0);
        assert_eq!(step.current_state, StepState::Error);
        assert_eq!(step.results_json.get(), "null");
        let error = step.error.clone().context("an error")?;
        Ok((step, error))
    }

    /// Why the step of this deed failed, after one attempt if for good.
    pub async fn failure_of(&self, template: &str, deed: &str) -> Result<Failure> {
        let task_uuid = self.create(template, json!({"deed": deed})).await?;
        let (step, error) = self
            .failed(task_uuid)
            .await
            .with_context(|| deed.to_owned())?;
        let attempts = if error.retryable { 2 } else { 1 };
        assert_eq!(step.attempts, attempts, "{deed}: {error:?}");
        assert_eq!(error.error_code, None, "{deed}");
        Ok(error)
    }

    /// The one step of this deed, which succeeded at once.
    pub async fn success_of(&self, template: &str, deed: &str) -> Result<Step> {
        let task_uuid = self.create(template, json!({"deed": deed})).await?;
        let timeout = get_task_completion_timeout();
        wait_for_task_completion(&self.client, task_uuid, timeout).await?;
        let step = self.client.list_task_steps(task_uuid).await?.remove(0);
        assert_eq!(step.attempts, 1, "{deed}");
        Ok(step)
    }

    /// The process of the worker, found by running good handlers of both kinds.
    pub async fn process(&self) -> Result<Value> {
        let on_thread = self.success_of("bad", "good").await?.results;
        let on_loop = self.success_of("bad_async", "good").await?.results;
        assert_eq!(on_thread["process"], on_loop["process"]);
        Ok(on_thread["process"].clone())
    }
}
