//! Stands between an engine and PostgreSQL, and counts the SQL statements that pass.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use tokio::io::{self, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Longer messages than this are passed on in pieces; none is longer than a startup message may be.
const PIECE: usize = 64 << 10;

/// A way to PostgreSQL on which statements are counted.
pub struct Proxy {
    /// The database at the proxy's address.
    pub url: String,
    statements: Arc<AtomicU64>,
}

impl Proxy {
    /// Listens for connections to the database at `url`, until the process ends.
    pub async fn start(url: &str) -> Result<Proxy> {
        let (before, address) = url.rsplit_once('@').context("a URL with a user")?;
        let (address, database) = address.split_once('/').context("a URL with a database")?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("{before}@{}/{database}", listener.local_addr()?);
        let statements = Arc::new(AtomicU64::new(0));
        let (server, counter) = (address.to_owned(), Arc::clone(&statements));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server.clone(), Arc::clone(&counter)));
            }
        });
        Ok(Proxy { url, statements })
    }

    /// Statements that have passed, of every connection.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }
}

/// Passes one connection's bytes on, both ways, until either end closes it.
async fn pass(client: TcpStream, server: String, counter: Arc<AtomicU64>) -> io::Result<()> {
    let server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, mut to_client) = client.into_split();
    let (mut from_server, to_server) = server.into_split();
    tokio::select! {
        result = requests(BufReader::new(from_client), to_server, &counter) => result,
        result = io::copy(&mut from_server, &mut to_client) => result.map(drop),
    }
}

/// Passes messages on and counts those that run a statement: `Query` and `Execute`.
async fn requests(
    mut from: BufReader<OwnedReadHalf>,
    mut to: OwnedWriteHalf,
    counter: &AtomicU64,
) -> io::Result<()> {
    // The first message alone has no kind.
    message(&mut from, &mut to).await?;
    loop {
        let kind = from.read_u8().await?;
        if matches!(kind, b'Q' | b'E') {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        to.write_u8(kind).await?;
        message(&mut from, &mut to).await?;
    }
}

/// Passes on a message's length, which counts itself, and its content.
async fn message(from: &mut BufReader<OwnedReadHalf>, to: &mut OwnedWriteHalf) -> io::Result<()> {
    let length = from.read_u32().await?;
    to.write_u32(length).await?;
    let mut left = (length as usize).saturating_sub(4);
    let mut piece = vec![0; left.min(PIECE)];
    while left > 0 {
        let part = &mut piece[..left.min(PIECE)];
        from.read_exact(part).await?;
        to.write_all(part).await?;
        left -= part.len();
    }
    Ok(())
}
