//! Tasks and what is added to them.

use tasker_journal::{Append, Day, NewTask, Row};
use uuid::Uuid;

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
