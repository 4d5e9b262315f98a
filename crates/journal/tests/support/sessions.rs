//! A proxy with a pool of sessions that may be used up: it takes every client's connection, and serves so many.

use std::sync::Arc;

use tokio::{
    io::{AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

use super::pooler::{body, connect};

pub struct SessionPool {
    port: u16,
}

impl SessionPool {
    pub async fn to(server: u16, size: usize) -> SessionPool {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let free = Arc::new(Semaphore::new(size));
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.expect("connections arrive");
                let free = free.clone();
                // A client that goes away ends its own task only.
                tokio::spawn(async move { drop(serve(client, server, free).await) });
            }
        });
        SessionPool { port }
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}

async fn serve(mut client: TcpStream, server: u16, free: Arc<Semaphore>) -> std::io::Result<()> {
    let startup = body(&mut client).await?;
    // The client is greeted with what some server session has said, whether or not there is one for it.
    let (greeted, greeting) = connect(server, &startup).await?;
    drop(greeted);
    client.write_all(&greeting).await?;
    let _served = free.acquire().await.expect("it is never closed");
    let (mut session, _) = connect(server, &startup).await?;
    copy_bidirectional(&mut client, &mut session).await?;
    Ok(())
}
