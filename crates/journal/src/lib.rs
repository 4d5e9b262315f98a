//! The journal: what a Tasker engine must find again after a crash, in PostgreSQL.
//!
//! It stores bytes and texts and knows no task: what they mean is the core's. Writing goes one way, through
//! [`Journal::append`]: one statement a commit, for everything that the caller has gathered, and fenced, so that of two
//! processes that both believe to own an engine only the later one writes.
//!
//! Layout, in the order in which data goes through it:
//! - [`Append`], [`StoredTask`]: what an append adds, and what is stored.
//! - [`shard_of`] and [`Day`]: where a task's rows are.
//! - [`Journal`]: the handle: opening, appending, reading.
//! - `batch` and `columns`: an append in statements of bounded size, and their parameters.
//! - `statement`: the prepared statements of appends, for the days that they change.
//! - `appender`: the one task that writes; it finds out what became of an append whose answer was lost.
//! - `link`: the connection on which it does so; `status`: whether it can.
//! - `url`: what a database URL may ask for.
//! - `session`: one connection to PostgreSQL and what it must be like.
//! - `takeover`: who owns an engine, and which history the database is on.
//! - `lease`: until when its owner counts as alive.
//! - `partition` and `retention`: a day's partitions, made ahead of time and dropped when the day is over.
//! - `reader`, `list`, `template` and `key`: tasks, lists of them, templates and idempotency keys, read beside the
//!   appends.
//! - [`memory`]: the same calls without PostgreSQL.
//! - [`migration`]: the tables, made by numbered files.
//! - [`Error`]: what can go wrong, and what the caller has to do.
//!
//! The SQL is in `sql/`, one named statement a file; the tables are described in `migrations/`.

mod appender;
mod batch;
mod columns;
mod error;
mod journal;
mod key;
mod lease;
mod link;
mod list;
pub mod memory;
pub mod migration;
mod partition;
mod place;
mod reader;
mod retention;
mod row;
mod session;
mod statement;
mod status;
mod takeover;
mod template;
mod url;

pub use error::Error;
pub use journal::{Journal, Options};
pub use lease::LEASE;
pub use list::{Listed, ListedTask, Round, TaskFilter};
pub use place::{Day, SHARDS, in_shard, shard_of, shard_of_key};
pub use reader::OpenTasks;
pub use row::{
    Append, AppendOutcome, CommitNumber, FirstUse, Key, NewKey, NewTask, Outline, Refused, Row,
    StoredTask, Summary, TaskChange, Text,
};
pub use status::Status;
pub use template::{Mark, NewTemplate, Note, Registered, StoredTemplate};
