//! Answers that are held back until what they saw is durable, and what becomes of one that saw what is refused.

use std::collections::HashMap;

use tasker_core::TaskId;
use tasker_protocol::error::ErrorDetail;
use tokio::sync::oneshot;

use super::Engine;
use crate::command::{Command, Obeyed};

/// The tasks of which a commit was refused.
pub(super) type Refused = HashMap<TaskId, RefusedTask>;

/// A task of which something was refused.
pub(super) struct RefusedTask {
    /// What callers are told.
    pub error: ErrorDetail,
    /// Whether the journal has the task: it is not its creation that was refused.
    pub is_created: bool,
}

/// An answer that is held back.
pub(super) struct Reply {
    saw: Saw,
    give: Give,
}

/// Given the refused tasks, of which it saw some if there are any: what is to be carried out for an answer.
type Give = Box<dyn FnOnce(&Refused) -> Option<Command> + Send>;

/// The tasks that an answer shows, or rests on.
pub(super) enum Saw {
    Nothing,
    Task(TaskId),
    Tasks(Vec<TaskId>),
    All,
}

impl Reply {
    /// Whether the answer rests on a task.
    pub fn saw(&self, id: TaskId) -> bool {
        match &self.saw {
            Saw::Nothing => false,
            Saw::Task(task) => *task == id,
            Saw::Tasks(tasks) => tasks.contains(&id),
            Saw::All => true,
        }
    }

    /// Gives the answer. Returns what is to be carried out for another one instead, if it is not true any more.
    pub fn give(self, refused: &Refused) -> Option<Command> {
        (self.give)(refused)
    }
}

impl Engine {
    /// Does something once all that was decided so far is durable; never if that is refused of this task.
    pub(super) fn reply(&mut self, task: TaskId, answer: impl FnOnce() + Send + 'static) {
        self.hold(Saw::Task(task), move |refused| {
            if refused.is_empty() {
                answer();
            }
            None
        });
    }

    /// Answers once all that the answer saw is durable; anew, by the command that `again` makes, if that is refused.
    pub(super) fn answer<T: Send + 'static>(
        &mut self,
        saw: Saw,
        answer: T,
        reply: oneshot::Sender<T>,
        again: impl FnOnce(oneshot::Sender<T>) -> Command + Send + 'static,
    ) {
        self.hold(saw, move |refused| {
            if !refused.is_empty() {
                return Some(again(reply));
            }
            drop(reply.send(answer));
            None
        });
    }

    /// Answers who wants something of a task once that is durable, or that it is refused.
    pub(super) fn obeyed<T: Send + 'static>(
        &mut self,
        task: TaskId,
        answer: Option<Result<T, ErrorDetail>>,
        reply: Obeyed<T>,
    ) {
        self.hold(Saw::Task(task), move |refused| {
            let refused = refused.get(&task);
            let refused = refused.map(|refused| Err(refused.error.clone()));
            drop(reply.send(refused.or(answer)));
            None
        });
    }

    pub(super) fn hold(
        &mut self,
        saw: Saw,
        give: impl FnOnce(&Refused) -> Option<Command> + Send + 'static,
    ) {
        let give = Box::new(give);
        self.core.hold(Reply { saw, give });
    }
}
