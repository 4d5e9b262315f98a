//! What these tests share: steps that wait at a gate, and workers of a test's own.
//!
//! `python-worker` is always up. A test that acts on a worker has one of its own, with so many slots that steps go
//! there first and to `python-worker` when it is gone.

mod at_once;
mod drain;
mod engine;
mod freezes;
mod gil;
mod loss;
mod processes;
mod sharing;

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::json;
use tasker_e2e::gate::{Gate, Held};
use tasker_e2e::stack::Changes;
use tasker_e2e::{
    IntegrationTestManager, OrchestrationClient, Step, WorkerType, create_task_request,
    get_task_completion_timeout, wait_for_task_completion,
};
use tasker_protocol::api::{StepState, TaskEvent};
use tasker_protocol::history::HistoryOutcome;
use uuid::Uuid;

pub const ENGINE: &str = "orchestration";
pub const WORKER: &str = "python-worker";

/// The system, and the gate at which all handlers of this test wait.
pub struct Scene {
    pub manager: IntegrationTestManager,
    pub client: OrchestrationClient,
    pub gate: Gate,
}

impl Scene {
    pub async fn open() -> Result<Self> {
        let manager = IntegrationTestManager::setup_with_worker(WorkerType::Python).await?;
        Ok(Self {
            client: manager.orchestration_client.clone(),
            manager,
            gate: Gate::open().await?,
        })
    }

    pub async fn create(&self, template: &str) -> Result<Uuid> {
        let context = json!({"gate": self.gate.address()});
        let request = create_task_request("e2e_lifecycle", template, context);
        Ok(self.client.create_task(request).await?.task_uuid)
    }

    /// The handler that starts next, which waits.
    pub async fn started(&self) -> Result<Held> {
        let started = tokio::time::timeout(get_task_completion_timeout(), self.gate.started());
        started.await.context("no handler was started")?
    }

    /// As many handlers, which all wait.
    pub async fn started_together(&self, count: usize) -> Result<Vec<Held>> {
        let mut all = Vec::with_capacity(count);
        while all.len() < count {
            let held = self.started().await;
            all.push(held.with_context(|| format!("{} of {count} are running", all.len()))?);
        }
        Ok(all)
    }

    /// The steps of a task once it is complete.
    pub async fn steps_when_complete(&self, task_uuid: Uuid) -> Result<Vec<Step>> {
        let timeout = get_task_completion_timeout();
        wait_for_task_completion(&self.client, task_uuid, timeout).await?;
        self.client.list_task_steps(task_uuid).await
    }

    /// The one step of a task once it is complete.
    pub async fn step_when_complete(&self, task_uuid: Uuid) -> Result<Step> {
        let mut steps = self.steps_when_complete(task_uuid).await?;
        assert_eq!(steps.len(), 1);
        Ok(steps.remove(0))
    }

    /// Attempt, worker and outcome of each entry of the step's history.
    pub async fn outcomes(&self, step: &Step) -> Result<Vec<(u32, String, HistoryOutcome)>> {
        let history = self.client.history(step).await?;
        let entries = history.into_iter().map(|entry| {
            let worker = entry.worker_id.context("a worker")?;
            Ok((entry.attempt, worker, entry.outcome.context("an outcome")?))
        });
        entries.collect()
    }

    /// The moves of a step of an ended task, in order: its state, attempt and worker after each.
    pub async fn moves(&self, task_uuid: Uuid, step: &str) -> Result<Vec<Move>> {
        let events = self.client.list_task_events(task_uuid).await?;
        let moves = events.into_iter().filter_map(|event| match event {
            TaskEvent::Step {
                step_name,
                state,
                attempt,
                worker_id,
                ..
            } if step_name == step => Some((state, attempt, worker_id.unwrap_or_default())),
            _ => None,
        });
        Ok(moves.collect())
    }
}

/// A state, an attempt and its worker.
pub type Move = (StepState, u32, String);

/// The moves of a step whose attempts, all but the last lost, ran on these workers.
pub fn moves_of_attempts(workers: &[&str]) -> Vec<Move> {
    let mut moves = vec![(StepState::Enqueued, 0, String::new())];
    for (attempt, worker) in (1..).zip(workers) {
        if attempt > 1 {
            let lost = workers[attempt as usize - 2].to_owned();
            moves.push((StepState::Enqueued, attempt - 1, lost));
        }
        moves.push((StepState::InProgress, attempt, (*worker).to_owned()));
    }
    let last = workers.last().map_or("", |worker| worker).to_owned();
    moves.push((StepState::Complete, workers.len() as u32, last));
    moves
}

/// A worker that steps go to first.
pub fn preferred<'a>() -> Changes<'a> {
    Changes {
        environment: BTreeMap::new(),
        arguments: vec!["--slots", "256"],
    }
}
