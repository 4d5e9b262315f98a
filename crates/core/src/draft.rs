//! The changes of one event while they are being decided: what several causes bring about at once stays consistent.

use std::collections::HashSet;

use tasker_protocol::api::StepState;

use crate::event::Change;
use crate::record::{Next, Record};
use crate::state::attempt_ref;
use crate::{State, StepIndex, Task, TaskId, Time};

/// The changes decided so far. A step's attempt ends once, and nothing happens to a task after its end.
pub struct Draft<'a> {
    /// What is decided on.
    pub state: &'a State,
    /// What follows, in order.
    pub changes: Vec<Change>,
    ended: HashSet<TaskId>,
    /// The steps that have a record already, where several causes may give them one.
    taken: Option<HashSet<(TaskId, StepIndex)>>,
}

impl<'a> Draft<'a> {
    /// Nothing is decided yet; no step gets more than one record.
    pub fn new(state: &'a State) -> Draft<'a> {
        Draft {
            state,
            changes: Vec::new(),
            ended: HashSet::new(),
            taken: None,
        }
    }

    /// Nothing is decided yet; several causes may end the same attempt, and the first counts.
    pub fn of_several_causes(state: &'a State) -> Draft<'a> {
        Draft {
            taken: Some(HashSet::new()),
            ..Draft::new(state)
        }
    }

    /// Adds a record, and what the end of its task brings with it. False when something came before it.
    pub fn record(&mut self, task: &Task, record: Record) -> bool {
        if self.ended.contains(&task.id) {
            return false;
        }
        if let (Some(taken), Some(step)) = (&mut self.taken, record.step())
            && !taken.insert((task.id, step))
        {
            return false;
        }
        let ends = ends(task, &record);
        let own = record.step();
        self.changes.push(Change::Recorded {
            task: task.id,
            record,
        });
        if ends {
            self.ended.insert(task.id);
            self.revoke_all_but(task, own);
        }
        true
    }

    /// Ends a task that took too long when the outcome of one of its steps comes; `late` is what is kept of that.
    pub fn expire(&mut self, task: &Task, own: StepIndex, late: Record, at: Time) {
        self.ended.insert(task.id);
        for record in [Record::Expired { at }, late] {
            let task = task.id;
            self.changes.push(Change::Recorded { task, record });
        }
        self.revoke_all_but(task, Some(own));
    }

    /// Tells the worker of a step's open attempt that the engine has ended it.
    pub fn revoke(&mut self, task: &Task, step: StepIndex) {
        if let Some(worker) = &task.step(step).worker {
            self.changes.push(Change::Revoked {
                instance: worker.instance,
                attempt: attempt_ref(task, step),
            });
        }
    }

    fn revoke_all_but(&mut self, task: &Task, own: Option<StepIndex>) {
        for (step, now) in (0..).zip(&task.steps) {
            if now.state == StepState::InProgress && own != Some(step) {
                self.revoke(task, step);
            }
        }
    }
}

/// Whether a record ends its task without success.
fn ends(task: &Task, record: &Record) -> bool {
    match record {
        Record::Cancelled { .. } | Record::Expired { .. } => true,
        Record::Failed { next, .. } | Record::Lost { next, .. } | Record::TimedOut { next, .. } => {
            *next == Next::Error && task.ends_with_an_error()
        }
        Record::Rejected { .. } => task.ends_with_an_error(),
        _ => false,
    }
}
