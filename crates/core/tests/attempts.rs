//! Attempts: time-outs, late outcomes, slots of what the engine ended, worker loss and frozen engines.

mod world;

use std::time::Duration;

use tasker_core::decide::{GRACE, RECOVERY_GRACE};
use tasker_core::event::Verdict;
use tasker_core::task::{Ending, Given};
use tasker_core::{Event, Time};
use tasker_protocol::api::{StepState, TaskStatus};
use world::World;

const SECOND: i64 = 1_000_000;

const TIMED: &str =
    "a: standard | timeout_seconds: 5, retry: {max_attempts: 2, backoff_base_ms: 1000}";

fn given(worker: u64, attempt: u32) -> Given {
    Given {
        worker_id: format!("worker-{worker}").into(),
        attempt,
    }
}

#[test]
fn an_attempt_ends_a_second_after_its_time_out_and_is_retried_with_back_off() {
    let mut world = World::at(Time(0));
    world.connect(1, 1);
    let task = world.create_typed(TIMED);
    world.advance_to(Time(6 * SECOND - 1));
    assert_eq!(world.step(task, "a").state, StepState::InProgress);
    world.advance_to(Time(6 * SECOND));
    let step = world.step(task, "a");
    assert_eq!(step.state, StepState::WaitingForRetry);
    assert_eq!(step.last, Some(Ending::TimedOut(given(1, 1))));
    assert_eq!(step.ready_at, Time(7 * SECOND));
    assert_eq!(world.revoked, [world.attempt(task, "a", 1)]);
    world.slots(1, 1);
    world.advance_to(Time(7 * SECOND));
    assert_eq!(world.running(1), [(task, "a", 2)]);
    world.advance_to(Time(13 * SECOND));
    assert_eq!(world.step(task, "a").state, StepState::Error);
    assert_eq!(world.task(task).status(), TaskStatus::BlockedByFailures);
}

#[test]
fn the_time_out_of_what_no_worker_could_be_given_yet_counts_from_when_it_is_given() {
    let mut world = World::at(Time(0));
    world.connect(1, 1);
    let task = world.create_typed(TIMED);
    let (step, attempt) = (0, 1);
    world.happen(Event::Delayed {
        task,
        step,
        attempt,
    });
    world.advance_to(Time(100 * SECOND));
    assert_eq!(world.step(task, "a").state, StepState::InProgress);
    for attempt in [1, 2] {
        // Only that of the attempt that is open.
        world.happen(Event::Given {
            task,
            step,
            attempt,
        });
        world.now = Time(101 * SECOND);
    }
    world.advance_to(Time(106 * SECOND - 1));
    assert_eq!(world.step(task, "a").state, StepState::InProgress);
    world.advance_to(Time(106 * SECOND));
    let ending = Ending::TimedOut(given(1, 1));
    assert_eq!(world.step(task, "a").last, Some(ending));
}

#[test]
fn what_the_engine_ended_keeps_its_slot_until_the_worker_says_more() {
    let mut world = World::at(Time(0));
    world.connect(1, 1);
    let task = world.create_typed(TIMED);
    let other = world.create(&[("b", &[])]);
    world.advance_to(Time(6 * SECOND));
    assert!(world.running(1).is_empty(), "its handler may still run");
    assert_eq!(
        world.reason(other, "b"),
        "no free slot (1 in use by worker-1)"
    );
    world.fail(1, task, "a", 1, true);
    assert_eq!(
        world.running(1),
        [(other, "b", 1)],
        "the late outcome frees it"
    );

    let mut world = World::at(Time(0));
    world.connect(1, 1);
    let task = world.create_typed(TIMED);
    let other = world.create(&[("b", &[])]);
    world.cancel(task).expect("cancelled");
    assert!(world.running(1).is_empty());
    world.slots(1, 1);
    assert_eq!(
        world.running(1),
        [(other, "b", 1)],
        "and so does a later `ready`"
    );
}

#[test]
fn a_late_outcome_is_added_once_to_the_history_and_changes_nothing() {
    let mut world = World::at(Time(0));
    world.connect(1, 2);
    let task = world.create_typed(TIMED);
    world.advance_to(Time(6 * SECOND));
    let records = world.task(task).records;
    world.succeed(1, task, "a", 1);
    world.succeed(1, task, "a", 1);
    assert_eq!(world.task(task).records, records + 1);
    assert_eq!(world.step(task, "a").state, StepState::WaitingForRetry);
    assert_eq!(world.accepted.len(), 2);
}

#[test]
fn an_outcome_after_a_cancellation_is_late() {
    let mut world = World::default();
    world.connect(1, 2);
    let task = world.create(&[("a", &[]), ("b", &["a"])]);
    world.cancel(task).expect("cancelled");
    let (records, ended_at) = (world.task(task).records, world.now);
    world.now.0 += SECOND;
    world.succeed(1, task, "a", 1);
    assert_eq!(world.task(task).ended_at, Some(ended_at));
    assert_eq!(world.task(task).records, records + 1);
    assert_eq!(world.task(task).status(), TaskStatus::Cancelled);
    assert_eq!(world.step(task, "a").state, StepState::Cancelled);
    assert_eq!(world.step(task, "b").state, StepState::Cancelled);
}

#[test]
fn a_worker_that_holds_what_is_not_open_has_a_slot_less() {
    let mut world = World::default();
    world.connect(1, 2);
    let task = world.create(&[("a", &[])]);
    world.disconnect(1, true);
    world.cancel(task).expect("cancelled");
    let held = world.attempt(task, "a", 1);
    assert_eq!(
        world.reconnect(1, 2, vec![held]),
        [held],
        "it is told to stop"
    );
    for _ in 0..2 {
        world.create(&[("b", &[])]);
    }
    assert_eq!(world.running(1).len(), 1);
    world.succeed(1, task, "a", 1);
    assert_eq!(world.running(1).len(), 2);
}

#[test]
fn what_one_worker_lost_is_told_of_that_worker_while_another_runs_the_step() {
    let mut world = World::at(Time(0));
    world.connect(1, 1);
    let task = world.create(&[("a", &[])]);
    world.connect(2, 1);
    world.disconnect(1, false);
    let grace = GRACE.as_micros() as i64;
    world.advance_to(Time(grace));
    assert_eq!(world.running(2), [(task, "a", 2)]);
    let step = world.step(task, "a");
    assert_eq!(step.state, StepState::InProgress);
    assert_eq!(step.last, Some(Ending::Lost(given(1, 1))));
}

#[test]
fn a_frozen_engine_gives_nobody_up() {
    let mut world = World::at(Time(0));
    world.connect(1, 1);
    world.connect(2, 1);
    let task = world.create_typed(TIMED);
    let other = world.create(&[("b", &[])]);
    assert_eq!(world.running(2), [(other, "b", 1)]);
    world.disconnect(2, true);
    world.freeze(Duration::from_secs(60));
    assert_eq!(world.step(task, "a").state, StepState::InProgress);
    assert_eq!(world.step(other, "b").state, StepState::InProgress);
    let grace = GRACE.as_micros() as i64;
    world.advance_to(Time(60 * SECOND + grace - 1));
    assert_eq!(world.step(other, "b").state, StepState::InProgress);
    world.advance_to(Time(60 * SECOND + grace));
    let lost = Some(Ending::Lost(given(2, 1)));
    assert_eq!(world.step(other, "b").last, lost);
    world.advance_to(Time(66 * SECOND - 1));
    assert_eq!(world.step(task, "a").state, StepState::InProgress);
    world.advance_to(Time(66 * SECOND));
    let timed_out = Some(Ending::TimedOut(given(1, 1)));
    assert_eq!(world.step(task, "a").last, timed_out);
}

#[test]
fn a_back_off_and_a_duration_do_not_wait_for_a_frozen_engine() {
    let mut world = World::at(Time(0));
    world.connect(1, 2);
    let task = world.create(&[("a", &[])]);
    let bounded = world.create_typed_with("lifecycle: {max_duration_seconds: 10},", "b: standard");
    world.fail(1, task, "a", 1, true);
    world.freeze(Duration::from_secs(60));
    assert_eq!(world.running(1), [(task, "a", 2)]);
    assert_eq!(world.task(bounded).status(), TaskStatus::Error);
}

#[test]
fn a_time_out_that_passed_while_the_engine_was_down_waits_for_the_worker() {
    let mut world = World::at(Time(0));
    world.connect(1, 1);
    let task = world.create_typed(TIMED);
    world.now = Time(30 * SECOND);
    let mut world = world.recover();
    let named = world.attempt(task, "a", 1);
    world.advance(RECOVERY_GRACE - Duration::from_millis(1));
    assert!(world.reconnect(1, 1, vec![named]).is_empty(), "adopted");
    world.advance(Duration::from_millis(500));
    world.succeed(1, task, "a", 1);
    assert_eq!(world.task(task).status(), TaskStatus::Complete);
}

#[test]
fn a_time_out_and_the_loss_of_the_worker_at_once_end_the_attempt_once() {
    let mut world = World::at(Time(0));
    world.connect(1, 1);
    let task = world.create_typed(TIMED);
    world.now = Time(6 * SECOND - GRACE.as_micros() as i64);
    world.disconnect(1, true);
    let records = world.task(task).records;
    world.advance_to(Time(6 * SECOND));
    assert_eq!(world.task(task).records, records + 1);
    assert_eq!(world.step(task, "a").attempts, 1);
    assert!(world.state.workers().iter().next().is_none());
}

#[test]
fn the_times_between_attempts_are_those_of_each_kind_of_back_off() {
    let waits = |backoff: &str| {
        let mut world = World::at(Time(0));
        world.connect(1, 1);
        let task = world.create_typed(&format!(
            "a: standard | retry: {{max_attempts: 7, backoff: {backoff}, backoff_base_ms: 100, max_backoff_ms: 450}}"
        ));
        let mut waits = Vec::new();
        for attempt in 1..=6 {
            assert_eq!(world.running(1), [(task, "a", attempt)]);
            let failed_at = world.now;
            world.fail(1, task, "a", attempt, true);
            if let Some(due) = world.state.next_timer() {
                world.advance_to(Time(due.0 - 1));
                assert!(world.running(1).is_empty(), "not a microsecond early");
                world.advance_to(due);
            }
            let started_at = world.step(task, "a").attempt_at.expect("it started again");
            waits.push(started_at.since(failed_at).as_millis());
        }
        world.fail(1, task, "a", 7, true);
        assert_eq!(world.step(task, "a").state, StepState::Error);
        waits
    };
    assert_eq!(waits("none"), [0, 0, 0, 0, 0, 0]);
    assert_eq!(waits("linear"), [100, 200, 300, 400, 450, 450]);
    assert_eq!(waits("exponential"), [100, 200, 400, 450, 450, 450]);
    assert_eq!(waits("fibonacci"), [100, 100, 200, 300, 450, 450]);
}

#[test]
fn retry_after_is_neither_capped_nor_shortened_nor_made_random() {
    let mut world = World::at(Time(0));
    world.random = u64::MAX;
    world.connect(1, 1);
    let task = world.create_typed("a: standard | retry: {max_backoff_ms: 1000}");
    for (attempt, millis) in [(1, 90_000), (2, 1)] {
        let now = world.now;
        let verdict = Verdict::Failure {
            retryable: true,
            retry_after_ms: Some(millis),
        };
        world.outcome(1, task, "a", attempt, verdict);
        let due = world.step(task, "a").ready_at;
        assert_eq!(due, Time(now.0 + millis as i64 * 1000));
        world.advance_to(due);
    }
}

#[test]
fn workers_of_an_engine_that_is_cut_off_keep_their_attempts_until_they_can_come_back() {
    let mut world = World::at(Time(0));
    world.connect(1, 1);
    world.connect(2, 1);
    let named = world.create(&[("a", &[])]);
    let unnamed = world.create(&[("a", &[])]);
    let waiting = world.create(&[("a", &[])]);
    assert_eq!(world.running(1), [(named, "a", 1)]);
    world.disconnect(2, true);
    world.happen(Event::CutOff);
    assert_eq!(world.step(waiting, "a").attempts, 0, "nobody is there");
    // However long that takes, and also of the one whose connection had broken just before.
    world.now = Time(60 * SECOND);
    assert_eq!(world.state.next_timer(), None);
    let gap = Duration::from_secs(60);
    world.happen(Event::Frozen { gap });
    world.happen(Event::Recovered);
    world.advance(RECOVERY_GRACE - Duration::from_micros(1));
    let attempt = world.attempt(named, "a", 1);
    assert_eq!(world.reconnect(1, 2, vec![attempt]), []);
    assert_eq!(world.running(1), [(named, "a", 1), (waiting, "a", 1)]);
    world.advance(Duration::from_micros(1));
    assert_eq!(world.step(unnamed, "a").unreported, [1], "it did not come");
    world.succeed(1, named, "a", 1);
    assert_eq!(world.task(named).status(), TaskStatus::Complete);
}
