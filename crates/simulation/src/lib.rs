//! A seeded simulator of a whole system: real state machines on simulated time, network, journal, processes, handlers
//! and clients. One thread, one seed, the same run every time.
//!
//! Real: the core's engine with its hold-back, the gateway's and the worker's sessions, frames, records, templates.
//! `docs/simulation.md` says what is checked and how a failure is replayed.
//!
//! Layout, lowest first:
//! - [`chance`]: all that is random. [`clock`]: all that is time. [`trace`]: what happened.
//! - [`workflow`]: random templates. [`script`]: what handlers do. [`fault`]: what goes wrong. [`plan`]: how much of it.
//! - [`network`], [`journal`]: what lies between the processes.
//! - [`schedule`]: what will happen.
//! - [`model`]: a task by the letter of its semantics. [`ledger`]: what is durable and what handlers did. [`invariants`], [`inspection`]: what must hold.
//! - [`environment`]: what the processes share.
//! - [`engine`], [`worker`], [`client`]: the processes.
//! - [`world`]: all of them, and the loop. [`run()`]: one seed from its beginning to its report.

pub mod chance;
pub mod client;
pub mod clock;
pub mod engine;
pub mod environment;
pub mod fault;
pub mod inspection;
pub mod invariants;
pub mod journal;
pub mod ledger;
pub mod model;
pub mod network;
pub mod plan;
mod run;
pub mod schedule;
pub mod script;
pub mod trace;
pub mod worker;
pub mod workflow;
pub mod world;

pub use run::{Report, run, run_adjusted};
