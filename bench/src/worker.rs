//! A worker in Rust whose handlers do nothing: what `handlers/bench_handlers.py` is for Python.
//!
//! Writes a line `dispatched` when the first attempt comes.

use std::io::Write;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Parser;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use tasker_protocol::Json;
use tasker_protocol::frame::{Dispatch, Failure, Outcome};
use tasker_worker::{Message, Next, Worker};

/// How long a worker that is left in peace waits; any time will do.
const A_WHILE: Duration = Duration::from_secs(60);

#[derive(Clone, Parser)]
struct Options {
    /// The engine.
    #[arg(long)]
    url: String,
    /// The worker's name.
    #[arg(long)]
    worker_id: String,
    /// A folder of templates.
    #[arg(long)]
    templates: PathBuf,
    /// Attempts that each session holds at once: more than the tasks that the suite has in flight, so that a step that
    /// becomes ready starts in the commit of the outcome that it waited for.
    #[arg(long, default_value_t = 2048)]
    slots: u32,
    /// Workers in this process, each with a session of its own.
    #[arg(long, default_value_t = 1)]
    sessions: u32,
    /// Never end an attempt.
    #[arg(long)]
    hold: bool,
    /// Fail every attempt for good.
    #[arg(long)]
    fail: bool,
    /// Leave after so many attempts.
    #[arg(long)]
    attempts: Option<usize>,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let sessions: Vec<JoinHandle<anyhow::Result<()>>> = (1..=options.sessions)
        .map(|number| {
            let options = options.clone();
            std::thread::spawn(move || serve(&options, number))
        })
        .collect();
    for session in sessions {
        session.join().map_err(|_| anyhow!("a session failed"))??;
    }
    Ok(())
}

/// Runs attempts until the session has ended.
fn serve(options: &Options, number: u32) -> anyhow::Result<()> {
    let worker = Worker::start(tasker_worker::Options {
        urls: vec![options.url.clone()],
        token: None,
        bind: "127.0.0.1:0".to_owned(),
        hosts: Default::default(),
        worker_id: format!("{}-{number}", options.worker_id),
        language: "rust".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        namespaces: Vec::new(),
        callables: Vec::new(),
        template_paths: vec![options.templates.clone()],
        slots: options.slots,
        problems: Vec::new(),
    })?;
    let nothing: Json = RawValue::from_string("{}".to_owned())?.into();
    let mut ran = 0;
    let mut told = false;
    while let Next::Messages(messages) = worker.next(A_WHILE) {
        // What is cancelled has been completed already.
        let dispatches = messages.into_iter().filter_map(|message| match message {
            Message::Dispatch(dispatch) => Some(dispatch),
            Message::Cancel(_) => None,
        });
        let outcomes: Vec<Outcome> = dispatches
            .map(|dispatch| match options.fail {
                true => Ok(failure(&dispatch)),
                false => outcome(&dispatch, &nothing),
            })
            .collect::<anyhow::Result<_>>()?;
        if outcomes.is_empty() {
            continue;
        }
        if !told {
            told = true;
            writeln!(std::io::stdout(), "dispatched")?;
        }
        if options.hold {
            continue;
        }
        ran += outcomes.len();
        worker.complete(outcomes)?;
        if options.attempts.is_some_and(|attempts| ran >= attempts) {
            worker.drain(A_WHILE);
        }
    }
    Ok(())
}

fn outcome(dispatch: &Dispatch, nothing: &Json) -> anyhow::Result<Outcome> {
    let batches = match dispatch.callable.as_str() {
        "bench_handlers.Split" => Some(split(&dispatch.context)?),
        _ => None,
    };
    Ok(Outcome {
        task_uuid: dispatch.task_uuid,
        step_uuid: dispatch.step_uuid,
        attempt: dispatch.attempt,
        success: true,
        results: Some(nothing.clone()),
        error: None,
        metadata: None,
        create_steps: None,
        batches,
        logs: None,
    })
}

fn failure(dispatch: &Dispatch) -> Outcome {
    Outcome {
        task_uuid: dispatch.task_uuid,
        step_uuid: dispatch.step_uuid,
        attempt: dispatch.attempt,
        success: false,
        results: None,
        error: Some(Failure {
            message: "told to fail".to_owned(),
            error_type: "Told".to_owned(),
            error_code: None,
            retryable: false,
            retry_after_ms: None,
            backtrace: None,
        }),
        metadata: None,
        create_steps: None,
        batches: None,
        logs: None,
    }
}

/// Batches of one item each.
fn split(context: &RawValue) -> anyhow::Result<Json> {
    #[derive(Deserialize)]
    struct Wanted {
        batches: u64,
    }
    let wanted: Wanted =
        serde_json::from_str(context.get()).context("the context of a task with batches")?;
    let cursors: Vec<_> = (0..wanted.batches)
        .map(|start| serde_json::json!({"start": start, "end": start + 1}))
        .collect();
    Ok(to_raw_value(&cursors)?.into())
}
