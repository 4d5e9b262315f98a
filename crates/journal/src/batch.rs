//! An append in statements of bounded size, each task's part whole.

use std::collections::{BTreeSet, HashMap};

use tokio_postgres::{
    Client, Error, SimpleQueryMessage,
    error::SqlState,
    types::{ToSql, Type},
};
use uuid::Uuid;

use crate::{
    Append, CommitNumber, Day, NewKey, NewTask, Row, TaskChange,
    columns::{Changed, Created, Keys, Rows},
    place::on_day,
    shard_of,
    statement::{Kind, Statements},
};

/// A statement takes at most this many bytes of texts and records, or one larger task.
const MAX_STATEMENT_BYTES: usize = 16 << 20;

/// A statement changes tasks of at most so many days, each of which costs it locks.
const MAX_STATEMENT_DAYS: usize = 64;

/// A task's part larger than this is refused: PostgreSQL takes no message of 1 GiB, and needs several copies of it.
const MAX_PART_BYTES: usize = 256 << 20;

/// What an append adds to one task.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) task_uuid: Uuid,
    pub(crate) created: Option<NewTask>,
    pub(crate) key: Option<NewKey>,
    pub(crate) row: Option<Row>,
    pub(crate) change: Option<TaskChange>,
}

impl Part {
    /// What PostgreSQL would refuse, found before it is sent.
    pub(crate) fn refusal(&self) -> Option<String> {
        let created = self.created.iter().flat_map(|task| {
            [
                ("namespace", task.namespace.as_str()),
                ("name", &task.name),
                ("version", &task.version),
                ("template hash", &task.template_hash),
                ("context", &task.context),
                ("request", &task.request),
            ]
        });
        let key = self
            .key
            .iter()
            .map(|new| ("idempotency key", new.key.key.as_str()));
        let row = self.row.iter().map(|row| ("payload", row.payload.as_str()));
        if let Some((what, _)) = created
            .chain(key)
            .chain(row)
            .find(|(_, text)| text.as_bytes().contains(&0))
        {
            return Some(format!(
                "the {what} has a NUL byte, which PostgreSQL cannot store in a text"
            ));
        }
        let bytes = self.bytes();
        (bytes > MAX_PART_BYTES)
            .then(|| format!("{bytes} bytes for one task are over the limit of {MAX_PART_BYTES}"))
    }

    fn bytes(&self) -> usize {
        let created = self
            .created
            .as_ref()
            .map_or(0, |task| task.context.len() + task.request.len());
        let row = self
            .row
            .as_ref()
            .map_or(0, |row| row.records.len() + row.payload.len());
        created + row
    }

    /// The day of a task whose row is there and changes.
    fn changed_day(&self) -> Option<Day> {
        let changes = self.created.is_none() && self.change.is_some();
        changes.then(|| Day::of_task(self.task_uuid))
    }

    /// Whether its commit can be found by it: a change alone may have met no task.
    fn leaves_a_trace(&self) -> bool {
        self.created.is_some() || self.row.is_some()
    }
}

/// Puts what belongs to a task together; tasks stay in the order in which they come first.
pub(crate) fn parts(append: Append) -> Vec<Part> {
    let mut parts = Vec::with_capacity(append.created.len().max(append.rows.len()));
    let mut places = HashMap::with_capacity(parts.capacity());
    let mut place = |parts: &mut Vec<Part>, task_uuid: Uuid| {
        *places.entry(task_uuid).or_insert_with(|| {
            parts.push(Part {
                task_uuid,
                created: None,
                key: None,
                row: None,
                change: None,
            });
            parts.len() - 1
        })
    };
    for task in append.created {
        let place = place(&mut parts, task.task_uuid);
        debug_assert!(parts[place].created.is_none(), "a task is created once");
        parts[place].created = Some(task);
    }
    for key in append.keys {
        let place = place(&mut parts, key.task_uuid);
        debug_assert!(parts[place].created.is_some(), "a key creates a task");
        parts[place].key = Some(key);
    }
    for row in append.rows {
        let place = place(&mut parts, row.task_uuid);
        debug_assert!(
            parts[place].row.is_none(),
            "a task's rows are folded into one"
        );
        parts[place].row = Some(row);
    }
    for change in append.changed {
        let place = place(&mut parts, change.task_uuid);
        debug_assert!(
            parts[place].change.is_none(),
            "a task's changes are folded into one"
        );
        parts[place].change = Some(change);
    }
    parts
}

/// Cuts parts into statements.
pub(crate) fn statements(parts: &[Part]) -> impl Iterator<Item = &[Part]> {
    let mut rest = parts;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let mut days = BTreeSet::new();
        let fitting = rest
            .iter()
            .take_while(|part| {
                bytes += part.bytes();
                days.extend(part.changed_day());
                bytes <= MAX_STATEMENT_BYTES && days.len() <= MAX_STATEMENT_DAYS
            })
            .count();
        let (statement, later) = rest.split_at(fitting.max(1).min(rest.len()));
        rest = later;
        (!statement.is_empty()).then_some(statement)
    })
}

/// One task by which a commit can be found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Witness {
    task_uuid: Uuid,
    number: CommitNumber,
}

impl Witness {
    /// The newest of the tasks, since its day is dropped last. `None` where tasks are only changed: that may be sent again
    /// without harm.
    pub(crate) fn of<'a>(
        parts: impl IntoIterator<Item = &'a Part>,
        number: CommitNumber,
    ) -> Option<Witness> {
        let traces = parts.into_iter().filter(|part| part.leaves_a_trace());
        let task_uuid = traces.map(|part| part.task_uuid).max()?;
        Some(Witness { task_uuid, number })
    }

    pub(crate) fn task_uuid(&self) -> Uuid {
        self.task_uuid
    }

    pub(crate) fn number(&self) -> CommitNumber {
        self.number
    }

    fn question(&self) -> String {
        on_day(include_str!("../sql/is_committed.sql"), self.task_uuid)
            .replace("{shard}", &shard_of(self.task_uuid).to_string())
            .replace("{task}", &self.task_uuid.to_string())
            .replace("{commit}", &self.number.get().to_string())
    }

    /// Whether the commit is in the journal.
    pub(crate) async fn is_committed(&self, client: &Client) -> Result<bool, Error> {
        Ok(client.query_one(&self.question(), &[]).await?.get(0))
    }

    /// Whether the commit is known not to be in the journal. Does not wait for who has locked the day's tables: what comes
    /// next on the same connection may be about other days.
    async fn is_lost(&self, client: &Client) -> Result<bool, Error> {
        let look = format!("SET LOCAL lock_timeout = '10ms'; {}", self.question());
        let answer = match client.simple_query(&look).await {
            Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => return Ok(false),
            answer => answer?,
        };
        Ok(answer.iter().any(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0) == Some("f"),
            _ => false,
        }))
    }
}

/// Whether the engine's row is the one that the transaction `written_by` has written, and the last known commit is there,
/// as far as can be told at once.
pub(crate) async fn is_unchanged(
    client: &Client,
    engine: &str,
    written_by: &str,
    last: Option<Witness>,
) -> Result<bool, Error> {
    // Typed, so that PostgreSQL need not be asked for the types first.
    let parameters: [(&(dyn ToSql + Sync), Type); 2] =
        [(&engine, Type::TEXT), (&written_by, Type::TEXT)];
    let query = include_str!("../sql/is_unchanged.sql");
    let row = client.query_typed_opt(query, &parameters).await?;
    let is_own = row.is_some_and(|row| row.get(0));
    Ok(is_own
        && match last {
            Some(last) => !last.is_lost(client).await?,
            None => true,
        })
}

/// Runs one statement. Returns whether the fence held; if not, nothing was written.
pub(crate) async fn send(
    client: &Client,
    statements: &Statements,
    engine: &str,
    epoch: i64,
    number: CommitNumber,
    parts: &[Part],
) -> Result<bool, Error> {
    let mut created = Created::default();
    let mut changed = Changed::default();
    let mut rows = Rows::default();
    let mut keys = Keys::default();
    for part in parts {
        let shard = shard_of(part.task_uuid);
        match (&part.created, &part.change) {
            (Some(task), change) => created.push(shard, task, change.as_ref()),
            (None, Some(change)) => changed.push(shard, change),
            (None, None) => {}
        }
        if let Some(row) = &part.row {
            rows.push(shard, row);
        }
        if let Some(key) = &part.key {
            keys.push(shard, key);
        }
    }
    let number = number.get();
    let parameters: [&(dyn ToSql + Sync); 33] = [
        &engine,
        &epoch,
        &number,
        &created.shards,
        &created.tasks,
        &created.namespaces,
        &created.names,
        &created.versions,
        &created.template_hashes,
        &created.statuses,
        &created.created_at,
        &created.ended_at,
        &created.priorities,
        &created.contexts,
        &created.requests,
        &rows.shards,
        &rows.tasks,
        &rows.records,
        &rows.payloads,
        &changed.shards,
        &changed.tasks,
        &changed.statuses,
        &changed.ended_at,
        &changed.updated_at,
        &changed.total_steps,
        &changed.pending_steps,
        &changed.completed_steps,
        &changed.failed_steps,
        &keys.shards,
        &keys.tasks,
        &keys.namespaces,
        &keys.keys,
        &keys.body_hashes,
    ];
    let kind = Kind {
        changed: changed
            .tasks
            .iter()
            .map(|task| Day::of_task(*task))
            .collect(),
        keys: !keys.tasks.is_empty(),
    };
    let parameters = &parameters[..kind.parameters()];
    let statement = statements.get(client, kind).await?;
    Ok(client.query_one(&statement, parameters).await?.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(task: u128, payload_bytes: usize) -> Row {
        Row {
            task_uuid: Uuid::from_u128(task),
            records: vec![1],
            payload: "x".repeat(payload_bytes),
        }
    }

    fn change(task_uuid: Uuid) -> TaskChange {
        TaskChange {
            task_uuid,
            status: 4,
            ended_at: Some(5),
            summary: crate::Summary::default(),
        }
    }

    fn sizes(rows: Vec<Row>) -> Vec<usize> {
        let parts = parts(Append {
            rows,
            ..Append::default()
        });
        statements(&parts).map(<[Part]>::len).collect()
    }

    #[test]
    fn small_rows_share_a_statement() {
        assert_eq!(
            sizes((0..1000).map(|task| row(task, 100)).collect()),
            [1000]
        );
        assert_eq!(sizes(Vec::new()), [0_usize; 0]);
    }

    #[test]
    fn a_statement_is_cut_at_its_limit_and_a_larger_row_goes_alone() {
        let nearly_half = MAX_STATEMENT_BYTES / 2 - 1;
        let rows = vec![
            row(1, nearly_half),
            row(2, nearly_half),
            row(3, 1),
            row(4, MAX_STATEMENT_BYTES),
            row(5, 1),
        ];
        assert_eq!(sizes(rows), [2, 1, 1, 1]);
    }

    #[test]
    fn a_statement_changes_tasks_of_so_many_days_and_no_more() {
        let changed = (0..130).map(|day| change(Day(day).first_uuid()));
        let parts = parts(Append {
            changed: changed.collect(),
            ..Append::default()
        });
        assert!(statements(&parts).map(<[Part]>::len).eq([64, 64, 2]));
    }

    #[test]
    fn what_belongs_to_a_task_stays_together_in_the_order_of_tasks() {
        let parts = parts(Append {
            rows: vec![row(2, 1), row(1, 1)],
            changed: vec![change(Uuid::from_u128(3)), change(Uuid::from_u128(1))],
            ..Append::default()
        });
        let tasks: Vec<u128> = parts.iter().map(|part| part.task_uuid.as_u128()).collect();
        assert_eq!(tasks, [2, 1, 3]);
        assert!(parts[1].row.is_some() && parts[1].change.is_some());
        assert!(parts[2].row.is_none() && parts[2].change.is_some());
    }

    #[test]
    fn a_nul_byte_and_too_many_bytes_are_refused_by_name() {
        let refusal = |row: Row| {
            parts(Append {
                rows: vec![row],
                ..Append::default()
            })[0]
                .refusal()
        };
        assert_eq!(refusal(row(1, 10)), None);
        let nul = Row {
            payload: "a\0b".to_owned(),
            ..row(1, 0)
        };
        assert_eq!(
            refusal(nul).as_deref(),
            Some("the payload has a NUL byte, which PostgreSQL cannot store in a text")
        );
        assert_eq!(
            refusal(row(1, MAX_PART_BYTES)).as_deref(),
            Some("268435457 bytes for one task are over the limit of 268435456")
        );
    }
}
