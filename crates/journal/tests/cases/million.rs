//! Lists of a million tasks read no more than lists of few: what a round costs follows from its depth, and from nothing
//! else.

use tasker_journal::{Day, ListedTask, SHARDS, TaskFilter};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::sample::task_of;
use crate::support::{day, migrated};

const TASKS: u32 = 1_000_000;

/// The tasks are of these days, as many of each.
const DAYS: [Day; 5] = [Day(1), Day(2), Day(3), Day(4), Day(5)];

/// One more than a page.
const PAGE: u32 = 51;

/// Fills a day's table of tasks, and only then gives it its indexes.
async fn fill(client: &Client, number: usize, past: Day) {
    let per_day = TASKS / DAYS.len() as u32;
    let table = day::name("tasks", past);
    let first = number as u32 * per_day;
    // Seven hex digits of the number make each identifier unique; the shard is in the ninth byte.
    let load = format!(
        "CREATE TABLE {table} (LIKE tasker.tasks);
        INSERT INTO {table} (created_at, ended_at, commit, task_uuid, shard, status, priority, namespace, name, version,
            template_hash, request, context, updated_at, total_steps, pending_steps, completed_steps, failed_steps)
        SELECT created_at, CASE WHEN status > 1 THEN created_at END, 4294967297 + n,
            (lpad(to_hex(millis), 12, '0') || '7000' || to_hex(128 + shard) || lpad(to_hex(n), 14, '0'))::uuid,
            shard, status, 0, CASE WHEN n % 10000 = 7 THEN 'rare' ELSE 'usual' END,
            CASE n % 2 WHEN 0 THEN 'even' ELSE 'odd' END, '1.0.0', '0f1e', '{{\"initiator\":\"anna\",\"tags\":[\"x\"]}}',
            '{{}}', created_at, 4, 0, 4, 0
        FROM (
            SELECT n, millis, to_timestamp(millis / 1000.0) AS created_at, (n * 37 % {SHARDS})::smallint AS shard,
                (CASE WHEN n % 5000 = 3 THEN 4 WHEN n % 1000 = 5 THEN 1 WHEN n % 400 = 9 THEN 0 ELSE 2 END)::smallint
                    AS status
            FROM (
                SELECT n, {midnight} + (n - {first})::bigint * 86400000 / {per_day} AS millis
                FROM generate_series({first}, {last}) AS n
            ) AS numbers
        ) AS tasks;
        {attach};
        ANALYZE {table}",
        midnight = i64::from(past.0) * 86_400_000,
        last = first + per_day - 1,
        attach = day::attach("tasks", past),
    );
    client.batch_execute(&load).await.unwrap();
}

/// What a statement did when it ran.
struct Run {
    plan: String,
    /// Pages of tables and indexes that it looked at.
    pages: u64,
}

impl Run {
    /// As the journal's own sessions run it. `parameters` are SQL.
    async fn of(client: &Client, statement: &str, types: &str, parameters: &str) -> Run {
        let prepare = format!("DEALLOCATE ALL; PREPARE statement ({types}) AS {statement}");
        client.batch_execute(&prepare).await.unwrap();
        let explain = format!(
            "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) EXECUTE statement ({parameters})"
        );
        let rows = client.query(&explain, &[]).await.unwrap();
        let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        // The first such line is that of the whole.
        let buffers = lines.iter().find(|line| line.contains("Buffers: shared"));
        let counts = buffers.expect("it looks at pages").split([' ', ',']);
        let pages = counts
            .filter_map(|word| {
                word.strip_prefix("hit=")
                    .or_else(|| word.strip_prefix("read="))
            })
            .map(|count| count.parse::<u64>().expect("a number"))
            .sum();
        Run {
            plan: lines.join("\n"),
            pages,
        }
    }

    /// The rows that each node of a kind gave, all its loops together.
    fn rows(&self, kind: &str) -> Vec<u64> {
        let nodes = self
            .plan
            .lines()
            .filter(|line| line.contains(kind) && line.contains("(actual rows="));
        nodes
            .map(|line| {
                let number = |name| {
                    let (_, after) = line.split_once(name).expect("the node ran");
                    let end = after.find([' ', ')']).expect("it ends");
                    after[..end].parse::<f64>().expect("a number")
                };
                (number("rows=") * number("loops=")).round() as u64
            })
            .collect()
    }
}

/// Every filter alone, all of them, and none; each with the parameters from the fifth on.
fn filters() -> Vec<(TaskFilter, String)> {
    let conditions = [
        (0, "'rare'"),
        (0, "'usual'"),
        (1, "'odd'"),
        (3, "'1970-01-03 12:00Z'"),
        (4, "'1970-01-05 12:00Z'"),
        (5, "'anna'"),
        (5, "'nobody'"),
        (6, "'x'"),
        (6, "'no such tag'"),
    ];
    let mut sets: Vec<Vec<(usize, &str)>> = vec![vec![]];
    sets.extend(conditions.iter().map(|condition| vec![*condition]));
    sets.push(vec![
        (0, "'usual'"),
        (1, "'odd'"),
        (3, "'1970-01-03 12:00Z'"),
        (4, "'1970-01-05 12:00Z'"),
        (5, "'anna'"),
        (6, "'x'"),
    ]);
    let mut filters = Vec::new();
    for status in [None, Some(0), Some(1), Some(2), Some(3), Some(4), Some(5)] {
        for set in &sets {
            let mut parameters = ["NULL"; 7].map(str::to_owned);
            if let Some(status) = status {
                parameters[2] = status.to_string();
            }
            for (place, value) in set {
                parameters[*place] = (*value).to_owned();
            }
            // Only the status decides which statement it is.
            let filter = TaskFilter {
                status,
                ..TaskFilter::default()
            };
            filters.push((filter, parameters.join(", ")));
        }
    }
    filters
}

const SESSION: &str = "SET plan_cache_mode = 'force_generic_plan'; SET jit = off; SET enable_seqscan = off; SET enable_bitmapscan = off; \
    SET enable_hashjoin = off; SET enable_mergejoin = off";

#[tokio::test]
async fn a_round_over_a_million_tasks_reads_as_many_pages_as_its_depth_says() {
    let server = migrated().await;
    let client = server.connect().await;
    for (number, past) in DAYS.into_iter().enumerate() {
        fill(&client, number, past).await;
    }
    let count = "SELECT count(*) FROM tasker.tasks";
    let count: i64 = client.query_one(count, &[]).await.unwrap().get(0);
    assert_eq!(count, i64::from(TASKS));
    client.batch_execute(SESSION).await.unwrap();

    const TYPES: &str =
        "uuid, uuid, bigint, bigint, text, text, smallint, timestamptz, timestamptz, text, text";
    let middle = task_of(DAYS[2], 0).task_uuid;
    let shards = SHARDS as u64;
    for (filter, parameters) in filters() {
        for before in [Uuid::max(), middle] {
            for depth in [PAGE, 256] {
                let parameters = format!(
                    "'{before}', '{}', {depth}, {PAGE}, {parameters}",
                    Uuid::nil()
                );
                let run =
                    Run::of(&client, &filter.statement(&DAYS.into()), TYPES, &parameters).await;
                let context =
                    || format!("{filter:?} {parameters}: {} pages\n{}", run.pages, run.plan);
                assert_eq!(run.rows("Seq Scan"), [0; 0], "{}", context());
                let sorted = run.rows("Sort ");
                assert!(
                    sorted.iter().all(|rows| *rows <= u64::from(PAGE)),
                    "{}",
                    context()
                );
                // Each shard reads one more to number the last.
                let candidates = shards * u64::from(depth + 1);
                let read = [run.rows("Index Scan"), run.rows("CTE Scan")].concat();
                assert!(!read.is_empty(), "{}", context());
                assert!(read.iter().all(|rows| *rows <= candidates), "{}", context());
                // A page of the table and some of the index for each candidate, and the way down each day's index.
                let bound = 2 * candidates + shards * DAYS.len() as u64 * 8;
                assert!(run.pages <= bound, "more than {bound}: {}", context());
            }
        }
    }

    let some = "SELECT array_agg(shard), array_agg(task_uuid) \
        FROM (SELECT shard, task_uuid FROM tasker.tasks ORDER BY shard, task_uuid LIMIT 51) AS page";
    let row = client.query_one(some, &[]).await.unwrap();
    let (shards, tasks): (Vec<i16>, Vec<Uuid>) = (row.get(0), row.get(1));
    let list = |items: Vec<String>| items.join(",");
    let parameters = format!(
        "'{{{}}}', '{{{}}}'",
        list(shards.iter().map(ToString::to_string).collect()),
        list(tasks.iter().map(ToString::to_string).collect()),
    );
    let statement = ListedTask::statement(&DAYS.into());
    let run = Run::of(&client, &statement, "smallint[], uuid[]", &parameters).await;
    assert_eq!(run.rows("Seq Scan"), [0; 0], "{}", run.plan);
    assert!(run.pages <= 51 * 5, "{} pages\n{}", run.pages, run.plan);
}
