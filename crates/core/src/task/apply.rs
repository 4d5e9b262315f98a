//! What each record changes in a task.

use std::sync::Arc;

use tasker_protocol::api::{StepState, TaskStatus};
use uuid::Uuid;

use crate::fate::Born;
use crate::graph::step_uuid;
use crate::record::{Next, Record};
use crate::task::{Ending, Given, Move, Step, Task, Worker, name_of};
use crate::{NodeIndex, StepIndex, Time};

impl Task {
    /// Applies a record. Adds to `moves` what it changed, in order. A record of a step that the task does not have is
    /// counted and changes nothing.
    pub fn apply(&mut self, record: &Record, moves: &mut Vec<Move>) {
        let at = record.at();
        self.records += 1;
        self.updated_at = self.updated_at.max(at);
        if record
            .step()
            .is_some_and(|step| step as usize >= self.steps.len())
        {
            return;
        }
        self.change(record, at, moves);
        if self.has_ended() {
            self.ended_at.get_or_insert(at);
        }
    }

    fn change(&mut self, record: &Record, at: Time, moves: &mut Vec<Move>) {
        match record {
            Record::Started {
                step,
                attempt,
                instance,
                worker_id,
                ..
            } => {
                self.started = true;
                self.dispatched_at = self.dispatched_at.max(at);
                let step = self.enter(*step, StepState::InProgress, moves);
                step.attempts = *attempt;
                step.started_at.get_or_insert(at);
                step.attempt_at = Some(at);
                step.worker = Some(Worker {
                    instance: *instance,
                    worker_id: Arc::clone(worker_id),
                });
            }
            Record::Succeeded { step, .. } => {
                self.finish(*step, at, Ending::Succeeded, &[], 0, moves);
            }
            Record::Decided { step, chosen, .. } => {
                self.finish(*step, at, Ending::Succeeded, chosen, 0, moves);
            }
            Record::Batched { step, batches, .. } => {
                self.finish(*step, at, Ending::Succeeded, &[], *batches, moves);
            }
            Record::Failed { step, next, .. } => {
                self.fail(*step, at, Ending::Failed, *next, moves);
            }
            Record::Rejected { step, reason, .. } => {
                let ending = Ending::Rejected(reason.clone());
                self.fail(*step, at, ending, Next::Error, moves);
            }
            Record::Lost {
                step,
                attempt,
                next,
                ..
            } => {
                let given = self.unreported(*step, *attempt);
                self.fail(*step, at, Ending::Lost(given), *next, moves);
            }
            Record::TimedOut {
                step,
                attempt,
                next,
                ..
            } => {
                let given = self.unreported(*step, *attempt);
                self.fail(*step, at, Ending::TimedOut(given), *next, moves);
            }
            Record::Undelivered { step, attempt, .. } => {
                let given = self.unreported(*step, *attempt);
                self.steps[*step as usize].undelivered += 1;
                self.fail(*step, at, Ending::Undelivered(given), Next::Offer, moves);
            }
            Record::Late { step, attempt, .. } => {
                let unreported = &mut self.steps[*step as usize].unreported;
                unreported.retain(|known| known != attempt);
            }
            Record::Retried { step, .. } => {
                let now = &mut self.steps[*step as usize];
                now.forgiven = now.attempts;
                now.undelivered = 0;
                now.ready_at = at;
                now.completed_at = None;
                self.enter(*step, StepState::Enqueued, moves);
            }
            Record::Resolved { step, .. } => {
                self.finish(*step, at, Ending::Resolved, &[], 0, moves);
            }
            Record::Completed {
                step,
                chosen,
                batches,
                ..
            } => self.finish(*step, at, Ending::Completed, chosen, *batches, moves),
            Record::Logged { .. } => {}
            Record::Cancelled { .. } => self.end(TaskStatus::Cancelled, at, moves),
            Record::Expired { .. } => self.end(TaskStatus::Error, at, moves),
        }
    }

    /// Ends a back-off: the step is ready again.
    pub fn retry_is_due(&mut self, step: StepIndex) {
        self.enter(step, StepState::Enqueued, &mut Vec::new());
    }

    /// The engine ends an attempt: its outcome may still come.
    fn unreported(&mut self, step: StepIndex, attempt: u32) -> Given {
        let step = &mut self.steps[step as usize];
        step.unreported.push(attempt);
        let worker = step.worker.as_ref();
        Given {
            worker_id: worker.map_or_else(|| Arc::from(""), |worker| Arc::clone(&worker.worker_id)),
            attempt,
        }
    }

    fn fail(
        &mut self,
        index: StepIndex,
        at: Time,
        ending: Ending,
        next: Next,
        moves: &mut Vec<Move>,
    ) {
        let (state, ready_at, completed_at) = match next {
            Next::Offer => (StepState::Enqueued, at, None),
            Next::RetryAt(retry_at) => (StepState::WaitingForRetry, retry_at, None),
            Next::Error => (StepState::Error, at, Some(at)),
        };
        let step = &mut self.steps[index as usize];
        step.ready_at = ready_at;
        step.completed_at = completed_at;
        step.failed_at = Some(at);
        step.last = Some(ending);
        self.enter(index, state, moves);
        if state == StepState::Error && self.ends_with_an_error() {
            self.end(TaskStatus::Error, at, moves);
        } else if state == StepState::Enqueued
            && self.was_never_started(index)
            && self.is_failing_fast(self.step(index).node)
        {
            self.enter(index, StepState::Pending, moves);
        }
    }

    fn finish(
        &mut self,
        index: StepIndex,
        at: Time,
        ending: Ending,
        chosen: &[NodeIndex],
        batches: u32,
        moves: &mut Vec<Move>,
    ) {
        let state = match ending {
            Ending::Resolved | Ending::Completed => StepState::ResolvedManually,
            _ => StepState::Complete,
        };
        let step = self.enter(index, state, moves);
        step.completed_at = Some(at);
        step.failed_at = None;
        step.last = Some(ending);
        let node = step.node;
        let state = self.fates.node_mut(node);
        state.undone -= 1;
        if state.undone == 0 {
            let graph = Arc::clone(&self.graph);
            let born = self.fates.done(&graph, node, chosen, batches);
            self.bear(born, at, moves);
        }
    }

    /// Makes the steps of new nodes and enqueues what is ready.
    pub(super) fn bear(&mut self, born: Born, at: Time, moves: &mut Vec<Move>) {
        let graph = Arc::clone(&self.graph);
        for (node, count) in born.nodes {
            let ready = self.fates.is_ready(node);
            let batched = self.is_batched(node);
            let state = self.fates.node_mut(node);
            state.first = self.steps.len() as StepIndex;
            state.count = count;
            state.undone = count;
            self.steps.reserve(count as usize);
            for number in 0..count {
                let batch = if batched { number + 1 } else { 0 };
                let name = name_of(graph.node(node), batch, count);
                let uuid = step_uuid(self.id, &name);
                self.add(Step::new(uuid, node, batch, ready, at), moves);
            }
        }
        for node in born.ready {
            for step in self.steps_of(node) {
                self.steps[step as usize].ready_at = at;
                self.enter(step, StepState::Enqueued, moves);
            }
        }
    }

    fn add(&mut self, step: Step, moves: &mut Vec<Move>) {
        let index = self.steps.len() as StepIndex;
        self.by_state[step.state as usize] += 1;
        moves.push(Move {
            step: index,
            to: step.state,
        });
        self.index.add(step.uuid, index, &self.steps);
        self.steps.push(step);
    }

    /// Ends the task without success: what is neither done nor in error is cancelled.
    fn end(&mut self, status: TaskStatus, at: Time, moves: &mut Vec<Move>) {
        self.ended = Some(status);
        for index in 0..self.steps.len() as StepIndex {
            let step = &mut self.steps[index as usize];
            match step.state {
                StepState::Complete | StepState::ResolvedManually | StepState::Error => continue,
                StepState::InProgress => step.unreported.push(step.attempts),
                _ => {}
            }
            step.completed_at = Some(at);
            self.enter(index, StepState::Cancelled, moves);
        }
    }

    fn enter(&mut self, index: StepIndex, state: StepState, moves: &mut Vec<Move>) -> &mut Step {
        let step = &mut self.steps[index as usize];
        let (node, before) = (step.node, step.state);
        self.by_state[before as usize] -= 1;
        self.by_state[state as usize] += 1;
        step.state = state;
        moves.push(Move {
            step: index,
            to: state,
        });
        if (before == StepState::Error) != (state == StepState::Error) {
            self.count_failure(node, state == StepState::Error, moves);
        }
        &mut self.steps[index as usize]
    }

    /// Keeps the siblings of a failed batch back, or lets them go again, if their node fails fast.
    fn count_failure(&mut self, node: NodeIndex, failed: bool, moves: &mut Vec<Move>) {
        let was_failing = self.is_failing_fast(node);
        let state = self.fates.node_mut(node);
        if failed {
            state.failed += 1;
        } else {
            state.failed -= 1;
        }
        let is_failing = self.is_failing_fast(node);
        if was_failing == is_failing {
            return;
        }
        let (from, to) = if is_failing {
            (StepState::Enqueued, StepState::Pending)
        } else {
            (StepState::Pending, StepState::Enqueued)
        };
        for step in self.steps_of(node) {
            if self.step(step).state == from && self.was_never_started(step) {
                self.enter(step, to, moves);
            }
        }
    }
}

impl Step {
    fn new(uuid: Uuid, node: NodeIndex, batch: u32, ready: bool, at: Time) -> Step {
        Step {
            uuid,
            node,
            batch,
            state: if ready {
                StepState::Enqueued
            } else {
                StepState::Pending
            },
            attempts: 0,
            forgiven: 0,
            undelivered: 0,
            unreported: Vec::new(),
            created_at: at,
            ready_at: at,
            started_at: None,
            attempt_at: None,
            completed_at: None,
            failed_at: None,
            worker: None,
            last: None,
        }
    }
}
