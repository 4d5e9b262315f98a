//! An engine that has recovered: the server's loop around the core.

use std::collections::BTreeMap;
use std::time::Duration;

use tasker_core::gateway::Texts;
use tasker_core::missed::{Missed, Readings};
use tasker_core::pulse::{BEAT, Pulse};
use tasker_core::store::Store;
use tasker_core::worker::SessionId;
use tasker_core::{Change, Engine, Event, TaskId, Time};
use tasker_protocol::frame::Fetch;

use super::appender::{Appender, Progress};
use super::calls::{Request, RequestId, View};
use super::commits::Reply;
use super::reading::{Reading, Waiting};
use super::sessions::Connection;
use super::{EngineInput, JournalAnswer, recover};
use crate::clock::EngineClock;
use crate::environment::Environment;
use crate::inspection;
use crate::journal::{Stored, Ticket};
use crate::network::LinkId;
use crate::schedule::{EngineId, Happening};
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

/// The process.
#[derive(Debug)]
pub struct Serving {
    pub(super) id: EngineId,
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
    pub(super) readings: Readings<Reading>,
    pulse: Pulse,
    /// Whether its lease has run out: it accepts no sessions.
    pub(super) is_cut_off: bool,
    /// Whether it has let its workers go, and has not waited for them since.
    let_go: bool,
    /// When the commit that is in flight began.
    commit_began: Option<Time>,
    /// Whether a round is on its way.
    round_is_due: bool,
    rounds: u64,
    /// What the clock showed at the last round.
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
            is_cut_off: false,
            let_go: false,
            commit_began: None,
            round_is_due: false,
            rounds: 0,
            shown: clock.at(env.now),
            wake: None,
        };
        serving.happen(&Event::Recovered, None, env);
        serving.round_soon(env);
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
                self.round_soon(env);
            }
            EngineInput::Journal(ticket, answer) => {
                if self.answered(ticket, answer, env) == Progress::Fenced {
                    return Life::Over;
                }
            }
            EngineInput::CutOff(true) => self.cut_off(env),
            EngineInput::CutOff(false) => {
                self.is_cut_off = false;
                self.round_soon(env);
            }
            EngineInput::Round => {
                self.round_is_due = false;
                self.round(env);
            }
            EngineInput::Wake => {
                self.wake = None;
                self.tick_sessions(env);
                self.round(env);
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
            self.round_soon(env);
            return Progress::Open;
        }
        if let JournalAnswer::Texts(wanted, texts) = answer {
            match texts {
                Some(texts) => {
                    let found = self.texts.found(&texts);
                    found.unwrap_or_else(|error| panic!("{error}"));
                    self.round_soon(env);
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
            self.round(env);
        }
        progress
    }

    /// Lets the loop run when all that comes at the same time has come.
    pub(super) fn round_soon(&mut self, env: &mut Environment) {
        if !self.round_is_due {
            self.round_is_due = true;
            let (soon, late) = (Duration::from_micros(1), Duration::from_micros(300));
            let wait = env.chance.duration(soon, late);
            env.after(wait, Happening::Engine(self.id, EngineInput::Round));
        }
    }

    fn round(&mut self, env: &mut Environment) {
        self.rounds += 1;
        let before = self.now(env);
        self.clock.follow(env.journal.clock(env.now), env.now);
        let check = inspection::time_never_goes_back(before.max(self.shown), self.now(env));
        env.check(check);
        self.shown = self.now(env);
        for command in std::mem::take(&mut self.commands) {
            self.command(command, env);
        }
        self.look_again(env);
        if !self.stands_still(env) {
            if let Some(gap) = self.pulse.beat(self.now(env)) {
                self.happen(&Event::Frozen { gap }, None, env);
            }
            if std::mem::take(&mut self.let_go) {
                self.happen(&Event::Recovered, None, env);
            }
            self.happen(&Event::Tick, None, env);
        }
        let changes = self.happen(&Event::Dispatch, None, env);
        if self.rounds.is_multiple_of(8) {
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

    fn stands_still(&self, env: &Environment) -> bool {
        self.is_cut_off || Pulse::is_stuck(self.commit_began, self.now(env))
    }

    /// Lets all workers go.
    fn cut_off(&mut self, env: &mut Environment) {
        self.is_cut_off = true;
        self.let_go = true;
        self.happen(&Event::CutOff, None, env);
        self.outboxes.clear();
        let links: Vec<LinkId> = self.connections.keys().copied().collect();
        for link in links {
            self.hang_up(link, env);
        }
    }

    fn command(&mut self, command: Command, env: &mut Environment) {
        match command {
            Command::Open { link, .. } if self.is_cut_off => self.hang_up(link, env),
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

    /// Asks to be woken at the next deadline.
    fn sleep(&mut self, env: &mut Environment) {
        let sessions = self.connections.values();
        let deadlines = sessions.map(|connection| connection.session.deadline());
        let next = if self.stands_still(env) {
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
