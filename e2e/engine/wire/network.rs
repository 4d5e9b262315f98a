//! What lies between the engine and PostgreSQL, and can be slow, silent and cut.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tasker_e2e::settings::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How it is at present.
#[derive(Clone, Copy, Default)]
struct Condition {
    /// Nothing passes.
    held: bool,
    /// What passes is under way for so long.
    delay: Duration,
    /// Rises when all connections are cut.
    cuts: u64,
}

/// A relay in this test, for an engine that is started with its URL.
pub struct Network {
    url: String,
    condition: Arc<watch::Sender<Condition>>,
}

impl Network {
    pub async fn to_postgres() -> Result<Network> {
        let Settings { host, postgres, .. } = Settings::read()?;
        let listener = TcpListener::bind((host, 0)).await?;
        let url = format!("postgres://tasker@{}/tasker", listener.local_addr()?);
        let condition = Arc::new(watch::Sender::new(Condition::default()));
        let accepting = Arc::clone(&condition);
        tokio::spawn(async move {
            while let Ok((engine, _)) = listener.accept().await {
                if let Ok(server) = TcpStream::connect(&postgres).await {
                    tokio::spawn(relay(engine, server, accepting.subscribe()));
                }
            }
        });
        Ok(Network { url, condition })
    }

    /// What the engine connects with.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Lets nothing pass; connections stay.
    pub fn hold(&self) {
        self.condition
            .send_modify(|condition| condition.held = true);
    }

    /// Lets everything pass, at once.
    pub fn pass(&self) {
        self.condition.send_modify(|condition| {
            condition.held = false;
            condition.delay = Duration::ZERO;
        });
    }

    /// Lets everything pass, each piece so much later.
    pub fn delay(&self, delay: Duration) {
        self.condition
            .send_modify(|condition| condition.delay = delay);
    }

    /// Cuts all connections, with what is under way.
    pub fn cut(&self) {
        self.condition.send_modify(|condition| condition.cuts += 1);
    }
}

async fn relay(
    engine: TcpStream,
    server: TcpStream,
    mut condition: watch::Receiver<Condition>,
) -> Result<()> {
    engine.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_engine, to_engine) = engine.into_split();
    let (from_server, to_server) = server.into_split();
    let cuts = condition.borrow().cuts;
    tokio::select! {
        ended = pass(from_engine, to_server, condition.clone()) => ended,
        ended = pass(from_server, to_engine, condition.clone()) => ended,
        _ = condition.wait_for(|now| now.cuts > cuts) => Ok(()),
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut condition: watch::Receiver<Condition>,
) -> Result<()> {
    let mut piece = vec![0; 1 << 16];
    loop {
        let length = from.read(&mut piece).await?;
        if length == 0 {
            return Ok(());
        }
        let delay = condition.wait_for(|now| !now.held).await?.delay;
        tokio::time::sleep(delay).await;
        to.write_all(&piece[..length]).await?;
    }
}
