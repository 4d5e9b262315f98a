//! What every numeric workflow must do, in each language: results for numbers, failures for anything else, steps that
//! run at the same time.

use anyhow::{Context, Result};
use serde_json::json;
use tasker_protocol::api::{StepState, TaskStatus};

use crate::check::{assert_completed, assert_refused};
use crate::exact::exact;
use crate::expected::{Expected, Numeric, expected_results};
use crate::gate::Gate;
use crate::{
    IntegrationTestManager, WorkerType, create_task_request, create_task_request_of_json,
    get_task_completion_timeout, wait_for_task_completion, wait_for_task_failure,
};

/// A numeric workflow in one language.
#[derive(Clone, Copy, Debug)]
pub struct NumericWorkflow {
    /// The worker that has its handlers.
    pub worker: WorkerType,
    /// The namespace of its template.
    pub namespace: &'static str,
    /// The template's name.
    pub name: &'static str,
    /// Its part of the expected results.
    pub expected: fn(Expected) -> Numeric,
}

impl NumericWorkflow {
    /// A task on this number gives each result that is expected, digit for digit.
    ///
    /// # Errors
    /// When the task does not complete.
    ///
    /// # Panics
    /// When it completes otherwise than expected.
    pub async fn gives_the_expected_results_on(&self, even_number: &str) -> Result<()> {
        let manager = IntegrationTestManager::setup_with_worker(self.worker).await?;
        let client = &manager.orchestration_client;
        let (context, expected) = (self.expected)(expected_results()?).run(even_number)?;

        let request = create_task_request_of_json(self.namespace, self.name, &context);
        let created = client.create_task(request).await?;
        let timeout = get_task_completion_timeout();
        let task = wait_for_task_completion(client, created.task_uuid, timeout).await?;

        assert!(task.is_execution_complete());
        assert_eq!(task.status, TaskStatus::Complete);
        assert_eq!(task.total_steps as usize, expected.len());
        assert_eq!(task.completed_steps as usize, expected.len());
        assert_eq!(task.completion_percentage, 100.0);
        assert_eq!(task.waiting_on, [""; 0]);
        assert_eq!(exact(&task.context)?, exact(&context)?);
        assert_completed(&client.list_task_steps(task.task_uuid).await?, &expected)
    }

    /// Each context without an even number fails the first step for good, and no other step runs.
    ///
    /// # Errors
    /// When a task is not blocked.
    ///
    /// # Panics
    /// When it is blocked otherwise than expected.
    pub async fn refuses_contexts_without_an_even_number(&self) -> Result<()> {
        let manager = IntegrationTestManager::setup_with_worker(self.worker).await?;
        let client = &manager.orchestration_client;
        let all = expected_results()?;
        assert_eq!(all.refused_even_numbers.len(), 6);
        for refused in &all.refused_even_numbers {
            let request = create_task_request_of_json(self.namespace, self.name, &refused.context);
            let created = client.create_task(request).await?;
            let timeout = get_task_completion_timeout();
            let task = wait_for_task_failure(client, created.task_uuid, timeout).await?;
            assert_eq!(task.status, TaskStatus::BlockedByFailures, "{refused:?}");
            assert!(!task.is_execution_complete());
            assert_eq!(
                (task.failed_steps, task.pending_steps),
                (1, task.total_steps - 1)
            );

            let steps = client.list_task_steps(task.task_uuid).await?;
            assert_refused(&steps[0], refused)?;
            for step in &steps[1..] {
                assert_eq!(step.current_state, StepState::Pending, "{}", step.step_name);
                assert_eq!(step.attempts, 0, "{}", step.step_name);
            }
        }
        Ok(())
    }

    /// These steps run at the same time: the handlers of `gated`, a template of `e2e_gates` with this workflow's graph
    /// and handlers behind gates, are all running before any is let go. Then 6 gives what it always gives.
    ///
    /// # Errors
    /// When the steps do not come to run at the same time.
    ///
    /// # Panics
    /// When the task ends otherwise than expected.
    pub async fn runs_at_the_same_time(&self, gated: &str, together: &[&str]) -> Result<()> {
        let manager = IntegrationTestManager::setup_with_worker(self.worker).await?;
        let client = &manager.orchestration_client;
        let gate = Gate::open().await?;
        let context = json!({"even_number": 6, "gate": gate.address()});
        let created = client
            .create_task(create_task_request("e2e_gates", gated, context))
            .await?;
        let timeout = get_task_completion_timeout();

        let held = tokio::time::timeout(timeout, gate.hold_together(together)).await;
        let held = held.with_context(|| format!("{together:?} do not run at the same time"))??;
        for step in client.list_task_steps(created.task_uuid).await? {
            let is_held = together.contains(&step.step_name.as_str());
            let is_running = step.current_state == StepState::InProgress;
            assert_eq!(
                is_running, is_held,
                "{}: {:?}",
                step.step_name, step.current_state
            );
        }
        for step in held {
            step.release().await?;
        }

        let task = gate
            .open_until(wait_for_task_completion(client, created.task_uuid, timeout))
            .await??;
        let (_, expected) = (self.expected)(expected_results()?).run("6")?;
        assert_completed(&client.list_task_steps(task.task_uuid).await?, &expected)
    }
}
