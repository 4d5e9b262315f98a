//! The loop that owns the core: commands and outcomes in, one commit at a time, effects after it.
//!
//! It takes all that has arrived, decides, dispatches what became ready, and hands the journal one batch whenever the
//! last one is durable. It never waits to fill a batch. Answers, reads included, are held back until what they saw is
//! durable.

use std::collections::HashMap;
use std::sync::Arc;

use tasker_core::gateway::Texts;
use tasker_core::worker::SessionId;
use tasker_core::{Change, Event, Record, State, StepIndex, TaskId, decide};
use tasker_journal::{self as journal, Append, Journal, Refused};
use tasker_protocol::api;
use tasker_protocol::frame::{AttemptRef, Dispatch, EngineMessage, Welcome};
use tokio::sync::mpsc;

use crate::batch::{Batch, Release, Status, change, stored_status};
use crate::clock::Clock;
use crate::command::{Answer, Command, NewTask};
use crate::follow::Followed;
use crate::payloads::{Payloads, TaskTexts};
use crate::view;

/// Commands that are taken at once.
const COMMANDS: usize = 4096;

/// The engine cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The journal refused.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// PostgreSQL refused what was checked before.
    #[error(
        "PostgreSQL refused records of task {task}: {reason}; the engine stops, because its memory is ahead of the \
         journal"
    )]
    Refused {
        /// The task.
        task: TaskId,
        /// What PostgreSQL said.
        reason: String,
    },
}

/// What recovery rebuilt.
#[derive(Default)]
pub struct Recovered {
    /// The core's state.
    pub state: State,
    /// The texts of the tasks in it.
    pub payloads: Payloads,
    /// Where the row of each task says that it stands.
    pub stored: HashMap<TaskId, Status>,
}

/// The loop's state.
pub struct Engine {
    state: State,
    payloads: Payloads,
    stored: HashMap<TaskId, Status>,
    clock: Clock,
    batch: Batch,
    /// Held back until the commit that is in flight is durable.
    in_flight: Option<Batch>,
    sessions: HashMap<SessionId, mpsc::UnboundedSender<EngineMessage>>,
    /// Calls that wait for a task to settle.
    waiters: HashMap<TaskId, Vec<Answer>>,
    followers: HashMap<TaskId, Vec<mpsc::UnboundedSender<Arc<Followed>>>>,
}

impl Engine {
    /// An engine that goes on from what recovery rebuilt.
    pub fn new(recovered: Recovered, clock: Clock) -> Engine {
        Engine {
            state: recovered.state,
            payloads: recovered.payloads,
            stored: recovered.stored,
            clock,
            batch: Batch::default(),
            in_flight: None,
            sessions: HashMap::new(),
            waiters: HashMap::new(),
            followers: HashMap::new(),
        }
    }

    /// Runs until `commands` is closed and all is durable, or the journal refuses.
    pub async fn run(
        mut self,
        journal: Journal,
        mut commands: mpsc::Receiver<Command>,
    ) -> Result<(), Error> {
        let (appends, mut queue) = mpsc::channel::<Append>(1);
        let (done, mut commits) = mpsc::channel(1);
        let writer = tokio::spawn(async move {
            while let Some(append) = queue.recv().await {
                if done.send(journal.append(append).await).await.is_err() {
                    break;
                }
            }
        });
        self.happen(&Event::Recovered, None);
        let mut taken = Vec::with_capacity(COMMANDS);
        let mut open = true;
        while open || self.in_flight.is_some() {
            let timer = self.state.next_timer().map(|time| self.clock.instant(time));
            tokio::select! {
                biased;
                Some(committed) = commits.recv() => self.committed(committed?)?,
                count = commands.recv_many(&mut taken, COMMANDS), if open => open = count > 0,
                () = sleep_until(timer) => {}
            }
            for command in taken.drain(..) {
                self.command(command);
            }
            self.happen(&Event::Tick, None);
            self.happen(&Event::Dispatch, None);
            if self.in_flight.is_none() && !self.batch.is_empty() {
                let append = self.seal();
                // The writer ends only after this loop.
                let _ = appends.send(append).await;
            } else if self.in_flight.is_none() {
                let batch = std::mem::take(&mut self.batch);
                self.release(batch);
            }
        }
        drop(appends);
        let _ = writer.await;
        Ok(())
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Create { task, wait, reply } => self.create(*task, wait, reply),
            Command::Task { task, wait, reply } => self.show(task, wait, reply),
            Command::Steps {
                task,
                from,
                limit,
                reply,
            } => {
                let steps = self.steps(task, from, limit);
                self.reply(move || drop(reply.send(steps)));
            }
            Command::Follow { task, reply } => {
                let commits = self.state.task(task).map(|_| {
                    let (sender, receiver) = mpsc::unbounded_channel();
                    self.followers.entry(task).or_default().push(sender);
                    receiver
                });
                self.reply(move || drop(reply.send(commits)));
            }
            Command::Open { event, outbox } => {
                if let Event::Opened { session, .. } = &event {
                    self.sessions.insert(*session, outbox);
                }
                self.happen(&event, None);
            }
            Command::Session { event, texts } => self.happen(&event, texts.as_ref()),
        }
    }

    fn create(&mut self, new: NewTask, wait: bool, reply: Answer) {
        let texts = TaskTexts::new(&new.graph, new.request, new.context);
        self.payloads.insert(new.id, texts);
        let event = Event::Create {
            task: new.id,
            graph: new.graph,
            priority: new.priority,
        };
        self.happen(&event, None);
        if wait {
            self.wait(new.id, reply);
        } else {
            let task = self.task(new.id);
            self.reply(move || drop(reply.send(task)));
        }
    }

    fn show(&mut self, id: TaskId, wait: bool, reply: Answer) {
        let open = self.state.task(id).is_some_and(|task| !task.is_settled());
        if wait && open {
            self.wait(id, reply);
        } else {
            let task = self.task(id);
            self.reply(move || drop(reply.send(task)));
        }
    }

    /// Answers when the task settles. Who asked may have gone meanwhile: such calls are forgotten by and by.
    fn wait(&mut self, task: TaskId, reply: Answer) {
        let waiters = self.waiters.entry(task).or_default();
        waiters.retain(|waiter| !waiter.is_closed());
        waiters.push(reply);
    }

    fn task(&self, id: TaskId) -> Option<api::Task> {
        let (task, texts) = (self.state.task(id)?, self.payloads.get(&id)?);
        Some(view::task(&self.state, task, texts))
    }

    fn steps(&self, id: TaskId, from: StepIndex, limit: usize) -> Option<Vec<api::Step>> {
        let (task, texts) = (self.state.task(id)?, self.payloads.get(&id)?);
        let steps = (from..task.steps.len() as StepIndex)
            .take(limit)
            .map(|step| view::step(&self.state, task, texts, step));
        Some(steps.collect())
    }

    /// Answers once all that the answer saw is durable.
    fn reply(&mut self, answer: impl FnOnce() + Send + 'static) {
        self.hold(Release::Reply(Box::new(answer)));
    }

    /// Holds something back until all that was decided so far is durable.
    fn hold(&mut self, release: Release) {
        let batch = match &mut self.in_flight {
            Some(in_flight) if self.batch.is_empty() => in_flight,
            _ => &mut self.batch,
        };
        batch.hold(release);
    }

    fn happen(&mut self, event: &Event, texts: Option<&Texts>) {
        let changes = decide(&self.state, event, self.clock.now(), rand::random());
        for change in changes {
            let replaced = match &change {
                Change::Opened { offer, .. } => self
                    .state
                    .workers()
                    .get(offer.instance)
                    .and_then(|worker| worker.session),
                _ => None,
            };
            self.state.evolve(&change);
            if let Some(replaced) = replaced {
                self.sessions.remove(&replaced);
            }
            self.follow_up(change, texts);
        }
    }

    /// What follows from a change that was carried out.
    fn follow_up(&mut self, change: Change, texts: Option<&Texts>) {
        match change {
            Change::Created { task, .. } => {
                if let (Some(task), Some(texts)) = (self.state.task(task), self.payloads.get(&task))
                {
                    self.stored.insert(task.id, Status::Open);
                    self.batch.create(task, texts);
                }
            }
            Change::Recorded { task, record } => self.recorded(task, record, texts),
            Change::Accepted { session, attempt } => self.accept(session, attempt),
            Change::Opened {
                session,
                welcome,
                stale,
                ..
            } => self.welcome(session, welcome, stale),
            Change::Closed { session, .. } => {
                self.sessions.remove(&session);
            }
            Change::Due { .. }
            | Change::Slots { .. }
            | Change::Awaited { .. }
            | Change::Gone { .. }
            | Change::Evicted { .. } => {}
        }
    }

    fn recorded(&mut self, id: TaskId, record: Record, texts: Option<&Texts>) {
        let Some(task) = self.state.task(id) else {
            return;
        };
        let step = record.step();
        let started = match &record {
            Record::Started { instance, .. } => Some(*instance),
            _ => None,
        };
        if let (true, Some(texts), Some(kept)) =
            (record.texts() > 0, texts, self.payloads.get_mut(&id))
        {
            kept.steps[step as usize] = Some(texts.clone());
        }
        self.batch.record(task, record, texts);
        if let Some(instance) = started {
            let session = self
                .state
                .workers()
                .get(instance)
                .and_then(|worker| worker.session);
            if let (Some(session), Some(dispatch)) = (session, self.dispatch(id, step)) {
                let message = EngineMessage::Dispatch(Box::new(dispatch));
                self.batch.hold(Release::Message(session, message));
            }
        } else if task.is_settled() {
            self.settled(id, task.has_ended());
        }
    }

    fn settled(&mut self, id: TaskId, ended: bool) {
        for reply in self.waiters.remove(&id).unwrap_or_default() {
            let task = self.task(id);
            let answer = move || drop(reply.send(task));
            self.batch.hold(Release::Reply(Box::new(answer)));
        }
        if ended {
            self.batch.hold(Release::Evict(id));
        }
    }

    /// An outcome that changed nothing may repeat one whose commit is still in flight.
    fn accept(&mut self, session: SessionId, attempt: AttemptRef) {
        match &mut self.in_flight {
            Some(in_flight) if self.batch.is_empty() => in_flight.accept(session, attempt),
            _ => self.batch.accept(session, attempt),
        }
    }

    fn welcome(&mut self, session: SessionId, welcome: Welcome, stale: Vec<AttemptRef>) {
        let welcome = EngineMessage::Welcome(welcome);
        let cancels = stale.into_iter().map(EngineMessage::Cancel);
        for message in std::iter::once(welcome).chain(cancels) {
            self.hold(Release::Message(session, message));
        }
    }

    fn dispatch(&self, id: TaskId, step: StepIndex) -> Option<Dispatch> {
        let (task, texts) = (self.state.task(id)?, self.payloads.get(&id)?);
        let (graph, node) = (&task.graph, task.graph.node(step));
        let results = node.ancestors.iter().filter_map(|ancestor| {
            let results = texts.step(*ancestor)?.body.clone();
            Some((graph.node(*ancestor).name.clone(), results))
        });
        let step_uuid = task.step_uuid(step);
        Some(Dispatch {
            task_uuid: id,
            step_uuid,
            attempt: task.step(step).attempts,
            max_attempts: task.max_attempts(step),
            namespace: graph.namespace.to_string(),
            name: graph.name.clone(),
            version: graph.version.clone(),
            step_name: node.name.clone(),
            callable: node.callable.to_string(),
            method: node.method.clone(),
            configuration: node.configuration.clone(),
            idempotency_key: step_uuid.to_string(),
            context: texts.context.clone(),
            results: results.collect(),
            timeout_ms: node.timeout_ms,
            tags: texts.request.tags.clone(),
            correlation_id: texts.request.correlation_id.clone(),
        })
    }

    /// Closes the batch: what the journal appends now, and what is held back until it is durable.
    fn seal(&mut self) -> Append {
        let mut batch = std::mem::take(&mut self.batch);
        let mut changed = Vec::new();
        for id in batch.touched() {
            let Some(task) = self.state.task(*id) else {
                continue;
            };
            let status = stored_status(task);
            if self.stored.insert(*id, status) != Some(status) {
                changed.push(change(task, status));
            }
        }
        for (id, followers) in &mut self.followers {
            if let Some(followed) = batch.followed(*id) {
                let followed = Arc::new(followed);
                followers.retain(|follower| !follower.is_closed());
                for follower in followers {
                    let (follower, followed) = (follower.clone(), Arc::clone(&followed));
                    batch.hold(Release::Reply(Box::new(move || {
                        drop(follower.send(followed));
                    })));
                }
            }
        }
        let append = batch.append(changed);
        self.in_flight = Some(batch);
        append
    }

    fn committed(&mut self, outcome: journal::AppendOutcome) -> Result<(), Error> {
        if let Some(Refused { task_uuid, message }) = outcome.refused.into_iter().next() {
            return Err(Error::Refused {
                task: task_uuid,
                reason: message,
            });
        }
        if let Some(batch) = self.in_flight.take() {
            self.release(batch);
        }
        Ok(())
    }

    fn release(&mut self, batch: Batch) {
        for release in batch.into_releases() {
            match release {
                Release::Message(session, message) => {
                    if let Some(outbox) = self.sessions.get(&session) {
                        // A session that closes meanwhile says so by an event of its own.
                        let _ = outbox.send(message);
                    }
                }
                Release::Reply(answer) => answer(),
                Release::Evict(task) => {
                    self.state.evolve(&Change::Evicted { task });
                    self.payloads.remove(&task);
                    self.stored.remove(&task);
                    self.followers.remove(&task);
                }
            }
        }
    }
}

async fn sleep_until(instant: Option<tokio::time::Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
