//! The simulator finds deliberate bugs, each by an invariant that says what is wrong.

use tasker_core::mutation::{Mutation, select};
use tasker_simulation::run;

/// Seeds within which each bug is found.
const SEEDS: u64 = 100;

/// The invariants that a bug breaks; which one first is up to the seed.
fn broken_by(mutation: Mutation) -> &'static [&'static str] {
    match mutation {
        Mutation::AttemptFenceDropped => &["an_end_is_what_its_handler_said"],
        Mutation::EpochFenceDropped => &[
            "a_handler_is_given_only_durable_attempts",
            "a_step_has_one_open_attempt",
            "a_task_is_created_once",
            "an_accepted_outcome_is_settled",
            "an_answer_shows_only_what_is_durable",
            "an_outcome_is_of_the_open_attempt",
            "attempts_are_numbered_one_by_one",
            "the_journal_alone_gives_the_same_state",
        ],
        Mutation::ReleasedBeforeCommit => &[
            "a_handler_is_given_only_durable_attempts",
            "an_accepted_outcome_is_settled",
            "an_answer_shows_only_what_is_durable",
        ],
        Mutation::WakeUpForgotten => &["every_step_that_waits_says_why"],
        Mutation::SlotCountedTwice => &["no_slot_is_free_for_a_ready_step"],
        Mutation::ParentSkipped => &["a_step_starts_after_its_parents"],
    }
}

/// The seed and the invariant by which a bug is found first.
fn found(mutation: Mutation) -> Option<(u64, &'static str)> {
    select(Some(mutation));
    let found = (0..SEEDS).find_map(|seed| {
        let (violation, _) = run(seed, false).failure?;
        Some((seed, violation.invariant))
    });
    select(None);
    found
}

#[test]
fn every_deliberate_bug_is_found() {
    for mutation in Mutation::ALL {
        let (seed, invariant) = found(mutation).expect("the bug is found");
        println!("{mutation:?}: seed {seed}, {invariant}");
        assert!(
            broken_by(mutation).contains(&invariant),
            "{mutation:?} was found by {invariant}"
        );
    }
}

#[test]
fn without_a_bug_nothing_is_found() {
    for seed in 0..10 {
        assert_eq!(run(seed, false).failure(), None);
    }
}
