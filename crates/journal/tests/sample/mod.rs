//! Tasks, what is added to them, and what is there of them.

use tasker_journal::{Append, Day, NewTask, Round, Row, Summary, TaskChange, TaskFilter};
use uuid::Uuid;

use crate::host::Journal;

const MILLIS_PER_DAY: u64 = 86_400_000;

/// A task of today.
pub fn new_task(context: &str) -> NewTask {
    NewTask {
        task_uuid: Uuid::now_v7(),
        namespace: "linear".to_owned(),
        name: "sequence".to_owned(),
        version: "1.0.0".to_owned(),
        template_hash: "0f1e".to_owned(),
        status: 1,
        created_at: 1_700_000_000_123_456,
        priority: -7,
        context: context.into(),
        request: r#"{"initiator":"test"}"#.into(),
    }
}

pub fn row(task_uuid: Uuid, records: &[u8], payload: &str) -> Row {
    Row {
        task_uuid,
        records: records.to_vec(),
        payload: payload.to_owned(),
    }
}

pub fn creating(task: &NewTask) -> Append {
    Append {
        created: vec![task.clone()],
        ..Append::default()
    }
}

/// A change of a task's status, and nothing else.
pub fn change(task_uuid: Uuid, status: i16, ended_at: Option<i64>) -> TaskChange {
    TaskChange {
        task_uuid,
        status,
        ended_at,
        summary: Summary::default(),
    }
}

/// The last row of a task.
pub fn ending(task: &NewTask) -> Append {
    Append {
        rows: vec![row(task.task_uuid, b"r", "ended")],
        changed: vec![change(task.task_uuid, 2, Some(task.created_at + 1))],
        ..Append::default()
    }
}

/// A task of a day, the `number`th of it.
pub fn task_of(day: Day, number: u64) -> NewTask {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    let millis = day.0 as u64 * MILLIS_PER_DAY + number;
    let mut task = new_task(&format!("{}.{number}", day.0));
    task.task_uuid = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
    task.created_at = millis as i64 * 1000;
    task
}

/// The payloads of a task's rows: one for each time that it was added.
pub async fn payloads(journal: &Journal, task_uuid: Uuid) -> Vec<String> {
    let stored = journal
        .task(task_uuid)
        .await
        .unwrap()
        .expect("the task is stored");
    stored.rows.into_iter().map(|row| row.payload).collect()
}

/// The newest tasks, in the order of lists.
pub async fn listed(journal: &Journal) -> Vec<Uuid> {
    let round = Round {
        before: Uuid::max(),
        limit: 100,
        depth: 101,
    };
    let listed = journal.list(&TaskFilter::default(), round).await.unwrap();
    listed.tasks.iter().map(|task| task.task_uuid).collect()
}
