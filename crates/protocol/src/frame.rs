//! Messages of a worker's session (`/v1/worker`), JSON text frames over a WebSocket.
//!
//! A message is an object with one key, its kind: `{"ready": {"slots": 8}}`. A frame is one message or an array of
//! them. A message that cannot be read costs only itself: the others of its frame count.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{Json, error::ErrorCode};

#[cfg(test)]
mod tests;

/// The oldest and the newest version of the session protocol that this build speaks.
pub const PROTOCOL_VERSIONS: [u32; 2] = [1, 1];

/// A frame longer than this, in bytes, is refused.
pub const MAX_FRAME_BYTES: usize = 32 << 20;

/// A frame of more messages than this is refused, whatever they are.
pub const MAX_FRAME_MESSAGES: usize = 16_384;

/// Results that a dispatch carries have at most so many bytes together; the others are fetched.
pub const MAX_DISPATCHED_RESULTS_BYTES: usize = 256 << 10;

/// A page of fetched results has at most so many bytes, or else one result.
pub const MAX_PAGE_BYTES: usize = 4 << 20;

/// Lines that an outcome's `logs` may have; of more the last are kept.
pub const MAX_LOG_LINES: usize = 200;

/// Bytes that an outcome's `logs` may have; of longer ones the last lines are kept.
pub const MAX_LOG_BYTES: usize = 64 << 10;

/// What a worker sends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerMessage {
    /// Opens the session; the first message.
    Hello(Hello),
    /// What an attempt produced.
    Outcome(Outcome),
    /// How many attempts the worker will hold now: an absolute number.
    Ready {
        /// Attempts that it will hold at once, those that it holds already included.
        slots: u32,
    },
    /// A dispatch that crossed a smaller `ready` and was never given to a handler.
    Returned(AttemptRef),
    /// Asks for results that a dispatch names in `omitted`.
    Fetch(Fetch),
    /// The last message of a worker that stops.
    Leaving {
        /// Attempts that still run and that it gives up. What it does not name was never given to a handler.
        #[serde(default)]
        running: Vec<AttemptRef>,
    },
}

/// What the engine sends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineMessage {
    /// The session is open.
    Welcome(Welcome),
    /// The session is refused; the engine closes it.
    Rejected(Rejection),
    /// Run this attempt.
    Dispatch(Box<Dispatch>),
    /// These outcomes are durable, or known to change nothing: the worker may forget them.
    Accepted(Vec<AttemptRef>),
    /// This attempt is not open any more: stop it if that is possible.
    Cancel(AttemptRef),
    /// Answers a `fetch`.
    Fetched(Fetched),
    /// Take no more work, finish what runs, leave.
    Drain {},
    /// A message of the worker could not be handled; nothing else is affected.
    Error(Rejection),
}

/// One attempt of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AttemptRef {
    /// The task that the step belongs to.
    pub task_uuid: Uuid,
    /// The step.
    pub step_uuid: Uuid,
    /// Counted from 1.
    pub attempt: u32,
}

/// Who the worker is, what it can run and what it runs already.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// The oldest and the newest protocol version that the worker speaks.
    pub protocol: [u32; 2],
    /// The worker's name, for people; stable across restarts.
    pub worker_id: String,
    /// Random per process.
    pub instance: Uuid,
    /// Counts this instance's greetings, from 1: of two of its sessions the one with the greater number is the later
    /// one, in whatever order the network brings them. 0 when the worker does not count.
    #[serde(default)]
    pub greeting: u64,
    /// `python`, `ruby`, `rust` or another.
    pub language: String,
    /// The worker library's version.
    pub version: String,
    /// Namespaces whose steps it runs.
    pub namespaces: Vec<String>,
    /// Callables that it can run.
    pub callables: Vec<String>,
    /// The text of each template that it brings.
    pub templates: Vec<String>,
    /// Attempts that it will hold at once.
    pub slots: u32,
    /// Every attempt that this instance holds: running, or finished and not yet accepted.
    pub running: Vec<AttemptRef>,
    /// Why the worker is not ready, a sentence each: it takes no attempts, and the templates that it brings have no
    /// effect. Absent when it is ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_ready: Vec<String>,
}

/// The session is open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    /// The version that both sides speak from here on.
    pub protocol: u32,
    /// The engine's fencing epoch.
    pub epoch: i64,
    /// The worker sends something, a WebSocket ping at least, this often, in milliseconds.
    pub heartbeat_ms: u64,
}

/// A message that was refused, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rejection {
    /// What kind of error.
    pub code: ErrorCode,
    /// A sentence that names what, where and the remedy.
    pub message: String,
}

/// What an attempt produced. `results` is there when it succeeded, `error` when it failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// The task.
    pub task_uuid: Uuid,
    /// The step.
    pub step_uuid: Uuid,
    /// Counted from 1.
    pub attempt: u32,
    /// Whether the handler succeeded.
    pub success: bool,
    /// Exactly what the handler returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results: Option<Json>,
    /// Why the attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// Whatever the handler adds, a JSON object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Json>,
    /// The steps that a decision creates: a JSON list of names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_steps: Option<Json>,
    /// The batches of a batchable step: a JSON list of cursors, `{"start", "end", "data"?}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batches: Option<Json>,
    /// What the handler logged: a JSON list of [`LogLine`]s, the last 200 and at most 64 KiB of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<Json>,
}

/// A line that a handler logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// When, RFC 3339.
    pub at: String,
    /// `debug`, `info`, `warning`, `error` or another.
    pub level: String,
    /// What logged it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logger: Option<String>,
    /// The text.
    pub message: String,
}

impl Outcome {
    /// The attempt that the outcome is of.
    pub fn attempt_ref(&self) -> AttemptRef {
        AttemptRef {
            task_uuid: self.task_uuid,
            step_uuid: self.step_uuid,
            attempt: self.attempt,
        }
    }
}

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// A sentence for people.
    pub message: String,
    /// The exception's class name, or what the engine or worker calls the failure (`worker_lost`, `timeout`).
    pub error_type: String,
    /// The handler's own code.
    #[serde(default)]
    pub error_code: Option<String>,
    /// Whether another attempt may succeed.
    pub retryable: bool,
    /// Wait this long before the next attempt, in milliseconds, instead of the template's back-off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The traceback, innermost frame last.
    #[serde(default)]
    pub backtrace: Option<String>,
}

/// An attempt to run, with all that its handler may ask for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Dispatch {
    /// The task.
    pub task_uuid: Uuid,
    /// The step.
    pub step_uuid: Uuid,
    /// Counted from 1.
    pub attempt: u32,
    /// The last attempt's number, unless an operator adds some.
    pub max_attempts: u32,
    /// The template's namespace.
    pub namespace: String,
    /// The template's name.
    pub name: String,
    /// The template's version.
    pub version: String,
    /// The step's name.
    pub step_name: String,
    /// The handler.
    pub callable: String,
    /// The handler's method.
    pub method: String,
    /// The handler's configuration (`initialization` in the template).
    pub configuration: Json,
    /// The same for all attempts of the step.
    pub idempotency_key: String,
    /// The task's context.
    pub context: Json,
    /// Results of the step's ancestors, by step name.
    pub results: BTreeMap<String, Json>,
    /// Ancestors whose results are too long to travel along; they are had by a [`Fetch`] each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub omitted: Vec<String>,
    /// The batch that a batch worker's step works on: `{"start", "end", "data"?}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Json>,
    /// What a batchable step's batches are to be like, unless its handler says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_config: Option<BatchConfig>,
    /// The batch workers before the step, by name, and how many batches each has. `results` has a list for each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub batches: BTreeMap<String, u32>,
    /// Milliseconds that the attempt may take, from its dispatch.
    pub timeout_ms: Option<u64>,
    /// The task's tags.
    pub tags: Vec<String>,
    /// The task's correlation id.
    pub correlation_id: Option<String>,
    /// The W3C trace context that the handler's span continues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// A request for results that a dispatch named in `omitted`. The attempt that it is for must be open.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fetch {
    /// The task.
    pub task_uuid: Uuid,
    /// The step whose handler asks.
    pub step_uuid: Uuid,
    /// Its attempt, counted from 1.
    pub attempt: u32,
    /// The ancestor whose results it asks for, as `omitted` names it.
    pub name: String,
    /// The index of the first result of the page: 0, then each answer's `next`.
    #[serde(default)]
    pub from: u64,
}

impl Fetch {
    /// The attempt that it is for.
    pub fn attempt_ref(&self) -> AttemptRef {
        AttemptRef {
            task_uuid: self.task_uuid,
            step_uuid: self.step_uuid,
            attempt: self.attempt,
        }
    }
}

/// The answer to a [`Fetch`]: a page of results, or why there is none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fetched {
    /// The task.
    pub task_uuid: Uuid,
    /// The step whose handler asked.
    pub step_uuid: Uuid,
    /// Its attempt, counted from 1.
    pub attempt: u32,
    /// The ancestor.
    pub name: String,
    /// The index of the first result.
    pub from: u64,
    /// The one result of a step; a page of those of batches, in cursor order.
    pub results: Vec<Json>,
    /// The index at which the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
    /// Why there are no results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Rejection>,
}

impl Fetched {
    /// What it answers.
    pub fn fetch(&self) -> Fetch {
        Fetch {
            task_uuid: self.task_uuid,
            step_uuid: self.step_uuid,
            attempt: self.attempt,
            name: self.name.clone(),
            from: self.from,
        }
    }
}

/// What batches are to be like, unless a handler says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchConfig {
    /// Items in a batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<u64>,
    /// The most batches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_workers: Option<u32>,
}

impl Dispatch {
    /// The attempt to run.
    pub fn attempt_ref(&self) -> AttemptRef {
        AttemptRef {
            task_uuid: self.task_uuid,
            step_uuid: self.step_uuid,
            attempt: self.attempt,
        }
    }
}

/// A message that could not be read, or a whole frame.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The frame, or one of its messages, is not JSON; nothing of the frame counts.
    #[error("the frame is not JSON: {0}")]
    Malformed(serde_json::Error),
    /// Nothing of the frame counts.
    #[error("the frame has {0} messages, at most {MAX_FRAME_MESSAGES} are taken")]
    Crowded(usize),
    /// The message is JSON of another shape.
    #[error("not a message of this protocol: {error}: {excerpt}")]
    Shape {
        /// What is wrong with it.
        error: serde_json::Error,
        /// Its first 120 characters.
        excerpt: String,
    },
}

/// The messages of a frame, in order.
pub fn decode<M: DeserializeOwned>(frame: &str) -> Vec<Result<M, Unreadable>> {
    let single = !frame.trim_start().starts_with('[');
    // The shortest message takes two bytes with its comma, and far more in memory. Counting them takes none.
    if !single && frame.len() > 2 * MAX_FRAME_MESSAGES {
        match serde_json::from_str::<Vec<IgnoredAny>>(frame) {
            Err(error) => return vec![Err(Unreadable::Malformed(error))],
            Ok(messages) if messages.len() > MAX_FRAME_MESSAGES => {
                return vec![Err(Unreadable::Crowded(messages.len()))];
            }
            Ok(_) => {}
        }
    }
    let read = if single {
        serde_json::from_str::<M>(frame).map(|message| vec![message])
    } else {
        serde_json::from_str::<Vec<M>>(frame)
    };
    match read {
        Ok(messages) => messages.into_iter().map(Ok).collect(),
        Err(error) if single => vec![Err(unreadable(frame, error))],
        Err(_) => decode_one_by_one(frame),
    }
}

fn decode_one_by_one<M: DeserializeOwned>(frame: &str) -> Vec<Result<M, Unreadable>> {
    match serde_json::from_str::<Vec<&RawValue>>(frame) {
        Err(error) => vec![Err(Unreadable::Malformed(error))],
        Ok(messages) => messages
            .into_iter()
            .map(|raw| {
                serde_json::from_str(raw.get()).map_err(|error| unreadable(raw.get(), error))
            })
            .collect(),
    }
}

fn unreadable(message: &str, error: serde_json::Error) -> Unreadable {
    if error.is_data() {
        Unreadable::Shape {
            error,
            excerpt: message.chars().take(120).collect(),
        }
    } else {
        Unreadable::Malformed(error)
    }
}

/// A frame that carries these messages: the message itself when it is one, else an array.
pub fn encode<M: Serialize>(messages: &[M]) -> Result<String, serde_json::Error> {
    match messages {
        [message] => serde_json::to_string(message),
        messages => serde_json::to_string(messages),
    }
}
