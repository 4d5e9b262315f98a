//! The journal on a real PostgreSQL.

mod support;

mod cases {
    mod append;
    mod fault;
    mod fence;
    mod key;
    mod list;
    mod retention;
    mod schema;
    mod template;
}
