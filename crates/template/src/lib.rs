//! The task template: its form, its parser and its checks. Nothing here knows a running task.
//!
//! Layout, in the order in which a text goes through it:
//!
//! - [`parse`] and [`Document`]: the way in; a text becomes a checked document
//! - `yaml`: a text becomes a tree of nodes, each with its place; `scalar` says what a plain scalar is
//! - `node`: the tree, and its canonical JSON
//! - `names`: fields get the names that the checks know; `foreign`: those that other forms of templates have for them
//! - `shape`: which fields a template has, as data; `check`: a tree held against a shape
//! - [`json_schema`]: the same shapes for editors
//! - `rules`: what spans several fields; `graph`: duplicate steps, unknown dependencies, cycles
//!   `step_types`: which types of steps may depend on which
//! - `environment`: overrides merged into the steps
//! - [`Schema`]: JSON Schemas held against contexts and results; `schemas`: those of one template
//! - [`Template`], [`Step`], [`Handler`], [`Retry`]: what an engine runs, defaults filled in
//! - [`Set`]: what holds of several templates together
//! - [`compatibility`]: what a changed template means to tasks that run, and to those to come
//! - [`Problem`], [`Problems`], [`code`]: what is wrong, where, and what to do; `nearest`: a guess
//!   at what was meant; `characters`: those that nobody sees

mod characters;
mod check;
pub mod code;
pub mod compatibility;
mod document;
mod environment;
mod foreign;
mod graph;
mod json_schema;
mod names;
mod nearest;
mod node;
mod problem;
mod rules;
mod scalar;
mod schemas;
mod set;
mod shape;
mod step_types;
mod template;
mod yaml;

pub use document::{Document, parse};
pub use json_schema::json_schema;
pub use problem::{Place, Problem, Problems};
pub use set::Set;
pub use shape::LONGEST_MS;
pub use tasker_schema::{Schema, SchemaError, Violation};
pub use template::{
    Backoff, BatchConfig, FailureStrategy, Handler, Lifecycle, Metadata, OnFailure, Retry, Step,
    StepType, Template,
};
