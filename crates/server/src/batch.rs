//! A commit as the journal appends it: one row and at most one insert or change of its `tasks` row for each task.

use std::collections::HashMap;

use tasker_core::engine::{Commit, Part};
use tasker_core::store::Store;
use tasker_core::texts::TaskTexts;
use tasker_core::{State, Task, TaskId, record};
use tasker_journal::{Append, NewKey, NewTask, Row, Summary, TaskChange};
use tasker_protocol::api::{StepState, TaskStatus};

/// What the journal is to append. `state` is as it is after the commit; `stored`, what the row of each task says, is
/// brought up to date; `keys` are those of tasks that are created.
pub fn append<W>(
    commit: &Commit,
    state: &State,
    texts: &Store<W>,
    stored: &mut HashMap<TaskId, Status>,
    keys: &mut HashMap<TaskId, NewKey>,
) -> Append {
    let mut append = Append::default();
    for part in &commit.tasks {
        if !part.records.is_empty() {
            append.rows.push(row(part));
        }
        // A late outcome may follow the end of a task that has left memory meanwhile: its row stays as it is.
        let Some(task) = state.task(part.task) else {
            continue;
        };
        if let (true, Some(texts)) = (part.created, texts.get(task.id)) {
            stored.insert(task.id, Status::Open);
            append.created.push(created(task, texts));
            append.keys.extend(keys.remove(&task.id));
        }
        let status = stored_status(task);
        if stored.insert(task.id, status) != Some(status) {
            append.changed.push(change(task, status));
        }
    }
    append
}

fn created(task: &Task, texts: &TaskTexts) -> NewTask {
    let request = serde_json::to_string(&*texts.request)
        .unwrap_or_else(|error| unreachable!("strings serialise: {error}"));
    NewTask {
        task_uuid: task.id,
        namespace: task.graph.namespace.to_string(),
        name: task.graph.name.clone(),
        version: task.graph.version.clone(),
        template_hash: task.graph.hash.clone(),
        status: Status::Open as i16,
        created_at: task.created_at.0,
        priority: task.priority,
        // It stays in memory until it is durable.
        context: texts
            .payload
            .context()
            .map_or("null", |context| context.get())
            .into(),
        request: request.into(),
    }
}

fn row(part: &Part) -> Row {
    let texts = part.texts.iter().map(|text| &**text);
    let (records, payload) = record::encode(&part.records, texts);
    Row {
        task_uuid: part.task,
        records,
        payload,
    }
}

/// What a task's row says of where it stands; other open states are answered from memory. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Something runs or will run by itself.
    Open = 0,
    /// A step is in error, and nothing will run by itself.
    Blocked = 1,
    /// Ended with success.
    Complete = 2,
    /// Ended with success, with steps done by an operator.
    ResolvedManually = 3,
    /// Ended without success.
    Error = 4,
    /// Ended by a request.
    Cancelled = 5,
}

/// What the row of a task is to say.
pub fn stored_status(task: &Task) -> Status {
    match task.status() {
        TaskStatus::BlockedByFailures => Status::Blocked,
        TaskStatus::Complete => Status::Complete,
        TaskStatus::ResolvedManually => Status::ResolvedManually,
        TaskStatus::Error => Status::Error,
        TaskStatus::Cancelled => Status::Cancelled,
        TaskStatus::Pending | TaskStatus::StepsInProcess | TaskStatus::WaitingForRetry => {
            Status::Open
        }
    }
}

fn change(task: &Task, status: Status) -> TaskChange {
    let count = |state| task.count(state) as i32;
    TaskChange {
        task_uuid: task.id,
        status: status as i16,
        ended_at: task.ended_at.map(|time| time.0),
        summary: Summary {
            updated_at: task.updated_at.0,
            total_steps: task.steps.len() as i32,
            pending_steps: count(StepState::Pending)
                + count(StepState::Enqueued)
                + count(StepState::WaitingForRetry),
            completed_steps: task.done() as i32,
            failed_steps: count(StepState::Error),
        },
    }
}
