//! Days that are over are dropped once all their tasks have ended.

use tasker_journal::{Append, Day, NewTask};
use uuid::Uuid;

use crate::{
    host::{Host, Journal, recover},
    sample::{creating, ending, listed, new_task, row, task_of},
};

const DAYS: [Day; 3] = [Day(1), Day(2), Day(3)];

async fn end(journal: &Journal, task: &NewTask) {
    assert_eq!(journal.append(ending(task)).await.unwrap().refused, []);
}

#[tokio::test]
async fn a_day_goes_once_all_its_tasks_have_ended_and_its_tasks_are_unknown_then() {
    let host = Host::start().await;
    let journal = host.open().await;
    let tasks = DAYS.map(|day| task_of(day, 1));
    for (day, task) in DAYS.into_iter().zip(&tasks) {
        host.make_day(day).await;
        journal.append(creating(task)).await.unwrap();
    }
    let [first, second, third] = &tasks;
    end(&journal, first).await;
    end(&journal, third).await;
    // The second day has an open task, the third is not over.
    journal.drop_tasks(DAYS[1]).await.unwrap();
    assert!(!journal.has_partition(DAYS[0]));
    assert_eq!(listed(&journal).await, [third.task_uuid, second.task_uuid]);

    let task_uuid = first.task_uuid;
    assert_eq!(journal.task(task_uuid).await.unwrap(), None);
    assert_eq!(journal.outline(task_uuid).await.unwrap(), None);
    assert_eq!(journal.listed(&[task_uuid]).await.unwrap(), []);
    assert_eq!(journal.payloads(task_uuid, &[1]).await.unwrap(), [""; 0]);
    let today = new_task("today");
    let append = Append {
        created: vec![today.clone()],
        rows: vec![
            row(task_uuid, b"r", "late"),
            row(today.task_uuid, b"r", "r"),
        ],
        ..Append::default()
    };
    assert_eq!(journal.append(append).await.unwrap().refused, []);
    let open: Vec<Uuid> = recover(&journal)
        .await
        .iter()
        .map(|stored| stored.task.task_uuid)
        .collect();
    assert_eq!(open, [second.task_uuid, today.task_uuid]);

    end(&journal, second).await;
    journal.drop_tasks(DAYS[2]).await.unwrap();
    assert_eq!(listed(&journal).await, [today.task_uuid]);
}
