//! The lease: until when the process that owns an engine counts as alive to other engines.
//!
//! It has nothing to do with what is committed, which the epoch fences. It spares an engine that lives from being taken
//! over by one of another name, and tells a process that has been taken over while it appends nothing.

use std::time::Duration;

use tokio_postgres::{
    Config, Transaction,
    types::{ToSql, Type},
};

use crate::{
    Error,
    reader::{Reader, micros},
    takeover::Owner,
};

/// How long a lease lasts from its last renewal on.
pub const LEASE: Duration = Duration::from_secs(6);

/// This process's lease.
pub(crate) struct Lease {
    owner: Owner,
    /// Of its own: neither an append nor a long reading goes before a renewal.
    reader: Reader,
}

impl Lease {
    pub(crate) fn new(config: Config, owner: Owner) -> Lease {
        Lease {
            owner,
            reader: Reader::new(config),
        }
    }

    pub(crate) async fn connect(&self) -> Result<(), Error> {
        self.reader.connect().await
    }

    /// Renews it and returns PostgreSQL's clock, in microseconds since 1970-01-01 UTC.
    pub(crate) async fn renew(&self, epoch: i64) -> Result<i64, Error> {
        let Owner { engine, holder, .. } = &self.owner;
        self.reader
            .read(|session| async move {
                let seconds = LEASE.as_secs_f64();
                let parameters: [(&(dyn ToSql + Sync), Type); 3] = [
                    (engine, Type::TEXT),
                    (holder, Type::UUID),
                    (&seconds, Type::FLOAT8),
                ];
                // Typed, so that PostgreSQL need not be asked for the types first.
                let renew = include_str!("../sql/renew_lease.sql");
                let renewed = session.client.query_typed_opt(renew, &parameters).await?;
                if let Some(row) = renewed {
                    return Ok(micros(row.get(0)));
                }
                self.owner.check_recorded(&session, epoch).await?;
                Err(Error::Diverged(format!(
                    "it has no lease of engine {engine}"
                )))
            })
            .await
    }

    /// Gives it up: the shards are free for another engine at once.
    pub(crate) async fn release(&self) -> Result<(), Error> {
        let Owner { engine, holder, .. } = &self.owner;
        self.reader
            .read(|session| async move {
                let release = include_str!("../sql/release_lease.sql");
                session.client.execute(release, &[engine, holder]).await?;
                Ok(())
            })
            .await
    }
}

/// Drops the leases of others that have run out; refuses while there is one that has not.
pub(crate) async fn check_others(transaction: &Transaction<'_>, engine: &str) -> Result<(), Error> {
    let drop = include_str!("../sql/drop_leases.sql");
    transaction.execute(drop, &[&engine]).await?;
    let other = include_str!("../sql/other_lease.sql");
    match transaction.query_opt(other, &[&engine]).await? {
        None => Ok(()),
        Some(other) => Err(Error::Held {
            engine: other.get(0),
            address: other.get(1),
            until: other.get(2),
        }),
    }
}

/// Begins a lease; the process that had it before has it no more.
pub(crate) async fn begin(transaction: &Transaction<'_>, owner: &Owner) -> Result<(), Error> {
    let Owner { engine, holder, .. } = owner;
    let begin = include_str!("../sql/begin_lease.sql");
    let seconds = LEASE.as_secs_f64();
    transaction
        .execute(begin, &[engine, holder, &seconds])
        .await?;
    Ok(())
}
