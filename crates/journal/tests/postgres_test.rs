//! The journal on a real PostgreSQL.

#[path = "host/postgres.rs"]
mod host;
mod sample;
mod support;

mod conformance {
    mod append;
    mod fence;
    mod key;
    mod list;
    mod retention;
    mod template;
}

mod cases {
    mod append;
    mod connection;
    mod failover;
    mod fault;
    mod fence;
    mod key;
    mod lease;
    mod list;
    mod many_days;
    mod million;
    mod refusal;
    mod retention;
    mod rights;
    mod schema;
    mod settings;
    mod volume;
}
