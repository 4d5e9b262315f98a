//! PostgreSQL or the network fails at the worst moment, and each append is committed once.

use tasker_journal::{Append, Error, Journal, NewTask, Status};
use uuid::Uuid;

use crate::support::{
    Network, Server, migrated, new_task, open, recover, row, try_open, wait_for_status,
};

fn creating(task: &NewTask) -> Append {
    Append {
        created: vec![task.clone()],
        ..Append::default()
    }
}

fn adding(task_uuid: Uuid, payload: &str) -> Append {
    Append {
        rows: vec![row(task_uuid, b"r", payload)],
        ..Append::default()
    }
}

/// The payloads of a task's rows: one for each time that it was added.
async fn payloads(journal: &Journal, task_uuid: Uuid) -> Vec<String> {
    let stored = journal
        .task(task_uuid)
        .await
        .unwrap()
        .expect("the task is stored");
    stored.rows.into_iter().map(|row| row.payload).collect()
}

async fn behind_network() -> (Server, Network, Journal) {
    let server = migrated().await;
    let network = Network::to(server.port()).await;
    let journal = open(&server.url_at(network.port())).await;
    (server, network, journal)
}

fn append_in_background(
    journal: &Journal,
    append: Append,
) -> tokio::task::JoinHandle<Result<tasker_journal::AppendOutcome, Error>> {
    let journal = journal.clone();
    tokio::spawn(async move { journal.append(append).await })
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
async fn an_older_copy_of_the_database_is_noticed_and_rejoined() {
    let mut server = migrated().await;
    let journal = open(&server.url()).await;
    let (kept, lost, new) = (new_task("kept"), new_task("lost"), new_task("new"));
    journal.append(creating(&kept)).await.unwrap();
    server.stop("fast");
    let copy = server.copy_data();
    server.resume();
    wait_for_status(&journal, |status| *status == Status::Connected).await;
    journal.append(creating(&lost)).await.unwrap();
    server.stop("fast");
    server.restore(&copy);
    server.resume();

    let status =
        wait_for_status(&journal, |status| matches!(status, Status::Diverged { .. })).await;
    let error = journal.append(creating(&new)).await.unwrap_err();
    assert!(matches!(&error, Error::Diverged(_)), "{error}");
    assert_eq!(
        status,
        Status::Diverged {
            reason: "its epoch is 1, it was 2".into()
        }
    );
    let epoch = journal.epoch();
    assert!(journal.rejoin().await.unwrap() > epoch);
    assert_eq!(*journal.status().borrow(), Status::Connected);
    journal.append(creating(&new)).await.unwrap();
    let contexts: Vec<_> = recover(&journal)
        .await
        .iter()
        .map(|stored| stored.task.context.to_string())
        .collect();
    assert_eq!(contexts, ["kept", "new"]);
}

#[tokio::test]
async fn a_commit_that_a_failover_lost_is_noticed() {
    let mut server = migrated().await;
    let journal = open(&server.url()).await;
    let task = new_task("{}");
    journal.append(creating(&task)).await.unwrap();
    server
        .connect()
        .await
        .batch_execute("DELETE FROM tasker.tasks")
        .await
        .unwrap();
    server.stop("fast");
    server.resume();
    let status =
        wait_for_status(&journal, |status| matches!(status, Status::Diverged { .. })).await;
    assert_eq!(
        status,
        Status::Diverged {
            reason: "commit 1.1 is not in it".into()
        }
    );
}

#[tokio::test]
async fn a_promoted_server_is_noticed_by_its_timeline() {
    let mut server = migrated().await;
    let journal = open(&server.url()).await;
    journal.append(creating(&new_task("{}"))).await.unwrap();
    server.stop("fast");
    server.recover_to_a_new_timeline();
    let status =
        wait_for_status(&journal, |status| matches!(status, Status::Diverged { .. })).await;
    let Status::Diverged { reason } = status else {
        unreachable!()
    };
    assert!(reason.ends_with("timeline 00000002"), "{reason}");
    journal.rejoin().await.unwrap();
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
