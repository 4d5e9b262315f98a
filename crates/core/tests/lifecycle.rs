//! How tasks end without success, and what people can do before that.

mod world;

use tasker_core::attempts::Attempts;
use tasker_core::operator::{Action, Refusal};
use tasker_core::outcome::{Invalid, Success};
use tasker_core::{Record, Time};
use tasker_protocol::api::{ExecutionStatus, StepState, TaskStatus};
use tasker_protocol::history::HistoryOutcome;
use uuid::Uuid;
use world::World;

const SECOND: i64 = 1_000_000;

const FORK: &str = "
    a: standard
    b: standard
    c: standard <- a
    e: standard <- b
";

#[test]
fn on_failure_fail_ends_the_task_with_its_first_error() {
    let mut world = World::default();
    world.connect(1, 2);
    let task = world.create_typed_with("on_failure: fail,", FORK);
    let commits = world.commits;
    world.fail(1, task, "a", 1, false);
    assert_eq!(world.commits, commits + 1, "in the commit of the error");
    assert_eq!(world.task(task).status(), TaskStatus::Error);
    assert_eq!(
        world.task(task).execution_status(),
        ExecutionStatus::BlockedByFailures
    );
    let states = ["a", "b", "c", "e"].map(|step| world.step(task, step).state);
    use StepState::{Cancelled, Error};
    assert_eq!(states, [Error, Cancelled, Cancelled, Cancelled]);
    assert_eq!(world.revoked, [world.attempt(task, "b", 1)]);
    assert!(world.task(task).has_ended() && world.task(task).is_settled());
    assert_eq!(
        world.act(task, "a", Action::Retry),
        Err(Refusal::Ended(TaskStatus::Error))
    );
}

#[test]
fn a_retryable_failure_does_not_end_a_task_that_fails_with_its_first_error() {
    let mut world = World::default();
    world.connect(1, 2);
    let task = world.create_typed_with("on_failure: fail,", FORK);
    world.fail(1, task, "a", 1, true);
    assert_eq!(world.task(task).status(), TaskStatus::StepsInProcess);
}

#[test]
fn several_steps_lost_with_one_worker_end_such_a_task_once() {
    let mut world = World::default();
    world.connect(1, 2);
    let task = world.create_typed_with(
        "on_failure: fail,",
        "a: standard | retry: {retryable: false}
         b: standard | retry: {retryable: false}",
    );
    world.disconnect(1, false);
    assert_eq!(world.task(task).status(), TaskStatus::Error);
    assert_eq!(world.step(task, "a").state, StepState::Error);
    assert_eq!(world.step(task, "b").state, StepState::Cancelled);
}

#[test]
fn a_task_that_took_too_long_ends_as_an_error_even_when_blocked() {
    let mut world = World::at(Time(0));
    world.connect(1, 3);
    let fields = "lifecycle: {max_duration_seconds: 10},";
    let running = world.create_typed_with(fields, FORK);
    let blocked = world.create_typed_with(fields, "f: standard");
    world.succeed(1, running, "a", 1);
    world.succeed(1, running, "b", 1);
    world.fail(1, blocked, "f", 1, false);
    let done = world.create_typed_with(fields, "g: standard");
    world.succeed(1, running, "c", 1);
    world.finish_all(1);
    assert_eq!(world.task(done).status(), TaskStatus::Complete);
    let running = world.create_typed_with(fields, FORK);
    world.advance_to(Time(10 * SECOND - 1));
    assert_eq!(world.task(blocked).status(), TaskStatus::BlockedByFailures);
    world.advance_to(Time(10 * SECOND));
    assert_eq!(world.task(blocked).status(), TaskStatus::Error);
    assert_eq!(world.step(blocked, "f").state, StepState::Error);
    assert_eq!(world.task(running).status(), TaskStatus::Error);
    assert_eq!(world.step(running, "a").state, StepState::Cancelled);
    assert_eq!(world.task(done).status(), TaskStatus::Complete);
    assert_eq!(world.state.next_timer(), None);
}

#[test]
fn cancelling_ends_everything_that_is_open_and_only_once() {
    let mut world = World::default();
    world.connect(1, 1);
    let task = world.create_typed(
        "
        a: standard
        d: decision <- a
        l: standard <- d
        r: standard <- d
        ",
    );
    world.succeed(1, task, "a", 1);
    world.cancel(task).expect("cancelled");
    assert_eq!(world.task(task).status(), TaskStatus::Cancelled);
    assert_eq!(world.names(task), ["a", "d"], "none is created any more");
    assert_eq!(world.step(task, "a").state, StepState::Complete);
    assert_eq!(world.step(task, "d").state, StepState::Cancelled);
    assert_eq!(world.revoked, [world.attempt(task, "d", 1)]);
    assert_eq!(
        world.cancel(task),
        Err(Refusal::Ended(TaskStatus::Cancelled))
    );
    world.choose(1, task, "d", &["l"]);
    assert_eq!(world.names(task), ["a", "d"]);
    let world = world.recover();
    assert_eq!(world.task(task).status(), TaskStatus::Cancelled);
}

#[test]
fn a_blocked_task_can_be_retried_and_goes_on_to_its_end() {
    let mut world = World::at(Time(0));
    world.connect(1, 1);
    let task = world.create(&[("a", &[]), ("b", &["a"])]);
    for attempt in 1..=3 {
        world.fail(1, task, "a", attempt, true);
        let due = world.step(task, "a").ready_at;
        world.advance_to(due);
    }
    assert_eq!(world.task(task).status(), TaskStatus::BlockedByFailures);
    assert_eq!(world.task(task).max_attempts(0), 3);
    world.act(task, "a", Action::Retry).expect("retried");
    assert_eq!(world.running(1), [(task, "a", 4)]);
    assert_eq!(world.task(task).max_attempts(0), 6);
    let now = world.now;
    world.fail(1, task, "a", 4, true);
    assert_eq!(
        world.step(task, "a").ready_at,
        Time(now.0 + SECOND),
        "the back-off starts anew"
    );
    world.act(task, "a", Action::Retry).expect("now");
    assert_eq!(world.running(1), [(task, "a", 5)]);
    assert_eq!(world.task(task).max_attempts(0), 7);
    world.finish_all(1);
    assert_eq!(world.task(task).status(), TaskStatus::Complete);
    let attempts = world.step(task, "a").attempts;
    let world = world.recover();
    assert_eq!(world.step(task, "a").attempts, attempts);
}

#[test]
fn a_step_that_is_not_retryable_gets_one_attempt_more() {
    let mut world = World::default();
    world.connect(1, 1);
    let task = world.create_typed("a: standard | retry: {retryable: false}");
    world.fail(1, task, "a", 1, true);
    assert_eq!(world.step(task, "a").state, StepState::Error);
    world.act(task, "a", Action::Retry).expect("retried");
    assert_eq!(world.task(task).max_attempts(0), 2);
    world.fail(1, task, "a", 2, true);
    assert_eq!(world.step(task, "a").state, StepState::Error);
}

#[test]
fn an_operator_acts_only_on_what_failed() {
    let mut world = World::default();
    world.connect(1, 1);
    let task = world.create(&[("a", &[]), ("b", &["a"])]);
    let state = |state| Err(Refusal::State(state));
    assert_eq!(
        world.act(task, "a", Action::Retry),
        state(StepState::InProgress)
    );
    assert_eq!(
        world.act(task, "b", Action::Resolve),
        state(StepState::Pending)
    );
    world.fail(1, task, "a", 1, true);
    let branches = Success {
        create_steps: Some(vec![]),
        batches: None,
    };
    assert_eq!(
        world.act(task, "a", Action::Complete(branches)),
        Err(Refusal::Invalid(Invalid::UnexpectedBranches))
    );
    world
        .act(task, "a", Action::Complete(Success::default()))
        .expect("completed while it waits");
    assert_eq!(world.step(task, "a").state, StepState::ResolvedManually);
    assert_eq!(world.running(1), [(task, "b", 1)]);
    world.succeed(1, task, "b", 1);
    assert_eq!(world.task(task).status(), TaskStatus::ResolvedManually);
    assert_eq!(
        world.task(task).execution_status(),
        ExecutionStatus::AllComplete
    );
    assert_eq!(world.state.next_timer(), None);
}

#[test]
fn an_outcome_after_the_tasks_time_ends_it_as_an_error_before_any_timer_fires() {
    let mut world = World::at(Time(0));
    world.connect(1, 4);
    let fields = "lifecycle: {max_duration_seconds: 3},";
    let last = world.create_typed_with(fields, "a: standard");
    let failed = world.create_typed_with(fields, "a: standard");
    let forked = world.create_typed_with(fields, "a: standard\n b: standard");

    // PostgreSQL is silent: outcomes come, and no timer fires.
    world.now = Time(5 * SECOND);
    world.succeed(1, last, "a", 1);
    world.fail(1, failed, "a", 1, true);
    world.succeed(1, forked, "a", 1);
    for task in [last, failed, forked] {
        assert_eq!(world.task(task).status(), TaskStatus::Error);
        assert_eq!(world.task(task).ended_at, Some(Time(5 * SECOND)));
        assert_eq!(world.step(task, "a").state, StepState::Cancelled);
        assert!(
            world.step(task, "a").unreported.is_empty(),
            "it is in the history"
        );
    }
    assert_eq!(world.revoked, [world.attempt(forked, "b", 1)]);
    assert_eq!(world.accepted.len(), 3);
    world.succeed(1, forked, "b", 1);
    assert!(world.step(forked, "b").unreported.is_empty());
    assert_eq!(world.state.next_timer(), None);
}

#[test]
fn an_outcome_within_the_tasks_time_counts_and_one_at_its_end_does_not() {
    for (at, status) in [
        (3 * SECOND - 1, TaskStatus::Complete),
        (3 * SECOND, TaskStatus::Error),
    ] {
        let mut world = World::at(Time(0));
        world.connect(1, 1);
        let task = world.create_typed_with("lifecycle: {max_duration_seconds: 3},", "a: standard");
        world.now = Time(at);
        world.succeed(1, task, "a", 1);
        assert_eq!(world.task(task).status(), status);
    }
}

#[test]
fn nothing_can_be_done_to_a_task_whose_time_is_over_before_any_timer_fires() {
    let mut world = World::at(Time(0));
    world.connect(1, 1);
    let task = world.create_typed_with("lifecycle: {max_duration_seconds: 3},", "a: standard");
    world.fail(1, task, "a", 1, false);
    world.now = Time(3 * SECOND);
    let ended = Err(Refusal::Ended(TaskStatus::Error));
    for action in [
        Action::Retry,
        Action::Resolve,
        Action::Complete(Success::default()),
    ] {
        assert_eq!(world.act(task, "a", action), ended);
    }
    assert_eq!(world.cancel(task), ended);
    world.advance_to(world.now);
    assert_eq!(world.task(task).status(), TaskStatus::Error);
}

#[test]
fn what_a_handler_logged_comes_with_its_outcome_whenever_its_task_was_ended() {
    let (step, attempt) = (0, 1);
    let mut world = World::at(Time(0));
    let created = world.create_typed_with("lifecycle: {max_duration_seconds: 3},", "a: standard");
    let created = world.task(created).clone();
    let started = Record::Started {
        step,
        attempt,
        at: Time(SECOND),
        instance: Uuid::nil(),
        worker_id: "worker-1".into(),
    };
    let at = Time(5 * SECOND);
    let expired = Record::Expired { at };
    let logged = Record::Logged { step, attempt, at };
    let lines = r#"[{"at": "2026-01-05T09:30:00Z", "level": "info", "message": "paid"}]"#;
    let late = Record::Late {
        step,
        attempt,
        at,
        success: true,
    };
    // By its timer, which was first, or by the outcome itself.
    for ended in [[&expired, &logged], [&logged, &expired]] {
        let mut history = Attempts::new(created.clone(), step, true);
        history.add(&started, &[]);
        for record in ended {
            history.add(record, &[lines]);
        }
        history.add(&late, &["{}"]);
        let told = history.entries().into_iter().map(|entry| {
            let lines = entry.logs.unwrap_or_default().into_iter();
            let messages: Vec<String> = lines.map(|line| line.message).collect();
            (entry.outcome, messages.join(", "))
        });
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                (Some(HistoryOutcome::Cancelled), String::new()),
                (Some(HistoryOutcome::Late), "paid".to_owned()),
            ]
        );
    }
}
