//! What the next commit adds, folded: one row and at most one insert or change of its `tasks` row for each task; and
//! what is released once it is durable.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tasker_core::gateway::Texts;
use tasker_core::worker::SessionId;
use tasker_core::{Record, Task, TaskId, Time, record};
use tasker_journal::{Append, NewTask, Row, TaskChange};
use tasker_protocol::api::TaskStatus;
use tasker_protocol::frame::{AttemptRef, EngineMessage};

use crate::follow::Followed;
use crate::payloads::TaskTexts;

/// Something that happens once a commit is durable.
pub enum Release {
    /// A message goes to a worker.
    Message(SessionId, EngineMessage),
    /// A caller gets an answer.
    Reply(Box<dyn FnOnce() + Send>),
    /// An ended task leaves memory.
    Evict(TaskId),
}

/// What the next commit adds.
#[derive(Default)]
pub struct Batch {
    tasks: HashMap<TaskId, TaskBatch>,
    order: Vec<TaskId>,
    created: Vec<NewTask>,
    accepted: BTreeMap<SessionId, Vec<AttemptRef>>,
    releases: Vec<Release>,
}

#[derive(Default)]
struct TaskBatch {
    /// The number of its first record.
    first: u64,
    records: Vec<Record>,
    texts: Vec<Arc<str>>,
}

impl Batch {
    /// Whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Holds something back until the commit is durable.
    pub fn hold(&mut self, release: Release) {
        self.releases.push(release);
    }

    /// Accepts an outcome once the commit is durable; each session hears of all of its outcomes in one message.
    pub fn accept(&mut self, session: SessionId, attempt: AttemptRef) {
        self.accepted.entry(session).or_default().push(attempt);
    }

    /// What is to be released once the commit is durable, in order.
    pub fn into_releases(self) -> impl Iterator<Item = Release> {
        let accepted = self.accepted.into_iter().map(|(session, attempts)| {
            Release::Message(session, EngineMessage::Accepted(attempts))
        });
        accepted.chain(self.releases)
    }

    /// Adds a task's creation.
    pub fn create(&mut self, task: &Task, texts: &TaskTexts) {
        self.entry(task);
        let request = serde_json::to_string(&*texts.request)
            .unwrap_or_else(|error| unreachable!("strings serialise: {error}"));
        self.created.push(NewTask {
            task_uuid: task.id,
            namespace: task.graph.namespace.to_string(),
            name: task.graph.name.clone(),
            version: task.graph.version.clone(),
            template_hash: task.graph.hash.clone(),
            status: Status::Open as i16,
            created_at: task.created_at.0,
            priority: task.priority,
            context: texts.context.get().into(),
            request: request.into(),
        });
    }

    /// Adds a record that was just applied to `task`, with its texts.
    pub fn record(&mut self, task: &Task, record: Record, texts: Option<&Texts>) {
        let entry = self.entry(task);
        if record.texts() > 0 {
            let body = texts.map_or("null", |texts| texts.body.get());
            let metadata = texts.and_then(|texts| texts.metadata.as_ref());
            entry.texts.push(body.into());
            entry
                .texts
                .push(metadata.map_or("", |metadata| metadata.get()).into());
        }
        entry.records.push(record);
    }

    fn entry(&mut self, task: &Task) -> &mut TaskBatch {
        self.tasks.entry(task.id).or_insert_with(|| {
            self.order.push(task.id);
            TaskBatch {
                first: task.records.max(1),
                ..TaskBatch::default()
            }
        })
    }

    /// The tasks that the batch touches.
    pub fn touched(&self) -> &[TaskId] {
        &self.order
    }

    /// What the journal appends. `changed` are the tasks whose stored status is another now.
    pub fn append(&mut self, changed: Vec<TaskChange>) -> Append {
        let rows = self
            .order
            .iter()
            .filter_map(|task| {
                let batch = self.tasks.get(task)?;
                if batch.records.is_empty() {
                    return None;
                }
                let texts = batch.texts.iter().map(|text| &**text);
                let (records, payload) = record::encode(&batch.records, texts);
                Some(Row {
                    task_uuid: *task,
                    records,
                    payload,
                })
            })
            .collect();
        Append {
            created: std::mem::take(&mut self.created),
            rows,
            changed,
        }
    }

    /// What the batch adds to a task, for those who follow it.
    pub fn followed(&self, task: TaskId) -> Option<Followed> {
        let batch = self.tasks.get(&task)?;
        Some(Followed {
            first: batch.first,
            records: batch.records.clone(),
            texts: batch.texts.clone(),
        })
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

/// A change of a task's row.
pub fn change(task: &Task, status: Status) -> TaskChange {
    let ended_at: Option<Time> = task.has_ended().then_some(task.updated_at);
    TaskChange {
        task_uuid: task.id,
        status: status as i16,
        ended_at: ended_at.map(|time| time.0),
    }
}
