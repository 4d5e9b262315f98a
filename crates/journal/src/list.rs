//! Lists of tasks, newest first, by rounds that read a bounded number of rows.

use std::{collections::BTreeSet, time::SystemTime};

use tokio_postgres::{Client, Row as SqlRow};
use uuid::Uuid;

use crate::{
    Day, Error, Summary, Text,
    place::{first_uuid_at, of_days},
    reader::{DAYS_AT_ONCE, days_of, filled_days, micros, timestamp},
    shard_of,
};

/// A task's identifier is drawn at most this long before the task is created, in microseconds.
const DRAWN_BEFORE: i64 = 60_000_000;

/// How many days a round begins with.
const FIRST_DAYS: usize = 2;

/// How many statements a round takes at most; with each the days are more, from [`FIRST_DAYS`] to [`DAYS_AT_ONCE`].
const STATEMENTS: usize = 4;

/// Statuses for which there is an index of their own, and the condition by which it is found; see
/// `migrations/V3__task_lists.sql`.
const SOURCES: [(i16, &str); 5] = [
    (0, "AND t.ended_at IS NULL AND t.status = 0"),
    (1, "AND t.status = 1"),
    (3, "AND t.status = 3"),
    (4, "AND t.status = 4"),
    (5, "AND t.status = 5"),
];

/// Which tasks are listed: all that is given holds for them. Texts must have no NUL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// The template's namespace.
    pub namespace: Option<String>,
    /// The template's name.
    pub name: Option<String>,
    /// What the task's row says; see [`NewTask::status`](crate::NewTask::status).
    pub status: Option<i16>,
    /// Created at this time or later, in microseconds since 1970-01-01 UTC.
    pub created_after: Option<i64>,
    /// Created before this time, in microseconds since 1970-01-01 UTC.
    pub created_before: Option<i64>,
    /// The `initiator` of the creation's other fields.
    pub initiator: Option<String>,
    /// One of the `tags` of the creation's other fields.
    pub tag: Option<String>,
}

/// How much one round reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// Tasks before this one.
    pub before: Uuid,
    /// How many tasks at the most.
    pub limit: u32,
    /// How many tasks of each shard are looked at, more than `limit` where nothing is filtered.
    pub depth: u32,
}

/// What one round found, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The tasks.
    pub tasks: Vec<ListedTask>,
    /// Where the next round goes on; none when there is nothing more.
    pub next: Option<Uuid>,
}

/// A task as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedTask {
    /// The task.
    pub task_uuid: Uuid,
    /// The template's namespace.
    pub namespace: String,
    /// The template's name.
    pub name: String,
    /// The template's version.
    pub version: String,
    /// The hash of the merged content that the task keeps.
    pub template_hash: String,
    /// What the row says.
    pub status: i16,
    /// Microseconds since 1970-01-01 UTC.
    pub created_at: i64,
    /// When it ended, in microseconds since 1970-01-01 UTC; `None` while it is open.
    pub ended_at: Option<i64>,
    /// From -100 to 100.
    pub priority: i16,
    /// JSON text of the creation's other fields.
    pub request: Text,
    /// As it was when the row was last changed; none before that.
    pub summary: Option<Summary>,
}

impl ListedTask {
    /// The statement that reads some of these days by their identifiers; `sql/listed.sql` says what its parameters are.
    pub fn statement(days: &BTreeSet<Day>) -> String {
        include_str!("../sql/listed.sql").replace("{days}", &of_days("t.task_uuid", days))
    }
}

impl TaskFilter {
    /// The statement of a round over some days; `sql/list.sql` says what its parameters are.
    pub fn statement(&self, days: &BTreeSet<Day>) -> String {
        let source = SOURCES
            .iter()
            .find(|(status, _)| self.status == Some(*status));
        include_str!("../sql/list.sql")
            .replace("{source}", source.map_or("", |(_, source)| source))
            .replace("{days}", &of_days("t.task_uuid", days))
    }

    /// The least task that can match, and the least that cannot because it is too new.
    fn range(&self, before: Uuid) -> (Uuid, Uuid) {
        let least = self.created_after.map(|time| time - DRAWN_BEFORE);
        // An identifier's time is in whole milliseconds, and never after the creation.
        let end = self.created_before.map(|time| time + 1000);
        (
            least.map_or(Uuid::nil(), first_uuid_at),
            end.map_or(before, |end| before.min(first_uuid_at(end))),
        )
    }
}

/// Reads one round, some days after the other, the last ones first: most lists are full with them.
pub(crate) async fn round(
    client: &Client,
    filter: &TaskFilter,
    round: Round,
) -> Result<Listed, Error> {
    let (least, end) = filter.range(round.before);
    let mut days = filled_days(client, "tasker.tasks").await?;
    days.retain(|day| day.first_uuid() < end && day.plus(1).first_uuid() > least);
    let mut tasks: Vec<ListedTask> = Vec::new();
    let mut rest = &days[..];
    let mut at_once = FIRST_DAYS;
    for _ in 0..STATEMENTS {
        if rest.is_empty() {
            break;
        }
        let (days, older) = rest.split_at(at_once.min(rest.len()));
        let wanted = Round {
            limit: round.limit - tasks.len() as u32,
            ..round
        };
        let (mut found, bound) = round_of_days(client, filter, wanted, days).await?;
        let more = found.len() > wanted.limit as usize;
        found.truncate(wanted.limit as usize);
        tasks.append(&mut found);
        let last = tasks.last().map(|task| task.task_uuid);
        let next = if more { last } else { bound };
        if next.is_some() {
            return Ok(Listed { tasks, next });
        }
        rest = older;
        at_once = (at_once * 4).min(DAYS_AT_ONCE);
    }
    // Everything from the day before these on is known.
    let next = days[..days.len() - rest.len()].last();
    let next = next
        .filter(|_| !rest.is_empty())
        .map(|day| day.first_uuid());
    Ok(Listed { tasks, next })
}

/// One more task than asked for, which tells whether there are more; and the bound below which not all are known.
async fn round_of_days(
    client: &Client,
    filter: &TaskFilter,
    round: Round,
    days: &[Day],
) -> Result<(Vec<ListedTask>, Option<Uuid>), Error> {
    let (least, end) = filter.range(round.before);
    let rows = client
        .query(
            &filter.statement(&days.iter().copied().collect()),
            &[
                &end,
                &least,
                &i64::from(round.depth),
                &(i64::from(round.limit) + 1),
                &filter.namespace,
                &filter.name,
                &filter.status,
                &filter.created_after.map(timestamp),
                &filter.created_before.map(timestamp),
                &filter.initiator,
                &filter.tag,
            ],
        )
        .await?;
    let bound: Option<Uuid> = rows.first().and_then(|row| row.get("bound"));
    let found = rows
        .iter()
        .filter(|row| row.get::<_, Option<Uuid>>("task_uuid").is_some());
    Ok((found.map(listed).collect(), bound))
}

/// Tasks as lists show them, in no order; one that is not there is left out.
pub(crate) async fn some(client: &Client, tasks: &[Uuid]) -> Result<Vec<ListedTask>, Error> {
    let shards: Vec<i16> = tasks.iter().map(|task| shard_of(*task)).collect();
    let statement = ListedTask::statement(&days_of(tasks));
    let rows = client.query(&statement, &[&shards, &tasks]).await?;
    Ok(rows.iter().map(listed).collect())
}

fn listed(row: &SqlRow) -> ListedTask {
    let time = |column| row.get::<_, Option<SystemTime>>(column).map(micros);
    let count = |column| row.get::<_, Option<i32>>(column).unwrap_or(0);
    ListedTask {
        task_uuid: row.get("task_uuid"),
        namespace: row.get("namespace"),
        name: row.get("name"),
        version: row.get("version"),
        template_hash: row.get("template_hash"),
        status: row.get("status"),
        created_at: micros(row.get("created_at")),
        ended_at: time("ended_at"),
        priority: row.get("priority"),
        request: row.get::<_, &str>("request").into(),
        summary: time("updated_at").map(|updated_at| Summary {
            updated_at,
            total_steps: count("total_steps"),
            pending_steps: count("pending_steps"),
            completed_steps: count("completed_steps"),
            failed_steps: count("failed_steps"),
        }),
    }
}
