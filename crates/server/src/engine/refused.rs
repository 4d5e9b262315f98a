//! What PostgreSQL refuses for good: the other tasks' part of the commit is durable, the refused tasks are forgotten and
//! read again, and whoever waits for them is told.

use serde_json::json;
use tasker_core::TaskId;
use tasker_journal as journal;
use tasker_protocol::error::{ErrorCode, ErrorDetail};

use super::Engine;
use super::replies::{Refused, RefusedTask};
use crate::command::Command;

impl Engine {
    /// Forgets what the journal has refused of the commit in flight. Returns the calls that are to be answered anew.
    pub(super) fn refuse(&mut self, parts: Vec<journal::Refused>) -> Vec<Command> {
        let (mut refused, mut replies) = (Refused::new(), Vec::new());
        for journal::Refused { task_uuid, message } in parts {
            tracing::error!(
                task = %task_uuid,
                "PostgreSQL refused what was to be stored of a task, which is read again: {message}"
            );
            let is_created = self.texts.is_created(task_uuid);
            let again = is_created.then(|| {
                let (state, now) = (self.core.state(), self.clock.now());
                self.refusals.add(task_uuid, &message, state, now)
            });
            let dropped = self
                .core
                .refused(task_uuid, again, |reply| reply.saw(task_uuid));
            self.refusals.lost(task_uuid, dropped.outcomes);
            replies.extend(dropped.replies);
            self.texts.remove(task_uuid);
            self.stored.remove(&task_uuid);
            let error = error(task_uuid, &message);
            if !is_created {
                self.followers.remove(&task_uuid);
                for reply in self.waiters.remove(&task_uuid).unwrap_or_default() {
                    drop(reply.send(Some(Err(error.clone()))));
                }
            }
            refused.insert(task_uuid, RefusedTask { error, is_created });
        }
        let again = replies.into_iter();
        again.filter_map(|reply| reply.give(&refused)).collect()
    }
}

fn error(task: TaskId, said: &str) -> ErrorDetail {
    ErrorDetail {
        code: ErrorCode::RecordRefused,
        message: format!(
            "PostgreSQL refused what was to be stored of task {task}: {said}; the request had no effect"
        ),
        details: json!({"task_uuid": task}),
    }
}
