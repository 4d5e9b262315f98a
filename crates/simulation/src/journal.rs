//! The journal in memory, with the contract of `crates/journal`: an append is one statement that adds all or, when its
//! epoch is not the engine's any more, nothing; a take-over raises the epoch first and reads afterwards; an engine whose
//! answer was lost raises its own epoch and asks what became of the commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::value::RawValue;
use tasker_core::event::Restored;
use tasker_core::payload::Place;
use tasker_core::store::Wanted;
use tasker_core::texts::{Request, TaskTexts};
use tasker_core::{Graph, Record, Task, TaskId, Time, record};
use tasker_protocol::{Json, json_null};

use crate::schedule::EngineId;

/// Numbers an engine's requests, so that it knows which one is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// What one commit adds.
#[derive(Debug, Default)]
pub struct Append {
    /// One row a task.
    pub rows: Vec<Row>,
}

/// What one commit adds to one task.
#[derive(Debug)]
pub struct Row {
    /// The task.
    pub task: TaskId,
    /// Set when the commit creates it.
    pub created: Option<Created>,
    /// Records, as [`record::encode`] makes them; empty when there are none.
    pub records: Vec<u8>,
    /// Their texts.
    pub payload: String,
    /// Whether the task has ended with this.
    pub ended: bool,
    /// Whether it is blocked after this.
    pub blocked: bool,
}

/// What a task's row says of its creation.
#[derive(Clone, Debug)]
pub struct Created {
    /// The hash of its template.
    pub template: String,
    /// Its priority.
    pub priority: i16,
    /// When, by the engine's clock.
    pub at: Time,
    /// Its context, JSON.
    pub context: String,
}

/// A stored task.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The task.
    pub task: TaskId,
    /// Its creation.
    pub created: Created,
    /// The records and payload of each commit, in order.
    pub rows: Vec<(Vec<u8>, String)>,
    /// Whether it has ended.
    pub ended: bool,
    /// Whether it is blocked.
    pub blocked: bool,
}

impl Stored {
    /// Its records with their texts, in order.
    pub fn records(&self) -> Vec<(Record, Vec<String>)> {
        let rows = self.rows.iter();
        rows.flat_map(|(bytes, payload)| records(bytes, payload))
            .collect()
    }

    /// What the task carries after all its records.
    pub fn texts(&self) -> TaskTexts {
        let mut kept = TaskTexts::new(Request::default(), json(&self.created.context));
        for (number, (bytes, payload)) in (1..).zip(&self.rows) {
            let mut offset = 0;
            for (record, texts) in records(bytes, payload) {
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                let place = Place::of(number, offset, texts.iter().map(|text| text.len()));
                kept.payload
                    .keep_stored(&record, &texts, place)
                    .unwrap_or_else(|error| panic!("a stored text is not JSON: {error}"));
                offset += texts.iter().map(|text| text.len()).sum::<usize>();
            }
        }
        kept
    }

    /// What the core needs to have it in memory again.
    pub fn restored(&self, graph: &Arc<Graph>) -> Restored {
        let records = self.records().into_iter();
        Restored {
            task: self.task,
            graph: Arc::clone(graph),
            priority: self.created.priority,
            at: self.created.at,
            records: records.map(|(record, _)| record).collect(),
        }
    }

    /// The task after its first `records` records.
    pub fn replay(&self, graph: &Arc<Graph>, records: u64) -> Task {
        let graph = Arc::clone(graph);
        let mut task = Task::new(self.task, graph, self.created.priority, self.created.at);
        let mut moves = Vec::new();
        for (record, _) in self.records().iter().take(records as usize) {
            task.apply(record, &mut moves);
        }
        task
    }
}

/// The records of a row with their texts.
pub fn records(bytes: &[u8], payload: &str) -> Vec<(Record, Vec<String>)> {
    if bytes.is_empty() {
        return Vec::new();
    }
    let (records, texts) = record::decode(bytes, payload)
        .unwrap_or_else(|error| panic!("a stored row cannot be read: {error}"));
    let mut texts = texts.into_iter().map(str::to_owned);
    let with_texts = records.into_iter().map(|record| {
        let own = texts.by_ref().take(record.texts()).collect();
        (record, own)
    });
    with_texts.collect()
}

/// What became of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Appended {
    /// It is durable.
    Durable,
    /// Another epoch has begun: nothing was added.
    Fenced,
}

/// Whether the fence is missing, deliberately.
fn drops_fence() -> bool {
    #[cfg(feature = "mutation")]
    return tasker_core::mutation::Mutation::EpochFenceDropped.is_active();
    #[cfg(not(feature = "mutation"))]
    false
}

/// The tables.
#[derive(Debug, Default)]
pub struct Journal {
    epoch: i64,
    holder: Option<EngineId>,
    /// Epoch and number of the last commit.
    last: (i64, u64),
    tasks: BTreeMap<TaskId, Stored>,
    /// How far its clock is from the true time, in microseconds.
    pub clock_offset: i64,
}

impl Journal {
    /// Its clock.
    pub fn clock(&self, truth: Time) -> Time {
        Time(truth.0 + self.clock_offset)
    }

    /// Whether this engine owns the tasks.
    pub fn is_owner(&self, engine: EngineId) -> bool {
        self.holder == Some(engine)
    }

    /// Gives the tasks to an engine and returns its epoch.
    pub fn take_over(&mut self, engine: EngineId) -> i64 {
        self.epoch += 1;
        self.holder = Some(engine);
        self.epoch
    }

    /// Raises an engine's own epoch. None: another engine has taken over.
    pub fn raise(&mut self, engine: EngineId, epoch: i64) -> Option<i64> {
        if self.holder != Some(engine) || self.epoch < epoch {
            return None;
        }
        self.epoch += 1;
        Some(self.epoch)
    }

    /// Whether a commit is in the journal: the last one of its epoch is, or a later one.
    pub fn is_committed(&self, commit: (i64, u64)) -> bool {
        self.last >= commit
    }

    /// Adds a commit, if the epoch is still the engine's.
    pub fn append(&mut self, epoch: i64, number: u64, append: &Append) -> Appended {
        if epoch != self.epoch && !drops_fence() {
            return Appended::Fenced;
        }
        self.last = self.last.max((epoch, number));
        for row in &append.rows {
            if let Some(created) = &row.created {
                self.tasks.entry(row.task).or_insert_with(|| Stored {
                    task: row.task,
                    created: created.clone(),
                    rows: Vec::new(),
                    ended: false,
                    blocked: false,
                });
            }
            if let Some(stored) = self.tasks.get_mut(&row.task) {
                if !row.records.is_empty() {
                    stored.rows.push((row.records.clone(), row.payload.clone()));
                }
                stored.ended |= row.ended;
                stored.blocked = row.blocked;
            }
        }
        Appended::Durable
    }

    /// A task.
    pub fn task(&self, task: TaskId) -> Option<&Stored> {
        self.tasks.get(&task)
    }

    /// Contexts, and the payloads of rows.
    pub fn texts(&self, wanted: &[Wanted]) -> Vec<Option<String>> {
        let text = |wanted: &Wanted| {
            let stored = self.tasks.get(&wanted.task)?;
            match wanted.row.checked_sub(1) {
                None => Some(stored.created.context.clone()),
                Some(row) => Some(stored.rows.get(row as usize)?.1.clone()),
            }
        };
        wanted.iter().map(text).collect()
    }

    /// All tasks.
    pub fn tasks(&self) -> impl Iterator<Item = &Stored> {
        self.tasks.values()
    }

    /// The tasks that have not ended.
    pub fn open_tasks(&self) -> Vec<Stored> {
        let open = self.tasks.values().filter(|stored| !stored.ended);
        open.cloned().collect()
    }
}

/// JSON that was made here or read by a parser before.
pub fn json(text: &str) -> Json {
    RawValue::from_string(text.to_owned()).map_or_else(|_| json_null(), Json::from)
}
