//! The database is not the one that was written to: the journal notices, and goes on only when told to.

use std::time::Duration;

use tasker_journal::{Day, Error, Mark, NewTemplate, Note, Registered, Status};
use tokio::time::timeout;

use crate::sample::task_of;
use crate::support::{
    Network, Server, adding, append_in_background, creating, day, migrate, migrated, new_task,
    open, payloads, recover, wait_for_status,
};

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

/// The connections outlive a restoring, and the engine's row comes back with the epoch that it has.
#[tokio::test]
async fn a_dump_that_is_restored_in_place_is_noticed_and_nothing_is_added_to_it() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let (kept, lost, new) = (new_task("kept"), new_task("lost"), new_task("new"));
    journal.append(creating(&kept)).await.unwrap();
    let dump = server.dump();
    journal.append(creating(&lost)).await.unwrap();
    server.restore_dump(&dump);

    let error = journal.append(creating(&new)).await.unwrap_err();
    assert!(matches!(&error, Error::Diverged(_)), "{error}");
    assert_eq!(
        *journal.status().borrow(),
        Status::Diverged {
            reason: "commit 1.2 is not in it".into()
        }
    );
    assert_eq!(journal.task(new.task_uuid).await.unwrap(), None);
    journal.rejoin().await.unwrap();
    journal.append(creating(&new)).await.unwrap();
    let contexts = recover(&journal).await;
    let contexts = contexts.iter().map(|stored| &*stored.task.context);
    assert_eq!(contexts.collect::<Vec<_>>(), ["kept", "new"]);
}

/// The engine's row has the epoch that it had, so it is told by its writer, as appends do.
#[tokio::test]
async fn templates_of_a_restored_copy_stay_as_they_are_before_it_is_rejoined() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let template = |version: &str| NewTemplate {
        namespace: "linear".to_owned(),
        name: "sequence".to_owned(),
        version: version.to_owned(),
        document_hash: "1".to_owned(),
        document: "{}".into(),
        merged_hash: "1".to_owned(),
        merged: "{}".into(),
    };
    let (one, two) = ([template("1.0.0")], [template("2.0.0")]);
    journal.register_templates(&one, false).await.unwrap();
    let dump = server.dump();
    journal.append(creating(&new_task("lost"))).await.unwrap();
    server.restore_dump(&dump);

    let version = ["linear", "sequence", "1.0.0"];
    let mark = Mark::Retired(Note {
        at: 1,
        by: "anna".to_owned(),
        reason: "it is wrong".to_owned(),
    });
    for _ in 0..2 {
        let marked = journal.mark_template(version, &mark).await;
        assert!(matches!(marked, Err(Error::Fenced { .. })), "{marked:?}");
        let registered = journal.register_templates(&two, false).await;
        assert!(
            matches!(registered, Err(Error::Fenced { .. })),
            "{registered:?}"
        );
        // It is noticed, and its epoch raised, before the second time.
        wait_for_status(&journal, |status| matches!(status, Status::Diverged { .. })).await;
    }
    let stored = journal.templates().await.unwrap();
    let stored = stored
        .iter()
        .map(|stored| (&*stored.version, &stored.retired));
    assert_eq!(stored.collect::<Vec<_>>(), [("1.0.0", &None)]);

    journal.rejoin().await.unwrap();
    journal.mark_template(version, &mark).await.unwrap();
    let registered = journal.register_templates(&two, false).await.unwrap();
    assert_eq!(registered, Registered::All { changed: 1 });
    let stored = journal.templates().await.unwrap();
    let retired = stored.iter().map(|stored| stored.retired.is_some());
    assert_eq!(retired.collect::<Vec<_>>(), [true, false]);
}

/// Such as a dump that somebody restores, or a migration of somebody's own.
#[tokio::test]
async fn who_has_locked_the_templates_holds_up_nothing_else() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let task = new_task("{}");
    journal.append(creating(&task)).await.unwrap();
    let client = server.connect().await;
    let lock = "BEGIN; LOCK TABLE tasker.template_versions, tasker.template_retirements";
    client.batch_execute(lock).await.unwrap();
    let marking = journal.clone();
    let marking = tokio::spawn(async move {
        let version = ["linear", "sequence", "1.0.0"];
        marking.mark_template(version, &Mark::Restored).await
    });
    server
        .wait_until("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        .await;
    assert!(journal.task(task.task_uuid).await.unwrap().is_some());
    assert_eq!(journal.listed(&[task.task_uuid]).await.unwrap().len(), 1);
    // And whoever marks is told before long.
    let error = marking.await.unwrap().unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert_eq!(
        error.to_string(),
        "PostgreSQL is not available: canceling statement due to lock timeout [55P03]"
    );
}

#[tokio::test]
async fn a_dump_that_is_restored_in_place_is_noticed_while_nothing_is_appended() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let dump = server.dump();
    journal.append(creating(&new_task("lost"))).await.unwrap();
    server.restore_dump(&dump);
    let status = wait_for_status(&journal, |status| matches!(status, Status::Diverged { .. }));
    assert_eq!(
        status.await,
        Status::Diverged {
            reason: "commit 1.1 is not in it".into()
        }
    );
}

/// Nothing is missing, so nobody need forget anything.
#[tokio::test]
async fn a_restored_dump_that_has_all_commits_is_gone_on_with() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    journal.append(creating(&new_task("{}"))).await.unwrap();
    let dump = server.dump();
    server.restore_dump(&dump);
    journal.append(creating(&new_task("{}"))).await.unwrap();
    assert_eq!(*journal.status().borrow(), Status::Connected);
    assert_eq!((journal.epoch(), recover(&journal).await.len()), (2, 2));
}

#[tokio::test]
async fn rows_that_go_while_nothing_is_appended_are_missed() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    journal.append(creating(&new_task("{}"))).await.unwrap();
    let delete = "DELETE FROM tasker.tasks";
    server.connect().await.batch_execute(delete).await.unwrap();
    wait_for_status(&journal, |status| matches!(status, Status::Diverged { .. })).await;
}

/// Who has locked the day of the last commit, to rebuild one of its tables for instance, may take long.
#[tokio::test]
async fn looking_for_the_last_commit_holds_up_no_append() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    day::make(&server, Day(1)).await;
    journal.append(creating(&task_of(Day(1), 1))).await.unwrap();
    let superuser = server.connect_as_superuser().await;
    let lock =
        "BEGIN; LOCK TABLE tasker.tasks_19700102, tasker.records_19700102 IN ACCESS EXCLUSIVE MODE";
    superuser.batch_execute(lock).await.unwrap();
    let now = "SELECT clock_timestamp()::text";
    let locked: String = superuser.query_one(now, &[]).await.unwrap().get(0);
    let looked = format!(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'tasker' AND query LIKE '%-- Whether %' \
         AND query LIKE '%tasker.records%' AND query_start > '{locked}')"
    );
    server.wait_until(&looked).await;
    let append = journal.append(creating(&new_task("{}")));
    let appended = timeout(Duration::from_secs(30), append).await;
    appended
        .expect("it does not wait for the lock")
        .expect("it is committed");
    // What could not be seen is not taken for lost.
    assert_eq!(*journal.status().borrow(), Status::Connected);
    assert_eq!(journal.epoch(), 1);
}

/// What rewrites a table, or freezes its rows, leaves the engine's row as it was written.
#[tokio::test]
async fn vacuuming_the_tables_is_no_restoring() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let client = server.connect().await;
    for vacuum in ["VACUUM (FREEZE)", "VACUUM (FULL, FREEZE)", "CLUSTER"] {
        let index = if vacuum == "CLUSTER" {
            " USING engines_pkey"
        } else {
            ""
        };
        let vacuum = format!("{vacuum} tasker.engines{index}");
        client.batch_execute(&vacuum).await.unwrap();
        journal.append(creating(&new_task("{}"))).await.unwrap();
    }
    assert_eq!(journal.epoch(), 1);
}

/// A restore makes tables, rows and keys one after the other: none of that is taken for the database before all is there.
#[tokio::test]
async fn an_append_waits_while_a_dump_is_being_restored() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let kept = new_task("kept");
    journal.append(creating(&kept)).await.unwrap();
    let client = server.connect().await;
    let begin = "
        ALTER TABLE tasker.leases DROP CONSTRAINT leases_engine_fkey;
        ALTER TABLE tasker.records RENAME TO records_to_come";
    client.batch_execute(begin).await.unwrap();
    let append = append_in_background(&journal, adding(kept.task_uuid, "once"));
    let waits = |reason: &'static str| {
        wait_for_status(&journal, move |status| match status {
            Status::Disconnected { reason: said, .. } => said.contains(reason),
            _ => false,
        })
    };
    waits("relation \"tasker.records\" does not exist [42P01]").await;
    // The engine's row is in, which another transaction has written, and the last key is not.
    let go_on = "
        ALTER TABLE tasker.records_to_come RENAME TO records;
        UPDATE tasker.engines SET address = address";
    client.batch_execute(go_on).await.unwrap();
    waits("the foreign key of tasker.leases is missing, as it is while a dump is being restored")
        .await;
    let end = "ALTER TABLE tasker.leases ADD CONSTRAINT leases_engine_fkey
        FOREIGN KEY (engine) REFERENCES tasker.engines (engine)";
    client.batch_execute(end).await.unwrap();
    assert_eq!(append.await.unwrap().unwrap().refused, []);
    assert_eq!(payloads(&journal, kept.task_uuid).await, ["once"]);
}

/// Tables are filled in any order, and one that has no keys yet may lack its rows.
#[tokio::test]
async fn every_table_has_its_keys_before_the_database_is_taken_for_whole() {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    let task = new_task("{}");
    journal.append(creating(&task)).await.unwrap();
    let client = server.connect().await;
    // The last keys that a restore makes, as it makes them.
    let keys = "SELECT c.relname::text, k.contype = 'p', k.conname::text, pg_get_constraintdef(k.oid) FROM pg_constraint AS k
        JOIN pg_class AS c ON c.oid = k.conrelid
        WHERE c.relname IN ('leases', 'template_retirements', 'template_defaults') AND k.contype IN ('p', 'f')
        ORDER BY 1, 2";
    let keys = client.query(keys, &[]).await.unwrap();
    assert_eq!(keys.len(), 6);
    let mut added = Vec::new();
    for key in &keys {
        let (table, is_primary, name, key): (&str, bool, &str, &str) =
            (key.get(0), key.get(1), key.get(2), key.get(3));
        // With another writer of the engine's row, so that the journal looks at the database anew.
        let begin = format!(
            "ALTER TABLE tasker.{table} DROP CONSTRAINT {name}; UPDATE tasker.engines SET address = address"
        );
        client.batch_execute(&begin).await.unwrap();
        let append = append_in_background(&journal, adding(task.task_uuid, name));
        let kind = if is_primary { "primary" } else { "foreign" };
        let missing = format!("the {kind} key of tasker.{table} is missing");
        wait_for_status(&journal, |status| match status {
            Status::Disconnected { reason, .. } => reason.contains(&missing),
            _ => false,
        })
        .await;
        let end = format!("ALTER TABLE tasker.{table} ADD CONSTRAINT {name} {key}");
        client.batch_execute(&end).await.unwrap();
        assert_eq!(append.await.unwrap().unwrap().refused, []);
        added.push(name.to_owned());
    }
    assert_eq!(payloads(&journal, task.task_uuid).await, added);
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
async fn a_copy_in_another_cluster_is_noticed_by_its_identifier() {
    let server = migrated().await;
    let network = Network::to(server.port()).await;
    let journal = open(&server.url_at(network.port())).await;
    // A dump that was restored elsewhere has the same rows.
    let other = migrate(Server::start_afresh()).await;
    let copy = "SELECT epoch, holder FROM tasker.engines";
    let engine = server.connect().await.query_one(copy, &[]).await.unwrap();
    other
        .connect()
        .await
        .execute(
            "INSERT INTO tasker.engines VALUES ('engine-1', $1, $2, '', now())",
            &[&engine.get::<_, i64>(0), &engine.get::<_, uuid::Uuid>(1)],
        )
        .await
        .unwrap();
    network.lead_to(other.port());
    network.cut();
    let status =
        wait_for_status(&journal, |status| matches!(status, Status::Diverged { .. })).await;
    let Status::Diverged { reason } = status else {
        unreachable!()
    };
    assert!(reason.starts_with("it was system "), "{reason}");
    assert!(
        reason.ends_with(", timeline 00000001") && reason.matches("timeline 00000001").count() == 2,
        "{reason}"
    );
    assert_eq!(journal.rejoin().await.unwrap(), 2);
    journal.append(creating(&new_task("{}"))).await.unwrap();
    let tasks = "SELECT count(*) FROM tasker.tasks";
    let count = other.connect().await.query_one(tasks, &[]).await.unwrap();
    assert_eq!(count.get::<_, i64>(0), 1);
}

#[tokio::test]
async fn an_append_that_waits_for_the_database_is_told_that_it_is_another() {
    let mut server = migrated().await;
    let journal = open(&server.url()).await;
    let task = new_task("{}");
    server.stop("fast");
    let copy = server.copy_data();
    server.resume();
    wait_for_status(&journal, |status| *status == Status::Connected).await;
    journal.append(creating(&new_task("lost"))).await.unwrap();
    server.stop("immediate");
    wait_for_status(&journal, |status| *status != Status::Connected).await;
    let append = append_in_background(&journal, creating(&task));
    server.restore(&copy);
    server.resume();
    let error = append.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Diverged(_)), "{error}");
    journal.rejoin().await.unwrap();
    assert_eq!(recover(&journal).await, []);
}
