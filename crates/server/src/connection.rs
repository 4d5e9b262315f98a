//! Connections: how many there are at once, and how long one may be silent in the midst of a request or leave an answer
//! unread.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, Sleep, sleep};

/// Connections at the most: further ones wait until one ends.
const CONNECTIONS: usize = 10_000;

/// How long a client may take for a request's head, the time between two requests included.
const HEAD: Duration = Duration::from_secs(90);

/// How long a client may read nothing of what is sent to it.
const UNREAD: Duration = Duration::from_secs(30);

/// Between attempts to accept a connection when that fails, as it does without a free file descriptor.
const RETRY: Duration = Duration::from_millis(100);

/// Serves until `closing` says so, and then until the requests that are under way are answered. Who connects meanwhile is
/// answered too, one request each: that this engine is stopping says more than a refused connection.
pub async fn serve(listener: TcpListener, router: Router, mut closing: watch::Receiver<bool>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = async {
            // It is never closed.
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, accept(&listener).await)
        };
        let stops = closing.clone();
        tokio::select! {
            (slot, stream) = accepted => {
                let router = router.clone();
                tokio::spawn(async move {
                    converse(stream, router, stops).await;
                    drop(slot);
                });
            }
            () = closed(&mut closing) => break,
        }
    }
    let ended = slots.acquire_many(CONNECTIONS as u32);
    let mut ended = pin!(ended);
    loop {
        tokio::select! {
            _ = &mut ended => break,
            stream = accept(&listener) => {
                let (router, stops) = (router.clone(), closing.clone());
                tokio::spawn(converse(stream, router, stops));
            }
        }
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!("a connection cannot be accepted: {error}");
                sleep(RETRY).await;
            }
        }
    }
}

async fn closed(closing: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which closes too.
    let _ = closing.wait_for(|closing| *closing).await;
}

async fn converse(stream: TcpStream, router: Router, mut closing: watch::Receiver<bool>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::warn!("TCP_NODELAY: {error}");
    }
    let is_late = *closing.borrow();
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD);
    server.keep_alive(!is_late);
    let io = TokioIo::new(Patient::new(UNREAD, stream));
    let connection = server.serve_connection(io, TowerToHyperService::new(router));
    let mut connection = pin!(connection.with_upgrades());
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = closed(&mut closing), if !is_late => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("a connection ended: {error}");
    }
}

/// A stream that fails when its peer reads nothing for a while, though there is something to read.
struct Patient<S> {
    stream: S,
    patience: Duration,
    /// Runs while a write waits.
    given_up: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    fn new(patience: Duration, stream: S) -> Patient<S> {
        Patient {
            stream,
            patience,
            given_up: None,
        }
    }

    fn written<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.given_up = None;
            return written;
        }
        let deadline = Instant::now() + self.patience;
        let given_up = self
            .given_up
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        ready!(given_up.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_nothing_is_given_up_and_one_that_reads_slowly_is_not() {
        let (near, mut far) = duplex(4);
        let mut near = Patient::new(UNREAD, near);
        let reading = async {
            let mut bytes = [0; 1];
            for _ in 0..4 {
                sleep(UNREAD - Duration::from_secs(1)).await;
                far.read_exact(&mut bytes).await?;
            }
            io::Result::Ok(())
        };
        let (written, read) = tokio::join!(near.write_all(b"12345678"), reading);
        assert!(written.is_ok() && read.is_ok());
        let begun = Instant::now();
        let error = near.write_all(b"9").await.expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed().as_secs(), UNREAD.as_secs());
    }
}
