//! One connection to PostgreSQL, and what it must be like.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, task::JoinHandle, time::timeout};
use tokio_postgres::{Client, Config, NoTls, Row, SimpleQueryMessage, Statement, error::SqlState};

use crate::{Error, error::describe, url::NETWORK_SILENCE};

/// How long the first statements of a connection may take, which wait for no lock: a pool of sessions that is used up takes
/// a connection and lets them wait.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// The oldest release of PostgreSQL that has what the SQL uses.
const OLDEST_MAJOR: u32 = 14;

/// A connection whose settings are known. Dropping it closes the connection.
pub(crate) struct Session {
    pub(crate) client: Client,
    driver: JoinHandle<()>,
    closed: watch::Receiver<bool>,
    /// The statement that was prepared last, by its text.
    kept: Mutex<Option<(String, Statement)>>,
}

impl Session {
    /// Connects, and makes the session's settings independent of all defaults.
    pub(crate) async fn connect(config: &Config) -> Result<Session, Error> {
        let session = Session::connect_raw(config).await?;
        in_time(session.prepare_session()).await?;
        session.check_one_server().await?;
        Ok(session)
    }

    /// Connects and changes nothing.
    async fn connect_raw(config: &Config) -> Result<Session, Error> {
        let connecting = timeout(NETWORK_SILENCE, config.connect(NoTls));
        let connected = connecting.await.map_err(|_| Error::Silent)?;
        let (client, connection) = connected.map_err(unconnected)?;
        let version = connection.parameter("server_version").unwrap_or_default();
        if !is_supported(version) {
            return Err(Error::Version(version.to_owned()));
        }
        let (report, closed) = watch::channel(false);
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = describe(&error), "a connection to PostgreSQL ended");
            }
            // Fails only when nobody waits for it any more.
            let _ = report.send(true);
        });
        Ok(Session {
            client,
            driver,
            closed,
            kept: Mutex::default(),
        })
    }

    async fn prepare_session(&self) -> Result<(), Error> {
        Ok(self
            .client
            .batch_execute(include_str!("../sql/session.sql"))
            .await?)
    }

    /// Refuses a connection that leads to several servers, as behind a proxy that sends what only reads to standbys.
    ///
    /// Without a comment in front, which keeps such a proxy from sending a statement elsewhere, or not, by its settings.
    async fn check_one_server(&self) -> Result<(), Error> {
        let reading = "SELECT pg_backend_pid()";
        // A transaction, and a function that may write, are for the primary.
        let writing = "BEGIN; SELECT pg_backend_pid(), pg_is_in_recovery(); COMMIT";
        let (reading, writing) = tokio::try_join!(
            backend_by_simple_query(&self.client, reading),
            backend_by_simple_query(&self.client, writing),
        )?;
        if reading == writing {
            Ok(())
        } else {
            Err(Error::Balanced)
        }
    }

    /// Prepares a statement that is often asked for with the same text.
    pub(crate) async fn prepared(&self, sql: &str) -> Result<Statement, tokio_postgres::Error> {
        let kept = self
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some((text, statement)) = kept
            && text == sql
        {
            return Ok(statement);
        }
        let statement = self.client.prepare(sql).await?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some((sql.to_owned(), statement.clone()));
        Ok(statement)
    }

    /// Waits until the connection is lost.
    pub(crate) async fn closed(&self) {
        let mut closed = self.closed.clone();
        // An error means that the driver is gone, which is the same.
        let _ = closed.wait_for(|closed| *closed).await;
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// The process that serves this session.
    pub(crate) async fn backend(&self) -> Result<i32, Error> {
        let row = self
            .client
            .query_one("SELECT pg_backend_pid()", &[])
            .await?;
        Ok(row.get(0))
    }

    /// Refuses a server that cannot hold a journal, or cannot now.
    pub(crate) async fn check_server(&self) -> Result<(), Error> {
        let row: Row = self
            .client
            .query_one(include_str!("../sql/server.sql"), &[])
            .await?;
        let encoding: String = row.get(0);
        if encoding != "UTF8" {
            return Err(Error::Encoding(encoding));
        }
        if row.get(1) {
            return Err(Error::Standby);
        }
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Not left to the client's drop: a server that does not answer would keep the driver waiting.
        self.driver.abort();
    }
}

/// Whether a server of this version, such as "15.18 (Debian 15.18-0+deb12u1)", can hold a journal. A version that
/// cannot be read is given the benefit of the doubt.
fn is_supported(version: &str) -> bool {
    let digits = version
        .split(|c: char| !c.is_ascii_digit())
        .next()
        .unwrap_or_default();
    digits
        .parse()
        .map_or(true, |major: u32| major >= OLDEST_MAJOR)
}

/// Refuses a proxy that gives a session another server process for each transaction, or for each statement.
///
/// Behind one, either an idle session's process is given to a second session, or, while that one holds it, the first
/// is given another. Asked by simple queries, which such a proxy passes on even where it knows no prepared statements.
pub(crate) async fn check_not_pooled(config: &Config) -> Result<(), Error> {
    let first = Session::connect_raw(config).await?;
    let second = Session::connect_raw(config).await?;
    let (first, second) = (&first.client, &second.client);
    let before = backend_by_simple_query(first, "SELECT pg_backend_pid()").await?;
    let beside = backend_by_simple_query(second, "BEGIN; SELECT pg_backend_pid()").await;
    let beside = beside.map_err(|error| {
        if pools_statements(&error) {
            Error::Pooled
        } else {
            error
        }
    })?;
    let after = backend_by_simple_query(first, "SELECT pg_backend_pid()").await?;
    in_time(async { Ok(second.batch_execute("ROLLBACK").await?) }).await?;
    if before == after && before != beside {
        Ok(())
    } else {
        Err(Error::Pooled)
    }
}

/// Whether a proxy (PgBouncer, as far as is known) lets no transaction begin because each statement may go elsewhere.
fn pools_statements(error: &Error) -> bool {
    matches!(error, Error::Unavailable(cause) if describe(cause).contains("statement pooling"))
}

/// The answer to one of a connection's first statements.
async fn in_time<T>(answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    timeout(PATIENCE, answer)
        .await
        .unwrap_or_else(|_| Err(Error::Waiting))
}

/// Why a connection is not made.
fn unconnected(error: tokio_postgres::Error) -> Error {
    match error.code() {
        Some(&SqlState::TOO_MANY_CONNECTIONS) => Error::Crowded(error),
        // The database itself is closed to the role.
        Some(&SqlState::INSUFFICIENT_PRIVILEGE) => Error::Refused(error),
        // So says a server whose lines for this client, if it has any, are for encrypted connections.
        Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
            if describe(&error).contains("no encryption") =>
        {
            Error::Unencrypted(error)
        }
        _ => error.into(),
    }
}

async fn backend_by_simple_query(client: &Client, query: &str) -> Result<Option<String>, Error> {
    let messages = in_time(async { Ok(client.simple_query(query).await?) }).await?;
    Ok(messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_judged_by_its_major_version() {
        let supported = [
            "14.0",
            "15.18 (Debian 15.18-0+deb12u1)",
            "18.1",
            "19beta1",
            "",
            "unknown",
        ];
        assert!(supported.into_iter().all(is_supported));
        assert!(
            ["13.22", "9.6.24", "13beta1"]
                .into_iter()
                .all(|version| !is_supported(version))
        );
    }
}
