//! Days that are over are dropped once all their tasks have ended, and nobody waits for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tasker_journal::{Append, Day, Error, Journal, NewTask, Status};
use tokio::time::timeout;
use uuid::Uuid;

use crate::sample::{ending, listed, task_of};
use crate::support::{
    Network, Server, append_in_background, creating, day, migrated, new_task, open, payloads,
    recover, row, wait_for_status,
};

/// The days of the tests, long past.
const DAYS: [Day; 3] = [Day(1), Day(2), Day(3)];

/// A journal with one task of each of [`DAYS`], open.
async fn with_old_days() -> (Server, Journal, Vec<NewTask>) {
    let server = migrated().await;
    let journal = open(&server.url()).await;
    for past in DAYS {
        day::make(&server, past).await;
    }
    let tasks: Vec<NewTask> = DAYS.iter().map(|past| task_of(*past, 1)).collect();
    for task in &tasks {
        assert_eq!(journal.append(creating(task)).await.unwrap().refused, []);
    }
    journal.ensure_partitions().await.unwrap();
    (server, journal, tasks)
}

#[tokio::test]
async fn a_day_goes_once_all_its_tasks_have_ended() {
    let (server, journal, tasks) = with_old_days().await;
    let [first, second, third] = &tasks[..] else {
        unreachable!()
    };
    for task in [first, third] {
        journal.append(ending(task)).await.unwrap();
    }
    assert_eq!(DAYS.map(|past| journal.has_partition(past)), [true; 3]);
    // The third day is not over yet, the second has an open task.
    journal.drop_tasks(DAYS[1]).await.unwrap();
    let left = |journal: Journal| async move {
        let mut left = Vec::new();
        for past in DAYS {
            left.push(journal.has_partition(past));
        }
        left
    };
    assert_eq!(left(journal.clone()).await, [false, true, true]);
    assert_eq!(
        day::tables(&server).await,
        [
            "idempotency_19700102",
            "idempotency_19700103",
            "idempotency_19700104",
            "records_19700103",
            "records_19700104",
            "tasks_19700103",
            "tasks_19700104",
        ]
    );
    assert_eq!(listed(&journal).await, [third.task_uuid, second.task_uuid]);

    journal.append(ending(second)).await.unwrap();
    journal.drop_tasks(DAYS[2]).await.unwrap();
    journal.drop_keys(DAYS[2]).await.unwrap();
    assert_eq!(day::tables(&server).await, [""; 0]);
    assert_eq!(listed(&journal).await, Vec::<Uuid>::new());
    journal.ensure_partitions().await.unwrap();
    assert_eq!(left(journal.clone()).await, [false; 3]);
    // What is in use stays and goes on.
    journal.append(creating(&new_task("{}"))).await.unwrap();
}

/// The last commit that is known is looked for after each lost connection, and its task may be gone by then.
#[tokio::test]
async fn a_last_commit_that_was_dropped_with_its_day_is_no_lost_commit() {
    let (mut server, journal, tasks) = with_old_days().await;
    journal.append(ending(&tasks[0])).await.unwrap();
    journal.drop_tasks(DAYS[0]).await.unwrap();
    let epoch = journal.epoch();
    server.stop("fast");
    wait_for_status(&journal, |status| *status != Status::Connected).await;
    server.resume();
    let status = wait_for_status(&journal, |status| {
        !matches!(status, Status::Disconnected { .. })
    });
    assert_eq!(status.await, Status::Connected);
    assert_eq!(journal.epoch(), epoch + 1);
    journal.append(ending(&tasks[1])).await.unwrap();
}

/// The last open task of an old day ends together with something of today, and nobody hears that it was committed: by the
/// time the journal asks, the old day is gone.
#[tokio::test]
async fn a_commit_in_doubt_whose_oldest_day_is_dropped_meanwhile_is_not_made_again() {
    let server = migrated().await;
    let network = Network::to(server.port()).await;
    let journal = open(&server.url_at(network.port())).await;
    for past in [DAYS[0], DAYS[1]] {
        day::make(&server, past).await;
        for number in [1, 2] {
            let task = task_of(past, number);
            journal.append(creating(&task)).await.unwrap();
        }
    }
    let (new, added) = (new_task("new"), new_task("added"));
    journal.append(creating(&new)).await.unwrap();
    let created = task_of(DAYS[1], 3);
    let with_a_row = Append {
        rows: vec![
            row(task_of(DAYS[0], 2).task_uuid, b"r", "ended"),
            row(new.task_uuid, b"r", "once"),
        ],
        ..ending(&task_of(DAYS[0], 2))
    };
    let with_a_creation = Append {
        created: vec![created.clone(), added.clone()],
        changed: [ending(&task_of(DAYS[1], 2)), ending(&created)]
            .map(|ending| ending.changed)
            .concat(),
        ..Append::default()
    };
    let superuser = server.connect_as_superuser().await;
    for (past, append) in [(DAYS[0], with_a_row), (DAYS[1], with_a_creation)] {
        // So the statement is prepared.
        journal.append(ending(&task_of(past, 1))).await.unwrap();
        // Appends share this lock; connecting again waits for it, and may not end who has it.
        let hold = "BEGIN; SELECT FROM tasker.engines FOR SHARE";
        superuser.batch_execute(hold).await.unwrap();
        network.lose_next_answer();
        let append = append_in_background(&journal, append);
        network.struck().await;
        journal.drop_tasks(past).await.unwrap();
        superuser.batch_execute("COMMIT").await.unwrap();
        assert_eq!(append.await.unwrap().unwrap().refused, []);
    }
    assert_eq!(payloads(&journal, new.task_uuid).await, ["once"]);
    let open: Vec<NewTask> = recover(&journal)
        .await
        .into_iter()
        .map(|stored| stored.task)
        .collect();
    assert_eq!(open, [new, added]);
}

/// Leaves the mark alone, as a process that ended while it waited for a reader.
async fn begin_to_detach(server: &Server, day: Day) {
    let (reader, client) = (server.connect().await, server.connect().await);
    reader
        .batch_execute("BEGIN; SELECT count(*) FROM tasker.tasks")
        .await
        .unwrap();
    let detach = format!(
        "SET lock_timeout = '1ms'; ALTER TABLE tasker.tasks DETACH PARTITION {} CONCURRENTLY",
        day::name("tasks", day)
    );
    for statement in detach.split("; ") {
        let done = client.batch_execute(statement).await;
        assert_eq!(done.is_err(), statement.starts_with("ALTER"));
    }
    reader.batch_execute("COMMIT").await.unwrap();
    server
        .wait_until("SELECT count(*) = 1 FROM pg_inherits WHERE inhdetachpending")
        .await;
}

#[tokio::test]
async fn an_interrupted_dropping_is_ended_by_the_next() {
    let (server, journal, tasks) = with_old_days().await;
    for task in &tasks {
        journal.append(ending(task)).await.unwrap();
    }
    let client = server.connect().await;
    let detached = |table| day::name(table, DAYS[0]);
    // A process that ended between the two tables of a day, and one that ended before it could drop what it had detached.
    let interrupted = format!(
        "DROP TABLE {}; ALTER TABLE tasker.tasks DETACH PARTITION {}",
        detached("tasks"),
        day::name("tasks", DAYS[1])
    );
    client.batch_execute(&interrupted).await.unwrap();
    begin_to_detach(&server, DAYS[2]).await;
    assert_eq!(listed(&journal).await, Vec::<Uuid>::new());

    journal.drop_tasks(DAYS[2]).await.unwrap();
    journal.drop_keys(DAYS[2]).await.unwrap();
    assert_eq!(day::tables(&server).await, [""; 0]);
}

/// PostgreSQL allows one pending detach a table, and an older day may be free to go only after it was begun.
#[tokio::test]
async fn an_older_day_that_ends_while_a_later_one_is_being_detached_goes_too() {
    let (server, journal, tasks) = with_old_days().await;
    for task in &tasks[1..] {
        journal.append(ending(task)).await.unwrap();
    }
    let reader = server.connect().await;
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM tasker.tasks";
    reader.batch_execute(begin).await.unwrap();
    let error = journal.drop_tasks(DAYS[2]).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error}");
    let pending = "SELECT c.relname::text FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid WHERE inhdetachpending";
    let client = server.connect().await;
    let pending: String = client.query_one(pending, &[]).await.unwrap().get(0);
    assert_eq!(format!("tasker.{pending}"), day::name("tasks", DAYS[1]));

    journal.append(ending(&tasks[0])).await.unwrap();
    reader.batch_execute("COMMIT").await.unwrap();
    journal.drop_tasks(DAYS[2]).await.unwrap();
    journal.drop_keys(DAYS[2]).await.unwrap();
    assert_eq!(day::tables(&server).await, [""; 0]);
}

/// The days are kept for longer now: what is not to be dropped yet stays, detached, and holds up nothing.
#[tokio::test]
async fn a_pending_detach_of_a_day_that_is_not_to_go_yet_holds_up_nothing() {
    let (server, journal, tasks) = with_old_days().await;
    for task in &tasks {
        journal.append(ending(task)).await.unwrap();
    }
    begin_to_detach(&server, DAYS[2]).await;
    journal.drop_tasks(DAYS[0]).await.unwrap();
    journal.drop_keys(DAYS[0]).await.unwrap();
    let left: Vec<String> = day::tables(&server).await;
    assert!(
        !left.iter().any(|table| table.ends_with("_19700102")),
        "{left:?}"
    );
    assert!(left.contains(&"tasks_19700104".to_owned()), "{left:?}");
    journal.drop_tasks(DAYS[2]).await.unwrap();
    journal.drop_keys(DAYS[2]).await.unwrap();
    assert_eq!(day::tables(&server).await, [""; 0]);
}

/// Who detaches a day waits for open transactions, and nobody for who detaches it.
#[tokio::test]
async fn a_day_that_is_being_detached_holds_up_neither_lists_nor_the_start() {
    let (server, journal, tasks) = with_old_days().await;
    begin_to_detach(&server, DAYS[2]).await;
    let client = server.connect().await;
    let detaching = day::name("tasks", DAYS[2]);
    let detaching = format!("BEGIN; LOCK TABLE {detaching} IN ACCESS EXCLUSIVE MODE");
    client.batch_execute(&detaching).await.unwrap();
    let reading = async { (listed(&journal).await, recover(&journal).await) };
    let read = timeout(Duration::from_secs(30), reading).await;
    let (listed, open) = read.expect("nothing is waited for");
    assert_eq!(listed, [tasks[1].task_uuid, tasks[0].task_uuid]);
    let open = open.iter().map(|stored| stored.task.task_uuid);
    assert!(open.eq(tasks[..2].iter().map(|task| task.task_uuid)));
}

/// Appends one task after another, until told to stop.
struct Load {
    appended: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    appending: tokio::task::JoinHandle<()>,
}

impl Load {
    fn on(journal: &Journal) -> Load {
        let (appended, stop) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let appending = tokio::spawn({
            let (journal, appended, stop) = (journal.clone(), appended.clone(), stop.clone());
            async move {
                while !stop.load(Ordering::Relaxed) {
                    // Creates, adds, changes: all that an append does, with an UPDATE that plans over every partition.
                    let task = new_task("{}");
                    journal.append(creating(&task)).await.unwrap();
                    journal.append(ending(&task)).await.unwrap();
                    appended.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Load {
            appended,
            stop,
            appending,
        }
    }

    /// Returns when so many more tasks were appended.
    async fn goes_on(&self, more: usize) {
        let goal = self.appended.load(Ordering::Relaxed) + more;
        while self.appended.load(Ordering::Relaxed) < goal {
            assert!(!self.appending.is_finished(), "the load has ended");
            tokio::task::yield_now().await;
        }
    }

    async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.appending.await.unwrap();
    }
}

/// Looks at the sessions of the journal again and again, for an append that waits for another session's lock. Nothing
/// in these tests may hold one up: what waits 100 ms would be seen many times.
struct Watch {
    stop: Arc<AtomicBool>,
    watching: tokio::task::JoinHandle<Vec<String>>,
}

impl Watch {
    async fn over(server: &Server) -> Watch {
        const WAITING: &str = "SELECT query || ' waits for ' || (SELECT string_agg(query, '; ') FROM pg_stat_activity \
             WHERE pid = ANY (pg_blocking_pids(a.pid))) FROM pg_stat_activity AS a \
             WHERE query LIKE '-- Adds what one commit adds%' AND cardinality(pg_blocking_pids(pid)) > 0";
        let client = server.connect_as_superuser().await;
        let stop = Arc::<AtomicBool>::default();
        let stopped = stop.clone();
        let watching = tokio::spawn(async move {
            let mut seen = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                let rows = client.query(WAITING, &[]).await.unwrap();
                seen.extend(
                    rows.iter()
                        .filter_map(|row| row.get::<_, Option<String>>(0)),
                );
            }
            seen
        });
        Watch { stop, watching }
    }

    async fn seen(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.watching.await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_come_and_go_under_load_beside_an_open_reader_and_no_append_waits() {
    let (server, journal, tasks) = with_old_days().await;
    for task in &tasks {
        journal.append(ending(task)).await.unwrap();
    }
    let today = Day::of_time(journal.renew_lease().await.unwrap());
    let reader = server.connect().await;
    let last = format!(
        "DO $$ DECLARE t text; BEGIN FOREACH t IN ARRAY ARRAY['tasks', 'records', 'idempotency'] LOOP \
         EXECUTE 'DROP TABLE tasker.' || t || '_' || to_char(date '1970-01-01' + {}, 'YYYYMMDD'); END LOOP; END $$",
        today.plus(2).0
    );
    reader.batch_execute(&last).await.unwrap();
    reader
        .batch_execute(
            "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM tasker.tasks; \
             SELECT count(*) FROM tasker.records; SELECT count(*) FROM tasker.idempotency",
        )
        .await
        .unwrap();
    let watch = Watch::over(&server).await;
    let load = Load::on(&journal);
    load.goes_on(10).await;

    journal.ensure_partitions().await.unwrap();
    assert!(journal.has_partition(today.plus(2)));
    load.goes_on(10).await;
    // The first marks a day and waits in vain, the second waits in vain to end that.
    for dropping in [journal.drop_tasks(DAYS[2]), journal.drop_tasks(DAYS[2])] {
        let error = dropping.await.unwrap_err();
        assert!(matches!(error, Error::Unavailable(_)), "{error}");
        load.goes_on(10).await;
    }
    // What is being dropped is gone for everybody but the reader.
    assert_eq!(journal.task(tasks[0].task_uuid).await.unwrap(), None);
    let old = "SELECT count(*) FROM tasker.tasks WHERE created_at < '1971-01-01'";
    let count: i64 = reader.query_one(old, &[]).await.unwrap().get(0);
    assert_eq!(count, 3);

    reader.batch_execute("COMMIT").await.unwrap();
    journal.drop_tasks(DAYS[2]).await.unwrap();
    load.goes_on(10).await;
    load.end().await;
    assert_eq!(watch.seen().await, [""; 0]);
    assert_eq!(
        day::tables(&server).await,
        [
            "idempotency_19700102",
            "idempotency_19700103",
            "idempotency_19700104"
        ]
    );
}
