//! A task by the letter of its semantics: fates from their definitions, looked at anew after each record. Slow and plain,
//! where the core is fast.

use std::rc::Rc;

use tasker_core::graph::step_uuid;
use tasker_core::record::Next;
use tasker_core::{Instance, Record, TaskId, Time};
use tasker_protocol::api::StepState;
use tasker_protocol::frame::AttemptRef;

use crate::schedule::EngineId;
use crate::workflow::{Kind, Node, Workflow};

/// A task whose creation is durable.
#[derive(Debug)]
pub struct Model {
    /// The task.
    pub id: TaskId,
    /// What it runs.
    pub workflow: Rc<Workflow>,
    /// When it was created, by the engine's clock.
    pub created_at: Time,
    /// Its steps, in the order of their creation.
    pub steps: Vec<Step>,
    /// Whether it ended without success.
    pub aborted: bool,
    /// The node's fates; none while open.
    fates: Vec<Option<bool>>,
    /// What each decision named and how many batches there are, once known.
    said: Vec<Option<Said>>,
}

/// What a step said when it was done.
#[derive(Clone, Debug, Default)]
struct Said {
    chosen: Vec<usize>,
    batches: u32,
}

/// A step, as the durable records have it.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its node.
    pub node: usize,
    /// Its name.
    pub name: String,
    /// Attempts so far.
    pub attempts: u32,
    /// Attempts before the last retry by an operator.
    pub forgiven: u32,
    /// Attempts since then that were never given to a handler.
    pub undelivered: u32,
    /// The attempt that is open, and its start.
    pub open: Option<(u32, Start)>,
    /// Whether it is done, and whether by its handler.
    pub done: Option<bool>,
    /// Whether it failed for good.
    pub failed: bool,
    /// Before when the next attempt may not start.
    pub wait: Option<Wait>,
    /// Attempts that ended without an outcome, and whose outcome has not come since.
    pub unreported: Vec<u32>,
}

/// When an attempt started.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// By the engine's clock.
    pub at: Time,
    /// In truth, when it was durable.
    pub truth: Time,
    /// The worker's process.
    pub instance: Instance,
}

/// A back-off.
#[derive(Clone, Copy, Debug)]
pub struct Wait {
    /// Its end by the clock of the engine that recorded the failure.
    pub by_engine: Time,
    /// Its end in true time, or earlier.
    pub by_truth: Time,
    /// That engine: another one's clock may differ by more than the time that passed.
    pub engine: EngineId,
}

impl Model {
    /// A task that was just created.
    pub fn new(id: TaskId, workflow: Rc<Workflow>, created_at: Time) -> Model {
        let count = workflow.nodes.len();
        let mut model = Model {
            id,
            workflow,
            created_at,
            steps: Vec::new(),
            aborted: false,
            fates: vec![None; count],
            said: vec![None; count],
        };
        model.grow();
        model
    }

    /// What a step is a step of.
    pub fn spec(&self, step: &Step) -> &Node {
        &self.workflow.nodes[step.node]
    }

    /// An attempt of a step.
    pub fn attempt(&self, step: &Step, attempt: u32) -> AttemptRef {
        AttemptRef {
            task_uuid: self.id,
            step_uuid: step_uuid(self.id, &step.name),
            attempt,
        }
    }

    /// The step that an attempt is of.
    pub fn step_of(&self, attempt: &AttemptRef) -> Option<&Step> {
        let same = |step: &&Step| step_uuid(self.id, &step.name) == attempt.step_uuid;
        self.steps.iter().find(same)
    }

    /// Whether nothing can happen to the task any more.
    pub fn has_ended(&self) -> bool {
        self.aborted || self.steps.iter().all(|step| step.done.is_some())
    }

    /// Existing parents of a step that are not done.
    pub fn open_parents(&self, step: &Step) -> Vec<&str> {
        let parents = &self.spec(step).parents;
        let open = parents.iter().filter(|parent| !self.is_over(**parent));
        open.map(|parent| self.workflow.nodes[*parent].name.as_str())
            .collect()
    }

    /// Whether a failed sibling keeps a step back that was never started.
    pub fn is_kept_back(&self, step: &Step) -> bool {
        let fail_fast = self.spec(step).kind == Kind::BatchWorker { fail_fast: true };
        let mut siblings = self.steps.iter().filter(|other| other.node == step.node);
        fail_fast
            && step.attempts == step.undelivered
            && step.forgiven == 0
            && siblings.any(|sibling| sibling.failed)
    }

    /// The state that a step is in; the end of a back-off does not count.
    pub fn state(&self, step: &Step) -> StepState {
        match step.done {
            Some(true) => StepState::Complete,
            Some(false) => StepState::ResolvedManually,
            None if step.failed => StepState::Error,
            None if self.aborted => StepState::Cancelled,
            None if step.open.is_some() => StepState::InProgress,
            None if !self.open_parents(step).is_empty() || self.is_kept_back(step) => {
                StepState::Pending
            }
            None => StepState::Enqueued,
        }
    }

    /// Applies a record that was checked.
    pub fn apply(&mut self, record: &Record, truth: Time, known: Option<Time>, engine: EngineId) {
        if let Some(step) = record.step() {
            let said = self.steps[step as usize].apply(record, truth, known, engine);
            if let Some(said) = said {
                let node = self.steps[step as usize].node;
                self.said[node] = Some(said);
            }
        }
        let failed = self.workflow.fails && self.steps.iter().any(|step| step.failed);
        if failed || matches!(record, Record::Cancelled { .. } | Record::Expired { .. }) {
            self.aborted = true;
            for step in &mut self.steps {
                step.wait = None;
                step.unreported
                    .extend(step.open.take().map(|(attempt, _)| attempt));
            }
        }
        self.grow();
    }

    /// Adds the steps of the nodes that exist now and did not before, in the template's order.
    fn grow(&mut self) {
        let before = self.fates.clone();
        for _ in 0..self.fates.len() {
            for node in 0..self.fates.len() {
                if self.fates[node].is_none() {
                    self.fates[node] = self.fate(node);
                }
            }
        }
        for (node, fate) in before.into_iter().enumerate() {
            if fate.is_some() || self.fates[node] != Some(true) {
                continue;
            }
            let spec = &self.workflow.nodes[node];
            let names = match spec.kind {
                Kind::BatchWorker { .. } => {
                    let said = self.said[spec.parents[0]].clone().unwrap_or_default();
                    let name = |batch| format!("{}_{batch:03}", spec.name);
                    (1..=said.batches).map(name).collect()
                }
                _ => vec![spec.name.clone()],
            };
            self.steps.extend(names.into_iter().map(|name| Step {
                node,
                name,
                attempts: 0,
                forgiven: 0,
                undelivered: 0,
                open: None,
                done: None,
                failed: false,
                wait: None,
                unreported: Vec::new(),
            }));
        }
    }

    /// Whether a node exists or is absent for this task, if that is known.
    fn fate(&self, node: usize) -> Option<bool> {
        let spec = &self.workflow.nodes[node];
        let parents = &spec.parents;
        match spec.kind {
            Kind::Standard | Kind::Decision | Kind::Batchable => {
                let mut fate = Some(true);
                for parent in parents {
                    let decides = self.workflow.nodes[*parent].kind == Kind::Decision;
                    let said = self.said[*parent].as_ref();
                    let named = said.map(|said| said.chosen.contains(&node));
                    match (self.fates[*parent], decides, named) {
                        (Some(false), ..) | (_, true, Some(false)) => return Some(false),
                        (None, ..) | (_, true, None) => fate = None,
                        _ => {}
                    }
                }
                fate
            }
            Kind::Convergence => {
                let known: Option<Vec<bool>> =
                    parents.iter().map(|parent| self.fates[*parent]).collect();
                known.map(|fates| fates.contains(&true))
            }
            Kind::BatchWorker { .. } => match self.fates[parents[0]] {
                Some(false) => Some(false),
                _ => self.said[parents[0]].is_some().then_some(true),
            },
        }
    }

    /// Whether nobody waits for a node any more.
    fn is_over(&self, node: usize) -> bool {
        match self.fates[node] {
            Some(true) => {
                let mut steps = self.steps.iter().filter(|step| step.node == node);
                steps.all(|step| step.done.is_some())
            }
            Some(false) => true,
            None => false,
        }
    }
}

impl Step {
    /// Attempts that count.
    pub fn counted(&self) -> u32 {
        self.attempts - self.forgiven - self.undelivered
    }

    fn apply(
        &mut self,
        record: &Record,
        truth: Time,
        known: Option<Time>,
        engine: EngineId,
    ) -> Option<Said> {
        match record {
            Record::Started {
                attempt,
                at,
                instance,
                ..
            } => {
                self.attempts = *attempt;
                let (at, instance) = (*at, *instance);
                let start = Start {
                    at,
                    truth,
                    instance,
                };
                self.open = Some((*attempt, start));
                self.wait = None;
            }
            Record::Succeeded { .. } => return Some(self.finish(true, &[], 0)),
            Record::Decided { chosen, .. } => return Some(self.finish(true, chosen, 0)),
            Record::Batched { batches, .. } => return Some(self.finish(true, &[], *batches)),
            Record::Resolved { .. } => return Some(self.finish(false, &[], 0)),
            Record::Completed {
                chosen, batches, ..
            } => return Some(self.finish(false, chosen, *batches)),
            Record::Rejected { .. } => self.fail(Next::Error, Time(0), known, engine),
            Record::Failed { next, at, .. } => self.fail(*next, *at, known, engine),
            Record::Lost {
                next, at, attempt, ..
            }
            | Record::TimedOut {
                next, at, attempt, ..
            } => {
                self.unreported.push(*attempt);
                self.fail(*next, *at, known, engine);
            }
            Record::Undelivered { attempt, at, .. } => {
                self.unreported.push(*attempt);
                self.undelivered += 1;
                self.fail(Next::Offer, *at, known, engine);
            }
            Record::Late { attempt, .. } => self.unreported.retain(|known| known != attempt),
            Record::Retried { .. } => {
                self.forgiven = self.attempts;
                self.undelivered = 0;
                self.failed = false;
                self.wait = None;
            }
            Record::Cancelled { .. } | Record::Expired { .. } | Record::Logged { .. } => {}
        }
        None
    }

    fn fail(&mut self, next: Next, at: Time, known: Option<Time>, engine: EngineId) {
        self.open = None;
        self.failed = next == Next::Error;
        self.wait = match next {
            Next::RetryAt(until) => Some(Wait {
                by_engine: until,
                // A clock that catches up is faster by a hundredth.
                by_truth: known.unwrap_or_default() + until.since(at).mul_f64(0.99),
                engine,
            }),
            Next::Offer | Next::Error => None,
        };
    }

    fn finish(&mut self, by_handler: bool, chosen: &[u32], batches: u32) -> Said {
        self.open = None;
        self.failed = false;
        self.wait = None;
        self.done = Some(by_handler);
        let chosen = chosen.iter().map(|node| *node as usize).collect();
        Said { chosen, batches }
    }
}
