//! The loop that carries the session's effects out. It sleeps until the socket, the handle or a deadline wakes it.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep_until};
use tracing::{error, info, warn};

use crate::answers::Answers;
use crate::clock::Clock;
use crate::connection::{Arrival, Connection, Lost};
use crate::endpoint::Endpoint;
use crate::inbox::Inbox;
use crate::session::{Effect, Input, Message, Session};
use crate::status::Board;

/// Inputs of the handle that are taken in one go.
const MAX_INPUTS: usize = 1024;

type Opening = Pin<Box<dyn Future<Output = Result<Connection, Lost>> + Send>>;

/// The connection, if there is one.
enum Link {
    None,
    Opening(Opening),
    Open(Box<Connection>),
}

/// What the link has to say.
enum Event {
    Opened(Box<Connection>),
    Arrived(Arrival),
    Lost(Lost),
}

impl Link {
    /// Waits for what happens next; for ever when there is no connection. May be dropped and called again.
    async fn next(&mut self) -> Event {
        match self {
            Self::None => std::future::pending().await,
            Self::Opening(opening) => match opening.await {
                Ok(connection) => Event::Opened(Box::new(connection)),
                Err(lost) => Event::Lost(lost),
            },
            Self::Open(connection) => match connection.next().await {
                Ok(arrival) => Event::Arrived(arrival),
                Err(lost) => Event::Lost(lost),
            },
        }
    }
}

/// A session with its connection.
pub(crate) struct Driver {
    session: Session,
    /// In the order of the session's engines.
    endpoints: Vec<Endpoint>,
    link: Link,
    inbox: Arc<Inbox>,
    answers: Arc<Answers>,
    board: Arc<Board>,
    clock: Clock,
    effects: Vec<Effect>,
    deliveries: Vec<Message>,
}

impl Driver {
    pub(crate) fn new(
        session: Session,
        endpoints: Vec<Endpoint>,
        inbox: Arc<Inbox>,
        answers: Arc<Answers>,
        board: Arc<Board>,
    ) -> Self {
        Self {
            session,
            endpoints,
            link: Link::None,
            inbox,
            answers,
            board,
            clock: Clock::start(),
            effects: Vec::new(),
            deliveries: Vec::new(),
        }
    }

    /// Runs until the session has stopped. The end of `inputs` stops it.
    pub(crate) async fn run(mut self, mut inputs: UnboundedReceiver<Input>) {
        let mut taken = Vec::new();
        self.apply([Input::Tick]);
        while let Some(deadline) = self.session.deadline() {
            let wait = deadline.saturating_sub(self.clock.elapsed());
            let deadline = Instant::now() + wait;
            // The socket first: what has arrived counts before a deadline does. If it arrived while this process stood
            // still, the session knows.
            tokio::select! { biased;
                event = self.link.next() => self.happened(event),
                count = inputs.recv_many(&mut taken, MAX_INPUTS) => {
                    if count == 0 {
                        taken.push(Input::Stop);
                    }
                    self.apply(taken.drain(..));
                }
                () = sleep_until(deadline) => {
                    if let Link::Open(connection) = &mut self.link && connection.heard_more() {
                        self.apply([Input::Heard]);
                    } else {
                        self.apply([Input::Tick]);
                    }
                }
            }
        }
        if let Link::Open(connection) = self.link {
            connection.close().await;
        }
    }

    fn happened(&mut self, event: Event) {
        match event {
            Event::Opened(connection) => {
                self.link = Link::Open(connection);
                self.apply([Input::Connected]);
            }
            Event::Arrived(Arrival::Sign) => self.apply([Input::Heard]),
            Event::Arrived(Arrival::Messages(messages)) => {
                let readable = messages.into_iter().filter_map(|message| match message {
                    Ok(message) => Some(Input::Received(message)),
                    Err(unreadable) => {
                        error!("the engine sent what this worker cannot read: {unreadable}");
                        None
                    }
                });
                self.apply(std::iter::once(Input::Heard).chain(readable));
            }
            Event::Lost(Lost { reason, refused }) => {
                self.link = Link::None;
                self.apply([Input::Lost { reason, refused }]);
            }
        }
    }

    fn apply(&mut self, inputs: impl IntoIterator<Item = Input>) {
        let now = self.clock.elapsed();
        for input in inputs {
            self.session.handle(now, input, &mut self.effects);
        }
        let mut effects = std::mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            self.perform(effect);
        }
        self.effects = effects;
        self.board.update(&self.session);
        self.inbox.put(&mut self.deliveries);
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Connect(engine) => {
                let endpoint = self.endpoints[engine].clone();
                self.link = Link::Opening(Box::pin(Connection::open(endpoint)));
            }
            Effect::Disconnect => self.link = Link::None,
            Effect::Send(message) => {
                if let Link::Open(connection) = &mut self.link {
                    connection.send(message);
                }
            }
            Effect::Ping => {
                if let Link::Open(connection) = &mut self.link {
                    connection.ping();
                }
            }
            Effect::Deliver(message) => self.deliveries.push(message),
            Effect::Fetched(fetched) => self.answers.put(fetched),
            Effect::Inform(text) => info!("{text}"),
            Effect::Warn(text) => warn!("{text}"),
        }
    }
}
