//! What tasks take of a running engine's memory, seen from outside: resident bytes of its process.
//!
//! `open`: tasks of four steps that no worker takes. `through`: tasks that run to their end through a worker that is
//! played here; memory is to be flat. `blocked`: tasks whose first step has failed for good; they leave memory after a
//! minute. Prints a Markdown table. The engine is one that nothing else uses.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use clap::{Parser, Subcommand};
use serde_json::value::RawValue;
use tasker_client::Client;
use tasker_protocol::Json;
use tasker_protocol::api::{CreateTask, CreateTasks, MAX_BATCH};
use tasker_protocol::frame::{Dispatch, Failure, Outcome};
use tasker_worker::{Message, Next, Worker};

const NAMESPACE: &str = "memory";

/// How many tasks are under way at the most.
const UNDER_WAY: u64 = 4_000;

/// How often a worker that is left in peace looks whether it is to go.
const A_WHILE: Duration = Duration::from_millis(100);

#[derive(Parser)]
struct Options {
    /// The engine.
    #[arg(long, env = "TASKER_URL")]
    url: String,
    /// Its process.
    #[arg(long)]
    pid: u32,
    /// What the engine wants to be shown.
    #[arg(long, env = "TASKER_TOKEN")]
    token: Option<String>,
    /// Bytes of each task's context and of each step's results.
    #[arg(long, default_value_t = 100)]
    bytes: usize,
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Clone, Copy, Subcommand)]
enum Mode {
    /// Opens tasks that nobody runs.
    Open {
        /// How many.
        #[arg(default_value_t = 100_000)]
        tasks: u64,
    },
    /// Runs tasks to their end.
    Through {
        /// How many.
        #[arg(default_value_t = 1_000_000)]
        tasks: u64,
    },
    /// Lets tasks fail for good.
    Blocked {
        /// How many.
        #[arg(default_value_t = 100_000)]
        tasks: u64,
        /// How long they are watched, in seconds.
        #[arg(long, default_value_t = 90)]
        watch: u64,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let engine = Engine::new(&options)?;
    match options.mode {
        Mode::Open { tasks } => {
            let worker = Played::start(&options, 0, true)?;
            engine.until_known().await?;
            worker.stop()?;
            let before = engine.report("before")?;
            engine.create(tasks, || 0).await?;
            let after = engine.report(&format!("{tasks} open tasks"))?;
            engine.row("bytes a task", after.saturating_sub(before) / tasks.max(1))
        }
        Mode::Through { tasks } => {
            let worker = Played::start(&options, 2_048, true)?;
            engine.until_known().await?;
            engine.report("before")?;
            let started = Instant::now();
            for tenth in 1..=10 {
                let so_far = worker.ended();
                engine
                    .create(tasks / 10, || worker.ended() - so_far)
                    .await?;
                worker.until(tenth * (tasks / 10)).await;
                engine.report(&format!("{} tasks", worker.ended()))?;
            }
            let rate = 4.0 * tasks as f64 / started.elapsed().as_secs_f64();
            engine.row("steps a second", rate as u64)?;
            worker.stop()
        }
        Mode::Blocked { tasks, watch } => {
            let worker = Played::start(&options, 2_048, false)?;
            engine.until_known().await?;
            engine.report("before")?;
            engine.create(tasks, || worker.ended()).await?;
            worker.until(tasks).await;
            engine.report(&format!("{tasks} blocked tasks"))?;
            let mut every = tokio::time::interval(Duration::from_secs(10));
            every.tick().await;
            for tick in 1..=watch / 10 {
                every.tick().await;
                engine.report(&format!("{} s later", 10 * tick))?;
            }
            worker.stop()
        }
    }
}

/// The engine that is measured.
struct Engine {
    client: Client,
    pid: u32,
    context: Json,
}

impl Engine {
    fn new(options: &Options) -> Result<Engine> {
        println!("| what | KiB resident |\n|---|---|");
        Ok(Engine {
            client: Client::new(&options.url, options.token.clone())?,
            pid: options.pid,
            context: text(options.bytes)?,
        })
    }

    /// Waits until the template is registered.
    async fn until_known(&self) -> Result<()> {
        let mut every = tokio::time::interval(Duration::from_millis(50));
        for _ in 0..200 {
            every.tick().await;
            let known = self.client.list_templates().await?;
            if known
                .templates
                .iter()
                .any(|template| template.namespace == NAMESPACE)
            {
                return Ok(());
            }
        }
        Err(anyhow!("the template is not registered"))
    }

    /// Creates tasks, no more than a few thousand ahead of those that have ended where some do.
    async fn create(&self, tasks: u64, ended: impl Fn() -> u64) -> Result<()> {
        let task = CreateTask {
            name: "chain".to_owned(),
            namespace: NAMESPACE.to_owned(),
            version: None,
            context: Arc::clone(&self.context),
            initiator: None,
            source_system: None,
            reason: None,
            tags: Vec::new(),
            priority: 0,
            correlation_id: None,
            parent_correlation_id: None,
            idempotency_key: None,
        };
        let mut created = 0;
        let mut every = tokio::time::interval(Duration::from_millis(5));
        while created < tasks {
            let count = (tasks - created).min(MAX_BATCH as u64);
            let tasks = vec![task.clone(); count as usize];
            let answer = self.client.create_tasks(&CreateTasks { tasks }).await?;
            let refused = answer.results.iter().find(|result| result.status != 201);
            ensure!(refused.is_none(), "{refused:?}");
            created += count;
            while ended() > 0 && created > ended() + UNDER_WAY {
                every.tick().await;
            }
        }
        Ok(())
    }

    /// Prints what the engine's process has resident, and gives it in bytes.
    fn report(&self, what: &str) -> Result<u64> {
        let path = format!("/proc/{}/status", self.pid);
        let status = std::fs::read_to_string(&path).with_context(|| path.clone())?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        let kib = kib.with_context(|| format!("{path} has no VmRSS"))?;
        self.row(what, kib)?;
        Ok(kib * 1024)
    }

    fn row(&self, what: &str, number: u64) -> Result<()> {
        writeln!(std::io::stdout(), "| {what} | {number} |")?;
        Ok(())
    }
}

/// A worker whose handlers do nothing but succeed, or fail for good.
struct Played {
    worker: Arc<Worker>,
    ended: Arc<AtomicU64>,
    thread: JoinHandle<Result<()>>,
}

impl Played {
    fn start(options: &Options, slots: u32, succeeds: bool) -> Result<Played> {
        let folder = std::env::temp_dir().join(format!("tasker-memory-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("chain.yaml"), CHAIN)?;
        let worker = Arc::new(Worker::start(tasker_worker::Options {
            urls: vec![options.url.clone()],
            token: options.token.clone(),
            bind: "127.0.0.1:0".to_owned(),
            worker_id: "memory".to_owned(),
            language: "rust".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            namespaces: Vec::new(),
            callables: Vec::new(),
            template_paths: vec![folder.clone()],
            slots,
            problems: Vec::new(),
        })?);
        std::fs::remove_dir_all(folder)?;
        let ended = Arc::new(AtomicU64::new(0));
        let results = text(options.bytes)?;
        let (served, counted) = (Arc::clone(&worker), Arc::clone(&ended));
        let thread = std::thread::spawn(move || {
            while let Next::Messages(messages) = served.next(A_WHILE) {
                let dispatches = messages.into_iter().filter_map(|message| match message {
                    Message::Dispatch(dispatch) => Some(dispatch),
                    Message::Cancel(_) => None,
                });
                let mut last = 0;
                let outcomes: Vec<Outcome> = dispatches
                    .map(|dispatch| {
                        last += u64::from(!succeeds || dispatch.step_name == "d");
                        outcome(&dispatch, succeeds.then(|| Arc::clone(&results)))
                    })
                    .collect();
                served.complete(outcomes)?;
                counted.fetch_add(last, Ordering::Relaxed);
            }
            Ok(())
        });
        Ok(Played {
            worker,
            ended,
            thread,
        })
    }

    /// Tasks whose last step was completed.
    fn ended(&self) -> u64 {
        self.ended.load(Ordering::Relaxed)
    }

    async fn until(&self, ended: u64) {
        let mut every = tokio::time::interval(Duration::from_millis(20));
        while self.ended() < ended {
            every.tick().await;
        }
    }

    fn stop(self) -> Result<()> {
        self.worker.drain(Duration::from_secs(5));
        let ended = self.thread.join();
        ended.map_err(|_| anyhow!("the worker's thread failed"))?
    }
}

fn outcome(dispatch: &Dispatch, results: Option<Json>) -> Outcome {
    let error = Failure {
        message: "no".to_owned(),
        error_type: "Permanent".to_owned(),
        error_code: None,
        retryable: false,
        retry_after_ms: None,
        backtrace: None,
    };
    Outcome {
        task_uuid: dispatch.task_uuid,
        step_uuid: dispatch.step_uuid,
        attempt: dispatch.attempt,
        success: results.is_some(),
        error: results.is_none().then_some(error),
        results,
        metadata: None,
        create_steps: None,
        batches: None,
        logs: None,
    }
}

/// A JSON string of so many bytes.
fn text(bytes: usize) -> Result<Json> {
    let text = format!("\"{}\"", "x".repeat(bytes.saturating_sub(2)));
    Ok(RawValue::from_string(text)?.into())
}

const CHAIN: &str = "name: chain\nnamespace_name: memory\nversion: 1.0.0\nsteps:\n\
                     - {name: a, handler: {callable: memory.Step}}\n\
                     - {name: b, handler: {callable: memory.Step}, dependencies: [a]}\n\
                     - {name: c, handler: {callable: memory.Step}, dependencies: [b]}\n\
                     - {name: d, handler: {callable: memory.Step}, dependencies: [c]}\n";
