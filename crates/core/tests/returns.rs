//! Workers that hand back what they are given: others get it at once, and they themselves are given less and less.

mod world;

use std::time::Duration;

use tasker_core::caution;
use tasker_core::{TaskId, Time};
use world::World;

const SLOTS: u32 = 200;

/// Hands back all that worker 1 is given, at once, until `until`; how many attempts those were.
fn hand_all_back(world: &mut World, until: Time) -> usize {
    let mut returned = 0;
    loop {
        for open in world.running(1) {
            world.return_attempt(1, open.task, &open.step, open.attempt);
            returned += 1;
        }
        match world.state.next_timer() {
            Some(next) if next <= until => world.advance_to(next),
            _ => return returned,
        }
    }
}

fn with_tasks(tasks: u32) -> (World, Vec<TaskId>) {
    let mut world = World::default();
    world.connect(1, SLOTS);
    let tasks = (0..tasks).map(|_| world.create(&[("a", &[])])).collect();
    (world, tasks)
}

#[test]
fn a_worker_that_hands_everything_back_makes_few_records() {
    let (mut world, tasks) = with_tasks(SLOTS);
    let before = world.records;
    let returned = hand_all_back(&mut world, Time::default() + Duration::from_secs(15));
    // All twice, then one attempt now and then.
    assert_eq!(returned, 2 * SLOTS as usize + 7);
    assert!(world.records - before < 15 * 100, "{}", world.records);
    // It does the same for a day: a return every five seconds.
    let day = Duration::from_secs(86_400);
    let returned = hand_all_back(&mut world, Time::default() + day);
    assert!(returned < 86_400 / 5, "{returned}");

    assert_eq!(
        world.reason(tasks[0], "a"),
        "no free slot (worker-1 hands back what it is given)"
    );
    world.connect(2, SLOTS);
    world.finish_all(2);
    assert!(tasks.iter().all(|task| world.task(*task).has_ended()));
}

#[test]
fn what_is_handed_back_goes_to_another_worker_at_once() {
    let mut world = World::default();
    world.connect(1, 1);
    let task = world.create(&[("a", &[])]);
    world.connect(2, 1);
    world.return_attempt(1, task, "a", 1);
    assert_eq!(world.running(2), [(task, "a", 2)]);
}

#[test]
fn a_worker_that_keeps_what_it_is_given_then_is_given_as_much_as_before() {
    let (mut world, tasks) = with_tasks(3);
    for attempt in [1, 2] {
        for task in &tasks {
            world.return_attempt(1, *task, "a", attempt);
        }
        assert!(world.running(1).is_empty());
        let pause = world.state.next_timer().expect("a pause");
        world.advance_to(pause);
    }
    assert_eq!(world.running(1).len(), 1, "one to see");
    world.finish_all(1);
    assert_eq!(world.running(1).len(), 0);
    let trial = world.state.next_timer().expect("the trial's end");
    world.advance_to(trial);
    assert_eq!(world.running(1).len(), 2);
    world.finish_all(1);
    world.advance(Duration::from_secs(10));
    assert_eq!(world.state.next_timer(), None, "it is forgotten");
}

#[test]
fn a_worker_that_does_not_name_what_it_was_given_is_given_nothing_for_a_moment() {
    let (mut world, tasks) = with_tasks(1);
    world.reconnect(1, SLOTS, Vec::new());
    assert!(world.running(1).is_empty());
    world.advance(caution::FIRST - Duration::from_micros(1));
    assert!(world.running(1).is_empty());
    world.advance(Duration::from_micros(1));
    assert_eq!(world.running(1), [(tasks[0], "a", 2)]);
}

#[test]
fn caution_ends_with_the_worker() {
    let (mut world, tasks) = with_tasks(1);
    world.return_attempt(1, tasks[0], "a", 1);
    world.leave(1, Vec::new());
    assert_eq!(world.state.next_timer(), None);
    let (mut world, tasks) = with_tasks(1);
    world.return_attempt(1, tasks[0], "a", 1);
    world.happen(tasker_core::Event::CutOff);
    assert_eq!(world.state.next_timer(), None);
}
