//! Whole workflows through `decide` and `evolve`: what workers are given, what they answer, what becomes of the task.

mod world;

use tasker_core::decide::{GRACE, RECOVERY_GRACE};
use tasker_core::event::Verdict;
use tasker_core::{Time, caution};
use tasker_protocol::api::{StepState, TaskStatus};
use world::World;

const LINEAR: &[(&str, &[&str])] = &[("a", &[]), ("b", &["a"]), ("c", &["b"])];

const SECOND: i64 = 1_000_000;

#[test]
fn a_chain_runs_step_by_step_and_each_outcome_dispatches_the_next() {
    let mut world = World::default();
    world.connect(1, 4);
    let task = world.create(LINEAR);
    for name in ["a", "b", "c"] {
        assert_eq!(world.running(1), [(task, name, 1)]);
        world.succeed(1, task, name, 1);
    }
    assert_eq!(world.task(task).status(), TaskStatus::Complete);
    assert_eq!(
        world.commits, 4,
        "one for the creation, one for each outcome"
    );
}

#[test]
fn parallel_branches_run_together_and_are_joined_once() {
    let mut world = World::default();
    world.connect(1, 4);
    let task = world.create(&[
        ("start", &[]),
        ("left", &["start"]),
        ("right", &["start"]),
        ("end", &["left", "right"]),
    ]);
    world.succeed(1, task, "start", 1);
    assert_eq!(world.running(1), [(task, "left", 1), (task, "right", 1)]);
    world.succeed(1, task, "right", 1);
    assert_eq!(world.running(1), [(task, "left", 1)]);
    world.succeed(1, task, "left", 1);
    assert_eq!(world.running(1), [(task, "end", 1)]);
}

#[test]
fn no_worker_is_given_more_than_its_slots_nor_what_it_cannot_run() {
    let mut world = World::default();
    world.connect(1, 1);
    world.connect_with(2, 8, "elsewhere", &["call.a"]);
    let first = world.create(LINEAR);
    let second = world.create(LINEAR);
    assert_eq!(world.running(1), [(first, "a", 1)]);
    assert!(world.running(2).is_empty());
    assert_eq!(
        world.reason(second, "a"),
        "no free slot (1 in use by worker-1)"
    );
    world.slots(1, 2);
    assert_eq!(world.running(1).len(), 2);
    world.slots(1, 0);
    world.succeed(1, first, "a", 1);
    assert_eq!(world.running(1), [(second, "a", 1)]);
}

#[test]
fn a_worker_that_is_not_ready_is_given_nothing_whatever_slots_it_offers() {
    let mut world = World::default();
    world.connect_unready(1);
    let task = world.create(LINEAR);
    world.slots(1, 8);
    assert_eq!(world.running(1), []);
    assert_eq!(
        world.reason(task, "a"),
        "no worker that is ready has callable call.a in namespace ns (worker-1 is not ready)"
    );
    // One that is ready and offers nothing: the unready one is none of the reasons.
    world.connect(2, 0);
    assert_eq!(
        world.reason(task, "a"),
        "no free slot (none offered by worker-2)"
    );
    world.slots(2, 1);
    assert_eq!(world.running(2), [(task, "a", 1)]);
}

#[test]
fn load_goes_to_the_worker_with_most_free_slots() {
    let mut world = World::default();
    world.connect(1, 4);
    world.connect(2, 4);
    for _ in 0..4 {
        world.create(&[("a", &[])]);
    }
    assert_eq!((world.running(1).len(), world.running(2).len()), (2, 2));
}

#[test]
fn higher_priority_goes_first_until_the_other_has_waited_longer() {
    let mut world = World::default();
    let old = world.create_with_priority(&[("a", &[])], 0);
    world.now.0 += 15 * SECOND;
    let urgent = world.create_with_priority(&[("a", &[])], 2);
    let later = world.create_with_priority(&[("a", &[])], 1);
    world.connect(1, 1);
    assert_eq!(world.running(1), [(urgent, "a", 1)]);
    world.succeed(1, urgent, "a", 1);
    assert_eq!(world.running(1), [(old, "a", 1)]);
    world.succeed(1, old, "a", 1);
    assert_eq!(world.running(1), [(later, "a", 1)]);
}

#[test]
fn a_retryable_failure_waits_for_its_backoff_and_no_longer() {
    let mut world = World::default();
    world.connect(1, 1);
    let task = world.create(LINEAR);
    world.now = Time(100 * SECOND);
    world.fail(1, task, "a", 1, true);
    let step = world.step(task, "a");
    assert_eq!(step.state, StepState::WaitingForRetry);
    assert_eq!(step.ready_at, Time(101 * SECOND));
    assert_eq!(world.state.next_timer(), Some(Time(101 * SECOND)));
    world.advance_to(Time(101 * SECOND - 1));
    assert!(world.running(1).is_empty());
    world.advance_to(Time(101 * SECOND));
    assert_eq!(world.running(1), [(task, "a", 2)]);
    world.fail(1, task, "a", 2, true);
    assert_eq!(world.step(task, "a").ready_at, Time(103 * SECOND));
    world.advance_to(Time(103 * SECOND));
    world.fail(1, task, "a", 3, true);
    assert_eq!(world.step(task, "a").state, StepState::Error);
    assert_eq!(world.task(task).status(), TaskStatus::BlockedByFailures);
    assert_eq!(world.reason(task, "b"), "blocked by the failure of a");
    assert_eq!(world.reason(task, "a"), "failed after 3 of 3 attempts");
    assert_eq!(world.state.next_timer(), None);
}

#[test]
fn retry_after_wins_over_the_backoff() {
    let mut world = World::default();
    world.connect(1, 1);
    let task = world.create(LINEAR);
    let verdict = Verdict::Failure {
        retryable: true,
        retry_after_ms: Some(90_000),
    };
    world.outcome(1, task, "a", 1, verdict);
    assert_eq!(
        world.step(task, "a").ready_at,
        Time(world.now.0 + 90 * SECOND)
    );
}

#[test]
fn a_permanent_failure_ends_the_step_and_what_does_not_depend_on_it_runs_on() {
    let mut world = World::default();
    world.connect(1, 4);
    let task = world.create(&[("a", &[]), ("b", &["a"]), ("x", &[]), ("y", &["x"])]);
    world.fail(1, task, "a", 1, false);
    assert_eq!(world.step(task, "a").state, StepState::Error);
    assert_eq!(world.task(task).status(), TaskStatus::StepsInProcess);
    world.succeed(1, task, "x", 1);
    world.succeed(1, task, "y", 1);
    assert_eq!(world.task(task).status(), TaskStatus::BlockedByFailures);
    assert_eq!(world.step(task, "b").state, StepState::Pending);
}

#[test]
fn a_lost_worker_is_given_half_a_second_and_then_its_step_runs_elsewhere() {
    let mut world = World::default();
    world.connect(1, 1);
    let task = world.create(LINEAR);
    world.disconnect(1, true);
    world.connect(2, 1);
    world.advance(GRACE - std::time::Duration::from_micros(1));
    assert!(world.running(2).is_empty());
    world.advance(std::time::Duration::from_micros(1));
    assert_eq!(world.running(2), [(task, "a", 2)]);
    assert_eq!(world.step(task, "a").undelivered, 0);
    assert!(world.running(1).is_empty());
}

#[test]
fn a_worker_that_returns_in_time_keeps_what_it_names_and_is_offered_the_rest_again() {
    let mut world = World::default();
    world.connect(1, 2);
    let named = world.create(&[("a", &[])]);
    let unnamed = world.create(&[("a", &[])]);
    world.disconnect(1, true);
    let running = vec![world.attempt(named, "a", 1)];
    let stale = world.reconnect(1, 2, running);
    assert_eq!(stale, []);
    assert_eq!(world.step(unnamed, "a").undelivered, 1);
    world.advance(caution::FIRST);
    assert_eq!(world.running(1), [(named, "a", 1), (unnamed, "a", 2)]);
    world.advance(GRACE);
    world.succeed(1, named, "a", 1);
    assert_eq!(world.task(named).status(), TaskStatus::Complete);
    assert_eq!(world.task(named).step(0).attempts, 1);
}

#[test]
fn a_worker_that_was_silent_or_leaves_has_no_grace() {
    let mut world = World::default();
    world.connect(1, 1);
    world.connect_with(2, 0, "ns", &["call.a"]);
    let task = world.create(&[("a", &[])]);
    world.slots(2, 1);
    world.disconnect(1, false);
    assert_eq!(world.running(2), [(task, "a", 2)]);
}

#[test]
fn a_worker_that_leaves_loses_what_it_names_and_never_started_the_rest() {
    let mut world = World::default();
    world.connect(1, 2);
    let running = world.create(&[("a", &[])]);
    let crossed = world.create(&[("a", &[])]);
    world.leave(1, vec![world.attempt(running, "a", 1)]);
    assert_eq!(world.step(running, "a").undelivered, 0);
    assert_eq!(world.step(crossed, "a").undelivered, 1);
    world.connect(2, 2);
    assert_eq!(world.running(2), [(running, "a", 2), (crossed, "a", 2)]);
}

#[test]
fn a_step_that_may_not_be_retried_ends_when_its_worker_is_lost() {
    let mut world = World::default();
    world.connect(1, 1);
    let task = world.create_from(
        "{name: n, namespace_name: ns, version: 1.0.0, steps: [{name: a, handler: {callable: call.a}, \
         retry: {retryable: false}}]}",
    );
    world.disconnect(1, false);
    assert_eq!(world.step(task, "a").state, StepState::Error);
    assert_eq!(world.task(task).status(), TaskStatus::BlockedByFailures);
}

#[test]
fn an_outcome_counts_only_for_the_open_attempt_of_its_own_worker() {
    let mut world = World::default();
    world.connect(1, 1);
    let task = world.create(LINEAR);
    world.disconnect(1, false);
    world.connect(2, 1);
    assert_eq!(world.running(2), [(task, "a", 2)]);
    world.reconnect(1, 1, vec![world.attempt(task, "a", 1)]);
    let before = world.records;
    world.succeed(1, task, "a", 1);
    world.succeed(1, task, "a", 2);
    world.succeed(2, task, "a", 7);
    world.succeed(1, task, "a", 1);
    assert_eq!(
        world.records,
        before + 1,
        "late, foreign, unknown, repeated: only the late one is added to the history"
    );
    assert_eq!(world.running(2), [(task, "a", 2)], "and nothing changes");
    assert_eq!(world.accepted.len(), 4, "each is answered all the same");
    world.succeed(2, task, "a", 2);
    world.succeed(2, task, "a", 2);
    assert_eq!(world.step(task, "b").attempts, 1);
    assert_eq!(world.accepted.len(), 6);
}

#[test]
fn an_attempt_that_was_handed_back_is_offered_again_and_counts_for_nothing() {
    let mut world = World::default();
    world.connect(1, 1);
    let task = world.create(&[("a", &[])]);
    world.slots(1, 0);
    world.return_attempt(1, task, "a", 1);
    assert_eq!(world.step(task, "a").state, StepState::Enqueued);
    world.slots(1, 1);
    world.advance(caution::FIRST);
    assert_eq!(world.running(1), [(task, "a", 2)]);
    assert_eq!(world.task(task).max_attempts(0), 4);
}

#[test]
fn a_recovered_engine_has_the_same_state_and_adopts_what_is_named_in_time() {
    let mut world = World::default();
    world.connect(1, 4);
    world.connect(2, 4);
    let kept = world.create(LINEAR);
    let lost = world.create(LINEAR);
    let waiting = world.create(LINEAR);
    assert_eq!(world.running(1), [(kept, "a", 1), (waiting, "a", 1)]);
    assert_eq!(world.running(2), [(lost, "a", 1)]);
    world.fail(1, waiting, "a", 1, true);

    let mut world = world.recover();
    assert_eq!(world.step(kept, "a").state, StepState::InProgress);
    assert_eq!(
        world.step(waiting, "a").state,
        StepState::WaitingForRetry,
        "the back-off survives"
    );
    let running = vec![world.attempt(kept, "a", 1), world.attempt(waiting, "a", 1)];
    let stale = world.reconnect(1, 4, running);
    assert_eq!(stale, [world.attempt(waiting, "a", 1)]);
    world.succeed(1, kept, "a", 1);
    assert_eq!(world.step(kept, "b").state, StepState::InProgress);
    world.advance(RECOVERY_GRACE);
    assert_eq!(
        world.step(lost, "a").attempts,
        2,
        "its worker did not return"
    );
    let running = world.running(1);
    assert!(running.iter().any(|open| *open == (lost, "a", 2)));
    assert!(running.iter().any(|open| *open == (waiting, "a", 2)));
}

#[test]
fn steps_without_a_worker_say_what_they_wait_for() {
    let mut world = World::default();
    let task = world.create(&[("a", &[]), ("b", &[]), ("c", &["a", "b"])]);
    assert_eq!(
        world.reason(task, "a"),
        "no connected worker has callable call.a in namespace ns"
    );
    assert_eq!(world.reason(task, "c"), "waits for a, b");
    world.connect(1, 2);
    assert_eq!(world.reason(task, "a"), "runs on worker-1 (attempt 1 of 3)");
}
