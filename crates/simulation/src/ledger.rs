//! What is durable and what handlers did, kept beside the core and by other means: the measure of the invariants.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use tasker_core::{Instance, Record, TaskId, Time};
use tasker_protocol::frame::AttemptRef;

use crate::invariants::{self, Check};
use crate::journal::{self, Append};
use crate::model::Model;
use crate::schedule::{EngineId, WorkerId};
use crate::script::End;
use crate::workflow::Workflow;

/// All that is known.
#[derive(Debug, Default)]
pub struct Ledger {
    tasks: BTreeMap<TaskId, Model>,
    handlers: BTreeMap<AttemptRef, Handler>,
    acknowledged: BTreeSet<TaskId>,
    givings: BTreeMap<(EngineId, Instance), Giving>,
}

/// What an engine last gave to a worker, and last had back from it unhandled.
#[derive(Clone, Copy, Debug, Default)]
struct Giving {
    started: Option<Time>,
    returned: Option<Time>,
}

/// An attempt that was given to a handler.
#[derive(Clone, Debug)]
pub struct Handler {
    /// Where.
    pub worker: WorkerId,
    /// What came of it, and when.
    pub outcome: Option<(End, Time)>,
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
    pub fn task(&self, task: TaskId) -> Option<&Model> {
        self.tasks.get(&task)
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
                let model = Model::new(row.task, workflow, created.at);
                self.tasks.insert(row.task, model);
            }
            for (record, texts) in journal::records(&row.records, &row.payload) {
                let Some(model) = self.tasks.get_mut(&row.task) else {
                    return invariants::a_record_has_a_task(row.task, &record);
                };
                let worker = worker_of(model, &record);
                recorded(model, &self.handlers, &record, &texts, moment)?;
                if let Some(instance) = worker {
                    let giving = self.givings.entry((moment.engine, instance)).or_default();
                    giving.note(instance, &record)?;
                }
            }
            if let Some(model) = self.tasks.get(&row.task) {
                invariants::an_ended_task_is_marked_so(model, row.ended)?;
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
        let model = self.tasks.get(&attempt.task_uuid);
        let step = model.and_then(|model| model.step_of(&attempt));
        invariants::a_handler_is_given_only_durable_attempts(&attempt, step)?;
        let handler = Handler {
            worker,
            outcome: None,
        };
        let before = self.handlers.insert(attempt, handler);
        invariants::an_attempt_is_given_to_one_handler(&attempt, before.as_ref())
    }

    /// A handler handed over its outcome.
    pub fn finished(&mut self, attempt: &AttemptRef, end: End, truth: Time) {
        if let Some(handler) = self.handlers.get_mut(attempt) {
            handler.outcome = Some((end, truth));
        }
    }

    /// A worker was told that it may forget an outcome.
    pub fn accepted(&self, attempt: &AttemptRef) -> Check {
        let model = self.tasks.get(&attempt.task_uuid);
        let step = model.and_then(|model| model.step_of(attempt));
        invariants::an_accepted_outcome_is_settled(attempt, step)
    }
}

/// The worker that a record of an attempt's beginning or return is about.
fn worker_of(model: &Model, record: &Record) -> Option<Instance> {
    match record {
        Record::Started { instance, .. } => Some(*instance),
        Record::Undelivered { step, .. } => {
            let (_, start) = model.steps.get(*step as usize)?.open?;
            Some(start.instance)
        }
        _ => None,
    }
}

impl Giving {
    /// Records of different tasks come in any order within a commit.
    fn note(&mut self, instance: Instance, record: &Record) -> Check {
        let last = match record {
            Record::Started { .. } => &mut self.started,
            _ => &mut self.returned,
        };
        *last = (*last).max(Some(record.at()));
        let (returned, started) = match record {
            Record::Started { .. } => (self.returned, Some(record.at())),
            _ => (Some(record.at()), self.started),
        };
        invariants::a_worker_that_hands_back_is_given_nothing_for_a_moment(
            instance, returned, started,
        )
    }
}

/// Checks a record against all that came before it, and applies it.
fn recorded(
    model: &mut Model,
    handlers: &BTreeMap<AttemptRef, Handler>,
    record: &Record,
    texts: &[String],
    moment: Moment,
) -> Check {
    invariants::nothing_happens_after_the_end(model, record)?;
    let mut known = None;
    if let Some(index) = record.step() {
        let Some(step) = model.steps.get(index as usize) else {
            return invariants::a_record_has_a_step(model, record);
        };
        match record {
            Record::Started { attempt, at, .. } => {
                invariants::a_step_has_one_open_attempt(model, step)?;
                invariants::attempts_are_numbered_one_by_one(model, step, *attempt)?;
                invariants::attempts_stay_within_their_limit(model, step)?;
                invariants::a_step_starts_after_its_parents(model, step)?;
                invariants::a_failed_batch_keeps_others_back(model, step)?;
                invariants::nothing_fires_early(model, step, *at, moment)?;
            }
            Record::Late {
                attempt, success, ..
            } => {
                let handler = handlers.get(&model.attempt(step, *attempt));
                invariants::a_late_outcome_comes_once(model, step, *attempt)?;
                invariants::a_late_outcome_is_the_handlers(model, step, handler, *success)?;
            }
            Record::Retried { .. } | Record::Resolved { .. } | Record::Completed { .. } => {
                invariants::people_act_on_what_failed(model, step, record)?;
            }
            Record::Succeeded { attempt, .. }
            | Record::Decided { attempt, .. }
            | Record::Batched { attempt, .. }
            | Record::Rejected { attempt, .. }
            | Record::Failed { attempt, .. }
            | Record::Lost { attempt, .. }
            | Record::TimedOut { attempt, .. }
            | Record::Undelivered { attempt, .. } => {
                let reference = model.attempt(step, *attempt);
                let handler = handlers.get(&reference);
                let outcome = handler.and_then(|handler| handler.outcome.as_ref());
                if matches!(record, Record::Failed { .. }) {
                    // The engine cannot have known earlier.
                    known = outcome.map(|(_, truth)| *truth);
                }
                invariants::a_step_is_done_once(model, step, record)?;
                invariants::an_outcome_is_of_the_open_attempt(model, step, *attempt)?;
                invariants::an_end_is_what_its_handler_said(model, step, handler, record, texts)?;
                invariants::a_failure_is_followed_as_the_policy_says(model, step, record, texts)?;
                invariants::a_timeout_is_not_early(model, step, record)?;
            }
            Record::Logged { attempt, .. } => {
                let handler = handlers.get(&model.attempt(step, *attempt));
                invariants::lines_are_what_their_handler_logged(
                    model, step, handler, *attempt, texts,
                )?;
            }
            Record::Cancelled { .. } | Record::Expired { .. } => {}
        }
    }
    invariants::a_task_does_not_expire_early(model, record)?;
    invariants::nothing_counts_after_a_tasks_time(model, record)?;
    model.apply(record, moment.truth, known, moment.engine);
    Ok(())
}
