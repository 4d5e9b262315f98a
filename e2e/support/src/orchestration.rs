//! The engine's API as tests use it: tasks and steps with their results parsed, and with their text.

use std::ops::Deref;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use serde_json::value::RawValue;
use tasker_client::{Client, Error};
use tasker_protocol::api::{self, CreateTask, ExecutionStatus, TaskEvent};
use tasker_protocol::history::HistoryEntry;
use uuid::Uuid;

use crate::events::Events;

/// A request for a task of the template's highest version.
///
/// # Panics
/// When `context` cannot be JSON text, which no [`Value`] does.
pub fn create_task_request(namespace: &str, name: &str, context: Value) -> CreateTask {
    let text = RawValue::from_string(context.to_string()).expect("a Value's text is JSON");
    create_task_request_of_json(namespace, name, &text)
}

/// The same with a context whose text counts, digit for digit.
pub fn create_task_request_of_json(namespace: &str, name: &str, context: &RawValue) -> CreateTask {
    CreateTask {
        name: name.to_owned(),
        namespace: namespace.to_owned(),
        version: None,
        context: context.to_owned().into(),
        initiator: Some("e2e".to_owned()),
        source_system: None,
        reason: None,
        tags: Vec::new(),
        priority: 0,
        correlation_id: None,
        parent_correlation_id: None,
        idempotency_key: None,
    }
}

/// A task, with all fields of the API.
#[derive(Clone, Debug)]
pub struct Task(api::Task);

impl Task {
    /// Whether every step is done.
    pub fn is_execution_complete(&self) -> bool {
        self.execution_status == ExecutionStatus::AllComplete
    }
}

impl Deref for Task {
    type Target = api::Task;

    fn deref(&self) -> &api::Task {
        &self.0
    }
}

/// A step, with all fields of the API; `results` and `metadata` are parsed.
#[derive(Clone, Debug)]
pub struct Step {
    step: api::Step,
    /// What the handler returned; large numbers lose digits here.
    pub results: Value,
    /// What the handler returned, digit for digit.
    pub results_json: Box<RawValue>,
    /// What the handler added.
    pub metadata: Value,
    /// What the handler added, digit for digit.
    pub metadata_json: Box<RawValue>,
}

impl Deref for Step {
    type Target = api::Step;

    fn deref(&self) -> &api::Step {
        &self.step
    }
}

/// The engine's API.
#[derive(Clone, Debug)]
pub struct OrchestrationClient {
    client: Client,
    url: String,
    token: Option<String>,
}

impl OrchestrationClient {
    pub(crate) fn new(url: &str, token: Option<String>) -> Result<Self> {
        Ok(Self {
            client: Client::new(url, token.clone())?,
            url: url.trim_end_matches('/').to_owned(),
            token,
        })
    }

    /// Creates a task and does not wait for it.
    ///
    /// # Errors
    /// The client's own, so that a test can look at the refusal.
    pub async fn create_task(&self, request: CreateTask) -> Result<Task, Error> {
        self.client.create_task(&request, None).await.map(Task)
    }

    /// Reads a task as it is now.
    ///
    /// # Errors
    /// The client's own.
    pub async fn get_task(&self, task_uuid: Uuid) -> Result<Task, Error> {
        self.client.get_task(task_uuid, None).await.map(Task)
    }

    /// Reads a task when it has ended or is blocked, or after this time as it then is.
    ///
    /// # Errors
    /// The client's own.
    pub async fn wait_for_task(&self, task_uuid: Uuid, wait: Duration) -> Result<Task, Error> {
        self.client.get_task(task_uuid, Some(wait)).await.map(Task)
    }

    /// Reads all steps of a task in creation order.
    ///
    /// # Errors
    /// The client's, or when results are JSON that [`Value`] cannot hold.
    pub async fn list_task_steps(&self, task_uuid: Uuid) -> Result<Vec<Step>> {
        let steps = self.client.list_task_steps(task_uuid).await?;
        steps.into_iter().map(parsed).collect()
    }

    /// Reads all steps of a task in creation order, with results that [`Value`] need not be able to hold.
    ///
    /// # Errors
    /// The client's own.
    pub async fn list_raw_steps(&self, task_uuid: Uuid) -> Result<Vec<api::Step>, Error> {
        self.client.list_task_steps(task_uuid).await
    }

    /// Reads what happened to a step: its attempts, each with what its handler logged, and outcomes that came late.
    ///
    /// # Errors
    /// The client's own, or when the engine shows none.
    pub async fn history(&self, step: &api::Step) -> Result<Vec<HistoryEntry>> {
        let read = self
            .client
            .get_task_step(step.task_uuid, step.step_uuid, true);
        read.await?.history.context("a single step has a history")
    }

    /// Follows a task's state changes from its creation on.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn follow(&self, task_uuid: Uuid) -> Result<Events> {
        let url = format!("{}/v1/tasks/{task_uuid}/events", self.url);
        let mut request = reqwest::Client::new().get(&url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await?;
        let status = response.status();
        ensure!(
            status.is_success(),
            "{url}: {status}: {}",
            response.text().await?
        );
        Ok(Events::new(response))
    }

    /// Reads every state change of a task until it has ended or is blocked, in their order.
    ///
    /// # Errors
    /// When the engine refuses, or sends what is no event.
    pub async fn list_task_events(&self, task_uuid: Uuid) -> Result<Vec<TaskEvent>> {
        self.follow(task_uuid).await?.until_nothing_happens().await
    }
}

fn parsed(step: api::Step) -> Result<Step> {
    let value = |what: &str, json: &RawValue| {
        serde_json::from_str(json.get())
            .with_context(|| format!("{what} of {}: {json}", step.step_name))
    };
    Ok(Step {
        results: value("results", &step.results)?,
        metadata: value("metadata", &step.metadata)?,
        results_json: step.results.deref().to_owned(),
        metadata_json: step.metadata.deref().to_owned(),
        step,
    })
}
