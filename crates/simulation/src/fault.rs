//! What goes wrong.

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A link breaks; both sides are told, and both may miss what was sent last.
    ResetLink,
    /// A link falls silent, on one way or both; nobody is told.
    SilenceLink,
    /// A worker's end breaks; the engine is not told, so it may see the worker twice.
    ForgetLink,
    /// A worker's process is killed; another starts in its place.
    KillWorker,
    /// A worker's process stands still for a while.
    FreezeWorker,
    /// A worker is told to stop.
    DrainWorker,
    /// A worker holds another number of attempts from now on.
    ChangeSlots,
    /// The engine's process is killed; another starts in its place.
    KillEngine,
    /// The engine's process stands still for a while.
    FreezeEngine,
    /// The engine's process stands still, another takes over, the first goes on.
    OverlapEngine,
    /// The engine cannot renew its lease for a while: it lets its workers go.
    CutOffEngine,
    /// The journal's clock jumps; an engine that starts takes the new time over.
    JumpClock,
}

impl Fault {
    /// All kinds.
    pub const ALL: [Fault; 12] = [
        Fault::ResetLink,
        Fault::SilenceLink,
        Fault::ForgetLink,
        Fault::KillWorker,
        Fault::FreezeWorker,
        Fault::DrainWorker,
        Fault::ChangeSlots,
        Fault::KillEngine,
        Fault::FreezeEngine,
        Fault::OverlapEngine,
        Fault::CutOffEngine,
        Fault::JumpClock,
    ];
}
