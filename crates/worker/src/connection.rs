//! One WebSocket to the engine: messages that are ready at the same time share a frame, and reading never waits for
//! writing.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Sink, Stream};
use serde::Serialize;
use tasker_protocol::{
    error::ErrorBody,
    frame::{
        EngineMessage, MAX_FRAME_BYTES, MAX_FRAME_MESSAGES, Unreadable, WorkerMessage, decode,
    },
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        self, Message as Frame,
        http::{Response, StatusCode},
        protocol::WebSocketConfig,
    },
};

use crate::endpoint::Endpoint;
use crate::private::Private;

/// Messages are gathered into one frame up to this many bytes. A single message stays well below the limit of a
/// frame, whose rest is left to it.
const GATHERED_BYTES: usize = MAX_FRAME_BYTES / 2;

/// How long the last words of a session may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why there is no connection, or none any more.
#[derive(Debug)]
pub(crate) struct Lost {
    /// A sentence for people.
    pub(crate) reason: String,
    /// The engine answered, and does not want this worker.
    pub(crate) refused: bool,
}

impl Lost {
    fn new(reason: impl ToString) -> Self {
        Self {
            reason: reason.to_string(),
            refused: false,
        }
    }
}

/// What comes in.
pub(crate) enum Arrival {
    /// The messages of one frame.
    Messages(Vec<Result<EngineMessage, Unreadable>>),
    /// A ping, a pong or a frame that carries no messages.
    Sign,
}

/// An open WebSocket.
pub(crate) struct Connection {
    socket: WebSocketStream<Counted>,
    outbox: VecDeque<WorkerMessage>,
    ping: bool,
    unflushed: bool,
    bytes_seen: u64,
}

impl Connection {
    pub(crate) async fn open(endpoint: Endpoint) -> Result<Self, Lost> {
        let stream = connect(&endpoint).await.map_err(Lost::new)?;
        // An outcome is worth more at once than in a full segment.
        stream.get_ref().set_nodelay(true).map_err(Lost::new)?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_FRAME_BYTES))
            .max_frame_size(Some(MAX_FRAME_BYTES));
        let counted = Counted { stream, read: 0 };
        match client_async_with_config(endpoint.request(), counted, Some(config)).await {
            Ok((socket, _)) => Ok(Self {
                bytes_seen: socket.get_ref().read,
                socket,
                outbox: VecDeque::new(),
                ping: false,
                unflushed: false,
            }),
            Err(tungstenite::Error::Http(response)) => Err(turned_away(&response)),
            Err(error) => Err(Lost::new(error)),
        }
    }

    pub(crate) fn send(&mut self, message: WorkerMessage) {
        self.outbox.push_back(message);
    }

    pub(crate) fn ping(&mut self) {
        self.ping = true;
    }

    /// Whether bytes have come since this was last asked. A large frame on a slow line is a sign of life long before
    /// it is complete.
    pub(crate) fn heard_more(&mut self) -> bool {
        let read = self.socket.get_ref().read;
        std::mem::replace(&mut self.bytes_seen, read) != read
    }

    /// Writes what is to be sent, as far as it goes, and waits for the next thing to come in. May be dropped and
    /// called again at any time.
    pub(crate) async fn next(&mut self) -> Result<Arrival, Lost> {
        poll_fn(|cx| {
            if let Poll::Ready(Err(lost)) = self.poll_write(cx) {
                return Poll::Ready(Err(lost));
            }
            self.poll_read(cx)
        })
        .await
    }

    /// Sends the rest and takes leave, so that nothing sent is lost with the connection.
    pub(crate) async fn close(mut self) {
        let farewell = async {
            poll_fn(|cx| self.poll_write(cx)).await?;
            self.socket.close(None).await.map_err(Lost::new)?;
            while poll_fn(|cx| Pin::new(&mut self.socket).poll_next(cx))
                .await
                .is_some_and(|frame| frame.is_ok())
            {}
            Ok::<(), Lost>(())
        };
        // The engine learns the same from the connection's end, only later.
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Lost>> {
        while self.ping || !self.outbox.is_empty() {
            match Pin::new(&mut self.socket).poll_ready(cx) {
                Poll::Ready(ready) => ready.map_err(Lost::new)?,
                Poll::Pending => return Poll::Pending,
            }
            let frame = if std::mem::take(&mut self.ping) {
                Frame::Ping(tungstenite::Bytes::new())
            } else {
                Frame::text(gather(&mut self.outbox))
            };
            Pin::new(&mut self.socket)
                .start_send(frame)
                .map_err(Lost::new)?;
            self.unflushed = true;
        }
        if self.unflushed {
            match Pin::new(&mut self.socket).poll_flush(cx) {
                Poll::Ready(flushed) => flushed.map_err(Lost::new)?,
                Poll::Pending => return Poll::Pending,
            }
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Arrival, Lost>> {
        let frame = match Pin::new(&mut self.socket).poll_next(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => return Poll::Ready(Err(Lost::new("the engine hung up"))),
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(Lost::new(error))),
            Poll::Ready(Some(Ok(frame))) => frame,
        };
        Poll::Ready(match frame {
            Frame::Text(text) => Ok(Arrival::Messages(decode(&text))),
            Frame::Close(Some(close)) if !close.reason.is_empty() => Err(Lost::new(format!(
                "the engine closed the session: {}",
                close.reason
            ))),
            Frame::Close(_) => Err(Lost::new("the engine closed the session")),
            Frame::Ping(_) | Frame::Pong(_) | Frame::Binary(_) | Frame::Frame(_) => {
                Ok(Arrival::Sign)
            }
        })
    }
}

/// The first connection that comes about, of those to the addresses that the name has.
async fn connect(endpoint: &Endpoint) -> io::Result<Private<TcpStream>> {
    let mut failed = io::Error::other("its name has no address");
    for address in lookup_host(endpoint.address()).await? {
        match Private::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// A frame of the first messages of the outbox, at least one.
fn gather(outbox: &mut VecDeque<WorkerMessage>) -> String {
    let mut messages = Vec::with_capacity(1);
    let mut bytes = 0;
    while let Some(message) = outbox.pop_front() {
        let text = text(&message);
        let is_full = bytes + text.len() > GATHERED_BYTES || messages.len() == MAX_FRAME_MESSAGES;
        if !messages.is_empty() && is_full {
            outbox.push_front(message);
            break;
        }
        bytes += text.len() + 1;
        messages.push(text);
    }
    match messages.pop() {
        Some(only) if messages.is_empty() => only,
        last => {
            messages.extend(last);
            format!("[{}]", messages.join(","))
        }
    }
}

fn text(message: &impl Serialize) -> String {
    // Writing JSON fails for maps whose keys are no strings and for writers that fail; messages have neither.
    serde_json::to_string(message).expect("a message is JSON")
}

/// The engine answered the request for a session with something else.
fn turned_away(response: &Response<Option<Vec<u8>>>) -> Lost {
    let status = response.status();
    let body = response.body().as_deref().unwrap_or_default();
    let reason = match serde_json::from_slice::<ErrorBody>(body) {
        Ok(body) => format!("the engine answered {status}: {}", body.error.message),
        Err(_) if status == StatusCode::UNAUTHORIZED => {
            format!("the engine answered {status}: TASKER_TOKEN differs from the engine's")
        }
        Err(_) => format!("the engine answered {status}"),
    };
    // What a proxy says when there is much to do, or something took long, may pass.
    let may_pass = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    Lost {
        reason,
        refused: status.is_client_error() && !may_pass,
    }
}

/// Counts what was read.
struct Counted {
    stream: Private<TcpStream>,
    read: u64,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.read += (buffer.filled().len() - before) as u64;
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
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
    use serde_json::value::RawValue;
    use tasker_protocol::frame::Outcome;
    use uuid::Uuid;

    use super::*;
    use crate::fake_engine::FakeEngine;

    fn ready(count: u32) -> VecDeque<WorkerMessage> {
        (0..count)
            .map(|slots| WorkerMessage::Ready { slots })
            .collect()
    }

    #[test]
    fn messages_that_are_ready_together_share_a_frame() {
        let mut one = ready(1);
        assert_eq!(gather(&mut one), r#"{"ready":{"slots":0}}"#);
        let mut three = ready(3);
        assert_eq!(
            gather(&mut three),
            r#"[{"ready":{"slots":0}},{"ready":{"slots":1}},{"ready":{"slots":2}}]"#
        );
        assert!(one.is_empty() && three.is_empty());
    }

    #[test]
    fn a_frame_takes_no_more_than_the_engine_reads() {
        let results = format!("\"{}\"", "x".repeat(GATHERED_BYTES / 2));
        let outcome = |attempt| {
            WorkerMessage::Outcome(Outcome {
                task_uuid: Uuid::nil(),
                step_uuid: Uuid::nil(),
                attempt,
                success: true,
                results: Some(RawValue::from_string(results.clone()).expect("JSON").into()),
                error: None,
                metadata: None,
                create_steps: None,
                batches: None,
                logs: None,
            })
        };
        let mut outbox: VecDeque<_> = (1..=3).map(outcome).collect();
        outbox.push_back(WorkerMessage::Leaving {
            running: Vec::new(),
        });
        let frames: Vec<_> = std::iter::from_fn(|| {
            let any = !outbox.is_empty();
            any.then(|| gather(&mut outbox).len() < MAX_FRAME_BYTES)
        })
        .collect();
        assert_eq!(frames, [true, true, true]);
    }

    #[test]
    fn more_messages_than_a_frame_takes_are_in_two() {
        let mut outbox = ready(MAX_FRAME_MESSAGES as u32 + 1);
        let first = decode::<WorkerMessage>(&gather(&mut outbox));
        assert_eq!(first.len(), MAX_FRAME_MESSAGES);
        assert_eq!(gather(&mut outbox), r#"{"ready":{"slots":16384}}"#);
    }

    #[test]
    fn an_answer_that_may_be_another_next_time_is_no_refusal() {
        let refuses = |code: u16| {
            let mut response = Response::new(None);
            *response.status_mut() = StatusCode::from_u16(code).expect("a status");
            turned_away(&response).refused
        };
        let codes = [401, 403, 404, 408, 426, 429, 500, 502, 503];
        assert_eq!(
            codes.map(refuses),
            [true, true, true, false, true, false, false, false, false]
        );
    }

    #[tokio::test]
    async fn a_frame_that_is_still_coming_in_is_a_sign_of_life() {
        let engine = FakeEngine::start();
        let endpoint = Endpoint::new(&engine.url(), None).expect("a good address");
        let accepted = std::thread::spawn(move || engine.accept());
        let mut connection = Connection::open(endpoint).await.expect("connects");
        let mut session = accepted.join().expect("accepts");
        assert!(!connection.heard_more());

        session.write_raw(b"\x81\x05he");
        let stream = connection.socket.get_ref().stream.get_ref();
        stream.readable().await.expect("bytes come");
        let read = poll_fn(|cx| Poll::Ready(connection.poll_read(cx).is_ready())).await;

        assert!(!read, "half a frame is no arrival");
        assert!(connection.heard_more());
        assert!(!connection.heard_more());
    }
}
