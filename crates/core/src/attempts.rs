//! A step's history as the API shows it, from its task's records: attempts, outcomes that came late, operators' actions.

use serde::Deserialize;
use tasker_protocol::api::StepState;
use tasker_protocol::frame::{Failure, LogLine};
use tasker_protocol::history::{HistoryEntry, HistoryOutcome};

use crate::view::{engine_failure, rejection, rfc3339};
use crate::{Record, StepIndex, Task, Time};

/// A step's history, gathered record by record.
#[derive(Debug)]
pub struct Attempts {
    task: Task,
    step: StepIndex,
    with_logs: bool,
    entries: Vec<HistoryEntry>,
    /// The lines of an attempt whose outcome is yet to come.
    logged: Option<(u32, Vec<LogLine>)>,
}

/// Who acted, and why.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Note {
    by: Option<String>,
    reason: Option<String>,
}

impl Attempts {
    /// The history of a step of a task that was just created.
    pub fn new(task: Task, step: StepIndex, with_logs: bool) -> Attempts {
        Attempts {
            task,
            step,
            with_logs,
            entries: Vec::new(),
            logged: None,
        }
    }

    /// Takes the task's next record. `texts` are those of a record of the step.
    pub fn add(&mut self, record: &Record, texts: &[&str]) {
        let ran = self.state() == Some(StepState::InProgress);
        self.task.apply(record, &mut Vec::new());
        if record.step() == Some(self.step) {
            self.own(record, texts);
        } else if ran && self.state() == Some(StepState::Cancelled) {
            // What its handler had logged by its end comes with its late outcome.
            let attempt = self.task.step(self.step).attempts;
            if let Some(entry) = self.entry(attempt) {
                entry.ended_at = Some(rfc3339(record.at()));
                entry.outcome = Some(HistoryOutcome::Cancelled);
            }
        }
    }

    /// The entries, in order.
    pub fn entries(self) -> Vec<HistoryEntry> {
        self.entries
    }

    fn state(&self) -> Option<StepState> {
        let step = self.task.steps.get(self.step as usize)?;
        Some(step.state)
    }

    fn own(&mut self, record: &Record, texts: &[&str]) {
        use HistoryOutcome as Outcome;
        let failure = || serde_json::from_str::<Failure>(texts.first()?).ok();
        match record {
            Record::Started {
                attempt,
                at,
                worker_id,
                ..
            } => self.entries.push(HistoryEntry {
                attempt: *attempt,
                worker_id: Some(worker_id.to_string()),
                started_at: Some(rfc3339(*at)),
                ended_at: None,
                outcome: None,
                error: None,
                by: None,
                reason: None,
                logs: self.with_logs.then(Vec::new),
            }),
            Record::Succeeded { attempt, at, .. }
            | Record::Decided { attempt, at, .. }
            | Record::Batched { attempt, at, .. } => {
                self.end(*attempt, *at, Outcome::Succeeded, None);
            }
            Record::Failed { attempt, at, .. } => {
                self.end(*attempt, *at, Outcome::Failed, failure());
            }
            Record::Rejected {
                attempt,
                at,
                reason,
                ..
            } => self.end(*attempt, *at, Outcome::Rejected, Some(rejection(reason))),
            Record::Lost { attempt, at, .. } => {
                self.ended_by_engine(*attempt, *at, Outcome::WorkerLost);
            }
            Record::TimedOut { attempt, at, .. } => {
                self.ended_by_engine(*attempt, *at, Outcome::Timeout);
            }
            Record::Undelivered { attempt, at, .. } => {
                self.ended_by_engine(*attempt, *at, Outcome::Undelivered);
            }
            Record::Late {
                attempt,
                at,
                success,
                ..
            } => {
                let error = if *success { None } else { failure() };
                self.late(*attempt, *at, error);
            }
            Record::Retried { at, .. } => self.acted(*at, Outcome::Retried, texts),
            Record::Resolved { at, .. } => self.acted(*at, Outcome::Resolved, texts),
            Record::Completed { at, .. } => self.acted(*at, Outcome::Completed, texts),
            Record::Logged { attempt, .. } => {
                let lines = texts.first().filter(|_| self.with_logs);
                let lines = lines.and_then(|lines| serde_json::from_str(lines).ok());
                self.logged = lines.map(|lines| (*attempt, lines));
            }
            Record::Cancelled { .. } | Record::Expired { .. } => {}
        }
    }

    fn ended_by_engine(&mut self, attempt: u32, at: Time, outcome: HistoryOutcome) {
        let worker = self.task.step(self.step).worker.as_ref();
        let error = worker.and_then(|worker| engine_failure(outcome, &worker.worker_id, attempt));
        self.end(attempt, at, outcome, error);
    }

    fn end(&mut self, attempt: u32, at: Time, outcome: HistoryOutcome, error: Option<Failure>) {
        let logs = self.lines(attempt);
        if let Some(entry) = self.entry(attempt) {
            entry.ended_at = Some(rfc3339(at));
            entry.outcome = Some(outcome);
            entry.error = error;
            entry.logs = logs;
        }
    }

    fn entry(&mut self, attempt: u32) -> Option<&mut HistoryEntry> {
        let mut entries = self.entries.iter_mut().rev();
        entries.find(|entry| entry.attempt == attempt)
    }

    fn late(&mut self, attempt: u32, at: Time, error: Option<Failure>) {
        let logs = self.lines(attempt);
        let mut entries = self.entries.iter().rev();
        if let Some(entry) = entries.find(|entry| entry.attempt == attempt) {
            let late = HistoryEntry {
                ended_at: Some(rfc3339(at)),
                outcome: Some(HistoryOutcome::Late),
                error,
                logs,
                ..entry.clone()
            };
            self.entries.push(late);
        }
    }

    /// What an attempt's handler logged; none unless it was asked for.
    fn lines(&mut self, attempt: u32) -> Option<Vec<LogLine>> {
        let logged = self.logged.take_if(|(of, _)| *of == attempt);
        let lines = logged.map(|(_, lines)| lines).unwrap_or_default();
        self.with_logs.then_some(lines)
    }

    fn acted(&mut self, at: Time, outcome: HistoryOutcome, texts: &[&str]) {
        let note = texts
            .get(1)
            .and_then(|note| serde_json::from_str(note).ok());
        let Note { by, reason } = note.unwrap_or_default();
        self.entries.push(HistoryEntry {
            attempt: self.task.step(self.step).attempts,
            worker_id: None,
            started_at: Some(rfc3339(at)),
            ended_at: Some(rfc3339(at)),
            outcome: Some(outcome),
            error: None,
            by,
            reason,
            logs: None,
        });
    }
}
