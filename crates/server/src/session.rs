//! The thin shell around a worker's session: the socket and the clock; what they mean is decided by the core's gateway.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::ws::{Message, WebSocket};
use futures_util::{SinkExt, StreamExt};
use tasker_core::gateway::{Output, Session};
use tasker_core::worker::SessionId;
use tasker_protocol::frame::{EngineMessage, encode};
use tokio::sync::mpsc;

use crate::command::Command;
use crate::service::Running;

/// Messages that share a frame at the most.
const MESSAGES_PER_FRAME: usize = 1024;

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
                    let _ = self.engine.commands.send(command).await;
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
    let frame = encode(messages)
        .unwrap_or_else(|error| unreachable!("messages serialise into memory: {error}"));
    messages.clear();
    socket.send(Message::Text(frame.into())).await
}
