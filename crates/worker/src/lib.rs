//! A worker's side of a session with the engine: connecting and reconnecting, slots, outcomes kept until they are
//! durable, templates, the health port. It knows no language's runtime: whoever uses it runs the handlers.
//!
//! Layout:
//! - [`Worker`], [`Options`], [`Imported`], [`Error`]: the way in. A [`Worker`] is started, asked for [`Message`]s and given outcomes.
//! - [`session`]: the state machine. Pure: time and inputs in, effects out.
//! - `connection`: one WebSocket to the engine; `endpoint`: where the engine is.
//! - `clock`: the session's clock.
//! - `driver`: the loop that carries the machine's effects out.
//! - `inbox`: messages on their way to the handlers.
//! - `answers`: answers to fetches on their way to the handlers that wait for them.
//! - `health`: the health port; `idle`: the end of connections to it; [`Status`]: what it shows; [`metrics`]: what it has
//!   measured.
//! - [`templates`]: reads and checks template files.
//! - [`private`]: sockets that no forked process may keep.
//! - `limits`: what an outcome may weigh.

mod answers;
mod clock;
mod connection;
mod driver;
mod endpoint;
mod error;
mod health;
mod idle;
mod inbox;
mod limits;
pub mod metrics;
mod options;
pub mod private;
pub mod session;
mod status;
pub mod templates;
mod worker;

#[cfg(test)]
mod fake_engine;

pub use error::Error;
pub use inbox::Next;
pub use options::{Imported, Options};
pub use session::Message;
pub use status::{SessionState, Status};
pub use worker::Worker;
