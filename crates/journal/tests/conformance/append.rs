//! What is appended is there afterwards, as it was.

use std::collections::BTreeSet;

use tasker_journal::{Append, Day, Refused, StoredTask};
use uuid::Uuid;

use crate::{
    host::{Host, recover},
    sample::{change, creating, new_task, payloads, row, task_of},
};

#[tokio::test]
async fn what_was_appended_is_recovered() {
    let host = Host::start().await;
    let journal = host.open().await;
    let (first, second) = (
        new_task(r#"{"even_number": 6}"#),
        new_task("[1e400, -0.0, 0.10]"),
    );
    journal
        .append(Append {
            created: vec![first.clone(), second.clone()],
            rows: vec![row(first.task_uuid, &[1, 2], "started")],
            ..Append::default()
        })
        .await
        .unwrap();
    journal
        .append(Append {
            rows: vec![
                row(second.task_uuid, &[3], ""),
                row(first.task_uuid, &[4], "36"),
            ],
            changed: vec![change(second.task_uuid, 3, None)],
            ..Append::default()
        })
        .await
        .unwrap();

    let outline = journal.outline(first.task_uuid).await.unwrap().unwrap();
    assert_eq!(outline.task, first);
    let (commits, records): (Vec<i64>, Vec<Vec<u8>>) = outline.rows.into_iter().unzip();
    assert_eq!(records, [vec![1, 2], vec![4]]);
    let texts = journal.payloads(first.task_uuid, &commits).await.unwrap();
    assert_eq!(texts, ["started", "36"]);
    let last = journal
        .payloads(first.task_uuid, &commits[1..])
        .await
        .unwrap();
    assert_eq!(last, ["36"]);
    assert_eq!(journal.outline(Uuid::nil()).await.unwrap(), None);

    let next_process = host.open().await;
    let mut expected = vec![
        StoredTask {
            rows: vec![
                row(first.task_uuid, &[1, 2], "started"),
                row(first.task_uuid, &[4], "36"),
            ],
            task: first,
            ended_at: None,
        },
        StoredTask {
            rows: vec![row(second.task_uuid, &[3], "")],
            task: tasker_journal::NewTask {
                status: 3,
                ..second
            },
            ended_at: None,
        },
    ];
    expected.sort_by_key(|stored| stored.task.task_uuid);
    assert_eq!(recover(&next_process).await, expected);
}

#[tokio::test]
async fn an_ended_task_is_read_by_its_uuid_only() {
    let host = Host::start().await;
    let journal = host.open().await;
    let task = new_task("{}");
    let task_uuid = task.task_uuid;
    journal
        .append(Append {
            created: vec![task.clone()],
            rows: vec![row(task_uuid, b"a", "one")],
            ..Append::default()
        })
        .await
        .unwrap();
    let ended_at = Some(1_700_000_100_000_001);
    journal
        .append(Append {
            rows: vec![row(task_uuid, b"b", "two")],
            changed: vec![change(task_uuid, 4, ended_at)],
            ..Append::default()
        })
        .await
        .unwrap();

    assert_eq!(recover(&journal).await, []);
    let stored = journal
        .task(task_uuid)
        .await
        .unwrap()
        .expect("the task is stored");
    assert_eq!((stored.task.status, stored.ended_at), (4, ended_at));
    assert_eq!(
        stored.rows,
        [row(task_uuid, b"a", "one"), row(task_uuid, b"b", "two")]
    );
    assert_eq!(journal.task(Uuid::now_v7()).await.unwrap(), None);
}

#[tokio::test]
async fn a_task_may_end_in_the_commit_of_its_creation() {
    let host = Host::start().await;
    let journal = host.open().await;
    let task = new_task("{}");
    let task_uuid = task.task_uuid;
    journal
        .append(Append {
            created: vec![task],
            changed: vec![change(task_uuid, 7, Some(9))],
            ..Append::default()
        })
        .await
        .unwrap();
    let stored = journal.task(task_uuid).await.unwrap().unwrap();
    assert_eq!((stored.task.status, stored.ended_at), (7, Some(9)));
}

#[tokio::test]
async fn texts_arrive_character_for_character() {
    let host = Host::start().await;
    let journal = host.open().await;
    let every_character: String = ('\u{1}'..=char::MAX).collect();
    let megabyte = "é".repeat(1 << 19);
    let (first, second) = (new_task(&every_character), new_task("\"\\u0000\""));
    let rows = vec![
        row(first.task_uuid, &[0, 255, 0], &every_character),
        row(second.task_uuid, &[], &megabyte),
    ];
    journal
        .append(Append {
            created: vec![first.clone(), second.clone()],
            rows: rows.clone(),
            ..Append::default()
        })
        .await
        .unwrap();
    for (task, row) in [first, second].into_iter().zip(rows) {
        let stored = journal.task(task.task_uuid).await.unwrap().unwrap();
        assert_eq!(
            stored,
            StoredTask {
                task,
                ended_at: None,
                rows: vec![row]
            }
        );
    }
}

#[tokio::test]
async fn a_nul_byte_is_refused_and_the_others_are_committed() {
    let host = Host::start().await;
    let journal = host.open().await;
    let (good, bad) = (new_task("{}"), new_task("\"a\0b\""));
    let outcome = journal
        .append(Append {
            created: vec![bad.clone(), good.clone()],
            ..Append::default()
        })
        .await
        .unwrap();
    let message = "the context has a NUL byte, which PostgreSQL cannot store in a text".to_owned();
    assert_eq!(
        outcome.refused,
        [Refused {
            task_uuid: bad.task_uuid,
            message
        }]
    );
    assert_eq!(journal.task(bad.task_uuid).await.unwrap(), None);
    assert!(journal.task(good.task_uuid).await.unwrap().is_some());
}

#[tokio::test]
async fn an_append_over_sixteen_mebibytes_takes_several_commits() {
    let host = Host::start().await;
    let journal = host.open().await;
    let tasks: Vec<_> = (0..3).map(|_| new_task("{}")).collect();
    let uuids: Vec<_> = tasks.iter().map(|task| task.task_uuid).collect();
    let payload = "x".repeat(9 << 20);
    let rows = tasks
        .iter()
        .map(|task| row(task.task_uuid, b"r", &payload))
        .collect();
    journal
        .append(Append {
            created: tasks,
            rows,
            ..Append::default()
        })
        .await
        .unwrap();
    let mut commits = BTreeSet::new();
    for task in uuids {
        let outline = journal.outline(task).await.unwrap().unwrap();
        commits.extend(outline.rows.into_iter().map(|(commit, _)| commit));
        assert_eq!(payloads(&journal, task).await, [payload.as_str()]);
    }
    assert_eq!(commits.len(), 3);
}

#[tokio::test]
async fn commit_numbers_rise_from_append_to_append_and_from_process_to_process() {
    let host = Host::start().await;
    let append = || creating(&new_task("{}"));
    let first = host.open().await;
    let mut numbers = vec![
        first.append(append()).await.unwrap().commit,
        first.append(append()).await.unwrap().commit,
    ];
    let second = host.open().await;
    numbers.push(second.append(append()).await.unwrap().commit);
    assert!(
        numbers.is_sorted_by(|earlier, later| earlier < later),
        "{numbers:?}"
    );
    assert_eq!(
        numbers.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["1.1", "1.2", "2.1"]
    );
}

#[tokio::test]
async fn many_open_tasks_are_each_recovered_once() {
    let host = Host::start().await;
    let journal = host.open().await;
    let tasks: Vec<_> = (0..1500).map(|n| new_task(&n.to_string())).collect();
    let rows = tasks
        .iter()
        .map(|task| row(task.task_uuid, b"r", &task.context))
        .collect();
    journal
        .append(Append {
            created: tasks.clone(),
            rows,
            ..Append::default()
        })
        .await
        .unwrap();
    let ended = |task: &tasker_journal::NewTask| change(task.task_uuid, 4, Some(1));
    let (gone, left) = tasks.split_at(300);
    journal
        .append(Append {
            changed: gone.iter().map(ended).collect(),
            ..Append::default()
        })
        .await
        .unwrap();

    let mut expected: Vec<_> = left
        .iter()
        .map(|task| StoredTask {
            task: task.clone(),
            ended_at: None,
            rows: vec![row(task.task_uuid, b"r", &task.context)],
        })
        .collect();
    expected.sort_by_key(|stored| stored.task.task_uuid);
    assert_eq!(recover(&journal).await, expected);
}

#[tokio::test]
async fn a_task_of_a_day_that_takes_none_is_refused_and_the_others_are_committed() {
    let host = Host::start().await;
    let journal = host.open().await;
    let (good, bad) = (new_task("{}"), task_of(Day(9), 1));
    let outcome = journal
        .append(Append {
            created: vec![bad.clone(), good.clone()],
            rows: vec![
                row(bad.task_uuid, b"r", "p"),
                row(good.task_uuid, b"r", "p"),
            ],
            ..Append::default()
        })
        .await
        .unwrap();
    let refused: Vec<Uuid> = outcome
        .refused
        .iter()
        .map(|refused| refused.task_uuid)
        .collect();
    assert_eq!(refused, [bad.task_uuid]);
    assert!(
        outcome.refused[0].message.contains("no partition"),
        "{outcome:?}"
    );
    assert_eq!(journal.task(bad.task_uuid).await.unwrap(), None);
    assert_eq!(payloads(&journal, good.task_uuid).await, ["p"]);
}
