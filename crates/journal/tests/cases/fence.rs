//! How PostgreSQL fences: appends and take-overs at the same time, frozen at the worst moment.

use tasker_journal::{Error, NewTask, Status};

use crate::support::{
    ENGINE, Server, append_in_background, creating, migrated, new_task, open, recover, try_open,
    wait_for_status,
};

/// Makes the next append that creates `task` stop in the middle of its statement, after the fence: the primary key is
/// taken by a transaction that is neither committed nor rolled back.
async fn freeze_creation(server: &Server, task: &NewTask) -> tokio_postgres::Client {
    let client = server.connect().await;
    client.batch_execute("BEGIN").await.unwrap();
    client
        .execute(
            "INSERT INTO tasker.tasks VALUES (now(), NULL, 0, $1, $2, 0, 0, '', '', '', '', '', '')",
            &[&task.task_uuid, &tasker_journal::shard_of(task.task_uuid)],
        )
        .await
        .unwrap();
    client
}

const AN_APPEND_WAITS: &str = "SELECT EXISTS (SELECT FROM pg_stat_activity \
    WHERE wait_event_type = 'Lock' AND query LIKE '-- Adds what one commit adds%')";

const A_TAKE_OVER_WAITS: &str = "SELECT EXISTS (SELECT FROM pg_stat_activity \
    WHERE wait_event_type = 'Lock' AND query LIKE '-- Takes an engine over%')";

#[tokio::test]
async fn a_process_that_was_taken_over_knows_it_from_then_on() {
    let server = migrated().await;
    let first = open(&server.url()).await;
    let _second = open(&server.url()).await;
    for _ in 0..2 {
        let append = first.append(creating(&new_task("{}"))).await;
        assert!(matches!(append, Err(Error::Fenced { .. })));
        let status = wait_for_status(&first, |status| *status != Status::Connected);
        assert_eq!(status.await, Status::Fenced);
    }
    assert!(matches!(first.rejoin().await, Err(Error::Fenced { .. })));
}

#[tokio::test]
async fn an_append_begun_before_a_take_over_commits_nothing_after_it() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let task = new_task("{}");
    // The take-over has updated the row and not yet committed when the append looks at it.
    let other = server.connect().await;
    let take_over =
        "UPDATE tasker.engines SET epoch = epoch + 1, holder = gen_random_uuid() WHERE engine = $1";
    other.batch_execute("BEGIN").await.unwrap();
    other.execute(take_over, &[&ENGINE]).await.unwrap();
    let append = append_in_background(&journal, creating(&task));
    server.wait_until(AN_APPEND_WAITS).await;
    other.batch_execute("COMMIT").await.unwrap();

    assert!(matches!(append.await.unwrap(), Err(Error::Fenced { .. })));
    assert_eq!(journal.task(task.task_uuid).await.unwrap(), None);
}

#[tokio::test]
async fn a_take_over_waits_for_an_append_that_has_passed_the_fence() {
    let server = migrated().await;
    let first = open(&server.url()).await;
    let task = new_task("{}");
    let frost = freeze_creation(&server, &task).await;
    let append = append_in_background(&first, creating(&task));
    server.wait_until(AN_APPEND_WAITS).await;
    let url = server.url();
    let take_over = tokio::spawn(async move { open(&url).await });
    server.wait_until(A_TAKE_OVER_WAITS).await;
    frost.batch_execute("ROLLBACK").await.unwrap();

    append.await.unwrap().unwrap();
    let second = take_over.await.unwrap();
    assert_eq!(recover(&second).await.len(), 1);
    assert!(matches!(
        first.append(creating(&new_task("{}"))).await,
        Err(Error::Fenced { .. })
    ));
}

#[tokio::test]
async fn an_append_frozen_in_the_middle_is_ended_by_a_take_over_and_commits_nothing() {
    let server = migrated().await;
    let first = open(&server.url()).await;
    let task = new_task("{}");
    let frost = freeze_creation(&server, &task).await;
    let append = append_in_background(&first, creating(&task));
    server.wait_until(AN_APPEND_WAITS).await;
    // Nothing thaws it, so the take-over can only end the session.
    let second = open(&server.url()).await;
    assert!(matches!(append.await.unwrap(), Err(Error::Fenced { .. })));
    frost.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(recover(&second).await, []);
    second.append(creating(&task)).await.unwrap();
    assert_eq!(recover(&second).await.len(), 1);
}

#[tokio::test]
async fn a_take_over_frozen_in_the_middle_is_ended_by_the_next() {
    let server = migrated().await;
    let frozen = server.connect().await;
    frozen
        .batch_execute("BEGIN; SELECT FROM tasker.shards FOR UPDATE")
        .await
        .unwrap();
    let journal = open(&server.url()).await;
    journal.append(creating(&new_task("{}"))).await.unwrap();
    assert!(frozen.batch_execute("COMMIT").await.is_err());
}

/// Opens the journal once more, until it has been told so whom it waits for.
async fn wait_for_refusal(url: &str) -> String {
    loop {
        match try_open(url, ENGINE).await.err() {
            Some(error @ Error::Blocked(_)) => {
                assert!(error.is_transient());
                return error.to_string();
            }
            other => assert!(other.is_none_or(|error| error.is_transient())),
        }
    }
}

#[tokio::test]
async fn a_take_over_waits_for_a_session_that_it_may_not_end_and_names_it() {
    let server = migrated().await;
    let superuser = server.connect_as_superuser().await;
    let lock = "SET application_name = 'a dump'; BEGIN; SELECT FROM tasker.shards FOR UPDATE";
    superuser.batch_execute(lock).await.unwrap();
    let pid = superuser.query_one("SELECT pg_backend_pid()", &[]).await;
    let pid: i32 = pid.unwrap().get(0);
    assert_eq!(
        wait_for_refusal(&server.url()).await,
        format!(
            "the engine's rows are held by session {pid} of role postgres (a dump), which its role may not end; it goes on \
             by itself once that has ended"
        )
    );
    superuser.batch_execute("COMMIT").await.unwrap();
    open(&server.url()).await;
}

#[tokio::test]
async fn a_take_over_names_a_prepared_transaction_that_it_waits_for() {
    let mut server = migrated().await;
    server.restart_with("max_prepared_transactions=1");
    let client = server.connect().await;
    let prepare = "BEGIN; SELECT FROM tasker.shards FOR UPDATE; PREPARE TRANSACTION 'left'";
    client.batch_execute(prepare).await.unwrap();
    let refusal = wait_for_refusal(&server.url()).await;
    assert!(
        refusal.contains("held by a prepared transaction (pg_prepared_xacts)"),
        "{refusal}"
    );
    client
        .batch_execute("ROLLBACK PREPARED 'left'")
        .await
        .unwrap();
    open(&server.url()).await;
}

/// As where people and programs share the tables' owner.
#[tokio::test]
async fn a_take_over_ends_its_own_sessions_where_the_login_acts_as_another_role() {
    let server = migrated().await;
    let superuser = server.connect_as_superuser().await;
    let app = "CREATE ROLE app LOGIN; GRANT tasker TO app; ALTER ROLE app SET role = 'tasker'";
    superuser.batch_execute(app).await.unwrap();
    let url = server.url().replace("tasker@", "app@");
    let _first = open(&url).await;
    let (earlier, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    let lock = "BEGIN; SELECT FROM tasker.engines FOR SHARE";
    earlier.batch_execute(lock).await.unwrap();
    open(&url).await;
    assert!(earlier.batch_execute("COMMIT").await.is_err());
}
