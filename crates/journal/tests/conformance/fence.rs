//! Of two processes that both believe to own an engine, only the later one writes.

use tasker_journal::{Append, Error};

use crate::{
    host::{Host, recover},
    sample::{creating, new_task},
};

#[tokio::test]
async fn a_process_that_was_taken_over_commits_nothing_more() {
    let host = Host::start().await;
    let first = host.open().await;
    first.append(creating(&new_task("1"))).await.unwrap();
    let second = host.open().await;
    assert_eq!((first.epoch(), second.epoch()), (1, 2));
    let error = first.append(creating(&new_task("2"))).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "another process has taken over engine engine-1 (this one had epoch 1); nothing more is written"
    );
    second.append(creating(&new_task("3"))).await.unwrap();
    let contexts: Vec<_> = recover(&second)
        .await
        .iter()
        .map(|stored| stored.task.context.to_string())
        .collect();
    assert_eq!(contexts, ["1", "3"]);
}

#[tokio::test]
async fn another_engine_that_starts_takes_all_shards_and_fences_the_first() {
    let host = Host::start().await;
    let first = host.open().await;
    let reopened = host.open().await;
    let task = new_task("{}");
    let before = reopened.append(creating(&task)).await.unwrap().commit;
    let stranger = host.open_as("engine-2").await;
    for journal in [first, reopened] {
        assert!(matches!(
            journal.append(creating(&new_task("{}"))).await,
            Err(Error::Fenced { .. })
        ));
    }
    assert_eq!(recover(&stranger).await.len(), 1);
    let row = tasker_journal::Row {
        task_uuid: task.task_uuid,
        records: vec![1],
        payload: String::new(),
    };
    let after = stranger
        .append(Append {
            rows: vec![row],
            ..Append::default()
        })
        .await
        .unwrap()
        .commit;
    assert!(after > before, "{after} is not above {before}");
}

#[tokio::test]
async fn of_many_that_start_at_once_one_is_left() {
    let host = Host::start().await;
    let opening = (0..8).map(|n| {
        let host = host.clone();
        tokio::spawn(async move { host.open_as(if n % 2 == 0 { "even" } else { "odd" }).await })
    });
    let mut journals = Vec::new();
    for journal in opening.collect::<Vec<_>>() {
        journals.push(journal.await.unwrap());
    }
    let mut winners = 0;
    for journal in &journals {
        match journal.append(creating(&new_task("{}"))).await {
            Ok(_) => winners += 1,
            Err(error) => assert!(matches!(error, Error::Fenced { .. }), "{error}"),
        }
    }
    assert_eq!(winners, 1);
}
