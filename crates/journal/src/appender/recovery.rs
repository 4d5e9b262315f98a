//! How the appender gets a connection again: after one was lost, with what became of a commit in doubt, and after the
//! database was on another history.

use tokio::time::sleep;
use tokio_postgres::{Client, Config};

use super::{Appender, MAX_PAUSE, MIN_PAUSE};
use crate::{
    CommitNumber, Error,
    batch::{Part, Witness},
    link::Link,
    migration,
    session::Session,
    status::Status,
    takeover::{Claim, Origin},
};

/// No statement on a connection that is not good for appends yet waits longer for a lock: who made it is told why, and tries
/// again.
const PATIENCE: &str = "SET lock_timeout = '5s'";

/// A statement of which nobody knows whether it was committed.
#[derive(Clone, Copy)]
pub(super) struct Doubt<'a> {
    pub(super) parts: &'a [Part],
    pub(super) number: CommitNumber,
}

impl Appender {
    /// Connects again, until it is known what was committed. Returns whether the commit in doubt was.
    pub(super) async fn reconnect(&mut self, doubt: Option<Doubt<'_>>) -> Result<bool, Error> {
        let mut pause = MIN_PAUSE;
        loop {
            match self.try_reconnect(doubt).await {
                Ok(committed) => {
                    self.status.set(Status::Connected);
                    tracing::info!(epoch = self.claim.epoch, "connected to PostgreSQL again");
                    return Ok(committed);
                }
                Err(Error::Fenced { .. }) => return Err(self.fence()),
                Err(Error::Diverged(what)) => return Err(self.diverge(what)),
                Err(error) => self.status.failed(&error.to_string()),
            }
            if self.commands.is_closed() {
                return Err(Error::Closed);
            }
            sleep(pause).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    async fn try_reconnect(&mut self, doubt: Option<Doubt<'_>>) -> Result<bool, Error> {
        let mut session = connect(&self.shared.config).await?;
        self.owner
            .check_recorded(&session, self.claim.epoch)
            .await?;
        let origin = Origin::read(&session).await?;
        if origin != self.origin {
            return Err(Error::Diverged(format!(
                "it was {}, it is {origin}",
                self.origin
            )));
        }
        let Some(claim) = self
            .owner
            .raise_epoch(&self.shared.config, &mut session)
            .await?
        else {
            return Err(self.fenced_error());
        };
        self.begin_epoch(claim);
        if let Some(last) = self.witness
            && !last.is_committed(&session.client).await?
            // Asked afterwards: its day may be dropped at any time.
            && !self.shared.is_dropped(last.task_uuid())
        {
            return Err(Error::Diverged(format!(
                "commit {} is not in it",
                last.number()
            )));
        }
        let committed = match doubt {
            Some(doubt) => self.is_committed(&session.client, doubt).await?,
            None => false,
        };
        self.link = Some(Link::new(session, &self.claim).await?);
        self.shared.set_claim(&self.claim);
        Ok(committed)
    }

    /// Whether a commit in doubt is in the journal, as far as it is about days that are not dropped. What else it added is
    /// gone with them.
    async fn is_committed(&self, client: &Client, doubt: Doubt<'_>) -> Result<bool, Error> {
        let is_there = |part: &&Part| !self.shared.is_dropped(part.task_uuid);
        let witness = || Witness::of(doubt.parts.iter().filter(is_there), doubt.number);
        while let Some(witness) = witness() {
            if witness.is_committed(client).await? {
                return Ok(true);
            }
            // Where its day was dropped meanwhile, the answer means nothing.
            if !self.shared.is_dropped(witness.task_uuid()) {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// Takes the database as it is now for the journal.
    pub(super) async fn rejoin(&mut self) -> Result<i64, Error> {
        if self.fenced {
            return Err(self.fenced_error());
        }
        let mut pause = MIN_PAUSE;
        loop {
            match self.try_rejoin().await {
                Ok(()) => {
                    self.diverged = None;
                    self.status.set(Status::Connected);
                    return Ok(self.claim.epoch);
                }
                Err(Error::Fenced { .. }) => return Err(self.fence()),
                // A dump that is being restored has no version for a while.
                Err(error)
                    if !error.is_transient() && !matches!(error, Error::SchemaOlder { .. }) =>
                {
                    return Err(error);
                }
                Err(error) => {
                    tracing::warn!(%error, "the journal cannot be rejoined; trying again")
                }
            }
            if self.commands.is_closed() {
                return Err(Error::Closed);
            }
            sleep(pause).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    async fn try_rejoin(&mut self) -> Result<(), Error> {
        self.link = None;
        let mut session = connect(&self.shared.config).await?;
        match self.owner.check_recorded(&session, self.claim.epoch).await {
            Err(error @ Error::Fenced { .. }) => return Err(error),
            Ok(()) | Err(Error::Diverged(_)) => {}
            Err(error) => return Err(error),
        }
        let claim = self
            .owner
            .take_over(&self.shared.config, &mut session, self.claim.epoch)
            .await?;
        self.begin_epoch(claim);
        self.witness = None;
        self.shared.forget_dropped();
        self.origin = Origin::read(&session).await?;
        self.shared.ensure_partitions().await?;
        self.link = Some(Link::new(session, &self.claim).await?);
        self.shared.set_claim(&self.claim);
        Ok(())
    }

    fn begin_epoch(&mut self, claim: Claim) {
        self.number = CommitNumber::before_first(claim.epoch);
        self.claim = claim;
    }
}

/// Connects to a server that can hold the journal and has its tables.
pub(super) async fn connect(config: &Config) -> Result<Session, Error> {
    let session = Session::connect(config).await?;
    session.client.batch_execute(PATIENCE).await?;
    session.check_server().await?;
    migration::check(&session).await?;
    Ok(session)
}
