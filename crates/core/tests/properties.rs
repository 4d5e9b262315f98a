//! Random histories: whatever handlers answer, workers do and people ask, and whenever the engine goes, nothing is
//! stranded, done twice or forgotten.

mod world;

use std::time::Duration;

use proptest::prelude::*;
use tasker_core::event::Verdict;
use tasker_core::graph::Kind;
use tasker_core::operator::Action;
use tasker_core::outcome::Success;
use tasker_core::{StepIndex, Task, TaskId, Time};
use tasker_protocol::api::{StepState, TaskStatus};
use world::{Running, World};

const WORKERS: u64 = 3;

/// Fields of the template, and its steps.
const TEMPLATES: &[(&str, &str)] = &[
    (
        "",
        "a: standard
         b: standard <- a | retry: {backoff: none}
         c: standard <- a | timeout_seconds: 2
         d: standard <- b, c | retry: {retryable: false}",
    ),
    (
        "",
        "a: standard
         d: decision <- a
         e: decision <- d | retry: {max_attempts: 1}
         f: standard <- d
         g: standard <- e
         h: standard <- e, a
         i: standard <- h
         y: deferred_convergence <- g, i
         z: deferred_convergence <- f, y",
    ),
    (
        "",
        "d: decision
         a: batchable <- d
         b: batch_worker <- a | batch_config: {failure_strategy: fail_fast}, retry: {max_attempts: 2}
         c: standard <- d
         z: deferred_convergence <- b, c",
    ),
    (
        "on_failure: fail, lifecycle: {max_duration_seconds: 60},",
        "a: batchable
         b: batch_worker <- a | timeout_seconds: 3
         c: deferred_convergence <- b
         x: standard",
    ),
];

#[derive(Clone, Debug)]
enum Act {
    Create {
        template: usize,
        priority: i16,
    },
    /// The n-th open attempt of a worker ends, one of several ways.
    Finish {
        worker: u64,
        nth: usize,
        how: How,
    },
    /// A worker hands an attempt back.
    Return {
        worker: u64,
        nth: usize,
    },
    Disconnect {
        worker: u64,
        grace: bool,
    },
    /// A worker stops and gives up every other attempt.
    Leave {
        worker: u64,
    },
    /// A worker comes back and names what it ran, or forgets it.
    Reconnect {
        worker: u64,
        named: bool,
        slots: u32,
    },
    Slots {
        worker: u64,
        slots: u32,
    },
    Cancel {
        task: usize,
    },
    Operate {
        task: usize,
        step: usize,
        action: u8,
    },
    Advance {
        millis: i64,
    },
    Freeze {
        seconds: u64,
    },
    Recover,
}

#[derive(Clone, Copy, Debug)]
enum How {
    /// Of a decision: the children whose bits are set; of a batchable step: so many batches.
    Succeed(u8),
    Fail {
        retryable: bool,
    },
    /// An outcome that the step cannot have.
    Nonsense,
}

fn act() -> impl Strategy<Value = Act> {
    let worker = 1..=WORKERS;
    let how = prop_oneof![
        8 => any::<u8>().prop_map(How::Succeed),
        2 => any::<bool>().prop_map(|retryable| How::Fail { retryable }),
        1 => Just(How::Nonsense),
    ];
    prop_oneof![
        4 => (0..TEMPLATES.len(), -1..=1i16)
            .prop_map(|(template, priority)| Act::Create { template, priority }),
        12 => (worker.clone(), 0..8usize, how)
            .prop_map(|(worker, nth, how)| Act::Finish { worker, nth, how }),
        1 => (worker.clone(), 0..8usize).prop_map(|(worker, nth)| Act::Return { worker, nth }),
        2 => (worker.clone(), any::<bool>())
            .prop_map(|(worker, grace)| Act::Disconnect { worker, grace }),
        1 => worker.clone().prop_map(|worker| Act::Leave { worker }),
        4 => (worker.clone(), any::<bool>(), 0..5u32)
            .prop_map(|(worker, named, slots)| Act::Reconnect { worker, named, slots }),
        1 => (worker, 0..5u32).prop_map(|(worker, slots)| Act::Slots { worker, slots }),
        1 => (0..8usize).prop_map(|task| Act::Cancel { task }),
        3 => (0..8usize, 0..12usize, 0..4u8)
            .prop_map(|(task, step, action)| Act::Operate { task, step, action }),
        3 => (0..5000i64).prop_map(|millis| Act::Advance { millis }),
        1 => (2..20u64).prop_map(|seconds| Act::Freeze { seconds }),
        1 => Just(Act::Recover),
    ]
}

fn is_connected(world: &World, worker: u64) -> bool {
    let instance = uuid::Uuid::from_u128(worker.into());
    let worker = world.state.workers().get(instance);
    worker.is_some_and(|worker| worker.session.is_some())
}

/// The success of a step that says what its kind must say.
fn success(task: &Task, step: StepIndex, bits: u8) -> Success {
    let node = task.node(step);
    match node.kind {
        Kind::Decision => {
            let children = node.children.iter().map(|child| task.graph.node(*child));
            let named = children
                .enumerate()
                .filter(|(bit, child)| bits & (1 << bit) != 0 && child.kind != Kind::Convergence)
                .map(|(_, child)| child.name.clone());
            Success {
                create_steps: Some(named.collect()),
                batches: None,
            }
        }
        Kind::Batchable => Success {
            create_steps: None,
            batches: Some(u64::from(bits % 6)),
        },
        _ => Success::default(),
    }
}

fn nth_running(world: &World, worker: u64, nth: usize) -> Option<Running> {
    let running = world.running(worker);
    let open = running.get(nth % running.len().max(1)).cloned();
    open.filter(|_| is_connected(world, worker))
}

fn finish_one(world: &mut World, worker: u64, open: &Running, how: How) {
    let task = world.task(open.task);
    let step = task.find(world.attempt(open.task, &open.step, 1).step_uuid);
    let verdict = match how {
        How::Succeed(bits) => {
            Verdict::Success(success(task, step.expect("it is a step of its task"), bits))
        }
        How::Fail { retryable } => Verdict::Failure {
            retryable,
            retry_after_ms: None,
        },
        How::Nonsense => Verdict::Success(Success {
            create_steps: Some(vec!["nowhere".into()]),
            batches: Some(1),
        }),
    };
    world.outcome(worker, open.task, &open.step, open.attempt, verdict);
}

fn operate(world: &mut World, task: TaskId, step: usize, action: u8) {
    let index = (step % world.task(task).steps.len()) as StepIndex;
    let of = world.task(task);
    let action = match action {
        0 | 1 => Action::Retry,
        2 => Action::Resolve,
        _ => Action::Complete(success(of, index, 0b101)),
    };
    let name = of.step_name(index).into_owned();
    // What is refused changes nothing, which the checks see.
    let _ = world.act(task, &name, action);
}

fn carry_out(mut world: World, act: &Act, tasks: &mut Vec<TaskId>) -> World {
    let nth_task = |nth: usize| tasks.get(nth % tasks.len().max(1)).copied();
    match *act {
        Act::Create { template, priority } => {
            let (fields, steps) = TEMPLATES[template];
            tasks.push(world.create_typed_with_priority(fields, steps, priority));
        }
        Act::Finish { worker, nth, how } => {
            if let Some(open) = nth_running(&world, worker, nth) {
                finish_one(&mut world, worker, &open, how);
            }
        }
        Act::Return { worker, nth } => {
            if let Some(open) = nth_running(&world, worker, nth) {
                world.return_attempt(worker, open.task, &open.step, open.attempt);
            }
        }
        Act::Disconnect { worker, grace } => {
            if is_connected(&world, worker) {
                world.disconnect(worker, grace);
            }
        }
        Act::Leave { worker } => {
            if is_connected(&world, worker) {
                let running = world.running(worker);
                let given_up = running
                    .iter()
                    .step_by(2)
                    .map(|open| world.attempt(open.task, &open.step, open.attempt));
                let given_up = given_up.collect();
                world.leave(worker, given_up);
            }
        }
        Act::Reconnect {
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
        Act::Slots { worker, slots } => {
            if is_connected(&world, worker) {
                world.slots(worker, slots);
            }
        }
        Act::Cancel { task } => {
            if let Some(task) = nth_task(task) {
                // Refused when it has ended.
                let _ = world.cancel(task);
            }
        }
        Act::Operate { task, step, action } => {
            if let Some(task) = nth_task(task) {
                operate(&mut world, task, step, action);
            }
        }
        Act::Advance { millis } => world.advance(Duration::from_millis(millis as u64)),
        Act::Freeze { seconds } => world.freeze(Duration::from_secs(seconds)),
        Act::Recover => world = world.recover(),
    }
    world
}

fn check(world: &World, tasks: &[TaskId]) {
    let (mut in_progress, mut steps) = (0, 0);
    for id in tasks {
        let task = world.task(*id);
        check_counts(task);
        for step in 0..task.steps.len() as StepIndex {
            check_step(world, task, step);
        }
        in_progress += task.count(StepState::InProgress) as usize;
        let is_in_memory = world.state.task(*id).is_some();
        steps += if is_in_memory { task.steps.len() } else { 0 };
    }
    assert_eq!(
        world.state.steps(),
        steps,
        "every step counts while its task is in memory"
    );
    let workers = world.state.workers();
    let live: usize = workers.iter().map(|(_, worker)| worker.live.len()).sum();
    assert_eq!(
        live, in_progress,
        "every running step has its worker's slot"
    );
    let queued = world.state.ready().waiting().map(|(lane, found)| {
        let steps = found
            .tasks()
            .map(|(_, task)| world.state.ready_steps(task, lane).count());
        steps.sum::<usize>()
    });
    let enqueued = tasks
        .iter()
        .map(|id| world.task(*id).count(StepState::Enqueued));
    assert_eq!(
        queued.sum::<usize>(),
        enqueued.sum::<u32>() as usize,
        "what is ready is in a lane, once"
    );
}

fn check_counts(task: &Task) {
    use StepState::{
        Cancelled, Complete, Enqueued, Error, InProgress, Pending, ResolvedManually,
        WaitingForRetry,
    };
    for state in [
        Pending,
        Enqueued,
        InProgress,
        WaitingForRetry,
        Complete,
        Error,
        Cancelled,
        ResolvedManually,
    ] {
        let counted = task.steps.iter().filter(|step| step.state == state).count();
        assert_eq!(task.count(state) as usize, counted);
    }
}

fn check_step(world: &World, task: &Task, index: StepIndex) {
    let step = task.step(index);
    let ready = task.parents(index).all(|parent| task.is_done(parent));
    let held = task.is_failing_fast(step.node) && task.was_never_started(index);
    match step.state {
        StepState::Pending => assert!(!ready || held, "what is ready is not pending"),
        StepState::Enqueued => assert!(ready && !held, "what is not ready is not enqueued"),
        StepState::Cancelled => assert!(task.has_ended()),
        _ => assert!(ready, "nothing starts before its parents are done"),
    }
    if matches!(
        step.state,
        StepState::Enqueued | StepState::InProgress | StepState::WaitingForRetry
    ) {
        assert!(!task.has_ended(), "nothing is open in an ended task");
    }
    assert!(step.attempts <= task.max_attempts(index));
    assert_eq!(Some(index), task.find(step.uuid));
    let done = matches!(
        step.state,
        StepState::Complete | StepState::Cancelled | StepState::ResolvedManually
    );
    let reason =
        tasker_core::waiting::reason(&world.state, task, index, |time| time.0.to_string(), None);
    assert_eq!(
        reason.is_none(),
        done,
        "what is not done says why: {reason:?}"
    );
    assert_ne!(reason.as_deref(), Some(""));
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
            finish_one(&mut world, worker, &open, How::Succeed(0b11));
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
        assert!(task.is_settled(), "stranded: {status:?}");
        let failed = task.count(StepState::Error) > 0;
        match status {
            TaskStatus::BlockedByFailures => assert!(failed),
            TaskStatus::Error | TaskStatus::Cancelled => assert!(task.has_ended()),
            TaskStatus::Complete | TaskStatus::ResolvedManually => assert!(!failed),
            other => panic!("stranded: {other:?}"),
        }
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
            prop_assert_eq!(recovered.status(), task.status());
            for node in 0..task.graph.nodes.len() as u32 {
                prop_assert_eq!(recovered.fate(node), task.fate(node));
            }
        }
    }
}
