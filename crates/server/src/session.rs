//! The thin shell around a worker's session: the socket and the clock; what they mean is decided by the core's gateway.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::ws::{Message, WebSocket};
use futures_util::{SinkExt, StreamExt};
use tasker_core::gateway::{Output, Session};
use tasker_core::worker::SessionId;
use tasker_protocol::frame::{EngineMessage, MAX_FRAME_BYTES};
use tokio::sync::mpsc;

use crate::command::Command;
use crate::service::Running;

/// Messages that share a frame at the most.
const MESSAGES_PER_FRAME: usize = 1024;

/// Messages share a frame up to this many bytes. A single message stays well below the limit of a frame, whose rest is
/// left to it.
const GATHERED_BYTES: usize = MAX_FRAME_BYTES / 2;

static NEXT_SESSION: AtomicU64 = AtomicU64::new(1);

/// Serves one worker until its session is over.
pub async fn serve(mut socket: WebSocket, engine: Arc<Running>) {
    let id = SessionId(NEXT_SESSION.fetch_add(1, Ordering::Relaxed));
    let (outbox, mut inbox) = mpsc::unbounded_channel();
    let mut shell = Shell {
        id,
        session: Session::new(id, engine.clock.now()),
        engine,
        outbox: Some(outbox),
        messages: Vec::new(),
        close: false,
    };
    while !shell.close {
        let deadline = shell.engine.clock.instant(shell.session.deadline());
        tokio::select! {
            frame = socket.next() => match frame {
                Some(Ok(Message::Text(text))) => {
                    let outputs = shell.session.frame(&text, shell.engine.clock.now());
                    shell.carry_out(outputs).await;
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => shell.session.heard(shell.engine.clock.now()),
            },
            count = inbox.recv_many(&mut shell.messages, MESSAGES_PER_FRAME) => {
                // The engine has dropped its end: another session of the same process has replaced this one.
                shell.close = count == 0;
            }
            () = tokio::time::sleep_until(deadline) => {
                let outputs = shell.session.tick(shell.engine.clock.now());
                shell.carry_out(outputs).await;
            }
        }
        if send(&mut socket, &mut shell.messages).await.is_err() {
            break;
        }
    }
    let outputs = shell.session.closed();
    shell.carry_out(outputs).await;
    // The peer may be gone already.
    let _ = socket.close().await;
}

struct Shell {
    id: SessionId,
    session: Session,
    engine: Arc<Running>,
    /// Given to the engine when the session opens.
    outbox: Option<mpsc::UnboundedSender<EngineMessage>>,
    messages: Vec<EngineMessage>,
    close: bool,
}

impl Shell {
    async fn carry_out(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send(message) => {
                    if let EngineMessage::Rejected(rejection) | EngineMessage::Error(rejection) =
                        &message
                    {
                        tracing::warn!(
                            session = self.id.0,
                            worker = self.session.worker_id().unwrap_or("unknown"),
                            code = ?rejection.code,
                            "a worker's message is refused: {}",
                            rejection.message
                        );
                    }
                    self.messages.push(message);
                }
                Output::Register(templates) => {
                    let result = self.engine.register(&templates).await;
                    let epoch = self.engine.epoch();
                    let outputs = self.session.registered(result, epoch);
                    Box::pin(self.carry_out(outputs)).await;
                }
                Output::Event(event, texts) => {
                    let command = match (&event, self.outbox.take()) {
                        (tasker_core::Event::Opened { .. }, Some(outbox)) => {
                            Command::Open { event, outbox }
                        }
                        (_, outbox) => {
                            self.outbox = outbox;
                            Command::Session { event, texts }
                        }
                    };
                    // The engine ends only with the process.
                    let _ = self.engine.admission.wait(command).await;
                }
                Output::Fetch(fetch) => {
                    let session = self.id;
                    let command = Command::Fetch { session, fetch };
                    // The engine ends only with the process.
                    let _ = self.engine.admission.wait(command).await;
                }
                Output::Close => self.close = true,
            }
        }
    }
}

async fn send(
    socket: &mut WebSocket,
    messages: &mut Vec<EngineMessage>,
) -> Result<(), axum::Error> {
    if messages.is_empty() {
        return Ok(());
    }
    let frames = frames(messages);
    messages.clear();
    for frame in frames {
        socket.feed(Message::Text(frame.into())).await?;
    }
    socket.flush().await
}

/// The messages in as few frames as their size allows. Each is written where it is sent from: a busy session's are many.
fn frames(messages: &[EngineMessage]) -> Vec<String> {
    let mut frames = Vec::with_capacity(1);
    let mut frame = Vec::new();
    let mut count = 0;
    for message in messages {
        let end = frame.len();
        frame.push(if count == 0 { b'[' } else { b',' });
        serde_json::to_writer(&mut frame, message)
            .unwrap_or_else(|error| unreachable!("a message serialises into memory: {error}"));
        if count > 0 && frame.len() > GATHERED_BYTES {
            let mut next = frame.split_off(end);
            next[0] = b'[';
            frames.push(text(std::mem::replace(&mut frame, next), count));
            count = 0;
        }
        count += 1;
    }
    frames.push(text(frame, count));
    frames
}

/// A frame of so many messages: without the array that it begins if there is only one.
fn text(mut frame: Vec<u8>, messages: usize) -> String {
    if messages == 1 {
        frame.remove(0);
    } else {
        frame.push(b']');
    }
    String::from_utf8(frame).unwrap_or_else(|error| unreachable!("JSON is UTF-8: {error}"))
}

#[cfg(test)]
mod tests {
    use tasker_protocol::error::ErrorCode;
    use tasker_protocol::frame::{Rejection, decode};

    use super::*;

    fn of_size(bytes: usize) -> EngineMessage {
        EngineMessage::Error(Rejection {
            code: ErrorCode::Internal,
            message: "x".repeat(bytes),
        })
    }

    #[test]
    fn small_messages_share_a_frame() {
        assert_eq!(
            frames(&[EngineMessage::Drain {}]),
            [r#"{"drain":{}}"#.to_owned()]
        );
        assert_eq!(
            frames(&[EngineMessage::Drain {}, EngineMessage::Drain {}]),
            [r#"[{"drain":{}},{"drain":{}}]"#.to_owned()]
        );
    }

    #[test]
    fn large_messages_come_in_order_in_frames_that_a_worker_reads() {
        let sizes = [
            1,
            MAX_FRAME_BYTES / 4,
            MAX_FRAME_BYTES / 4,
            2,
            MAX_FRAME_BYTES / 2,
            3,
        ];
        let frames = frames(&sizes.map(of_size));
        assert!(frames.iter().all(|frame| frame.len() < MAX_FRAME_BYTES));
        let read = frames.iter().map(|frame| {
            let messages = decode::<EngineMessage>(frame).into_iter();
            let sizes = messages.map(|message| match message {
                Ok(EngineMessage::Error(rejection)) => rejection.message.len(),
                other => panic!("{other:?}"),
            });
            sizes.collect()
        });
        let read: Vec<Vec<usize>> = read.collect();
        assert_eq!(
            read,
            [
                vec![1, MAX_FRAME_BYTES / 4],
                vec![MAX_FRAME_BYTES / 4, 2],
                vec![MAX_FRAME_BYTES / 2],
                vec![3]
            ]
        );
    }
}
