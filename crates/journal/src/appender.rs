//! The one task that writes: it commits one append after another, and finds out what became of one whose answer was
//! lost.
//!
//! It owns the connection, so an append that nobody waits for any more is still seen through.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{sleep, timeout},
};
use tokio_postgres::{Client, Config, error::SqlState};

use crate::{
    Append, AppendOutcome, CommitNumber, Day, Error, Refused, Text,
    batch::{self, Part, Witness},
    error::{describe, is_transient, is_undone},
    journal::Shared,
    link::{self, Link},
    migration,
    session::Session,
    takeover::{Claim, Origin, Owner},
};

/// The first pause after a failure; it doubles from one to the next.
const MIN_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(1);
/// No statement on a connection that is not good for appends yet waits longer for a lock: who made it is told why, and tries
/// again.
const PATIENCE: &str = "SET lock_timeout = '5s'";
/// An append that waits longer for its answer is reported.
const SLOW: Duration = Duration::from_secs(5);

/// Whether the journal can commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// As far as is known.
    Connected,
    /// Not now; it goes on trying by itself.
    Disconnected {
        /// The first failure since the last success, by this machine's clock.
        since: SystemTime,
        /// The last failure.
        reason: Text,
    },
    /// See [`Error::Diverged`]: it waits for [`Journal::rejoin`](crate::Journal::rejoin).
    Diverged {
        /// What differs.
        reason: Text,
    },
    /// See [`Error::Fenced`]: never again.
    Fenced,
}

/// What the handle asks for.
pub(crate) enum Command {
    Append(Append, oneshot::Sender<Result<AppendOutcome, Error>>),
    Rejoin(oneshot::Sender<Result<i64, Error>>),
}

/// A statement of which nobody knows whether it was committed.
#[derive(Clone, Copy)]
struct Doubt<'a> {
    parts: &'a [Part],
    number: CommitNumber,
}

pub(crate) struct Appender {
    shared: Arc<Shared>,
    owner: Owner,
    commands: mpsc::Receiver<Command>,
    status: watch::Sender<Status>,
    /// `None` while the connection is lost.
    link: Option<Link>,
    claim: Claim,
    /// The last number given to a statement.
    number: CommitNumber,
    /// The last commit that PostgreSQL acknowledged.
    witness: Option<Witness>,
    origin: Origin,
    diverged: Option<String>,
    fenced: bool,
}

impl Appender {
    /// Takes the engine over.
    pub(crate) async fn open(
        shared: Arc<Shared>,
        owner: Owner,
        commands: mpsc::Receiver<Command>,
        status: watch::Sender<Status>,
    ) -> Result<Appender, Error> {
        let mut session = connect(&shared.config).await?;
        let claim = owner.take_over(&shared.config, &mut session, 0).await?;
        let origin = Origin::read(&session).await?;
        let link = Some(Link::new(session, &claim).await?);
        shared.set_claim(&claim);
        let number = CommitNumber::before_first(claim.epoch);
        let (witness, diverged, fenced) = (None, None, false);
        Ok(Appender {
            shared,
            owner,
            commands,
            status,
            link,
            claim,
            number,
            witness,
            origin,
            diverged,
            fenced,
        })
    }

    /// Works until every handle is gone.
    pub(crate) async fn run(mut self) {
        loop {
            let command = match &self.link {
                Some(link) => tokio::select! {
                    command = self.commands.recv() => command,
                    () = link.session.closed() => {
                        self.lose("the connection was lost");
                        continue;
                    }
                    reason = link.changed(&self.shared, &self.claim, self.witness) => {
                        self.lose(&reason);
                        continue;
                    }
                },
                None if self.fenced || self.diverged.is_some() => self.commands.recv().await,
                None => {
                    // What it could not do is in the status; commands wait meanwhile.
                    let _ = self.reconnect(None).await;
                    if self.commands.is_closed() {
                        return;
                    }
                    continue;
                }
            };
            match command {
                // Nobody may be left to hear it; what was committed stays so.
                Some(Command::Append(append, answer)) => {
                    drop(answer.send(self.append(append).await))
                }
                Some(Command::Rejoin(answer)) => drop(answer.send(self.rejoin().await)),
                None => return,
            }
        }
    }

    async fn append(&mut self, append: Append) -> Result<AppendOutcome, Error> {
        self.check()?;
        let mut outcome = AppendOutcome {
            commit: self.number,
            refused: Vec::new(),
        };
        let mut parts = batch::parts(append);
        // As when it had come a moment before its day was dropped.
        parts.retain(|part| !self.shared.is_dropped(part.task_uuid));
        parts.retain(|part| match part.refusal() {
            Some(message) => {
                outcome.refused.push(Refused {
                    task_uuid: part.task_uuid,
                    message,
                });
                false
            }
            None => true,
        });
        for part in parts.iter().filter(|part| part.key.is_some()) {
            self.shared.may_have_keys(Day::of_task(part.task_uuid));
        }
        for statement in batch::statements(&parts) {
            match self.commit(statement).await? {
                Ok(number) => outcome.commit = number,
                Err(message) if statement.len() == 1 => {
                    outcome.refused.push(Refused {
                        task_uuid: statement[0].task_uuid,
                        message,
                    });
                }
                Err(message) => {
                    tracing::warn!(message, "an append was refused; trying it task by task");
                    for part in statement {
                        match self.commit(std::slice::from_ref(part)).await? {
                            Ok(number) => outcome.commit = number,
                            Err(message) => outcome.refused.push(Refused {
                                task_uuid: part.task_uuid,
                                message,
                            }),
                        }
                    }
                }
            }
        }
        // Days that were dropped meanwhile.
        outcome
            .refused
            .retain(|refused| !self.shared.is_dropped(refused.task_uuid));
        Ok(outcome)
    }

    /// Commits one statement, however long it takes. The inner error is PostgreSQL's final no to this statement.
    async fn commit(&mut self, parts: &[Part]) -> Result<Result<CommitNumber, String>, Error> {
        let mut pause = MIN_PAUSE;
        loop {
            if self.number.is_last() {
                // The next would be the next epoch's; a new connection raises the epoch.
                self.link = None;
            }
            if self.link.is_none() {
                self.reconnect(None).await?;
            }
            self.number = self.number.next();
            let number = self.number;
            let witness = Witness::of(parts, number);
            match self.send(parts, number).await {
                Ok(true) => {
                    self.witness = witness.or(self.witness);
                    self.report(Status::Connected);
                    return Ok(Ok(number));
                }
                Ok(false) => {
                    self.find_out_who_writes().await?;
                    if self.commands.is_closed() {
                        return Err(Error::Closed);
                    }
                    // It may go on being written by others.
                    sleep(pause).await;
                    pause = (pause * 2).min(MAX_PAUSE);
                }
                Err(error) if is_undone(&error) && !is_transient(&error) => {
                    return Ok(Err(describe(&error)));
                }
                Err(error) if is_undone(&error) => {
                    self.report_failure(&describe(&error));
                    if error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION) {
                        // The server has become a standby; the primary is found by connecting again.
                        self.link = None;
                    }
                    if self.commands.is_closed() {
                        return Err(Error::Closed);
                    }
                    sleep(pause).await;
                    pause = (pause * 2).min(MAX_PAUSE);
                }
                Err(error) => {
                    self.lose(&describe(&error));
                    if self.reconnect(Some(Doubt { parts, number })).await? {
                        self.witness = witness;
                        return Ok(Ok(number));
                    }
                }
            }
        }
    }

    /// Sends one statement and waits for its answer; reports when that takes long.
    async fn send(
        &self,
        parts: &[Part],
        number: CommitNumber,
    ) -> Result<bool, tokio_postgres::Error> {
        let link = self.link.as_ref().expect("`commit` has connected");
        let mut answer = std::pin::pin!(batch::send(
            &link.session.client,
            &link.statements,
            &self.owner.engine,
            self.claim.epoch,
            number,
            parts,
        ));
        match timeout(SLOW, &mut answer).await {
            Ok(answer) => answer,
            Err(_) => {
                self.report_failure("PostgreSQL has not answered an append for five seconds");
                answer.await
            }
        }
    }

    /// After an append that the fence has kept out: nothing was written.
    async fn find_out_who_writes(&mut self) -> Result<(), Error> {
        if let Some(link) = &self.link {
            let recorded = self
                .owner
                .check_recorded(&link.session, self.claim.epoch)
                .await;
            if let Err(Error::Fenced { .. }) = recorded {
                return Err(self.fence());
            }
        }
        self.lose(link::CHANGED);
        self.reconnect(None).await.map(drop)
    }

    /// Connects again, until it is known what was committed. Returns whether the commit in doubt was.
    async fn reconnect(&mut self, doubt: Option<Doubt<'_>>) -> Result<bool, Error> {
        let mut pause = MIN_PAUSE;
        loop {
            match self.try_reconnect(doubt).await {
                Ok(committed) => {
                    self.report(Status::Connected);
                    tracing::info!(epoch = self.claim.epoch, "connected to PostgreSQL again");
                    return Ok(committed);
                }
                Err(Error::Fenced { .. }) => return Err(self.fence()),
                Err(Error::Diverged(what)) => return Err(self.diverge(what)),
                Err(error) => self.report_failure(&error.to_string()),
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
    async fn rejoin(&mut self) -> Result<i64, Error> {
        if self.fenced {
            return Err(self.fenced_error());
        }
        let mut pause = MIN_PAUSE;
        loop {
            match self.try_rejoin().await {
                Ok(()) => {
                    self.diverged = None;
                    self.report(Status::Connected);
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

    fn check(&self) -> Result<(), Error> {
        match &self.diverged {
            _ if self.fenced => Err(self.fenced_error()),
            Some(what) => Err(Error::Diverged(what.clone())),
            None => Ok(()),
        }
    }

    fn fenced_error(&self) -> Error {
        Error::Fenced {
            engine: self.owner.engine.clone(),
            epoch: self.claim.epoch,
        }
    }

    fn fence(&mut self) -> Error {
        self.fenced = true;
        self.link = None;
        self.report(Status::Fenced);
        self.fenced_error()
    }

    fn diverge(&mut self, what: String) -> Error {
        tracing::error!(
            what,
            "the database has another history than was written to it"
        );
        self.report(Status::Diverged {
            reason: what.as_str().into(),
        });
        self.diverged = Some(what.clone());
        Error::Diverged(what)
    }

    fn lose(&mut self, reason: &str) {
        self.link = None;
        self.report_failure(reason);
    }

    fn report(&self, status: Status) {
        self.status.send_if_modified(|present| {
            let changes = *present != status;
            *present = status;
            changes
        });
    }

    fn report_failure(&self, reason: &str) {
        let since = match &*self.status.borrow() {
            Status::Disconnected { since, .. } => *since,
            _ => SystemTime::now(),
        };
        tracing::warn!(reason, "the journal cannot commit; trying again");
        self.report(Status::Disconnected {
            since,
            reason: reason.into(),
        });
    }
}

/// Connects to a server that can hold the journal and has its tables.
async fn connect(config: &Config) -> Result<Session, Error> {
    let session = Session::connect(config).await?;
    session.client.batch_execute(PATIENCE).await?;
    session.check_server().await?;
    migration::check(&session).await?;
    Ok(session)
}
