//! The core of the engine: what tasks and steps do, as a pure state machine.
//!
//! [`decide`] looks at the state, an event and the time, and says what changes; it changes nothing. [`State::evolve`]
//! alone changes the state, live and in recovery alike. Nothing here does I/O, reads a clock or draws a random number:
//! all of them are handed in. So the same code runs in the engine, in property tests and in simulations.
//!
//! Layout, lowest first:
//! - [`time`]: points in time.
//! - [`clock`]: the engine's clock, which follows PostgreSQL's.
//! - [`pulse`]: noticing that one was frozen.
//! - [`trace`]: where a task is in a distributed trace.
//! - [`graph`]: the graph of a template, made once and shared by its tasks.
//! - [`outcome`]: what a handler said of a step, held against what the step can have.
//! - [`batches`]: how a step's work is split into batches.
//! - [`record`]: what happens to a task, as the journal keeps it.
//! - [`fate`]: which of a template's steps a task has.
//! - [`task`]: one task's steps, changed by records.
//! - [`backoff`]: how long a failed step waits.
//! - [`history`]: the state changes that each record made, for those who follow a task.
//! - [`caution`]: what a worker is given that hands back what it is given.
//! - [`worker`]: the connected workers, their slots and what they can run.
//! - [`turn`]: how long a task is the one that is served.
//! - [`ready`]: steps that wait for a worker.
//! - [`state`]: all of it together, and `evolve`.
//! - [`event`]: what can happen, and the changes that follow.
//! - [`operator`]: what people do to a task or a step, and when they cannot.
//! - `draft`: the changes of one event while they are decided.
//! - [`decide`](mod@decide): event to changes.
//! - [`dispatch`]: which ready step goes to which worker.
//! - [`waiting`]: why a step is not done.
//! - [`payload`]: what a task carries and the core does not read.
//! - [`texts`]: the same with how the task was asked for.
//! - [`store`]: the same for all tasks in memory, under a budget.
//! - [`missed`]: what concerns tasks that are not in memory.
//! - [`refusals`]: tasks of which the journal has refused something.
//! - [`engine`]: which effects wait for which commit.
//! - [`gateway`]: the engine's side of a worker's session, a pure machine of its own.
//! - [`fetch`]: results that a dispatch left out.
//! - [`creation`]: what a task may not be created with.
//! - [`order`]: what people ask to be done to a task or a step, and why it is refused.
//! - [`attempts`]: a step's history as the API shows it.
//! - [`view`]: tasks and steps as the API shows them.

pub mod attempts;
pub mod backoff;
pub mod batches;
pub mod caution;
pub mod clock;
pub mod creation;
pub mod decide;
pub mod dispatch;
mod draft;
pub mod engine;
pub mod event;
pub mod fate;
pub mod fetch;
pub mod gateway;
pub mod graph;
pub mod history;
pub mod missed;
#[cfg(feature = "mutation")]
pub mod mutation;
pub mod operator;
pub mod order;
pub mod outcome;
pub mod payload;
pub mod pulse;
pub mod ready;
pub mod record;
pub mod refusals;
pub mod state;
pub mod store;
pub mod task;
pub mod texts;
pub mod time;
pub mod trace;
pub mod turn;
pub mod view;
pub mod waiting;
pub mod worker;

pub use decide::decide;
pub use engine::Engine;
pub use event::{Change, Event};
pub use graph::Graph;
pub use record::Record;
pub use state::State;
pub use task::Task;
pub use time::Time;

/// Identifies a task: a UUIDv7.
pub type TaskId = uuid::Uuid;

/// Identifies a worker process: drawn at random when it starts.
pub type Instance = uuid::Uuid;

/// Where a step stands in its task's list of steps, which is in the order of their creation.
pub type StepIndex = u32;

/// Where a template's step stands in the template.
pub type NodeIndex = u32;
