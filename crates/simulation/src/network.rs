//! Links between workers and engines. Each direction keeps its order, as TCP does; a link may lose the end of what was
//! sent, break with or without either side being told, or fall silent.

use std::collections::{BTreeMap, VecDeque};

use tasker_core::Time;

use crate::schedule::{EngineId, WorkerId};

/// A connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub u64);

/// An end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The engine's.
    Engine,
    /// The worker's.
    Worker,
}

impl Side {
    /// The other end.
    pub fn other(self) -> Side {
        match self {
            Side::Engine => Side::Worker,
            Side::Worker => Side::Engine,
        }
    }
}

/// What goes over a link.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// The worker asks for a session.
    Open,
    /// The engine agrees.
    Opened,
    /// A text frame.
    Frame(String),
    /// A ping, to the engine, or a pong, to the worker.
    Sign,
    /// The link is closed, in order or not.
    Closed,
}

/// All links.
#[derive(Debug, Default)]
pub struct Network {
    links: BTreeMap<LinkId, Link>,
    last: u64,
}

/// One link.
#[derive(Debug)]
pub struct Link {
    /// The worker at its one end.
    pub worker: WorkerId,
    /// The engine at its other end.
    pub engine: EngineId,
    to_engine: Pipe,
    to_worker: Pipe,
}

#[derive(Debug, Default)]
struct Pipe {
    items: VecDeque<Item>,
    last_arrival: Time,
    /// Whether what is sent from now on vanishes.
    shut: bool,
}

impl Link {
    fn pipe(&mut self, to: Side) -> &mut Pipe {
        match to {
            Side::Engine => &mut self.to_engine,
            Side::Worker => &mut self.to_worker,
        }
    }

    /// Whether anything can still be sent.
    pub fn is_alive(&self) -> bool {
        !(self.to_engine.shut && self.to_worker.shut)
    }
}

impl Network {
    /// A new link.
    pub fn connect(&mut self, worker: WorkerId, engine: EngineId) -> LinkId {
        self.last += 1;
        let id = LinkId(self.last);
        let link = Link {
            worker,
            engine,
            to_engine: Pipe::default(),
            to_worker: Pipe::default(),
        };
        self.links.insert(id, link);
        id
    }

    /// A link.
    pub fn link(&self, id: LinkId) -> Option<&Link> {
        self.links.get(&id)
    }

    /// The links that are not broken on both ways.
    pub fn alive(&self) -> impl Iterator<Item = (LinkId, &Link)> {
        self.links
            .iter()
            .filter(|(_, link)| link.is_alive())
            .map(|(id, link)| (*id, link))
    }

    /// Sends an item that arrives at `at` or, if it would overtake, with the one before it. The time of its arrival,
    /// unless it vanishes.
    pub fn send(&mut self, id: LinkId, to: Side, item: Item, at: Time) -> Option<Time> {
        let pipe = self.links.get_mut(&id)?.pipe(to);
        if pipe.shut {
            return None;
        }
        pipe.shut = item == Item::Closed;
        pipe.items.push_back(item);
        pipe.last_arrival = pipe.last_arrival.max(at);
        Some(pipe.last_arrival)
    }

    /// What arrives next at a side. None when it was lost.
    pub fn receive(&mut self, id: LinkId, to: Side) -> Option<Item> {
        let link = self.links.get_mut(&id)?;
        let item = link.pipe(to).items.pop_front();
        if !link.is_alive() && link.to_engine.items.is_empty() && link.to_worker.items.is_empty() {
            self.links.remove(&id);
        }
        item
    }

    /// How many items are on their way to a side.
    pub fn on_the_way(&self, id: LinkId, to: Side) -> usize {
        self.links.get(&id).map_or(0, |link| match to {
            Side::Engine => link.to_engine.items.len(),
            Side::Worker => link.to_worker.items.len(),
        })
    }

    /// Loses what is on its way to a side, but for the first `kept` items. What is sent later goes on behind them.
    pub fn lose(&mut self, id: LinkId, to: Side, kept: usize) {
        if let Some(link) = self.links.get_mut(&id) {
            link.pipe(to).items.truncate(kept);
        }
    }

    /// Lets what is sent to a side from now on vanish.
    pub fn silence(&mut self, id: LinkId, to: Side) {
        if let Some(link) = self.links.get_mut(&id) {
            link.pipe(to).shut = true;
        }
    }
}
