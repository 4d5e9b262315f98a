//! A task that is only in the journal, as it stands there. Of its steps' texts, those are read that somebody needs:
//! together they may be larger than memory.

use std::collections::BTreeMap;

use tasker_core::payload::{Look, Place, Slot};
use tasker_core::texts::TaskTexts;
use tasker_core::{Task, TaskId, record};
use tasker_journal::Journal;

use crate::catalog::Catalog;
use crate::recovery::{self, Error};

/// What `show` makes of the task, none if there is no such task. It is asked again once the texts are there that it needs.
pub async fn show<T>(
    journal: &Journal,
    catalog: &Catalog,
    id: TaskId,
    show: impl Fn(&Task, &Look<'_>) -> T,
) -> Result<Option<T>, Error> {
    let Some((task, mut texts)) = read(journal, catalog, id).await? else {
        return Ok(None);
    };
    loop {
        let look = Look::new(&texts);
        let made = show(&task, &look);
        let absent = match look.finish(made) {
            Ok(made) => return Ok(Some(made)),
            Err(absent) => absent,
        };
        if !fill(journal, id, &mut texts, &absent).await? {
            return Ok(None);
        }
    }
}

/// The task after all its records, and where its steps' texts are.
async fn read(
    journal: &Journal,
    catalog: &Catalog,
    id: TaskId,
) -> Result<Option<(Task, TaskTexts)>, Error> {
    let Some(outline) = journal.outline(id).await? else {
        return Ok(None);
    };
    let graph = recovery::graph(journal, &outline.task, catalog).await?;
    let mut task = recovery::created(&outline.task, graph);
    let mut texts = recovery::texts(&outline.task)?;
    let mut moves = Vec::new();
    for (number, (_, bytes)) in (1..).zip(&outline.rows) {
        let (records, lengths) =
            record::outline(bytes).map_err(|error| Error::Records { task: id, error })?;
        let mut lengths = lengths.into_iter().map(|length| length as usize);
        let mut offset = 0;
        for record in &records {
            task.apply(record, &mut moves);
            moves.clear();
            let own: Vec<usize> = lengths.by_ref().take(record.texts()).collect();
            let length: usize = own.iter().sum();
            texts.payload.place(record, Place::of(number, offset, own));
            offset += length;
        }
    }
    Ok(Some((task, texts)))
}

/// Reads texts that are absent. Whether they are there: not when the task has just been dropped.
async fn fill(
    journal: &Journal,
    id: TaskId,
    texts: &mut TaskTexts,
    absent: &[Slot],
) -> Result<bool, Error> {
    let payload = &mut texts.payload;
    let rows = absent.iter().filter_map(|slot| payload.absent(*slot));
    let mut read: BTreeMap<u32, Option<String>> = rows.map(|(row, _)| (row, None)).collect();
    let places: Vec<_> = read.keys().map(|row| (id, *row)).collect();
    let found = journal.texts(&places).await?;
    for (text, found) in read.values_mut().zip(found) {
        *text = found;
    }
    for slot in absent {
        let Some((row, _)) = payload.absent(*slot) else {
            continue;
        };
        let Some(Some(text)) = read.get(&row) else {
            return Ok(false);
        };
        let filled = payload.fill(*slot, row, text);
        filled.map_err(|error| Error::Json { task: id, error })?;
    }
    Ok(true)
}
