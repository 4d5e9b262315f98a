//! The bench: an engine's core, the worker that is played to it, the journal and the clock.

use std::convert::Infallible;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tasker_core::engine::Release;
use tasker_core::gateway::{self, Output, Session, Texts};
use tasker_core::graph::Kind;
use tasker_core::payload::Look;
use tasker_core::texts::{Request, TaskTexts};
use tasker_core::worker::SessionId;
use tasker_core::{
    Change, Engine, Event, Graph, State, Task, TaskId, Time, creation, fetch, order, view,
};
use tasker_protocol::api::CreateTask;
use tasker_protocol::error::{ErrorCode, ErrorDetail};
use tasker_protocol::frame::{EngineMessage, Outcome, WorkerMessage, encode};
use uuid::Uuid;

use crate::command::{Answer, Clock, Command, Crash, Options, Template, TemplateStep};
use crate::journal::{Journal, Payloads};
use crate::random::Random;
use crate::worker::Worker;

/// What cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The options or a command cannot be read.
    #[error("{what}: {path}: {error}")]
    Unreadable {
        /// What was to be read.
        what: &'static str,
        /// Where in it.
        path: String,
        /// What is wrong.
        error: serde_json::Error,
    },
    /// The template is not valid.
    #[error(transparent)]
    Template(#[from] tasker_template::Problems),
}

/// One engine, one worker, one clock.
#[derive(Debug)]
pub struct Bench {
    graph: Arc<Graph>,
    core: Engine<Infallible>,
    texts: Payloads,
    journal: Journal,
    session: Session,
    worker: Worker,
    now: Time,
    random: Random,
    sessions: u64,
    workers: u64,
    epoch: i64,
}

impl Bench {
    /// A bench with a template, an engine without tasks and a connected worker. `options` is the JSON of [`Options`].
    pub fn new(options: &str) -> Result<Bench, Error> {
        let options: Options = read("options", options)?;
        let document = tasker_template::parse(&options.template, &options.file)?;
        let template = document.merged(&options.environment)?;
        let graph = Arc::new(Graph::new(&template, template.content_hash()));
        let mut random = Random::new(options.seed);
        let instance = Uuid::from_bytes(random.bytes());
        let now = Time(options.now);
        let mut bench = Bench {
            graph,
            core: Engine::new(State::default()),
            texts: Payloads::default(),
            journal: Journal::default(),
            session: Session::new(SessionId(0), now),
            worker: Worker::new(1, instance),
            now,
            random,
            sessions: 0,
            workers: 1,
            epoch: 1,
        };
        bench.connect();
        bench.commit();
        Ok(bench)
    }

    /// What a test is to know of the template: the JSON of a [`Template`].
    pub fn template(&self) -> String {
        let steps = self.graph.nodes.iter().map(|node| TemplateStep {
            name: &node.name,
            callable: &node.callable,
            method: &node.method,
            timeout_ms: node.timeout_ms,
            batched: matches!(node.kind, Kind::BatchWorker(_)),
        });
        text(&Template {
            namespace: &self.graph.namespace,
            name: &self.graph.name,
            version: &self.graph.version,
            steps: steps.collect(),
        })
    }

    /// Carries out a command, the JSON of a [`Command`]; gives a JSON array of [`Answer`]s.
    pub fn call(&mut self, command: &str) -> Result<String, Error> {
        let mut asked = Vec::new();
        match self.carry_out(read("command", command)?, &mut asked) {
            Ok(()) => {}
            Err(refused) => asked.push(Answer::Refused(refused)),
        }
        self.commit();
        let mut answers = self.worker.take_received();
        answers.append(&mut asked);
        answers.push(Answer::Clock(self.clock()));
        Ok(text(&answers))
    }

    fn carry_out(&mut self, command: Command, asked: &mut Vec<Answer>) -> Result<(), ErrorDetail> {
        match command {
            Command::Create(create) => {
                let task_uuid = self.create(*create)?;
                asked.push(Answer::Created { task_uuid });
            }
            Command::Outcomes(outcomes) => self.complete(outcomes),
            Command::Fetch(fetch) => self.frame(&[WorkerMessage::Fetch(fetch)]),
            Command::Advance { until } => self.advance(Time(until)),
            Command::CrashWorker {} => self.crash_worker(),
            Command::CrashEngine(crash) => self.crash_engine(crash),
            Command::Cancel { task_uuid } => {
                self.with_task(task_uuid, |task, _| order::check_cancel(task, self.now))?;
                self.happen(&Event::Cancel { task: task_uuid }, None);
            }
            Command::Act {
                task_uuid,
                step_uuid,
                order,
            } => {
                let (action, texts) = order::read(order)?;
                let step = self.with_task(task_uuid, |task, _| {
                    order::check(task, step_uuid, &action, &texts, self.now)
                })?;
                let event = Event::Act {
                    task: task_uuid,
                    step,
                    action,
                };
                self.happen(&event, Some(&texts));
            }
            Command::History {
                task_uuid,
                step_uuid,
            } => {
                let step = self.with_task(task_uuid, |task, _| {
                    let step = task.find(step_uuid);
                    step.ok_or_else(|| order::no_step(task_uuid, step_uuid))
                })?;
                asked.push(Answer::History(self.journal.history(
                    task_uuid,
                    &self.graph,
                    step,
                )));
            }
            Command::Show { task_uuid } => {
                let (task, steps) = self.with_task(task_uuid, |task, texts| {
                    let state = self.core.state();
                    let texts = &Look::new(texts);
                    let steps = 0..task.steps.len() as u32;
                    let steps = steps.map(|step| view::step(state, task, texts, step));
                    let steps = steps.collect();
                    Ok((view::task(state, task, texts), steps))
                })?;
                asked.push(Answer::Task(Box::new(task)));
                asked.push(Answer::Steps(steps));
            }
        }
        Ok(())
    }

    fn create(&mut self, create: CreateTask) -> Result<TaskId, ErrorDetail> {
        creation::check_body(&create)?;
        creation::check_context(&self.graph, &create.context)?;
        let task = self.new_task_id();
        let texts = TaskTexts::new(Request::from(&create), create.context);
        self.texts.insert(task, texts);
        let event = Event::Create {
            task,
            graph: Arc::clone(&self.graph),
            priority: create.priority,
        };
        self.happen(&event, None);
        Ok(task)
    }

    /// A UUIDv7 of now.
    fn new_task_id(&mut self) -> TaskId {
        let random = self.random.bytes();
        let millis = u64::try_from(self.now.0 / 1000).unwrap_or(0);
        let mut tail = [0; 10];
        tail.copy_from_slice(&random[..10]);
        uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
    }

    /// What `look` makes of a task, be it in memory or, ended, only in the journal.
    fn with_task<T>(
        &self,
        id: TaskId,
        look: impl FnOnce(&Task, &TaskTexts) -> Result<T, ErrorDetail>,
    ) -> Result<T, ErrorDetail> {
        if let (Some(task), Some(texts)) = (self.core.state().task(id), self.texts.get(&id)) {
            return look(task, texts);
        }
        let mut state = State::default();
        let read = self.journal.read(id, &self.graph);
        let (restored, texts) = read.ok_or_else(|| ErrorDetail {
            code: ErrorCode::TaskNotFound,
            message: format!("there is no task {id}"),
            details: serde_json::Value::Null,
        })?;
        state.evolve(&Change::Restored(Arc::new(restored)));
        match state.task(id) {
            Some(task) => look(task, &texts),
            None => unreachable!("it was restored just now"),
        }
    }

    fn advance(&mut self, until: Time) {
        while !self.worker.has_received()
            && let Some(next) = self.core.state().next_timer()
            && next <= until
        {
            self.now = self.now.max(next);
            self.happen(&Event::Tick, None);
            self.commit();
        }
        if !self.worker.has_received() {
            self.now = self.now.max(until);
        }
    }

    fn complete(&mut self, outcomes: Vec<Outcome>) {
        let messages = self.worker.complete(outcomes);
        self.frame(&messages);
    }

    fn crash_worker(&mut self) {
        let outputs = self.session.closed();
        self.carry_on(outputs);
        self.workers += 1;
        let instance = Uuid::from_bytes(self.random.bytes());
        self.worker = Worker::new(self.workers, instance);
        self.connect();
    }

    fn crash_engine(&mut self, crash: Crash) {
        self.complete(crash.outcomes);
        if crash.committed {
            self.happen(&Event::Dispatch, None);
            self.append();
        }
        self.epoch += 1;
        self.texts.clear();
        let mut state = State::default();
        for task in self.journal.open() {
            if let Some((restored, texts)) = self.journal.read(task, &self.graph) {
                self.texts.insert(task, texts);
                state.evolve(&Change::Restored(Arc::new(restored)));
            }
        }
        self.core = Engine::new(state);
        self.happen(&Event::Recovered, None);
        self.connect();
    }

    /// The worker opens a session.
    fn connect(&mut self) {
        self.sessions += 1;
        self.session = Session::new(SessionId(self.sessions), self.now);
        let greeting = self.worker.greet(&self.graph);
        self.frame(&[greeting]);
        let again = self.worker.send_again();
        self.frame(&again);
    }

    /// The worker sends messages.
    fn frame(&mut self, messages: &[WorkerMessage]) {
        let frame = encode(messages)
            .unwrap_or_else(|error| unreachable!("messages serialise into memory: {error}"));
        let outputs = self.session.frame(&frame, self.now);
        self.carry_on(outputs);
    }

    /// Does what the engine's side of the session says.
    fn carry_on(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send(message) => self.worker.receive(message),
                Output::Register(_) => {
                    let outputs = self.session.registered(Ok(()), self.epoch);
                    self.carry_on(outputs);
                }
                Output::Event(event, texts) => {
                    let (event, texts) = gateway::check_results(self.core.state(), event, texts);
                    self.happen(&event, texts.as_ref());
                }
                Output::Fetch(asked) => {
                    let texts = self.texts.get(&asked.task_uuid);
                    let session = SessionId(self.sessions);
                    let fetched = fetch::answer(self.core.state(), texts, session, &asked);
                    let fetched = fetched
                        .unwrap_or_else(|_| unreachable!("all texts of a test stay in memory"));
                    self.worker.receive(EngineMessage::Fetched(fetched));
                }
                Output::Close => {}
            }
        }
    }

    fn happen(&mut self, event: &Event, texts: Option<&Texts>) {
        let random = self.random.draw();
        for change in self.core.happen(event, texts, self.now, random) {
            match change {
                Change::Recorded { task, record } => {
                    if let (Some(texts), Some(kept)) = (texts, self.texts.get_mut(&task)) {
                        kept.payload.keep(&record, texts);
                    }
                }
                Change::Missing { session, attempt } => {
                    match self.journal.read(attempt.task_uuid, &self.graph) {
                        Some((restored, kept)) => {
                            self.texts.insert(restored.task, kept);
                            self.happen(&Event::Restored(Arc::new(restored)), None);
                            self.happen(event, texts);
                        }
                        None => self.happen(&Event::Unknown { session, attempt }, None),
                    }
                }
                _ => {}
            }
        }
    }

    /// Gives out what is ready and commits all that happened; then everyone hears of it.
    fn commit(&mut self) {
        self.happen(&Event::Dispatch, None);
        if self.append() {
            let released = self.core.committed();
            self.release(released);
        }
        let free = self.core.free();
        self.release(free);
    }

    /// Appends what happened. False when there is nothing.
    fn append(&mut self) -> bool {
        let commit = self.core.seal();
        if let Some(commit) = &commit {
            self.journal.append(commit, self.core.state(), &self.texts);
        }
        commit.is_some()
    }

    fn release(&mut self, released: Vec<Release<Infallible>>) {
        for release in released {
            match release {
                Release::Welcome(_, welcome) => {
                    self.worker.receive(EngineMessage::Welcome(welcome));
                }
                Release::Cancel(_, attempt) => self.worker.receive(EngineMessage::Cancel(attempt)),
                Release::Accepted(_, attempts) => {
                    self.worker.receive(EngineMessage::Accepted(attempts));
                }
                Release::Dispatch {
                    task,
                    step,
                    attempt,
                    ..
                } => {
                    let known = (self.core.state().task(task), self.texts.get(&task));
                    if let (Some(task), Some(texts)) = known {
                        let dispatch = Look::new(texts).dispatch(task, step, attempt);
                        self.worker
                            .receive(EngineMessage::Dispatch(Box::new(dispatch)));
                    }
                }
                Release::Evict(task, _) => {
                    self.texts.remove(&task);
                }
                Release::Reply(never) => match never {},
            }
        }
    }

    fn clock(&self) -> Clock {
        let state = self.core.state();
        Clock {
            now: self.now.0,
            next: state.next_timer().map(|time| time.0),
            settled: state.tasks().all(Task::is_settled),
        }
    }
}

fn read<T: DeserializeOwned>(what: &'static str, json: &str) -> Result<T, Error> {
    let mut reader = serde_json::Deserializer::from_str(json);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| Error::Unreadable {
        what,
        path: error.path().to_string(),
        error: error.into_inner(),
    })
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value)
        .unwrap_or_else(|error| unreachable!("answers serialise into memory: {error}"))
}
