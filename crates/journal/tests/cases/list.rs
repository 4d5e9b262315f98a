//! How PostgreSQL reads a round of a list.

use tasker_journal::{Append, Day, TaskFilter};
use uuid::Uuid;

use crate::support::{Server, migrated, new_task, open};

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
