//! Where the suite finds the journal in memory.

use std::time::{SystemTime, UNIX_EPOCH};

use tasker_journal::{Day, StoredTask, memory::Database};

pub use tasker_journal::memory::Journal;

#[derive(Clone)]
pub struct Host(Database);

impl Host {
    pub async fn start() -> Host {
        let host = Host(Database::default());
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let micros = now.expect("1970 is over").as_micros() as i64;
        // Midnight may pass meanwhile.
        for day in [0, 1] {
            host.make_day(Day::of_time(micros).plus(day)).await;
        }
        host
    }

    /// The next process that is the engine of all tests.
    pub async fn open(&self) -> Journal {
        self.open_as("engine-1").await
    }

    pub async fn open_as(&self, engine: &str) -> Journal {
        self.0.open(engine)
    }

    /// Takes tasks of a day.
    pub async fn make_day(&self, day: Day) {
        self.0.make_day(day);
    }
}

/// All open tasks, in the order of their UUIDs.
pub async fn recover(journal: &Journal) -> Vec<StoredTask> {
    let mut tasks = journal.open_tasks().await.unwrap();
    tasks.sort_by_key(|stored| stored.task.task_uuid);
    tasks
}
