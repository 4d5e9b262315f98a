//! What a task carries and the core does not read: its context, and the results and failures of its steps, as JSON text.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use tasker_protocol::frame::{Dispatch, MAX_DISPATCHED_RESULTS_BYTES, MAX_PAGE_BYTES};
use tasker_protocol::{Json, json_null};

use crate::gateway::Texts;
use crate::task::Ending;
use crate::{NodeIndex, Record, StepIndex, Task};

/// The texts of one task.
#[derive(Clone, Debug)]
pub struct Payload {
    /// What it works on.
    pub context: Json,
    /// For each step, what it has to show: its results or last failure.
    steps: Vec<Option<Texts>>,
}

/// Some of a node's results.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The results, in order.
    pub results: Vec<Json>,
    /// The index at which the next page begins; none on the last.
    pub next: Option<u64>,
}

impl Payload {
    /// That of a task without outcomes.
    pub fn new(context: Json) -> Payload {
        Payload {
            context,
            steps: Vec::new(),
        }
    }

    /// Keeps the texts of a record, if they are what its step has to show.
    pub fn keep(&mut self, record: &Record, texts: &Texts) {
        if let (true, Some(step)) = (record.shows(), record.step()) {
            let step = step as usize;
            if self.steps.len() <= step {
                self.steps.resize(step + 1, None);
            }
            self.steps[step] = Some(texts.clone());
        }
    }

    /// Keeps the texts of a stored record: as many as [`Record::texts`] says.
    ///
    /// # Errors
    /// One of them is not JSON.
    pub fn keep_stored(
        &mut self,
        record: &Record,
        texts: &[&str],
    ) -> Result<(), serde_json::Error> {
        let (Some(body), Some(metadata)) = (texts.first(), texts.get(1)) else {
            return Ok(());
        };
        let cursors: Option<Vec<Box<RawValue>>> = texts
            .get(2)
            .map(|cursors| serde_json::from_str(cursors))
            .transpose()?;
        let texts = Texts {
            body: json(body)?,
            metadata: match *metadata {
                "" => None,
                metadata => Some(json(metadata)?),
            },
            cursors: cursors.map(|cursors| cursors.into_iter().map(Json::from).collect()),
        };
        self.keep(record, &texts);
        Ok(())
    }

    /// What a step has to show.
    pub fn step(&self, step: StepIndex) -> Option<&Texts> {
        self.steps.get(step as usize)?.as_ref()
    }

    /// What a step's handler, or an operator in its place, gave.
    pub fn result(&self, task: &Task, step: StepIndex) -> Option<Json> {
        match task.step(step).last {
            Some(Ending::Succeeded | Ending::Completed) => Some(self.step(step)?.body.clone()),
            _ => None,
        }
    }

    /// The results of a node from an index on, up to [`MAX_PAGE_BYTES`] or else one; none if there is none of this index.
    pub fn page(&self, task: &Task, node: NodeIndex, from: u64) -> Option<Page> {
        let results = self.results_of(task, node);
        let start = usize::try_from(from)
            .ok()
            .filter(|from| *from <= results.len())?;
        let mut left = MAX_PAGE_BYTES;
        let page = results[start..]
            .iter()
            .enumerate()
            .take_while(|(number, result)| {
                let length = result.get().len() + 1;
                let fits = *number == 0 || length <= left;
                left = left.saturating_sub(length);
                fits
            });
        let page: Vec<Json> = page.map(|(_, result)| result.clone()).collect();
        if page.is_empty() && !(from == 0 && task.is_batched(node)) {
            return None;
        }
        let end = start + page.len();
        Some(Page {
            results: page,
            next: (end < results.len()).then_some(end as u64),
        })
    }

    /// The message that gives a worker an attempt; `tags`, `correlation_id` and `traceparent` are empty.
    pub fn dispatch(&self, task: &Task, step: StepIndex, attempt: u32) -> Dispatch {
        let (results, omitted) = self.results_before(task, step);
        let (graph, node, now) = (&task.graph, task.node(step), task.step(step));
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
            omitted,
            cursor: self.cursor(task, step),
            batch_config: node.batch_config.clone(),
            batches: batches_before(task, step),
            timeout_ms: node.timeout_ms,
            tags: Vec::new(),
            correlation_id: None,
            traceparent: None,
        }
    }

    /// The results of the steps before a step, the nearest first, as many as fit, and the names of the others. Those of
    /// batches are a list in cursor order under their node's name.
    fn results_before(
        &self,
        task: &Task,
        step: StepIndex,
    ) -> (BTreeMap<String, Json>, Vec<String>) {
        let (mut results, mut omitted) = (BTreeMap::new(), Vec::new());
        let mut left = MAX_DISPATCHED_RESULTS_BYTES;
        for &ancestor in &*task.ancestors(step) {
            let of_ancestor = self.results_of(task, ancestor);
            let batched = task.is_batched(ancestor);
            if of_ancestor.is_empty() && !batched {
                continue;
            }
            let name = task.graph.node(ancestor).name.clone();
            let lengths = of_ancestor.iter().map(|result| result.get().len() + 1);
            let length = lengths.sum::<usize>();
            if length > left {
                omitted.push(name);
                continue;
            }
            left -= length;
            let result = if batched {
                list(&of_ancestor)
            } else {
                of_ancestor[0].clone()
            };
            results.insert(name, result);
        }
        (results, omitted)
    }

    /// The results of a node's steps, in order; of a step that is no batch none, if it has none.
    fn results_of(&self, task: &Task, node: NodeIndex) -> Vec<Json> {
        let steps = task.steps_of(node).map(|step| self.result(task, step));
        if task.is_batched(node) {
            steps
                .map(|result| result.unwrap_or_else(json_null))
                .collect()
        } else {
            steps.flatten().collect()
        }
    }

    /// The cursor of a batch, as the batchable step gave it.
    fn cursor(&self, task: &Task, step: StepIndex) -> Option<Json> {
        let number = task.step(step).batch.checked_sub(1)?;
        let parent = task.parents(step).next()?;
        let batchable = task.steps_of(parent).next()?;
        let cursors = self.step(batchable)?.cursors.as_ref()?;
        cursors.get(number as usize).cloned()
    }
}

/// The batch workers before a step, and how many batches each has.
fn batches_before(task: &Task, step: StepIndex) -> BTreeMap<String, u32> {
    let ancestors = task.ancestors(step);
    let batched = ancestors.iter().filter(|node| task.is_batched(**node));
    batched
        .map(|&node| {
            (
                task.graph.node(node).name.clone(),
                task.steps_of(node).len() as u32,
            )
        })
        .collect()
}

fn list(results: &[Json]) -> Json {
    let texts: Vec<&str> = results.iter().map(|result| result.get()).collect();
    json(&format!("[{}]", texts.join(",")))
        .unwrap_or_else(|error| unreachable!("a list of JSON texts is JSON: {error}"))
}

fn json(text: &str) -> Result<Json, serde_json::Error> {
    RawValue::from_string(text.to_owned()).map(Json::from)
}
