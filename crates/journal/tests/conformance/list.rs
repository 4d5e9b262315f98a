//! Lists are the newest first, page by page, and have each task once.

use tasker_journal::{Append, Day, ListedTask, NewTask, Round, Summary, TaskChange, TaskFilter};
use uuid::Uuid;

use crate::{
    host::{Host, Journal},
    sample::new_task,
};

const MICROS: i64 = 1_000_000;

/// The day of all tasks.
const DAY: Day = Day(1);

/// What a row says of tasks that are open, blocked, complete, in error.
const STATUSES: [i16; 4] = [0, 1, 2, 4];

/// A task of a namespace, a second after the one before.
fn task(number: i64, namespace: &str, name: &str, request: &str) -> NewTask {
    let mut task = new_task("{}");
    let millis = DAY.0 as u64 * 86_400_000 + number as u64 * 1000;
    let random = rand_bytes(number as u64);
    task.task_uuid = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
    // A little after its identifier was drawn.
    task.created_at = millis as i64 * 1000 + 1234;
    task.namespace = namespace.to_owned();
    task.name = name.to_owned();
    task.request = request.into();
    task.status = 0;
    task
}

/// Spreads tasks over the shards, the same every time.
fn rand_bytes(number: u64) -> [u8; 10] {
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut bytes = [0; 10];
    bytes[..8].copy_from_slice(&mixed.to_be_bytes());
    bytes
}

fn summary(number: i64) -> Summary {
    Summary {
        updated_at: number * MICROS,
        total_steps: 4,
        pending_steps: 1,
        completed_steps: 2,
        failed_steps: 1,
    }
}

/// Three thousand tasks, of which one in a thousand is rare; the newest first.
async fn fill(host: &Host, journal: &Journal) -> Vec<(NewTask, i16)> {
    host.make_day(DAY).await;
    let mut tasks: Vec<(NewTask, i16)> = (0..3000)
        .map(|number| {
            let (namespace, request) = match number % 1000 {
                7 => ("rare", r#"{"initiator":"anna","tags":["x","y"]}"#),
                _ => ("usual", r#"{"tags":["z"]}"#),
            };
            let name = if number % 2 == 0 { "even" } else { "odd" };
            let status = STATUSES[if number % 500 == 3 {
                3
            } else {
                number as usize % 3
            }];
            (task(number, namespace, name, request), status)
        })
        .collect();
    let created = tasks.iter().map(|(task, _)| task.clone()).collect();
    let append = Append {
        created,
        ..Append::default()
    };
    assert_eq!(journal.append(append).await.unwrap().refused, []);
    let changed = tasks.iter().zip(0..).filter(|((_, status), _)| *status > 0);
    let changed = changed.map(|((task, status), number)| TaskChange {
        task_uuid: task.task_uuid,
        status: *status,
        ended_at: (*status > 1).then_some(task.created_at + MICROS),
        summary: summary(number),
    });
    let append = Append {
        changed: changed.collect(),
        ..Append::default()
    };
    assert_eq!(journal.append(append).await.unwrap().refused, []);
    tasks.sort_by_key(|(task, _)| std::cmp::Reverse(task.task_uuid));
    tasks
}

/// All pages, each of at most `limit` tasks.
async fn all(journal: &Journal, filter: &TaskFilter, limit: u32, depth: u32) -> Vec<ListedTask> {
    let mut listed = Vec::new();
    let mut before = Some(Uuid::max());
    while let Some(next) = before {
        let round = Round {
            before: next,
            limit,
            depth,
        };
        let found = journal.list(filter, round).await.unwrap();
        assert!(found.tasks.len() <= limit as usize);
        assert!(found.next.is_none_or(|after| after < next), "it goes on");
        listed.extend(found.tasks);
        before = found.next;
    }
    listed
}

/// Whether a task, of which the row says this, is to be listed.
type Holds = Box<dyn Fn(&NewTask, i16) -> bool>;

fn expected<'a>(
    tasks: &'a [(NewTask, i16)],
    holds: impl Fn(&NewTask, i16) -> bool + 'a,
) -> Vec<Uuid> {
    let kept = tasks
        .iter()
        .filter(move |(task, status)| holds(task, *status));
    kept.map(|(task, _)| task.task_uuid).collect()
}

fn uuids(tasks: &[ListedTask]) -> Vec<Uuid> {
    tasks.iter().map(|task| task.task_uuid).collect()
}

#[tokio::test]
async fn every_task_is_listed_once_newest_first_by_whatever_it_is_looked_for() {
    let host = Host::start().await;
    let journal = host.open().await;
    let tasks = fill(&host, &journal).await;
    let any = TaskFilter::default();
    assert_eq!(
        uuids(&all(&journal, &any, 100, 101).await),
        expected(&tasks, |_, _| true)
    );
    let text = |text: &str| Some(text.to_owned());
    let middle = tasks[1500].0.created_at;
    let filters: [(TaskFilter, Holds); 9] = [
        (
            TaskFilter {
                namespace: text("rare"),
                ..any.clone()
            },
            Box::new(|task, _| task.namespace == "rare"),
        ),
        (
            TaskFilter {
                name: text("odd"),
                namespace: text("usual"),
                ..any.clone()
            },
            Box::new(|task, _| task.name == "odd" && task.namespace == "usual"),
        ),
        (
            TaskFilter {
                initiator: text("anna"),
                ..any.clone()
            },
            Box::new(|task, _| task.namespace == "rare"),
        ),
        (
            TaskFilter {
                tag: text("y"),
                ..any.clone()
            },
            Box::new(|task, _| task.namespace == "rare"),
        ),
        (
            TaskFilter {
                created_after: Some(middle),
                ..any.clone()
            },
            Box::new(move |task, _| task.created_at >= middle),
        ),
        (
            TaskFilter {
                created_before: Some(middle),
                ..any.clone()
            },
            Box::new(move |task, _| task.created_at < middle),
        ),
        (
            TaskFilter {
                status: Some(0),
                ..any.clone()
            },
            Box::new(|_, status| status == 0),
        ),
        (
            TaskFilter {
                status: Some(2),
                ..any.clone()
            },
            Box::new(|_, status| status == 2),
        ),
        (
            TaskFilter {
                status: Some(4),
                ..any.clone()
            },
            Box::new(|_, status| status == 4),
        ),
    ];
    for (filter, holds) in filters {
        let listed = all(&journal, &filter, 50, 8).await;
        assert_eq!(uuids(&listed), expected(&tasks, holds), "{filter:?}");
    }
    let nobody = TaskFilter {
        namespace: text("nobody"),
        ..any
    };
    assert_eq!(all(&journal, &nobody, 50, 8).await, []);
}

#[tokio::test]
async fn a_task_is_listed_with_what_its_row_last_said() {
    let host = Host::start().await;
    let journal = host.open().await;
    let tasks = fill(&host, &journal).await;
    let listed = all(&journal, &TaskFilter::default(), 100, 101).await;
    for (listed, (task, status)) in listed.iter().zip(&tasks) {
        let number = (task.created_at - tasks[2999].0.created_at) / MICROS;
        let expected = ListedTask {
            task_uuid: task.task_uuid,
            namespace: task.namespace.clone(),
            name: task.name.clone(),
            version: task.version.clone(),
            template_hash: task.template_hash.clone(),
            status: *status,
            created_at: task.created_at,
            ended_at: (*status > 1).then_some(task.created_at + MICROS),
            priority: task.priority,
            request: task.request.clone(),
            summary: (*status > 0).then(|| summary(number)),
        };
        assert_eq!(listed, &expected);
    }
    let some = [tasks[5].0.task_uuid, Uuid::now_v7(), tasks[9].0.task_uuid];
    let mut named = journal.listed(&some).await.unwrap();
    named.sort_by_key(|task| std::cmp::Reverse(task.task_uuid));
    assert_eq!(named, [listed[5].clone(), listed[9].clone()]);
}
