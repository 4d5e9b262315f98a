//! What lies between the journal and PostgreSQL, and can be cut at a chosen moment.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Notify, watch},
};

/// A message that gets lost, after so many others in its direction, and its connection with it.
struct Loss {
    direction: Direction,
    after: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToServer,
    ToJournal,
}

/// A relay on this machine.
pub struct Network {
    port: u16,
    state: Arc<State>,
}

struct State {
    server: AtomicU16,
    /// The losses to come, one after the other.
    losses: Mutex<VecDeque<Loss>>,
    struck: Notify,
    /// Counts up when all connections are to be cut.
    cuts: watch::Sender<u64>,
    /// Whether new connections are refused.
    down: watch::Sender<bool>,
}

impl Network {
    pub async fn to(server: u16) -> Network {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let state = Arc::new(State {
            server: AtomicU16::new(server),
            losses: Mutex::default(),
            struck: Notify::new(),
            cuts: watch::Sender::new(0),
            down: watch::Sender::new(false),
        });
        let accepting = state.clone();
        tokio::spawn(async move {
            loop {
                let (journal, _) = listener.accept().await.expect("connections arrive");
                if *accepting.down.borrow() {
                    continue;
                }
                let server = accepting.server.load(Ordering::Relaxed);
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else {
                    continue;
                };
                tokio::spawn(relay(journal, server, accepting.clone()));
            }
        });
        Network { port, state }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Loses the next message that the journal sends. The server never sees it.
    pub fn lose_next_question(&self) {
        self.lose_question(0);
    }

    /// Loses the next message that the server sends. The journal never sees it.
    pub fn lose_next_answer(&self) {
        self.lose_answer(0);
    }

    /// Loses a message that the journal sends, after so many others, once what was to be lost before is.
    pub fn lose_question(&self, after: usize) {
        self.lose(Direction::ToServer, after);
    }

    /// Loses a message that the server sends, after so many others, once what was to be lost before is.
    pub fn lose_answer(&self, after: usize) {
        self.lose(Direction::ToJournal, after);
    }

    fn lose(&self, direction: Direction, after: usize) {
        let loss = Loss { direction, after };
        self.state.losses.lock().unwrap().push_back(loss);
    }

    /// Loses nothing any more. Returns whether something was still to be lost.
    pub fn heal(&self) -> bool {
        let mut losses = self.state.losses.lock().unwrap();
        let left = !losses.is_empty();
        losses.clear();
        left
    }

    /// Leads new connections to another server.
    pub fn lead_to(&self, server: u16) {
        self.state.server.store(server, Ordering::Relaxed);
    }

    /// Returns once the loss has happened.
    pub async fn struck(&self) {
        self.state.struck.notified().await;
    }

    /// Cuts all connections and refuses new ones.
    pub fn go_down(&self) {
        self.state.down.send_replace(true);
        self.state.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Takes connections again.
    pub fn come_up(&self) {
        self.state.down.send_replace(false);
    }

    /// Cuts all connections.
    pub fn cut(&self) {
        self.state.cuts.send_modify(|cuts| *cuts += 1);
    }
}

impl State {
    /// Whether a message in this direction is lost; otherwise the next loss has come nearer.
    fn loses(&self, direction: Direction) -> bool {
        let mut losses = self.losses.lock().unwrap();
        match losses.front_mut() {
            Some(loss) if loss.direction == direction => match loss.after.checked_sub(1) {
                Some(fewer) => loss.after = fewer,
                None => return losses.pop_front().is_some(),
            },
            _ => {}
        }
        false
    }
}

async fn relay(journal: TcpStream, server: TcpStream, state: Arc<State>) {
    let mut cuts = state.cuts.subscribe();
    let (from_journal, to_journal) = journal.into_split();
    let (from_server, to_server) = server.into_split();
    // Whichever ends first ends both directions.
    tokio::select! {
        () = pump(from_journal, to_server, &state, Direction::ToServer) => {}
        () = pump(from_server, to_journal, &state, Direction::ToJournal) => {}
        _ = cuts.changed() => {}
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    state: &State,
    direction: Direction,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if state.loses(direction) {
            state.struck.notify_one();
            return;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
