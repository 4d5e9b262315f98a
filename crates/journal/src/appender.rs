//! The one task that writes: it commits one append after another, and finds out what became of one whose answer was
//! lost.
//!
//! It owns the connection, so an append that nobody waits for any more is still seen through. `recovery` is how it gets
//! another.

mod recovery;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};
use tokio_postgres::error::SqlState;

use crate::{
    Append, AppendOutcome, CommitNumber, Day, Error, Refused,
    batch::{self, Part, Witness},
    error::{describe, is_transient, is_undone},
    journal::Shared,
    link::{self, Link},
    status::{Report, Status},
    takeover::{Claim, Origin, Owner},
};
use recovery::{Doubt, connect};

/// The first pause after a failure; it doubles from one to the next.
const MIN_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(1);
/// An append that waits longer for its answer is reported.
const SLOW: Duration = Duration::from_secs(5);

/// What the handle asks for.
pub(crate) enum Command {
    Append(Append, oneshot::Sender<Result<AppendOutcome, Error>>),
    Rejoin(oneshot::Sender<Result<i64, Error>>),
}

pub(crate) struct Appender {
    shared: Arc<Shared>,
    owner: Owner,
    commands: mpsc::Receiver<Command>,
    status: Report,
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
        status: Report,
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
                    self.status.set(Status::Connected);
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
                    self.status.failed(&describe(&error));
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
                self.status
                    .failed("PostgreSQL has not answered an append for five seconds");
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
        self.status.set(Status::Fenced);
        self.fenced_error()
    }

    fn diverge(&mut self, what: String) -> Error {
        tracing::error!(
            what,
            "the database has another history than was written to it"
        );
        self.status.set(Status::Diverged {
            reason: what.as_str().into(),
        });
        self.diverged = Some(what.clone());
        Error::Diverged(what)
    }

    fn lose(&mut self, reason: &str) {
        self.link = None;
        self.status.failed(reason);
    }
}
