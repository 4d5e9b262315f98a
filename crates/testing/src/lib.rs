//! A workbench for tests of workflows: one engine's core, one worker that the caller plays, a journal in memory and a
//! clock that stands still until it is told to go on. Pure: no I/O, no clock, no thread; what is random follows from a
//! seed.
//!
//! Commands go in as JSON, messages come out: the dispatches that a worker would get, and what was asked for. A crash of
//! worker or engine is a command like any other, so that it can come between any two steps.
//!
//! Layout, lowest first:
//! - [`command`]: what the bench is told, and what it answers beside the worker's messages.
//! - `random`: numbers that follow from a seed.
//! - `journal`: commits, as bytes and texts, and tasks read back from them.
//! - `worker`: what the played worker holds, and how it greets.
//! - [`bench`](mod@bench): all of it together.

pub mod bench;
pub mod command;
mod journal;
mod random;
mod worker;

pub use bench::{Bench, Error};
