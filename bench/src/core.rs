//! How fast the core is alone, on one thread: step completions a second through the pure engine, and batches from their
//! creation to their join, with the time per step at three sizes to show that it does not grow.
//!
//! A completion is everything that the engine's loop does for it between two commits: the outcome decided and applied,
//! the records gathered for the journal, the next step given out. The median of several rounds is printed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tasker_core::engine::Release;
use tasker_core::event::Verdict;
use tasker_core::gateway::Texts;
use tasker_core::outcome::Success;
use tasker_core::worker::{Offer, SessionId};
use tasker_core::{Engine, Event, Graph, State, TaskId, Time};
use tasker_protocol::api::TaskStatus;
use tasker_protocol::frame::{AttemptRef, Welcome};

const ROUNDS: usize = 5;

/// Tasks of four steps that are open at once.
const TASKS: u128 = 2_000;

/// Outcomes that arrive while a commit is in flight.
const BATCH: usize = 256;

const SESSION: SessionId = SessionId(1);

fn main() -> Result<()> {
    let chain = graph("chain", CHAIN)?;
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|_| completions(&chain))
        .collect::<Result<_>>()?;
    rates.sort_by(f64::total_cmp);
    println!("| what | |");
    println!("|---|---|");
    println!(
        "| step completions a second, chains of 4, {TASKS} open tasks | {:.0} |",
        rates[ROUNDS / 2]
    );
    let csv = graph("csv", BATCHES)?;
    for size in [1_000, 10_000, 100_000] {
        let mut times: Vec<Duration> = (0..ROUNDS)
            .map(|_| batch(&csv, size))
            .collect::<Result<_>>()?;
        times.sort();
        let time = times[ROUNDS / 2];
        println!(
            "| {size} batches created, run and joined | {:.1} ms, {:.2} µs a batch |",
            time.as_secs_f64() * 1e3,
            time.as_secs_f64() * 1e6 / size as f64
        );
    }
    Ok(())
}

const CHAIN: &str = "{name: a, handler: {callable: c.A}}, {name: b, handler: {callable: c.B}, dependencies: [a]}, \
                     {name: c, handler: {callable: c.C}, dependencies: [b]}, \
                     {name: d, handler: {callable: c.D}, dependencies: [c]}";

const BATCHES: &str = "{name: a, type: batchable, handler: {callable: c.A}}, \
                       {name: b, type: batch_worker, handler: {callable: c.B}, dependencies: [a]}, \
                       {name: c, type: deferred_convergence, handler: {callable: c.C}, dependencies: [b]}";

fn graph(name: &str, steps: &str) -> Result<Arc<Graph>> {
    let yaml = format!("{{name: {name}, namespace_name: bench, version: 1.0.0, steps: [{steps}]}}");
    let document =
        tasker_template::parse(&yaml, name).map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let template = document
        .merged("production")
        .map_err(|problems| anyhow::anyhow!("{problems}"))?;
    Ok(Arc::new(Graph::new(&template, template.content_hash())))
}

/// An engine with one worker, whose commits are durable at once.
struct World {
    engine: Engine<()>,
    now: Time,
    texts: Texts,
    /// Attempts that the worker has.
    running: Vec<AttemptRef>,
}

impl World {
    fn new(slots: u32) -> World {
        let mut world = World {
            engine: Engine::new(State::default()),
            now: Time(1_800_000_000_000_000),
            texts: Texts {
                body: tasker_protocol::json_null(),
                metadata: None,
                cursors: None,
            },
            running: Vec::new(),
        };
        world.happen(&Event::Opened {
            session: SESSION,
            offer: Arc::new(Offer {
                instance: uuid::Uuid::from_u128(1),
                greeting: 1,
                worker_id: "bench".into(),
                language: "rust".into(),
                version: "0".into(),
                namespaces: ["bench".to_owned()].into(),
                callables: ["c.A", "c.B", "c.C", "c.D"].map(str::to_owned).into(),
                slots,
                running: Vec::new(),
                not_ready: Vec::new(),
            }),
            welcome: Welcome {
                protocol: 1,
                epoch: 1,
                heartbeat_ms: 1000,
            },
        });
        world
    }

    fn happen(&mut self, event: &Event) {
        self.now.0 += 1;
        self.engine.happen(event, Some(&self.texts), self.now, 7);
    }

    fn create(&mut self, task: TaskId, graph: &Arc<Graph>) {
        self.happen(&Event::Create {
            task,
            graph: Arc::clone(graph),
            priority: 0,
        });
    }

    fn succeed(&mut self, attempt: AttemptRef, success: Success) {
        self.happen(&Event::Outcome {
            session: SESSION,
            attempt,
            verdict: Verdict::Success(success),
        });
    }

    /// What the loop does after it has taken all that arrived: dispatch, commit, release.
    fn commit(&mut self) {
        self.happen(&Event::Tick);
        self.happen(&Event::Dispatch);
        let releases = match self.engine.seal() {
            Some(_) => self.engine.committed(),
            None => self.engine.free(),
        };
        for release in releases {
            if let Release::Dispatch {
                task,
                step,
                attempt,
                ..
            } = release
                && let Some(task) = self.engine.state().task(task)
            {
                self.running.push(AttemptRef {
                    task_uuid: task.id,
                    step_uuid: task.step(step).uuid,
                    attempt,
                });
            }
        }
    }

    /// Lets everything succeed until nothing runs; how many steps that were.
    fn finish(&mut self) -> usize {
        let mut completed = 0;
        while !self.running.is_empty() {
            let rest = self.running.split_off(self.running.len().min(BATCH));
            for attempt in std::mem::replace(&mut self.running, rest) {
                self.succeed(attempt, Success::default());
                completed += 1;
            }
            self.commit();
        }
        completed
    }
}

fn completions(graph: &Arc<Graph>) -> Result<f64> {
    let mut world = World::new(1_000);
    let mut completed = 0;
    let started = Instant::now();
    for round in 0..25 {
        for task in 0..TASKS {
            world.create(uuid::Uuid::from_u128(round * TASKS + task + 1), graph);
        }
        world.commit();
        completed += world.finish();
    }
    let time = started.elapsed();
    ensure!(
        completed == 25 * TASKS as usize * 4,
        "{completed} steps ran"
    );
    Ok(completed as f64 / time.as_secs_f64())
}

fn batch(graph: &Arc<Graph>, size: u64) -> Result<Duration> {
    let mut world = World::new(128);
    let task = uuid::Uuid::from_u128(1);
    let started = Instant::now();
    world.create(task, graph);
    world.commit();
    let batchable = world.running.pop().context("the batchable step runs")?;
    let split = Success {
        create_steps: None,
        batches: Some(size),
    };
    world.succeed(batchable, split);
    world.commit();
    let steps = world
        .engine
        .state()
        .task(task)
        .context("the task")?
        .steps
        .len();
    ensure!(steps as u64 == size + 2, "{steps} steps exist");
    let completed = world.finish();
    let time = started.elapsed();
    ensure!(completed as u64 == size + 1, "{completed} steps ran");
    let left = world.engine.state().task(task).map(|task| task.status());
    ensure!(
        left.is_none_or(|status| status == TaskStatus::Complete),
        "the task is {left:?}"
    );
    Ok(time)
}
