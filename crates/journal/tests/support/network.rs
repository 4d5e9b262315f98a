//! What lies between the journal and PostgreSQL, and can be cut at a chosen moment.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Notify, watch},
};

/// The next thing to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// The next message to the server is lost, and its connection with it.
    LoseQuestion,
    /// The next message to the journal is lost, and its connection with it.
    LoseAnswer,
}

/// A relay on this machine.
pub struct Network {
    port: u16,
    state: Arc<State>,
}

struct State {
    fault: Mutex<Fault>,
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
            fault: Mutex::new(Fault::None),
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
        *self.state.fault.lock().unwrap() = Fault::LoseQuestion;
    }

    /// Loses the next message that the server sends. The journal never sees it.
    pub fn lose_next_answer(&self) {
        *self.state.fault.lock().unwrap() = Fault::LoseAnswer;
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

async fn relay(journal: TcpStream, server: TcpStream, state: Arc<State>) {
    let mut cuts = state.cuts.subscribe();
    let (from_journal, to_journal) = journal.into_split();
    let (from_server, to_server) = server.into_split();
    // Whichever ends first ends both directions.
    tokio::select! {
        () = pump(from_journal, to_server, &state, Fault::LoseQuestion) => {}
        () = pump(from_server, to_journal, &state, Fault::LoseAnswer) => {}
        _ = cuts.changed() => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: &State, losing: Fault) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        {
            let mut fault = state.fault.lock().unwrap();
            if *fault == losing {
                *fault = Fault::None;
                state.struck.notify_one();
                return;
            }
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
