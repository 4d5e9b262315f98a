//! The texts of all tasks in memory, under a budget: what was least recently used is let go of and read again when
//! somebody needs it. A pure machine; the shell around it does the reading.
//!
//! Whoever finds texts missing waits here. One reading is under way at a time, and it is for all who wait when it
//! begins: a round of dispatches costs one query. Texts that are not durable yet, and those that somebody waits for,
//! stay in memory whatever the budget.
//!
//! ```text
//! look: absent ──wait──▶ waiting ──read──▶ reading ──found──▶ ready: look again
//! ```

use std::collections::{BTreeSet, HashSet};

use rustc_hash::FxHashMap;

use crate::engine::Commit;
use crate::gateway::Texts;
use crate::payload::{Look, Place, Slot};
use crate::texts::TaskTexts;
use crate::{Record, TaskId};

/// A reading is for at most this many bytes, or for one that waits.
const MAX_READ_BYTES: usize = 64 << 20;

/// The texts of all tasks in memory. `W` is what waits for texts.
#[derive(Debug)]
pub struct Store<W> {
    tasks: FxHashMap<TaskId, Kept>,
    budget: usize,
    bytes: usize,
    /// The tasks that have texts in memory, by when they were last used.
    used: BTreeSet<(u64, TaskId)>,
    now: u64,
    /// The tasks of the commit that is in flight.
    in_flight: Vec<TaskId>,
    waiting: Vec<Waiting<W>>,
    /// Something happened that those who wait may have waited for.
    stirred: bool,
    /// What is being read.
    reading: Option<Vec<Wanted>>,
    readings: u64,
}

/// The texts of one task.
#[derive(Debug)]
struct Kept {
    texts: TaskTexts,
    bytes: usize,
    used: u64,
    /// Rows that the journal has, or that are in flight.
    rows: u32,
    /// Rows that are durable.
    durable: u32,
    /// Whether its creation is durable.
    created: bool,
}

#[derive(Debug)]
struct Waiting<W> {
    absent: Vec<Absent>,
    waits: W,
}

/// Texts of a task that are not in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent {
    /// The task.
    pub task: TaskId,
    /// Which of its texts.
    pub slots: Vec<Slot>,
}

/// A text that is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Wanted {
    /// The task.
    pub task: TaskId,
    /// The number of the row that has it, counted from 1 in the order of the task's commits; 0 for its context.
    pub row: u32,
}

/// A text that was read is not what it was.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is gone.
    #[error("the journal has no row {row} of task {task} any more")]
    Gone {
        /// The task.
        task: TaskId,
        /// The row; 0 is the task's own.
        row: u32,
    },
    /// It is damaged.
    #[error("row {row} of task {task} cannot be read: {error}")]
    Damaged {
        /// The task.
        task: TaskId,
        /// The row; 0 is the task's own.
        row: u32,
        /// What is wrong.
        error: serde_json::Error,
    },
}

impl<W> Store<W> {
    /// A store without tasks that keeps about `budget` bytes.
    pub fn new(budget: usize) -> Store<W> {
        Store {
            tasks: FxHashMap::default(),
            budget,
            bytes: 0,
            used: BTreeSet::new(),
            now: 0,
            in_flight: Vec::new(),
            waiting: Vec::new(),
            stirred: false,
            reading: None,
            readings: 0,
        }
    }

    /// Bytes of texts in memory, with what goes with them.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Readings so far.
    pub fn readings(&self) -> u64 {
        self.readings
    }

    /// Adds a task that is not with any commit yet.
    pub fn create(&mut self, task: TaskId, texts: TaskTexts) {
        self.add(task, texts, 0, false);
    }

    /// Adds a task of which so many rows are in the journal.
    pub fn restore(&mut self, task: TaskId, texts: TaskTexts, rows: u32) {
        self.add(task, texts, rows, true);
    }

    fn add(&mut self, task: TaskId, texts: TaskTexts, rows: u32, created: bool) {
        self.remove(task);
        let bytes = texts.payload.bytes();
        self.bytes += bytes;
        let kept = Kept {
            texts,
            bytes,
            used: self.now,
            rows,
            durable: rows,
            created,
        };
        self.used.insert((kept.used, task));
        self.tasks.insert(task, kept);
    }

    /// Forgets a task.
    pub fn remove(&mut self, task: TaskId) {
        if let Some(kept) = self.tasks.remove(&task) {
            self.bytes -= kept.bytes;
            self.used.remove(&(kept.used, task));
            self.stirred = true;
        }
    }

    /// Whether a task's creation is durable, or the task is not here.
    pub fn is_created(&self, task: TaskId) -> bool {
        self.tasks.get(&task).is_none_or(|kept| kept.created)
    }

    /// A task's texts, as far as they are in memory.
    pub fn get(&self, task: TaskId) -> Option<&TaskTexts> {
        self.tasks.get(&task).map(|kept| &kept.texts)
    }

    /// What `make` makes of a task's texts, or which it needs that are not in memory. None if there is no such task.
    pub fn look<T>(
        &mut self,
        task: TaskId,
        make: impl FnOnce(&Look<'_>) -> T,
    ) -> Option<Result<T, Absent>> {
        let kept = self.tasks.get_mut(&task)?;
        touch(&mut self.used, self.now, task, kept);
        let look = Look::new(&kept.texts);
        let made = make(&look);
        Some(look.finish(made).map_err(|slots| Absent { task, slots }))
    }

    /// Keeps the texts of a record.
    pub fn keep(&mut self, task: TaskId, record: &Record, texts: &Texts) {
        if let Some(kept) = self.tasks.get_mut(&task) {
            touch(&mut self.used, self.now, task, kept);
            let more = kept.texts.payload.keep(record, texts);
            kept.bytes = kept.bytes.saturating_add_signed(more);
            self.bytes = self.bytes.saturating_add_signed(more);
        }
    }

    /// The journal has a commit now, the one before is durable.
    pub fn sealed(&mut self, commit: &Commit) {
        self.in_flight.clear();
        for part in &commit.tasks {
            let Some(kept) = self.tasks.get_mut(&part.task) else {
                continue;
            };
            self.in_flight.push(part.task);
            if part.records.is_empty() {
                continue;
            }
            kept.rows += 1;
            let (mut offset, mut rest) = (0, part.texts.as_slice());
            for record in &part.records {
                // As many texts as the records say.
                let (own, others) = rest.split_at(record.texts());
                rest = others;
                let place = Place::of(kept.rows, offset, own.iter().map(|text| text.len()));
                kept.texts.payload.commit(record, place);
                offset += own.iter().map(|text| text.len()).sum::<usize>();
            }
        }
    }

    /// The commit that the journal has is durable.
    pub fn committed(&mut self) {
        for task in self.in_flight.drain(..) {
            if let Some(kept) = self.tasks.get_mut(&task) {
                kept.durable = kept.rows;
                kept.created = true;
            }
        }
    }

    /// Lets something wait until texts are in memory, or their tasks are not.
    pub fn wait(&mut self, absent: Vec<Absent>, waits: W) {
        self.waiting.push(Waiting { absent, waits });
    }

    /// Whether something waits for texts.
    pub fn is_awaited(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Who has waited long enough, in the order in which they came. Their texts stay until [`Store::trim`].
    pub fn ready(&mut self) -> Vec<W> {
        if !std::mem::take(&mut self.stirred) || self.waiting.is_empty() {
            return Vec::new();
        }
        let tasks = &self.tasks;
        let is_ready = |waiting: &mut Waiting<W>| {
            let mut absent = waiting.absent.iter();
            absent.all(|absent| missing(tasks, absent).next().is_none())
        };
        self.waiting
            .extract_if(.., is_ready)
            .map(|waiting| waiting.waits)
            .collect()
    }

    /// What is to be read now, for all who wait: each text once. None while a reading is under way, or when nobody
    /// waits. To be answered by [`Store::found`].
    pub fn read(&mut self) -> Option<Vec<Wanted>> {
        if self.reading.is_some() || self.waiting.is_empty() {
            return None;
        }
        let (mut wanted, mut bytes) = (BTreeSet::new(), 0);
        for waiting in &self.waiting {
            if bytes > MAX_READ_BYTES {
                break;
            }
            let absent = waiting.absent.iter();
            for (text, length) in absent.flat_map(|absent| missing(&self.tasks, absent)) {
                if wanted.insert(text) {
                    bytes += length;
                }
            }
        }
        if wanted.is_empty() {
            // What they wait for has come by itself.
            self.stirred = true;
            return None;
        }
        let wanted: Vec<Wanted> = wanted.into_iter().collect();
        self.readings += 1;
        self.reading = Some(wanted.clone());
        Some(wanted)
    }

    /// What was read, in the order in which it was wanted: the context, or all of a row's texts.
    ///
    /// # Errors
    /// Something is missing or damaged.
    pub fn found(&mut self, texts: &[Option<String>]) -> Result<(), Error> {
        let wanted = self.reading.take().unwrap_or_default();
        let read: FxHashMap<Wanted, Option<&str>> = wanted
            .into_iter()
            .zip(texts.iter().map(Option::as_deref))
            .collect();
        self.stirred = true;
        for absent in self.waiting.iter().flat_map(|waiting| &waiting.absent) {
            let Some(kept) = self.tasks.get_mut(&absent.task) else {
                continue;
            };
            touch(&mut self.used, self.now, absent.task, kept);
            for slot in &absent.slots {
                let Some((row, _)) = kept.texts.payload.absent(*slot) else {
                    continue;
                };
                let task = absent.task;
                let text = match read.get(&Wanted { task, row }) {
                    Some(Some(text)) => *text,
                    Some(None) => return Err(Error::Gone { task, row }),
                    // Who needs it came after the reading had begun.
                    None => continue,
                };
                let filled = kept.texts.payload.fill(*slot, row, text);
                let more = filled.map_err(|error| Error::Damaged { task, row, error })?;
                kept.bytes += more;
                self.bytes += more;
            }
        }
        Ok(())
    }

    /// Lets go of what was least recently used, until the budget is kept.
    pub fn trim(&mut self) {
        self.now += 1;
        if self.bytes <= self.budget {
            return;
        }
        let waiting = self.waiting.iter().flat_map(|waiting| &waiting.absent);
        let pinned: HashSet<TaskId> = waiting.map(|absent| absent.task).collect();
        let mut empty = Vec::new();
        for (used, task) in &self.used {
            if self.bytes <= self.budget {
                break;
            }
            if let (false, Some(kept)) = (pinned.contains(task), self.tasks.get_mut(task)) {
                let forgotten = kept.texts.payload.forget(kept.created, kept.durable);
                kept.bytes -= forgotten;
                self.bytes -= forgotten;
                if kept.bytes == 0 {
                    empty.push((*used, *task));
                }
            }
        }
        for entry in empty {
            self.used.remove(&entry);
        }
    }
}

/// A task's texts are used.
fn touch(used: &mut BTreeSet<(u64, TaskId)>, now: u64, task: TaskId, kept: &mut Kept) {
    if kept.used != now {
        used.remove(&(kept.used, task));
        kept.used = now;
        used.insert((now, task));
    }
}

/// What is not in memory of what was found absent, with its bytes.
fn missing<'a>(
    tasks: &'a FxHashMap<TaskId, Kept>,
    absent: &'a Absent,
) -> impl Iterator<Item = (Wanted, usize)> {
    let task = absent.task;
    let kept = tasks.get(&task);
    let slots = kept.into_iter().flat_map(|kept| {
        let slots = absent.slots.iter();
        slots.filter_map(|slot| kept.texts.payload.absent(*slot))
    });
    slots.map(move |(row, bytes)| (Wanted { task, row }, bytes))
}

#[cfg(test)]
mod tests;
