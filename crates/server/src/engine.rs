//! The loop around the core's engine: commands and outcomes in, one commit at a time, effects after it.
//!
//! It takes all that has arrived, lets the core decide, dispatches what became ready, and hands the journal one commit
//! whenever the last one is durable. It never waits to fill one. Answers, reads included, are taken when they are asked
//! for, and held back by the core until what they saw is durable.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tasker_core::engine::{Leaves, Release};
use tasker_core::gateway::{self, Texts};
use tasker_core::missed::{Missed, Readings};
use tasker_core::pulse::{BEAT, Pulse};
use tasker_core::refusals::Refusals;
use tasker_core::state::PATIENCE;
use tasker_core::store::{self, Store, Wanted};
use tasker_core::worker::SessionId;
use tasker_core::{Change, Event, State, StepIndex, Task, TaskId, Time};
use tasker_journal::{self as journal, Append, Journal, NewKey};
use tasker_protocol::api;
use tasker_protocol::frame::{EngineMessage, Fetch};
use tokio::sync::{broadcast, mpsc};

use crate::admission::{Intake, Share};
use crate::batch::{self, Status};
use crate::clock::Clock;
use crate::command::{Command, Obeyed, Order};
use crate::follow::{BEHIND, Followed};
use crate::outbox::{Outbox, Reserved};
use crate::traces::{self, Traces};

mod orders;
mod reading;
mod refused;
mod replies;
mod views;

use replies::{Refused, Reply, Saw};

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

/// An open session.
struct Open {
    outbox: Outbox,
    since: Time,
    /// Attempts that it is given once its worker has read more.
    behind: VecDeque<Started>,
}

/// The loop's state.
pub struct Engine {
    core: tasker_core::Engine<Reply>,
    texts: Store<WaitingForTexts>,
    stored: HashMap<TaskId, Status>,
    /// Idempotency keys of tasks whose creation is not with the journal yet.
    keys: HashMap<TaskId, NewKey>,
    clock: Clock,
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
}

impl Engine {
    /// An engine that goes on from what recovery rebuilt.
    pub fn new(recovered: Recovered, clock: Clock, readers: Readers, traces: Traces) -> Engine {
        Engine {
            open_steps: Arc::default(),
            readers,
            traces,
            readings: Readings::default(),
            refusals: Refusals::default(),
            passed_over: 0,
            pulse: Pulse::new(clock.now()),
            commit_began: None,
            core: tasker_core::Engine::new(recovered.state),
            texts: recovered.texts,
            stored: recovered.stored,
            keys: HashMap::new(),
            clock,
            sessions: HashMap::new(),
            waiters: HashMap::new(),
            followers: HashMap::new(),
        }
    }

    /// Runs until `commands` is closed and all is durable, or the journal refuses.
    ///
    /// # Errors
    /// Whatever was held back is dropped, and nothing more is appended.
    pub async fn run(mut self, journal: Journal, intake: Intake) -> Result<(), Error> {
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
        let ended = self.turn(&journal, intake.commands, appends, commits).await;
        // Its last append is over, whatever became of it, before anything is read again.
        let _ = writer.await;
        ended
    }

    async fn turn(
        mut self,
        journal: &Journal,
        mut commands: mpsc::Receiver<Command>,
        appends: mpsc::Sender<Append>,
        mut commits: mpsc::Receiver<Result<journal::AppendOutcome, journal::Error>>,
    ) -> Result<(), Error> {
        let mut status = journal.status();
        let mut lost = std::pin::pin!(async move {
            use journal::Status::{Diverged, Fenced};
            let lost = status.wait_for(|status| matches!(status, Fenced | Diverged { .. }));
            drop(lost.await);
        });
        self.happen(&Event::Recovered, None);
        let mut taken = Vec::with_capacity(COMMANDS);
        let mut open = true;
        while open || self.core.is_committing() {
            let wake = self.wake();
            tokio::select! {
                biased;
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
            // What has arrived was handled first: nobody is given up for the engine's own silence.
            self.pass_time();
            self.happen(&Event::Dispatch, None);
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
        }
        Ok(())
    }

    /// When time is to pass next.
    fn wake(&self) -> Time {
        let now = self.clock.now();
        if Pulse::is_stuck(self.commit_began, now) {
            return now + BEAT;
        }
        let timer = self.core.state().next_timer();
        timer.map_or(self.pulse.next(), |timer| timer.min(self.pulse.next()))
    }

    fn pass_time(&mut self) {
        let now = self.clock.now();
        if Pulse::is_stuck(self.commit_began, now) {
            return;
        }
        if let Some(gap) = self.pulse.beat(now) {
            tracing::warn!(
                "the engine was frozen, or could not commit, for {gap:?}: deadlines of workers are moved"
            );
            self.happen(&Event::Frozen { gap }, None);
        }
        self.happen(&Event::Tick, None);
    }

    fn command(&mut self, command: Command) -> Result<(), Error> {
        match command {
            Command::Create { task, wait, reply } => self.create(*task, wait, reply),
            Command::CreateMany { tasks, reply } => self.create_many(tasks, reply),
            Command::Task { task, wait, reply } => self.show(task, wait, reply),
            Command::Tasks { tasks, reply } => self.show_many(tasks, reply),
            Command::Steps {
                task,
                from,
                limit,
                reply,
            } => self.show_steps(task, from, limit, reply),
            Command::Step {
                task,
                step_uuid,
                reply,
            } => self.show_step(task, step_uuid, reply),
            Command::Follow { task, reply } => {
                let state = self.core.state();
                let is_open = state.task(task).is_some() || state.idle(task).is_some();
                let commits = is_open.then(|| {
                    let followers = self.followers.entry(task);
                    let followers = followers.or_insert_with(|| broadcast::Sender::new(BEHIND));
                    followers.subscribe()
                });
                self.answer(Saw::Task(task), commits, reply, move |reply| {
                    Command::Follow { task, reply }
                });
            }
            Command::Workers { reply } => {
                let workers = self.workers();
                self.answer(Saw::All, workers, reply, |reply| Command::Workers { reply });
            }
            Command::Open { event, outbox } => {
                let Event::Opened { session, offer, .. } = &event else {
                    return Ok(());
                };
                let worker = self.core.state().workers().get(offer.instance);
                let replaced = worker.and_then(|worker| worker.session);
                self.happen(&event, None);
                // Otherwise a later session of the process is here already, and this one closes with its outbox.
                if self.core.state().workers().instance(*session).is_some() {
                    if let Some(replaced) = replaced {
                        self.sessions.remove(&replaced);
                    }
                    let since = self.clock.now();
                    let open = Open {
                        outbox,
                        since,
                        behind: VecDeque::new(),
                    };
                    self.sessions.insert(*session, open);
                }
            }
            Command::Session {
                event,
                texts,
                share,
            } => {
                if let Event::Closed { session, .. } | Event::Left { session, .. } = &event {
                    self.sessions.remove(session);
                }
                let (event, texts) = gateway::check_results(self.core.state(), event, texts);
                self.happen(&event, texts.as_ref());
                self.keep(share, &event);
            }
            Command::Fetch {
                session,
                fetch,
                reserved,
            } => self.fetch(session, fetch, reserved),
            Command::Order(order) => self.order(order),
            Command::Found { task, loaded } => self.found(task, loaded),
            Command::Texts(texts) => self.texts.found(&texts)?,
        }
        Ok(())
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

    /// What the journal is to append next. Who follows a task hears of it once it is durable.
    fn seal(&mut self) -> Option<Append> {
        let commit = self.core.seal()?;
        self.commit_began = Some(self.clock.now());
        let append = batch::append(
            &commit,
            self.core.state(),
            &self.texts,
            &mut self.stored,
            &mut self.keys,
        );
        self.texts.sealed(&commit);
        self.refusals.sealed(&commit);
        for change in &append.changed {
            if let Some(ended) = self.ended(change.task_uuid) {
                self.reply(change.task_uuid, move || ended.send());
            }
        }
        for part in commit.tasks {
            match self.followers.get(&part.task) {
                Some(followers) if followers.receiver_count() == 0 => {
                    self.followers.remove(&part.task);
                }
                Some(followers) => {
                    let (task, followers) = (part.task, followers.clone());
                    let followed = Arc::new(Followed::from(part));
                    self.reply(task, move || drop(followers.send(followed)));
                }
                None => {}
            }
        }
        Some(append)
    }

    /// The span of a task, if it has ended.
    fn ended(&self, id: TaskId) -> Option<traces::Ended> {
        let (task, texts) = (self.core.state().task(id)?, self.texts.get(id)?);
        self.traces.ended(task, &texts.request)
    }

    fn committed(&mut self, outcome: journal::AppendOutcome) -> Result<(), Error> {
        let again = self.refuse(outcome.refused);
        self.commit_began = None;
        self.texts.committed();
        self.refusals.committed();
        let released = self.core.committed();
        self.release(released);
        again.into_iter().try_for_each(|again| self.command(again))
    }

    fn release(&mut self, released: Vec<Release<Reply>>) {
        for release in released {
            match release {
                Release::Welcome(session, welcome) => {
                    self.send(session, EngineMessage::Welcome(welcome));
                }
                Release::Cancel(session, attempt) => {
                    self.send(session, EngineMessage::Cancel(attempt));
                }
                Release::Accepted(session, attempts) => {
                    self.send(session, EngineMessage::Accepted(attempts));
                }
                Release::Dispatch {
                    session,
                    task,
                    step,
                    attempt,
                } => {
                    self.dispatch(Started {
                        session,
                        task,
                        step,
                        attempt,
                    });
                }
                Release::Reply(reply) => drop(reply.give(&Refused::new())),
                Release::Evict(task, leaves) => {
                    self.texts.remove(task);
                    self.stored.remove(&task);
                    self.refusals.forget(task);
                    if leaves == Leaves::Ended {
                        self.followers.remove(&task);
                    }
                }
            }
        }
    }

    fn send(&self, session: SessionId, message: EngineMessage) {
        if let Some(open) = self.sessions.get(&session) {
            open.outbox.send(message);
        }
    }
}
