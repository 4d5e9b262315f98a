//! A stream that fails when its peer reads nothing for a while, though there is something to read, and tells when all is
//! written.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// A stream that fails when its peer reads nothing for a while, though there is something to read, and calls `W` each time
/// that all is written.
pub struct Patient<S, W> {
    stream: S,
    patience: Duration,
    /// Runs while a write waits.
    given_up: Option<Pin<Box<Sleep>>>,
    when_written: W,
}

impl<S, W> Patient<S, W> {
    /// Waits so long for its peer.
    pub fn new(patience: Duration, stream: S, when_written: W) -> Patient<S, W> {
        Patient {
            stream,
            patience,
            given_up: None,
            when_written,
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

impl<S: AsyncRead + Unpin, W: Unpin> AsyncRead for Patient<S, W> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin, W: Fn() + Unpin> AsyncWrite for Patient<S, W> {
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

    /// Whoever writes has given all of it to `poll_write` before.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.stream).poll_flush(context));
        (self.when_written)();
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const UNREAD: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_nothing_is_given_up_and_one_that_reads_slowly_is_not() {
        let (near, mut far) = duplex(4);
        let mut near = Patient::new(UNREAD, near, || {});
        let reading = async {
            let mut bytes = [0; 1];
            for _ in 0..4 {
                tokio::time::sleep(UNREAD - Duration::from_secs(1)).await;
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
