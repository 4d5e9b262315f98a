//! PostgreSQL says no: for a while, and the append waits; or for good, and only the task that it is about is left out.

use tasker_journal::{Append, Refused, Status};

use crate::support::{
    Refusal, adding, append_in_background, change, creating, migrated, new_task, open, payloads,
    recover, row, today, try_open, wait_for_status,
};

/// Waits until the journal says that it cannot commit, for a reason that has `text`.
async fn wait_for_reason(journal: &tasker_journal::Journal, text: &str) {
    let is_it = |status: &Status| match status {
        Status::Disconnected { reason, .. } => reason.contains(text),
        _ => false,
    };
    wait_for_status(journal, is_it).await;
}

#[tokio::test]
async fn what_postgresql_may_do_later_is_tried_until_it_does() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let task = new_task("{}");
    journal.append(creating(&task)).await.unwrap();
    let states = [
        "08006", // connection_failure, as a foreign table reports it
        "40001", // serialization_failure
        "40P01", // deadlock_detected
        "53100", // disk_full
        "53200", // out_of_memory
        "55P03", // lock_not_available
        "57014", // query_canceled
        "58030", // io_error
        "25006", // read_only_sql_transaction
        "25P03", // idle_in_transaction_session_timeout
        "25P04", // transaction_timeout
    ];
    for state in states {
        let refusal = Refusal::of(&server, "%", state).await;
        let append = append_in_background(&journal, adding(task.task_uuid, state));
        wait_for_reason(&journal, &format!("refused for the test [{state}]")).await;
        // Nothing of it is there meanwhile, and nobody is told otherwise.
        assert!(!append.is_finished());
        assert_eq!(
            payloads(&journal, task.task_uuid)
                .await
                .last()
                .map(String::as_str),
            states
                .iter()
                .copied()
                .take_while(|earlier| *earlier != state)
                .last()
        );
        refusal.end().await;
        assert_eq!(append.await.unwrap().unwrap().refused, []);
        assert_eq!(*journal.status().borrow(), Status::Connected);
    }
    assert_eq!(payloads(&journal, task.task_uuid).await, states);
}

#[tokio::test]
async fn appends_wait_for_room_on_a_full_disk() {
    let mut server = migrated().await;
    let journal = open(&server.url()).await;
    let task = new_task("{}");
    journal.append(creating(&task)).await.unwrap();
    let client = server.connect().await;
    let table = today(&client, "records").await;
    let path = format!("SELECT pg_relation_filepath('tasker.{table}')");
    let file: String = client.query_one(&path, &[]).await.unwrap().get(0);
    server.stop("fast");
    server.fill_disk(&file);
    server.resume();
    wait_for_status(&journal, |status| *status == Status::Connected).await;

    let append = append_in_background(&journal, adding(task.task_uuid, "once"));
    wait_for_reason(&journal, "No space left on device").await;
    wait_for_reason(&journal, "[53100]").await;
    assert_eq!(payloads(&journal, task.task_uuid).await, [""; 0]);
    // The table is empty, so this gives it another file, where there is room.
    let client = server.connect().await;
    let make_room = format!("TRUNCATE tasker.{table}");
    client.batch_execute(&make_room).await.unwrap();
    assert_eq!(append.await.unwrap().unwrap().refused, []);
    assert_eq!(*journal.status().borrow(), Status::Connected);
    assert_eq!(payloads(&journal, task.task_uuid).await, ["once"]);
}

/// As after a restore by another role that keeps the tables for itself. It is about all tasks, and may be mended.
#[tokio::test]
async fn appends_wait_for_rights_on_the_journals_own_tables() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let task = new_task("{}");
    journal.append(creating(&task)).await.unwrap();
    let superuser = server.connect_as_superuser().await;
    for table in ["engines", "records"] {
        let own = |role: &str| format!("ALTER TABLE tasker.{table} OWNER TO {role}");
        superuser.batch_execute(&own("postgres")).await.unwrap();
        let append = append_in_background(&journal, adding(task.task_uuid, table));
        let denied = format!("permission denied for table {table} [42501]");
        wait_for_reason(&journal, &denied).await;
        // A process that starts meanwhile waits too, and says for what.
        if table == "engines" {
            let error = try_open(&server.url(), "engine-1").await.err().unwrap();
            assert_eq!(
                error.to_string(),
                format!(
                    "PostgreSQL refused: {denied}; the role that the database URL names must own schema tasker and all in it"
                )
            );
            assert!(error.is_transient());
        }
        superuser.batch_execute(&own("tasker")).await.unwrap();
        assert_eq!(append.await.unwrap().unwrap().refused, []);
        assert_eq!(*journal.status().borrow(), Status::Connected);
    }
    let expected = ["engines", "records"];
    assert_eq!(payloads(&journal, task.task_uuid).await, expected);

    // What somebody's trigger may not do is about the task.
    let _refusal = Refusal::of(&server, "bad%", "42501").await;
    let outcome = journal.append(adding(task.task_uuid, "bad")).await.unwrap();
    let refused = Refused {
        task_uuid: task.task_uuid,
        message: "refused for the test [42501]".to_owned(),
    };
    assert_eq!(outcome.refused, [refused]);
}

#[tokio::test]
async fn appends_wait_for_a_server_that_takes_no_connections() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let superuser = server.connect_as_superuser().await;
    let limit = |limit: i32| format!("ALTER ROLE tasker CONNECTION LIMIT {limit}");
    superuser.batch_execute(&limit(0)).await.unwrap();
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tasker'";
    superuser.query(end, &[]).await.unwrap();
    let append = append_in_background(&journal, creating(&new_task("{}")));
    wait_for_reason(&journal, "too many connections for role").await;
    superuser.batch_execute(&limit(-1)).await.unwrap();
    append.await.unwrap().unwrap();
    assert_eq!(recover(&journal).await.len(), 1);
}

#[tokio::test]
async fn of_a_task_that_is_refused_for_good_nothing_is_committed_and_of_the_others_all() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let tasks: Vec<_> = (0..5).map(|number| new_task(&number.to_string())).collect();
    let created = Append {
        created: tasks.clone(),
        ..Append::default()
    };
    let before = journal.append(created).await.unwrap().commit;
    let _refusal = Refusal::of(&server, "bad%", "22023").await;
    let payload = |number: usize| if number % 2 == 1 { "bad" } else { "good" };
    let ended = |task: &tasker_journal::NewTask| change(task.task_uuid, 2, Some(9));
    let outcome = journal
        .append(Append {
            rows: tasks
                .iter()
                .enumerate()
                .map(|(number, task)| row(task.task_uuid, b"r", payload(number)))
                .collect(),
            changed: tasks.iter().map(ended).collect(),
            ..Append::default()
        })
        .await
        .unwrap();
    let refused = [&tasks[1], &tasks[3]].map(|task| Refused {
        task_uuid: task.task_uuid,
        message: "refused for the test [22023]".to_owned(),
    });
    assert_eq!(outcome.refused, refused);
    assert!(outcome.commit > before);
    // It is no failure of the connection, and there is nothing to wait for.
    assert_eq!(*journal.status().borrow(), Status::Connected);
    for (number, task) in tasks.iter().enumerate() {
        let stored = journal.task(task.task_uuid).await.unwrap().unwrap();
        let (rows, ended_at) = match payload(number) {
            "bad" => (vec![], None),
            good => (vec![row(task.task_uuid, b"r", good)], Some(9)),
        };
        assert_eq!((stored.rows, stored.ended_at), (rows, ended_at));
    }
    journal
        .append(adding(tasks[1].task_uuid, "better"))
        .await
        .unwrap();
    assert_eq!(payloads(&journal, tasks[1].task_uuid).await, ["better"]);
}
