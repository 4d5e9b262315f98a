//! Commits, as bytes and texts, and tasks read back from them: what an engine that died leaves to the next one.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::value::RawValue;
use tasker_core::attempts::Attempts;
use tasker_core::engine::Commit;
use tasker_core::event::Restored;
use tasker_core::payload::Place;
use tasker_core::texts::{Request, TaskTexts};
use tasker_core::{Graph, Record, State, StepIndex, Task, TaskId, Time, record};
use tasker_protocol::Json;
use tasker_protocol::history::HistoryEntry;

/// The texts of the tasks in memory.
pub type Payloads = HashMap<TaskId, TaskTexts>;

/// The rows of every task.
#[derive(Debug, Default)]
pub struct Journal(BTreeMap<TaskId, Stored>);

/// A task as the journal holds it.
#[derive(Debug)]
struct Stored {
    priority: i16,
    at: Time,
    context: String,
    request: Request,
    rows: Vec<(Vec<u8>, String)>,
    ended: bool,
}

impl Journal {
    /// Adds a commit. `state` is as it is after it.
    pub fn append(&mut self, commit: &Commit, state: &State, texts: &Payloads) {
        for part in &commit.tasks {
            let task = state.task(part.task);
            if let (true, Some(task), Some(texts)) = (part.created, task, texts.get(&part.task)) {
                let stored = Stored {
                    priority: task.priority,
                    at: task.created_at,
                    context: texts
                        .payload
                        .context()
                        .map_or_else(String::new, |context| context.get().to_owned()),
                    request: (*texts.request).clone(),
                    rows: Vec::new(),
                    ended: false,
                };
                self.0.insert(task.id, stored);
            }
            let Some(stored) = self.0.get_mut(&part.task) else {
                continue;
            };
            if !part.records.is_empty() {
                let texts = part.texts.iter().map(|text| &**text);
                stored.rows.push(record::encode(&part.records, texts));
            }
            stored.ended |= task.is_some_and(Task::has_ended);
        }
    }

    /// The tasks that have not ended.
    pub fn open(&self) -> Vec<TaskId> {
        let open = self.0.iter().filter(|(_, stored)| !stored.ended);
        open.map(|(task, _)| *task).collect()
    }

    /// A task with its texts, read back from its rows.
    pub fn read(&self, task: TaskId, graph: &Arc<Graph>) -> Option<(Restored, TaskTexts)> {
        let stored = self.0.get(&task)?;
        let mut texts = TaskTexts::new(stored.request.clone(), json(&stored.context));
        let mut records = Vec::new();
        stored.each(|record, own| {
            texts
                .payload
                .keep_stored(&record, own, Place::default())
                .unwrap_or_else(|error| unreachable!("texts are JSON: {error}"));
            records.push(record);
        });
        let restored = Restored {
            task,
            graph: Arc::clone(graph),
            priority: stored.priority,
            at: stored.at,
            records,
        };
        Some((restored, texts))
    }

    /// What happened to a step. Nothing for a task that there is not.
    pub fn history(&self, task: TaskId, graph: &Arc<Graph>, step: StepIndex) -> Vec<HistoryEntry> {
        let Some(stored) = self.0.get(&task) else {
            return Vec::new();
        };
        let created = Task::new(task, Arc::clone(graph), stored.priority, stored.at);
        let mut attempts = Attempts::new(created, step, true);
        stored.each(|record, texts| attempts.add(&record, texts));
        attempts.entries()
    }
}

impl Stored {
    /// Hands over each record with its texts, in order.
    fn each(&self, mut take: impl FnMut(Record, &[&str])) {
        for (bytes, payload) in &self.rows {
            let (records, texts) = record::decode(bytes, payload)
                .unwrap_or_else(|error| unreachable!("this journal encoded it: {error}"));
            let mut rest = texts.as_slice();
            for record in records {
                let (own, others) = rest.split_at(record.texts());
                rest = others;
                take(record, own);
            }
        }
    }
}

fn json(text: &str) -> Json {
    RawValue::from_string(text.to_owned())
        .unwrap_or_else(|error| unreachable!("it was read from JSON: {error}"))
        .into()
}
