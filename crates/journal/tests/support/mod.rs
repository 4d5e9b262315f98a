//! A PostgreSQL server of a test's own, and a network between it and the journal that can fail.

mod balancer;
pub mod day;
mod network;
mod pooler;
mod refusal;
mod server;
mod sessions;

pub use balancer::Balancer;
pub use network::Network;
pub use pooler::Pooler;
pub use refusal::{Refusal, today};
pub use server::Server;
pub use sessions::SessionPool;

pub use crate::{
    host::recover,
    sample::{change, creating, new_task, payloads, row},
};

use tasker_journal::{Append, AppendOutcome, Error, Journal, Options, Status};
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

/// Waits until the journal says something of itself.
pub async fn wait_for_status(journal: &Journal, is_wanted: impl FnMut(&Status) -> bool) -> Status {
    journal
        .status()
        .wait_for(is_wanted)
        .await
        .expect("the journal is open")
        .clone()
}
