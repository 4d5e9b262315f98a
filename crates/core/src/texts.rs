//! What a task carries and the core does not read: how it was asked for, its context, the results and errors of its
//! steps.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tasker_protocol::Json;
use tasker_protocol::api::CreateTask;

use crate::payload::Payload;

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
    /// The span that asked for the task, as a W3C `traceparent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
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
            traceparent: None,
        }
    }
}

/// The texts of one task.
#[derive(Clone, Debug)]
pub struct TaskTexts {
    /// How it was asked for.
    pub request: Arc<Request>,
    /// What it works on and what its steps gave.
    pub payload: Payload,
}

impl TaskTexts {
    /// Those of a task without outcomes.
    pub fn new(request: Request, context: Json) -> TaskTexts {
        TaskTexts {
            request: Arc::new(request),
            payload: Payload::new(context),
        }
    }
}
