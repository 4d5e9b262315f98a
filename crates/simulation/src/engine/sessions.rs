//! Workers' sessions: what the server's task for each of them does with its socket.

use std::collections::BTreeSet;

use tasker_core::Event;
use tasker_core::gateway::{Output, Session};
use tasker_core::worker::SessionId;
use tasker_protocol::frame::{EngineMessage, encode};

use super::serving::{Command, Serving};
use crate::environment::Environment;
use crate::network::{Item, LinkId, Side};

/// A worker's session.
#[derive(Debug)]
pub struct Connection {
    id: SessionId,
    pub(super) session: Session,
    outbox: Vec<EngineMessage>,
    closing: bool,
}

impl Serving {
    /// Something comes over a link.
    pub(super) fn arrived(&mut self, link: LinkId, item: Item, env: &mut Environment) {
        let now = self.now(env);
        if item == Item::Open && self.is_cut_off {
            return env.close(link, Side::Engine);
        }
        if item == Item::Open {
            self.last_session += 1;
            let id = SessionId(self.last_session);
            let connection = Connection {
                id,
                session: Session::new(id, now),
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

    /// Time passes for all sessions.
    pub(super) fn tick_sessions(&mut self, env: &mut Environment) {
        let now = self.now(env);
        let links: Vec<LinkId> = self.connections.keys().copied().collect();
        for link in links {
            if let Some(connection) = self.connections.get_mut(&link) {
                let outputs = connection.session.tick(now);
                self.carry_out(link, outputs, env);
                self.flush(link, env);
            }
        }
    }

    /// Closes the session that another one has replaced.
    pub(super) fn replace(&mut self, session: SessionId, env: &mut Environment) {
        if let Some(link) = self.outboxes.remove(&session) {
            self.hang_up(link, env);
        }
    }

    /// Closes a session whose messages nobody will send any more.
    pub(super) fn hang_up(&mut self, link: LinkId, env: &mut Environment) {
        if let Some(connection) = self.connections.get_mut(&link) {
            connection.closing = true;
        }
        self.flush(link, env);
    }

    /// Sends what is said to sessions that are still there.
    pub(super) fn say(&mut self, messages: Vec<(SessionId, EngineMessage)>, env: &mut Environment) {
        let mut said = BTreeSet::new();
        for (session, message) in messages {
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
                    self.round_soon(env);
                }
                Output::Fetch(fetch) => {
                    let session = connection.id;
                    self.commands.push(Command::Fetch { session, fetch });
                    self.round_soon(env);
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
}
