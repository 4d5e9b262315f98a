//! One connection to PostgreSQL, and what it must be like.

use std::time::Duration;

use tokio::{sync::watch, task::JoinHandle, time::timeout};
use tokio_postgres::{Client, Config, NoTls, Row, SimpleQueryMessage};

use crate::Error;

/// How long a peer may stay silent before a connection counts as lost, or is not made.
const NETWORK_SILENCE: Duration = Duration::from_secs(10);

/// The oldest release of PostgreSQL that has what the SQL uses.
const OLDEST_MAJOR: u32 = 14;

/// A connection whose settings are known. Dropping it closes the connection.
pub(crate) struct Session {
    pub(crate) client: Client,
    driver: JoinHandle<()>,
    closed: watch::Receiver<bool>,
}

impl Session {
    /// Connects, and makes the session's settings independent of all defaults.
    pub(crate) async fn connect(config: &Config) -> Result<Session, Error> {
        let session = Session::connect_raw(config).await?;
        session.prepare_session().await?;
        Ok(session)
    }

    /// Connects and changes nothing.
    async fn connect_raw(config: &Config) -> Result<Session, Error> {
        let connecting = timeout(NETWORK_SILENCE, config.connect(NoTls));
        let (client, connection) = connecting.await.map_err(|_| Error::Silent)??;
        let version = connection.parameter("server_version").unwrap_or_default();
        if !is_supported(version) {
            return Err(Error::Version(version.to_owned()));
        }
        let (report, closed) = watch::channel(false);
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(
                    error = crate::error::describe(&error),
                    "a connection to PostgreSQL ended"
                );
            }
            // Fails only when nobody waits for it any more.
            let _ = report.send(true);
        });
        Ok(Session {
            client,
            driver,
            closed,
        })
    }

    async fn prepare_session(&self) -> Result<(), Error> {
        Ok(self
            .client
            .batch_execute(include_str!("../sql/session.sql"))
            .await?)
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

/// Reads a database URL and adds what every connection of the engine has.
pub(crate) fn config(url: &str, application: &str) -> Result<Config, Error> {
    let mut config: Config = url.parse().map_err(Error::Url)?;
    config
        .application_name(application)
        .connect_timeout(Duration::from_secs(5))
        .tcp_user_timeout(NETWORK_SILENCE)
        .keepalives_idle(NETWORK_SILENCE)
        .keepalives_interval(Duration::from_secs(2))
        .keepalives_retries(3);
    Ok(config)
}

/// Refuses a proxy that gives a session another server process for each transaction.
///
/// Behind one, either an idle session's process is given to a second session, or, while that one holds it, the first
/// is given another. Asked by simple queries, which such a proxy passes on even where it knows no prepared statements.
pub(crate) async fn check_not_pooled(config: &Config) -> Result<(), Error> {
    let first = Session::connect_raw(config).await?;
    let second = Session::connect_raw(config).await?;
    let before = backend_by_simple_query(&first.client, "SELECT pg_backend_pid()").await?;
    let beside = backend_by_simple_query(&second.client, "BEGIN; SELECT pg_backend_pid()").await?;
    let after = backend_by_simple_query(&first.client, "SELECT pg_backend_pid()").await?;
    second.client.batch_execute("ROLLBACK").await?;
    if before == after && before != beside {
        Ok(())
    } else {
        Err(Error::Pooled)
    }
}

async fn backend_by_simple_query(client: &Client, query: &str) -> Result<Option<String>, Error> {
    let messages = client.simple_query(query).await?;
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
