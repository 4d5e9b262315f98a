//! Connections to the health port on which nobody says anything are closed: whoever leaves them open would have all that
//! the process may open.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A stream whose reads fail once nothing has come for so long.
#[derive(Debug)]
pub(crate) struct Idle<S> {
    stream: S,
    longest: Duration,
    /// Ends when the stream has been idle for that long.
    patience: Pin<Box<Sleep>>,
}

impl<S> Idle<S> {
    /// Within a runtime.
    pub(crate) fn new(stream: S, longest: Duration) -> Self {
        Self {
            stream,
            longest,
            patience: Box::pin(sleep(longest)),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Idle<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(cx, buffer) {
            let until = Instant::now() + self.longest;
            self.patience.as_mut().reset(until);
            return Poll::Ready(read);
        }
        ready!(self.patience.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Idle<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn a_stream_on_which_nothing_comes_ends() {
        let (_client, server) = duplex(1);
        let mut idle = Idle::new(server, Duration::from_millis(1));
        let ended = idle.read_u8().await.expect_err("nothing comes");
        assert_eq!(ended.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn whatever_comes_is_read_and_counts_anew() {
        let (mut client, server) = duplex(1);
        let mut idle = Idle::new(server, Duration::from_secs(20));
        let first = idle.patience.deadline();
        let (wrote, read) = tokio::join!(client.write_u8(7), idle.read_u8());
        wrote.expect("written");
        assert_eq!(read.expect("read"), 7);
        assert!(idle.patience.deadline() > first);
        idle.write_u8(8).await.expect("written");
        assert_eq!(client.read_u8().await.expect("read"), 8);
    }
}
