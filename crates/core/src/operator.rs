//! What people do to a task or a step, and when they cannot.

use std::fmt;

use tasker_protocol::api::{StepState, TaskStatus};

use crate::outcome::{Branches, Invalid, Success, check};
use crate::{Record, StepIndex, Task, Time};

/// What an operator does to a step that is in error or waits for its next attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Run it again at once, with as many attempts as the template gives and its back-off from the beginning.
    Retry,
    /// Declare it done, without results: no branches, no batches.
    Resolve,
    /// Give what its handler would have given. The results stay outside the core.
    Complete(Success),
}

/// Why something cannot be done to a task or step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The task has ended.
    Ended(TaskStatus),
    /// The step is neither in error nor does it wait for its next attempt.
    State(StepState),
    /// What is given in the handler's place cannot be.
    Invalid(Invalid),
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Ended(status) => write!(
                out,
                "the task has ended as `{}`: nothing can be done to it any more",
                word(status)
            ),
            Refusal::State(state) => write!(
                out,
                "the step is `{}`: only one in `error` or `waiting_for_retry` can be retried, resolved or completed",
                word(state)
            ),
            Refusal::Invalid(invalid) => invalid.fmt(out),
        }
    }
}

/// The word by which the API calls a status or state.
fn word(value: &impl serde::Serialize) -> String {
    let word = serde_json::to_value(value).ok();
    let word = word.as_ref().and_then(serde_json::Value::as_str);
    word.unwrap_or_default().to_owned()
}

/// The record of a task's cancellation.
pub fn cancel(task: &Task, at: Time) -> Result<Record, Refusal> {
    has_not_ended(task, at)?;
    Ok(Record::Cancelled { at })
}

/// A task that took too long ends as soon as timers fire.
fn has_not_ended(task: &Task, now: Time) -> Result<(), Refusal> {
    if task.has_ended() {
        Err(Refusal::Ended(task.status()))
    } else if task.is_overdue(now) {
        Err(Refusal::Ended(TaskStatus::Error))
    } else {
        Ok(())
    }
}

/// The record of an operator's action on a step.
pub fn act(task: &Task, step: StepIndex, action: &Action, at: Time) -> Result<Record, Refusal> {
    has_not_ended(task, at)?;
    let state = task.step(step).state;
    if !matches!(state, StepState::Error | StepState::WaitingForRetry) {
        return Err(Refusal::State(state));
    }
    match action {
        Action::Retry => Ok(Record::Retried { step, at }),
        Action::Resolve => Ok(Record::Resolved { step, at }),
        Action::Complete(success) => {
            let node = task.step(step).node;
            let (chosen, batches) =
                match check(&task.graph, node, success).map_err(Refusal::Invalid)? {
                    Branches::None => (Vec::new(), 0),
                    Branches::Chosen(chosen) => (chosen, 0),
                    Branches::Batches(batches) => (Vec::new(), batches),
                };
            Ok(Record::Completed {
                step,
                at,
                chosen,
                batches,
            })
        }
    }
}
