//! Reading tasks back from the journal: all open ones when the engine starts, a single one when it is asked for and has
//! left memory. The same records go through the same `evolve` as they did live.

use std::sync::Arc;

use serde_json::value::RawValue;
use tasker_core::event::Restored;
use tasker_core::payload::Place;
use tasker_core::state::Idle;
use tasker_core::texts::{Request, TaskTexts};
use tasker_core::{Change, Graph, Record, Task, TaskId, Time, record};
use tasker_journal::{self as journal, Journal, NewTask, StoredTask};

use crate::batch::{Status, stored_status};
use crate::catalog::{self, Catalog};
use crate::engine::Recovered;

/// A task that cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The journal could not be read.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The merged template that the task runs cannot be read.
    #[error(transparent)]
    Unusable(#[from] catalog::Unusable),
    /// The merged template that the task runs is missing.
    #[error("task {task} runs a template with the hash {hash}, which is not stored")]
    Template {
        /// The task.
        task: TaskId,
        /// The hash of its merged template.
        hash: String,
    },
    /// A row is damaged or of a later release.
    #[error("task {task}: {error}")]
    Records {
        /// The task.
        task: TaskId,
        /// What is wrong.
        error: record::Error,
    },
    /// A text is not JSON.
    #[error("task {task}: a stored text is not JSON: {error}")]
    Json {
        /// The task.
        task: TaskId,
        /// What is wrong.
        error: serde_json::Error,
    },
}

/// A stored task, decoded.
pub struct Decoded {
    /// What it runs.
    pub graph: Arc<Graph>,
    /// Its texts after all records.
    pub texts: TaskTexts,
    /// Its records, in order.
    pub records: Vec<Record>,
    /// The records' texts, as many as each says.
    pub record_texts: Vec<Arc<str>>,
}

/// Rebuilds the state from all open tasks; of those that are blocked, their own rows say enough. `budget` is what their texts may take.
pub async fn recover(
    journal: &Journal,
    catalog: &Catalog,
    budget: usize,
) -> Result<Recovered, Error> {
    let mut recovered = Recovered::new(budget);
    let mut pages = journal.open_tasks().without_rows_of(Status::Blocked as i16);
    while let Some(page) = pages.next().await? {
        for stored in page {
            if stored.task.status == Status::Blocked as i16 {
                let task = &stored.task;
                let graph = graph(journal, task, catalog).await?;
                recovered.state.evolve(&Change::Rested {
                    task: task.task_uuid,
                    idle: Idle::blocked(&graph, Time(task.created_at)),
                });
                continue;
            }
            let decoded = decode(journal, &stored, catalog).await?;
            let id = stored.task.task_uuid;
            let restored = Arc::new(restored(&stored, &decoded));
            recovered.state.evolve(&Change::Restored(restored));
            let rows = stored.rows.len() as u32;
            recovered.texts.restore(id, decoded.texts, rows);
            if let Some(task) = recovered.state.task(id) {
                // A row is changed in the commit that changes what it says.
                recovered.stored.insert(id, stored_status(task));
            }
        }
        recovered.texts.trim();
    }
    Ok(recovered)
}

/// What the core needs of a stored task to have it in memory again.
pub fn restored(stored: &StoredTask, decoded: &Decoded) -> Restored {
    Restored {
        task: stored.task.task_uuid,
        graph: Arc::clone(&decoded.graph),
        priority: stored.task.priority,
        at: Time(stored.task.created_at),
        records: decoded.records.clone(),
    }
}

/// A stored task as it was created.
pub fn created(task: &NewTask, graph: Arc<Graph>) -> Task {
    let NewTask {
        task_uuid,
        priority,
        created_at,
        ..
    } = *task;
    Task::new(task_uuid, graph, priority, Time(created_at))
}

/// What a stored task runs.
pub async fn graph(
    journal: &Journal,
    task: &NewTask,
    catalog: &Catalog,
) -> Result<Arc<Graph>, Error> {
    let hash = &task.template_hash;
    if catalog.graph(hash).is_none()
        && let Some(merged) = journal.template_body(hash).await?
    {
        catalog.load_body(hash, &merged)?;
    }
    catalog.graph(hash).ok_or_else(|| Error::Template {
        task: task.task_uuid,
        hash: hash.clone(),
    })
}

/// A stored task's texts before all its records.
pub fn texts(task: &NewTask) -> Result<TaskTexts, Error> {
    let in_json = |error| Error::Json {
        task: task.task_uuid,
        error,
    };
    let request: Request = serde_json::from_str(&task.request).map_err(in_json)?;
    let context = RawValue::from_string(task.context.to_string()).map_err(in_json)?;
    Ok(TaskTexts::new(request, context.into()))
}

/// Decodes a stored task.
pub async fn decode(
    journal: &Journal,
    stored: &StoredTask,
    catalog: &Catalog,
) -> Result<Decoded, Error> {
    let id = stored.task.task_uuid;
    let in_json = |error| Error::Json { task: id, error };
    let graph = graph(journal, &stored.task, catalog).await?;
    let mut texts = texts(&stored.task)?;
    let mut records = Vec::new();
    let mut record_texts = Vec::new();
    for (number, row) in (1..).zip(&stored.rows) {
        let (row_records, row_texts) = record::decode(&row.records, &row.payload)
            .map_err(|error| Error::Records { task: id, error })?;
        let (mut offset, mut rest) = (0, row_texts.as_slice());
        for record in &row_records {
            // As many texts as the records say: decoding has counted them.
            let (own, others) = rest.split_at(record.texts());
            rest = others;
            let place = Place::of(number, offset, own.iter().map(|text| text.len()));
            let kept = texts.payload.keep_stored(record, own, place);
            kept.map_err(in_json)?;
            offset += own.iter().map(|text| text.len()).sum::<usize>();
        }
        record_texts.extend(row_texts.into_iter().map(Arc::from));
        records.extend(row_records);
    }
    Ok(Decoded {
        graph,
        texts,
        records,
        record_texts,
    })
}
