//! Tasks: one at a time, and thousands at a time.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::value::RawValue;
use tasker_client::Client;
use tasker_protocol::Json;
use tasker_protocol::api::{CreateTask, CreateTasks, Task, TaskStatus};
use uuid::Uuid;

use crate::postgres::Postgres;
use crate::system::Language;

/// How long a task may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Tasks in flight are created and awaited in so many groups.
const LANES: usize = 10;

/// A creation of a task of the benchmark's.
pub fn creation(language: Language, template: &str, context: &str) -> Result<CreateTask> {
    let context: Json = RawValue::from_string(context.to_owned())?.into();
    Ok(CreateTask {
        name: template.to_owned(),
        namespace: language.namespace().to_owned(),
        version: None,
        context,
        initiator: None,
        source_system: None,
        reason: None,
        tags: Vec::new(),
        priority: 0,
        correlation_id: None,
        parent_correlation_id: None,
        idempotency_key: None,
    })
}

/// Runs one task; the time from the request to the answer that it is complete.
pub async fn one(client: &Client, creation: &CreateTask) -> Result<Duration> {
    let started = Instant::now();
    let task = client.create_task(creation, Some(PATIENCE)).await?;
    let took = started.elapsed();
    complete(&task)?;
    Ok(took)
}

/// Waits until a task is complete.
pub async fn finish(client: &Client, task: Uuid) -> Result<()> {
    complete(&client.get_task(task, Some(PATIENCE)).await?)
}

fn complete(task: &Task) -> Result<()> {
    ensure!(
        task.status == TaskStatus::Complete,
        "task {} is {:?}: {:?}",
        task.task_uuid,
        task.status,
        task.waiting_on
    );
    Ok(())
}

/// Creates so many tasks in one commit.
pub async fn create(client: &Client, creation: &CreateTask, count: usize) -> Result<Vec<Uuid>> {
    let tasks = vec![creation.clone(); count];
    let created = client.create_tasks(&CreateTasks { tasks }).await?;
    let uuid = |created: tasker_protocol::api::CreatedTask| {
        let task = created.task.context("a task that was not created")?;
        Ok(task.task_uuid)
    };
    created.results.into_iter().map(uuid).collect()
}

/// What a load has done.
pub struct Done {
    pub tasks: usize,
    pub took: Duration,
}

/// Runs so many tasks through the engine, with no more than `in_flight` at a time.
pub async fn through(
    client: &Client,
    postgres: &Postgres,
    creation: &CreateTask,
    in_flight: usize,
    count: usize,
) -> Result<()> {
    let lane = || async {
        let mut left = count.div_ceil(LANES);
        while left > 0 {
            let tasks = create(client, creation, left.min(in_flight.div_ceil(LANES))).await?;
            left -= tasks.len();
            finish(client, tasks[tasks.len() - 1]).await?;
            postgres.complete(&tasks).await?;
        }
        anyhow::Ok(())
    };
    try_join_all((0..LANES).map(|_| lane())).await?;
    Ok(())
}

/// Keeps tasks in flight for some time, then lets all of them end; every one is found complete in the journal.
///
/// A lane creates its tasks in one call and waits for the last of them, with which the others are done or nearly so:
/// among equals the older goes first. So nothing is asked for each task while the time runs.
pub async fn run(
    client: &Client,
    postgres: &Postgres,
    creation: &CreateTask,
    in_flight: usize,
    time: Duration,
) -> Result<Done> {
    let started = Instant::now();
    let lane = || async {
        let mut all = Vec::new();
        while started.elapsed() < time {
            let tasks = create(client, creation, in_flight.div_ceil(LANES)).await?;
            let last = tasks.last().copied().context("a task")?;
            all.extend(tasks);
            finish(client, last).await?;
        }
        anyhow::Ok(all)
    };
    let tasks = try_join_all((0..LANES).map(|_| lane())).await?.concat();
    let ended = started.elapsed();
    let asked = Instant::now();
    postgres.complete(&tasks).await?;
    // The question itself takes as long as it does when there is nothing to wait for.
    let again = Instant::now();
    postgres.complete(&tasks).await?;
    let question = again.elapsed();
    let stragglers = (again - asked).saturating_sub(question);
    Ok(Done {
        tasks: tasks.len(),
        took: ended + stragglers,
    })
}
