//! Who owns an engine: taking it over, and finding out whether another process has.

use std::{fmt, time::Duration};

use tokio_postgres::{Client, Config, Row, error::SqlState};
use uuid::Uuid;

use crate::{Error, Options, lease, session::Session};

/// How long a take-over waits for whoever holds the engine's row, before it ends that session.
const PATIENCE: &str = "SET LOCAL lock_timeout = '1s'";

/// How often a take-over looks for sessions that it waits for, once it ends them.
const EVICTION_INTERVAL: Duration = Duration::from_millis(50);

/// This process as an owner.
#[derive(Clone)]
pub(crate) struct Owner {
    pub(crate) engine: String,
    pub(crate) address: String,
    /// Drawn at start: tells this process from another with the same engine and epoch.
    pub(crate) holder: Uuid,
}

/// The engine's row as this process has written it last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claim {
    pub(crate) epoch: i64,
    /// The transaction that wrote it, which is not the one of a row that was restored in its place.
    pub(crate) written_by: String,
}

impl Claim {
    fn of(row: &Row) -> Claim {
        Claim {
            epoch: row.get("epoch"),
            written_by: row.get("written_by"),
        }
    }
}

impl Owner {
    pub(crate) fn new(options: &Options) -> Owner {
        Owner {
            engine: options.engine_id.clone(),
            address: options.address.clone(),
            holder: Uuid::now_v7(),
        }
    }

    /// Compares what the database has for this engine with what this process knows.
    ///
    /// A later epoch of another process means that it has taken over; one of this process's own, that the answer to
    /// raising it was lost. An earlier epoch means that the database has lost what was written.
    pub(crate) async fn check_recorded(&self, session: &Session, epoch: i64) -> Result<(), Error> {
        let row = session
            .client
            .query_opt(include_str!("../sql/owner.sql"), &[&self.engine])
            .await?;
        let Some(row) = row else {
            return Err(Error::Diverged(format!(
                "it does not know engine {}",
                self.engine
            )));
        };
        let (recorded, holder): (i64, Uuid) = (row.get(0), row.get(1));
        if recorded > epoch && holder != self.holder {
            return Err(Error::Fenced {
                engine: self.engine.clone(),
                epoch,
            });
        }
        if recorded < epoch || holder != self.holder {
            return Err(Error::Diverged(format!(
                "its epoch is {recorded}, it was {epoch}"
            )));
        }
        Ok(())
    }

    /// Takes the engine and all shards over, with an epoch above `floor`.
    ///
    /// # Errors
    /// [`Error::Held`]: another engine has a lease that has not run out.
    pub(crate) async fn take_over(
        &self,
        config: &Config,
        session: &mut Session,
        floor: i64,
    ) -> Result<Claim, Error> {
        match self.try_take_over(session, floor).await {
            Err(error) if waits_for_lock(&error) => {}
            result => return result,
        }
        let waiting = session.backend().await?;
        loop {
            let result = tokio::select! {
                result = self.try_take_over(session, floor) => result,
                error = evict(config, waiting) => Err(error),
            };
            match result {
                Err(error) if waits_for_lock(&error) => {}
                result => return result,
            }
        }
    }

    async fn try_take_over(&self, session: &mut Session, floor: i64) -> Result<Claim, Error> {
        let transaction = session.client.transaction().await?;
        transaction.batch_execute(PATIENCE).await?;
        transaction
            .query(include_str!("../sql/lock_shards.sql"), &[])
            .await?;
        lease::check_others(&transaction, &self.engine).await?;
        let mut floor = floor;
        let others = transaction
            .query(
                include_str!("../sql/fence_others.sql"),
                &[&self.engine, &self.holder],
            )
            .await?;
        for row in &others {
            let (other, epoch): (&str, i64) = (row.get(0), row.get(1));
            tracing::warn!(
                engine = self.engine,
                other,
                "the shards of another engine are taken over"
            );
            floor = floor.max(epoch);
        }
        let row = transaction
            .query_one(
                include_str!("../sql/take_engine.sql"),
                &[&self.engine, &self.holder, &self.address, &floor],
            )
            .await?;
        transaction
            .execute(include_str!("../sql/take_shards.sql"), &[&self.engine])
            .await?;
        lease::begin(&transaction, self).await?;
        transaction.commit().await?;
        Ok(Claim::of(&row))
    }

    /// Raises this process's epoch; `None` when another process has taken the engine over.
    ///
    /// When it returns, no append of an earlier epoch runs or will be committed.
    pub(crate) async fn raise_epoch(
        &self,
        config: &Config,
        session: &mut Session,
    ) -> Result<Option<Claim>, Error> {
        match self.try_raise_epoch(session).await {
            Err(error) if waits_for_lock(&error) => {}
            result => return result,
        }
        let waiting = session.backend().await?;
        loop {
            let result = tokio::select! {
                result = self.try_raise_epoch(session) => result,
                error = evict(config, waiting) => Err(error),
            };
            match result {
                Err(error) if waits_for_lock(&error) => {}
                result => return result,
            }
        }
    }

    async fn try_raise_epoch(&self, session: &mut Session) -> Result<Option<Claim>, Error> {
        let transaction = session.client.transaction().await?;
        transaction.batch_execute(PATIENCE).await?;
        let row = transaction
            .query_opt(
                include_str!("../sql/raise_epoch.sql"),
                &[&self.engine, &self.holder],
            )
            .await?;
        transaction.commit().await?;
        Ok(row.as_ref().map(Claim::of))
    }
}

/// Which history a database is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    system: i64,
    timeline: String,
}

impl Origin {
    pub(crate) async fn read(session: &Session) -> Result<Origin, Error> {
        let row = session
            .client
            .query_one(include_str!("../sql/origin.sql"), &[])
            .await?;
        Ok(Origin {
            system: row.get(0),
            timeline: row.get(1),
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "system {}, timeline {}", self.system, self.timeline)
    }
}

fn waits_for_lock(error: &Error) -> bool {
    matches!(error, Error::Unavailable(cause) if cause.code() == Some(&SqlState::LOCK_NOT_AVAILABLE))
}

/// Ends the sessions that the process `waiting` waits for, again and again. Returns only when it cannot.
async fn evict(config: &Config, waiting: i32) -> Error {
    let session = match Session::connect(config).await {
        Ok(session) => session,
        Err(error) => return error,
    };
    loop {
        if let Err(error) = end_blocking(&session.client, waiting).await {
            return error;
        }
        tokio::time::sleep(EVICTION_INTERVAL).await;
    }
}

async fn end_blocking(client: &Client, waiting: i32) -> Result<(), Error> {
    // A role that acts as another by default may end its own sessions only as itself.
    client.batch_execute("SET ROLE NONE").await?;
    let blocking = include_str!("../sql/blocking_sessions.sql");
    let mut left = Vec::new();
    for row in client.query(blocking, &[&waiting]).await? {
        let (pid, role, application): (i32, &str, &str) = (row.get(0), row.get(1), row.get(2));
        if pid == 0 {
            left.push("a prepared transaction (pg_prepared_xacts)".to_owned());
            continue;
        }
        let session = format!("session {pid} of role {role} ({application})");
        // Looked up once more: it may have let go meanwhile, and go on.
        let end = "SELECT pg_terminate_backend(pid) FROM unnest(pg_blocking_pids($1)) AS b (pid) WHERE pid = $2";
        match client.query_opt(end, &[&waiting, &pid]).await {
            Ok(None) => {}
            Ok(Some(_)) => tracing::warn!("ended, because it held the engine's rows: {session}"),
            Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
                left.push(session);
            }
            Err(error) => return Err(error.into()),
        }
    }
    if left.is_empty() {
        Ok(())
    } else {
        Err(Error::Blocked(left.join(", ")))
    }
}
