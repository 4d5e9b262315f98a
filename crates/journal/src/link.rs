//! The connection on which appends are sent.

use std::time::Duration;

use tokio::time::sleep;

use crate::{
    Error,
    batch::{self, Witness},
    error::describe,
    journal::Shared,
    session::Session,
    statement::Statements,
    takeover::Claim,
};

/// How often the database is looked at while nothing is appended.
const LOOK: Duration = Duration::from_secs(2);

/// Why the connection is given up where something else stands in the place of what this process has written.
pub(crate) const CHANGED: &str = "the database is not as this process has left it";

/// A connection whose statements are those of one claim on the engine.
pub(crate) struct Link {
    pub(crate) session: Session,
    pub(crate) statements: Statements,
}

impl Link {
    /// Of a session whose statements may have had a time limit for locks until now; those of appends have none.
    pub(crate) async fn new(session: Session, claim: &Claim) -> Result<Link, Error> {
        session.client.batch_execute("SET lock_timeout = 0").await?;
        let statements = Statements::prepare(&session.client, &claim.written_by).await?;
        Ok(Link {
            session,
            statements,
        })
    }

    /// Looks now and then whether the database still is the one that was written to; returns when it is not, and why. To
    /// be asked while nothing is appended: an append finds that out by itself.
    pub(crate) async fn changed(
        &self,
        shared: &Shared,
        claim: &Claim,
        last: Option<Witness>,
    ) -> String {
        loop {
            sleep(LOOK).await;
            let last = last.filter(|last| !shared.is_dropped(last.task_uuid()));
            let (client, written_by) = (&self.session.client, &claim.written_by);
            match batch::is_unchanged(client, &shared.engine, written_by, last).await {
                Ok(true) => {}
                // Its day was dropped meanwhile.
                Ok(false) if last.is_some_and(|last| shared.is_dropped(last.task_uuid())) => {}
                Ok(false) => return CHANGED.to_owned(),
                Err(error) => return describe(&error),
            }
        }
    }
}
