//! Where the suite finds the journal in PostgreSQL.

use std::sync::Arc;

use tasker_journal::{Day, Error, StoredTask};

pub use tasker_journal::Journal;

use crate::support::{ENGINE, Server, day, migrated, try_open};

#[derive(Clone)]
pub struct Host(Arc<Server>);

impl Host {
    pub async fn start() -> Host {
        Host(Arc::new(migrated().await))
    }

    /// The next process that is [`ENGINE`].
    pub async fn open(&self) -> Journal {
        self.open_as(ENGINE).await
    }

    /// The leases of others have run out by then.
    pub async fn open_as(&self, engine: &str) -> Journal {
        loop {
            match try_open(&self.0.url(), engine).await {
                Err(Error::Held { .. }) => {
                    let end = "UPDATE tasker.leases SET expires_at = now()";
                    let client = self.0.connect().await;
                    client.batch_execute(end).await.expect("leases end");
                }
                // Others that start may end a session that they wait for too long.
                Err(error) if error.is_transient() => {}
                opened => return opened.expect("the journal opens"),
            }
        }
    }

    /// Takes tasks of a day of January 1970.
    pub async fn make_day(&self, day: Day) {
        day::make(&self.0, day).await;
    }
}

/// All open tasks, in the order of their UUIDs.
pub async fn recover(journal: &Journal) -> Vec<StoredTask> {
    let mut tasks = Vec::new();
    let mut pages = journal.open_tasks();
    while let Some(page) = pages.next().await.expect("open tasks can be read") {
        tasks.extend(page);
    }
    tasks.sort_by_key(|stored| stored.task.task_uuid);
    tasks
}
