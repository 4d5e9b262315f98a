//! What handlers are given of a task, which the core does not read.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::value::RawValue;
use tasker_core::gateway::Texts;
use tasker_core::task::Ending;
use tasker_core::{Record, StepIndex, Task};
use tasker_protocol::frame::Dispatch;
use tasker_protocol::{Json, json_null};

use crate::journal::Stored;

/// The texts of one task.
#[derive(Debug)]
pub struct TaskTexts {
    /// What it works on.
    pub context: Json,
    shown: BTreeMap<StepIndex, Texts>,
}

impl TaskTexts {
    /// Those of a task without outcomes.
    pub fn new(context: &str) -> TaskTexts {
        TaskTexts {
            context: json(context),
            shown: BTreeMap::new(),
        }
    }

    /// Those of a stored task.
    pub fn read(stored: &Stored) -> TaskTexts {
        let mut texts = TaskTexts::new(&stored.created.context);
        for (record, own) in stored.records() {
            if let Some(body) = own.first() {
                let cursors = own.get(2).map(|text| {
                    let cursors: Vec<Box<RawValue>> = serde_json::from_str(text)
                        .unwrap_or_else(|error| panic!("stored cursors: {error}"));
                    cursors.into_iter().map(Json::from).collect()
                });
                let own = Texts {
                    body: json(body),
                    metadata: None,
                    cursors,
                };
                texts.keep(&record, &own);
            }
        }
        texts
    }

    /// Keeps the texts of a record, if they are what its step has to show.
    pub fn keep(&mut self, record: &Record, texts: &Texts) {
        if let (true, Some(step)) = (record.shows(), record.step()) {
            self.shown.insert(step, texts.clone());
        }
    }

    /// The message that gives a worker an attempt.
    pub fn dispatch(&self, task: &Task, step: StepIndex, attempt: u32) -> Dispatch {
        let (graph, node, now) = (&task.graph, task.node(step), task.step(step));
        let mut results = BTreeMap::new();
        for &ancestor in &*task.ancestors(step) {
            for step in task.steps_of(ancestor) {
                let done = matches!(
                    task.step(step).last,
                    Some(Ending::Succeeded | Ending::Completed)
                );
                if let (true, Some(texts)) = (done, self.shown.get(&step)) {
                    let name = task.step_name(step).into_owned();
                    results.insert(name, texts.body.clone());
                }
            }
        }
        Dispatch {
            task_uuid: task.id,
            step_uuid: now.uuid,
            attempt,
            max_attempts: task.max_attempts(step),
            namespace: graph.namespace.to_string(),
            name: graph.name.clone(),
            version: graph.version.clone(),
            step_name: task.step_name(step).into_owned(),
            callable: node.callable.to_string(),
            method: node.method.clone(),
            configuration: node.configuration.clone(),
            idempotency_key: now.uuid.to_string(),
            context: self.context.clone(),
            results,
            cursor: self.cursor(task, step),
            timeout_ms: node.timeout_ms,
            tags: Vec::new(),
            correlation_id: None,
        }
    }

    fn cursor(&self, task: &Task, step: StepIndex) -> Option<Json> {
        let number = task.step(step).batch.checked_sub(1)?;
        let parent = task.parents(step).next()?;
        let batchable = task.steps_of(parent).next()?;
        let cursors: &Arc<[Json]> = self.shown.get(&batchable)?.cursors.as_ref()?;
        cursors.get(number as usize).cloned()
    }
}

/// JSON that was made here or read by a parser before.
pub fn json(text: &str) -> Json {
    RawValue::from_string(text.to_owned()).map_or_else(|_| json_null(), Json::from)
}
