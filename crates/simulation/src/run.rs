//! One run, from its seed to its report.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::invariants::Violation;
use crate::world::World;

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// Tasks that the journal has at its end.
    pub workflows: usize,
    /// Things that happened.
    pub events: u64,
    /// How often what happened.
    pub counts: BTreeMap<&'static str, u64>,
    /// The hash of all that happened.
    pub trace: u64,
    /// What went wrong, with the last that happened before.
    pub failure: Option<(Violation, Vec<String>)>,
}

/// Runs a seed. A panic is a failure like any other.
pub fn run(seed: u64, print: bool) -> Report {
    let mut world = World::new(seed, print);
    let panic = catch_unwind(AssertUnwindSafe(|| world.run())).err();
    let violation = panic
        .map(|panic| Violation {
            invariant: "nothing_panics",
            message: panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                .unwrap_or_default(),
        })
        .or_else(|| world.env.violation.clone());
    Report {
        seed,
        workflows: world.env.journal.tasks().count(),
        events: world.events,
        counts: world.env.trace.counts().clone(),
        trace: world.env.trace.finish(),
        failure: violation.map(|violation| (violation, world.env.trace.tail())),
    }
}

impl Report {
    /// What to show when the run failed.
    pub fn failure(&self) -> Option<String> {
        let (violation, tail) = self.failure.as_ref()?;
        Some(format!(
            "{}\n\nseed {}: {}\n{}\n\nreplay it: cargo run --release -p tasker_simulation -- --seed {} --trace",
            tail.join("\n"),
            self.seed,
            violation.invariant,
            violation.message,
            self.seed
        ))
    }
}
