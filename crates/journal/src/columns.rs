//! What an append adds, as columns: each is one parameter of its statement.

use std::time::SystemTime;

use uuid::Uuid;

use crate::{NewKey, NewTask, Row, TaskChange, reader::timestamp};

/// Columns of the tasks to insert.
#[derive(Default)]
pub(crate) struct Created<'a> {
    pub(crate) shards: Vec<i16>,
    pub(crate) tasks: Vec<Uuid>,
    pub(crate) namespaces: Vec<&'a str>,
    pub(crate) names: Vec<&'a str>,
    pub(crate) versions: Vec<&'a str>,
    pub(crate) template_hashes: Vec<&'a str>,
    pub(crate) statuses: Vec<i16>,
    pub(crate) created_at: Vec<SystemTime>,
    pub(crate) ended_at: Vec<Option<SystemTime>>,
    pub(crate) priorities: Vec<i16>,
    pub(crate) contexts: Vec<&'a str>,
    pub(crate) requests: Vec<&'a str>,
}

impl<'a> Created<'a> {
    pub(crate) fn push(&mut self, shard: i16, task: &'a NewTask, change: Option<&TaskChange>) {
        self.shards.push(shard);
        self.tasks.push(task.task_uuid);
        self.namespaces.push(&task.namespace);
        self.names.push(&task.name);
        self.versions.push(&task.version);
        self.template_hashes.push(&task.template_hash);
        self.statuses
            .push(change.map_or(task.status, |change| change.status));
        self.created_at.push(timestamp(task.created_at));
        self.ended_at
            .push(change.and_then(|change| change.ended_at).map(timestamp));
        self.priorities.push(task.priority);
        self.contexts.push(&task.context);
        self.requests.push(&task.request);
    }
}

/// Columns of the tasks to update.
#[derive(Default)]
pub(crate) struct Changed {
    pub(crate) shards: Vec<i16>,
    pub(crate) tasks: Vec<Uuid>,
    pub(crate) statuses: Vec<i16>,
    pub(crate) ended_at: Vec<Option<SystemTime>>,
    pub(crate) updated_at: Vec<SystemTime>,
    pub(crate) total_steps: Vec<i32>,
    pub(crate) pending_steps: Vec<i32>,
    pub(crate) completed_steps: Vec<i32>,
    pub(crate) failed_steps: Vec<i32>,
}

impl Changed {
    pub(crate) fn push(&mut self, shard: i16, change: &TaskChange) {
        self.shards.push(shard);
        self.tasks.push(change.task_uuid);
        self.statuses.push(change.status);
        self.ended_at.push(change.ended_at.map(timestamp));
        let summary = &change.summary;
        self.updated_at.push(timestamp(summary.updated_at));
        self.total_steps.push(summary.total_steps);
        self.pending_steps.push(summary.pending_steps);
        self.completed_steps.push(summary.completed_steps);
        self.failed_steps.push(summary.failed_steps);
    }
}

/// Columns of the idempotency keys to insert.
#[derive(Default)]
pub(crate) struct Keys<'a> {
    pub(crate) shards: Vec<i16>,
    pub(crate) tasks: Vec<Uuid>,
    pub(crate) namespaces: Vec<&'a str>,
    pub(crate) keys: Vec<&'a str>,
    pub(crate) body_hashes: Vec<&'a [u8]>,
}

impl<'a> Keys<'a> {
    pub(crate) fn push(&mut self, shard: i16, new: &'a NewKey) {
        self.shards.push(shard);
        self.tasks.push(new.task_uuid);
        self.namespaces.push(&new.key.namespace);
        self.keys.push(&new.key.key);
        self.body_hashes.push(&new.body_hash);
    }
}

/// Columns of the record rows to insert.
#[derive(Default)]
pub(crate) struct Rows<'a> {
    pub(crate) shards: Vec<i16>,
    pub(crate) tasks: Vec<Uuid>,
    pub(crate) records: Vec<&'a [u8]>,
    pub(crate) payloads: Vec<&'a str>,
}

impl<'a> Rows<'a> {
    pub(crate) fn push(&mut self, shard: i16, row: &'a Row) {
        self.shards.push(shard);
        self.tasks.push(row.task_uuid);
        self.records.push(&row.records);
        self.payloads.push(&row.payload);
    }
}
