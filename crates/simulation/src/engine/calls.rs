//! What clients ask of an engine, and what they are told: what was asked for is decided and looked at at once, and told
//! when all of it is durable.

use std::sync::Arc;

use tasker_core::gateway::Texts;
use tasker_core::operator::{self, Action};
use tasker_core::outcome::Success;
use tasker_core::state::Idle;
use tasker_core::texts::{Request as Asked, TaskTexts};
use tasker_core::{Event, StepIndex, Task, TaskId};
use tasker_protocol::api::StepState;
use tasker_protocol::json_null;

use super::commits::Reply;
use super::reading::Reading;
use super::serving::Serving;
use crate::client::{Answer, ClientInput};
use crate::environment::Environment;
use crate::inspection;
use crate::journal::json;
use crate::schedule::Happening;
use crate::script;
use crate::workflow::{Kind, Workflow};

/// A client's call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// What a client asks.
#[derive(Clone, Debug)]
pub enum Request {
    /// Create a task.
    Create {
        /// The hash of its template.
        template: String,
        /// Its priority.
        priority: i16,
        /// Whether to answer only when it has settled.
        wait: bool,
    },
    /// Show a task.
    Show {
        /// Which.
        task: TaskId,
        /// Whether to answer only when it has settled.
        wait: bool,
    },
    /// Cancel a task, if it has not ended.
    Cancel {
        /// Which.
        task: TaskId,
    },
    /// Do something to a step that failed, if there is one.
    Mend {
        /// Which task's.
        task: TaskId,
        /// Decides what.
        choice: u64,
    },
}

/// A task as it is shown: what was decided up to a record.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The task.
    pub task: TaskId,
    /// The records that it shows.
    pub records: u64,
    /// Each step's state and attempts.
    pub steps: Vec<(StepState, u32)>,
    /// Whether nothing will happen by itself any more.
    pub settled: bool,
}

impl View {
    /// A task as it is now.
    pub fn of(task: &Task) -> View {
        let steps = task.steps.iter();
        View {
            task: task.id,
            records: task.records,
            steps: steps.map(|step| (step.state, step.attempts)).collect(),
            settled: task.is_settled(),
        }
    }
}

/// Answers that there is no engine.
pub fn refuse(request: RequestId, env: &mut Environment) {
    let wait = env.latency();
    env.after(wait, Happening::Client(ClientInput::Lost(request)));
}

/// Answers a call.
pub fn answer(request: RequestId, view: Option<View>, env: &mut Environment) {
    let check = inspection::answered(view.as_ref(), env);
    env.check(check);
    let lost = !env.healed && env.chance.permille(env.plan.lost_answers);
    let input = if lost {
        ClientInput::Lost(request)
    } else {
        ClientInput::Answered(request, Answer(view))
    };
    let wait = env.latency();
    env.after(wait, Happening::Client(input));
}

impl Serving {
    /// A client asks something.
    pub(super) fn request(&mut self, id: RequestId, request: Request, env: &mut Environment) {
        if let Request::Cancel { task } | Request::Mend { task, .. } = request
            && self.core.state().idle(task).is_some()
        {
            return self.read_task(task, Reading::Request(id, request), env);
        }
        let (task, wait) = match request {
            Request::Show { task, wait } => (task, wait),
            Request::Create {
                template,
                priority,
                wait,
            } => (self.create(&template, priority, env), wait),
            Request::Cancel { task } => {
                self.happen(&Event::Cancel { task }, None, env);
                (task, false)
            }
            Request::Mend { task, choice } => {
                self.mend(task, choice, env);
                (task, false)
            }
        };
        match self.core.state().task(task) {
            Some(known) if wait && !known.is_settled() => {
                self.waiters.entry(task).or_default().push(id);
            }
            Some(known) => {
                let view = View::of(known);
                self.core.hold(Reply::View(id, view));
            }
            None if wait && self.core.state().idle(task).is_some_and(Idle::goes_on) => {
                self.waiters.entry(task).or_default().push(id);
            }
            // It has ended and left memory, or never was: the journal knows.
            None => {
                let view = env.journal.task(task).map(|stored| {
                    let graph = &env.workflows[&stored.created.template].graph;
                    View::of(&stored.replay(graph, u64::MAX))
                });
                answer(id, view, env);
            }
        }
    }

    fn create(&mut self, template: &str, priority: i16, env: &mut Environment) -> TaskId {
        let mut random = [0; 10];
        env.chance.fill(&mut random);
        let millis = u64::try_from(self.now(env).0 / 1000).unwrap_or(0);
        let task = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        let context = json(&script::context(task));
        self.texts
            .create(task, TaskTexts::new(Asked::default(), context));
        let graph = Arc::clone(&env.workflows[template].graph);
        let event = Event::Create {
            task,
            graph,
            priority,
        };
        self.happen(&event, None, env);
        task
    }

    fn mend(&mut self, id: TaskId, choice: u64, env: &mut Environment) {
        let Some(task) = self.core.state().task(id) else {
            return;
        };
        let failed = |step: &StepIndex| {
            let state = task.step(*step).state;
            matches!(state, StepState::Error | StepState::WaitingForRetry)
        };
        let Some(step) = (0..task.steps.len() as StepIndex).find(failed) else {
            return;
        };
        let workflow = &env.workflows[&task.graph.hash];
        let node = task.step(step).node as usize;
        let (action, texts) = match choice % 3 {
            0 => (Action::Retry, note()),
            1 => (Action::Resolve, note()),
            _ => completion(workflow, node, choice),
        };
        if operator::act(task, step, &action, self.now(env)).is_ok() {
            let event = Event::Act {
                task: id,
                step,
                action,
            };
            self.happen(&event, Some(&texts), env);
        }
    }
}

fn note() -> Texts {
    Texts {
        body: json_null(),
        metadata: Some(json(r#"{"by":"somebody"}"#)),
        cursors: None,
    }
}

/// What an operator gives in a handler's place.
fn completion(workflow: &Workflow, node: usize, choice: u64) -> (Action, Texts) {
    let mut success = Success::default();
    let mut texts = note();
    match workflow.nodes[node].kind {
        Kind::Decision => {
            let names = workflow.branches(node).into_iter();
            let chosen = names.take((choice / 3 % 3) as usize);
            success.create_steps = Some(chosen.map(str::to_owned).collect());
        }
        Kind::Batchable => {
            let cursor = json(r#"{"start":0,"end":1}"#);
            let cursors = vec![cursor; (choice / 3 % 3) as usize];
            success.batches = Some(cursors.len() as u64);
            texts.cursors = Some(cursors.into());
        }
        Kind::Standard | Kind::Convergence | Kind::BatchWorker { .. } => {}
    }
    (Action::Complete(success), texts)
}
