//! A worker that is given two engines: when the one that has the tasks is killed, or cut off from PostgreSQL, the worker
//! goes to the one that takes over, with all that it holds.

mod wire;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use serde_json::value::RawValue;
use tasker_e2e::settings::Settings;
use tasker_e2e::stack::{Changes, Stack};
use tasker_protocol::frame::{AttemptRef, Dispatch, Outcome};
use tasker_worker::{Message, Next, Options, Worker};
use tempfile::TempDir;
use wire::Wire;
use wire::network::Network;

const FIRST: &str = "orchestration";
const SECOND: &str = "orchestration-2";

/// The lease's six seconds, and two for the rest.
const AFTER_A_KILL: Duration = Duration::from_secs(8);

/// Before this no engine may take over: the lease was renewed two seconds ago at the most.
const LEASE_LEFT: Duration = Duration::from_secs(3);

const AFTER_A_CUT: Duration = Duration::from_secs(15);

const PATIENCE: Duration = Duration::from_secs(30);

/// The worker library itself, whose handlers are the test.
struct Played {
    worker: Worker,
    /// Every attempt that it was given.
    given: BTreeSet<AttemptRef>,
    _templates: TempDir,
}

impl Played {
    /// A worker of two engines, for a template of this name and two steps, one after the other.
    fn start(name: &str, engines: [&Wire; 2]) -> Result<Played> {
        let templates = tempfile::tempdir()?;
        let step = |step: &str, parents: &[&str]| {
            let handler = json!({"callable": format!("{name}.Call")});
            json!({"name": step, "dependencies": parents, "handler": handler})
        };
        let template = json!({
            "name": name, "namespace_name": name, "version": "1.0.0",
            "steps": [step("first", &[]), step("then", &["first"])],
        });
        let file = templates.path().join("template.yaml");
        std::fs::write(&file, template.to_string())?;
        let worker = Worker::start(Options {
            urls: engines.map(|engine| engine.url("")).to_vec(),
            token: Settings::read()?.token,
            bind: "127.0.0.1:0".to_owned(),
            hosts: Default::default(),
            worker_id: name.to_owned(),
            language: "rust".to_owned(),
            version: "0".to_owned(),
            namespaces: Vec::new(),
            callables: Vec::new(),
            template_paths: vec![file],
            slots: 4,
            problems: Vec::new(),
        })?;
        Ok(Played {
            worker,
            given: BTreeSet::new(),
            _templates: templates,
        })
    }

    /// Waits for the next attempt, which has this step and was not given out before.
    fn next(&mut self, step: &str) -> Result<Box<Dispatch>> {
        let dispatch = tokio::task::block_in_place(|| {
            let since = Instant::now();
            while since.elapsed() < PATIENCE {
                match self.worker.next(PATIENCE) {
                    Next::Messages(messages) => {
                        for message in messages {
                            if let Message::Dispatch(dispatch) = message {
                                return Ok(dispatch);
                            }
                        }
                    }
                    Next::Stopped => break,
                }
            }
            anyhow::bail!("no {step} comes: {:?}", self.worker.status().reasons)
        })?;
        assert_eq!(dispatch.step_name, step);
        let attempt = dispatch.attempt_ref();
        ensure!(self.given.insert(attempt), "{attempt:?} runs twice");
        Ok(dispatch)
    }

    fn succeed(&self, dispatch: &Dispatch) -> Result<()> {
        let results = RawValue::from_string("1".to_owned())?;
        self.worker.complete(vec![Outcome {
            task_uuid: dispatch.task_uuid,
            step_uuid: dispatch.step_uuid,
            attempt: dispatch.attempt,
            success: true,
            results: Some(results.into()),
            error: None,
            metadata: None,
            create_steps: None,
            batches: None,
            logs: None,
        }])?;
        Ok(())
    }

    /// Asserts that the task of these attempts is complete, and that each step took one attempt.
    async fn assert_ran_once(&self, wire: &Wire, task: uuid::Uuid) -> Result<()> {
        let (_, shown) = wire.get(&format!("/v1/tasks/{task}?wait=20")).await?;
        assert_eq!(shown["status"], "complete", "{shown}");
        let path = format!("/v1/tasks/{task}/workflow_steps");
        let (_, page) = wire.get(&path).await?;
        let attempts = |step: usize| page["steps"][step]["attempts"].as_u64();
        assert_eq!((attempts(0), attempts(1)), (Some(1), Some(1)), "{page}");
        Ok(())
    }
}

/// The second engine, which waits for the first.
async fn stand_by(stack: &Stack) -> Result<Wire> {
    let second = Wire::at(stack.launch(SECOND, &Changes::default()).await?)?;
    second.until_health_is(503, "has the tasks").await?;
    Ok(second)
}

/// The first engine alone, as other tests expect it.
async fn put_back(stack: &Stack) -> Result<()> {
    stack.term(SECOND).await?;
    assert_eq!(stack.ended(SECOND).await?, 0);
    stack.start(FIRST).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_steps_of_a_worker_go_on_within_eight_seconds_of_the_kill_of_its_engine() -> Result<()>
{
    let wire = Wire::new()?;
    let stack = wire::stack().await?;
    let second = stand_by(&stack).await?;
    let mut played = Played::start("killed", [&wire, &second])?;
    let task = until_created(&wire, "killed").await?;
    let first = played.next("first")?;

    stack.kill(FIRST).await?;
    let killed = Instant::now();
    played.succeed(&first)?;
    let then = played.next("then")?;
    let went_on = killed.elapsed();
    println!("a step was started {went_on:.2?} after the kill");
    ensure!(went_on > LEASE_LEFT, "{went_on:?}");
    ensure!(went_on < AFTER_A_KILL, "{went_on:?}");

    played.succeed(&then)?;
    played.assert_ran_once(&second, task).await?;
    put_back(&stack).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_cut_off_lets_its_workers_go_to_the_one_that_took_over() -> Result<()> {
    let wire = Wire::new()?;
    let stack = wire::stack().await?;
    let network = Network::to_postgres().await?;
    stack.kill(FIRST).await?;
    let mut behind = Changes::default();
    behind.environment.insert("DATABASE_URL", network.url());
    stack.start_with(FIRST, &behind).await?;
    let second = stand_by(&stack).await?;
    let mut played = Played::start("cut_off", [&wire, &second])?;
    let task = until_created(&wire, "cut_off").await?;
    let first = played.next("first")?;

    network.hold();
    let cut = Instant::now();
    played.succeed(&first)?;
    let then = played.next("then")?;
    let went_on = cut.elapsed();
    println!("a step was started {went_on:.2?} after the cut");
    ensure!(went_on < AFTER_A_CUT, "{went_on:?}");
    // A task that is created there runs there.
    let other = second.create("cut_off", "{}").await?;
    let other_first = played.next("first")?;
    assert_eq!(other_first.task_uuid, other);

    // The first learns that it was superseded, and ends.
    network.pass();
    assert_eq!(stack.ended(FIRST).await?, 1);
    played.succeed(&then)?;
    played.succeed(&other_first)?;
    let other_then = played.next("then")?;
    played.succeed(&other_then)?;
    for task in [task, other] {
        played.assert_ran_once(&second, task).await?;
    }
    put_back(&stack).await
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_of_a_single_engine_that_is_cut_off_come_back_with_the_next_renewal() -> Result<()>
{
    let wire = Wire::new()?;
    let stack = wire::stack().await?;
    let network = Network::to_postgres().await?;
    stack.kill(FIRST).await?;
    let mut behind = Changes::default();
    behind.environment.insert("DATABASE_URL", network.url());
    stack.start_with(FIRST, &behind).await?;
    let mut played = Played::start("alone", [&wire, &wire])?;
    let task = until_created(&wire, "alone").await?;
    let first = played.next("first")?;

    network.hold();
    // Its session is closed, and it is refused another.
    let refused = "the engine's lease has run out";
    tokio::task::block_in_place(|| {
        let since = Instant::now();
        let mut reasons = played.worker.status().reasons;
        while !reasons.iter().any(|reason| reason.contains(refused)) {
            ensure!(since.elapsed() < PATIENCE, "{reasons:?}");
            reasons = played.worker.status().reasons;
            std::thread::yield_now();
        }
        anyhow::Ok(())
    })?;
    network.pass();
    wire.until_health_is(200, "ok").await?;
    played.succeed(&first)?;
    let then = played.next("then")?;
    played.succeed(&then)?;
    played.assert_ran_once(&wire, task).await?;
    stack.kill(FIRST).await?;
    stack.start(FIRST).await
}

/// Creates a task as soon as the worker has brought its template.
async fn until_created(wire: &Wire, name: &str) -> Result<uuid::Uuid> {
    let created = async {
        loop {
            if let Ok(task) = wire.create(name, "{}").await {
                return task;
            }
        }
    };
    let created = tokio::time::timeout(PATIENCE, created).await;
    created.context("the template is not registered")
}
