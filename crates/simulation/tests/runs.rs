//! Many random workflows through faults of all kinds.

use std::collections::BTreeMap;

use std::time::Duration;

use tasker_simulation::fault::Fault;
use tasker_simulation::{run, run_adjusted};

/// Workflows that a test run simulates.
const WORKFLOWS: usize = 2000;

/// Another first seed, to go where nobody has been.
const FROM: &str = "TASKER_SIMULATION_FROM";

#[test]
fn every_invariant_holds_whatever_goes_wrong() {
    let from = std::env::var(FROM).map_or(0, |seed| seed.parse().expect("a seed is a number"));
    let mut workflows = 0;
    let mut counts = BTreeMap::new();
    for seed in from.. {
        let report = run(seed, false);
        assert_eq!(report.failure(), None);
        workflows += report.workflows;
        for (what, count) in report.counts {
            *counts.entry(what).or_insert(0) += count;
        }
        if workflows >= WORKFLOWS {
            break;
        }
    }
    // What never happens is not tested.
    let seen: Vec<&str> = counts.keys().copied().collect();
    for what in [
        "Batched",
        "Cancelled",
        "Completed",
        "Decided",
        "Expired",
        "Failed",
        "Late",
        "Lost",
        "Rejected",
        "Resolved",
        "Retried",
        "TimedOut",
        "Undelivered",
        "append fenced",
        "clock",
        "crashed",
        "engine frozen",
        "fenced",
        "forgotten",
        "killed",
        "left",
        "replaced",
        "reset",
        "silence",
        "worker frozen",
    ] {
        assert!(seen.contains(&what), "{what} never happened: {counts:?}");
    }
}

#[test]
fn a_seed_is_the_same_run_every_time() {
    let mut traces = Vec::new();
    for seed in 0..20 {
        let (once, again) = (run(seed, false), run(seed, false));
        assert_eq!((once.trace, once.events), (again.trace, again.events));
        traces.push(once.trace);
    }
    traces.sort_unstable();
    traces.dedup();
    assert_eq!(traces.len(), 20);
}

#[test]
fn a_frozen_engine_gives_nobody_up() {
    for seed in 0..60 {
        let report = run_adjusted(seed, false, |plan| {
            plan.faults = vec![(Fault::FreezeEngine, Duration::from_secs(10))];
            plan.slow = 0;
            plan.lost_commits = 0;
            plan.temper.crash = 0;
        });
        assert_eq!(report.failure(), None);
        let lost = report.counts.get("Lost");
        assert_eq!(lost, None, "seed {seed}: {:?}", report.counts);
    }
}
