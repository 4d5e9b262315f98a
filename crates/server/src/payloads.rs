//! What the tasks in memory carry and the core does not read: how they were asked for, their contexts, the results and
//! errors of their steps.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tasker_core::gateway::Texts;
use tasker_core::{Record, StepIndex, TaskId};
use tasker_protocol::Json;
use tasker_protocol::api::CreateTask;

/// How a task was asked for, without what the core or a column of its own holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Who asked for the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiator: Option<String>,
    /// The system that asked for the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_system: Option<String>,
    /// Why the task was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Words to find the task by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Ties the task to other records of the caller's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The correlation id of what caused the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_correlation_id: Option<String>,
}

impl From<&CreateTask> for Request {
    fn from(create: &CreateTask) -> Request {
        Request {
            initiator: create.initiator.clone(),
            source_system: create.source_system.clone(),
            reason: create.reason.clone(),
            tags: create.tags.clone(),
            correlation_id: create.correlation_id.clone(),
            parent_correlation_id: create.parent_correlation_id.clone(),
        }
    }
}

/// The texts of one task.
#[derive(Clone, Debug)]
pub struct TaskTexts {
    /// How it was asked for.
    pub request: Arc<Request>,
    /// What it works on.
    pub context: Json,
    /// For each step, what it has to show: its results or last failure.
    steps: Vec<Option<Texts>>,
}

impl TaskTexts {
    /// Those of a task without outcomes.
    pub fn new(request: Request, context: Json) -> TaskTexts {
        TaskTexts {
            request: Arc::new(request),
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

    /// A step's texts.
    pub fn step(&self, step: StepIndex) -> Option<&Texts> {
        self.steps.get(step as usize)?.as_ref()
    }
}

/// The texts of all tasks in memory.
pub type Payloads = HashMap<TaskId, TaskTexts>;
