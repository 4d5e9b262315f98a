//! The journal on a real PostgreSQL.

mod support;

mod cases {
    mod append;
    mod failover;
    mod fault;
    mod fence;
    mod key;
    mod list;
    mod million;
    mod refusal;
    mod retention;
    mod schema;
    mod template;
    mod volume;
}
