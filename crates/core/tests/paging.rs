//! Pages of a task's steps: limited by what the steps have to show, of which nothing else is needed in memory.

mod world;

use tasker_core::payload::{Look, Place, Slot};
use tasker_core::texts::{Request, TaskTexts};
use tasker_core::{Record, State, StepIndex, TaskId, view};
use tasker_protocol::json_null;
use world::World;

const MIB: usize = 1 << 20;

/// A task whose steps have results of so many MiB, none of which is in memory.
fn ran(results: &[usize]) -> (World, TaskId, TaskTexts) {
    let mut world = World::default();
    world.connect(1, 8);
    let names: Vec<String> = (0..results.len()).map(|step| format!("s{step}")).collect();
    let steps: Vec<(&str, &[&str])> = names.iter().map(|name| (&**name, &[] as _)).collect();
    let task = world.create(&steps);
    world.finish_all(1);
    let mut texts = TaskTexts::new(Request::default(), json_null());
    for (step, mib) in (0..).zip(results) {
        let succeeded = Record::Succeeded {
            step,
            attempt: 1,
            at: world.now,
        };
        let place = Place::of(step + 1, 0, [mib * MIB, 0]);
        texts.payload.place(&succeeded, place);
    }
    (world, task, texts)
}

/// The steps on a page, of which the texts are needed, and the cursor of the next.
fn page(
    (world, task, texts): &(World, TaskId, TaskTexts),
    from: StepIndex,
    limit: usize,
) -> (Vec<StepIndex>, Option<String>) {
    let look = Look::new(texts);
    let page = view::steps(&State::default(), world.task(*task), &look, from, limit);
    let mut needed = look.finish(()).err().unwrap_or_default();
    needed.dedup();
    let steps: Vec<StepIndex> = (from..).zip(&page.steps).map(|(step, _)| step).collect();
    let of_page: Vec<Slot> = steps.iter().map(|step| Slot::Step(*step)).collect();
    assert_eq!(needed, of_page);
    (steps, page.next_cursor)
}

#[test]
fn a_page_ends_before_the_step_that_is_too_much_and_the_next_begins_there() {
    let ran = ran(&[7, 7, 7, 9, 1]);
    assert_eq!(page(&ran, 0, 1000), (vec![0, 1], Some("2".to_owned())));
    assert_eq!(page(&ran, 2, 1000), (vec![2, 3], Some("4".to_owned())));
    assert_eq!(page(&ran, 4, 1000), (vec![4], None));
    assert_eq!(page(&ran, 5, 1000), (vec![], None));
}

#[test]
fn a_page_has_one_step_at_the_least_and_no_more_than_asked_for() {
    let ran = ran(&[17, 1, 1]);
    assert_eq!(page(&ran, 0, 1000), (vec![0], Some("1".to_owned())));
    assert_eq!(page(&ran, 1, 1), (vec![1], Some("2".to_owned())));
    assert_eq!(page(&ran, 1, 2), (vec![1, 2], None));
}
