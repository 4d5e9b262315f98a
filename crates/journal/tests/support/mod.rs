//! A PostgreSQL server of a test's own, and a network between it and the journal that can fail.

pub mod day;
mod network;
mod pooler;
mod refusal;
mod server;

pub use network::Network;
pub use pooler::Pooler;
pub use refusal::{Refusal, today};
pub use server::Server;

use tasker_journal::{Append, AppendOutcome, Error, Journal, NewTask, Options, Row, Status};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// The engine that tests are, unless they say otherwise.
pub const ENGINE: &str = "engine-1";

/// Opens the journal as [`ENGINE`].
pub async fn open(url: &str) -> Journal {
    try_open(url, ENGINE).await.expect("the journal opens")
}

pub async fn try_open(url: &str, engine: &str) -> Result<Journal, Error> {
    Journal::open(Options {
        url: url.to_owned(),
        engine_id: engine.to_owned(),
        address: "127.0.0.1:8080".to_owned(),
    })
    .await
}

/// A server with the journal's tables.
pub async fn migrated() -> Server {
    migrate(Server::start()).await
}

/// The same of a server that has no tables yet.
pub async fn migrate(server: Server) -> Server {
    Journal::migrate(&server.url())
        .await
        .expect("the migrations apply");
    server
}

/// A task of today.
pub fn new_task(context: &str) -> NewTask {
    NewTask {
        task_uuid: Uuid::now_v7(),
        namespace: "linear".to_owned(),
        name: "sequence".to_owned(),
        version: "1.0.0".to_owned(),
        template_hash: "0f1e".to_owned(),
        status: 1,
        created_at: 1_700_000_000_123_456,
        priority: -7,
        context: context.into(),
        request: r#"{"initiator":"test"}"#.into(),
    }
}

pub fn row(task_uuid: Uuid, records: &[u8], payload: &str) -> Row {
    Row {
        task_uuid,
        records: records.to_vec(),
        payload: payload.to_owned(),
    }
}

pub fn creating(task: &NewTask) -> Append {
    Append {
        created: vec![task.clone()],
        ..Append::default()
    }
}

pub fn adding(task_uuid: Uuid, payload: &str) -> Append {
    Append {
        rows: vec![row(task_uuid, b"r", payload)],
        ..Append::default()
    }
}

pub fn append_in_background(
    journal: &Journal,
    append: Append,
) -> JoinHandle<Result<AppendOutcome, Error>> {
    let journal = journal.clone();
    tokio::spawn(async move { journal.append(append).await })
}

/// The payloads of a task's rows: one for each time that it was added.
pub async fn payloads(journal: &Journal, task_uuid: Uuid) -> Vec<String> {
    let stored = journal
        .task(task_uuid)
        .await
        .unwrap()
        .expect("the task is stored");
    stored.rows.into_iter().map(|row| row.payload).collect()
}

/// All open tasks, in the order of their UUIDs.
pub async fn recover(journal: &Journal) -> Vec<tasker_journal::StoredTask> {
    let mut tasks = Vec::new();
    let mut pages = journal.open_tasks();
    while let Some(page) = pages.next().await.expect("open tasks can be read") {
        tasks.extend(page);
    }
    tasks.sort_by_key(|stored| stored.task.task_uuid);
    tasks
}

/// Waits until the journal says something of itself.
pub async fn wait_for_status(journal: &Journal, is_wanted: impl FnMut(&Status) -> bool) -> Status {
    journal
        .status()
        .wait_for(is_wanted)
        .await
        .expect("the journal is open")
        .clone()
}
