//! The engine's process around the pure core: API, worker sessions, one commit at a time, recovery, shutdown.
//!
//! Layout; data flows one way, from [`api`] and [`session`] through [`engine`] to the journal and back as effects:
//! - [`options`]: the command line and the environment.
//! - [`service`]: the process: start, recovery, stop. [`opening`]: waiting for the journal. [`running`]: the engine as
//!   the others see it.
//! - `connection`: what a client's connection may take. [`api`]: the REST API, its routes and its OpenAPI document;
//!   [`idempotency`]: the keys of creations. [`session`]: a worker's WebSocket; `writer`: its writing half, from its
//!   `outbox`.
//! - [`admission`]: what the engine takes at once.
//! - [`command`]: what is asked of the engine. [`engine`]: the loop around the core. [`batch`]: a commit as the journal
//!   appends it.
//! - [`recovery`]: tasks read back from the journal. [`past`]: one step's past, read from there.
//!   `outline`: a task that is only there, with the texts that are needed of it.
//! - [`catalog`]: templates and their graphs; [`template_actions`]: what operators do to their versions. [`follow`]: a task's events.
//! - [`clock`]: PostgreSQL's time. [`health`]: whether the engine can commit. [`lease`]: how long it may answer.
//!   [`traces`]: spans of tasks.

pub mod admission;
pub mod api;
pub mod batch;
pub mod catalog;
pub mod clock;
pub mod command;
mod connection;
pub mod engine;
pub mod follow;
pub mod health;
pub mod idempotency;
pub mod lease;
pub mod opening;
pub mod options;
mod outbox;
mod outline;
pub mod past;
pub mod recovery;
pub mod running;
pub mod service;
pub mod session;
pub mod template_actions;
pub mod traces;
mod writer;
