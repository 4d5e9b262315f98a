//! What a step costs PostgreSQL: bytes of its log, and commits.

use tasker_journal::{Append, NewTask};

use crate::support::{change, migrated, new_task, open, row};

/// Tasks that run at the same time; each append has a row of each.
const TASKS: usize = 1000;

/// Rounds of tasks, each of four steps one after the other.
const ROUNDS: usize = 5;

const STEPS: usize = 4;

/// As long as what the core encodes of an outcome and the next start, and a small result.
const RECORDS: [u8; 48] = [7; 48];
const RESULT: &str = r#"{"result":1296}"#;

fn rows(tasks: &[NewTask]) -> Vec<tasker_journal::Row> {
    tasks
        .iter()
        .map(|task| row(task.task_uuid, &RECORDS, RESULT))
        .collect()
}

/// A creation with the first start, an outcome with the next start three times, the last outcome with the end.
fn appends() -> Vec<Append> {
    let tasks: Vec<NewTask> = (0..TASKS)
        .map(|_| new_task(r#"{"even_number":6}"#))
        .collect();
    let ended = |task: &NewTask| change(task.task_uuid, 2, Some(task.created_at + 1));
    let mut appends = vec![Append {
        created: tasks.clone(),
        rows: rows(&tasks),
        ..Append::default()
    }];
    appends.extend((1..STEPS).map(|_| Append {
        rows: rows(&tasks),
        ..Append::default()
    }));
    appends.push(Append {
        rows: rows(&tasks),
        changed: tasks.iter().map(ended).collect(),
        ..Append::default()
    });
    appends
}

#[tokio::test]
async fn a_step_takes_at_most_six_hundred_bytes_of_the_log_and_a_fraction_of_a_commit() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let client = server.connect().await;
    let steps = (TASKS * STEPS) as f64;
    let mut bytes = Vec::new();
    for _ in 0..ROUNDS {
        let read = "SELECT (pg_current_wal_insert_lsn() - '0/0')::float8";
        let before: f64 = client.query_one(read, &[]).await.unwrap().get(0);
        for append in appends() {
            assert_eq!(journal.append(append).await.unwrap().refused, []);
        }
        let after: f64 = client.query_one(read, &[]).await.unwrap().get(0);
        bytes.push((after - before) / steps);
    }
    println!("bytes of log a step, round by round: {bytes:.0?}");
    let mean = bytes.iter().sum::<f64>() / ROUNDS as f64;
    assert!(mean <= 600.0, "{mean:.0} bytes a step: {bytes:.0?}");

    let commits = "SELECT count(DISTINCT commit) FROM tasker.records";
    let commits: i64 = client.query_one(commits, &[]).await.unwrap().get(0);
    assert_eq!(commits as usize, ROUNDS * (STEPS + 1));
}
