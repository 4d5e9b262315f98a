//! PostgreSQL or the network fails at the worst moment, and each append is committed once.

use std::time::{Duration, Instant};

use tasker_journal::{Append, Journal, Status};
use tokio::time::timeout;

use crate::support::{
    ENGINE, Network, Server, adding, append_in_background, change, creating, migrated, new_task,
    open, payloads, recover, try_open, wait_for_status,
};

async fn behind_network() -> (Server, Network, Journal) {
    let server = migrated().await;
    let network = Network::to(server.port()).await;
    let journal = open(&server.url_at(network.port())).await;
    (server, network, journal)
}

#[tokio::test]
async fn an_append_whose_answer_is_lost_is_committed_once() {
    let (_server, network, journal) = behind_network().await;
    let task = new_task("{}");
    network.lose_next_answer();
    journal.append(creating(&task)).await.unwrap();
    network.struck().await;
    network.lose_next_answer();
    journal
        .append(adding(task.task_uuid, "once"))
        .await
        .unwrap();
    network.struck().await;
    assert_eq!(payloads(&journal, task.task_uuid).await, ["once"]);
    assert_eq!(journal.epoch(), 3);
}

/// Also those of the reconnecting: whatever comes at whatever moment, the append is committed once.
#[tokio::test]
async fn whichever_message_is_lost_an_append_is_committed_once() {
    let (server, network, journal) = behind_network().await;
    let task = new_task("{}");
    journal.append(creating(&task)).await.unwrap();
    let mut expected = Vec::new();
    let lose: [fn(&Network, usize); 2] = [Network::lose_question, Network::lose_answer];
    for (lose, what) in lose.into_iter().zip(["question", "answer"]) {
        let mut after = 0;
        loop {
            // The first loss makes it connect again; the second comes while it does.
            network.lose_next_answer();
            lose(&network, after);
            let payload = format!("{what} {after}");
            journal
                .append(adding(task.task_uuid, &payload))
                .await
                .unwrap();
            expected.push(payload);
            // Until connecting again has fewer messages.
            if network.heal() {
                break;
            }
            after += 1;
        }
        assert!(
            after > 5,
            "only {after} messages of connecting again were lost"
        );
    }
    let rows = "SELECT payload FROM tasker.records ORDER BY commit";
    let rows = server.connect().await.query(rows, &[]).await.unwrap();
    let committed: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(committed, expected);
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_made() {
    let (_server, network, journal) = behind_network().await;
    let task = new_task("{}");
    journal.append(creating(&task)).await.unwrap();
    network.lose_next_answer();
    // It leaves no row by which its commit could be found, so it is made again.
    journal
        .append(Append {
            changed: vec![change(task.task_uuid, 2, Some(9))],
            ..Append::default()
        })
        .await
        .unwrap();
    network.struck().await;
    let stored = journal.task(task.task_uuid).await.unwrap().unwrap();
    assert_eq!((stored.task.status, stored.ended_at), (2, Some(9)));
}

#[tokio::test]
async fn an_append_whose_session_is_ended_in_the_middle_is_committed_once() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let task = new_task("{}");
    journal.append(creating(&task)).await.unwrap();
    let lock = server.connect().await;
    lock.batch_execute("BEGIN; LOCK TABLE tasker.records IN SHARE MODE")
        .await
        .unwrap();
    let append = append_in_background(&journal, adding(task.task_uuid, "once"));
    server
        .wait_until("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        .await;
    let end = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted";
    let superuser = server.connect_as_superuser().await;
    superuser.query(end, &[]).await.unwrap();
    let status = wait_for_status(&journal, |status| *status != Status::Connected).await;
    assert!(matches!(status, Status::Disconnected { .. }), "{status:?}");
    lock.batch_execute("COMMIT").await.unwrap();
    append.await.unwrap().unwrap();
    assert_eq!(payloads(&journal, task.task_uuid).await, ["once"]);
    assert_eq!(journal.epoch(), 2);
}

#[tokio::test]
async fn an_append_that_never_arrives_is_committed_once() {
    let (_server, network, journal) = behind_network().await;
    let task = new_task("{}");
    journal.append(creating(&task)).await.unwrap();
    network.lose_next_question();
    journal
        .append(adding(task.task_uuid, "once"))
        .await
        .unwrap();
    network.struck().await;
    assert_eq!(payloads(&journal, task.task_uuid).await, ["once"]);
}

#[tokio::test]
async fn an_append_that_still_runs_when_its_connection_is_lost_is_committed_once() {
    let (server, network, journal) = behind_network().await;
    let task = new_task("{}");
    journal.append(creating(&task)).await.unwrap();
    // The statement waits after the fence, on a row with its own key.
    let frost = server.connect().await;
    frost.batch_execute("BEGIN").await.unwrap();
    let next_commit = "INSERT INTO tasker.records SELECT commit + 1, task_uuid, shard, '', 'frost' FROM tasker.tasks";
    frost.batch_execute(next_commit).await.unwrap();
    let append = append_in_background(&journal, adding(task.task_uuid, "once"));
    server
        .wait_until("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock')")
        .await;
    network.cut();
    // The old session holds the engine's row, so it is ended before anything is decided.
    append.await.unwrap().unwrap();
    frost.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(payloads(&journal, task.task_uuid).await, ["once"]);
}

#[tokio::test]
async fn appends_wait_for_a_server_that_restarts() {
    let mut server = migrated().await;
    let journal = open(&server.url()).await;
    let task = new_task("{}");
    journal.append(creating(&task)).await.unwrap();
    for mode in ["fast", "immediate"] {
        server.stop(mode);
        wait_for_status(&journal, |status| {
            matches!(status, Status::Disconnected { .. })
        })
        .await;
        let append = append_in_background(&journal, adding(task.task_uuid, mode));
        server.resume();
        append.await.unwrap().unwrap();
        assert_eq!(*journal.status().borrow(), Status::Connected);
    }
    assert_eq!(
        payloads(&journal, task.task_uuid).await,
        ["fast", "immediate"]
    );
}

#[tokio::test]
async fn an_idle_journal_notices_a_lost_connection_and_connects_again() {
    let (_server, network, journal) = behind_network().await;
    network.go_down();
    let status = wait_for_status(&journal, |status| *status != Status::Connected).await;
    assert!(matches!(status, Status::Disconnected { .. }), "{status:?}");
    network.come_up();
    wait_for_status(&journal, |status| *status == Status::Connected).await;
    assert_eq!(journal.epoch(), 2);
}

#[tokio::test]
async fn a_cancelled_append_is_tried_again() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let task = new_task("{}");
    let lock = server.connect().await;
    lock.batch_execute("BEGIN; LOCK TABLE tasker.tasks IN SHARE MODE")
        .await
        .unwrap();
    let append = append_in_background(&journal, creating(&task));
    server
        .wait_until("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        .await;
    let cancel = "SELECT pg_cancel_backend(pid) FROM pg_locks WHERE NOT granted";
    server
        .connect_as_superuser()
        .await
        .query(cancel, &[])
        .await
        .unwrap();
    let status = wait_for_status(&journal, |status| *status != Status::Connected).await;
    let Status::Disconnected { reason, .. } = status else {
        panic!("{status:?}")
    };
    assert_eq!(&*reason, "canceling statement due to user request [57014]");
    lock.batch_execute("COMMIT").await.unwrap();
    append.await.unwrap().unwrap();
    assert_eq!(*journal.status().borrow(), Status::Connected);
    assert_eq!(recover(&journal).await.len(), 1);
}

#[tokio::test]
async fn an_append_that_waits_long_is_reported_and_committed_in_the_end() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let lock = server.connect().await;
    lock.batch_execute("BEGIN; LOCK TABLE tasker.tasks IN SHARE MODE")
        .await
        .unwrap();
    let append = append_in_background(&journal, creating(&new_task("{}")));
    let status = wait_for_status(&journal, |status| *status != Status::Connected).await;
    let Status::Disconnected { reason, .. } = status else {
        panic!("{status:?}")
    };
    assert_eq!(
        &*reason,
        "PostgreSQL has not answered an append for five seconds"
    );
    lock.batch_execute("COMMIT").await.unwrap();
    append.await.unwrap().unwrap();
    assert_eq!(*journal.status().borrow(), Status::Connected);
    assert_eq!(journal.epoch(), 1);
}

/// As while a dump is being restored in one transaction.
#[tokio::test]
async fn who_has_locked_a_table_is_waited_for_aloud() {
    const TIMEOUT: &str = "canceling statement due to lock timeout [55P03]";
    let server = migrated().await;
    let url = server.url();
    let journal = open(&url).await;
    journal.append(creating(&new_task("{}"))).await.unwrap();
    let superuser = server.connect_as_superuser().await;
    let lock = "BEGIN; LOCK TABLE tasker.migrations";
    superuser.batch_execute(lock).await.unwrap();
    let refused = timeout(Duration::from_secs(60), try_open(&url, ENGINE)).await;
    let error = refused.expect("it is told").err().expect("it cannot open");
    assert_eq!(
        error.to_string(),
        format!("PostgreSQL is not available: {TIMEOUT}")
    );
    assert!(error.is_transient());
    superuser.batch_execute("COMMIT").await.unwrap();

    // And so is who connects again.
    for table in ["migrations", "engines"] {
        let lock = format!("BEGIN; LOCK TABLE tasker.{table}");
        superuser.batch_execute(&lock).await.unwrap();
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tasker'";
        superuser.query(end, &[]).await.unwrap();
        let append = append_in_background(&journal, creating(&new_task("{}")));
        wait_for_status(&journal, |status| match status {
            Status::Disconnected { reason, .. } => reason.contains(TIMEOUT),
            _ => false,
        })
        .await;
        superuser.batch_execute("COMMIT").await.unwrap();
        append.await.unwrap().unwrap();
    }
    assert_eq!(recover(&journal).await.len(), 3);
}

/// A trigger that writes the engine's row once more, in a transaction within the transaction, has another writer than the
/// journal was told.
#[tokio::test]
async fn an_engines_row_that_others_go_on_writing_is_looked_at_more_and_more_rarely() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let client = server.connect().await;
    let write = "CREATE FUNCTION tasker.write() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE tasker.engines SET address = address;
            RETURN NULL;
        EXCEPTION WHEN division_by_zero THEN RETURN NULL;
        END $$;
        CREATE TRIGGER write AFTER UPDATE ON tasker.engines FOR EACH ROW WHEN (pg_trigger_depth() = 0)
        EXECUTE FUNCTION tasker.write();
        UPDATE tasker.engines SET address = address";
    client.batch_execute(write).await.unwrap();
    let begun = Instant::now();
    let append = append_in_background(&journal, creating(&new_task("{}")));
    // Each time it connects again it raises its epoch.
    server
        .wait_until("SELECT epoch >= 6 FROM tasker.engines")
        .await;
    let waited = Duration::from_millis(50 + 100 + 200 + 400);
    assert!(begun.elapsed() >= waited, "{:?}", begun.elapsed());
    let stop = "DROP TRIGGER write ON tasker.engines";
    client.batch_execute(stop).await.unwrap();
    append.await.unwrap().unwrap();
    assert_eq!(recover(&journal).await.len(), 1);
}

#[tokio::test]
async fn appends_wait_while_the_server_takes_no_writes() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let superuser = server.connect_as_superuser().await;
    superuser
        .batch_execute("ALTER ROLE tasker SET default_transaction_read_only = on")
        .await
        .unwrap();
    let end_sessions =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tasker'";
    superuser.query(end_sessions, &[]).await.unwrap();
    let append = append_in_background(&journal, creating(&new_task("{}")));
    let read_only = |status: &Status| match status {
        Status::Disconnected { reason, .. } => reason.contains("[25006]"),
        _ => false,
    };
    wait_for_status(&journal, read_only).await;
    superuser
        .batch_execute("ALTER ROLE tasker RESET default_transaction_read_only")
        .await
        .unwrap();
    append.await.unwrap().unwrap();
    assert_eq!(recover(&journal).await.len(), 1);
}

#[tokio::test]
async fn reads_survive_a_restart_of_the_server() {
    let mut server = migrated().await;
    let journal = open(&server.url()).await;
    let tasks: Vec<_> = (0..100).map(|n| new_task(&n.to_string())).collect();
    journal
        .append(Append {
            created: tasks.clone(),
            ..Append::default()
        })
        .await
        .unwrap();
    let mut pages = journal.open_tasks();
    let mut found: Vec<_> = pages.next().await.unwrap().expect("there are open tasks");
    server.stop("immediate");
    let reading = tokio::spawn(async move {
        while let Some(page) = pages.next().await.unwrap() {
            found.extend(page);
        }
        found
    });
    server.resume();
    let mut found: Vec<_> = reading
        .await
        .unwrap()
        .into_iter()
        .map(|stored| stored.task)
        .collect();
    found.sort_by_key(|task| task.task_uuid);
    assert_eq!(found, tasks);
    assert!(journal.task(tasks[0].task_uuid).await.unwrap().is_some());
}

#[tokio::test]
async fn a_server_that_is_not_there_may_come() {
    let mut server = migrated().await;
    server.stop("fast");
    let error = try_open(&server.url(), "engine-1")
        .await
        .err()
        .expect("nobody answers");
    assert!(error.is_transient(), "{error}");
    assert!(
        error
            .to_string()
            .starts_with("PostgreSQL is not available: error connecting to server"),
        "{error}"
    );
    server.resume();
    open(&server.url()).await;
}
