//! The past of one step, read from the journal: its task's records, and the texts of those that are about the step.
//!
//! The texts of a task's other steps stay where they are: a task may have 100,000 of them.

use std::collections::HashMap;

use tasker_core::attempts::Attempts;
use tasker_core::payload::{Look, Place};
use tasker_core::texts::TaskTexts;
use tasker_core::{Record, State, StepIndex, Task, TaskId, record, view};
use tasker_journal::{Journal, Outline};
use tasker_protocol::api;
use tasker_protocol::history::HistoryEntry;
use uuid::Uuid;

use crate::catalog::Catalog;
use crate::recovery::{self, Error};

/// A task's records, seen from one of its steps.
pub struct Past {
    created: Task,
    now: Task,
    step: StepIndex,
    texts: TaskTexts,
    records: Vec<(Record, Vec<String>)>,
}

/// What there is of a step.
pub enum Found {
    /// The step's past.
    Past(Box<Past>),
    /// There is no such task.
    NoTask,
    /// The task has no such step.
    NoStep,
}

/// Reads a step's past.
pub async fn read(
    journal: &Journal,
    catalog: &Catalog,
    task: TaskId,
    step_uuid: Uuid,
) -> Result<Found, Error> {
    let Some(outline) = journal.outline(task).await? else {
        return Ok(Found::NoTask);
    };
    let graph = recovery::graph(journal, &outline.task, catalog).await?;
    let created = recovery::created(&outline.task, graph);
    let mut now = created.clone();
    let mut moves = Vec::new();
    let damaged = |error| Error::Records { task, error };
    let mut rows = Vec::with_capacity(outline.rows.len());
    for (_, bytes) in &outline.rows {
        let (records, _) = record::outline(bytes).map_err(damaged)?;
        for record in &records {
            now.apply(record, &mut moves);
            moves.clear();
        }
        rows.push(records);
    }
    let Some(step) = now.find(step_uuid) else {
        return Ok(Found::NoStep);
    };
    let mut payloads = payloads(journal, &outline, &rows, step).await?;
    let mut past = Past {
        created,
        now,
        step,
        texts: recovery::texts(&outline.task)?,
        records: Vec::new(),
    };
    for ((commit, bytes), records) in outline.rows.iter().zip(rows) {
        match payloads.remove(commit) {
            Some(payload) => {
                let (records, texts) = record::decode(bytes, &payload).map_err(damaged)?;
                past.add(task, records, &texts)?;
            }
            None => past
                .records
                .extend(records.into_iter().map(|record| (record, Vec::new()))),
        }
    }
    Ok(Found::Past(Box::new(past)))
}

/// The texts of the commits that say something about a step, by their numbers.
async fn payloads(
    journal: &Journal,
    outline: &Outline,
    rows: &[Vec<Record>],
    step: StepIndex,
) -> Result<HashMap<i64, String>, Error> {
    let tells = |record: &Record| record.step() == Some(step) && record.texts() > 0;
    let telling = outline.rows.iter().zip(rows);
    let commits: Vec<i64> = telling
        .filter(|(_, records)| records.iter().any(tells))
        .map(|((commit, _), _)| *commit)
        .collect();
    let texts = journal.payloads(outline.task.task_uuid, &commits).await?;
    Ok(commits.into_iter().zip(texts).collect())
}

impl Past {
    fn add(&mut self, task: TaskId, records: Vec<Record>, mut texts: &[&str]) -> Result<(), Error> {
        for record in records {
            // As many texts as the records say: decoding has counted them.
            let (own, others) = texts.split_at(record.texts());
            texts = others;
            if record.step() == Some(self.step) {
                let payload = &mut self.texts.payload;
                let kept = payload.keep_stored(&record, own, Place::default());
                kept.map_err(|error| Error::Json { task, error })?;
                let own = own.iter().map(|text| (*text).to_owned()).collect();
                self.records.push((record, own));
            } else {
                self.records.push((record, Vec::new()));
            }
        }
        Ok(())
    }

    /// The step as the journal has it.
    pub fn step(&self) -> api::Step {
        let texts = Look::new(&self.texts);
        view::step(&State::default(), &self.now, &texts, self.step)
    }

    /// What happened to the step in so many of its task's records.
    pub fn history(self, records: u64, with_logs: bool) -> Vec<HistoryEntry> {
        let mut attempts = Attempts::new(self.created, self.step, with_logs);
        for (_, (record, texts)) in (0..records).zip(&self.records) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            attempts.add(record, &texts);
        }
        attempts.entries()
    }
}
