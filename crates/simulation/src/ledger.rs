//! What is durable and what handlers did, kept beside the core and by other means: the measure of the invariants.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use tasker_core::graph::step_uuid;
use tasker_core::record::Next;
use tasker_core::{Record, TaskId, Time};
use tasker_protocol::frame::AttemptRef;

use crate::invariants::{self, Check};
use crate::journal::{self, Append};
use crate::schedule::{EngineId, WorkerId};
use crate::workflow::Workflow;

/// All that is known.
#[derive(Debug, Default)]
pub struct Ledger {
    tasks: BTreeMap<TaskId, TaskEntry>,
    handlers: BTreeMap<AttemptRef, Handler>,
    acknowledged: BTreeSet<TaskId>,
}

/// A task whose creation is durable.
#[derive(Debug)]
pub struct TaskEntry {
    /// What it runs.
    pub workflow: Rc<Workflow>,
    /// Its steps, as the durable records have them.
    pub steps: Vec<StepEntry>,
}

/// A step, as the durable records have it.
#[derive(Clone, Debug, Default)]
pub struct StepEntry {
    /// Attempts so far.
    pub attempts: u32,
    /// Attempts that were never given to a handler.
    pub undelivered: u32,
    /// The attempt that is open.
    pub open: Option<u32>,
    /// The attempt whose results count.
    pub succeeded: Option<u32>,
    /// Whether it failed for good.
    pub failed: bool,
    /// Before when the next attempt may not start.
    pub wait: Option<Wait>,
}

/// A back-off.
#[derive(Clone, Copy, Debug)]
pub struct Wait {
    /// Its end by the clock of the engine that recorded the failure.
    pub by_engine: Time,
    /// Its end in true time.
    pub by_truth: Time,
    /// That engine: another one's clock may differ by more than the time that passed.
    pub engine: EngineId,
}

/// An attempt that was given to a handler.
#[derive(Clone, Copy, Debug)]
pub struct Handler {
    /// Where.
    pub worker: WorkerId,
    /// Whether it succeeded, and when it handed its outcome over.
    pub outcome: Option<(bool, Time)>,
}

/// When and by whom something was committed.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The true time.
    pub truth: Time,
    /// The engine.
    pub engine: EngineId,
}

impl Ledger {
    /// The durable tasks.
    pub fn tasks(&self) -> impl Iterator<Item = (TaskId, &TaskEntry)> {
        self.tasks.iter().map(|(task, entry)| (*task, entry))
    }

    /// The tasks that a client was told of.
    pub fn acknowledged(&self) -> &BTreeSet<TaskId> {
        &self.acknowledged
    }

    /// A commit is durable.
    pub fn committed(
        &mut self,
        append: &Append,
        workflows: &BTreeMap<String, Rc<Workflow>>,
        moment: Moment,
    ) -> Check {
        for row in &append.rows {
            if let Some(created) = &row.created {
                invariants::a_task_is_created_once(row.task, self.tasks.contains_key(&row.task))?;
                let workflow = Rc::clone(&workflows[&created.template]);
                let steps = vec![StepEntry::default(); workflow.steps.len()];
                self.tasks.insert(row.task, TaskEntry { workflow, steps });
            }
            for (record, texts) in journal::records(&row.records, &row.payload) {
                self.recorded(row.task, &record, &texts, moment)?;
            }
        }
        Ok(())
    }

    /// A client is told that a task exists.
    pub fn acknowledge(&mut self, task: TaskId) -> Check {
        self.acknowledged.insert(task);
        invariants::an_acknowledged_task_is_durable(task, self.tasks.contains_key(&task))
    }

    /// A handler is given an attempt.
    pub fn began(&mut self, worker: WorkerId, attempt: AttemptRef) -> Check {
        let step = self.step(&attempt);
        invariants::a_handler_is_given_only_durable_attempts(&attempt, step)?;
        let handler = Handler {
            worker,
            outcome: None,
        };
        let before = self.handlers.insert(attempt, handler);
        invariants::an_attempt_is_given_to_one_handler(&attempt, before)
    }

    /// A handler handed over its outcome.
    pub fn finished(&mut self, attempt: &AttemptRef, success: bool, truth: Time) {
        if let Some(handler) = self.handlers.get_mut(attempt) {
            handler.outcome = Some((success, truth));
        }
    }

    /// A worker was told that it may forget an outcome.
    pub fn accepted(&self, attempt: &AttemptRef) -> Check {
        invariants::an_accepted_outcome_is_settled(attempt, self.step(attempt))
    }

    fn step(&self, attempt: &AttemptRef) -> Option<&StepEntry> {
        let task = self.tasks.get(&attempt.task_uuid)?;
        let place = task
            .workflow
            .steps
            .iter()
            .position(|step| step_uuid(attempt.task_uuid, &step.name) == attempt.step_uuid)?;
        task.steps.get(place)
    }

    fn recorded(&mut self, id: TaskId, record: &Record, texts: &[String], moment: Moment) -> Check {
        let Some(task) = self.tasks.get_mut(&id) else {
            return invariants::a_record_has_a_task(id, record);
        };
        let index = record.step() as usize;
        let spec = &task.workflow.steps[index];
        let reference = |attempt| AttemptRef {
            task_uuid: id,
            step_uuid: step_uuid(id, &spec.name),
            attempt,
        };
        if let Record::Started { attempt, at, .. } = record {
            let step = &task.steps[index];
            invariants::a_step_has_one_open_attempt(id, spec, step)?;
            invariants::attempts_are_numbered_one_by_one(id, spec, step, *attempt)?;
            invariants::attempts_stay_within_their_limit(id, spec, step)?;
            invariants::a_step_starts_after_its_parents(id, spec, &task.steps)?;
            invariants::nothing_fires_early(id, spec, step, *at, moment)?;
        }
        let step = &mut task.steps[index];
        match record {
            Record::Started { attempt, .. } => {
                step.attempts = *attempt;
                step.open = Some(*attempt);
                step.wait = None;
                return Ok(());
            }
            Record::Succeeded { attempt, .. } => {
                let handler = self.handlers.get(&reference(*attempt));
                invariants::a_step_succeeds_once(id, spec, step)?;
                invariants::an_outcome_is_of_the_open_attempt(id, spec, step, *attempt)?;
                invariants::results_are_those_of_their_attempt(
                    &reference(*attempt),
                    handler,
                    &texts[0],
                )?;
                step.succeeded = Some(*attempt);
            }
            Record::Failed {
                attempt, next, at, ..
            } => {
                invariants::an_outcome_is_of_the_open_attempt(id, spec, step, *attempt)?;
                let counted = step.attempts - step.undelivered;
                invariants::a_failure_is_followed_as_the_policy_says(
                    id, spec, counted, *at, *next, &texts[0],
                )?;
                let handler = self.handlers.get(&reference(*attempt));
                // The engine cannot have known earlier.
                let truth = handler.and_then(|handler| handler.outcome);
                step.ended(*next, *at, moment, truth.map(|(_, truth)| truth));
            }
            Record::Lost {
                attempt, next, at, ..
            } => {
                invariants::an_outcome_is_of_the_open_attempt(id, spec, step, *attempt)?;
                step.ended(*next, *at, moment, None);
            }
            Record::Undelivered { attempt, .. } => {
                let handler = self.handlers.get(&reference(*attempt));
                invariants::an_outcome_is_of_the_open_attempt(id, spec, step, *attempt)?;
                invariants::an_undelivered_attempt_was_given_to_no_handler(
                    &reference(*attempt),
                    handler,
                )?;
                step.undelivered += 1;
            }
        }
        step.open = None;
        Ok(())
    }
}

impl StepEntry {
    fn ended(&mut self, next: Next, at: Time, moment: Moment, known: Option<Time>) {
        self.failed = next == Next::Error;
        self.wait = match next {
            Next::RetryAt(until) => Some(Wait {
                by_engine: until,
                by_truth: known.unwrap_or_default() + until.since(at),
                engine: moment.engine,
            }),
            Next::Offer | Next::Error => None,
        };
    }
}
