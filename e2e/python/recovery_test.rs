//! kill -9 of the engine or of the worker while a step runs: the task ends as if nothing had happened.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tasker_e2e::gate::{Gate, Held};
use tasker_e2e::{
    IntegrationTestManager, OrchestrationClient, Step, WorkerType, create_task_request,
    get_task_completion_timeout, wait_for_task_completion,
};
use tasker_protocol::api::{StepState, TaskEvent};
use uuid::Uuid;

const ENGINE: &str = "orchestration";
const WORKER: &str = "python-worker";

/// A task whose steps, the linear workflow's, each wait at a gate.
struct Gated<'a> {
    client: &'a OrchestrationClient,
    gate: Gate,
    task_uuid: Uuid,
    /// Step and attempt of each handler that was started.
    started: Vec<(String, u32)>,
}

impl<'a> Gated<'a> {
    async fn create(client: &'a OrchestrationClient) -> Result<Self> {
        let gate = Gate::open().await?;
        let context = json!({"even_number": 6, "gate": gate.address()});
        let request = create_task_request("e2e_gates", "gated_sequence", context);
        let created = client.create_task(request).await?;
        Ok(Self {
            client,
            gate,
            task_uuid: created.task_uuid,
            started: Vec::new(),
        })
    }

    /// The handler that starts next, which waits.
    async fn next(&mut self) -> Result<Held> {
        let started = tokio::time::timeout(get_task_completion_timeout(), self.gate.started());
        let held = started.await.context("no handler was started")??;
        self.started.push((held.step.clone(), held.attempt));
        Ok(held)
    }

    /// Lets the steps before this one end; its handler waits.
    async fn run_to(&mut self, step: &str) -> Result<Held> {
        loop {
            let held = self.next().await?;
            if held.step == step {
                return Ok(held);
            }
            held.release().await?;
        }
    }

    /// Lets every handler go on until the task is complete; its steps.
    async fn run_to_the_end(&mut self) -> Result<Vec<Step>> {
        let (client, task_uuid) = (self.client, self.task_uuid);
        let end = wait_for_task_completion(client, task_uuid, get_task_completion_timeout());
        tokio::pin!(end);
        loop {
            tokio::select! {
                ended = &mut end => {
                    ended?;
                    return client.list_task_steps(task_uuid).await;
                }
                held = self.next() => held?.release().await?,
            }
        }
    }

    fn attempts_started(&self, step: &str) -> Vec<u32> {
        let of_step = self.started.iter().filter(|(name, _)| name == step);
        of_step.map(|(_, attempt)| *attempt).collect()
    }

    /// How often the step's state became `complete` in the journal.
    async fn completions(&self, step: &str) -> Result<usize> {
        let events = self.client.list_task_events(self.task_uuid).await?;
        let completed = |event: &&TaskEvent| matches!(event, TaskEvent::Step { step_name, state: StepState::Complete, .. } if step_name == step);
        Ok(events.iter().filter(completed).count())
    }
}

async fn assert_linear_results(task: &Gated<'_>, steps: &[Step]) -> Result<()> {
    let results: Vec<_> = steps.iter().map(|step| &step.results["result"]).collect();
    assert_eq!(results, [36, 46, 138, 69]);
    for step in steps {
        assert_eq!(
            step.current_state,
            StepState::Complete,
            "{}",
            step.step_name
        );
        assert_eq!(
            task.completions(&step.step_name).await?,
            1,
            "{}",
            step.step_name
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_step_that_runs_while_the_engine_is_killed_and_started_ends_once() -> Result<()> {
    let manager = IntegrationTestManager::setup_with_worker(WorkerType::Python).await?;
    let stack = manager.stack().await?;
    let mut task = Gated::create(&manager.orchestration_client).await?;

    let held = task.run_to("linear_step_2").await?;
    stack.kill(ENGINE).await?;
    stack.start(ENGINE).await?;
    held.release().await?;

    let steps = task.run_to_the_end().await?;
    assert_linear_results(&task, &steps).await?;
    let started = task.attempts_started("linear_step_2");
    ensure!(matches!(started[..], [1] | [1, 2]), "{started:?}");
    assert_eq!(steps[1].attempts as usize, started.len());
    Ok(())
}

#[tokio::test]
async fn a_step_that_ends_while_there_is_no_engine_is_committed_once() -> Result<()> {
    let manager = IntegrationTestManager::setup_with_worker(WorkerType::Python).await?;
    let stack = manager.stack().await?;
    let mut task = Gated::create(&manager.orchestration_client).await?;

    let held = task.run_to("linear_step_2").await?;
    stack.kill(ENGINE).await?;
    held.release().await?;
    stack.start(ENGINE).await?;

    let steps = task.run_to_the_end().await?;
    assert_linear_results(&task, &steps).await?;
    let started = task.attempts_started("linear_step_2");
    ensure!(matches!(started[..], [1] | [1, 2]), "{started:?}");
    assert_eq!(steps[1].attempts as usize, started.len());
    Ok(())
}

#[tokio::test]
async fn a_step_whose_worker_is_killed_runs_within_two_seconds_of_anothers_start() -> Result<()> {
    let manager = IntegrationTestManager::setup_with_worker(WorkerType::Python).await?;
    let stack = manager.stack().await?;
    let mut task = Gated::create(&manager.orchestration_client).await?;

    let lost = task.run_to("linear_step_3").await?;
    stack.kill(WORKER).await?;
    stack.start(WORKER).await?;
    let started = Instant::now();
    let held = task.run_to("linear_step_3").await?;
    let took = started.elapsed();
    ensure!(
        took < Duration::from_secs(2),
        "started again after {took:?}"
    );
    held.release().await?;
    drop(lost);

    let steps = task.run_to_the_end().await?;
    assert_linear_results(&task, &steps).await?;
    assert_eq!(task.attempts_started("linear_step_3"), [1, 2]);
    let attempts: Vec<_> = steps.iter().map(|step| step.attempts).collect();
    assert_eq!(attempts, [1, 1, 2, 1]);
    Ok(())
}
