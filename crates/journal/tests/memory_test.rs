//! The journal in memory, held to the same as the one in PostgreSQL.

#[path = "host/memory.rs"]
mod host;
mod sample;

mod conformance {
    mod append;
    mod fence;
    mod key;
    mod list;
    mod retention;
    mod template;
}
