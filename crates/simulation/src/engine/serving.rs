//! An engine that has recovered: the server's loop around the core.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tasker_core::engine::{Commit, Leaves, Release};
use tasker_core::gateway::Texts;
use tasker_core::missed::{Missed, Readings};
use tasker_core::pulse::{BEAT, Pulse};
use tasker_core::store::{Absent, Store, Wanted};
use tasker_core::worker::SessionId;
use tasker_core::{Change, Engine, Event, StepIndex, TaskId, Time, decide, fetch, record};
use tasker_protocol::api::TaskStatus;
use tasker_protocol::frame::{EngineMessage, Fetch, Fetched};

use super::appender::{Appender, Progress};
use super::calls::{self, Request, RequestId, View};
use super::sessions::Connection;
use super::{EngineInput, JournalAnswer, recover};
use crate::clock::EngineClock;
use crate::environment::Environment;
use crate::inspection;
use crate::journal::{Append, Created, Row, Stored, Ticket};
use crate::network::LinkId;
use crate::schedule::{EngineId, Happening, JournalRequest};
use crate::trace::Note;
use crate::worker::Life;

/// What the loop takes.
#[derive(Debug)]
pub(super) enum Command {
    Open { event: Event, link: LinkId },
    Session { event: Event, texts: Option<Texts> },
    Fetch { session: SessionId, fetch: Fetch },
    Request(RequestId, Request),
    Found(TaskId, Option<Stored>),
}

/// What waits for texts that are being read.
#[derive(Debug)]
pub(super) enum Waiting {
    Dispatch(Started),
    Fetch(SessionId, Fetch),
}

/// What waits for a task that is being read.
#[derive(Debug)]
pub(super) enum Reading {
    Missed(Missed),
    Request(RequestId, Request),
    Time,
}

/// An attempt whose start is durable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Started {
    session: SessionId,
    task: TaskId,
    step: StepIndex,
    attempt: u32,
}

/// An answer that is held back.
#[derive(Debug)]
pub(super) enum Reply {
    View(RequestId, View),
    Fetched(SessionId, Fetched),
}

/// The process.
#[derive(Debug)]
pub struct Serving {
    id: EngineId,
    clock: EngineClock,
    pub(super) core: Engine<Reply>,
    pub(super) appender: Appender,
    pub(super) texts: Store<Waiting>,
    pub(super) connections: BTreeMap<LinkId, Connection>,
    /// Where a session's messages go; gone once another session has replaced it.
    pub(super) outboxes: BTreeMap<SessionId, LinkId>,
    pub(super) last_session: u64,
    pub(super) waiters: BTreeMap<TaskId, Vec<RequestId>>,
    pub(super) commands: Vec<Command>,
    /// The tasks that are being read.
    readings: Readings<Reading>,
    pulse: Pulse,
    /// When the commit that is in flight began.
    commit_began: Option<Time>,
    /// Whether a turn is on its way.
    turning: bool,
    turns: u64,
    /// What the clock showed at the last turn.
    shown: Time,
    wake: Option<Time>,
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
        let mut texts = Store::new(env.plan.payload_budget);
        for stored in tasks.iter().filter(|stored| !stored.blocked) {
            texts.restore(stored.task, stored.texts(), stored.rows.len() as u32);
        }
        texts.trim();
        let mut serving = Serving {
            id,
            clock,
            core: Engine::new(recover(tasks, env)),
            appender: Appender::new(id, epoch),
            texts,
            connections: BTreeMap::new(),
            outboxes: BTreeMap::new(),
            // Sessions of different processes have different numbers, which is only good to read.
            last_session: u64::from(id.0) * 10_000,
            waiters: BTreeMap::new(),
            commands: Vec::new(),
            readings: Readings::default(),
            pulse: Pulse::new(clock.at(env.now)),
            commit_began: None,
            turning: false,
            turns: 0,
            shown: clock.at(env.now),
            wake: None,
        };
        serving.happen(&Event::Recovered, None, env);
        serving.turn_soon(env);
        serving
    }

    /// The core's state.
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
            EngineInput::Journal(ticket, answer) => {
                if self.answered(ticket, answer, env) == Progress::Fenced {
                    return Life::Over;
                }
            }
            EngineInput::Turn => {
                self.turning = false;
                self.turn(env);
            }
            EngineInput::Wake => {
                self.wake = None;
                self.tick_sessions(env);
                self.turn(env);
            }
        }
        self.sleep(env);
        Life::On
    }

    fn answered(
        &mut self,
        ticket: Ticket,
        answer: JournalAnswer,
        env: &mut Environment,
    ) -> Progress {
        if let JournalAnswer::Found(task, stored) = answer {
            self.commands.push(Command::Found(task, stored));
            self.turn_soon(env);
            return Progress::Open;
        }
        if let JournalAnswer::Texts(wanted, texts) = answer {
            match texts {
                Some(texts) => {
                    let found = self.texts.found(&texts);
                    found.unwrap_or_else(|error| panic!("{error}"));
                    self.turn_soon(env);
                }
                None => self.read_texts(wanted, env),
            }
            return Progress::Open;
        }
        let progress = self.appender.answered(ticket, &answer, env);
        if progress == Progress::Durable {
            self.commit_began = None;
            self.texts.committed();
            let released = self.core.committed();
            self.release(released, env);
            self.turn(env);
        }
        progress
    }

    /// Lets the loop run when all that comes at the same time has come.
    pub(super) fn turn_soon(&mut self, env: &mut Environment) {
        if !self.turning {
            self.turning = true;
            let (soon, late) = (Duration::from_micros(1), Duration::from_micros(300));
            let wait = env.chance.duration(soon, late);
            env.after(wait, Happening::Engine(self.id, EngineInput::Turn));
        }
    }

    fn turn(&mut self, env: &mut Environment) {
        self.turns += 1;
        let before = self.now(env);
        self.clock.follow(env.journal.clock(env.now), env.now);
        let check = inspection::time_never_goes_back(before.max(self.shown), self.now(env));
        env.check(check);
        self.shown = self.now(env);
        for command in std::mem::take(&mut self.commands) {
            self.command(command, env);
        }
        self.look_again(env);
        if !Pulse::is_stuck(self.commit_began, self.now(env)) {
            if let Some(gap) = self.pulse.beat(self.now(env)) {
                self.happen(&Event::Frozen { gap }, None, env);
            }
            self.happen(&Event::Tick, None, env);
        }
        let changes = self.happen(&Event::Dispatch, None, env);
        if self.turns.is_multiple_of(8) {
            let check = inspection::dispatched(self.core.state(), &changes);
            env.check(check);
        }
        if let Some(commit) = self.core.seal() {
            self.commit_began = Some(self.now(env));
            self.texts.sealed(&commit);
            let append = self.append(commit);
            self.appender.append(append, env);
        }
        let free = self.core.free();
        self.release(free, env);
        if let Some(wanted) = self.texts.read() {
            env.note(Note::Wanted(self.id, wanted.len()));
            self.read_texts(wanted, env);
        }
        self.texts.trim();
    }

    fn read_texts(&mut self, wanted: Vec<Wanted>, env: &mut Environment) {
        let fails = env.loses_commit();
        let request = JournalRequest::Texts { wanted, fails };
        let wait = env.commit();
        env.after(wait, Happening::Journal(self.id, Ticket(0), request));
    }

    /// Goes on with what has waited for texts that are in memory now.
    fn look_again(&mut self, env: &mut Environment) {
        let mut messages = Vec::new();
        for waiting in self.texts.ready() {
            match waiting {
                Waiting::Dispatch(started) if self.is_open(started) => {
                    let Started {
                        task,
                        step,
                        attempt,
                        ..
                    } = started;
                    let given = Event::Given {
                        task,
                        step,
                        attempt,
                    };
                    self.happen(&given, None, env);
                    self.dispatch(started, &mut messages, env);
                }
                Waiting::Dispatch(_) => {}
                Waiting::Fetch(session, fetch) => self.fetch(session, fetch),
            }
        }
        self.say(messages, env);
    }

    fn is_open(&self, started: Started) -> bool {
        let state = self.core.state();
        state.task(started.task).is_some_and(|task| {
            decide::is_open(state, started.session, task, started.step, started.attempt)
        })
    }

    fn dispatch(
        &mut self,
        started: Started,
        messages: &mut Vec<(SessionId, EngineMessage)>,
        env: &mut Environment,
    ) {
        let Some(task) = self.core.state().task(started.task) else {
            return;
        };
        let dispatch = self.texts.look(started.task, |texts| {
            texts.dispatch(task, started.step, started.attempt)
        });
        match dispatch {
            Some(Ok(dispatch)) => {
                if env.journal.is_owner(self.id) {
                    let check = inspection::dispatched_with(&dispatch, task, started.step, env);
                    env.check(check);
                }
                let message = EngineMessage::Dispatch(Box::new(dispatch));
                messages.push((started.session, message));
            }
            Some(Err(absent)) => {
                let waiting = Waiting::Dispatch(started);
                self.texts.wait(vec![absent], waiting);
                let delayed = Event::Delayed {
                    task: started.task,
                    step: started.step,
                    attempt: started.attempt,
                };
                self.happen(&delayed, None, env);
            }
            None => {}
        }
    }

    fn fetch(&mut self, session: SessionId, fetch: Fetch) {
        let task = fetch.task_uuid;
        let texts = self.texts.get(task);
        match fetch::answer(self.core.state(), texts, session, &fetch) {
            Ok(fetched) => self.core.hold(Reply::Fetched(session, fetched)),
            Err(slots) => {
                let absent = vec![Absent { task, slots }];
                self.texts.wait(absent, Waiting::Fetch(session, fetch));
            }
        }
    }

    fn command(&mut self, command: Command, env: &mut Environment) {
        match command {
            Command::Open { event, link } => {
                let Event::Opened { session, offer, .. } = &event else {
                    return;
                };
                let worker = self.core.state().workers().get(offer.instance);
                let replaced = worker.and_then(|worker| worker.session);
                self.happen(&event, None, env);
                if self.core.state().workers().instance(*session).is_some() {
                    if let Some(replaced) = replaced {
                        self.replace(replaced, env);
                    }
                    self.outboxes.insert(*session, link);
                } else {
                    self.hang_up(link, env);
                }
            }
            Command::Session { event, texts } => {
                if let Event::Closed { session, .. } | Event::Left { session, .. } = &event {
                    self.outboxes.remove(session);
                }
                self.happen(&event, texts.as_ref(), env);
            }
            Command::Fetch { session, fetch } => self.fetch(session, fetch),
            Command::Request(id, request) => self.request(id, request, env),
            Command::Found(task, stored) => self.found(task, stored, env),
        }
    }

    fn found(&mut self, id: TaskId, stored: Option<Stored>, env: &mut Environment) {
        let exists = stored.is_some();
        if let (None, Some(stored)) = (self.core.state().task(id), stored) {
            let rows = stored.rows.len() as u32;
            self.texts.restore(id, stored.texts(), rows);
            let restored = stored.restored(&env.workflows[&stored.created.template].graph);
            self.happen(&Event::Restored(Arc::new(restored)), None, env);
        }
        for waiting in self.readings.end(id) {
            match waiting {
                Reading::Missed(missed) if exists => {
                    self.happen(&missed.event, missed.texts.as_ref(), env);
                }
                Reading::Missed(missed) => {
                    let (session, attempt) = (missed.session, missed.attempt);
                    if matches!(missed.event, Event::Outcome { .. }) {
                        self.happen(&Event::Unknown { session, attempt }, None, env);
                    }
                }
                Reading::Request(id, request) => self.request(id, request, env),
                Reading::Time => {}
            }
        }
    }

    /// Has a task read that is not in memory; what waits for it is taken up again then.
    pub(super) fn read_task(&mut self, task: TaskId, waits: Reading, env: &mut Environment) {
        if self.readings.add(task, waits) {
            let request = JournalRequest::Find(task);
            let wait = env.commit();
            env.after(wait, Happening::Journal(self.id, Ticket(0), request));
        }
    }

    pub(super) fn happen(
        &mut self,
        event: &Event,
        texts: Option<&Texts>,
        env: &mut Environment,
    ) -> Vec<Change> {
        let (now, random) = (self.now(env), env.chance.draw());
        let changes = self.core.happen(event, texts, now, random);
        for change in &changes {
            match change {
                Change::Recorded { task, record } => {
                    if let Some(texts) = texts {
                        self.texts.keep(*task, record, texts);
                    }
                    self.settled(*task);
                }
                Change::Missing { session, attempt } => {
                    let missed = Missed {
                        event: event.clone(),
                        texts: texts.cloned(),
                        session: *session,
                        attempt: *attempt,
                    };
                    self.read_task(attempt.task_uuid, Reading::Missed(missed), env);
                }
                Change::Called { task } => self.read_task(*task, Reading::Time, env),
                _ => {}
            }
        }
        changes
    }

    fn settled(&mut self, id: TaskId) {
        if let Some(task) = self.core.state().task(id)
            && task.is_settled()
        {
            let view = View::of(task);
            for waiter in self.waiters.remove(&id).unwrap_or_default() {
                self.core.hold(Reply::View(waiter, view.clone()));
            }
        }
    }

    fn append(&self, commit: Commit) -> Append {
        let rows = commit.tasks.into_iter().filter_map(|part| {
            let task = self.core.state().task(part.task)?;
            let created = part.created.then(|| Created {
                template: task.graph.hash.clone(),
                priority: task.priority,
                at: task.created_at,
                context: self
                    .texts
                    .get(task.id)
                    .and_then(|texts| texts.payload.context())
                    .map_or_else(String::new, |context| context.get().to_owned()),
            });
            let (records, payload) = if part.records.is_empty() {
                (Vec::new(), String::new())
            } else {
                record::encode(&part.records, part.texts.iter().map(|text| &**text))
            };
            Some(Row {
                task: part.task,
                created,
                records,
                payload,
                ended: task.has_ended(),
                blocked: task.status() == TaskStatus::BlockedByFailures,
            })
        });
        Append {
            rows: rows.collect(),
        }
    }

    fn release(&mut self, released: Vec<Release<Reply>>, env: &mut Environment) {
        let mut messages = Vec::new();
        for release in released {
            match release {
                Release::Welcome(session, welcome) => {
                    messages.push((session, EngineMessage::Welcome(welcome)));
                }
                Release::Cancel(session, attempt) => {
                    messages.push((session, EngineMessage::Cancel(attempt)));
                }
                Release::Accepted(session, attempts) => {
                    messages.push((session, EngineMessage::Accepted(attempts)));
                }
                Release::Dispatch {
                    session,
                    task,
                    step,
                    attempt,
                } => {
                    let started = Started {
                        session,
                        task,
                        step,
                        attempt,
                    };
                    self.dispatch(started, &mut messages, env);
                }
                Release::Reply(Reply::View(request, view)) => {
                    calls::answer(request, Some(view), env);
                }
                Release::Reply(Reply::Fetched(session, fetched)) => {
                    messages.push((session, EngineMessage::Fetched(fetched)));
                }
                Release::Evict(task, leaves) => {
                    self.texts.remove(task);
                    if leaves == Leaves::Idle {
                        env.note(Note::Rested(task));
                    }
                }
            }
        }
        self.say(messages, env);
    }

    /// Asks to be woken at the next deadline.
    fn sleep(&mut self, env: &mut Environment) {
        let sessions = self.connections.values();
        let deadlines = sessions.map(|connection| connection.session.deadline());
        let next = if Pulse::is_stuck(self.commit_began, self.now(env)) {
            deadlines.fold(self.now(env) + BEAT, Time::min)
        } else {
            let own = self.core.state().next_timer().into_iter();
            deadlines.chain(own).fold(self.pulse.next(), Time::min)
        };
        let at = self.clock.truth(next, env.now) + Duration::from_micros(1);
        if self.wake.is_none_or(|wake| at < wake) {
            self.wake = Some(at);
            env.schedule
                .add(at, Happening::Engine(self.id, EngineInput::Wake));
        }
    }
}
