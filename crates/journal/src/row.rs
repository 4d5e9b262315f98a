//! What is stored, what an append adds to it, and what became of it.

use std::{fmt, sync::Arc};

use uuid::Uuid;

/// A text that several owners share.
pub type Text = Arc<str>;

/// What one append adds. All of a task's part is committed at once, or none of it.
#[derive(Clone, Debug, Default)]
pub struct Append {
    /// Tasks that begin. Their days' partitions must exist.
    pub created: Vec<NewTask>,
    /// What is added to tasks: one row a task, already folded.
    pub rows: Vec<Row>,
    /// Idempotency keys, each of one of `created`.
    pub keys: Vec<NewKey>,
    /// Tasks whose own row changes, at most once each; also one of `created`, whose row is then inserted so.
    pub changed: Vec<TaskChange>,
}

impl Append {
    /// Whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.created.is_empty() && self.rows.is_empty() && self.changed.is_empty()
    }
}

/// A task's own row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTask {
    /// A UUIDv7 that carries the day and the shard.
    pub task_uuid: Uuid,
    /// The template's namespace.
    pub namespace: String,
    /// The template's name.
    pub name: String,
    /// The template's version.
    pub version: String,
    /// The hash of the merged content that the task keeps.
    pub template_hash: String,
    /// A number that the caller gives a meaning.
    pub status: i16,
    /// Microseconds since 1970-01-01 UTC.
    pub created_at: i64,
    /// From -100 to 100.
    pub priority: i16,
    /// JSON text, stored as it is.
    pub context: Text,
    /// JSON text of the creation's other fields, stored as it is.
    pub request: Text,
}

/// The first use of an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// The task that it creates, in the key's shard.
    pub task_uuid: Uuid,
    /// The key, unique in its namespace for a time.
    pub key: Key,
    /// SHA-256 of the creation's body.
    pub body_hash: [u8; 32],
}

/// An idempotency key with its namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The namespace of the task's template.
    pub namespace: String,
    /// The key.
    pub key: String,
}

/// What the first use of a key created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstUse {
    /// The task.
    pub task_uuid: Uuid,
    /// SHA-256 of the creation's body.
    pub body_hash: Vec<u8>,
}

/// What one commit adds to one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The task.
    pub task_uuid: Uuid,
    /// A versioned list of records.
    pub records: Vec<u8>,
    /// The texts that belong to them.
    pub payload: String,
}

/// A change of a task's own row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskChange {
    /// The task.
    pub task_uuid: Uuid,
    /// A number that the caller gives a meaning.
    pub status: i16,
    /// When the task ended, in microseconds since 1970-01-01 UTC; `None` while it is open.
    pub ended_at: Option<i64>,
    /// What lists show of it while it is not in memory. Not kept of a task that is created by the same append.
    pub summary: Summary,
}

/// What lists show of a task that has ended or is blocked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// When something last happened to it, in microseconds since 1970-01-01 UTC.
    pub updated_at: i64,
    /// Steps that exist.
    pub total_steps: i32,
    /// Steps that wait.
    pub pending_steps: i32,
    /// Steps that are done.
    pub completed_steps: i32,
    /// Steps in error.
    pub failed_steps: i32,
}

/// What became of an append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendOutcome {
    /// The last commit made so far.
    pub commit: CommitNumber,
    /// Tasks of which nothing was committed; all others' parts are durable.
    pub refused: Vec<Refused>,
}

/// A task whose part PostgreSQL cannot take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The task.
    pub task_uuid: Uuid,
    /// Why.
    pub message: String,
}

/// A task as the journal has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTask {
    /// Its own row; `status` is the present one.
    pub task: NewTask,
    /// When it ended, in microseconds since 1970-01-01 UTC; `None` while it is open.
    pub ended_at: Option<i64>,
    /// What was added to it, in the order of the commits.
    pub rows: Vec<Row>,
}

/// A task as the journal has it, without the texts of what was added to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Its own row; `status` is the present one.
    pub task: NewTask,
    /// The numbers and the records of the commits that added to it, in their order.
    pub rows: Vec<(i64, Vec<u8>)>,
}

/// The number of a commit: the epoch and a counter. Numbers rise from commit to commit, across restarts too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitNumber(i64);

/// The half of a commit number that counts.
const COUNTER: i64 = 0xffff_ffff;

impl CommitNumber {
    /// The first number of an epoch, which no commit bears.
    pub(crate) fn before_first(epoch: i64) -> CommitNumber {
        CommitNumber(epoch << 32)
    }

    /// The number that follows.
    pub(crate) fn next(self) -> CommitNumber {
        CommitNumber(self.0 + 1)
    }

    /// Whether the epoch has no number after this one.
    pub(crate) fn is_last(self) -> bool {
        self.0 & COUNTER == COUNTER
    }

    /// As the tables have it.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl From<i64> for CommitNumber {
    /// As the tables have it.
    fn from(number: i64) -> CommitNumber {
        CommitNumber(number)
    }
}

impl fmt::Display for CommitNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 >> 32, self.0 & COUNTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_within_an_epoch_and_into_the_next() {
        let first = CommitNumber::before_first(7).next();
        assert_eq!(first.to_string(), "7.1");
        assert!(!first.is_last());
        let last = CommitNumber((7 << 32) | COUNTER);
        assert!(last.is_last() && first < last);
        assert!(last < CommitNumber::before_first(8).next());
    }
}
