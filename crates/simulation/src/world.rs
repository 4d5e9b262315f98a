//! The processes of a run, and the loop that lets one thing happen after another.

mod breakage;
mod ending;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::client::{ClientInput, Clients};
use crate::engine::{EngineInput, EngineProcess, JournalAnswer};
use crate::environment::Environment;
use crate::journal::{Appended, Ticket};
use crate::ledger::Moment;
use crate::network::{Item, LinkId, Side};
use crate::plan::Plan;
use crate::schedule::{EngineId, Happening, JournalRequest, Process, WorkerId};
use crate::trace::Note;
use crate::worker::{Life, WorkerInput, WorkerProcess};

/// How often a run is looked at as a whole.
const INSPECTION: Duration = Duration::from_millis(200);

/// A process, and what waits for it while it stands still.
#[derive(Debug)]
struct Running<P, I> {
    process: P,
    frozen: bool,
    backlog: Vec<I>,
}

impl<P, I> Running<P, I> {
    fn new(process: P) -> Running<P, I> {
        Running {
            process,
            frozen: false,
            backlog: Vec::new(),
        }
    }
}

/// Everything.
#[derive(Debug)]
pub struct World {
    /// What the processes share.
    pub env: Environment,
    /// Things that have happened.
    pub events: u64,
    engines: BTreeMap<EngineId, Running<EngineProcess, EngineInput>>,
    workers: BTreeMap<WorkerId, Running<WorkerProcess, WorkerInput>>,
    clients: Clients,
    last_engine: u32,
    last_worker: u32,
    finished: bool,
}

impl World {
    /// The world of a seed, before anything has happened. `adjust` may change its plan.
    pub fn new(seed: u64, print: bool, adjust: impl FnOnce(&mut Plan)) -> World {
        let mut env = Environment::new(seed, print, adjust);
        env.after(Duration::ZERO, Happening::StartEngine);
        for seat in 0..env.plan.seats.len() {
            let wait = env
                .chance
                .duration(Duration::from_micros(1), Duration::from_secs(1));
            env.after(wait, Happening::StartWorker(seat));
        }
        for (fault, mean) in env.plan.faults.clone() {
            let wait = env.chance.wait(mean);
            env.after(wait, Happening::Fault(fault));
        }
        env.after(env.plan.chaos, Happening::Heal);
        env.after(INSPECTION, Happening::Inspect);
        let clients = Clients::start(&mut env);
        World {
            env,
            events: 0,
            engines: BTreeMap::new(),
            workers: BTreeMap::new(),
            clients,
            last_engine: 0,
            last_worker: 0,
            finished: false,
        }
    }

    /// Runs until all is done or an invariant does not hold.
    pub fn run(&mut self) {
        while !self.finished && self.env.violation.is_none() {
            let Some((at, happening)) = self.env.schedule.take() else {
                return;
            };
            self.env.now = at;
            self.events += 1;
            self.happen(happening);
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Arrival(link, side) => self.arrival(link, side),
            Happening::Engine(engine, input) => self.engine(engine, input),
            Happening::Worker(worker, input) => self.worker(worker, input),
            Happening::Journal(engine, ticket, request) => self.journal(engine, ticket, request),
            Happening::Client(input) => self.clients.handle(input, &mut self.env),
            Happening::Fault(fault) => self.fault(fault),
            Happening::Thaw(process) => self.thaw(process),
            Happening::StartEngine => self.start_engine(),
            Happening::KillEngine(engine) => self.end_engine(engine, "replaced"),
            Happening::StartWorker(seat) => self.start_worker(seat),
            Happening::Heal => self.heal(),
            Happening::Inspect => self.inspect(),
        }
    }

    fn arrival(&mut self, link: LinkId, side: Side) {
        let Some(ends) = self.env.network.link(link) else {
            return;
        };
        let (worker, engine) = (ends.worker, ends.engine);
        let Some(item) = self.env.network.receive(link, side) else {
            return;
        };
        match &item {
            Item::Frame(text) => self.env.note(Note::Frame(link, side, text.clone())),
            Item::Closed => self.env.note(Note::Closed(link, side)),
            Item::Open | Item::Opened | Item::Sign => {}
        }
        match side {
            Side::Engine => self.engine(engine, EngineInput::Arrived(link, item)),
            Side::Worker => self.worker(worker, WorkerInput::Arrived(link, item)),
        }
    }

    fn engine(&mut self, id: EngineId, input: EngineInput) {
        let Some(engine) = self.engines.get_mut(&id) else {
            // Nobody is there any more.
            match input {
                EngineInput::Arrived(link, _) => self.env.close(link, Side::Engine),
                EngineInput::Request(request, _) => {
                    let lost = ClientInput::Lost(request);
                    self.clients.handle(lost, &mut self.env);
                }
                EngineInput::Journal(..)
                | EngineInput::CutOff(_)
                | EngineInput::Round
                | EngineInput::Wake => {}
            }
            return;
        };
        if engine.frozen {
            engine.backlog.push(input);
        } else if engine.process.handle(input, &mut self.env) != Life::On {
            self.end_engine(id, "fenced");
        }
    }

    fn worker(&mut self, id: WorkerId, input: WorkerInput) {
        let Some(worker) = self.workers.get_mut(&id) else {
            if let WorkerInput::Arrived(link, _) = input {
                self.env.close(link, Side::Worker);
            }
            return;
        };
        if worker.frozen {
            worker.backlog.push(input);
            return;
        }
        match worker.process.handle(input, &mut self.env) {
            Life::On => {}
            Life::Over => self.end_worker(id, "left"),
            Life::Crashed => self.end_worker(id, "crashed"),
        }
    }

    fn journal(&mut self, engine: EngineId, ticket: Ticket, request: JournalRequest) {
        let env = &mut self.env;
        let (answer, lost) = match request {
            JournalRequest::TakeOver => {
                (JournalAnswer::Owned(env.journal.take_over(engine)), false)
            }
            JournalRequest::Read => {
                let time = env.journal.clock(env.now);
                (JournalAnswer::Tasks(env.journal.open_tasks(), time), false)
            }
            JournalRequest::Find(task) => {
                let stored = env.journal.task(task).cloned();
                (JournalAnswer::Found(task, stored), false)
            }
            JournalRequest::Texts { wanted, fails } => {
                let texts = (!fails).then(|| env.journal.texts(&wanted));
                (JournalAnswer::Texts(wanted, texts), false)
            }
            JournalRequest::Append {
                epoch,
                number,
                append,
                answer_lost,
            } => {
                let appended = env.journal.append(epoch, number, &append);
                env.note(Note::Appended(engine, appended, append.rows.len()));
                if appended == Appended::Durable {
                    env.note_rows(&append);
                    let truth = env.now;
                    let moment = Moment { truth, engine };
                    let check = env.ledger.committed(&append, &env.workflows, moment);
                    env.check(check);
                }
                let answer = match appended {
                    Appended::Durable => JournalAnswer::Durable,
                    Appended::Fenced => JournalAnswer::Fenced,
                };
                (answer, answer_lost)
            }
            JournalRequest::Rejoin {
                epoch,
                doubt,
                answer_lost,
            } => {
                let answer = match env.journal.raise(engine, epoch) {
                    Some(raised) => {
                        JournalAnswer::Rejoined(raised, env.journal.is_committed(doubt))
                    }
                    None => JournalAnswer::Fenced,
                };
                (answer, answer_lost)
            }
        };
        if lost {
            env.lose_journal(engine, ticket);
        } else {
            let wait = env.commit();
            let input = EngineInput::Journal(ticket, answer);
            env.after(wait, Happening::Engine(engine, input));
        }
    }

    fn start_engine(&mut self) {
        if let Some(superseded) = self.env.front {
            let wait = self
                .env
                .chance
                .duration(Duration::from_millis(10), Duration::from_secs(30));
            self.env.after(wait, Happening::KillEngine(superseded));
            self.env.superseded.push(superseded);
        }
        self.last_engine += 1;
        let id = EngineId(self.last_engine);
        self.env.note(Note::Started(Process::Engine(id)));
        self.env.front = Some(id);
        let process = EngineProcess::start(id, &mut self.env);
        self.engines.insert(id, Running::new(process));
    }

    fn end_engine(&mut self, id: EngineId, why: &'static str) {
        if self.engines.remove(&id).is_none() {
            return;
        }
        let process = Process::Engine(id);
        self.env.note(Note::Ended(process, why));
        self.env.superseded.retain(|engine| *engine != id);
        self.env.cut_off(process);
        self.clients.lose(id, &mut self.env);
        if self.env.front == Some(id) {
            self.env.front = None;
            let wait = self
                .env
                .chance
                .duration(Duration::from_millis(1), Duration::from_secs(5));
            self.env.after(wait, Happening::StartEngine);
        }
    }

    fn start_worker(&mut self, seat: usize) {
        self.last_worker += 1;
        let id = WorkerId(self.last_worker);
        self.env.note(Note::Started(Process::Worker(id)));
        let process = WorkerProcess::start(id, seat, &mut self.env);
        self.workers.insert(id, Running::new(process));
    }

    fn end_worker(&mut self, id: WorkerId, why: &'static str) {
        let Some(worker) = self.workers.remove(&id) else {
            return;
        };
        let process = Process::Worker(id);
        self.env.note(Note::Ended(process, why));
        self.env.cut_off(process);
        let wait = self
            .env
            .chance
            .duration(Duration::from_millis(1), Duration::from_secs(5));
        self.env
            .after(wait, Happening::StartWorker(worker.process.seat));
    }
}
