//! Which steps a task has: decisions, nested ones, convergences, absent branches.

mod world;

use tasker_core::event::Verdict;
use tasker_core::operator::{Action, Refusal};
use tasker_core::outcome::{Invalid, Success};
use tasker_core::task::Ending;
use tasker_protocol::api::{StepState, TaskStatus};
use world::World;

const APPROVAL: &str = "
    a: standard
    d: decision <- a
    l: standard <- d
    m: standard <- d
    r: standard <- d
    z: deferred_convergence <- l, m, r
";

fn decided(names: &[&str]) -> (World, uuid::Uuid) {
    let mut world = World::default();
    world.connect(1, 8);
    let task = world.create_typed(APPROVAL);
    assert_eq!(world.names(task), ["a", "d"], "no more is known yet");
    world.succeed(1, task, "a", 1);
    world.choose(1, task, "d", names);
    (world, task)
}

#[test]
fn one_branch_is_made_and_joined() {
    let (mut world, task) = decided(&["m"]);
    assert_eq!(world.names(task), ["a", "d", "m", "z"]);
    assert_eq!(world.running(1), [(task, "m", 1)]);
    assert_eq!(world.parents(task, "z"), ["m"]);
    assert_eq!(world.reason(task, "z"), "waits for m");
    world.finish_all(1);
    assert_eq!(world.task(task).status(), TaskStatus::Complete);
}

#[test]
fn several_branches_are_made_in_the_templates_order_and_joined_once() {
    let (mut world, task) = decided(&["r", "l"]);
    assert_eq!(world.names(task), ["a", "d", "l", "r", "z"]);
    assert_eq!(world.parents(task, "z"), ["l", "r"]);
    world.succeed(1, task, "r", 1);
    assert_eq!(world.step(task, "z").state, StepState::Pending);
    world.succeed(1, task, "l", 1);
    assert_eq!(world.running(1), [(task, "z", 1)]);
    world.succeed(1, task, "z", 1);
    assert_eq!(world.task(task).status(), TaskStatus::Complete);
}

#[test]
fn a_decision_with_no_branches_ends_the_task_with_what_there_is() {
    let (world, task) = decided(&[]);
    assert_eq!(world.names(task), ["a", "d"]);
    assert_eq!(world.task(task).status(), TaskStatus::Complete);
}

#[test]
fn a_name_that_cannot_be_fails_the_decision_for_good_with_the_name() {
    let (world, task) = decided(&["l", "nowhere"]);
    assert_eq!(world.names(task), ["a", "d"]);
    let step = world.step(task, "d");
    assert_eq!((step.state, step.attempts), (StepState::Error, 1));
    assert_eq!(
        step.last,
        Some(Ending::Rejected(Invalid::UnknownBranch("nowhere".into())))
    );
    assert_eq!(world.task(task).status(), TaskStatus::BlockedByFailures);
}

#[test]
fn a_decision_that_names_nothing_at_all_and_a_step_that_names_something_fail() {
    let mut world = World::default();
    world.connect(1, 8);
    let task = world.create_typed(APPROVAL);
    world.choose(1, task, "a", &["d"]);
    let unexpected = Some(Ending::Rejected(Invalid::UnexpectedBranches));
    assert_eq!(world.step(task, "a").last, unexpected);
    let task = world.create_typed(APPROVAL);
    world.succeed(1, task, "a", 1);
    world.outcome(1, task, "d", 1, Verdict::Success(Success::default()));
    let missing = Some(Ending::Rejected(Invalid::MissingBranches));
    assert_eq!(world.step(task, "d").last, missing);
}

#[test]
fn a_nested_decision_is_absent_with_its_branch_and_the_convergence_knows() {
    const NESTED: &str = "
        d: decision
        e: decision <- d
        f: standard <- d
        g: standard <- e
        h: standard <- e
        i: standard <- h
        z: deferred_convergence <- f, g, i
    ";
    let mut world = World::default();
    world.connect(1, 8);
    let task = world.create_typed(NESTED);
    assert_eq!(world.names(task), ["d"]);
    world.choose(1, task, "d", &["f"]);
    assert_eq!(world.names(task), ["d", "f", "z"]);
    assert_eq!(world.parents(task, "z"), ["f"]);
    world.finish_all(1);
    assert_eq!(world.task(task).status(), TaskStatus::Complete);

    let task = world.create_typed(NESTED);
    world.choose(1, task, "d", &["e", "f"]);
    assert_eq!(world.names(task), ["d", "e", "f"]);
    world.succeed(1, task, "f", 1);
    assert_eq!(
        world.names(task),
        ["d", "e", "f"],
        "the inner decision is out"
    );
    world.choose(1, task, "e", &["h"]);
    assert_eq!(world.names(task), ["d", "e", "f", "h", "i", "z"]);
    assert_eq!(world.parents(task, "z"), ["f", "i"]);
    world.finish_all(1);
    assert_eq!(world.task(task).status(), TaskStatus::Complete);
}

#[test]
fn a_step_with_an_absent_parent_is_absent_and_the_branch_behind_it() {
    let mut world = World::default();
    world.connect(1, 8);
    let task = world.create_typed(
        "
        d: decision
        l: standard <- d
        r: standard <- d
        b: standard <- l, r
        c: standard <- b
        y: deferred_convergence <- c
        z: deferred_convergence <- y, r
        ",
    );
    world.choose(1, task, "d", &["r"]);
    assert_eq!(world.names(task), ["d", "r", "z"]);
    assert_eq!(world.parents(task, "z"), ["r"]);
    world.finish_all(1);
    assert_eq!(world.task(task).status(), TaskStatus::Complete);
}

#[test]
fn a_decision_may_be_a_parent_of_a_convergence_itself() {
    let mut world = World::default();
    world.connect(1, 8);
    let task = world.create_typed(
        "
        d: decision
        l: standard <- d
        z: deferred_convergence <- d, l
        ",
    );
    assert_eq!(world.names(task), ["d"]);
    world.choose(1, task, "d", &[]);
    assert_eq!(world.names(task), ["d", "z"]);
    assert_eq!(world.running(1), [(task, "z", 1)]);
    assert_eq!(world.parents(task, "z"), ["d"]);
}

#[test]
fn two_decisions_must_both_name_a_step_for_it_to_exist() {
    const BOTH: &str = "
        d: decision
        e: decision
        b: standard <- d, e
        z: deferred_convergence <- b, d
    ";
    let mut world = World::default();
    world.connect(1, 8);
    let task = world.create_typed(BOTH);
    world.choose(1, task, "d", &["b"]);
    assert_eq!(world.names(task), ["d", "e"]);
    world.choose(1, task, "e", &["b"]);
    assert_eq!(world.names(task), ["d", "e", "b", "z"]);
    let task = world.create_typed(BOTH);
    world.choose(1, task, "e", &[]);
    assert_eq!(world.names(task), ["d", "e", "z"]);
    assert_eq!(world.reason(task, "z"), "behind the decision d");
}

#[test]
fn a_failed_decision_is_resolved_without_branches_or_completed_with_some() {
    let fail = || {
        let mut world = World::default();
        world.connect(1, 8);
        let task = world.create_typed(APPROVAL);
        world.succeed(1, task, "a", 1);
        world.fail(1, task, "d", 1, false);
        (world, task)
    };
    let (mut world, task) = fail();
    world.act(task, "d", Action::Resolve).expect("resolved");
    assert_eq!(world.names(task), ["a", "d"]);
    assert_eq!(world.task(task).status(), TaskStatus::ResolvedManually);

    let (mut world, task) = fail();
    let complete = |names: &[&str]| {
        let create_steps = Some(names.iter().map(|name| (*name).to_owned()).collect());
        Action::Complete(Success {
            create_steps,
            batches: None,
        })
    };
    let refused = world.act(task, "d", complete(&["z"]));
    let no_dependent = Invalid::NotADependent("z".into());
    assert_eq!(refused, Err(Refusal::Invalid(no_dependent)));
    assert_eq!(world.step(task, "d").state, StepState::Error);
    world.act(task, "d", complete(&["m"])).expect("completed");
    assert_eq!(world.running(1), [(task, "m", 1)]);
    world.finish_all(1);
    assert_eq!(world.task(task).status(), TaskStatus::ResolvedManually);
}
