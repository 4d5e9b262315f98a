//! The simulator finds deliberate bugs, each by an invariant that says what is wrong.

use tasker_core::mutation::{Mutation, select};
use tasker_simulation::run;

/// Seeds within which each bug is found.
const SEEDS: u64 = 300;

/// The invariant that a bug breaks. What follows from that may break others, which some seeds show first.
fn broken_by(mutation: Mutation) -> &'static str {
    match mutation {
        Mutation::AttemptFenceDropped => "an_end_is_what_its_handler_said",
        Mutation::EpochFenceDropped => "the_journal_alone_gives_the_same_state",
        Mutation::ReleasedBeforeCommit => "a_handler_is_given_only_durable_attempts",
        Mutation::WakeUpForgotten => "every_step_that_waits_says_why",
        Mutation::SlotCountedTwice => "no_slot_is_free_for_a_ready_step",
        Mutation::ParentSkipped => "a_step_starts_after_its_parents",
        Mutation::ReturnForgotten => "a_worker_that_hands_back_is_given_nothing_for_a_moment",
        Mutation::TaskTimeForgotten => "nothing_counts_after_a_tasks_time",
    }
}

/// The first seed by which a bug is found, and the first by which it is found as what it is.
fn found(mutation: Mutation) -> (Option<u64>, Option<u64>) {
    select(Some(mutation));
    let mut first = None;
    let named = (0..SEEDS).find(|seed| {
        let failure = run(*seed, false).failure;
        if failure.is_some() {
            first.get_or_insert(*seed);
        }
        failure.is_some_and(|(violation, _)| violation.invariant == broken_by(mutation))
    });
    select(None);
    (first, named)
}

#[test]
fn every_deliberate_bug_is_found() {
    for mutation in Mutation::ALL {
        let invariant = broken_by(mutation);
        let (first, named) = found(mutation);
        println!("{mutation:?}: first by seed {first:?}, by {invariant} with seed {named:?}");
        assert!(named.is_some(), "{mutation:?}: {invariant} held");
    }
}

#[test]
fn without_a_bug_nothing_is_found() {
    for seed in 0..10 {
        assert_eq!(run(seed, false).failure(), None);
    }
}
