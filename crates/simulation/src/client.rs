//! Clients: they create tasks until they are told of each, look at them now and then, and wait for some.

use std::collections::BTreeMap;
use std::time::Duration;

use tasker_core::TaskId;

use crate::engine::{EngineInput, Request, RequestId, View};
use crate::environment::Environment;
use crate::invariants::{Check, Violation, holds};
use crate::schedule::{EngineId, Happening};
use crate::trace::Note;

/// What a client hears of a task; nothing when it is unknown.
#[derive(Clone, Debug)]
pub struct Answer(pub Option<View>);

/// What the clients have to handle.
#[derive(Clone, Debug)]
pub enum ClientInput {
    /// Something is to be asked.
    Ask(Request),
    /// A call is answered.
    Answered(RequestId, Answer),
    /// A call gets no answer.
    Lost(RequestId),
}

/// All clients.
#[derive(Debug, Default)]
pub struct Clients {
    calls: BTreeMap<RequestId, (EngineId, Request)>,
    last: u64,
    /// What is to be asked later.
    planned: usize,
}

impl Clients {
    /// Clients that create a run's tasks while it is rough.
    pub fn start(env: &mut Environment) -> Clients {
        let mut clients = Clients::default();
        let templates: Vec<String> = env.workflows.keys().cloned().collect();
        let chaos = u64::try_from(env.plan.chaos.as_micros()).unwrap_or(u64::MAX);
        for _ in 0..env.plan.tasks {
            let request = Request::Create {
                template: env.chance.pick(&templates),
                priority: env.chance.pick(&[0, 0, 0, 1, -100, 100]),
                wait: env.chance.permille(200),
            };
            let wait = Duration::from_micros(env.chance.between(0, chaos));
            clients.plan(wait, request, env);
        }
        clients
    }

    /// Whether nothing is asked or will be.
    pub fn are_idle(&self) -> bool {
        self.calls.is_empty() && self.planned == 0
    }

    /// Handles something.
    pub fn handle(&mut self, input: ClientInput, env: &mut Environment) {
        match input {
            ClientInput::Ask(request) => {
                self.planned -= 1;
                self.ask(request, env);
            }
            ClientInput::Answered(id, Answer(view)) => {
                if let Some((_, request)) = self.calls.remove(&id) {
                    let check = self.answered(&request, view, env);
                    env.check(check);
                }
            }
            ClientInput::Lost(id) => {
                if let Some((_, request)) = self.calls.remove(&id) {
                    // Whoever creates a task and is not told of it creates another one.
                    let wait = env
                        .chance
                        .duration(Duration::from_millis(1), Duration::from_secs(1));
                    self.plan(wait, request, env);
                }
            }
        }
    }

    /// An engine is gone, and with it the calls that it had.
    pub fn lose(&mut self, engine: EngineId, env: &mut Environment) {
        let lost: Vec<RequestId> = self
            .calls
            .iter()
            .filter(|(_, (called, _))| *called == engine)
            .map(|(id, _)| *id)
            .collect();
        for id in lost {
            let wait = env.latency();
            env.after(wait, Happening::Client(ClientInput::Lost(id)));
        }
    }

    fn plan(&mut self, wait: Duration, request: Request, env: &mut Environment) {
        self.planned += 1;
        env.after(wait, Happening::Client(ClientInput::Ask(request)));
    }

    fn ask(&mut self, request: Request, env: &mut Environment) {
        self.last += 1;
        let id = RequestId(self.last);
        let wait = env.latency();
        let (engine, happening) = match env.front {
            Some(engine) => {
                let input = EngineInput::Request(id, request.clone());
                (engine, Happening::Engine(engine, input))
            }
            None => {
                let lost = Happening::Client(ClientInput::Lost(id));
                (EngineId(u32::MAX), lost)
            }
        };
        self.calls.insert(id, (engine, request));
        env.after(wait, happening);
    }

    fn answered(&mut self, request: &Request, view: Option<View>, env: &mut Environment) -> Check {
        let wait = match request {
            Request::Create { wait, .. } | Request::Show { wait, .. } => *wait,
            Request::Cancel { .. } | Request::Mend { .. } => false,
        };
        let Some(view) = view else {
            return an_acknowledged_task_is_known(request);
        };
        a_wait_ends_when_the_task_has_settled(wait, &view)?;
        let task = view.task;
        if matches!(request, Request::Create { .. }) {
            env.note(Note::Answered(task, "created"));
            env.ledger.acknowledge(task)?;
            for _ in 0..env.chance.below(4) {
                let wait = env.chance.permille(300);
                let later = env
                    .chance
                    .duration(Duration::from_micros(100), Duration::from_secs(5));
                self.plan(later, Request::Show { task, wait }, env);
            }
            self.meddle(task, env);
        } else {
            env.note(Note::Answered(task, "shown"));
        }
        Ok(())
    }

    /// Somebody cancels a task, or mends what failed in it.
    fn meddle(&mut self, task: TaskId, env: &mut Environment) {
        let (soon, late) = (Duration::from_millis(1), Duration::from_secs(10));
        if env.chance.permille(env.plan.meddling) {
            let later = env.chance.duration(soon, late);
            self.plan(later, Request::Cancel { task }, env);
        }
        while env.chance.permille(env.plan.meddling * 4) {
            let choice = env.chance.draw();
            let later = env.chance.duration(soon, late);
            self.plan(later, Request::Mend { task, choice }, env);
        }
    }
}

/// A task that a client was told of is never unknown again.
fn an_acknowledged_task_is_known(request: &Request) -> Check {
    let task: Option<TaskId> = match request {
        Request::Create { .. } => None,
        Request::Show { task, .. } | Request::Cancel { task } | Request::Mend { task, .. } => {
            Some(*task)
        }
    };
    holds!(
        an_acknowledged_task_is_known,
        false,
        "a client was told that there is no task {task:?}"
    )
}

/// Whoever waits for a task is answered when it has ended or is blocked.
fn a_wait_ends_when_the_task_has_settled(wait: bool, view: &View) -> Check {
    holds!(
        a_wait_ends_when_the_task_has_settled,
        !wait || view.settled,
        "a wait was answered with {view:?}"
    )
}
