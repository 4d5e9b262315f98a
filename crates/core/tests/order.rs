//! Which step goes first: priorities that age by whole ten seconds, and turns among equals.

mod world;

use tasker_core::{TaskId, Time};
use world::World;

const SECOND: i64 = 1_000_000;

const ONE: &[(&str, &[&str])] = &[("a", &[])];

const CHAIN: &[(&str, &[&str])] = &[("a", &[]), ("b", &["a"]), ("c", &["b"])];

/// Lets one worker with one slot run everything that waits; the tasks in the order in which they were served.
fn served(world: &mut World) -> Vec<TaskId> {
    let mut order = Vec::new();
    while let Some(open) = world.running(1).into_iter().next() {
        order.push(open.task);
        world.now.0 += 1;
        world.succeed(1, open.task, &open.step, open.attempt);
    }
    order
}

#[test]
fn higher_priority_goes_first() {
    let mut world = World::default();
    let low = world.create_with_priority(ONE, -5);
    let plain = world.create_with_priority(ONE, 0);
    let high = world.create_with_priority(ONE, 100);
    world.connect(1, 1);
    assert_eq!(served(&mut world), [high, plain, low]);
}

#[test]
fn ageing_counts_full_ten_seconds_only() {
    let mut world = World::at(Time(0));
    let old = world.create(ONE);
    world.now = Time(10 * SECOND - 1);
    let urgent = world.create_with_priority(ONE, 1);
    world.connect(1, 1);
    assert_eq!(served(&mut world), [urgent, old]);

    let mut world = World::at(Time(0));
    let old = world.create(ONE);
    world.now = Time(10 * SECOND);
    let urgent = world.create_with_priority(ONE, 1);
    world.connect(1, 1);
    assert_eq!(
        served(&mut world),
        [old, urgent],
        "equals: the one that waits longer"
    );
}

#[test]
fn among_equals_tasks_take_turns_each_with_its_oldest_step() {
    let wide: &[(&str, &[&str])] = &[("a", &[]), ("b", &[]), ("c", &[])];
    let mut world = World::default();
    let first = world.create(wide);
    let second = world.create(wide);
    let third = world.create(ONE);
    world.connect(1, 1);
    assert_eq!(
        served(&mut world),
        [first, second, third, first, second, first, second]
    );
}

#[test]
fn turns_are_taken_within_one_round_too_and_across_callables() {
    let wide: &[(&str, &[&str])] = &[("a", &[]), ("b", &[]), ("c", &[]), ("d", &[])];
    let mut world = World::default();
    let first = world.create(wide);
    let second = world.create(wide);
    world.connect(1, 4);
    let running = world.running(1);
    let of = |task| running.iter().filter(|open| open.task == task).count();
    assert_eq!((of(first), of(second)), (2, 2));
}

#[test]
fn a_large_batch_that_is_served_never_ages_past_a_new_task() {
    let mut world = World::at(Time(0));
    world.connect(1, 1);
    let large = world.create_typed(
        "
        a: batchable
        b: batch_worker <- a
        c: deferred_convergence <- b
        ",
    );
    world.split(1, large, "a", 1000);
    for batch in 1..=20 {
        world.now.0 += 5 * SECOND;
        world.succeed(1, large, &format!("b_{batch:04}"), 1);
    }
    world.now.0 += 5 * SECOND;
    let new = world.create(ONE);
    world.succeed(1, large, "b_0021", 1);
    assert_eq!(
        world.running(1),
        [(large, "b_0022", 1)],
        "its turn once more"
    );
    world.now.0 += 5 * SECOND;
    world.succeed(1, large, "b_0022", 1);
    assert_eq!(world.running(1), [(new, "a", 1)]);
    world.succeed(1, new, "a", 1);
    assert_eq!(world.running(1), [(large, "b_0023", 1)]);
}

#[test]
fn a_task_that_is_not_served_ages_past_others() {
    let mut world = World::at(Time(0));
    world.connect(1, 1);
    let busy = world.create_with_priority(&[("a", &[]), ("b", &[]), ("c", &[]), ("d", &[])], 1);
    let patient = world.create(ONE);
    assert_eq!(world.running(1), [(busy, "a", 1)]);
    world.now = Time(5 * SECOND);
    world.succeed(1, busy, "a", 1);
    assert_eq!(world.running(1), [(busy, "b", 1)]);
    world.now = Time(10 * SECOND);
    world.succeed(1, busy, "b", 1);
    assert_eq!(world.running(1), [(busy, "c", 1)], "level from now on");
    world.now = Time(11 * SECOND);
    world.succeed(1, busy, "c", 1);
    assert_eq!(world.running(1), [(patient, "a", 1)]);
}

#[test]
fn a_chain_goes_on_in_its_slot_while_its_turn_lasts() {
    let mut world = World::default();
    let first = world.create(CHAIN);
    let second = world.create(CHAIN);
    world.connect(1, 1);
    assert_eq!(
        served(&mut world),
        [first, first, first, second, second, second]
    );
}

#[test]
fn a_turn_lasts_a_second() {
    let mut world = World::at(Time(0));
    world.connect(1, 1);
    let first = world.create(CHAIN);
    let second = world.create(CHAIN);
    world.now = Time(SECOND);
    world.succeed(1, first, "a", 1);
    assert_eq!(world.running(1), [(first, "b", 1)]);
    world.now = Time(SECOND + 1);
    world.succeed(1, first, "b", 1);
    assert_eq!(world.running(1), [(second, "a", 1)]);
    world.now = Time(2 * SECOND);
    world.succeed(1, second, "a", 1);
    world.succeed(1, second, "b", 1);
    world.succeed(1, second, "c", 1);
    assert_eq!(world.running(1), [(first, "c", 1)]);
}

#[test]
fn a_turn_gives_way_to_higher_effective_priority() {
    let mut world = World::at(Time(0));
    world.connect(1, 1);
    let chain = world.create(CHAIN);
    let urgent = world.create_with_priority(ONE, 1);
    world.succeed(1, chain, "a", 1);
    assert_eq!(world.running(1), [(urgent, "a", 1)]);
    world.succeed(1, urgent, "a", 1);
    assert_eq!(world.running(1), [(chain, "b", 1)]);
}

#[test]
fn a_turn_is_as_urgent_as_the_step_that_it_began_with() {
    let mut world = World::at(Time(0));
    let first = world.create(CHAIN);
    let second = world.create(CHAIN);
    world.now = Time(30 * SECOND);
    let urgent = world.create_with_priority(ONE, 3);
    world.connect(1, 1);
    assert_eq!(
        served(&mut world),
        [first, first, first, second, second, second, urgent],
        "all have waited for three points, or have them"
    );
}

#[test]
fn one_step_goes_on_for_each_success() {
    let fan: &[(&str, &[&str])] = &[("a", &[]), ("b", &["a"]), ("c", &["a"]), ("d", &["a"])];
    let mut world = World::default();
    let fan = world.create(fan);
    let other = world.create(ONE);
    world.connect(1, 1);
    assert_eq!(served(&mut world), [fan, fan, other, fan, fan]);
}

#[test]
fn a_step_that_is_tried_again_waits_for_its_turn() {
    let mut world = World::default();
    let retried = world.create_typed("a: standard | retry: {backoff: none}");
    let other = world.create(ONE);
    world.connect(1, 1);
    world.fail(1, retried, "a", 1, true);
    assert_eq!(world.running(1), [(other, "a", 1)]);
}
