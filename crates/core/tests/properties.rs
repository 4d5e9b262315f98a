//! Random histories: whatever workers do and whenever they go, nothing is stranded, done twice or forgotten.

mod world;

use proptest::prelude::*;
use tasker_core::{TaskId, Time};
use tasker_protocol::api::{StepState, TaskStatus};
use world::{Running, World};

const DIAMOND: &[(&str, &[&str])] = &[("a", &[]), ("b", &["a"]), ("c", &["a"]), ("d", &["b", "c"])];

const WORKERS: u64 = 3;

#[derive(Clone, Debug)]
enum Act {
    Create,
    /// The n-th open attempt of a worker ends.
    Finish {
        worker: u64,
        nth: usize,
        success: bool,
    },
    Disconnect {
        worker: u64,
        grace: bool,
    },
    /// A worker comes back and names what it ran, or forgets it.
    Return {
        worker: u64,
        named: bool,
        slots: u32,
    },
    Advance {
        millis: i64,
    },
    Recover,
}

fn act() -> impl Strategy<Value = Act> {
    let worker = 1..=WORKERS;
    prop_oneof![
        3 => Just(Act::Create),
        8 => (worker.clone(), 0..8usize, prop::bool::weighted(0.8))
            .prop_map(|(worker, nth, success)| Act::Finish { worker, nth, success }),
        2 => (worker.clone(), any::<bool>())
            .prop_map(|(worker, grace)| Act::Disconnect { worker, grace }),
        3 => (worker, any::<bool>(), 0..4u32)
            .prop_map(|(worker, named, slots)| Act::Return { worker, named, slots }),
        2 => (0..5000i64).prop_map(|millis| Act::Advance { millis }),
        1 => Just(Act::Recover),
    ]
}

fn is_connected(world: &World, worker: u64) -> bool {
    let instance = uuid::Uuid::from_u128(worker.into());
    let worker = world.state.workers().get(instance);
    worker.is_some_and(|worker| worker.session.is_some())
}

fn carry_out(mut world: World, act: &Act, tasks: &mut Vec<TaskId>) -> World {
    match *act {
        Act::Create => tasks.push(world.create(DIAMOND)),
        Act::Finish {
            worker,
            nth,
            success,
        } => {
            let running = world.running(worker);
            let open = running.get(nth % running.len().max(1)).cloned();
            if let (true, Some(open)) = (is_connected(&world, worker), open) {
                let Running {
                    task,
                    step,
                    attempt,
                } = open;
                if success {
                    world.succeed(worker, task, &step, attempt);
                } else {
                    world.fail(worker, task, &step, attempt, true);
                }
            }
        }
        Act::Disconnect { worker, grace } => {
            if is_connected(&world, worker) {
                world.disconnect(worker, grace);
            }
        }
        Act::Return {
            worker,
            named,
            slots,
        } => {
            let running = world.running(worker);
            let running = running
                .iter()
                .filter(|_| named)
                .map(|open| world.attempt(open.task, &open.step, open.attempt))
                .collect();
            world.reconnect(worker, slots, running);
        }
        Act::Advance { millis } => {
            let now = Time(world.now.0 + millis * 1000);
            world.advance_to(now);
        }
        Act::Recover => world = world.recover(),
    }
    world
}

fn check(world: &World, tasks: &[TaskId]) {
    let mut live = 0;
    for worker in 1..=WORKERS {
        live += world.running(worker).len();
    }
    let mut in_progress = 0;
    for id in tasks {
        let task = world.task(*id);
        for state in [StepState::Pending, StepState::Enqueued, StepState::Complete] {
            let counted = task.steps.iter().filter(|step| step.state == state).count();
            assert_eq!(task.count(state) as usize, counted);
        }
        for (index, step) in task.steps.iter().enumerate() {
            let parents = &task.graph.nodes[index].parents;
            let done = |parent: &u32| task.step(*parent).state == StepState::Complete;
            assert_eq!(
                step.state == StepState::Pending,
                !parents.iter().all(done),
                "a step is pending exactly while a parent is not done"
            );
            assert!(step.attempts - step.undelivered <= 3);
        }
        in_progress += task.count(StepState::InProgress) as usize;
    }
    assert_eq!(
        live, in_progress,
        "every running step has its worker's slot"
    );
}

/// Connects enough workers, finishes everything, lets all back-offs pass.
fn finish(mut world: World, tasks: &[TaskId]) {
    for worker in 1..=WORKERS {
        world.reconnect(worker, 100, Vec::new());
    }
    for _ in 0..10_000 {
        let open = (1..=WORKERS).find_map(|worker| {
            let first = world.running(worker).into_iter().next();
            first.map(|open| (worker, open))
        });
        if let Some((worker, open)) = open {
            world.succeed(worker, open.task, &open.step, open.attempt);
        } else if let Some(next) = world.state.next_timer() {
            let now = next.max(world.now);
            world.advance_to(now);
        } else {
            break;
        }
    }
    for id in tasks {
        let task = world.task(*id);
        let status = task.status();
        assert!(
            matches!(status, TaskStatus::Complete | TaskStatus::BlockedByFailures),
            "stranded: {status:?}"
        );
        let failed = task.count(StepState::Error) > 0;
        assert_eq!(status == TaskStatus::BlockedByFailures, failed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_every_task_ends_or_is_blocked_by_a_failure(
        acts in prop::collection::vec(act(), 1..120)
    ) {
        let mut world = World::at(Time(1_000_000_000));
        let mut tasks = Vec::new();
        for act in &acts {
            world = carry_out(world, act, &mut tasks);
            check(&world, &tasks);
        }
        finish(world, &tasks);
    }

    #[test]
    fn recovery_from_the_records_alone_gives_the_same_tasks(
        acts in prop::collection::vec(act(), 1..80)
    ) {
        let mut world = World::at(Time(1_000_000_000));
        let mut tasks = Vec::new();
        for act in &acts {
            world = carry_out(world, act, &mut tasks);
        }
        // The end of a back-off has no record of its own: it shows when the time is looked at.
        let now = world.now;
        world.advance_to(now);
        let before: Vec<_> = tasks.iter().map(|id| world.task(*id).clone()).collect();
        let mut world = world.recover();
        world.advance_to(now);
        for task in before {
            let recovered = world.task(task.id);
            prop_assert_eq!(&recovered.steps, &task.steps);
        }
    }
}
