//! A proxy that sends what only reads to another server session, as one does that balances between a primary and its
//! standbys. It knows what reads as Pgpool-II does: a SELECT on its own, without a function that may write.

use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};

use super::pooler::{answer, body, connect, message};

pub struct Balancer {
    port: u16,
}

impl Balancer {
    pub async fn to(server: u16) -> Balancer {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.expect("connections arrive");
                // A client that goes away ends its own task only.
                tokio::spawn(async move { drop(serve(client, server).await) });
            }
        });
        Balancer { port }
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}

async fn serve(mut client: TcpStream, server: u16) -> std::io::Result<()> {
    let startup = body(&mut client).await?;
    let (mut primary, greeting) = connect(server, &startup).await?;
    let (mut standby, _) = connect(server, &startup).await?;
    client.write_all(&greeting).await?;
    loop {
        let question = message(&mut client).await?;
        let text = String::from_utf8_lossy(&question[5..]);
        let reads = text.starts_with("SELECT") && !text.contains("pg_is_in_recovery");
        let session = if reads { &mut standby } else { &mut primary };
        session.write_all(&question).await?;
        answer(session, &mut client).await?;
    }
}
