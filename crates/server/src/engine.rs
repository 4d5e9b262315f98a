//! The loop around the core's engine: commands and outcomes in, one commit at a time, effects after it.
//!
//! It takes all that has arrived, lets the core decide, dispatches what became ready, and hands the journal one commit
//! whenever the last one is durable. It never waits to fill one. Answers, reads included, are taken when they are asked
//! for, and held back by the core until what they saw is durable.
//!
//! Layout:
//! - `commands`: the commands. `sessions`: those of workers. `orders`: those of people about a task.
//! - `views`: what is made of tasks: answers, dispatches. `replies`: answers that are held back.
//! - `commits`: what the journal is given, and what is let go once it is durable. `refused`: what PostgreSQL refuses of it.
//! - `reading`: tasks that are not in memory. `stop`: the end.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tasker_core::gateway::Texts;
use tasker_core::missed::{Missed, Readings};
use tasker_core::pulse::{BEAT, Pulse};
use tasker_core::refusals::Refusals;
use tasker_core::state::PATIENCE;
use tasker_core::store::{self, Store, Wanted};
use tasker_core::worker::SessionId;
use tasker_core::{Change, Event, State, StepIndex, Task, TaskId, Time};
use tasker_journal::{self as journal, Append, Journal, NewKey};
use tasker_protocol::api;
use tasker_protocol::frame::Fetch;
use tokio::sync::{broadcast, mpsc, watch};

use crate::admission::{Intake, Share};
use crate::batch::Status;
use crate::clock::Clock;
use crate::command::{Command, Obeyed, Order};
use crate::follow::Followed;
use crate::lease::Lease;
use crate::outbox::Reserved;
use crate::traces::Traces;

mod commands;
mod commits;
mod orders;
mod reading;
mod refused;
mod replies;
mod sessions;
mod stop;
mod views;

use replies::Reply;
use sessions::Open;

/// Commands that are taken at once.
const COMMANDS: usize = 4096;

/// The engine cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The journal refused.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The journal does not give back what it was given.
    #[error(transparent)]
    Texts(#[from] store::Error),
}

/// What recovery rebuilt.
pub struct Recovered {
    /// The core's state.
    pub state: State,
    /// The texts of the tasks in it.
    pub texts: Store<WaitingForTexts>,
    /// Where the row of each task says that it stands.
    pub stored: HashMap<TaskId, Status>,
}

impl Recovered {
    /// No tasks yet; `budget` is what the texts of all may take in memory.
    pub fn new(budget: usize) -> Recovered {
        Recovered {
            state: State::with_patience(PATIENCE),
            texts: Store::new(budget),
            stored: HashMap::new(),
        }
    }
}

/// What waits for texts that are being read.
pub enum WaitingForTexts {
    /// An attempt that is to be given to a worker.
    Dispatch(Started),
    /// A command that is to be carried out then.
    Command(Command),
}

/// An attempt whose start is durable.
#[derive(Clone, Copy)]
pub struct Started {
    session: SessionId,
    task: TaskId,
    step: StepIndex,
    attempt: u32,
}

/// What the engine has others read for it; they answer with commands.
pub struct Readers {
    /// Tasks that are not in memory: [`Command::Found`].
    pub tasks: mpsc::UnboundedSender<TaskId>,
    /// Texts that are not in memory: [`Command::Texts`].
    pub texts: mpsc::UnboundedSender<Vec<Wanted>>,
}

/// What waits for a task that is being read.
enum Waiting {
    Outcome(Missed),
    Order(Order),
    Fetch(SessionId, Fetch, Reserved),
    /// Its own timer.
    Time,
    /// The share of an outcome that waits too.
    Share(Arc<Share>),
}

/// The loop's state.
pub struct Engine {
    core: tasker_core::Engine<Reply>,
    texts: Store<WaitingForTexts>,
    stored: HashMap<TaskId, Status>,
    /// Idempotency keys of tasks whose creation is not with the journal yet.
    keys: HashMap<TaskId, NewKey>,
    clock: Clock,
    lease: Lease,
    /// Whether it has let its workers go, because it may not have the tasks any more.
    is_cut_off: bool,
    sessions: HashMap<SessionId, Open>,
    /// Calls that wait for a task to settle.
    waiters: HashMap<TaskId, Vec<Obeyed<api::Task>>>,
    followers: HashMap<TaskId, broadcast::Sender<Arc<Followed>>>,
    /// Where it says how many steps its tasks have.
    open_steps: Arc<AtomicUsize>,
    readers: Readers,
    /// The tasks that are being read.
    readings: Readings<Waiting>,
    /// The tasks of which the journal has refused something.
    refusals: Refusals,
    /// Outcomes that changed nothing, since the start: repeats, and those of unknown attempts.
    passed_over: u64,
    pulse: Pulse,
    traces: Traces,
    /// When the commit that is in flight began.
    commit_began: Option<Time>,
    /// Whether nothing new is begun, because the process stops.
    stopping: bool,
}

impl Engine {
    /// An engine that goes on from what recovery rebuilt.
    pub fn new(
        recovered: Recovered,
        clock: Clock,
        lease: Lease,
        readers: Readers,
        traces: Traces,
    ) -> Engine {
        Engine {
            open_steps: Arc::default(),
            readers,
            traces,
            readings: Readings::default(),
            refusals: Refusals::default(),
            passed_over: 0,
            pulse: Pulse::new(clock.now()),
            commit_began: None,
            stopping: false,
            core: tasker_core::Engine::new(recovered.state),
            texts: recovered.texts,
            stored: recovered.stored,
            keys: HashMap::new(),
            clock,
            lease,
            is_cut_off: false,
            sessions: HashMap::new(),
            waiters: HashMap::new(),
            followers: HashMap::new(),
        }
    }

    /// Runs until `stop` says so, or `commands` is closed, and all that was begun is durable; or the journal refuses.
    ///
    /// # Errors
    /// Whatever was held back is dropped, and nothing more is appended.
    pub async fn run(
        mut self,
        journal: Journal,
        intake: Intake,
        stop: watch::Receiver<bool>,
    ) -> Result<(), Error> {
        self.open_steps = intake.open_steps;
        let (appends, mut queue) = mpsc::channel::<Append>(1);
        let (done, commits) = mpsc::channel(1);
        let appending = journal.clone();
        let writer = tokio::spawn(async move {
            while let Some(append) = queue.recv().await {
                if done.send(appending.append(append).await).await.is_err() {
                    break;
                }
            }
        });
        let ended = self
            .drive(&journal, intake.commands, appends, commits, stop)
            .await;
        // Its last append is over, whatever became of it, before anything is read again.
        let _ = writer.await;
        ended
    }

    async fn drive(
        mut self,
        journal: &Journal,
        mut commands: mpsc::Receiver<Command>,
        appends: mpsc::Sender<Append>,
        mut commits: mpsc::Receiver<Result<journal::AppendOutcome, journal::Error>>,
        stop: watch::Receiver<bool>,
    ) -> Result<(), Error> {
        let mut status = journal.status();
        let mut lost = std::pin::pin!(async move {
            use journal::Status::{Diverged, Fenced};
            let lost = status.wait_for(|status| matches!(status, Fenced | Diverged { .. }));
            drop(lost.await);
        });
        let mut stop = std::pin::pin!(stop::said(stop));
        self.happen(&Event::Recovered, None);
        let mut taken = Vec::with_capacity(COMMANDS);
        let mut open = true;
        while open || self.core.is_committing() {
            let wake = self.wake();
            tokio::select! {
                biased;
                () = &mut stop, if !self.stopping => self.stop(),
                Some(committed) = commits.recv() => self.committed(committed?)?,
                count = commands.recv_many(&mut taken, COMMANDS), if open => open = count > 0,
                // Found out while nothing is appended: an append says what it is.
                () = &mut lost => {
                    journal.append(Append::default()).await?;
                    return Ok(());
                }
                () = tokio::time::sleep_until(self.clock.instant(wake)) => {}
            }
            for command in taken.drain(..) {
                self.command(command)?;
            }
            self.look_again()?;
            self.catch_up();
            if !self.stopping {
                // What has arrived was handled first: nobody is given up for the engine's own silence.
                self.pass_time();
                self.happen(&Event::Dispatch, None);
            }
            if let Some(append) = self.seal() {
                // The writer ends only after this loop.
                let _ = appends.send(append).await;
            }
            let free = self.core.free();
            self.release(free);
            if let Some(wanted) = self.texts.read() {
                // The reader ends only with the engine.
                let _ = self.readers.texts.send(wanted);
            }
            self.texts.trim();
            let open_steps = self.core.state().steps();
            self.open_steps.store(open_steps, Ordering::Relaxed);
            if self.stopping && self.is_done() {
                commands.close();
            }
        }
        Ok(())
    }

    /// When time is to pass next.
    fn wake(&self) -> Time {
        let now = self.clock.now();
        if self.stopping || self.stands_still(now) {
            return now + BEAT;
        }
        let timer = self.core.state().next_timer();
        timer.map_or(self.pulse.next(), |timer| timer.min(self.pulse.next()))
    }

    /// Whether no time passes: it cannot commit, or workers cannot come to it.
    fn stands_still(&self, now: Time) -> bool {
        Pulse::is_stuck(self.commit_began, now) || self.lease.check().is_err()
    }

    fn pass_time(&mut self) {
        let now = self.clock.now();
        if self.lease.is_cut_off() {
            self.cut_off();
        }
        if self.stands_still(now) {
            return;
        }
        if let Some(gap) = self.pulse.beat(now) {
            tracing::warn!(
                "the engine was frozen, or could not commit, for {gap:?}: deadlines of workers are moved"
            );
            self.happen(&Event::Frozen { gap }, None);
        }
        // After the freeze: workers have their full time to come back from here on.
        if std::mem::take(&mut self.is_cut_off) {
            self.happen(&Event::Recovered, None);
        }
        self.happen(&Event::Tick, None);
    }

    fn happen(&mut self, event: &Event, texts: Option<&Texts>) {
        let now = self.clock.now();
        let changes = self.core.happen(event, texts, now, rand::random());
        if let (Event::Outcome { .. } | Event::Unknown { .. }, [Change::Accepted { attempt, .. }]) =
            (event, &changes[..])
        {
            self.passed_over += 1;
            tracing::info!(
                task = %attempt.task_uuid, step = %attempt.step_uuid, attempt = attempt.attempt,
                passed_over = self.passed_over,
                "an outcome is passed over: it repeats one that is recorded, or its attempt is unknown"
            );
        }
        for change in changes {
            match change {
                Change::Recorded { task: id, record } => {
                    if let Some(texts) = texts {
                        self.texts.keep(id, &record, texts);
                    }
                    if self.core.state().task(id).is_some_and(Task::is_settled) {
                        self.settled(id);
                    }
                }
                Change::Missing { session, attempt } => {
                    let missed = Missed {
                        event: event.clone(),
                        texts: texts.cloned(),
                        session,
                        attempt,
                    };
                    self.read(attempt.task_uuid, Waiting::Outcome(missed));
                }
                Change::Called { task } => self.read(task, Waiting::Time),
                _ => {}
            }
        }
    }

    fn settled(&mut self, id: TaskId) {
        for reply in self.waiters.remove(&id).unwrap_or_default() {
            self.show(id, true, reply);
        }
    }
}
