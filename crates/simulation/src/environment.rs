//! What every process of a run shares: time, chance, the schedule, the network, the journal, and what is measured.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use tasker_core::Time;

use crate::chance::Chance;
use crate::clock::START;
use crate::engine::{EngineInput, JournalAnswer};
use crate::invariants::{Check, Violation};
use crate::journal::{self, Append, Journal, Ticket};
use crate::ledger::Ledger;
use crate::network::{Item, LinkId, Network, Side};
use crate::plan::Plan;
use crate::schedule::{EngineId, Happening, Process, Schedule, WorkerId};
use crate::trace::{Note, Trace};
use crate::workflow::Workflow;

/// How long a message or a commit may take that is slow.
const SLOW: Duration = Duration::from_secs(1);

/// How long a commit may take that stalls: the engine's time stands still after the first second of it.
const STALLED: Duration = Duration::from_secs(5);

/// Everything but the processes.
#[derive(Debug)]
pub struct Environment {
    /// The run's seed.
    pub seed: u64,
    /// The true time.
    pub now: Time,
    /// Delays and faults.
    pub chance: Chance,
    /// How the run is.
    pub plan: Plan,
    /// What will happen.
    pub schedule: Schedule,
    /// The links.
    pub network: Network,
    /// The journal.
    pub journal: Journal,
    /// What is durable, and what handlers did.
    pub ledger: Ledger,
    /// What happened.
    pub trace: Trace,
    /// The workflows by the hashes of their templates.
    pub workflows: BTreeMap<String, Rc<Workflow>>,
    /// The engine that whoever connects meets.
    pub front: Option<EngineId>,
    /// Engines that were superseded and still run.
    pub superseded: Vec<EngineId>,
    /// Whether faults are over.
    pub healed: bool,
    /// When something last became durable.
    pub progressed: Time,
    /// The first invariant that did not hold.
    pub violation: Option<Violation>,
}

impl Environment {
    /// The world of a seed, empty. `adjust` may change its plan.
    pub fn new(seed: u64, print: bool, adjust: impl FnOnce(&mut Plan)) -> Environment {
        let mut chance = Chance::new(seed);
        let mut plan = Plan::random(&mut chance);
        adjust(&mut plan);
        let workflows = (0..plan.workflows)
            .map(|number| Rc::new(Workflow::random(number, &mut chance)))
            .map(|workflow| (workflow.graph.hash.clone(), workflow))
            .collect();
        Environment {
            seed,
            now: START,
            chance,
            plan,
            schedule: Schedule::default(),
            network: Network::default(),
            journal: Journal::default(),
            ledger: Ledger::default(),
            trace: Trace::new(print),
            workflows,
            front: None,
            superseded: Vec::new(),
            healed: false,
            progressed: crate::clock::START,
            violation: None,
        }
    }

    /// Keeps what an invariant says, if it is the first that does not hold.
    pub fn check(&mut self, check: Check) {
        if let Err(violation) = check {
            self.violation.get_or_insert(violation);
        }
    }

    /// The workflow of this name.
    pub fn workflow(&self, name: &str) -> Rc<Workflow> {
        let named = |workflow: &&Rc<Workflow>| workflow.graph.name == name;
        let workflow = self.workflows.values().find(named);
        Rc::clone(workflow.unwrap_or_else(|| panic!("there is no workflow {name}")))
    }

    /// Adds a note to the trace.
    pub fn note(&mut self, note: Note) {
        self.trace.note(self.now, note);
    }

    /// Adds what a commit adds to the trace.
    pub fn note_rows(&mut self, append: &Append) {
        self.progressed = self.now;
        for row in &append.rows {
            if row.created.is_some() {
                self.note(Note::Created(row.task));
            }
            for (record, _) in journal::records(&row.records, &row.payload) {
                self.note(Note::Recorded(row.task, record));
            }
        }
    }

    /// Lets something happen after a while.
    pub fn after(&mut self, wait: Duration, happening: Happening) {
        self.schedule.add(self.now + wait, happening);
    }

    /// How long a message takes.
    pub fn latency(&mut self) -> Duration {
        self.usually(self.plan.latency)
    }

    /// How long a commit takes.
    pub fn commit(&mut self) -> Duration {
        if !self.healed && self.chance.permille(self.plan.stalled) {
            return self.chance.duration(SLOW, STALLED);
        }
        self.usually(self.plan.commit)
    }

    fn usually(&mut self, (low, high): (Duration, Duration)) -> Duration {
        let slow = !self.healed && self.chance.permille(self.plan.slow);
        let high = if slow { SLOW } else { high };
        self.chance.duration(low, high)
    }

    /// Whether a request to the journal goes wrong.
    pub fn loses_commit(&mut self) -> bool {
        !self.healed && self.chance.permille(self.plan.lost_commits)
    }

    /// An engine's connection to the journal breaks: it learns that a request has no answer.
    pub fn lose_journal(&mut self, engine: EngineId, ticket: Ticket) {
        let wait = self.commit();
        let lost = EngineInput::Journal(ticket, JournalAnswer::Lost);
        self.after(wait, Happening::Engine(engine, lost));
    }

    /// Sends an item over a link.
    pub fn send(&mut self, link: LinkId, to: Side, item: Item) {
        let at = self.now + self.latency();
        if let Some(arrival) = self.network.send(link, to, item, at) {
            self.schedule.add(arrival, Happening::Arrival(link, to));
        }
    }

    /// Closes a link from one side: what was sent before arrives, what comes from now on does not.
    pub fn close(&mut self, link: LinkId, from: Side) {
        self.send(link, from.other(), Item::Closed);
        self.network.lose(link, from, 0);
        self.network.silence(link, from);
    }

    /// A worker asks for a link. It is told at once that there is none where nobody listens.
    pub fn connect(&mut self, worker: WorkerId) -> LinkId {
        let nobody = EngineId(u32::MAX);
        let mut target = self.front;
        if !self.healed && !self.superseded.is_empty() && self.chance.permille(300) {
            target = Some(self.chance.pick(&self.superseded));
        }
        let link = self.network.connect(worker, target.unwrap_or(nobody));
        match target {
            Some(engine) => {
                self.note(Note::Linked(link, worker, engine));
                self.send(link, Side::Engine, Item::Open);
            }
            None => self.close(link, Side::Engine),
        }
        link
    }

    /// A process is gone: its peers are told, or not, and may miss the end of what it sent.
    pub fn cut_off(&mut self, process: Process) {
        let links: Vec<(LinkId, Side)> = self
            .network
            .alive()
            .filter_map(|(id, link)| match process {
                Process::Engine(engine) => (link.engine == engine).then_some((id, Side::Engine)),
                Process::Worker(worker) => (link.worker == worker).then_some((id, Side::Worker)),
            })
            .collect();
        for (link, side) in links {
            let peer = side.other();
            let sent = self.network.on_the_way(link, peer);
            let kept = self.chance.below(sent + 1);
            self.network.lose(link, peer, kept);
            if !self.healed && self.chance.permille(150) {
                self.network.silence(link, peer);
            }
            self.close(link, side);
        }
    }
}
