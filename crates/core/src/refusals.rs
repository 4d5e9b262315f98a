//! Tasks of which the journal has refused something. Each has left memory, is read again, and goes on from there with
//! what was lost with it made good: a refused outcome is a failure of its step, and an attempt that no worker was given
//! is offered again.
//!
//! A task that is refused again, before the journal has taken anything of it, waits: what the engine does by itself, a
//! dispatch or a time-out, would otherwise be refused without end. Whoever touches the task has it read before that.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tasker_protocol::api::StepState;
use tasker_protocol::frame::AttemptRef;

use crate::engine::Commit;
use crate::gateway::{self, Texts};
use crate::state::attempt_ref;
use crate::worker::SessionId;
use crate::{Event, State, StepIndex, Task, TaskId, Time};

/// How long a task stays out of memory that is refused again.
pub const PAUSE: Duration = Duration::from_secs(60);

/// The tasks, each until the journal takes something of it.
#[derive(Debug, Default)]
pub struct Refusals(BTreeMap<TaskId, Refusal>);

#[derive(Debug)]
struct Refusal {
    /// What the journal said; not when it says it again, as its words may be what it refuses.
    said: Option<String>,
    /// The sessions that were open when the task left memory.
    sessions: BTreeSet<SessionId>,
    /// Outcomes that are not acknowledged.
    outcomes: Vec<(SessionId, AttemptRef)>,
    /// Attempts that their workers were not given.
    ungiven: Vec<(SessionId, StepIndex, u32)>,
    /// Whether the journal has a commit of the task.
    in_flight: bool,
}

/// How a task goes on that is in memory again.
#[derive(Debug, Default)]
pub struct Resumed {
    /// Sessions to be closed. They were opened while the task was not there, so what their workers hold of it is not
    /// known: they name it as they come back.
    pub close: Vec<SessionId>,
    /// What is to happen, in order.
    pub events: Vec<(Event, Option<Texts>)>,
}

impl Refusals {
    /// The journal has refused something of a task, which is about to leave the state. When it is to be read again.
    pub fn add(&mut self, task: TaskId, said: &str, state: &State, now: Time) -> Time {
        let workers = state.workers().iter();
        let sessions = workers.filter_map(|(_, worker)| worker.session).collect();
        let before = self.0.remove(&task);
        let is_first = before.is_none();
        let (outcomes, ungiven) = before
            .map(|before| (before.outcomes, before.ungiven))
            .unwrap_or_default();
        let refusal = Refusal {
            said: is_first.then(|| said.to_owned()),
            sessions,
            outcomes,
            ungiven,
            in_flight: false,
        };
        self.0.insert(task, refusal);
        if is_first { now } else { now + PAUSE }
    }

    /// Outcomes of the task were lost with it.
    pub fn lost(&mut self, task: TaskId, outcomes: Vec<(SessionId, AttemptRef)>) {
        if let Some(refusal) = self.0.get_mut(&task) {
            let known = &mut refusal.outcomes;
            let new = outcomes.into_iter();
            let new: Vec<_> = new.filter(|outcome| !known.contains(outcome)).collect();
            known.extend(new);
        }
    }

    /// An attempt was not given to its worker before its task left memory, if it did.
    pub fn ungiven(&mut self, task: TaskId, session: SessionId, step: StepIndex, attempt: u32) {
        if let Some(refusal) = self.0.get_mut(&task) {
            refusal.ungiven.push((session, step, attempt));
        }
    }

    /// Whether something of a task was refused.
    pub fn contains(&self, task: TaskId) -> bool {
        self.0.contains_key(&task)
    }

    /// A task is in memory again: how it goes on, if it is one of these.
    pub fn resume(&self, task: &Task, state: &State) -> Resumed {
        let Some(refusal) = self.0.get(&task.id) else {
            return Resumed::default();
        };
        // Workers that went away meanwhile have their time to come back.
        let mut events = vec![(Event::Recovered, None)];
        let mut close = BTreeSet::new();
        for (index, step) in (0..).zip(&task.steps) {
            if step.state != StepState::InProgress {
                continue;
            }
            let given = Event::Given {
                task: task.id,
                step: index,
                attempt: step.attempts,
            };
            events.push((given, None));
            let worker = step.worker.as_ref();
            let worker = worker.and_then(|worker| state.workers().get(worker.instance));
            let session = worker.and_then(|worker| worker.session);
            close.extend(session.filter(|session| !refusal.sessions.contains(session)));
        }
        for &(session, step, attempt) in &refusal.ungiven {
            let known = task.steps.get(step as usize);
            if known.is_some_and(|known| known.attempts == attempt) {
                let attempt = attempt_ref(task, step);
                events.push((Event::Ungiven { session, attempt }, None));
            }
        }
        let said = refusal.said.as_deref();
        let said = said.unwrap_or("it did so more than once, and the engine's log has its words");
        for &(session, attempt) in &refusal.outcomes {
            let (verdict, texts) = gateway::refused(said);
            let outcome = Event::Outcome {
                session,
                attempt,
                verdict,
            };
            events.push((outcome, Some(texts)));
        }
        Resumed {
            close: close.into_iter().collect(),
            events,
        }
    }

    /// A task is gone: its outcomes, which change nothing any more.
    pub fn forget(&mut self, task: TaskId) -> Vec<(SessionId, AttemptRef)> {
        let refusal = self.0.remove(&task);
        refusal.map(|refusal| refusal.outcomes).unwrap_or_default()
    }

    /// The journal has a commit now.
    pub fn sealed(&mut self, commit: &Commit) {
        if self.0.is_empty() {
            return;
        }
        for part in &commit.tasks {
            if let Some(refusal) = self.0.get_mut(&part.task) {
                refusal.in_flight = true;
            }
        }
    }

    /// The journal has taken the commit, but for what was refused.
    pub fn committed(&mut self) {
        self.0.retain(|_, refusal| !refusal.in_flight);
    }
}
