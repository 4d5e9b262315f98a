//! Deliberate bugs, one at a time and a thread: whoever tests the simulator shows that it finds each of them. Compiled
//! with the feature `mutation` and never shipped.

use std::cell::Cell;

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// An outcome counts for the attempt that is open, whatever attempt it is of.
    AttemptFenceDropped,
    /// The simulator's journal takes appends of any epoch.
    EpochFenceDropped,
    /// What is held back is released before its commit.
    ReleasedBeforeCommit,
    /// The end of a step's last parent does not make it ready.
    WakeUpForgotten,
    /// An attempt takes two slots.
    SlotCountedTwice,
    /// A step is ready when all its parents but one are done.
    ParentSkipped,
    /// A worker that hands something back is given more at once.
    ReturnForgotten,
    /// A task's time is over only when its timer fires.
    TaskTimeForgotten,
}

impl Mutation {
    /// All of them.
    pub const ALL: [Mutation; 8] = [
        Mutation::AttemptFenceDropped,
        Mutation::EpochFenceDropped,
        Mutation::ReleasedBeforeCommit,
        Mutation::WakeUpForgotten,
        Mutation::SlotCountedTwice,
        Mutation::ParentSkipped,
        Mutation::ReturnForgotten,
        Mutation::TaskTimeForgotten,
    ];

    /// Whether this thread has the bug.
    pub fn is_active(self) -> bool {
        ACTIVE.get() == Some(self)
    }
}

thread_local! {
    static ACTIVE: Cell<Option<Mutation>> = const { Cell::new(None) };
}

/// Gives this thread a bug, or none.
pub fn select(mutation: Option<Mutation>) {
    ACTIVE.set(mutation);
}
