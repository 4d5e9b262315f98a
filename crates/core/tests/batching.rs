//! Batchable steps and their batches: made from one record, run side by side, joined once.

mod world;

use tasker_core::operator::Action;
use tasker_core::outcome::{Invalid, Success};
use tasker_core::payload::Look;
use tasker_core::task::Ending;
use tasker_core::texts::{Request, TaskTexts};
use tasker_core::{TaskId, caution};
use tasker_protocol::api::{StepState, TaskStatus};
use tasker_protocol::json_null;
use world::World;

const CSV: &str = "
    a: batchable
    b: batch_worker <- a
    c: deferred_convergence <- b
";

const FAIL_FAST: &str = "
    a: batchable
    b: batch_worker <- a | batch_config: {failure_strategy: fail_fast}
    c: deferred_convergence <- b
";

fn split(template: &str, batches: u64, slots: u32) -> (World, TaskId) {
    let mut world = World::default();
    world.connect(1, slots);
    let task = world.create_typed(template);
    world.split(1, task, "a", batches);
    (world, task)
}

#[test]
fn batches_are_made_from_one_record_and_joined_when_all_are_done() {
    let (mut world, task) = split(CSV, 5, 8);
    assert_eq!(
        world.names(task),
        ["a", "b_001", "b_002", "b_003", "b_004", "b_005", "c"]
    );
    assert_eq!(world.parents(task, "b_003"), ["a"]);
    assert_eq!(world.parents(task, "c"), ["b"]);
    assert_eq!(world.step(task, "b_003").batch, 3);
    for name in ["b_005", "b_001", "b_002", "b_004"] {
        world.succeed(1, task, name, 1);
    }
    assert_eq!(world.reason(task, "c"), "waits for b");
    world.succeed(1, task, "b_003", 1);
    assert_eq!(world.running(1), [(task, "c", 1)]);
    world.succeed(1, task, "c", 1);
    assert_eq!(world.task(task).status(), TaskStatus::Complete);
}

#[test]
fn a_dispatch_says_which_of_the_results_are_those_of_batches() {
    let counted = |batches: u64| {
        let (mut world, task) = split(CSV, batches, 8);
        world.finish_all(1);
        let convergence = world.index(task, "c");
        let texts = TaskTexts::new(Request::default(), json_null());
        let look = Look::new(&texts);
        look.dispatch(world.task(task), convergence, 1).batches
    };
    assert_eq!(counted(5), [("b".to_owned(), 5)].into());
    assert_eq!(counted(0), [("b".to_owned(), 0)].into());
}

#[test]
fn the_width_of_the_numbers_is_that_of_the_count() {
    let (world, task) = split(CSV, 1000, 1);
    let names = world.names(task);
    assert_eq!(
        (names[1].as_str(), names[1000].as_str()),
        ("b_0001", "b_1000")
    );
    let (world, task) = split(CSV, 999, 1);
    assert_eq!(world.names(task)[1], "b_001");
}

#[test]
fn no_batches_at_all_still_run_the_convergence() {
    let (mut world, task) = split(CSV, 0, 1);
    assert_eq!(world.names(task), ["a", "c"]);
    assert_eq!(world.parents(task, "c"), ["b"]);
    assert_eq!(world.running(1), [(task, "c", 1)]);
    world.succeed(1, task, "c", 1);
    assert_eq!(world.task(task).status(), TaskStatus::Complete);
}

#[test]
fn too_many_batches_or_none_said_fail_the_step_for_good() {
    let (world, task) = split(CSV, 100_001, 1);
    let too_many = Some(Ending::Rejected(Invalid::TooManyBatches(100_001)));
    assert_eq!(world.step(task, "a").last, too_many);
    assert_eq!(world.task(task).status(), TaskStatus::BlockedByFailures);
    let mut world = World::default();
    world.connect(1, 1);
    let task = world.create_typed(CSV);
    world.succeed(1, task, "a", 1);
    let missing = Some(Ending::Rejected(Invalid::MissingBatches));
    assert_eq!(world.step(task, "a").last, missing);
}

#[test]
fn when_one_batch_fails_the_others_run_on_and_then_the_task_is_blocked() {
    let (mut world, task) = split(CSV, 4, 2);
    world.fail(1, task, "b_001", 1, false);
    assert_eq!(world.task(task).status(), TaskStatus::StepsInProcess);
    world.finish_all(1);
    assert_eq!(world.task(task).count(StepState::Complete), 4);
    assert_eq!(world.task(task).status(), TaskStatus::BlockedByFailures);
    assert_eq!(world.reason(task, "c"), "blocked by the failure of b_001");
    world.act(task, "b_001", Action::Retry).expect("retried");
    world.finish_all(1);
    assert_eq!(world.task(task).status(), TaskStatus::Complete);
}

#[test]
fn fail_fast_keeps_back_what_was_never_started_until_no_batch_is_in_error() {
    let (mut world, task) = split(FAIL_FAST, 5, 3);
    world.fail(1, task, "b_003", 1, true);
    assert_eq!(world.step(task, "b_003").state, StepState::WaitingForRetry);
    assert_eq!(world.running(1).len(), 3, "b_004 has its slot");
    world.fail(1, task, "b_002", 1, false);
    assert_eq!(world.step(task, "b_005").state, StepState::Pending);
    assert_eq!(
        world.reason(task, "b_005"),
        "fail_fast after batch 2: b_002 is in error"
    );
    assert_eq!(world.running(1), [(task, "b_001", 1), (task, "b_004", 1)]);
    assert_eq!(
        world.step(task, "b_003").state,
        StepState::WaitingForRetry,
        "what is in back-off goes on"
    );
    let due = world.step(task, "b_003").ready_at;
    world.advance_to(due);
    world.finish_all(1);
    assert_eq!(world.task(task).count(StepState::Complete), 4);
    assert_eq!(world.task(task).status(), TaskStatus::BlockedByFailures);
    world.act(task, "b_002", Action::Resolve).expect("resolved");
    assert_eq!(world.running(1), [(task, "b_005", 1)]);
    world.finish_all(1);
    assert_eq!(world.task(task).status(), TaskStatus::ResolvedManually);
}

#[test]
fn a_retried_batch_runs_while_another_is_in_error_and_the_rest_waits() {
    let (mut world, task) = split(FAIL_FAST, 4, 2);
    world.fail(1, task, "b_001", 1, false);
    world.fail(1, task, "b_002", 1, false);
    assert!(world.running(1).is_empty());
    world.act(task, "b_001", Action::Retry).expect("retried");
    assert_eq!(world.running(1), [(task, "b_001", 2)]);
    assert_eq!(world.step(task, "b_003").state, StepState::Pending);
    world.act(task, "b_002", Action::Retry).expect("retried");
    assert_eq!(world.step(task, "b_003").state, StepState::Enqueued);
    world.finish_all(1);
    assert_eq!(world.task(task).status(), TaskStatus::Complete);
}

#[test]
fn a_batch_that_was_given_out_but_never_started_waits_too_when_it_comes_back() {
    let (mut world, task) = split(FAIL_FAST, 3, 2);
    world.fail(1, task, "b_001", 1, false);
    world.return_attempt(1, task, "b_002", 1);
    assert_eq!(world.step(task, "b_002").state, StepState::Pending);
    assert!(world.running(1).is_empty());
    world.advance(caution::FIRST);
    world.act(task, "b_001", Action::Resolve).expect("resolved");
    assert_eq!(world.running(1), [(task, "b_002", 2), (task, "b_003", 1)]);
}

#[test]
fn batches_behind_a_decision_are_absent_with_it() {
    let mut world = World::default();
    world.connect(1, 8);
    let task = world.create_typed(
        "
        d: decision
        a: batchable <- d
        b: batch_worker <- a
        e: standard <- d
        z: deferred_convergence <- b, e
        ",
    );
    world.choose(1, task, "d", &["e"]);
    assert_eq!(world.names(task), ["d", "e", "z"]);
    assert_eq!(world.parents(task, "z"), ["e"]);
    world.finish_all(1);
    assert_eq!(world.task(task).status(), TaskStatus::Complete);
}

#[test]
fn a_failed_batchable_step_is_resolved_without_batches_or_completed_with_some() {
    let fail = || {
        let mut world = World::default();
        world.connect(1, 8);
        let task = world.create_typed(CSV);
        world.fail(1, task, "a", 1, false);
        (world, task)
    };
    let (mut world, task) = fail();
    world.act(task, "a", Action::Resolve).expect("resolved");
    assert_eq!(world.names(task), ["a", "c"]);
    let (mut world, task) = fail();
    let two = Success {
        create_steps: None,
        batches: Some(2),
    };
    world
        .act(task, "a", Action::Complete(two))
        .expect("completed");
    assert_eq!(world.names(task), ["a", "b_001", "b_002", "c"]);
}

#[test]
fn recovery_makes_the_same_batches_from_the_one_record() {
    let (mut world, task) = split(FAIL_FAST, 300, 2);
    world.fail(1, task, "b_001", 1, false);
    let before = world.task(task).steps.clone();
    let world = world.recover();
    assert_eq!(world.task(task).steps, before);
    assert_eq!(world.step(task, "b_300").state, StepState::Pending);
}
