//! What the API and the sessions ask of the engine.

use std::sync::Arc;

use tasker_core::event::Restored;
use tasker_core::gateway::Texts;
use tasker_core::operator::Action;
use tasker_core::texts::{Request, TaskTexts};
use tasker_core::worker::SessionId;
use tasker_core::{Event, Graph, StepIndex, TaskId};
use tasker_journal::NewKey;
use tasker_protocol::error::ErrorDetail;
use tasker_protocol::frame::Fetch;
use tasker_protocol::{Json, api};
use tokio::sync::{broadcast, oneshot};
use uuid::Uuid;

use crate::admission::Share;
use crate::follow::Followed;
use crate::idempotency::Held;
use crate::outbox::{Outbox, Reserved};

/// What the API and the sessions ask of the engine. An answer of `None` says that the task is not in memory.
pub enum Command {
    /// Create a task. Answered when it is durable or, if `wait` is set, settled.
    Create {
        /// The task.
        task: Box<NewTask>,
        /// Whether to answer only when the task has ended or is blocked.
        wait: bool,
        /// Gets the task, or why it is not created.
        reply: Obeyed<api::Task>,
    },
    /// Create tasks in one commit. Answered when they are durable.
    CreateMany {
        /// The tasks.
        tasks: Vec<NewTask>,
        /// Gets them, in their order.
        reply: oneshot::Sender<Vec<Result<api::Task, ErrorDetail>>>,
    },
    /// Show a task.
    Task {
        /// Which.
        task: TaskId,
        /// Whether to answer only when the task has ended or is blocked.
        wait: bool,
        /// Gets the task.
        reply: Obeyed<api::Task>,
    },
    /// Show tasks.
    Tasks {
        /// Which.
        tasks: Vec<TaskId>,
        /// Gets those that are in memory.
        reply: oneshot::Sender<Vec<api::Task>>,
    },
    /// Show a task's steps.
    Steps {
        /// Which task's.
        task: TaskId,
        /// The first step.
        from: StepIndex,
        /// How many at most.
        limit: usize,
        /// Gets a page of them.
        reply: oneshot::Sender<Option<api::StepPage>>,
    },
    /// Show one step of a task.
    Step {
        /// Which task's.
        task: TaskId,
        /// Which.
        step_uuid: Uuid,
        /// Gets the step, and how many of the task's records it shows; or that there is no such step.
        reply: oneshot::Sender<Option<Result<(api::Step, u64), ErrorDetail>>>,
    },
    /// Follow a task: what each commit adds to it from now on.
    Follow {
        /// Which.
        task: TaskId,
        /// Gets the commits, once all that came before them is durable.
        reply: oneshot::Sender<Option<broadcast::Receiver<Arc<Followed>>>>,
    },
    /// Show the workers that have a session.
    Workers {
        /// Gets them, in the order of name and process.
        reply: oneshot::Sender<Vec<api::Worker>>,
    },
    /// A worker's session opens.
    Open {
        /// What happened.
        event: Event,
        /// Where its messages go; dropped when another session replaces it.
        outbox: Outbox,
    },
    /// Something happened in a worker's session: what one frame has said, as a rule.
    Session {
        /// What, each with the texts of an outcome.
        events: Vec<(Event, Option<Texts>)>,
        /// The share that the frame has of what may wait for the journal; none of what came in no frame.
        share: Option<Arc<Share>>,
    },
    /// A worker asks for results that a dispatch left out.
    Fetch {
        /// Its session.
        session: SessionId,
        /// What it asks for.
        fetch: Fetch,
        /// The room that its outbox has for the answer.
        reserved: Reserved,
    },
    /// Do something to a task, or to a step of it.
    Order(Order),
    /// Texts that the engine wanted, in the order in which it wanted them.
    Texts(Vec<Option<String>>),
    /// The task of what found it not in memory.
    Found {
        /// Which.
        task: TaskId,
        /// The task; none when there is no such task, or it cannot be read.
        loaded: Option<Box<Loaded>>,
    },
}

/// What people want done to a task. It is read again when it is not in memory.
pub struct Order {
    /// Which.
    pub task: TaskId,
    /// What.
    pub what: What,
}

/// What is to be done.
pub enum What {
    /// Cancel the task.
    Cancel {
        /// Gets the task, once it is cancelled.
        reply: Obeyed<api::Task>,
    },
    /// Act on a step.
    Act {
        /// Which.
        step_uuid: Uuid,
        /// What is to happen.
        action: Action,
        /// Results and cursors, who acts and why.
        texts: Texts,
        /// The share that its call has of what may wait for the journal.
        share: Share,
        /// Gets the step, once that is durable.
        reply: Obeyed<api::Step>,
    },
}

/// Where an answer goes: what was asked for, or why it is refused; none when the task is not in memory, or cannot be read.
pub type Obeyed<T> = oneshot::Sender<Option<Result<T, ErrorDetail>>>;

/// A task that was read again.
pub struct Loaded {
    /// What the core needs.
    pub restored: Arc<Restored>,
    /// What it carries.
    pub texts: TaskTexts,
    /// Rows that the journal has of it.
    pub rows: u32,
}

/// A task to create.
pub struct NewTask {
    /// Its identifier.
    pub id: TaskId,
    /// What it runs.
    pub graph: Arc<Graph>,
    /// From -100 to 100; higher first.
    pub priority: i16,
    /// How it was asked for.
    pub request: Request,
    /// What it works on.
    pub context: Json,
    /// Its idempotency key.
    pub key: Option<NewKey>,
    /// What it has until it is durable.
    pub until_durable: UntilDurable,
}

/// What a creation has to itself until its task is durable, or will not be: dropped then.
pub struct UntilDurable {
    /// Its idempotency key.
    pub held: Option<Held>,
    /// The share that its call has of what may wait for the journal.
    pub share: Arc<Share>,
}
