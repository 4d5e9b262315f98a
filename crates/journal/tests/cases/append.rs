//! How appends and the partitions that they need behave in PostgreSQL.

use tasker_journal::{Append, Day, StoredTask};
use uuid::Uuid;

use crate::support::{append_in_background, change, creating, migrated, new_task, open, row};

/// Made while the tables are empty and kept for the connection's life, as an engine's first plan is.
#[tokio::test]
async fn changed_tasks_are_looked_up_one_by_one() {
    let server = migrated().await;
    let _journal = open(&server.url()).await;
    let client = server.connect().await;
    let changes = include_str!("../../sql/append_changes.sql");
    let append = include_str!("../../sql/append.sql")
        .replace("{changes}", changes)
        .replace("{keys}", "")
        .replace("{written_by}", "1")
        .replace(
            "{days}",
            &format!("t.task_uuid >= '{}'", new_task("{}").task_uuid),
        );
    let prepare = format!("PREPARE append (text, bigint, bigint) AS {append}");
    client
        .batch_execute(include_str!("../../sql/session.sql"))
        .await
        .unwrap();
    client
        .batch_execute(&format!(
            "SET plan_cache_mode = 'force_generic_plan'; {prepare}"
        ))
        .await
        .unwrap();
    let nulls = ["NULL"; 28].join(", ");
    let explain = format!("EXPLAIN (COSTS OFF) EXECUTE append ({nulls})");
    let rows = client.query(&explain, &[]).await.unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let plan = lines.join("\n");
    let (_, changed) = plan.split_once("CTE changed").expect("a plan");
    let looks_up = "Index Cond: ((shard = c_1.shard) AND (task_uuid = c_1.task_uuid)";
    assert!(changed.contains(looks_up), "{plan}");
    assert!(!changed.contains("Materialize"), "{plan}");
    assert!(!changed.contains("Join Filter"), "{plan}");
}

#[tokio::test]
async fn texts_are_read_by_their_places_and_blocked_tasks_without_their_rows() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let (first, second) = (
        new_task(r#"{"even_number": 6}"#),
        new_task("[1e400, -0.0, 0.10]"),
    );
    journal
        .append(Append {
            created: vec![first.clone(), second.clone()],
            rows: vec![
                row(first.task_uuid, &[1, 2], "started"),
                row(second.task_uuid, &[3], "failed"),
            ],
            changed: vec![change(second.task_uuid, 3, None)],
            ..Append::default()
        })
        .await
        .unwrap();
    journal
        .append(Append {
            rows: vec![row(first.task_uuid, &[4], "36")],
            ..Append::default()
        })
        .await
        .unwrap();

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
            rows: Vec::new(),
            task: tasker_journal::NewTask {
                status: 3,
                context: "".into(),
                ..second
            },
            ended_at: None,
        },
    ];
    expected.sort_by_key(|stored| stored.task.task_uuid);
    let mut pages = next_process.open_tasks().without_rows_of(3);
    let mut page = pages.next().await.unwrap().unwrap();
    page.sort_by_key(|stored| stored.task.task_uuid);
    assert_eq!(page, expected);
}

#[tokio::test]
async fn a_task_that_ends_in_the_commit_of_its_creation_is_written_once() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let task = new_task("{}");
    journal
        .append(Append {
            changed: vec![change(task.task_uuid, 7, Some(9))],
            created: vec![task],
            ..Append::default()
        })
        .await
        .unwrap();
    let written = "SELECT count(*), count(*) FILTER (WHERE xmax <> 0) FROM tasker.tasks";
    let written = server
        .connect()
        .await
        .query_one(written, &[])
        .await
        .unwrap();
    assert_eq!((written.get::<_, i64>(0), written.get::<_, i64>(1)), (1, 0));
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
    let appending = append_in_background(&journal, creating(&task));
    server
        .wait_until("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        .await;
    appending.abort();
    client.batch_execute("COMMIT").await.unwrap();
    // Appends queue, so the first is done when a second is.
    journal.append(creating(&new_task("{}"))).await.unwrap();
    assert!(journal.task(task.task_uuid).await.unwrap().is_some());
}

#[tokio::test]
async fn partitions_of_the_next_days_exist_and_are_made_once() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let today = Day::of_time(journal.renew_lease().await.unwrap());
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
    journal.append(creating(&new_task("{}"))).await.unwrap();
}

#[tokio::test]
async fn partitions_are_made_beside_an_open_reader_without_stopping_appends() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let client = server.connect().await;
    let today = Day::of_time(journal.renew_lease().await.unwrap());
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
    journal.append(creating(&new_task("{}"))).await.unwrap();
    client.batch_execute("COMMIT").await.unwrap();
}
