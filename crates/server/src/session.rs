//! The thin shell around a worker's session: the socket and the clock; what they mean is decided by the core's gateway.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::ws::{Message, WebSocket};
use futures_util::StreamExt;
use tasker_core::gateway::{Output, Session};
use tasker_core::worker::SessionId;
use tasker_protocol::frame::EngineMessage;
use tokio::sync::mpsc;

use crate::command::Command;
use crate::running::Running;
use crate::writer::{self, Ended};

static NEXT_SESSION: AtomicU64 = AtomicU64::new(1);

/// Serves one worker until its session is over.
pub async fn serve(socket: WebSocket, engine: Arc<Running>) {
    let id = SessionId(NEXT_SESSION.fetch_add(1, Ordering::Relaxed));
    let (outbox, inbox) = mpsc::unbounded_channel();
    let (own, owned) = mpsc::unbounded_channel();
    let mut shell = Shell {
        id,
        session: Session::new(id, engine.clock.now()),
        engine,
        outbox: Some(outbox),
        own,
        close: false,
    };
    let (sink, mut frames) = socket.split();
    let mut writing = std::pin::pin!(writer::write(sink, inbox, owned, writer::PATIENCE));
    let mut written = None;
    while !shell.close {
        let deadline = shell.engine.clock.instant(shell.session.deadline());
        tokio::select! {
            frame = frames.next() => match frame {
                Some(Ok(Message::Text(text))) => {
                    let outputs = shell.session.frame(&text, shell.engine.clock.now());
                    shell.carry_out(outputs).await;
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => shell.session.heard(shell.engine.clock.now()),
            },
            ended = &mut writing => {
                written = Some(ended);
                break;
            }
            () = tokio::time::sleep_until(deadline) => {
                let outputs = shell.session.tick(shell.engine.clock.now());
                shell.carry_out(outputs).await;
            }
        }
    }
    if written == Some(Ended::Unread) {
        tracing::warn!(
            session = id.0,
            worker = shell.session.worker_id().unwrap_or("unknown"),
            "a worker is cut off: it has not read a frame for {:?}",
            writer::PATIENCE
        );
    }
    let outputs = shell.session.closed();
    shell.carry_out(outputs).await;
    // What the session had to say last is still written.
    drop(shell);
    if written.is_none() {
        writing.await;
    }
}

struct Shell {
    id: SessionId,
    session: Session,
    engine: Arc<Running>,
    /// Given to the engine when the session opens.
    outbox: Option<mpsc::UnboundedSender<EngineMessage>>,
    /// Where the session's own messages go.
    own: mpsc::UnboundedSender<EngineMessage>,
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
                    // The writer may have found the connection lost, which ends the session.
                    let _ = self.own.send(message);
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
                    // An engine that has ended has dropped the session's outbox, which ends the session.
                    let _ = self.engine.admission.wait(command).await;
                }
                Output::Fetch(fetch) => {
                    let session = self.id;
                    let command = Command::Fetch { session, fetch };
                    // An engine that has ended has dropped the session's outbox, which ends the session.
                    let _ = self.engine.admission.wait(command).await;
                }
                Output::Close => self.close = true,
            }
        }
    }
}
