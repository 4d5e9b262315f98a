//! A run as a whole: what is looked at again and again, and when it is over.

use std::time::Duration;

use tasker_core::{TaskId, Time};

use super::{INSPECTION, World};
use crate::engine::Serving;
use crate::inspection;
use crate::invariants::{Check, Violation, holds};
use crate::schedule::Happening;

/// How long nothing may become durable once everything is mended, while something is left to do: the longest back-off, and
/// clocks that have jumped back.
const PATIENCE: Duration = Duration::from_secs(600);

/// How long all of it may take: one worker with one slot may have a thousand steps before it.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

impl World {
    /// Compares memory with the journal, and ends the run when nothing is left to do.
    pub(super) fn inspect(&mut self) {
        self.restart_superseded();
        let check = self.inspected();
        self.env.check(check);
        self.env.after(INSPECTION, Happening::Inspect);
    }

    /// An engine without work learns only from its next commit that another process has taken over, and that process may
    /// be gone: somebody starts it anew.
    fn restart_superseded(&mut self) {
        let Some(front) = self.env.front.filter(|_| self.env.healed) else {
            return;
        };
        let serving = self
            .engines
            .get(&front)
            .and_then(|engine| engine.process.serving());
        if serving.is_some_and(Serving::is_durable) && !self.env.journal.is_owner(front) {
            self.end_engine(front, "superseded");
        }
    }

    fn inspected(&mut self) -> Check {
        let Some(front) = self.env.front else {
            return Ok(());
        };
        let serving = self
            .engines
            .get(&front)
            .and_then(|engine| engine.process.serving());
        let healed_at = self.healed_at();
        let late = self.env.healed
            && (self.env.now > self.env.progressed.max(healed_at) + PATIENCE
                || self.env.now > healed_at + LONGEST);
        let Some(serving) = serving else {
            return nothing_is_stranded(!late, "the engine has not recovered");
        };
        if self.env.journal.is_owner(front) && serving.is_durable() {
            inspection::the_journal_alone_gives_the_same_state(serving, &self.env)?;
            inspection::every_step_that_waits_says_why(serving.state())?;
            inspection::a_settled_task_has_ended_or_failed(serving.state())?;
            if self.env.healed {
                match self.unfinished(serving) {
                    Some(what) => nothing_is_stranded(!late, &what)?,
                    None => {
                        self.finished = true;
                        self.ended_well()?;
                    }
                }
            }
        }
        nothing_is_stranded(!late, "something is never committed")
    }

    fn healed_at(&self) -> Time {
        crate::clock::START + self.env.plan.chaos
    }

    /// What is still to come.
    fn unfinished(&self, serving: &Serving) -> Option<String> {
        let state = serving.state();
        let mut open: Vec<TaskId> = state
            .tasks()
            .filter(|task| !task.is_settled())
            .map(|task| task.id)
            .collect();
        open.sort();
        if let Some(task) = open.first().and_then(|task| state.task(*task)) {
            let states = task.steps.iter().map(|step| step.state);
            return Some(format!(
                "task {} of {} open ones: {:?}",
                task.id,
                open.len(),
                states.collect::<Vec<_>>()
            ));
        }
        let mut waiting = state.idle_tasks().filter(|(_, idle)| idle.goes_on());
        if let Some((task, idle)) = waiting.next() {
            return Some(format!("task {task} that is not in memory: {idle:?}"));
        }
        if !self.clients.are_idle() {
            return Some("a client waits for an answer".to_owned());
        }
        let holding = self
            .workers
            .iter()
            .find(|(_, worker)| worker.process.held() > 0);
        holding.map(|(id, _)| format!("worker {} holds attempts", id.0))
    }

    /// What holds when all is done.
    fn ended_well(&self) -> Check {
        for task in self.env.ledger.acknowledged() {
            let durable = self.env.journal.task(*task).is_some();
            crate::invariants::an_acknowledged_task_is_durable(*task, durable)?;
        }
        for stored in self.env.journal.tasks() {
            inspection::the_core_agrees_with_the_letter(stored, &self.env)?;
        }
        Ok(())
    }
}

/// Once everything is mended, every task ends or is blocked, every caller is answered, and workers hold nothing.
fn nothing_is_stranded(in_time: bool, what: &str) -> Check {
    holds!(
        nothing_is_stranded,
        in_time,
        "nothing became durable for {PATIENCE:?}, or all took longer than {LONGEST:?}: {what}"
    )
}
