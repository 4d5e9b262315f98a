//! A task's state changes, as the engine sends them.

use anyhow::{Context, Result};
use tasker_protocol::api::{StepState, TaskEvent, TaskStatus};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The stream of a task's events, from its creation on. It ends with the task.
#[derive(Debug)]
pub struct Events {
    response: reqwest::Response,
    /// What has arrived and is no whole line yet.
    rest: Vec<u8>,
}

impl Events {
    pub(crate) fn new(response: reqwest::Response) -> Self {
        let rest = Vec::new();
        Self { response, rest }
    }

    /// The next event, once there is one; none when the task has ended.
    ///
    /// # Errors
    /// When the connection breaks, or what arrives is no event.
    pub async fn next(&mut self) -> Result<Option<TaskEvent>> {
        while let Some(line) = self.line().await? {
            if let Some(data) = line.strip_prefix("data:") {
                let event = serde_json::from_str(data);
                return event.with_context(|| format!("the event {data}")).map(Some);
            }
        }
        Ok(None)
    }

    /// Every event until the task has ended or is blocked.
    ///
    /// # Errors
    /// As [`Events::next`].
    pub async fn until_nothing_happens(mut self) -> Result<Vec<TaskEvent>> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await? {
            let is_blocked = matches!(
                &event,
                TaskEvent::Task {
                    status: TaskStatus::BlockedByFailures,
                    ..
                }
            );
            events.push(event);
            if is_blocked {
                break;
            }
        }
        Ok(events)
    }

    async fn line(&mut self) -> Result<Option<String>> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line = self.rest.drain(..=end).collect();
                return Ok(Some(String::from_utf8(line)?));
            }
            let Some(chunk) = self.response.chunk().await? else {
                return Ok(None);
            };
            self.rest.extend_from_slice(&chunk);
        }
    }
}

/// A change of one step's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: OffsetDateTime,
    /// The new state.
    pub state: StepState,
    /// Attempts so far.
    pub attempt: u32,
    /// Why the attempt failed, when this is its failure.
    pub error_message: Option<String>,
}

/// The changes of the step of this name, in their order.
///
/// # Errors
/// When a time is none.
pub fn changes_of(step: &str, events: &[TaskEvent]) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for event in events {
        if let TaskEvent::Step {
            at,
            step_name,
            state,
            attempt,
            error_message,
            ..
        } = event
            && step_name == step
        {
            changes.push(Change {
                at: time_of(at)?,
                state: *state,
                attempt: *attempt,
                error_message: error_message.clone(),
            });
        }
    }
    Ok(changes)
}

/// A time of the API.
///
/// # Errors
/// When it is not in RFC 3339.
pub fn time_of(text: &str) -> Result<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).with_context(|| format!("the time {text:?}"))
}
