//! An engine that has recovered.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::value::RawValue;
use tasker_core::engine::{Commit, Release};
use tasker_core::gateway::{Output, Session, Texts};
use tasker_core::worker::SessionId;
use tasker_core::{Change, Engine, Event, Record, StepIndex, Task, TaskId, Time, record};
use tasker_protocol::api::StepState;
use tasker_protocol::frame::{Dispatch, EngineMessage, encode};
use tasker_protocol::{Json, json_null};

use super::appender::{Appender, Progress};
use super::{EngineInput, JournalAnswer, recover};
use crate::client::{Answer, ClientInput};
use crate::clock::EngineClock;
use crate::environment::Environment;
use crate::inspection;
use crate::journal::{Append, Created, Row, Stored, Ticket};
use crate::network::{Item, LinkId, Side};
use crate::schedule::{EngineId, Happening};
use crate::worker::Life;

/// A client's call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// What a client asks.
#[derive(Clone, Debug)]
pub enum Request {
    /// Create a task.
    Create {
        /// The hash of its template.
        template: String,
        /// Its priority.
        priority: i16,
        /// Whether to answer only when it has settled.
        wait: bool,
    },
    /// Show a task.
    Show {
        /// Which.
        task: TaskId,
        /// Whether to answer only when it has settled.
        wait: bool,
    },
}

/// A task as it is shown: what was decided up to a record.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The task.
    pub task: TaskId,
    /// The records that it shows.
    pub records: u64,
    /// Each step's state and attempts.
    pub steps: Vec<(StepState, u32)>,
    /// Whether nothing will happen by itself any more.
    pub settled: bool,
}

impl View {
    /// A task as it is now.
    pub fn of(task: &Task) -> View {
        View {
            task: task.id,
            records: task.records,
            steps: task
                .steps
                .iter()
                .map(|step| (step.state, step.attempts))
                .collect(),
            settled: task.is_settled(),
        }
    }
}

#[derive(Debug)]
enum Command {
    Open { event: Event, link: LinkId },
    Session { event: Event, texts: Option<Texts> },
    Request(RequestId, Request),
}

/// An answer that is held back.
#[derive(Debug, PartialEq)]
struct Reply(RequestId, View);

/// A worker's session, as the server's task for it.
#[derive(Debug)]
struct Connection {
    session: Session,
    outbox: Vec<EngineMessage>,
    closing: bool,
}

/// What handlers are given of a task.
#[derive(Debug)]
struct TaskTexts {
    context: Json,
    results: BTreeMap<StepIndex, Json>,
}

/// The process.
#[derive(Debug)]
pub struct Serving {
    id: EngineId,
    clock: EngineClock,
    core: Engine<Reply>,
    appender: Appender,
    texts: BTreeMap<TaskId, TaskTexts>,
    connections: BTreeMap<LinkId, Connection>,
    /// Where a session's messages go; gone once another session has replaced it.
    outboxes: BTreeMap<SessionId, LinkId>,
    last_session: u64,
    waiters: BTreeMap<TaskId, Vec<RequestId>>,
    commands: Vec<Command>,
    /// Whether a turn is on its way.
    turning: bool,
    turns: u64,
    wake: Option<Time>,
}

/// Answers that there is no engine.
pub fn refuse(request: RequestId, env: &mut Environment) {
    let wait = env.latency();
    env.after(wait, Happening::Client(ClientInput::Lost(request)));
}

impl Serving {
    /// Goes on from what the journal has.
    pub fn start(
        id: EngineId,
        epoch: i64,
        clock: EngineClock,
        tasks: &[Stored],
        env: &mut Environment,
    ) -> Serving {
        let texts = tasks.iter().map(|stored| (stored.task, stored.texts()));
        let mut serving = Serving {
            id,
            clock,
            core: Engine::new(recover(tasks, env)),
            appender: Appender::new(id, epoch),
            texts: texts.collect(),
            connections: BTreeMap::new(),
            outboxes: BTreeMap::new(),
            // Sessions of different processes have different numbers, which is only good to read.
            last_session: u64::from(id.0) * 10_000,
            waiters: BTreeMap::new(),
            commands: Vec::new(),
            turning: false,
            turns: 0,
            wake: None,
        };
        serving.happen(&Event::Recovered, None, env);
        serving.turn_soon(env);
        serving
    }

    /// The core.
    pub fn state(&self) -> &tasker_core::State {
        self.core.state()
    }

    /// What the engine's clock shows.
    pub fn now(&self, env: &Environment) -> Time {
        self.clock.at(env.now)
    }

    /// Whether all that was decided is durable.
    pub fn is_durable(&self) -> bool {
        self.core.is_durable()
    }

    /// Handles something.
    pub fn handle(&mut self, input: EngineInput, env: &mut Environment) -> Life {
        match input {
            EngineInput::Arrived(link, item) => self.arrived(link, item, env),
            EngineInput::Request(id, request) => {
                self.commands.push(Command::Request(id, request));
                self.turn_soon(env);
            }
            EngineInput::Journal(ticket, answer) => return self.answered(ticket, &answer, env),
            EngineInput::Turn => {
                self.turning = false;
                self.turn(env);
            }
            EngineInput::Wake => self.wake(env),
        }
        self.sleep(env);
        Life::On
    }

    fn arrived(&mut self, link: LinkId, item: Item, env: &mut Environment) {
        let now = self.now(env);
        if item == Item::Open {
            self.last_session += 1;
            let connection = Connection {
                session: Session::new(SessionId(self.last_session), now),
                outbox: Vec::new(),
                closing: false,
            };
            self.connections.insert(link, connection);
            env.send(link, Side::Worker, Item::Opened);
            return;
        }
        let Some(connection) = self.connections.get_mut(&link) else {
            return;
        };
        let outputs = match item {
            Item::Frame(text) => connection.session.frame(&text, now),
            Item::Sign => {
                connection.session.heard(now);
                env.send(link, Side::Worker, Item::Sign);
                Vec::new()
            }
            Item::Closed => {
                connection.closing = true;
                Vec::new()
            }
            Item::Open | Item::Opened => Vec::new(),
        };
        self.carry_out(link, outputs, env);
        self.flush(link, env);
    }

    fn carry_out(&mut self, link: LinkId, outputs: Vec<Output>, env: &mut Environment) {
        for output in outputs {
            let Some(connection) = self.connections.get_mut(&link) else {
                return;
            };
            match output {
                Output::Send(message) => connection.outbox.push(message),
                Output::Register(_) => {
                    let epoch = self.appender.epoch();
                    let outputs = connection.session.registered(Ok(()), epoch);
                    self.carry_out(link, outputs, env);
                }
                Output::Event(event, texts) => {
                    self.commands.push(match event {
                        Event::Opened { .. } => Command::Open { event, link },
                        event => Command::Session { event, texts },
                    });
                    self.turn_soon(env);
                }
                Output::Close => connection.closing = true,
            }
        }
    }

    /// Sends what a session has to say, and closes it if it is over.
    fn flush(&mut self, link: LinkId, env: &mut Environment) {
        let Some(connection) = self.connections.get_mut(&link) else {
            return;
        };
        if !connection.outbox.is_empty() {
            let frame = encode(&connection.outbox).unwrap_or_else(|error| panic!("{error}"));
            connection.outbox.clear();
            env.send(link, Side::Worker, Item::Frame(frame));
        }
        if connection.closing {
            let outputs = connection.session.closed();
            self.carry_out(link, outputs, env);
            self.connections.remove(&link);
            env.close(link, Side::Engine);
        }
    }

    fn answered(&mut self, ticket: Ticket, answer: &JournalAnswer, env: &mut Environment) -> Life {
        match self.appender.answered(ticket, answer, env) {
            Progress::Fenced => return Life::Over,
            Progress::Open => {}
            Progress::Durable => {
                let released = self.core.committed();
                self.release(released, env);
                self.turn(env);
            }
        }
        self.sleep(env);
        Life::On
    }

    fn turn_soon(&mut self, env: &mut Environment) {
        if !self.turning {
            self.turning = true;
            let wait = env
                .chance
                .duration(Duration::from_micros(1), Duration::from_micros(300));
            env.after(wait, Happening::Engine(self.id, EngineInput::Turn));
        }
    }

    fn turn(&mut self, env: &mut Environment) {
        self.turns += 1;
        for command in std::mem::take(&mut self.commands) {
            self.command(command, env);
        }
        self.happen(&Event::Tick, None, env);
        let changes = self.happen(&Event::Dispatch, None, env);
        if self.turns.is_multiple_of(8) {
            let check = inspection::dispatched(self.core.state(), &changes);
            env.check(check);
        }
        if let Some(commit) = self.core.seal() {
            let append = self.append(commit);
            self.appender.append(append, env);
        }
        let free = self.core.free();
        self.release(free, env);
    }

    fn command(&mut self, command: Command, env: &mut Environment) {
        match command {
            Command::Open { event, link } => {
                if let Event::Opened { session, offer, .. } = &event {
                    let worker = self.core.state().workers().get(offer.instance);
                    let replaced = worker.and_then(|worker| worker.session);
                    if let Some(old) = replaced.and_then(|session| self.outboxes.remove(&session)) {
                        if let Some(connection) = self.connections.get_mut(&old) {
                            connection.closing = true;
                        }
                        self.flush(old, env);
                    }
                    self.outboxes.insert(*session, link);
                }
                self.happen(&event, None, env);
            }
            Command::Session { event, texts } => {
                if let Event::Closed { session, .. } | Event::Left { session, .. } = &event {
                    self.outboxes.remove(session);
                }
                self.happen(&event, texts.as_ref(), env);
            }
            Command::Request(id, request) => self.request(id, request, env),
        }
    }

    fn request(&mut self, id: RequestId, request: Request, env: &mut Environment) {
        let (task, wait) = match request {
            Request::Show { task, wait } => (task, wait),
            Request::Create {
                template,
                priority,
                wait,
            } => (self.create(&template, priority, env), wait),
        };
        match self.core.state().task(task) {
            Some(known) if wait && !known.is_settled() => {
                self.waiters.entry(task).or_default().push(id);
            }
            Some(known) => self.core.hold(Reply(id, View::of(known))),
            // It has ended and left memory, or never was: the journal knows.
            None => {
                let view = env.journal.task(task).map(|stored| {
                    let graph = &env.workflows[&stored.created.template].graph;
                    View::of(&stored.replay(graph, u64::MAX))
                });
                self.answer(id, view, env);
            }
        }
    }

    fn create(&mut self, template: &str, priority: i16, env: &mut Environment) -> TaskId {
        let mut random = [0; 10];
        env.chance.fill(&mut random);
        let millis = u64::try_from(self.now(env).0 / 1000).unwrap_or(0);
        let task = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        let texts = TaskTexts {
            context: json("{}"),
            results: BTreeMap::new(),
        };
        self.texts.insert(task, texts);
        let graph = std::sync::Arc::clone(&env.workflows[template].graph);
        let event = Event::Create {
            task,
            graph,
            priority,
        };
        self.happen(&event, None, env);
        task
    }

    fn happen(
        &mut self,
        event: &Event,
        texts: Option<&Texts>,
        env: &mut Environment,
    ) -> Vec<Change> {
        let (now, random) = (self.now(env), env.chance.draw());
        let changes = self.core.happen(event, texts, now, random);
        for change in &changes {
            let Change::Recorded { task, record } = change else {
                continue;
            };
            if let (Record::Succeeded { step, .. }, Some(kept), Some(texts)) =
                (record, self.texts.get_mut(task), texts)
            {
                kept.results.insert(*step, texts.body.clone());
            }
            if let Some(known) = self.core.state().task(*task)
                && known.is_settled()
            {
                let view = View::of(known);
                for waiter in self.waiters.remove(task).unwrap_or_default() {
                    self.core.hold(Reply(waiter, view.clone()));
                }
            }
        }
        changes
    }

    fn append(&self, commit: Commit) -> Append {
        let rows = commit.tasks.into_iter().map(|part| {
            let task = self.core.state().task(part.task);
            let created = task.filter(|_| part.created).map(|task| Created {
                template: task.graph.hash.clone(),
                priority: task.priority,
                at: task.created_at,
                context: self.texts[&task.id].context.get().to_owned(),
            });
            let (records, payload) = if part.records.is_empty() {
                (Vec::new(), String::new())
            } else {
                record::encode(&part.records, part.texts.iter().map(|text| &**text))
            };
            Row {
                task: part.task,
                created,
                records,
                payload,
                ended: task.is_some_and(Task::has_ended),
            }
        });
        Append {
            rows: rows.collect(),
        }
    }

    fn release(&mut self, released: Vec<Release<Reply>>, env: &mut Environment) {
        let mut said = BTreeSet::new();
        for release in released {
            let (session, message) = match release {
                Release::Welcome(session, welcome) => (session, EngineMessage::Welcome(welcome)),
                Release::Cancel(session, attempt) => (session, EngineMessage::Cancel(attempt)),
                Release::Accepted(session, attempts) => {
                    (session, EngineMessage::Accepted(attempts))
                }
                Release::Dispatch {
                    session,
                    task,
                    step,
                    attempt,
                } => match self.dispatch(task, step, attempt) {
                    Some(dispatch) => (session, EngineMessage::Dispatch(Box::new(dispatch))),
                    None => continue,
                },
                Release::Reply(Reply(request, view)) => {
                    self.answer(request, Some(view), env);
                    continue;
                }
                Release::Evict(task) => {
                    self.texts.remove(&task);
                    continue;
                }
            };
            let link = self.outboxes.get(&session);
            if let Some((link, connection)) =
                link.and_then(|link| Some((*link, self.connections.get_mut(link)?)))
            {
                connection.outbox.push(message);
                said.insert(link);
            }
        }
        for link in said {
            self.flush(link, env);
        }
    }

    fn dispatch(&self, id: TaskId, step: StepIndex, attempt: u32) -> Option<Dispatch> {
        let (task, texts) = (self.core.state().task(id)?, self.texts.get(&id)?);
        let (graph, node) = (&task.graph, task.graph.node(step));
        let results = node.ancestors.iter().filter_map(|ancestor| {
            let results = texts.results.get(ancestor)?.clone();
            Some((graph.node(*ancestor).name.clone(), results))
        });
        let step_uuid = task.step_uuid(step);
        Some(Dispatch {
            task_uuid: id,
            step_uuid,
            attempt,
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
            tags: Vec::new(),
            correlation_id: None,
        })
    }

    fn answer(&mut self, request: RequestId, view: Option<View>, env: &mut Environment) {
        let check = inspection::answered(view.as_ref(), env);
        env.check(check);
        let lost = !env.healed && env.chance.permille(env.plan.lost_answers);
        let input = if lost {
            ClientInput::Lost(request)
        } else {
            ClientInput::Answered(request, Answer(view))
        };
        let wait = env.latency();
        env.after(wait, Happening::Client(input));
    }

    fn wake(&mut self, env: &mut Environment) {
        self.wake = None;
        let now = self.now(env);
        let links: Vec<LinkId> = self.connections.keys().copied().collect();
        for link in links {
            if let Some(connection) = self.connections.get_mut(&link) {
                let outputs = connection.session.tick(now);
                self.carry_out(link, outputs, env);
                self.flush(link, env);
            }
        }
        if self
            .core
            .state()
            .next_timer()
            .is_some_and(|timer| timer <= now)
        {
            self.turn(env);
        }
    }

    /// Asks to be woken at the next deadline.
    fn sleep(&mut self, env: &mut Environment) {
        let sessions = self.connections.values();
        let deadlines = sessions.map(|connection| connection.session.deadline());
        let Some(next) = deadlines.chain(self.core.state().next_timer()).min() else {
            return;
        };
        let at = self.clock.truth(next).max(env.now) + Duration::from_micros(1);
        if self.wake.is_none_or(|wake| at < wake) {
            self.wake = Some(at);
            env.schedule
                .add(at, Happening::Engine(self.id, EngineInput::Wake));
        }
    }
}

impl Stored {
    fn texts(&self) -> TaskTexts {
        let mut results = BTreeMap::new();
        for (record, texts) in self.records() {
            if let Record::Succeeded { step, .. } = record {
                results.insert(step, json(&texts[0]));
            }
        }
        TaskTexts {
            context: json(&self.created.context),
            results,
        }
    }
}

fn json(text: &str) -> Json {
    RawValue::from_string(text.to_owned()).map_or_else(|_| json_null(), Json::from)
}
