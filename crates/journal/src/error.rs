//! What can go wrong, and what the caller has to do.

use tokio_postgres::error::{Severity, SqlState};

/// Why the journal could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL cannot be read. It may hold a password, so it is not shown.
    #[error(
        "the database URL cannot be read: {0}; expected postgres://USER:PASSWORD@HOST:PORT/DATABASE"
    )]
    Url(#[source] tokio_postgres::Error),
    /// The URL asks for TLS.
    #[error(
        "the database URL has {0}, and the engine speaks no TLS to PostgreSQL yet: leave it out where PostgreSQL is on this \
         machine or in a private network, or connect to a proxy on this machine that speaks TLS to PostgreSQL, such as \
         PgBouncer with server_tls_sslmode"
    )]
    Tls(String),
    /// The URL has an option that means nothing here, or a value of one that does not.
    #[error(
        "the database URL has an option that the engine does not read: {0}. It reads host, hostaddr, port, user, password, \
         dbname, options, sslmode (disable, prefer), channel_binding (disable, prefer), target_session_attrs (any, \
         read-write) and load_balance_hosts (disable, random)"
    )]
    UrlOption(String),
    /// PostgreSQL lets nobody in without TLS.
    #[error(
        "PostgreSQL refused: {}; the engine speaks no TLS to PostgreSQL yet, so a line of pg_hba.conf of the kind `host` or \
         `hostnossl` has to let it in",
        describe(.0)
    )]
    Unencrypted(#[source] tokio_postgres::Error),
    /// There are too many connections. Trying again later may help.
    #[error(
        "PostgreSQL takes no more connections: {}; an engine needs five at once, and one more at times",
        describe(.0)
    )]
    Crowded(#[source] tokio_postgres::Error),
    /// A connection was made, and nobody serves it. Trying again later may help.
    #[error(
        "a connection to PostgreSQL was made, but its first statement was not answered within 5 s, as by a pool of sessions \
         that is used up; an engine needs five connections at once, and one more at times"
    )]
    Waiting,
    /// PostgreSQL cannot be reached, or cannot do it now. Trying again later may help.
    #[error("PostgreSQL is not available: {}", describe(.0))]
    Unavailable(#[source] tokio_postgres::Error),
    /// Something takes connections and says nothing. Trying again later may help.
    #[error("PostgreSQL is not available: it does not answer")]
    Silent,
    /// The server is a standby, which takes no writes. Trying again later may help.
    #[error("PostgreSQL is a standby that takes no writes; connect to the primary")]
    Standby,
    /// Another engine is alive and has the shards. Trying again later may help.
    #[error(
        "engine {engine} at {address} has the tasks; this engine takes them over once that one stops or its lease has run \
         out, which unless it is renewed is at {until}"
    )]
    Held {
        /// The other engine.
        engine: String,
        /// Where it can be reached.
        address: String,
        /// When its lease runs out, by PostgreSQL's clock, in RFC 3339.
        until: String,
    },
    /// Sessions that this process may not end hold what it takes over. Trying again later may help.
    #[error(
        "the engine's rows are held by {0}, which its role may not end; it goes on by itself once that has ended"
    )]
    Blocked(String),
    /// The role may not use the journal's tables, as after a restore by another that has not given them to it. Trying again
    /// later may help.
    #[error(
        "PostgreSQL refused: {}; the role that the database URL names must own schema tasker and all in it",
        describe(.0)
    )]
    Denied(#[source] tokio_postgres::Error),
    /// PostgreSQL said no, and will say so again.
    #[error("PostgreSQL refused: {}", describe(.0))]
    Refused(#[source] tokio_postgres::Error),
    /// The server is too old.
    #[error("the server is PostgreSQL {0}; the engine needs PostgreSQL 14 or later")]
    Version(String),
    /// The database's encoding cannot hold all text.
    #[error("the database's encoding is {0}; create the database with ENCODING 'UTF8'")]
    Encoding(String),
    /// Connections to the database change hands between transactions.
    #[error(
        "the connection goes through a proxy that pools transactions or statements; \
         give the engine a direct connection to PostgreSQL, or one through a pool of sessions"
    )]
    Pooled,
    /// A table or its key is missing. Trying again later may help.
    #[error("{0} is missing, as it is while a dump is being restored")]
    Incomplete(String),
    /// A connection to the database leads to several servers.
    #[error(
        "the connection goes through a proxy that sends statements to several servers, and what a standby answers may be out \
         of date; give the engine a direct connection to the primary, or turn the balancing off (Pgpool-II: \
         load_balance_mode = off)"
    )]
    Balanced,
    /// The tables are of an earlier release.
    #[error(
        "the database's schema is at version {found}, this engine needs {needed}: run `tasker-server migrate`"
    )]
    SchemaOlder {
        /// The last migration applied; 0 when there is none.
        found: i32,
        /// The last migration of this release.
        needed: i32,
    },
    /// The tables are of a later release.
    #[error(
        "the database's schema is at version {found}, this engine knows {known}: run an engine of a later release"
    )]
    SchemaNewer {
        /// The last migration applied.
        found: i32,
        /// The last migration of this release.
        known: i32,
    },
    /// What is marked is no registered version of a template; nothing was stored.
    #[error("version {version} of template {namespace}/{name} is not registered")]
    NotRegistered {
        /// The namespace.
        namespace: String,
        /// The name in it.
        name: String,
        /// The version.
        version: String,
    },
    /// Another process has taken the engine over; nothing was written. This process must end.
    #[error(
        "another process has taken over engine {engine} (this one had epoch {epoch}); nothing more is written"
    )]
    Fenced {
        /// The engine.
        engine: String,
        /// The epoch that this process had.
        epoch: i64,
    },
    /// The database is on another history than the one that was written: a failover or a restored copy has lost
    /// commits. The caller forgets what it knows, calls [`Journal::rejoin`](crate::Journal::rejoin) and recovers.
    #[error("the database has another history than was written to it: {0}")]
    Diverged(String),
    /// The journal's own task is gone.
    #[error("the journal is closed")]
    Closed,
}

impl Error {
    pub(crate) fn not_registered(version: [&str; 3]) -> Error {
        let [namespace, name, version] = version.map(str::to_owned);
        Error::NotRegistered {
            namespace,
            name,
            version,
        }
    }

    /// Whether the same call may succeed later without anybody doing anything here.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Error::Unavailable(_)
                | Error::Crowded(_)
                | Error::Waiting
                | Error::Silent
                | Error::Standby
                | Error::Held { .. }
                | Error::Blocked(_)
                | Error::Incomplete(_)
                | Error::Denied(_)
        )
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Error {
        if is_denied(&error) {
            Error::Denied(error)
        } else if is_transient(&error) {
            Error::Unavailable(error)
        } else {
            Error::Refused(error)
        }
    }
}

/// Whether PostgreSQL may do the same later: classes 08 (connection), 40 (rolled back), 53 (resources), 57 (operator),
/// 58 (system), 25006 (read only), 25P03 and 25P04 (a session's time limits) and 55P03 (lock), a table of the journal's
/// own that is missing or denied, and whatever is no answer of PostgreSQL's at all.
pub(crate) fn is_transient(error: &tokio_postgres::Error) -> bool {
    let Some(state) = error.code() else {
        return true;
    };
    [
        "08", "40", "53", "57", "58", "25006", "25P03", "25P04", "55P03",
    ]
    .iter()
    .any(|class| state.code().starts_with(class))
        || is_missing(error)
        || is_denied(error)
}

/// Whether a statement of the journal's names a table that is not there, as while a dump is being restored.
fn is_missing(error: &tokio_postgres::Error) -> bool {
    is_own(
        error,
        &[SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME],
    )
}

/// Whether it names one that the role may not use, as after a restore by another role.
fn is_denied(error: &tokio_postgres::Error) -> bool {
    is_own(error, &[SqlState::INSUFFICIENT_PRIVILEGE])
}

/// Whether it is the statement itself that is refused so. What a trigger's function lacks comes with the function's name.
fn is_own(error: &tokio_postgres::Error, states: &[SqlState]) -> bool {
    error
        .as_db_error()
        .is_some_and(|refusal| states.contains(refusal.code()) && refusal.where_().is_none())
}

/// Whether PostgreSQL itself said that the statement was undone. Whatever else ends a statement leaves open whether it
/// was committed: a lost connection, and the end of a session while it was committing.
pub(crate) fn is_undone(error: &tokio_postgres::Error) -> bool {
    error
        .as_db_error()
        .is_some_and(|error| error.parsed_severity() == Some(Severity::Error))
}

/// PostgreSQL's own words where there are any; otherwise the error with its causes.
pub(crate) fn describe(error: &tokio_postgres::Error) -> String {
    if let Some(refusal) = error.as_db_error() {
        let detail = refusal
            .detail()
            .map(|detail| format!(" ({detail})"))
            .unwrap_or_default();
        return format!("{}{detail} [{}]", refusal.message(), refusal.code().code());
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
