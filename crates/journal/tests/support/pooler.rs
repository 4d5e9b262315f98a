//! A proxy that gives a client another server session for each transaction, as transaction pooling does, or for each
//! statement. It speaks as much of the protocol as simple queries need.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

pub struct Pooler {
    port: u16,
}

/// What PgBouncer says where it pools statements.
const NO_TRANSACTIONS: &[u8] =
    b"SFATAL\0VFATAL\0C08P01\0Mtransaction blocks not allowed in statement pooling mode\0\0";

struct Pool {
    server: u16,
    of_statements: bool,
    /// The last one given back is the next to be taken.
    idle: Mutex<Vec<TcpStream>>,
}

impl Pooler {
    pub async fn to(server: u16) -> Pooler {
        Pooler::start(server, false).await
    }

    pub async fn of_statements(server: u16) -> Pooler {
        Pooler::start(server, true).await
    }

    async fn start(server: u16, of_statements: bool) -> Pooler {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let pool = Arc::new(Pool {
            server,
            of_statements,
            idle: Mutex::default(),
        });
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.expect("connections arrive");
                let pool = pool.clone();
                // A client that goes away ends its own task only.
                tokio::spawn(async move { drop(pool.serve(client).await) });
            }
        });
        Pooler { port }
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Pool {
    async fn serve(&self, mut client: TcpStream) -> std::io::Result<()> {
        let startup = body(&mut client).await?;
        // The client is greeted with what a server session said, and gets none until its first query.
        let (session, greeting) = connect(self.server, &startup).await?;
        client.write_all(&greeting).await?;
        self.idle.lock().unwrap().push(session);
        loop {
            let mut question = message(&mut client).await?;
            if self.of_statements && question[5..].starts_with(b"BEGIN") {
                client.write_u8(b'E').await?;
                client.write_u32(NO_TRANSACTIONS.len() as u32 + 4).await?;
                return client.write_all(NO_TRANSACTIONS).await;
            }
            let idle = self.idle.lock().unwrap().pop();
            let mut session = match idle {
                Some(session) => session,
                None => connect(self.server, &startup).await?.0,
            };
            loop {
                session.write_all(&question).await?;
                if answer(&mut session, &mut client).await? == b'I' {
                    break;
                }
                question = message(&mut client).await?;
            }
            self.idle.lock().unwrap().push(session);
        }
    }
}

/// A server session, and what it says to who connects.
pub(super) async fn connect(server: u16, startup: &[u8]) -> std::io::Result<(TcpStream, Vec<u8>)> {
    let mut session = TcpStream::connect(("127.0.0.1", server)).await?;
    session.write_all(startup).await?;
    let mut greeting = Vec::new();
    loop {
        let part = message(&mut session).await?;
        greeting.extend_from_slice(&part);
        if part[0] == b'Z' {
            return Ok((session, greeting));
        }
    }
}

/// Passes on the answer to one query and returns the transaction's state after it.
pub(super) async fn answer(session: &mut TcpStream, client: &mut TcpStream) -> std::io::Result<u8> {
    loop {
        let part = message(session).await?;
        client.write_all(&part).await?;
        if part[0] == b'Z' {
            return Ok(part[5]);
        }
    }
}

/// One message: a tag, its length, its body.
pub(super) async fn message(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut message = vec![stream.read_u8().await?];
    message.extend(body(stream).await?);
    Ok(message)
}

/// A message without a tag, as the first one is.
pub(super) async fn body(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let length = stream.read_u32().await?;
    let mut body = length.to_be_bytes().to_vec();
    body.resize(length as usize, 0);
    stream.read_exact(&mut body[4..]).await?;
    Ok(body)
}
