//! Clients that create tasks and a worker that runs them, while something happens to the system; and what has to be true
//! afterwards: what was acknowledged is there, once, and was run once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use reqwest::Response;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use uuid::Uuid;

use super::{PATIENCE, Wire, Worker, attempt, success};

/// Clients that create at the same time.
const CLIENTS: usize = 4;

/// Between a client's creations, and before it sends a refused one again.
const PAUSE: Duration = Duration::from_millis(50);

/// So many tasks are acknowledged before something happens, and again afterwards.
const SOME: usize = 20;

/// How it goes so far.
#[derive(Clone, Debug, Default)]
struct Progress {
    /// The task of each idempotency key whose creation was acknowledged.
    tasks: BTreeMap<String, Uuid>,
    /// Creations that were refused and sent again.
    refused: usize,
    ends: bool,
}

/// A load that goes on until it is ended.
pub struct Load {
    wire: Arc<Wire>,
    name: &'static str,
    progress: Arc<watch::Sender<Progress>>,
    clients: JoinSet<Result<()>>,
    worker: JoinHandle<Result<()>>,
    /// Each dispatch that the worker was given and has answered.
    ran: watch::Receiver<Vec<Uuid>>,
}

impl Load {
    /// Starts it; it is under way on return. A step whose worker is given up would not be tried again.
    pub async fn start(name: &'static str) -> Result<Load> {
        let wire = Arc::new(Wire::new()?);
        let mut worker = Worker::connect(&wire).await?;
        worker.welcome(name, &["load.Call"], 8).await?;
        let (runs, ran) = watch::channel(Vec::new());
        let worker = tokio::spawn(run(worker, runs));
        let progress = Arc::new(watch::Sender::new(Progress::default()));
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            clients.spawn(create(
                Arc::clone(&wire),
                name,
                client,
                Arc::clone(&progress),
            ));
        }
        let mut load = Load {
            wire,
            name,
            progress,
            clients,
            worker,
            ran,
        };
        load.more(SOME).await?;
        Ok(load)
    }

    /// Waits until so many further creations are acknowledged.
    pub async fn more(&mut self, count: usize) -> Result<()> {
        let mut progress = self.progress.subscribe();
        let wanted = progress.borrow_and_update().tasks.len() + count;
        let acknowledged = progress.wait_for(|progress| progress.tasks.len() >= wanted);
        tokio::select! {
            acknowledged = tokio::time::timeout(PATIENCE, acknowledged) => {
                acknowledged.context("creations are not acknowledged any more")??;
                Ok(())
            }
            Some(ended) = self.clients.join_next() => bail!("a client ended: {ended:?}"),
            ended = &mut self.worker => bail!("the worker ended: {ended:?}"),
        }
    }

    /// Asserts that creations and reads are refused at present, with when to come again.
    pub async fn assert_refused(&self) -> Result<()> {
        let (name, task) = (self.name, *self.tasks().values().next().context("a task")?);
        assert_unavailable(post(&self.wire, name, "probe").await?).await?;
        assert_unavailable(self.wire.get_response(&format!("/v1/tasks/{task}")).await?).await
    }

    /// Ends the load some tasks later, and asserts that each acknowledged one is there and has run, once. How many
    /// creations were refused meanwhile.
    pub async fn end(mut self) -> Result<usize> {
        self.more(SOME).await?;
        self.progress.send_modify(|progress| progress.ends = true);
        while let Some(client) = self.clients.join_next().await {
            client??;
        }
        let tasks = self.tasks();
        for (key, task) in &tasks {
            let (_, shown) = self.wire.get(&format!("/v1/tasks/{task}?wait=20")).await?;
            assert_eq!(shown["status"], "complete", "{key}: {shown}");
            let steps = format!("/v1/tasks/{task}/workflow_steps");
            let (_, steps) = self.wire.get(&steps).await?;
            assert_eq!(steps["steps"].as_array().map(Vec::len), Some(1));
            assert_eq!(steps["steps"][0]["attempts"], 1, "{key}: {steps}");
            let again = post(&self.wire, self.name, key).await?;
            assert_eq!(again.status(), 200, "{key}");
            assert_eq!(again.json::<Value>().await?["task_uuid"], task.to_string());
        }
        let acknowledged: BTreeSet<Uuid> = tasks.values().copied().collect();
        assert_eq!(acknowledged.len(), tasks.len(), "two keys have one task");
        assert_eq!(self.listed().await?, acknowledged);
        let mut ran = self.ran.borrow().clone();
        ran.sort();
        assert_eq!(ran, acknowledged.into_iter().collect::<Vec<_>>());
        self.worker.abort();
        Ok(self.progress.borrow().refused)
    }

    fn tasks(&self) -> BTreeMap<String, Uuid> {
        self.progress.borrow().tasks.clone()
    }

    /// All tasks that there are of this load.
    async fn listed(&self) -> Result<BTreeSet<Uuid>> {
        let mut listed = BTreeSet::new();
        let first = format!("/v1/tasks?namespace={}&limit=100", self.name);
        let mut path = first.clone();
        loop {
            let (_, page) = self.wire.get(&path).await?;
            for task in page["tasks"].as_array().context("a page")? {
                let task = task["task_uuid"].as_str().context("an identifier")?;
                ensure!(listed.insert(task.parse()?), "{task} is listed twice");
            }
            match page["next_cursor"].as_str() {
                Some(cursor) => path = format!("{first}&cursor={cursor}"),
                None => return Ok(listed),
            }
        }
    }
}

/// Creates one task after the other, each until it is acknowledged.
async fn create(
    wire: Arc<Wire>,
    name: &str,
    client: usize,
    progress: Arc<watch::Sender<Progress>>,
) -> Result<()> {
    for number in 0.. {
        let key = format!("{client}-{number}");
        loop {
            let response = post(&wire, name, &key).await?;
            if response.status().is_success() {
                let task: Value = response.json().await?;
                let task = task["task_uuid"].as_str().context("a task")?.parse()?;
                progress.send_modify(|progress| {
                    progress.tasks.insert(key, task);
                });
                break;
            }
            assert_unavailable(response).await?;
            progress.send_modify(|progress| progress.refused += 1);
            tokio::time::sleep(PAUSE).await;
        }
        if progress.borrow().ends {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Answers each dispatch with a success, and never is silent for long.
async fn run(mut worker: Worker, runs: watch::Sender<Vec<Uuid>>) -> Result<()> {
    let mut alive = tokio::time::interval(Duration::from_secs(1));
    loop {
        let message = tokio::select! {
            message = worker.next_message() => message?,
            _ = alive.tick() => {
                worker.ping().await?;
                continue;
            }
        };
        let message: Value = serde_json::from_str(&message)?;
        if let Some(dispatch) = message.get("dispatch") {
            worker.send_text(&success(&attempt(dispatch), "1")).await?;
            let task = dispatch["task_uuid"].as_str().context("a task")?.parse()?;
            runs.send_modify(|runs| runs.push(task));
        }
    }
}

async fn post(wire: &Wire, name: &str, key: &str) -> Result<Response> {
    let request = wire.http.post(wire.url("/v1/tasks"));
    let request = request.bearer_auth(&wire.token);
    let request = request.header("idempotency-key", key);
    let body = format!(r#"{{"name": "{name}", "namespace": "{name}", "context": {{}}}}"#);
    Ok(request.body(body).send().await?)
}

async fn assert_unavailable(response: Response) -> Result<()> {
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
    let body: Value = response.json().await?;
    assert_eq!(body["error"]["code"], "UNAVAILABLE", "{body}");
    Ok(())
}
