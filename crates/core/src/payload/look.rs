//! What is made of a task's texts: dispatches, pages of results, views.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use tasker_protocol::frame::{Dispatch, MAX_DISPATCHED_RESULTS_BYTES, MAX_PAGE_BYTES};
use tasker_protocol::{Json, json_null};

use super::{Shown, Slot, json};
use crate::gateway::Texts;
use crate::task::Ending;
use crate::texts::{Request, TaskTexts};
use crate::{NodeIndex, StepIndex, Task};

/// Some of a node's results.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The results, in order.
    pub results: Vec<Json>,
    /// The index at which the next page begins; none on the last.
    pub next: Option<u64>,
}

/// A look at a task's texts: what is not in memory reads as `null` and is noted.
#[derive(Debug)]
pub struct Look<'a> {
    texts: &'a TaskTexts,
    absent: RefCell<Vec<Slot>>,
}

impl<'a> Look<'a> {
    /// A look at these.
    pub fn new(texts: &'a TaskTexts) -> Look<'a> {
        Look {
            texts,
            absent: RefCell::default(),
        }
    }

    /// What was made of the texts.
    ///
    /// # Errors
    /// These were needed and are not in memory.
    pub fn finish<T>(self, made: T) -> Result<T, Vec<Slot>> {
        let absent = self.absent.into_inner();
        if absent.is_empty() {
            Ok(made)
        } else {
            Err(absent)
        }
    }

    /// How the task was asked for.
    pub fn request(&self) -> &'a Arc<Request> {
        &self.texts.request
    }

    /// What the task works on.
    pub fn context(&self) -> Json {
        self.texts.payload.context.clone().unwrap_or_else(|| {
            self.absent.borrow_mut().push(Slot::Context);
            json_null()
        })
    }

    /// What a step has to show.
    pub fn step(&self, step: StepIndex) -> Option<&'a Texts> {
        let shown = self.shown(step)?;
        if shown.texts.is_none() {
            self.absent.borrow_mut().push(Slot::Step(step));
        }
        shown.texts.as_ref()
    }

    /// About how many bytes what a step has to show takes, in memory or not.
    pub fn bytes(&self, step: StepIndex) -> usize {
        self.shown(step).map_or(0, Shown::length)
    }

    fn shown(&self, step: StepIndex) -> Option<&'a Shown> {
        self.texts.payload.steps.get(step as usize)?.as_ref()
    }

    /// What a step's handler, or an operator in its place, gave.
    pub fn result(&self, task: &Task, step: StepIndex) -> Option<Json> {
        self.body(has_result(task, step).then_some(step)?)
    }

    fn body(&self, step: StepIndex) -> Option<Json> {
        self.shown(step)?;
        let body = self.step(step).map(|texts| texts.body.clone());
        Some(body.unwrap_or_else(json_null))
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
                let length = self.length(**result) + 1;
                let fits = *number == 0 || length <= left;
                left = left.saturating_sub(length);
                fits
            });
        let page: Vec<Json> = page.map(|(_, result)| self.json(*result)).collect();
        if page.is_empty() && !(from == 0 && task.is_batched(node)) {
            return None;
        }
        let end = start + page.len();
        Some(Page {
            results: page,
            next: (end < results.len()).then_some(end as u64),
        })
    }

    /// The message that gives a worker an attempt; `traceparent` is empty.
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
            context: self.context(),
            results,
            omitted,
            cursor: self.cursor(task, step),
            batch_config: node.batch_config.clone(),
            batches: batches_before(task, step),
            timeout_ms: node.timeout_ms,
            tags: self.request().tags.clone(),
            correlation_id: self.request().correlation_id.clone(),
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
            let lengths = of_ancestor.iter().map(|result| self.length(*result) + 1);
            let length = lengths.sum::<usize>();
            if length > left {
                omitted.push(name);
                continue;
            }
            left -= length;
            let result = if batched {
                list(of_ancestor.iter().map(|result| self.json(*result)))
            } else {
                self.json(of_ancestor[0])
            };
            results.insert(name, result);
        }
        (results, omitted)
    }

    /// The steps of a node that have results, in order; of batches, none in the place of one that has not.
    fn results_of(&self, task: &Task, node: NodeIndex) -> Vec<Option<StepIndex>> {
        let has = |step: &StepIndex| has_result(task, *step) && self.shown(*step).is_some();
        let steps = task.steps_of(node).map(|step| has(&step).then_some(step));
        if task.is_batched(node) {
            steps.collect()
        } else {
            steps.filter(Option::is_some).collect()
        }
    }

    /// The length of a result, in memory or not; of none, that of `null`.
    fn length(&self, result: Option<StepIndex>) -> usize {
        let shown = result.and_then(|step| self.shown(step));
        shown.map_or(json_null().get().len(), Shown::body_length)
    }

    fn json(&self, result: Option<StepIndex>) -> Json {
        result
            .and_then(|step| self.body(step))
            .unwrap_or_else(json_null)
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

/// Whether a step has what counts as its results.
fn has_result(task: &Task, step: StepIndex) -> bool {
    matches!(
        task.step(step).last,
        Some(Ending::Succeeded | Ending::Completed)
    )
}

fn list(results: impl Iterator<Item = Json>) -> Json {
    let results: Vec<Json> = results.collect();
    let texts: Vec<&str> = results.iter().map(|result| result.get()).collect();
    json(&format!("[{}]", texts.join(",")))
        .unwrap_or_else(|error| unreachable!("a list of JSON texts is JSON: {error}"))
}
