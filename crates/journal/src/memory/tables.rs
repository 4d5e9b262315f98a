//! The tables, as `migrations/` describes them.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::filter;
use crate::{
    Day, Error, FirstUse, Key, Listed, ListedTask, Mark, NewTask, NewTemplate, Note, Outline,
    Registered, Round, Row, StoredTask, StoredTemplate, Summary, TaskFilter, Text, batch::Part,
    shard_of,
};

/// A task's own row.
#[derive(Clone, Debug)]
struct Task {
    task: NewTask,
    ended_at: Option<i64>,
    summary: Option<Summary>,
}

/// A record row.
#[derive(Clone, Debug)]
struct Record {
    commit: i64,
    records: Vec<u8>,
    payload: String,
}

/// Which texts, by their hashes, a version means.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Version {
    document: String,
    merged: String,
}

#[derive(Debug, Default)]
pub(super) struct Tables {
    /// The epoch of each engine.
    engines: BTreeMap<String, i64>,
    tasks: BTreeMap<Uuid, Task>,
    records: BTreeMap<Uuid, Vec<Record>>,
    /// By the key and the task that it created.
    keys: BTreeMap<(Key, Uuid), [u8; 32]>,
    /// By namespace, name and version.
    versions: BTreeMap<[String; 3], Version>,
    /// By the same.
    retirements: BTreeMap<[String; 3], Note>,
    /// By namespace and name: the version.
    defaults: BTreeMap<[String; 2], (String, Note)>,
    pub(super) bodies: BTreeMap<String, Text>,
    pub(super) days: BTreeSet<Day>,
    dropped: BTreeSet<Day>,
}

impl Tables {
    /// Fences all engines and returns this one's epoch, above all of theirs.
    pub(super) fn take_over(&mut self, engine: &str) -> i64 {
        for epoch in self.engines.values_mut() {
            *epoch += 1;
        }
        let others = self.engines.iter().filter(|(other, _)| *other != engine);
        let above = others.map(|(_, epoch)| epoch + 1).max().unwrap_or(1);
        let own = self.engines.entry(engine.to_owned()).or_insert(above);
        *own = above.max(*own);
        *own
    }

    pub(super) fn is_owned(&self, engine: &str, epoch: i64) -> bool {
        self.engines.get(engine) == Some(&epoch)
    }

    pub(super) fn is_dropped(&self, task: Uuid) -> bool {
        self.dropped.contains(&Day::of_task(task))
    }

    /// Why a part cannot be taken.
    pub(super) fn refusal(&self, part: &Part) -> Option<String> {
        let adds = part.created.is_some() || part.row.is_some();
        if adds && !self.days.contains(&Day::of_task(part.task_uuid)) {
            return Some("no partition for the task's day".to_owned());
        }
        (part.created.is_some() && self.tasks.contains_key(&part.task_uuid))
            .then(|| "the task exists".to_owned())
    }

    pub(super) fn add(&mut self, part: &Part, commit: i64) {
        if let Some(task) = &part.created {
            let stored = Task {
                task: NewTask {
                    status: part.change.map_or(task.status, |change| change.status),
                    ..task.clone()
                },
                ended_at: part.change.and_then(|change| change.ended_at),
                summary: None,
            };
            self.tasks.insert(part.task_uuid, stored);
        } else if let (Some(change), Some(stored)) =
            (part.change, self.tasks.get_mut(&part.task_uuid))
        {
            stored.task.status = change.status;
            stored.ended_at = change.ended_at;
            stored.summary = Some(change.summary);
        }
        if let Some(key) = &part.key {
            let place = (key.key.clone(), part.task_uuid);
            self.keys.insert(place, key.body_hash);
        }
        if let Some(row) = &part.row {
            self.records.entry(row.task_uuid).or_default().push(Record {
                commit,
                records: row.records.clone(),
                payload: row.payload.clone(),
            });
        }
    }

    pub(super) fn drop_keys(&mut self, last: Day) {
        self.keys.retain(|(_, task), _| Day::of_task(*task) > last);
    }

    pub(super) fn drop_tasks(&mut self, last: Day) {
        let open = self.tasks.iter();
        let open: BTreeSet<Day> = open
            .filter(|(_, stored)| stored.ended_at.is_none())
            .map(|(task, _)| Day::of_task(*task))
            .collect();
        let over = self.days.iter().copied();
        let over: BTreeSet<Day> = over
            .filter(|day| *day <= last && !open.contains(day))
            .collect();
        self.tasks
            .retain(|task, _| !over.contains(&Day::of_task(*task)));
        self.records
            .retain(|task, _| !over.contains(&Day::of_task(*task)));
        self.days.retain(|day| !over.contains(day));
        self.dropped.extend(over);
    }

    pub(super) fn first_use(&self, key: &Key, least: Uuid) -> Option<FirstUse> {
        let uses = (key.clone(), least)..=(key.clone(), Uuid::max());
        let ((_, task_uuid), body_hash) = self.keys.range(uses).next_back()?;
        Some(FirstUse {
            task_uuid: *task_uuid,
            body_hash: body_hash.to_vec(),
        })
    }

    pub(super) fn task(&self, task_uuid: Uuid) -> Option<StoredTask> {
        let stored = self.tasks.get(&task_uuid)?;
        let rows = self.records_of(task_uuid).iter();
        Some(StoredTask {
            task: stored.task.clone(),
            ended_at: stored.ended_at,
            rows: rows
                .map(|record| Row {
                    task_uuid,
                    records: record.records.clone(),
                    payload: record.payload.clone(),
                })
                .collect(),
        })
    }

    pub(super) fn outline(&self, task_uuid: Uuid) -> Option<Outline> {
        let stored = self.tasks.get(&task_uuid)?;
        let rows = self.records_of(task_uuid).iter();
        Some(Outline {
            task: stored.task.clone(),
            rows: rows
                .map(|record| (record.commit, record.records.clone()))
                .collect(),
        })
    }

    pub(super) fn payloads(&self, task_uuid: Uuid, commits: &[i64]) -> Vec<String> {
        let rows = self.records_of(task_uuid).iter();
        rows.filter(|record| commits.contains(&record.commit))
            .map(|record| record.payload.clone())
            .collect()
    }

    /// Commits are added in the order of their numbers.
    fn records_of(&self, task: Uuid) -> &[Record] {
        self.records.get(&task).map_or(&[], Vec::as_slice)
    }

    pub(super) fn open_tasks(&self) -> Vec<StoredTask> {
        let open = self.tasks.iter();
        let mut open: Vec<Uuid> = open
            .filter(|(_, stored)| stored.ended_at.is_none())
            .map(|(task, _)| *task)
            .collect();
        open.sort_by_key(|task| (shard_of(*task), *task));
        open.into_iter()
            .filter_map(|task| self.task(task))
            .collect()
    }

    pub(super) fn list(&self, wanted: &TaskFilter, round: Round) -> Listed {
        let limit = round.limit as usize;
        let newest = self.tasks.range(..round.before).rev();
        let mut tasks: Vec<ListedTask> = newest
            .map(|(_, stored)| stored.listed())
            .filter(|task| filter::holds(wanted, task))
            // One more than asked for tells whether there are more.
            .take(limit + 1)
            .collect();
        let more = tasks.len() > limit;
        tasks.truncate(limit);
        let next = tasks.last().filter(|_| more).map(|task| task.task_uuid);
        Listed { tasks, next }
    }

    pub(super) fn listed(&self, task: Uuid) -> Option<ListedTask> {
        self.tasks.get(&task).map(Task::listed)
    }

    pub(super) fn templates(&self) -> Vec<StoredTemplate> {
        let body = |hash: &String| self.bodies.get(hash).cloned().unwrap_or_default();
        let versions = self.versions.iter();
        versions
            .map(|(place, means)| {
                let [namespace, name, version] = place.clone();
                let named = self.defaults.get(&[namespace.clone(), name.clone()]);
                let default = named.filter(|(named, _)| *named == version);
                StoredTemplate {
                    retired: self.retirements.get(place).cloned(),
                    default: default.map(|(_, note)| note.clone()),
                    namespace,
                    name,
                    version,
                    document_hash: means.document.clone(),
                    document: body(&means.document),
                    merged_hash: means.merged.clone(),
                    merged: body(&means.merged),
                }
            })
            .collect()
    }

    /// `None` where there is something to store, and the engine is not the process's any more.
    pub(super) fn register(
        &mut self,
        new: &[NewTemplate],
        replace: bool,
        owned: bool,
    ) -> Option<Registered> {
        let mut changed = 0;
        for (place, new) in new.iter().enumerate() {
            match self.versions.get(&new.place()) {
                Some(before) if before.document != new.document_hash && !replace => {
                    return Some(Registered::Conflict {
                        place,
                        existing_hash: before.document.clone(),
                    });
                }
                before => changed += usize::from(before != Some(&new.means())),
            }
        }
        if changed > 0 && !owned {
            return None;
        }
        for new in new {
            for (hash, body) in [
                (&new.document_hash, &new.document),
                (&new.merged_hash, &new.merged),
            ] {
                let body = || Text::clone(body);
                self.bodies.entry(hash.clone()).or_insert_with(body);
            }
            self.versions.insert(new.place(), new.means());
        }
        Some(Registered::All { changed })
    }

    pub(super) fn mark(&mut self, version: [&str; 3], mark: &Mark) -> Result<(), Error> {
        let place = version.map(str::to_owned);
        let adds = matches!(mark, Mark::Retired(_) | Mark::Default(_));
        if adds && !self.versions.contains_key(&place) {
            return Err(Error::not_registered(version));
        }
        let [namespace, name, version] = place.clone();
        let template = [namespace, name];
        match mark {
            Mark::Retired(note) => {
                self.retirements.insert(place, note.clone());
            }
            Mark::Restored => {
                self.retirements.remove(&place);
            }
            Mark::Default(note) => {
                self.defaults.insert(template, (version, note.clone()));
            }
            Mark::NoDefault => {
                let named = self.defaults.get(&template);
                if named.is_some_and(|(named, _)| *named == version) {
                    self.defaults.remove(&template);
                }
            }
        }
        Ok(())
    }
}

impl NewTemplate {
    fn place(&self) -> [String; 3] {
        [&self.namespace, &self.name, &self.version].map(String::clone)
    }

    fn means(&self) -> Version {
        Version {
            document: self.document_hash.clone(),
            merged: self.merged_hash.clone(),
        }
    }
}

impl Task {
    fn listed(&self) -> ListedTask {
        let task = &self.task;
        ListedTask {
            task_uuid: task.task_uuid,
            namespace: task.namespace.clone(),
            name: task.name.clone(),
            version: task.version.clone(),
            template_hash: task.template_hash.clone(),
            status: task.status,
            created_at: task.created_at,
            ended_at: self.ended_at,
            priority: task.priority,
            request: task.request.clone(),
            summary: self.summary,
        }
    }
}
