//! How PostgreSQL reads a round of a list.

use tasker_journal::{Append, Day, Round, TaskFilter};
use uuid::Uuid;

use crate::sample::task_of;
use crate::support::{Server, day, migrated, new_task, open};

/// The plan of a round, as the journal's own sessions choose it.
async fn plan(server: &Server, filter: &TaskFilter) -> String {
    let client = server.connect().await;
    client
        .batch_execute(
            "SET plan_cache_mode = 'force_generic_plan'; SET jit = off; SET enable_seqscan = off; SET enable_bitmapscan = off; \
             SET enable_hashjoin = off; SET enable_mergejoin = off",
        )
        .await
        .unwrap();
    let types =
        "uuid, uuid, bigint, bigint, text, text, smallint, timestamptz, timestamptz, text, text";
    let statement = filter.statement(&[Day::of_task(new_task("{}").task_uuid)].into());
    client
        .batch_execute(&format!("PREPARE round ({types}) AS {statement}"))
        .await
        .unwrap();
    let explain = format!(
        "EXPLAIN (COSTS OFF) EXECUTE round ('{}', '{}', 51, 51, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
        Uuid::max(),
        Uuid::nil()
    );
    let rows = client.query(&explain, &[]).await.unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    lines.join("\n")
}

#[tokio::test]
async fn a_round_reads_indexes_and_sorts_no_table() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let tasks: Vec<_> = (0..3000)
        .map(|number| new_task(&number.to_string()))
        .collect();
    let append = Append {
        created: tasks,
        ..Append::default()
    };
    journal.append(append).await.unwrap();
    let superuser = server.connect_as_superuser().await;
    superuser.batch_execute("ANALYZE").await.unwrap();
    let any = TaskFilter::default();
    for (status, index) in [
        (None, "pkey"),
        (Some(0), "shard_task_uuid_idx"),
        (Some(4), "shard_task_uuid_idx1"),
    ] {
        let plan = plan(
            &server,
            &TaskFilter {
                status,
                ..any.clone()
            },
        )
        .await;
        assert!(!plan.contains("Seq Scan"), "{plan}");
        let (_, candidates) = plan.split_once("CTE candidates").expect("a plan");
        let (candidates, _) = candidates.split_once("CTE bound").expect("a plan");
        assert!(!candidates.contains("Sort"), "{plan}");
        assert!(candidates.contains("Scan Backward using"), "{plan}");
        assert!(candidates.contains(index), "{plan}");
    }
}

/// Few statements, however many days there are in which nothing is found.
#[tokio::test]
async fn a_round_reads_so_many_days_and_says_where_the_next_goes_on() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let days = 1..=80;
    let making: String = days.clone().map(day::making_by_number).collect();
    let client = server.connect().await;
    client.batch_execute(&making).await.unwrap();
    let append = Append {
        created: days.clone().map(|day| task_of(Day(day), 1)).collect(),
        ..Append::default()
    };
    assert_eq!(journal.append(append).await.unwrap().refused, []);
    let newest_first =
        |days: std::ops::RangeInclusive<i32>| days.rev().map(|day| task_of(Day(day), 1).task_uuid);
    let list = async |filter: TaskFilter, before| {
        let round = Round {
            before,
            limit: 100,
            depth: 101,
        };
        let listed = journal.list(&filter, round).await.unwrap();
        let tasks = listed.tasks.iter().map(|task| task.task_uuid);
        (tasks.collect::<Vec<_>>(), listed.next)
    };
    // Two days, eight, and twice 32.
    let seventh = Uuid::from_u128((7 * 86_400_000) << 80);
    let any = TaskFilter::default;
    let (tasks, next) = list(any(), Uuid::max()).await;
    assert!(tasks.into_iter().eq(newest_first(7..=80)));
    assert_eq!(next, Some(seventh));
    let (tasks, next) = list(any(), seventh).await;
    assert!(tasks.into_iter().eq(newest_first(1..=6)));
    assert_eq!(next, None);

    let none = || TaskFilter {
        namespace: Some("none".to_owned()),
        ..any()
    };
    assert_eq!(list(none(), Uuid::max()).await, (vec![], Some(seventh)));
    assert_eq!(list(none(), seventh).await, (vec![], None));
}
