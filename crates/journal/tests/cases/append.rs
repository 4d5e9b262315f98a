//! What is appended is there afterwards, as it was.

use tasker_journal::{Append, Day, Refused, StoredTask, Summary, TaskChange};
use uuid::Uuid;

use crate::support::{migrated, new_task, open, recover, row};

#[tokio::test]
async fn what_was_appended_is_recovered() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
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
            changed: vec![TaskChange {
                task_uuid: second.task_uuid,
                status: 3,
                ended_at: None,
                summary: Summary::default(),
            }],
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
    let places = [
        (first.task_uuid, 2),
        (second.task_uuid, 0),
        (first.task_uuid, 1),
        (first.task_uuid, 3),
        (Uuid::nil(), 1),
    ];
    let texts = journal.texts(&places).await.unwrap();
    let expected = [
        Some("36"),
        Some("[1e400, -0.0, 0.10]"),
        Some("started"),
        None,
        None,
    ];
    assert_eq!(texts, expected.map(|text| text.map(str::to_owned)));

    let next_process = open(&server.url()).await;
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
    let second = expected
        .iter_mut()
        .find(|stored| stored.task.status == 3)
        .unwrap();
    second.rows.clear();
    second.task.context = "".into();
    let mut pages = next_process.open_tasks().without_rows_of(3);
    let mut page = pages.next().await.unwrap().unwrap();
    page.sort_by_key(|stored| stored.task.task_uuid);
    assert_eq!(page, expected);
}

#[tokio::test]
async fn an_ended_task_is_read_by_its_uuid_only() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
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
            changed: vec![TaskChange {
                task_uuid,
                status: 4,
                ended_at,
                summary: Summary::default(),
            }],
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
async fn a_task_that_ends_in_the_commit_of_its_creation_is_inserted_ended() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let task = new_task("{}");
    let task_uuid = task.task_uuid;
    journal
        .append(Append {
            created: vec![task],
            changed: vec![TaskChange {
                task_uuid,
                status: 7,
                ended_at: Some(9),
                summary: Summary::default(),
            }],
            ..Append::default()
        })
        .await
        .unwrap();
    let stored = journal.task(task_uuid).await.unwrap().unwrap();
    assert_eq!((stored.task.status, stored.ended_at), (7, Some(9)));
    let updates: i64 = server
        .connect()
        .await
        .query_one("SELECT count(*) FROM tasker.tasks WHERE xmax <> 0", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(updates, 0);
}

#[tokio::test]
async fn texts_arrive_character_for_character() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
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
    let server = migrated().await;
    let journal = open(&server.url()).await;
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
async fn what_postgresql_refuses_is_named_and_the_others_are_committed() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let (first, second) = (new_task("1"), new_task("2"));
    let mut of_another_day = new_task("{}");
    of_another_day.task_uuid =
        uuid::Builder::from_unix_timestamp_millis(1_000_000_000_000, &[7; 10]).into_uuid();
    let outcome = journal
        .append(Append {
            created: vec![first.clone(), of_another_day.clone(), second.clone()],
            rows: vec![
                row(second.task_uuid, b"r", "p"),
                row(of_another_day.task_uuid, b"r", "p"),
            ],
            ..Append::default()
        })
        .await
        .unwrap();
    assert_eq!(outcome.refused.len(), 1);
    assert_eq!(outcome.refused[0].task_uuid, of_another_day.task_uuid);
    assert!(
        outcome.refused[0].message.contains("no partition"),
        "{}",
        outcome.refused[0].message
    );
    assert!(
        outcome.refused[0].message.ends_with("[23514]"),
        "{}",
        outcome.refused[0].message
    );
    let recovered: Vec<_> = recover(&journal)
        .await
        .into_iter()
        .map(|stored| stored.task)
        .collect();
    assert_eq!(recovered.len(), 2);
    assert!(recovered.contains(&first) && recovered.contains(&second));
}

#[tokio::test]
async fn an_append_over_sixteen_mebibytes_takes_several_commits() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let tasks: Vec<_> = (0..3).map(|_| new_task("{}")).collect();
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
    let client = server.connect().await;
    let commits = "SELECT count(DISTINCT commit), count(*) FROM tasker.records";
    let found = client.query_one(commits, &[]).await.unwrap();
    assert_eq!((found.get::<_, i64>(0), found.get::<_, i64>(1)), (3, 3));
    let together =
        "SELECT count(*) FROM tasker.tasks JOIN tasker.records USING (shard, task_uuid, commit)";
    assert_eq!(
        client
            .query_one(together, &[])
            .await
            .unwrap()
            .get::<_, i64>(0),
        3
    );
}

#[tokio::test]
async fn commit_numbers_rise_from_append_to_append_and_from_process_to_process() {
    let server = migrated().await;
    let append = || Append {
        created: vec![new_task("{}")],
        ..Append::default()
    };
    let first = open(&server.url()).await;
    let mut numbers = vec![
        first.append(append()).await.unwrap().commit,
        first.append(append()).await.unwrap().commit,
    ];
    let second = open(&server.url()).await;
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
    let server = migrated().await;
    let journal = open(&server.url()).await;
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
    let ended = |task: &tasker_journal::NewTask| TaskChange {
        task_uuid: task.task_uuid,
        status: 4,
        ended_at: Some(1),
        summary: Summary::default(),
    };
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
async fn an_append_goes_on_when_its_caller_stops_waiting() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let task = new_task("{}");
    let client = server.connect().await;
    client
        .batch_execute("BEGIN; LOCK TABLE tasker.tasks IN SHARE MODE")
        .await
        .unwrap();
    let appending = tokio::spawn({
        let (journal, task) = (journal.clone(), task.clone());
        async move {
            journal
                .append(Append {
                    created: vec![task],
                    ..Append::default()
                })
                .await
        }
    });
    server
        .wait_until("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        .await;
    appending.abort();
    client.batch_execute("COMMIT").await.unwrap();
    // Appends queue, so the first is done when a second is.
    journal
        .append(Append {
            created: vec![new_task("{}")],
            ..Append::default()
        })
        .await
        .unwrap();
    assert!(journal.task(task.task_uuid).await.unwrap().is_some());
}

#[tokio::test]
async fn partitions_of_the_next_days_exist_and_are_made_once() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let today = Day::of_time(journal.now().await.unwrap());
    let days = [-1, 0, 1, 2, 3].map(|later| journal.has_partition(today.plus(later)));
    assert_eq!(days, [false, true, true, true, false]);

    let client = server.connect().await;
    client
        .batch_execute("DO $$ DECLARE t regclass; BEGIN FOR t IN SELECT inhrelid FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE relkind = 'r' LOOP EXECUTE 'DROP TABLE ' || t; END LOOP; END $$")
        .await
        .unwrap();
    let (one, other) = tokio::join!(journal.ensure_partitions(), journal.ensure_partitions());
    one.unwrap();
    other.unwrap();
    let tables: i64 = client
        .query_one(
            "SELECT count(*) FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE relkind = 'r'",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert_eq!(tables, 9);
    assert!(journal.has_partition(today));
    journal
        .append(Append {
            created: vec![new_task("{}")],
            ..Append::default()
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn partitions_are_made_beside_an_open_reader_without_stopping_appends() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let client = server.connect().await;
    let today = Day::of_time(journal.now().await.unwrap());
    let last: String = client
        .query_one(
            "SELECT to_char(date '1970-01-01' + $1::integer, 'YYYYMMDD')",
            &[&today.plus(2).0],
        )
        .await
        .unwrap()
        .get(0);
    client
        .batch_execute(&format!(
            "DROP TABLE tasker.tasks_{last}, tasker.records_{last}"
        ))
        .await
        .unwrap();
    // A reader that stays: its lock is the one that CREATE TABLE ... PARTITION OF would wait for.
    client
        .batch_execute("BEGIN; SELECT count(*) FROM tasker.tasks, tasker.records")
        .await
        .unwrap();
    journal.ensure_partitions().await.unwrap();
    assert!(journal.has_partition(today.plus(2)));
    journal
        .append(Append {
            created: vec![new_task("{}")],
            ..Append::default()
        })
        .await
        .unwrap();
    client.batch_execute("COMMIT").await.unwrap();
}
